"""The rules of the house: imports point one way, the import of the package is light, and nothing secret is
committed."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import jupyter_oscar

HOUSE = Path(jupyter_oscar.__file__).parent
# Which rooms each room may look into (DESIGN: the house). The sandbox and everybody else are strangers.
MAY_USE = {
    "client": set(),
    "flows": {"client"},
    "hpc": {"client"},
    "cwl": {"client"},
    "deploy": {"client"},
    "notebook": {"client", "flows", "hpc", "cwl", "deploy"},
    "server": {"client", "flows", "hpc", "cwl", "deploy"},
    "sandbox": set(),
    "cli": {"client", "flows", "hpc", "cwl", "deploy", "notebook", "server"},
}
ROOMS = [room for room in sorted(MAY_USE) if (HOUSE / room).is_dir()]


def imports(file: Path) -> set[str]:
    """Every module of ours that a file imports, also inside functions and for type checkers."""
    package = ["jupyter_oscar", *file.relative_to(HOUSE).parent.parts]
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            found |= {stem, *(f"{stem}.{name.name}" for name in node.names)}
    return {name for name in found if name.startswith("jupyter_oscar.")}


@pytest.mark.parametrize("room", ROOMS)
def test_imports_point_one_way(room: str) -> None:
    allowed = MAY_USE[room] | {room}
    for file in (HOUSE / room).rglob("*.py"):
        used = {name.split(".")[1] for name in imports(file)} & set(MAY_USE)
        assert used <= allowed, f"{file.relative_to(HOUSE)} looks into {sorted(used - allowed)}"


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_opens_with_a_paragraph(room: str) -> None:
    text = ast.get_docstring(ast.parse((HOUSE / room / "__init__.py").read_text(encoding="utf-8")))
    assert text is not None
    assert len(text.split()) > 20


def test_the_client_and_the_sandbox_know_nothing_of_jupyter_servers() -> None:
    for room in ("client", "sandbox"):
        for file in (HOUSE / room).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            for foreign in ("jupyter_server", "tornado", "ipywidgets", "IPython"):
                assert f"import {foreign}" not in text, file
                assert f"from {foreign}" not in text, file


def test_importing_the_package_loads_nothing_heavy() -> None:
    program = "import sys, json, jupyter_oscar; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout)
    heavy = {
        "httpx",
        "pydantic",
        "ipywidgets",
        "obstore",
        "s3fs",
        "tornado",
        "aiobotocore",
        "aiohttp",
        "yaml",
        "asyncio",
    }
    assert heavy.isdisjoint(loaded)


def test_listing_services_builds_no_models() -> None:
    program = "import sys, json, jupyter_oscar as o; o.connect; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout)
    assert {"pydantic", "obstore", "tenacity", "ipywidgets"}.isdisjoint(loaded)
