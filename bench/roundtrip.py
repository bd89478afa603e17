"""One call and its result, beside the same process started by hand with a bare GET and PUT on the store."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import jupyter_oscar as oscar
from jupyter_oscar.notebook.bridge import bridge

from .box import sandbox
from .report import Line, alternate, at_most

if TYPE_CHECKING:
    from collections.abc import Iterator

WORK = """
import os, numpy
data = open(os.environ["INPUT_FILE_PATH"], "rb").read()
numpy.frombuffer(data, "u1")[::-1].tofile(os.path.join(os.environ["TMP_OUTPUT_DIR"], "out.bin"))
"""
SCRIPT = f"python3 - <<'PYTHON'\n{WORK}\nPYTHON\n"
FDL = """
functions:
  oscar:
    - x:
        name: turn
        image: quay.io/jupyter/scipy-notebook:latest
        script: script.sh
        labels: {jupyter-oscar/tracked: "true"}
        input: [{path: turn/in}]
        output: [{path: turn/out}]
"""
DATA = os.urandom(100_000)


def lines() -> Iterator[Line]:
    """The promise of this file."""
    with sandbox() as box, tempfile.TemporaryDirectory() as folder:
        cluster = oscar.connect(endpoint=box.endpoint, user=box.user, password=box.password)
        Path(folder, "script.sh").write_text(SCRIPT)
        Path(folder, "fdl.yaml").write_text(FDL)
        cluster.deploy(Path(folder, "fdl.yaml"))
        env = {
            "PATH": f"{Path(sys.executable).parent}:{os.defpath}",
            "INPUT_FILE_PATH": f"{folder}/input",
            "TMP_OUTPUT_DIR": folder,
        }

        def ours() -> float:
            began = time.perf_counter()
            content = cluster.submit("turn", data=DATA).result(timeout=60).content
            seconds = time.perf_counter() - began
            assert content == DATA[::-1]
            return seconds

        def bare() -> float:
            files = cluster.client.store
            began = time.perf_counter()
            bridge.run(files.put("turn", ".oscar/bare", DATA))
            Path(folder, "input").write_bytes(bridge.run(files.get("turn", ".oscar/bare")))
            subprocess.run(["/bin/sh", "-c", SCRIPT], env=env, check=True)
            return time.perf_counter() - began

        yield at_most("a call and its result, 100 kB", alternate(ours, bare, 9), 1.5, "the bare process")
