"""A map: requests per input, what it asks while it is watched, and the memory of ten thousand inputs."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import psutil

from .box import Box, sandbox
from .proxy import Proxy
from .report import Line, count
from .submits import EXAMPLE, far_cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_oscar.notebook.cluster import Cluster
    from jupyter_oscar.notebook.maps import Map

INPUTS = 1000
WATCHED = 500
# The promise is for a minute; where sending took long, the first list comes as soon as the minute begins.
WATCHED_SECONDS = 60
MANY = 10_000
MIB = 1024 * 1024
# What a job leaves in the bucket, written by another process: ten thousand real ones would take this machine an hour.
ENDS = """
import asyncio, json, sys
from obstore.store import S3Store
import obstore

async def main():
    where = json.loads(sys.stdin.readline())
    store = S3Store(where.pop("bucket"), client_options={"allow_http": True}, **where)
    gate = asyncio.Semaphore(16)
    done = json.dumps({"exit": 0, "began": 1, "ended": 2, "lines": "", "outputs": [{"name": "out.csv", "size": 4}]})
    async def one(folder):
        async with gate:
            await obstore.put_async(store, f"{folder}/out.csv", b"a,b\\n")
            await obstore.put_async(store, f"{folder}/.done", done.encode())
    await asyncio.gather(*(one(line.strip()) for line in sys.stdin))

asyncio.run(main())
"""


def lines() -> Iterator[Line]:
    """The promises of this file."""
    with sandbox("--hold") as box, Proxy(box.endpoint) as api, Proxy(box.s3_endpoint) as store:
        cluster = far_cluster(box, api.url, store.url)
        cluster.deploy(EXAMPLE)
        for run in (None, "night"):
            api.clear()
            store.clear()
            accepted(mapped(cluster, INPUTS, run))
            named = f", run={run!r}" if run else ""
            # A run has its names and its turn besides.
            puts = 1.01 if run is None else 1.02
            yield count(f"a map of {INPUTS}{named}: PUTs per input", store.requests["PUT"] / INPUTS, puts, "PUT")
            yield count(f"a map of {INPUTS}{named}: POSTs per input", api.requests["POST"] / INPUTS, 1, "POST")
        cluster.close()
    with sandbox("--hold") as box, Proxy(box.endpoint) as api:
        yield from watched(box, api)
    with sandbox("--hold") as box:
        yield memory(box)


def mapped(cluster: Cluster, inputs: int, run: str | None = None) -> Map:
    """A map of small inputs."""
    return cluster.map("gauges", text=(f"gauge,date,level_m\nx,2024-01-01,{i}\n" for i in range(inputs)), run=run)


def accepted(jobs: Map) -> None:
    """Wait until the cluster has taken all."""
    for job in jobs:
        job.accepted()


def watched(box: Box, api: Proxy) -> Iterator[Line]:
    """A map of which nothing is heard: none of its jobs is ever started."""
    cluster = far_cluster(box, api.url, box.s3_endpoint)
    cluster.deploy(EXAMPLE)
    jobs = mapped(cluster, WATCHED)
    accepted(jobs)
    api.clear()
    time.sleep(WATCHED_SECONDS)
    lists = api.asked["GET /system/logs/gauges"]
    logs = sum(many for asked, many in api.asked.items() if asked.startswith("GET /system/logs/gauges/"))
    cluster.close()
    yield count(f"a watched map of {WATCHED}, {WATCHED_SECONDS} s: jobs lists", lists, 1, "list")
    yield count(f"a watched map of {WATCHED}, {WATCHED_SECONDS} s: logs", logs, 0, "log")


def memory(box: Box) -> Line:
    """How far the kernel grows until the results of all are there."""
    cluster = far_cluster(box, box.endpoint, box.s3_endpoint)
    cluster.deploy(EXAMPLE)
    cluster.submit("gauges", text="warm").accepted()
    this, over, peak = psutil.Process(), threading.Event(), 0
    before = this.memory_info().rss

    def look() -> None:
        nonlocal peak
        while not over.wait(0.05):
            peak = max(peak, this.memory_info().rss)

    looking = threading.Thread(target=look)
    looking.start()
    jobs = mapped(cluster, MANY)
    accepted(jobs)
    end(cluster, [job.place[1] for job in jobs if job.place])
    found = jobs.results(timeout=1200)
    over.set()
    looking.join()
    assert len(found) == MANY
    cluster.close()
    return count(f"a map of {MANY:,} inputs to its results: memory", round((peak - before) / MIB), 150, "MiB")


def end(cluster: Cluster, folders: list[str]) -> None:
    """Write what jobs leave at their end."""
    from jupyter_oscar.notebook.bridge import bridge

    provider = bridge.run(cluster.client.config()).minio_provider
    where = {
        "bucket": "gauges",
        "endpoint": provider.endpoint,
        "region": "us-east-1",
        "access_key_id": provider.access_key,
        "secret_access_key": provider.secret_key.get_secret_value(),
    }
    told = "\n".join([json.dumps(where), *folders]) + "\n"
    subprocess.run([sys.executable, "-c", ENDS], input=told, text=True, check=True)
