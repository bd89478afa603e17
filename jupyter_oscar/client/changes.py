"""What changes in a folder of a bucket: objects that come, are written anew, or go.

A store tells it by being listed: again and again, slowly while nothing happens, and never for more than a tenth of the
time. Nothing is written to the bucket for it, and no notification of a service is touched (DESIGN §4).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .errors import OscarError
from .policy import PASSING, PATIENCE

if TYPE_CHECKING:
    from .cluster import Cluster
    from .transfers import Object

# Seconds between looks: at first, after a while without news, and as a multiple of what a look costs.
SOONEST: Final = 0.5
LATEST: Final = 5.0
PER_QUIET: Final = 0.1
PER_COST: Final = 9

CREATED, REPLACED, REMOVED = "created", "replaced", "removed"


@dataclass(frozen=True)
class Change:
    """A change of one object: ``created``, ``replaced`` or ``removed``, and the object as it was seen.

    Written anew with the same bytes is ``replaced`` too, since it starts services too. Of several changes between two
    looks the last is told.
    """

    kind: str
    object: Object

    @property
    def key(self) -> str:
        """The object's key."""
        return self.object.key


def compare(before: dict[str, Object], now: dict[str, Object]) -> list[Change]:
    """What happened between two listings, oldest first; what is gone comes before what is there."""
    gone = [Change(REMOVED, before[key]) for key in before if key not in now]
    come = [Change(CREATED, row) for key, row in now.items() if key not in before]
    anew = [Change(REPLACED, row) for key, row in now.items() if key in before and _differ(before[key], row)]
    return gone + sorted([*come, *anew], key=lambda change: (change.object.modified, change.key))


def _differ(one: Object, other: Object) -> bool:
    return (one.size, one.etag, one.modified) != (other.size, other.etag, other.modified)


class Changes:
    """Looks at a folder from the moment it is made, and keeps what it sees until it is taken."""

    def __init__(self, cluster: Cluster, bucket: str, prefix: str = "", *, existing: bool = False) -> None:
        self._cluster, self._bucket, self._prefix = cluster, bucket, prefix
        self._existing = existing
        self._seen: deque[Change] = deque()
        self._news = asyncio.Event()
        self._begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._error: Exception | None = None
        self._task = asyncio.create_task(self._look(), name="jupyter-oscar changes")

    async def begun(self) -> None:
        """Wait for the first look: what happens after it is told.

        Raises:
            OscarError: the bucket cannot be listed.

        """
        await asyncio.shield(self._begun)

    async def ready(self) -> bool:
        """Wait for news; False once there will be none any more.

        Raises:
            OscarError: the bucket is gone, may not be read any more, or was away for two minutes.

        """
        while not self._seen:
            if self._error is not None:
                raise self._error
            if self._task.done():
                return False
            self._news.clear()
            await self._news.wait()
        return True

    def take(self) -> Change | None:
        """The oldest change that nobody took yet; from any thread."""
        try:
            return self._seen.popleft()
        except IndexError:
            return None

    async def aclose(self) -> None:
        """Look no more."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._news.set()

    async def _look(self) -> None:
        before: dict[str, Object] | None = None
        news_at, failing_since = time.monotonic(), None
        try:
            while True:
                began = time.monotonic()
                try:
                    now = await self._list()
                    failing_since = None
                except PASSING:
                    if before is None or began - (failing_since or began) > PATIENCE:
                        raise
                    failing_since = failing_since or began
                else:
                    first = {} if self._existing else now
                    if found := compare(first if before is None else before, now):
                        news_at = time.monotonic()
                        self._seen.extend(found)
                        self._news.set()
                    before = now
                    if not self._begun.done():
                        self._begun.set_result(None)
                quiet = time.monotonic() - news_at
                pause = min(LATEST, max(SOONEST, quiet * PER_QUIET))
                await asyncio.sleep(max(pause, PER_COST * (time.monotonic() - began)))
        except OscarError as error:
            self._error = error
            if not self._begun.done():
                self._begun.set_exception(error)
                self._begun.exception()  # who waits for the first look hears it; who does not hears it from ready()
        finally:
            self._news.set()

    async def _list(self) -> dict[str, Object]:
        rows = self._cluster.buckets.under(self._bucket, self._prefix)
        return {row.key: row async for row in rows if not row.key.endswith("/")}
