"""What changes in a folder of a bucket: objects that come, are written anew, or go.

A store tells it by being listed: again and again, slowly while nothing happens, never for more than a tenth of the
time, and once for all who follow one folder. Nothing is written to the bucket for it, and no notification of a service
is touched (DESIGN §4).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

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


def settled(before: dict[str, Object], now: dict[str, Object]) -> dict[str, Object]:
    """``now``, with what has lost its ETag as it was: it is being written, and the row may be of something older."""
    return {key: old if (old := before.get(key)) and old.etag and not row.etag else row for key, row in now.items()}


def is_anew(before: Object, now: Object) -> bool:
    """Whether an object was written anew between two listings; the page goes by the same rule (``buckets/landed``).

    Another ETag says so, and of the same bytes written once more a later time. An earlier time does not: a store may
    set it back to that of the file it was given. Nor does a missing ETag: rclone has none to tell while it writes.
    """
    if before.etag and now.etag:
        return before.etag != now.etag or before.modified < now.modified
    return (before.size, before.modified) != (now.size, now.modified)


class Changes:
    """What is seen in a folder from the moment this is made, kept until it is taken."""

    def __init__(self, cluster: Cluster, bucket: str, prefix: str = "", *, existing: bool = False) -> None:
        self._existing = existing
        self._seen: deque[Change] = deque()
        self._news = asyncio.Event()
        self._begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._error: Exception | None = None
        self._closed = False
        self._before: dict[str, Object] | None = None
        where = (bucket, prefix)
        self._folder = cluster.followed.get(where) or cluster.followed.setdefault(
            where, Folder(cluster, bucket, prefix)
        )
        self._folder.join(self)

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
            if self._closed:
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
        self._closed = True
        self._news.set()
        await self._folder.leave(self)

    @property
    def has_begun(self) -> bool:
        """Whether a look was taken."""
        return self._before is not None

    def learn(self, now: dict[str, Object]) -> bool:
        """Compare with what was seen before; whether there is news."""
        before = self._before
        if before is None:
            before = {} if self._existing else now
        now = settled(before, now)
        if found := compare(before, now):
            self._seen.extend(found)
            self._news.set()
        self._before = now
        if not self._begun.done():
            self._begun.set_result(None)
        return bool(found)

    def end(self, error: Exception) -> None:
        """There will be no news any more."""
        self._error = error
        if not self._begun.done():
            self._begun.set_exception(error)
            self._begun.exception()  # who waits for the first look hears it; who does not hears it from ready()
        self._news.set()


class Folder:
    """Lists a folder again and again while somebody follows it."""

    def __init__(self, cluster: Cluster, bucket: str, prefix: str) -> None:
        self._cluster, self._bucket, self._prefix = cluster, bucket, prefix
        self._followers: list[Changes] = []
        self._news_at = time.monotonic()
        self._failing_since: float | None = None
        self._looking = Looking(self._look, rest=PER_COST, name="jupyter-oscar changes")

    def join(self, one: Changes) -> None:
        """Tell one what the looks see that begin from now on."""
        self._followers.append(one)
        self._news_at = time.monotonic()
        self._looking.soon()
        self._looking.begin()

    async def leave(self, one: Changes) -> None:
        """Tell one no more; the last to leave ends the looking."""
        if self._drop(one):
            await self._looking.aclose()

    def _drop(self, one: Changes) -> bool:
        """Whether nobody is left."""
        if one in self._followers:
            self._followers.remove(one)
        if self._followers:
            return False
        if self._cluster.followed.get((self._bucket, self._prefix)) is self:
            del self._cluster.followed[self._bucket, self._prefix]
        return True

    async def _look(self) -> float | None:
        """Tell all what is there; then the pause, or None where nobody wants to know any more."""
        here, now = list(self._followers), time.monotonic()
        try:
            rows = self._cluster.buckets.under(self._bucket, self._prefix)
            seen = {row.key: row async for row in rows if not row.key.endswith("/")}
        except Exception as error:  # noqa: BLE001 - whoever waits for news hears it
            self._failing_since = self._failing_since or now
            passes = isinstance(error, PASSING) and now - self._failing_since <= PATIENCE
            for one in here:
                if not (passes and one.has_begun):
                    one.end(error)
                    self._drop(one)
        else:
            self._failing_since = None
            told = [one.learn(seen) for one in here]
            if any(told):
                self._news_at = time.monotonic()
        if not self._followers:
            return None
        quiet = time.monotonic() - self._news_at
        return min(LATEST, max(SOONEST, quiet * PER_QUIET))
