"""A job in a cell: state, time, outputs, log, cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from jupyter_oscar.notebook import views

from .view import View, ticking

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine

    from jupyter_oscar.client.jobs import State
    from jupyter_oscar.client.prologue import Done
    from jupyter_oscar.notebook.handles import Job


class Ways(NamedTuple):
    """What a view needs of a job beyond its public words; all but ``known`` run on our loop."""

    known: Callable[[], tuple[State, Done | None]]
    ended: Callable[[], Coroutine[Any, Any, Any]]
    cancel: Callable[[], Coroutine[Any, Any, None]]
    follow: Callable[[], AsyncIterator[str]]


class JobView(View):
    """``● grayify · cat.png  running 4 s  log ▾  cancel``."""

    verbs: ClassVar[frozenset[str]] = frozenset({"cancel"})

    def __init__(self, job: Job, ways: Ways) -> None:
        self._job = job
        self._ways = ways
        super().__init__()

    def now(self) -> dict[str, Any]:
        """What is known, without asking anybody."""
        job, (current, done) = self._job, self._ways.known()
        return {
            "kind": "job",
            "label": job.label,
            "reference": job.reference,
            "state": str(current),
            "mark": current.mark,
            "word": views.job_word(current, done),
            "outputs": job.outputs_of(done),
            "going": not current.ended,
            "since": job.created.timestamp() * 1000,
            "end": f"{job.label}: {current}" if current.ended else "",
        }

    def static(self) -> dict[str, Any]:
        """The line of a saved notebook."""
        return self._job.static()

    def news(self) -> AsyncGenerator[None, None]:
        """The poller's word; nothing is asked for here."""
        return ticking(self._ways.ended())

    async def act(self, verb: str) -> None:
        """Cancel."""
        del verb
        await self._ways.cancel()

    def lines(self) -> AsyncIterator[str]:
        """The script's lines as they come."""
        return self._ways.follow()
