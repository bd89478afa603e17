"""Turns: one kernel at a time, on storage that knows no conditional writes.

Lamport's bakery, with objects for registers; a store must show in a listing what was written before it, as S3 does.
Who wants a turn writes a wish, then a number above all that it sees, and takes the wish back. It is its turn when no
one else wishes and none has a lower number. What a kernel that died left behind is cleared away after a while, by the
clock of the store.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from datetime import timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .transfers import Object, Store

WISH: Final = ".wish"
TURN: Final = ".turn"
# A turn lasts for a few requests; who has had one for so long is dead.
LEASE: Final = timedelta(seconds=30)
# Seconds between two looks; and how many looks until ours is written again, so that its time tells what is old.
SOONEST: Final = 0.05
LATEST: Final = 1.0
REFRESH: Final = 5


@contextlib.asynccontextmanager
async def turn(store: Store, bucket: str, folder: str) -> AsyncIterator[None]:
    """Whoever is inside is alone there, among all that name the same folder."""
    token = secrets.token_hex(6)
    wish, ours = f"{folder}/{token}{WISH}", ""
    try:
        await store.put(bucket, wish, b"")
        highest = max((_number(row.key) for row in await _all(store, bucket, folder)), default=0)
        ours = f"{folder}/{highest + 1:06d}-{token}{TURN}"
        await store.put(bucket, ours, b"")
        await store.delete(bucket, [wish])
        await _until_first(store, bucket, folder, ours)
        yield
    finally:
        await store.delete(bucket, [key for key in (wish, ours) if key])


async def _until_first(store: Store, bucket: str, folder: str, ours: str) -> None:
    pause, looks = SOONEST, 0
    while True:
        rows = await _all(store, bucket, folder)
        now = max((row.modified for row in rows if row.key == ours), default=None)
        before = [row for row in rows if row.key < ours or PurePosixPath(row.key).suffix == WISH]
        old = [row.key for row in before if now is not None and now - row.modified > LEASE]
        if len(before) == len(old) and now is not None:
            await store.delete(bucket, old)
            return
        await asyncio.sleep(pause)
        pause, looks = min(LATEST, pause * 1.5), looks + 1
        if now is None or looks % REFRESH == 0:
            await store.put(bucket, ours, b"")


async def _all(store: Store, bucket: str, folder: str) -> list[Object]:
    rows = store.list(bucket, folder)
    return [row async for row in rows if PurePosixPath(row.key).suffix in {WISH, TURN}]


def _number(key: str) -> int:
    name = PurePosixPath(key)
    return int(name.stem.partition("-")[0]) if name.suffix == TURN else 0
