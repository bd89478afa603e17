"""What the README and the page of cells show is what happens."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jupyter_oscar as oscar
from jupyter_oscar.notebook.bucket import Bucket
from jupyter_oscar.notebook.cluster import Cluster
from jupyter_oscar.notebook.functions import Function
from jupyter_oscar.notebook.handles import Job
from jupyter_oscar.notebook.maps import Map
from jupyter_oscar.notebook.results import Output, Reply, Result
from jupyter_oscar.notebook.runs import Runs

ROOT = Path(__file__).parents[2]


def test_the_cell_of_the_readme_runs(sandbox: Any, tmp_path: Path) -> None:
    (cell,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    env = {name: value for name, value in os.environ.items() if not name.startswith("OSCAR_")}
    env |= {"HOME": sandbox.env["HOME"], "JUPYTER_RUNTIME_DIR": sandbox.env["JUPYTER_RUNTIME_DIR"]}
    program = cell.rstrip().replace("cluster.job(job.reference).status", "print(cluster.job(job.reference).status)")
    program += "\ncluster.delete('grayify')\n"
    said = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=90, check=False
    )
    assert said.stdout.splitlines()[-1].startswith("done"), said.stderr
    assert (tmp_path / "results" / "lake_gray.png").stat().st_size > 10_000


def test_the_page_of_cells_runs_and_leaves_out_no_method(sandbox: Any, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "cells.md").read_text(encoding="utf-8")
    for kind in (Cluster, Bucket, Job, Map, Function, Result, Reply, Output, Runs):
        for name in (name for name in vars(kind) if not name.startswith("_")):
            assert re.search(rf"\b{name}\b", page), f"{kind.__name__}.{name} is not on the page"
    assert all(f"`{name}" in page for name in oscar.__all__ if not name.startswith("_"))
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    env = {name: value for name, value in os.environ.items() if not name.startswith("OSCAR_")}
    env |= {"HOME": sandbox.env["HOME"], "JUPYTER_RUNTIME_DIR": sandbox.env["JUPYTER_RUNTIME_DIR"]}
    program = "\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL))
    (tmp_path / "page.py").write_text(program)  # a function travels with its source, which a file has
    done = subprocess.run(
        [sys.executable, "page.py"], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_first_call_runs(sandbox: Any, tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("OSCAR_")}
    env |= {"HOME": sandbox.env["HOME"], "JUPYTER_RUNTIME_DIR": sandbox.env["JUPYTER_RUNTIME_DIR"]}
    program = [sys.executable, str(ROOT / "examples" / "first_call.py")]
    said = subprocess.run(program, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=90, check=False)
    assert "wrote lake_gray.png" in said.stdout, said.stderr
    assert (tmp_path / "results" / "lake_gray.png").exists()
    oscar.connect(endpoint=sandbox.endpoint, user=sandbox.user, password=sandbox.password).delete("grayify")
