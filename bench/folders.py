"""The first page of a folder of 100,000 objects: our route beside jupyter-fs over s3fs, on the same folder.

Ours is asked as the page asks it, through a Jupyter server; theirs in a process of its own, without the server's part.
It has no pages and lists a folder whole, which takes minutes where the store is slow: it is stopped when it has taken
twelve times as long as ours. On the sandbox's own store, and on MinIO where it is named by ``$MINIO`` or on PATH.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

import jupyter_oscar as oscar

from .box import Box, sandbox
from .bytes import minio
from .report import Line, alternate, at_least
from .server import TOKEN, server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_oscar.notebook.cluster import Cluster

OBJECTS = int(os.environ.get("BENCH_OBJECTS", "100000"))
# How many times as long as ours theirs may take before nobody waits for it.
PATIENCE = 12
LEAST_S = 2.0
PLACE = Path(__file__).parents[1] / "build" / "neighbours"

THEIRS = """
import json, sys
sys.path.append(sys.argv[1])
from jupyterfs.manager.fsspec import FSSpecManager
import s3fs
said = json.loads(sys.stdin.readline())
print("ready", flush=True)
for line in sys.stdin:
    manager = FSSpecManager("s3://large/", **said)
    found = manager.get("many", content=True, type="directory")
    print(len(found["content"]), flush=True)
"""


def neighbour() -> None:
    """Have jupyter-fs at hand, not in this environment: it would be an extension of every JupyterLab here."""
    if not (PLACE / "jupyterfs").is_dir():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(PLACE)]
        subprocess.run([*command, "jupyter-fs>=1.2,<2"], check=True)


class JupyterFs:
    """Theirs, in a process that is ended where it takes too long, and started again for the next time."""

    def __init__(self, cluster: Cluster) -> None:
        from jupyter_oscar.notebook.bridge import bridge

        where = bridge.run(cluster.client.storage())
        self._said = {
            "key": where.access_key,
            "secret": where.secret_key.get_secret_value(),
            "endpoint_url": where.endpoint,
            "skip_instance_cache": True,
        }
        self._process: subprocess.Popen[str] | None = None

    def __call__(self, longest: float) -> float:
        """Seconds that it took to list the folder, or ``longest``."""
        if self._process is None:
            command = [sys.executable, "-c", THEIRS, str(PLACE)]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            self._say(json.dumps(self._said))
            assert self._heard() == "ready"
        stop = threading.Timer(longest, self._process.kill)
        began = time.perf_counter()
        stop.start()
        self._say("go")
        found = self._heard()
        taken = time.perf_counter() - began
        stop.cancel()
        if found:
            assert int(found) == OBJECTS
            return taken
        self.end()
        assert taken >= longest, "jupyter-fs failed"
        return longest

    def _heard(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def _say(self, line: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def end(self) -> None:
        """End its process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def measure(address: str, cluster: Cluster, store: str) -> Iterator[Line]:
    """The promise on one store."""
    theirs, last = JupyterFs(cluster), [0.0]
    gave_up = [0]
    with httpx.Client(base_url=address, headers={"Authorization": f"token {TOKEN}"}, timeout=300) as page:
        place = "/jupyter-oscar/clusters/box/buckets/large/folder"

        def ours() -> float:
            began = time.perf_counter()
            answer = page.get(place, params={"prefix": "many/", "size": "200"})
            assert len(answer.raise_for_status().json()["objects"]) == min(200, OBJECTS)
            last[0] = time.perf_counter() - began
            return last[0]

        def other() -> float:
            longest = max(LEAST_S, PATIENCE * last[0])
            taken = theirs(longest)
            gave_up[0] += taken == longest
            return taken

        line = at_least(f"first page of {OBJECTS:,}, {store}", alternate(ours, other), 10)
    theirs.end()
    more = f", {gave_up[0]} stopped" if gave_up[0] else ""
    yield Line(line.name, line.measured + more, line.promise, line.ok)


async def fill(cluster: Cluster) -> None:
    """The folder, on a store that keeps no files."""
    store = await cluster.client.store.bucket("large")
    import obstore

    left = iter(range(OBJECTS))

    async def work() -> None:
        for number in left:
            await obstore.put_async(store, f"many/object-{number:06}.txt", b"x", use_multipart=False)

    await asyncio.gather(*(work() for _ in range(16)))


def lines() -> Iterator[Line]:
    """The promise."""
    neighbour()
    with tempfile.TemporaryDirectory(prefix="jupyter-oscar-bench-") as data, sandbox(data=data) as box:
        cluster = oscar.connect(endpoint=box.endpoint, user=box.user, password=box.password)
        cluster.minio.make_bucket("large")
        folder = Path(data, "buckets", "large", "many")
        folder.mkdir(parents=True)
        for number in range(OBJECTS):
            os.close(os.open(folder / f"object-{number:06}.txt", os.O_CREAT | os.O_WRONLY))
        with server(box) as (address, _):
            yield from measure(address, cluster, "the sandbox's store")
        cluster.close()
    with minio() as stub:
        if stub is None:
            print("MinIO is not measured: it is neither named by $MINIO nor on PATH", file=sys.stderr)
            return
        box = Box(stub, "", "oscar", "x", 0)
        cluster = oscar.connect(endpoint=stub, user=box.user, password=box.password)
        cluster.minio.make_bucket("large")
        from jupyter_oscar.notebook.bridge import bridge

        bridge.run(fill(cluster))
        with server(box) as (address, _):
            yield from measure(address, cluster, "MinIO")
        cluster.close()
