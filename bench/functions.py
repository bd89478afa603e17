"""A function there and back beside the same process by hand, and 1,000 calls beside oscar-python's loop."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import jupyter_oscar as oscar
from jupyter_oscar.notebook.bridge import bridge

from .box import Box, sandbox
from .report import Line, alternate, at_least, at_most

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_oscar.notebook.cluster import Cluster

CALLS = 1000
BATCH = 100
# oscar-python has no batches: each call is a job, which the throttle starts one after the other. Scaled.
THEIRS = 50
IMAGE = f"python:{sys.version_info.major}.{sys.version_info.minor}-slim"
DATA = np.frombuffer(os.urandom(100_000), "u1")
WORK = """
import os, numpy
data = open(os.environ["INPUT_FILE_PATH"], "rb").read()
numpy.frombuffer(data, "u1")[::-1].tofile(os.path.join(os.environ["TMP_OUTPUT_DIR"], "out.bin"))
"""
BARE = f"python3 - <<'PYTHON'\n{WORK}\nPYTHON\n"
SQUARE = 'read -r n < "$INPUT_FILE_PATH"; echo $((n * n)) > "$TMP_OUTPUT_DIR/$(basename "$INPUT_FILE_PATH")"\n'
FDL = """
functions: {{oscar: [{{x: {{name: {name}, image: busybox, script: script.sh, input: [{{path: {name}/in}}],
  output: [{{path: {name}/out}}]}}}}]}}
"""


def turned(data: Any) -> Any:
    """The work of the bare process."""
    return data[::-1]


def lines() -> Iterator[Line]:
    """The promises of this file."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["JUPYTER_DATA_DIR"] = folder  # a key of its own
        with sandbox() as box:
            yield round_trip(box, folder)
        yield batches(folder)


def round_trip(box: Box, folder: str) -> Line:
    """A call of 100 kB, which numpy turns round."""
    cluster = oscar.connect(endpoint=box.endpoint, user=box.user, password=box.password)
    there = oscar.function(image=IMAGE, cluster=cluster)(turned)
    env = {
        "PATH": f"{Path(sys.executable).parent}:{os.defpath}",
        "INPUT_FILE_PATH": f"{folder}/input",
        "TMP_OUTPUT_DIR": folder,
    }
    bucket = there.submit(DATA).accepted().service

    def ours() -> float:
        began = time.perf_counter()
        value = there.submit(DATA).result(timeout=60)
        seconds = time.perf_counter() - began
        assert (value == DATA[::-1]).all()
        return seconds

    def bare() -> float:
        files = cluster.client.store
        began = time.perf_counter()
        bridge.run(files.put(bucket, ".oscar/bare", DATA.tobytes()))
        Path(folder, "input").write_bytes(bridge.run(files.get(bucket, ".oscar/bare")))
        subprocess.run(["/bin/sh", "-c", BARE], env=env, check=True)
        return time.perf_counter() - began

    line = at_most("a function and its value, 100 kB", alternate(ours, bare, 9), 1.5, "the bare process")
    cluster.close()
    return line


def batches(folder: str) -> Line:
    """1,000 values, until the last one is here; each side on a sandbox of its own with a real server's throttle."""

    def ours() -> float:
        with sandbox("--throttle") as box:
            cluster = oscar.connect(endpoint=box.endpoint, user=box.user, password=box.password)
            square = oscar.function(image=IMAGE, cluster=cluster)(lambda n: n * n)
            square.submit(1).result(60)  # the runner is made once, as their service is deployed
            began = time.perf_counter()
            found = square.map(range(CALLS), batch=BATCH).results(timeout=300)
            seconds = time.perf_counter() - began
            assert found == [n * n for n in range(CALLS)]
            cluster.close()
        return seconds

    def theirs() -> float:
        from oscar_python.client import Client as Other

        with sandbox("--throttle") as box:
            cluster = oscar.connect(endpoint=box.endpoint, user=box.user, password=box.password)
            Path(folder, "script.sh").write_text(SQUARE)
            Path(folder, "fdl.yaml").write_text(FDL.format(name="square"))
            cluster.deploy(Path(folder, "fdl.yaml"))
            where = {"cluster_id": "x", "endpoint": box.endpoint, "user": box.user, "password": box.password}
            other = Other({**where, "ssl": False})
            began = time.perf_counter()
            for n in range(THEIRS):
                other.run_service("square", input=f"{n}\n", async_call=True)
            # Its own word for the end of a job is the list, which the throttle makes slow: the bucket is kinder to it.
            while bridge.run(written(cluster)) < THEIRS:
                time.sleep(0.05)
            seconds = (time.perf_counter() - began) * CALLS / THEIRS
            cluster.close()
        return seconds

    name = f"{CALLS} function calls, {BATCH} a job, throttled (theirs: {THEIRS}, scaled)"
    return at_least(name, alternate(ours, theirs, 2), 15)


async def written(cluster: Cluster) -> int:
    """How many outputs are there."""
    return len([row async for row in cluster.client.store.list("square", "out/")])
