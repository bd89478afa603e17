"""A map in a cell: one line with its bar, what failed, cancel and retry."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

from jupyter_oscar.client.jobs import State
from jupyter_oscar.notebook import views

from .view import View

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence

    from jupyter_oscar.notebook.maps import Map

# Failures that are named; of the others it is said how many there are.
NAMED: Final = 50


class Ways(NamedTuple):
    """What a view needs of a map beyond its public words."""

    #: Input and reason of at most so many that failed; asks nobody.
    failed: Callable[[int], Sequence[tuple[str, str]]]
    cancel: Callable[[], Coroutine[Any, Any, Any]]
    retry: Callable[[], Coroutine[Any, Any, Any]]


class MapView(View):
    """``cats ███░░ 231 of 340 · 3 failed · about 2 min left  failed ▾  cancel  retry failed``."""

    verbs: ClassVar[frozenset[str]] = frozenset({"cancel", "retry"})
    lingers: ClassVar[bool] = True

    def __init__(self, jobs: Map, ways: Ways) -> None:
        self._jobs = jobs
        self._ways = ways
        super().__init__()

    def now(self) -> dict[str, Any]:
        """How far it is; asks nobody."""
        now = self._jobs.progress
        state = State.RUNNING if not now.over else State.FAILED if now.failed else State.DONE
        words = views.map_word(now)
        return {
            "kind": "map",
            "name": now.name,
            "service": now.service,
            "state": str(state),
            "mark": state.mark,
            "word": words,
            "total": now.total or now.known,
            "done": now.counts.get(State.DONE, 0),
            "bad": now.failed,
            "failed": [list(pair) for pair in self._ways.failed(NAMED)],
            "going": not now.over,
            "end": f"{now.name}: {words}" if now.over else "",
        }

    def static(self) -> dict[str, Any]:
        """The line of a saved notebook."""
        return self._jobs.static()

    async def news(self) -> AsyncGenerator[None, None]:
        """The map's own word, at least every five seconds; where some failed it stays, for its button."""
        while True:
            async for _ in self._jobs.changes():
                yield
            if not self._jobs.progress.failed:
                return
            await asyncio.sleep(1)
            yield

    async def act(self, verb: str) -> None:
        """Cancel what has not ended, or send again what failed."""
        await (self._ways.cancel() if verb == "cancel" else self._ways.retry())
