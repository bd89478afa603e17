"""Kernels that take turns on storage without conditional writes."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from jupyter_oscar.client.cluster import Cluster
from jupyter_oscar.client.credentials import Credentials, Secret
from jupyter_oscar.client.profiles import Profile
from jupyter_oscar.client.turns import LEASE, turn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.asyncio
BUCKET = "turns"


@pytest_asyncio.fixture
async def clusters(sandbox: Any) -> AsyncIterator[list[Cluster]]:
    """Six clients, as six kernels would have."""
    who = Credentials(sandbox.user, Secret(sandbox.password))
    made = [Cluster(Profile("box", sandbox.endpoint, who)) for _ in range(6)]
    await made[0].buckets.create(BUCKET)
    yield made
    await made[0].buckets.delete(BUCKET)
    for one in made:
        await one.aclose()


async def test_nobody_is_inside_with_another(clusters: list[Cluster]) -> None:
    """Each reads a number and writes the next: were two inside at once, one would be lost."""
    await clusters[0].store.put(BUCKET, "count", b"0")

    async def count(one: Cluster) -> None:
        for _ in range(3):
            async with turn(one.store, BUCKET, "doors/red"):
                seen = int(await one.store.get(BUCKET, "count"))
                await one.store.put(BUCKET, "count", str(seen + 1).encode())

    await asyncio.gather(*map(count, clusters))
    assert await clusters[0].store.get(BUCKET, "count") == b"18"
    assert [row async for row in clusters[0].store.list(BUCKET, "doors")] == [], "nothing is left behind"


async def test_who_gives_up_waiting_stands_in_nobodys_way(clusters: list[Cluster]) -> None:
    first, second, third = clusters[:3]

    async def enter(one: Cluster) -> None:
        async with turn(one.store, BUCKET, "doors/red"):
            pass

    async with turn(first.store, BUCKET, "doors/red"):
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(enter(second), 1)
    await asyncio.wait_for(enter(third), 10)


async def test_the_dead_are_not_waited_for(clusters: list[Cluster], sandbox: Any) -> None:
    """A kernel that was killed inside, and one that was killed while it wished, both a while ago."""
    store = clusters[0].store
    for name in ("000001-dead.turn", "late.wish"):
        await store.put(BUCKET, f"doors/red/{name}", b"")
        (file,) = sandbox.data.rglob(name)
        before = time.time() - LEASE.total_seconds() - 60
        os.utime(file, (before, before))

    async def enter() -> None:
        async with turn(store, BUCKET, "doors/red"):
            pass

    await asyncio.wait_for(enter(), 20)
    assert [row async for row in store.list(BUCKET, "doors")] == []
