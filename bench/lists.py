"""20,000 jobs of one service read over all their pages, beside the bare HTTP calls that it takes."""

from __future__ import annotations

import asyncio
import tempfile
import time
from typing import TYPE_CHECKING

import httpx

from jupyter_oscar.client.cluster import Cluster
from jupyter_oscar.client.credentials import Credentials, Secret
from jupyter_oscar.client.profiles import Profile

from .box import sandbox
from .jobs import history
from .report import Line, alternate, at_most

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .box import Box

JOBS = 20_000


def ours(box: Box) -> float:
    """Seconds for the typed rows of every job."""

    async def read() -> float:
        async with Cluster(Profile("bench", box.endpoint, Credentials(box.user, Secret(box.password)))) as cluster:
            await cluster.info()
            began = time.perf_counter()
            found = await cluster.jobs.list("line")
            seconds = time.perf_counter() - began
            assert len(found) == JOBS
            return seconds

    return asyncio.run(read())


def bare(box: Box) -> float:
    """Seconds for the same pages as JSON, by the same library."""

    async def read() -> float:
        async with httpx.AsyncClient(base_url=box.endpoint, auth=(box.user, box.password)) as api:
            await api.get("/system/info")
            began, count, token = time.perf_counter(), 0, None
            while True:
                answer = await api.get("/system/logs/line", params={"page": token} if token else None)
                body = answer.json()
                count += len(body["jobs"])
                token = body.get("next_page")
                if not token:
                    break
            seconds = time.perf_counter() - began
            assert count == JOBS
            return seconds

    return asyncio.run(read())


def lines() -> Iterator[Line]:
    """The promise of this file."""
    with tempfile.TemporaryDirectory() as folder:
        history(folder, JOBS)
        with sandbox(data=folder) as box:
            pairs = alternate(lambda: ours(box), lambda: bare(box))
    yield at_most(f"{JOBS:,} jobs over their pages", pairs, 1.2, "bare HTTP calls")
