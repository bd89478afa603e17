"""The handle of a job that was submitted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from jupyter_oscar.client.endings import bad_end
from jupyter_oscar.client.errors import JobNotFound, TimedOut
from jupyter_oscar.client.jobs import Facts, State, script_lines, state

from . import views
from .bridge import bridge
from .results import Output, Result

if TYPE_CHECKING:
    import concurrent.futures
    from collections.abc import AsyncIterator, Generator
    from datetime import datetime

    from jupyter_oscar.client.cluster import Cluster as Client
    from jupyter_oscar.client.prologue import Done
    from jupyter_oscar.client.records import Call

    from .live.job import JobView

# A live log is read again after this many seconds, longer while nothing comes (a read costs the server about four
# requests of its five a second).
LOG_SOONEST: Final = 0.5
LOG_LATEST: Final = 5.0


class Job:
    """A call that was submitted. It outlives this session: ``cluster.job(job.reference)`` finds it again.

    ``await job`` is its result. Waiting can be interrupted; the job goes on.
    """

    def __init__(self, client: Client, call: Call) -> None:
        self._client = client
        self._call = call
        #: The submission while it is under way.
        self.sending: concurrent.futures.Future[Call] | None = None
        self._ended: Facts | None = None

    @property
    def id(self) -> str:
        """The call's id; also the job's name on the cluster."""
        return self._call.id

    @property
    def service(self) -> str:
        """The service's name."""
        return self._call.service

    @property
    def reference(self) -> str:
        """``service/id``, by which ``cluster.job`` finds it again."""
        return self._call.reference

    @property
    def input(self) -> str:
        """The name of the input."""
        return self._call.name

    @property
    def label(self) -> str:
        """What it is called where it is shown."""
        return f"{self.service} · {self.input or 'no input'}"

    @staticmethod
    def outputs_of(done: Done | None) -> str:
        """What it wrote, in a few words."""
        return views.job_outputs(done)

    @property
    def place(self) -> tuple[str, str] | None:
        """Bucket and folder of its outputs, where they have a folder of their own."""
        return self._call.place

    @property
    def created(self) -> datetime:
        """When it was submitted."""
        return self._call.created

    @property
    def status(self) -> str:
        """One of queued, pending, running, done, failed, cancelled, lost, unknown; asks the cluster."""
        return str(bridge.run(self._state()))

    @property
    def why(self) -> views.Log:
        """Why it has not begun, or did not end well, in words, as far as can be told; empty where all is well."""

        async def ask() -> str:
            await self._accept()
            return "\n".join(map(str, await self._client.calls.why(self._call, self._ended)))

        return views.Log(bridge.run(ask()))

    def accepted(self) -> Job:
        """Wait until the cluster has taken the call; raises what it said otherwise."""
        if self.sending is not None:
            self._call = bridge.wait(self.sending)
            self.sending = None
        return self

    def wait(self, timeout: float | None = None) -> Job:
        """Wait until the job has ended, well or badly.

        Raises:
            TimedOut: it has not ended within ``timeout`` seconds; it goes on.

        """
        bridge.run(self._until_ended(timeout))
        return self

    def result(self, timeout: float | None = None) -> Result:
        """Wait for the end and return the outputs.

        Raises:
            JobFailed: the script or the cluster failed; the error has exit code and last lines.
            JobCancelled, JobLost: there will be no result.
            OutputsNotAttributable: it cannot be told which outputs are this call's.
            TimedOut: it has not ended within ``timeout`` seconds; it goes on.

        """
        return bridge.run(self._result(timeout))

    def __await__(self) -> Generator[Any, None, Result]:
        return bridge.here(self._result(None)).__await__()

    def log(self, *, follow: bool = False, raw: bool = False) -> views.Log | None:
        """What the script has printed so far; ``raw=True`` with the supervisor's lines.

        ``follow=True`` prints lines as they come until the job ends, and returns nothing.
        """
        if not follow:
            return views.Log(bridge.run(self._log(raw=raw)))
        for line in bridge.iterate(lambda: self._follow(raw=raw)):
            print(line)  # noqa: T201 - a cell that follows a log wants it printed
        return None

    def cancel(self) -> Job:
        """End the job. Its log is kept; one that has ended stays as it is."""
        bridge.run(self._cancel())
        return self

    async def _accept(self) -> None:
        """Wait until the cluster has taken the call; raises what it said otherwise.

        Giving up this wait must not take back a submission that is under way.
        """
        if self.sending is not None:
            self._call = await asyncio.shield(bridge.joined(self.sending))
            self.sending = None

    async def _state(self) -> State:
        if self._ended is not None:
            return state(self._ended)
        if self.sending is not None and not self.sending.done():
            return State.QUEUED
        await self._accept()
        facts = await self._client.calls.look(self._call)
        if state(facts).ended:
            self._ended = facts
        return state(facts)

    async def _until_ended(self, timeout: float | None) -> Facts:
        if self._ended is None:
            try:
                self._ended = await asyncio.wait_for(self._watch(), timeout)
            except asyncio.TimeoutError as error:
                msg = f"{self.reference} has not ended after {timeout:g} s."
                raise TimedOut(msg, hint="It goes on; wait again, or cancel it.") from error
        return self._ended

    async def _watch(self) -> Facts:
        await self._accept()
        return await self._client.watch.until_ended(self._call)

    async def _result(self, timeout: float | None) -> Result:
        facts = await self._until_ended(timeout)
        await self._raise_if_bad(facts)
        outputs = await self._client.calls.outputs(self._call, facts)
        place = self._call.place
        start = len(place[1]) + 1 if place else 0
        named = [Output(self._client, bucket, row, row.key[start:] or row.key) for bucket, row in outputs]
        return Result(sorted(named, key=lambda output: output.name), self.reference)

    async def _raise_if_bad(self, facts: Facts) -> None:
        if (bad := await bad_end(self._client, self._call, facts)) is not None:
            raise bad

    async def _log(self, *, raw: bool) -> str:
        await self._accept()
        try:
            text = await self._client.calls.log(self._call)
        except JobNotFound:
            return ""
        return text if raw else "\n".join(script_lines(text))

    async def _follow(self, *, raw: bool) -> AsyncIterator[str]:
        """New lines as they come. The server gives only whole logs, so each look reads all and shows what is new."""
        shown, pause = 0, LOG_SOONEST
        ending = asyncio.ensure_future(self._until_ended(None))
        try:
            while True:
                over = ending.done()
                lines = (await self._log(raw=raw)).splitlines()
                for line in lines[shown:]:
                    yield line
                pause = LOG_SOONEST if len(lines) > shown else min(LOG_LATEST, pause * 1.5)
                shown = max(shown, len(lines))
                if over:
                    return
                await asyncio.wait({ending}, timeout=pause)
        finally:
            ending.cancel()

    async def _cancel(self) -> None:
        await self._accept()
        if not (await self._state()).ended:
            try:
                self._call = await self._client.calls.cancel(self._call)
            except JobNotFound:
                return
            self._ended = Facts(cancelled=True, row_gone=True, tracked=self._call.tracked)

    def _known(self) -> State | None:
        """The state without asking anybody."""
        if self.sending is not None and self.sending.done() and self.sending.exception() is not None:
            return State.FAILED
        if self._ended is not None:
            return state(self._ended)
        facts = self._client.watch.known(self._call)
        return state(facts) if facts else None

    def __repr__(self) -> str:
        return views.job_text(self.label, self.id, self._known())

    def _repr_html_(self) -> str:
        done = self._ended.done if self._ended else None
        return views.job_html(f"{self.label}{self.outputs_of(done)}", self.id, self._known(), done)

    def static(self) -> dict[str, Any]:
        """What a saved notebook keeps of it: a line, and its last words."""
        return {"text/plain": repr(self), "text/html": self._repr_html_()}

    def _ipython_display_(self) -> None:
        """A live line while it goes on; the static one once it has ended, or where no kernel can show a widget."""
        from .live.view import put, show

        if self._ended is None:
            show(self.view, self.static())
        else:
            put(self.static())

    def notify(self) -> Job:
        """Show a notice in JupyterLab when it has ended; the same as ``cluster.watch(job)``."""
        from . import notices

        notices.watch(self, self._client.profile.name, notices.of_job(self, self._until_ended(None)))
        return self

    def view(self) -> JobView:
        """A live view of it."""
        from .live.job import JobView, Ways

        def known() -> tuple[State, Done | None]:
            return self._known() or State.QUEUED, self._ended.done if self._ended else None

        return JobView(
            self, Ways(known, lambda: self._until_ended(None), self._cancel, lambda: self._follow(raw=False))
        )
