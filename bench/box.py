"""A sandbox of its own for a measurement."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Box:
    """A running sandbox."""

    endpoint: str
    s3_endpoint: str
    user: str
    password: str
    pid: int


@contextlib.contextmanager
def sandbox(*options: str, data: str = "") -> Iterator[Box]:
    """Start one, yield its address, stop it. Its files stay until all is measured (``__main__``), as does ``data``."""
    folder = tempfile.mkdtemp(prefix="box-")
    runtime = Path(folder, "runtime")
    runtime.mkdir()
    command = [sys.executable, "-m", "jupyter_oscar.sandbox", "--data", data or f"{folder}/data", *options]
    # The sandbox that is installed: a checkout's is compiled again at every start where no bytecode is written.
    env = {**os.environ, "JUPYTER_RUNTIME_DIR": str(runtime), "PYTHONSAFEPATH": "1"}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        if "error" in said:
            sys.exit(said["error"])
        announced = json.loads(next(runtime.glob("*.json")).read_text())
        try:
            yield Box(
                announced["endpoint"],
                announced["s3_endpoint"],
                announced["user"],
                announced["password"],
                announced["pid"],
            )
        finally:
            process.terminate()
            process.wait(30)
