"""How much is in a bucket: counted by looking at each file, and big buckets not again at once."""

from __future__ import annotations

import asyncio
import os
import time
from itertools import islice
from typing import TYPE_CHECKING

from .triggers import is_partial

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_WORTH = 20  # a count holds for so many times as long as it took
_MOST = 1000  # objects of a bucket that a status counts (oscar.md §1.1.2)


def _files(root: Path) -> Iterator[str]:
    for top, _, names in os.walk(root):
        yield from (os.path.join(top, name) for name in names if not is_partial(name))  # noqa: PTH118 - many, fast


def _count(root: Path) -> tuple[int, int]:
    size = count = 0
    for path in _files(root):
        try:
            size += os.lstat(path).st_size
        except OSError:
            continue  # it went while we counted
        count += 1
    return size, count


def roughly(root: Path) -> int:
    """Objects, the first thousand."""
    return sum(1 for _ in islice(_files(root), _MOST))


class Usage:
    def __init__(self) -> None:
        self._known: dict[Path, tuple[float, tuple[int, int]]] = {}

    async def of(self, root: Path) -> tuple[int, int]:
        """Bytes and objects."""
        began = time.monotonic()
        until, found = self._known.get(root, (0.0, (0, 0)))
        if began >= until:
            found = await asyncio.to_thread(_count, root)
            ended = time.monotonic()
            self._known[root] = (ended + (ended - began) * _WORTH, found)
        return found
