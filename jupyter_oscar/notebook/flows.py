"""Dataflows as a cell sees them: a file with its picture, its plan, and what became of it in NiFi."""

from __future__ import annotations

import base64
from contextlib import asynccontextmanager
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from jupyter_oscar.client.errors import FileMissing
from jupyter_oscar.flows.engines.base import FlowStatus

from .bridge import bridge
from .shown import QUIET
from .tables import Rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from jupyter_oscar.flows.engines.base import Engine, Outcome
    from jupyter_oscar.flows.findings import Report
    from jupyter_oscar.flows.graph import Graph
    from jupyter_oscar.flows.model import Flow
    from jupyter_oscar.flows.plan import Plan

T = TypeVar("T")


class Said(Generic[T]):
    """A value, and what it says to a person, line by line."""

    def __init__(self, value: T, text: str) -> None:
        self.value = value
        self._text = text

    def __repr__(self) -> str:
        return self._text

    def _repr_html_(self) -> str:
        # No <pre>: in an output it breaks lines in the middle of words, and what is indented would not stay so.
        lines = self._text.splitlines()
        return "".join(
            f'<div style="padding-left:{16 * line.startswith(" ")}px">{escape(line)}</div>' for line in lines
        )


class Picture:
    """Where the events of a dataflow go: a line for each way, and a drawing."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def __repr__(self) -> str:
        return str(self.graph)

    def _repr_html_(self) -> str:
        drawn = self.graph.svg()
        if drawn is None:
            return f"<pre>{escape(str(self.graph))}</pre>"
        # As an image: a drawing in the page itself would be taken out of a notebook that is not trusted.
        data = base64.b64encode(drawn.encode()).decode()
        return f'<img style="max-width:100%" alt="{escape(str(self.graph))}" src="data:image/svg+xml;base64,{data}">'


class Statuses(Rows[FlowStatus]):
    """Dataflows as they are now."""

    titles = ("flow", "state", "queued", "running", "what ails it")
    nothing = "No dataflows of ours there."

    def cells(self, row: FlowStatus) -> Sequence[str]:
        """The words of one row."""
        dead = f" + {row.dead:,} refused" if row.dead else ""
        of = row.running + row.stopped
        ails = " ".join(filter(None, [*row.invalid, *row.warnings, row.last_error]))
        return row.name, str(row.state), f"{row.queued:,}{dead}", f"{row.running} of {of}", ails


class Flows:
    """Dataflows on a NiFi: the one that is named, else the one a file names, else the only one known here."""

    def __init__(self, nifi: str | None = None) -> None:
        self._nifi = nifi

    def __repr__(self) -> str:
        where = f"the NiFi {self._nifi}" if self._nifi else "NiFi"
        return f'Dataflows on {where}: .status() lists them, .file("flow.yaml") reads a file.'

    def _repr_html_(self) -> str:
        return f"<span {QUIET}>{escape(repr(self))}</span>"

    def on(self, nifi: str) -> Flows:
        """The same on the NiFi that is known here by this name."""
        return Flows(nifi)

    def file(self, path: Path | str) -> FlowFile:
        """A dataflow's file, read and checked."""
        return FlowFile(path, self)

    def lint(self, path: Path | str) -> Said[Report]:
        """What is wrong in a file, each with its line and what to do."""
        return self.file(path).lint()

    def graph(self, path: Path | str) -> Picture:
        """Where the events of a file go."""
        return self.file(path).graph

    def plan(self, path: Path | str, **options: bool) -> Said[Plan]:
        """What deploying a file would change; nothing is written. Options as of :meth:`FlowFile.plan`."""
        return self.file(path).plan(**options)

    def apply(self, path: Path | str, **options: bool) -> Said[Outcome]:
        """Deploy a file; a new flow is not started. Options as of :meth:`FlowFile.apply`."""
        return self.file(path).apply(**options)

    def status(self, *names: str) -> Statuses:
        """Our dataflows as they are now, or those named."""

        async def work() -> list[FlowStatus]:
            async with self.engine() as engine:
                return await engine.status(names or None)

        return Statuses(bridge.run(work()))

    def start(self, name: str) -> Statuses:
        """Start it, destinations first."""

        async def work() -> FlowStatus:
            async with self.engine() as engine:
                return await engine.start(name)

        return Statuses([bridge.run(work())])

    def stop(self, name: str) -> Statuses:
        """Stop it, sources first. What is queued stays queued."""

        async def work() -> FlowStatus:
            async with self.engine() as engine:
                return await engine.stop(name)

        return Statuses([bridge.run(work())])

    def drain(self, name: str, *, seconds: float = 60) -> Statuses:
        """Stop its sources, wait until nothing is queued, stop the rest.

        Raises:
            TimedOut: something was still queued after ``seconds``.

        """

        async def work() -> FlowStatus:
            async with self.engine() as engine:
                return await engine.drain(name, seconds=seconds)

        return Statuses([bridge.run(work())])

    def delete(self, name: str, *, empty: bool = False, keep_queues: bool = False) -> None:
        """Remove it from NiFi, and what was made for it in AWS, with this machine's keys.

        What is queued is thrown away with ``empty``, else it is a reason to refuse; with ``keep_queues`` nothing is
        done in AWS.
        """

        async def work() -> None:
            async with self.engine() as engine:
                await engine.delete(name, empty=empty, keep_queues=keep_queues, progress=print)

        bridge.run(work())

    @asynccontextmanager
    async def engine(self, flow: Flow | None = None, *, secrets: bool = False) -> AsyncIterator[Engine]:
        """The NiFi for as long as something is asked of it."""
        from jupyter_oscar.flows.engines import choose

        engine = choose(flow, self._nifi, secrets=secrets)
        try:
            yield engine
        finally:
            await engine.aclose()


