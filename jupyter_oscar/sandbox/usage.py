"""How much is in a bucket: counted by looking at each object, and big buckets not again at once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .objectstore import ObjectStore

_WORTH = 20  # a count holds for so many times as long as it took


class Usage:
    def __init__(self, s3: ObjectStore) -> None:
        self._s3 = s3
        self._known: dict[str, tuple[float, tuple[int, int]]] = {}

    async def of(self, bucket: str) -> tuple[int, int]:
        """Bytes and objects."""
        began = time.monotonic()
        until, found = self._known.get(bucket, (0.0, (0, 0)))
        if began >= until:
            found = await self._s3.usage(bucket)
            ended = time.monotonic()
            self._known[bucket] = (ended + (ended - began) * _WORTH, found)
        return found
