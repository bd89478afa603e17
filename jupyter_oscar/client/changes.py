"""What changes in a folder of a bucket: objects that come, are written anew, or go.

A store tells it by being listed: again and again, slowly while nothing happens, and never for more than a tenth of the
time. Nothing is written to the bucket for it, and no notification of a service is touched (DESIGN §4).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .errors import OscarError
from .looking import Looking
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

    Written anew with the same bytes is ``replaced`` too, since it starts services too: see :func:`is_anew`. Of several
    changes between two looks the last is told.
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
    anew = [Change(REPLACED, row) for key, row in now.items() if key in before and is_anew(before[key], row)]
    return gone + sorted([*come, *anew], key=lambda change: (change.object.modified, change.key))


def is_anew(before: Object, now: Object) -> bool:
    """Whether an object was written anew between two listings; the page goes by the same rule (``buckets/landed``).

    Another ETag says so, and of the same bytes written once more a later time. An earlier time does not: a store may
    set it back to that of the file it was given. Nor does a missing ETag: rclone has none to tell while it writes.
    """
    if before.etag and now.etag:
        return before.etag != now.etag or before.modified < now.modified
    return (before.size, before.modified) != (now.size, now.modified)


class Changes:
    """Looks at a folder from the moment it is made, and keeps what it sees until it is taken."""

    def __init__(self, cluster: Cluster, bucket: str, prefix: str = "", *, existing: bool = False) -> None:
        self._cluster, self._bucket, self._prefix = cluster, bucket, prefix
        self._existing = existing
        self._seen: deque[Change] = deque()
        self._news = asyncio.Event()
        self._begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._error: Exception | None = None
        self._before: dict[str, Object] | None = None
        self._news_at = time.monotonic()
        self._failing_since: float | None = None
        self._looking = Looking(self._look, rest=PER_COST, name="jupyter-oscar changes")
        self._looking.begin()

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
            if not self._looking.going:
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
        await self._looking.aclose()
        self._news.set()

    async def _look(self) -> float | None:
        """What is new; then the pause, or None where there will be nothing new any more."""
        now = time.monotonic()
        try:
            self._learn(await self._list())
            self._failing_since = None
        except OscarError as error:
            self._failing_since = self._failing_since or now
            passes = isinstance(error, PASSING) and now - self._failing_since <= PATIENCE
            if self._before is None or not passes:
                self._end(error)
                return None
        quiet = time.monotonic() - self._news_at
        return min(LATEST, max(SOONEST, quiet * PER_QUIET))

    def _learn(self, now: dict[str, Object]) -> None:
        before = self._before
        if before is None:
            before = {} if self._existing else now
        if found := compare(before, now):
            self._news_at = time.monotonic()
            self._seen.extend(found)
            self._news.set()
        self._before = now
        if not self._begun.done():
            self._begun.set_result(None)

    def _end(self, error: OscarError) -> None:
        self._error = error
        if not self._begun.done():
            self._begun.set_exception(error)
            self._begun.exception()  # who waits for the first look hears it; who does not hears it from ready()
        self._news.set()

    async def _list(self) -> dict[str, Object]:
        rows = self._cluster.buckets.under(self._bucket, self._prefix)
        return {row.key: row async for row in rows if not row.key.endswith("/")}