class FlowFile:
    """One dataflow's file. It is read anew at each use, as it is edited meanwhile."""

    def __init__(self, path: Path | str, flows: Flows) -> None:
        self.path = Path(path)
        self._flows = flows
        if not self.path.is_file():
            msg = f"There is no file {self.path}."
            raise FileMissing(msg, hint="Check the path.")

    def __repr__(self) -> str:
        from jupyter_oscar.flows import lint
        from jupyter_oscar.flows.graph import Graph

        report = lint.check(self.path)
        lines = [str(Graph(report.flow))] if report.flow else []
        return "\n".join([*lines, *([str(report)] if report.findings else [])])

    def _repr_html_(self) -> str:
        from jupyter_oscar.flows import lint
        from jupyter_oscar.flows.graph import Graph

        report = lint.check(self.path)
        drawn = Picture(Graph(report.flow))._repr_html_() if report.flow else ""
        return drawn + (Said(report, str(report))._repr_html_() if report.findings else "")

    def lint(self) -> Said[Report]:
        """What is wrong in it, each with its line and what to do."""
        from jupyter_oscar.flows import lint

        report = lint.check(self.path)
        return Said(report, str(report))

    @property
    def graph(self) -> Picture:
        """Where its events go."""
        from jupyter_oscar.flows.graph import Graph

        return Picture(Graph(self._read()))

    def plan(self, *, secrets: bool = False, adopt: bool = False, allow_missing: bool = False) -> Said[Plan]:
        """What deploying it would change; nothing is written.

        Secrets that the file only refers to are read from this machine, and so compared, with ``secrets=True`` alone.
        ``adopt`` takes over a group of the same name that was not made from here; ``allow_missing`` plans also where
        that NiFi lacks a processor.

        Raises:
            FlowError: the file is wrong.
            ProfileNotFound: no NiFi is known.
            SecretsUnconfirmed: the login at NiFi is one that the file only refers to.

        """
        flow = self._read()

        async def work() -> Plan:
            from jupyter_oscar.flows import plan

            async with self._flows.engine(flow, secrets=secrets) as engine:
                return await plan.prepare(
                    flow, engine, secrets=secrets, look=True, adopt=adopt, allow_missing=allow_missing
                )

        made = bridge.run(work())
        return Said(made, str(made))

    def apply(self, *, secrets: bool = False, adopt: bool = False, allow_missing: bool = False) -> Said[Outcome]:
        """Deploy it. What is as the file says is left alone; on failure what was made is undone.

        Secrets that the file only refers to (``env:NAME``, ``file:PATH``, ``keyring:SERVICE/USER``), this machine's
        keys for AWS and tokens of known clusters are read and sent to NiFi only with ``secrets=True``: look first
        whether the file may have them.

        Raises:
            SecretsUnconfirmed: the file wants secrets of this machine; the error names them.
            FlowError: the file is wrong; nothing was done.
            FlowRefused: the plan refuses; nothing was done.

        """
        flow = self._read()

        async def work() -> Outcome:
            from jupyter_oscar.flows import plan

            async with self._flows.engine(flow, secrets=secrets) as engine:
                made = await plan.prepare(flow, engine, secrets=secrets, adopt=adopt, allow_missing=allow_missing)
                return await engine.apply(made, print)

        outcome = bridge.run(work())
        done = "" if outcome.done else "nothing to change"
        return Said(outcome, "\n".join(filter(None, [f"{outcome.name}: {done or 'deployed'}", *outcome.notes])))

    def delete(self, *, secrets: bool = False, empty: bool = False, keep_queues: bool = False) -> None:
        """Remove it from NiFi, and what was made for it in AWS, with the file's keys. Words as of ``Flows.delete``.

        Raises:
            SecretsUnconfirmed: those keys, or the login at NiFi, are what the file only refers to.

        """
        from jupyter_oscar.flows import aws
        from jupyter_oscar.flows import secrets as finding

        flow = self._read()
        known = aws.queues(flow)
        if known and not keep_queues:
            places = [one for one in finding.elsewhere(flow) if one.element in {queue.element for queue in known}]
            if places and not secrets:
                raise finding.unconfirmed(flow, places)
            known = aws.queues(finding.follow_aws(flow))

        async def work() -> None:
            async with self._flows.engine(flow, secrets=secrets) as engine:
                await engine.delete(flow.name, empty=empty, queues=known, keep_queues=keep_queues, progress=print)

        bridge.run(work())

    def _read(self) -> Flow:
        from jupyter_oscar.flows import lint

        return lint.load(self.path)


def flow(path: Path | str, nifi: str | None = None) -> FlowFile:
    """A dataflow's file: its picture, its plan, and ``apply``; on the NiFi of that name, or the one the file names."""
    return Flows(nifi).file(path)
