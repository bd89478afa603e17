"""Changes in a bucket as a cell follows them, with ``for`` or ``async for``."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_oscar.client.changes import REMOVED
from jupyter_oscar.client.changes import Changes as Looking

from .bridge import bridge
from .objects import StoredObject

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from typing_extensions import Self

    from jupyter_oscar.client.changes import Change as Seen
    from jupyter_oscar.client.cluster import Cluster


@dataclass(frozen=True)
class Change:
    """``kind`` is created, replaced or removed; ``object`` is as it was seen, of a removed one as it was last."""

    kind: str
    object: StoredObject

    @property
    def key(self) -> str:
        """The object's key."""
        return self.object.key

    def __repr__(self) -> str:
        return f"{self.kind} {self.key}" if self.kind == REMOVED else f"{self.kind} {self.object!r}"


class Watching:
    """Begins to look when it is made and ends when nobody holds it any more; ``close()`` ends it at once.

    Interrupting or giving up one wait loses no change.
    """

    def __init__(self, client: Cluster, bucket: str, prefix: str, *, existing: bool) -> None:
        self._client, self._bucket, self._prefix = client, bucket, prefix

        async def begin() -> Looking:
            changes = Looking(client, bucket, prefix, existing=existing)
            try:
                await changes.begun()
            except BaseException:
                await changes.aclose()
                raise
            return changes

        self._changes = bridge.run(begin())
        self._end = weakref.finalize(self, _end, self._changes.aclose)
        self._end.atexit = False  # the loop ends its own tasks

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Change:
        while bridge.run(self._changes.ready()):
            if seen := self._changes.take():
                return self._change(seen)
        raise StopIteration

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Change:
        while await bridge.here(self._changes.ready()):
            if seen := self._changes.take():
                return self._change(seen)
        raise StopAsyncIteration

    def close(self) -> None:
        """Look no more; whoever waits for a change is done."""
        self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "looking" if self._end.alive else "ended"
        return f"changes in s3://{self._bucket}/{self._prefix}  {state}"

    def _change(self, seen: Seen) -> Change:
        return Change(seen.kind, StoredObject(self._client, self._bucket, seen.object, seen.key))


def _end(close: Callable[[], Awaitable[None]]) -> None:
    async def closed() -> None:
        await close()

    bridge.start(closed())
