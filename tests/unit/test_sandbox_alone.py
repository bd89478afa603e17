"""The sandbox stays a stranger: it imports nothing of ours, and nothing of ours imports it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import jupyter_oscar

PACKAGE = Path(jupyter_oscar.__file__).parent


def imported(path):
    """The modules that a file names in its imports, relative ones spelled out."""
    module = ("jupyter_oscar", *path.relative_to(PACKAGE).with_suffix("").parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(module[: -node.level]) if node.level else ""
            base = f"{above}.{node.module or ''}".strip(".")
            yield from (f"{base}.{name.name}" for name in node.names)


def test_the_sandbox_imports_nothing_of_ours_but_the_version():
    ours = ("jupyter_oscar.sandbox", "jupyter_oscar.__version__")
    for path in (PACKAGE / "sandbox").glob("*.py"):
        foreign = [name for name in imported(path) if name.startswith("jupyter_oscar")]
        assert not [name for name in foreign if not name.startswith(ours)], path


def test_nobody_imports_the_sandbox():
    for path in PACKAGE.rglob("*.py"):
        if "sandbox" not in path.relative_to(PACKAGE).parts[:1]:
            assert not [name for name in imported(path) if name.startswith("jupyter_oscar.sandbox")], path


def test_the_command_line_loads_little():
    code = "import sys, jupyter_oscar.cli; print(sorted({'aiohttp', 'minio', 'httpx', 'yaml'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
