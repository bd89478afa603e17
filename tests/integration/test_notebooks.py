"""The example notebooks run top to bottom, and what they keep says something without a kernel."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parents[2] / "examples"
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def ran(sandbox: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The welcome notebook, run beside a copy of the examples by somebody with a sandbox."""
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    for name in list(os.environ):
        if name.startswith("OSCAR_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", sandbox.env["HOME"])
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", sandbox.env["JUPYTER_RUNTIME_DIR"])
    notebook = nbformat.read(tmp_path / "examples" / "welcome.ipynb", 4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "it is kept without outputs"
    folder = {"metadata": {"path": str(tmp_path / "examples")}}
    return NotebookClient(notebook, timeout=120, kernel_name="python3", resources=folder).execute()


def test_the_welcome_notebook_runs_and_reads_well_without_a_kernel(ran: Any) -> None:
    outputs = [output for cell in ran.cells for output in cell.get("outputs", [])]
    shown = [output for output in outputs if "data" in output]
    assert all("text/plain" in output.data for output in shown)
    assert any("image/png" in output.data for output in shown), "the grey lake"
    assert any("<th" in output.data.get("text/html", "") and "gauge" in output.data["text/html"] for output in shown)
    assert any("12 of 12" in output.data["text/plain"] for output in shown)
    assert any(output.data["text/plain"] == "'done'" for output in shown)
    assert any(output.data["text/plain"] == "(5.0, 5.0)" for output in shown), "the function, here and there"
    assert "token" not in nbformat.writes(ran).lower()
    kept = [output for output in shown if WIDGET in output.data]
    assert all("text/html" in output.data for output in kept), "a widget has a static form beside it"
