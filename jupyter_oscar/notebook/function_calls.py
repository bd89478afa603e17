"""Calls of a function as a cell holds them: one, or those of many inputs; their values and what they raised."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from jupyter_oscar.client.errors import (
    InvalidRequest,
    JobFailed,
    MapFailed,
    NotFound,
    ResultRefused,
    ServiceNotFound,
)
from jupyter_oscar.client.jobs import State, state

from . import values, views
from .bridge import bridge
from .handles import Job

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from jupyter_oscar.client.cluster import Cluster as Client
    from jupyter_oscar.client.maps import Progress
    from jupyter_oscar.client.prologue import Done
    from jupyter_oscar.client.service import Service

    from .map_results import Errors
    from .maps import Map


class FunctionJob(Job):
    """A call of a function. ``result()``, and ``await``, give its value, or raise what it raised."""

    #: Who wants to know how long the call took.
    timed: Callable[[float], None] | None = None

    def result(self, timeout: float | None = None) -> Any:
        """Wait for the end and return the value; of a job of many calls, the list of their values.

        Raises:
            Exception: what the function raised, with the traceback of over there in its notes.
            FunctionFailed: it raised what cannot be raised here; the words are in the error.
            ResultRefused: the result is not known to come from our own runner.
            JobFailed, JobCancelled, JobLost, TimedOut: as for any job.

        """
        return self._decoded(*bridge.run(self._raw(timeout)))

    def __await__(self) -> Generator[Any, None, Any]:
        # Decoded where it is awaited: what a value does when it is made is no business of our loop.
        content, service = yield from bridge.here(self._raw(None)).__await__()
        return self._decoded(content, service)

    @property
    def label(self) -> str:
        """The function's name: on which runner it ran, its id says."""
        return self.input.rpartition(".")[0] or "function"

    @staticmethod
    def outputs_of(done: Done | None) -> str:
        """Its value is no file to a person."""
        del done
        return ""

    async def _accept(self) -> None:
        try:
            await super()._accept()
        except NotFound as error:
            msg = f"The runner {self.service} is gone: it was removed after it was last used."
            raise ServiceNotFound(msg, hint="Submit again: it is made anew.") from error

    async def _raw(self, timeout: float | None) -> tuple[bytes, Service]:
        facts = await self._until_ended(timeout)
        if not (state(facts) is State.FAILED and _wrote(facts.done)):
            await self._raise_if_bad(facts)
        service = await self._client.services.known(self.service)
        return await read(self._client, self), service

    def _decoded(self, content: bytes, service: Service) -> Any:
        from jupyter_oscar.client.runners import Runners

        name = self.label
        found = values.outcomes(content, self.id, Runners(self._client).key_of(service), name)
        if self.timed is not None:
            self.timed(found[0].seconds)
        for outcome in found:
            if outcome.error is not None:
                raise outcome.error
        return [outcome.value for outcome in found] if found[0].many else found[0].value


class FunctionMap:
    """The calls of a function for many inputs; ``results()``, and ``await``, give their values in order.

    ``jobs`` is the map of the jobs that carry them.
    """

    def __init__(self, name: str, jobs: Map, sizes: list[int], timed: Callable[[float], None]) -> None:
        self.name = name
        self.jobs = jobs
        self._sizes = sizes
        self._timed = timed

    def __len__(self) -> int:
        len(self.jobs)  # until all inputs are drawn
        return sum(self._sizes)

    def __bool__(self) -> bool:
        return True

    @property
    def progress(self) -> Progress:
        """How far the jobs are; asks nobody."""
        return self.jobs.progress

    def wait(self, timeout: float | None = None) -> FunctionMap:
        """Wait until all jobs have ended, well or badly."""
        self.jobs.wait(timeout)
        return self

    def cancel(self) -> FunctionMap:
        """Send nothing more and end what runs."""
        self.jobs.cancel()
        return self

    def retry(self) -> FunctionMap:
        """Send anew the jobs that ended badly; calls that raised in a job that went well are not repeated."""
        self.jobs.retry()
        return self

    def results(self, errors: Errors = "raise", timeout: float | None = None) -> list[Any]:
        """Wait for all and return each call's value, in the order of the inputs.

        With ``errors="return"`` what failed stands as its exception among them, with ``"skip"`` it is left out.

        Raises:
            MapFailed: some calls failed; the error has each one's own by the number of its input.

        """
        if errors not in {"raise", "return", "skip"}:
            msg = f'errors="{errors}" is none of "raise", "return", "skip".'
            raise InvalidRequest(msg)
        found: list[Any] = []
        for size, outcomes in zip(self._sizes, self.jobs.results("return", timeout), strict=False):
            if isinstance(outcomes, Exception):
                found += [_Failed(outcomes)] * size
                continue
            for outcome in outcomes:
                self._timed(outcome.seconds)
                found.append(outcome.value if outcome.error is None else _Failed(outcome.error))
        bad = {str(index): _plain(value) for index, value in enumerate(found) if _is_failure(value)}
        if bad and errors == "raise":
            raise self._failure(bad, len(found))
        return [_plain(value) for value in found if errors == "return" or not _is_failure(value)]

    def _failure(self, bad: Mapping[str, Exception], count: int) -> MapFailed:
        first = "\n".join(
            f"  {index}: {type(error).__name__}: {_line(error)}" for index, error in islice(bad.items(), 3)
        )
        more = f"\n  and {len(bad) - 3} more" if len(bad) > 3 else ""  # noqa: PLR2004
        msg = f"{len(bad)} of {count} calls of {self.name} failed.\n{first}{more}\n"
        failure = MapFailed(msg, errors=bad, hint='results(errors="return") gives them among the values.')
        failure.__cause__ = next(iter(bad.values()))
        return failure

    def __await__(self) -> Generator[Any, None, list[Any]]:
        import asyncio

        return asyncio.to_thread(self.results).__await__()

    def __repr__(self) -> str:
        return f"{self.name}: {views.map_text(self.progress)}"

    def _repr_html_(self) -> str:
        return self.jobs._repr_html_()

    def _ipython_display_(self) -> None:
        self.jobs._ipython_display_()


class _Failed:
    """A call that failed, to be told from one whose value is an exception."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def _is_failure(value: Any) -> bool:
    return isinstance(value, _Failed)


def _plain(value: Any) -> Any:
    return value.error if isinstance(value, _Failed) else value


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]


def _wrote(done: Any) -> bool:
    from jupyter_oscar.client import remote

    return done is not None and any(output.name == remote.RESULT for output in done.outputs)


async def read(client: Client, job: Job) -> bytes:
    """The bytes that the runner wrote for a job that has ended."""
    from jupyter_oscar.client import remote

    place = job.place
    if place is None:
        msg = f"{job.reference} is no call of a function."
        raise JobFailed(msg)
    try:
        return await client.store.get(place[0], f"{place[1]}/{remote.RESULT}")
    except NotFound as error:
        msg = f"{job.reference} ended without a result: its runner wrote none, or somebody removed it."
        raise ResultRefused(msg, hint="Submit the call again.") from error
