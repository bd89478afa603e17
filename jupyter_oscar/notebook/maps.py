"""A map as a cell holds it: many jobs of one service, in the order of their inputs.

What shows a map draws it from :attr:`Map.progress`, and learns that it has changed from :meth:`Map.changes` on our loop
or :meth:`Map.on_change` anywhere: neither asks the cluster for anything.
"""

from __future__ import annotations

import asyncio
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jupyter_oscar.client.errors import OscarError, TimedOut
from jupyter_oscar.client.jobs import State
from jupyter_oscar.client.maps import Map as Engine
from jupyter_oscar.client.maps import Options
from jupyter_oscar.client.records import MOST

from . import map_results as gathered
from . import saving, views
from .bridge import bridge
from .lines import Line, announce
from .map_jobs import Completed, Jobs
from .results import Result

if TYPE_CHECKING:
    import concurrent.futures
    from collections.abc import AsyncIterator, Callable, Generator, Iterable

    from jupyter_oscar.client.calls import Payload
    from jupyter_oscar.client.maps import Item, Progress

    from .cluster import Cluster
    from .handles import Job
    from .live.map import MapView
    from .map_results import Errors

BAD: Final = frozenset({State.FAILED, State.LOST, State.UNKNOWN})
# Failures that a saved notebook names.
SHOWN: Final = 20


class Map(Jobs):
    """Jobs of one service in the order of their inputs: ``jobs[3]``, ``jobs["cat.png"]``, ``for job in jobs``.

    Sending goes on behind it, also after an interrupt. ``await jobs`` is :meth:`results`.
    """

    def __init__(self, engine: Engine, decode: Callable[[Job], Any] | None = None) -> None:
        super().__init__(engine)
        self._decode = decode
        self._sending: concurrent.futures.Future[None] | None = None

    @classmethod
    def start(
        cls,
        cluster: Cluster,
        service: str,
        payloads: Iterable[Payload] | None,
        *,
        decode: Callable[[Job], Any] | None = None,
        run: str | None = None,
        retries: int = 0,
        script_retries: int = 0,
        first: int = MOST,
    ) -> Map:
        """Send payloads to a service; what :meth:`Cluster.map` and functions stand on.

        ``payloads`` may be a generator: it is drawn as sending goes on, in another thread; None means those that the
        run had. Only ``first`` of them are drawn at once, here. A payload's name is the job's ``input`` and finds it in
        the map. ``decode`` makes of a job that ended well the value that
        :meth:`results` holds, by default its :class:`Result`; it runs in a thread, several at once, and what it raises
        counts as that job's failure.
        """
        engine = Engine(cluster.client, service, payloads, Options(run, retries, script_retries))
        # In this thread: a file that is not there raises here, before anything is asked or sent.
        engine.draw(first)
        bridge.run(engine.start())
        jobs = cls(engine, decode)
        jobs._send(lambda: cluster.note(jobs))
        announce(engine)
        return jobs

    def _send(self, first: Callable[[], None]) -> None:
        self._sending = bridge.detach(self._engine.send(), first)

    # -- what is in it

    @property
    def name(self) -> str:
        """The run's name, or the service's."""
        return self._engine.name

    @property
    def service(self) -> str:
        """The service's name."""
        return self._engine.service_name

    @property
    def run(self) -> str | None:
        """The run's name, by which another kernel goes on with it."""
        return self._engine.options.run

    def __bool__(self) -> bool:
        return True

    @property
    def counts(self) -> dict[str, int]:
        """How many are in each state; asks nobody."""
        return {str(one): count for one, count in self.progress.counts.items()}

    @property
    def progress(self) -> Progress:
        """Name, total, how many have ended, in which states, seconds left; asks nobody."""
        return self._engine.progress()

    @property
    def failed(self) -> list[Job]:
        """The jobs that ended badly so far, cancelled ones not counted."""
        return [self._job(item) for item in self._engine.items if item.over and self._engine.state(item) in BAD]

    # -- waiting

    def wait(self, timeout: float | None = None) -> Map:
        """Wait until all have ended, well or badly. An interrupt stops the waiting and nothing else.

        Raises:
            TimedOut: they have not ended within ``timeout`` seconds; they go on.
            OscarError: why sending stopped, if it did; what was accepted has ended.

        """
        with Line(self):
            bridge.run(self._until_over(timeout))
        return self

    async def _until_over(self, timeout: float | None) -> None:
        try:
            await asyncio.wait_for(self._engine.until_over(), timeout)
        except asyncio.TimeoutError as error:
            now = self.progress
            msg = f"{now.ended} of {now.known} calls of {self.name} have ended after {timeout:g} s."
            raise TimedOut(msg, hint="They go on; wait again, or cancel them.") from error
        if self._engine.trouble is not None:
            raise self._engine.trouble

    def as_completed(self) -> Completed:
        """The jobs as they end, for ``for`` and for ``async for``."""
        return Completed(self._engine, self._job)

    def results(self, errors: Errors = "raise", timeout: float | None = None) -> list[Any]:
        """Wait for all and return each one's result, in the order of the inputs.

        With ``errors="return"`` what failed stands as its exception among them, with ``"skip"`` it is left out.

        Raises:
            MapFailed: some ended badly; the error says how many and has each one's own by the name of its input.
            TimedOut: they have not ended within ``timeout`` seconds; they go on.

        """
        gathered.check(errors)
        with Line(self):
            bridge.run(self._until_ready(errors, timeout))
        if self._decode is None:
            values = bridge.run(gathered.results(self._engine, self._job))
        else:
            values = gathered.decoded(self._engine, self._job, self._decode)
        return gathered.sorted_out(self._engine, values, errors)

    async def _until_ready(self, errors: Errors, timeout: float | None) -> None:
        try:
            await self._until_over(timeout)
        except TimedOut:
            raise
        except OscarError:
            if errors == "raise":
                raise

    def __await__(self) -> Generator[Any, None, list[Any]]:
        return asyncio.to_thread(self.results).__await__()

    # -- news

    async def changes(self) -> AsyncIterator[Progress]:
        """How far it is, now and whenever that changes, until all have ended. On our loop: see ``bridge``."""
        async for now in self._engine.changes():
            yield now

    def on_change(self, callback: Callable[[Progress], None]) -> Callable[[], None]:
        """Call back, in our thread, now and whenever something changes; what is returned ends that."""

        async def follow() -> None:
            async for now in self._engine.changes():
                callback(now)

        following = bridge.start(follow())

        def stop() -> None:
            following.cancel()

        return stop

    # -- doing

    def save(self, folder: Path | str) -> list[Path]:
        """Wait for all, write their outputs into a folder, and return where each lies.

        Outputs keep their names; where two calls wrote the same name, each call's go into a folder named after its
        input.

        Raises:
            NotSaved: the disk is full, or may not be written to. Whole files stand there, no halves.
            MapFailed: some calls ended badly; the outputs of the others are there.

        """
        with Line(self):
            bridge.run(self._until_ready("return", None))
        values = bridge.run(gathered.results(self._engine, self._job))
        pairs = list(zip(self._engine.items, values, strict=True))
        paths = bridge.run(saving.save(Path(folder), [(i, value) for i, value in pairs if isinstance(value, Result)]))
        if bad := [(item, value) for item, value in pairs if isinstance(value, Exception)]:
            raise gathered.failure(self._engine, bad, f" The outputs of the others are in {folder}.")
        return paths

    def retry(self) -> Map:
        """Send anew what ended badly, was cancelled or never sent; inputs are not stored again."""
        bridge.run(self._retry())
        return self

    async def _retry(self) -> None:
        await self._engine.retry()
        if self._sending is None or self._sending.done():
            self._send(lambda: None)

    def cancel(self) -> Map:
        """Send nothing more and end what runs. What has ended stays as it is."""
        bridge.run(self._engine.cancel())
        return self

    # -- how it looks

    def __repr__(self) -> str:
        return views.map_text(self.progress)

    def _repr_html_(self) -> str:
        return views.map_html(self.progress)

    def _ipython_display_(self) -> None:
        """A live line; the static one when all have ended well, or where no kernel can show a widget."""
        from .live.view import put, show

        if self.progress.over and not self.progress.failed:
            put(self.static())
        else:
            show(self.view, self.static())

    def notify(self) -> Map:
        """Show a notice in JupyterLab when all have ended; the same as ``cluster.watch(jobs)``."""
        from . import notices

        notices.watch(self, self._engine.cluster.profile.name, notices.of_map(self))
        return self

    def view(self) -> MapView:
        """A live view of it."""
        from .live.map import MapView, Ways

        return MapView(self, Ways(self._reasons, self._engine.cancel, self._retry))

    def _reasons(self, most: int) -> list[tuple[str, str]]:
        """Input and reason of at most so many that ended badly; asks nobody."""
        bad = (item for item in self._engine.items if item.over and self._engine.state(item) in BAD)
        return [(item.name, self._reason(item)) for item in islice(bad, most)]

    def _reason(self, item: Item) -> str:
        if item.error is not None:
            return str(item.error).splitlines()[0]
        done = item.facts.done if item.facts else None
        if done is None:
            return str(self._engine.state(item))
        last = done.lines.strip().splitlines()
        return f"exit {done.exit}: {last[-1]}" if last else f"exit {done.exit}"

    def static(self) -> dict[str, Any]:
        """What a saved notebook keeps of it."""
        failed = self._reasons(SHOWN) if self.progress.failed else []
        return {"text/plain": repr(self), "text/html": self._repr_html_() + views.failures_html(failed)}
