"""News of running calls: the only poller.

Whoever waits for a call says so here; one task looks for all of them and sleeps when nobody waits. The end of a call is
learned from its bucket (one listing for all calls of a folder, since ids sort by time), because a real OSCAR answers
only about five requests a second in all (oscar.md §0.3 point 1). Its lists of jobs are read last and slowly, one at a
time, to learn of ends that leave nothing in a bucket.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from .errors import OscarError, StorageFailed, TimedOut, Unreachable, UpstreamFailed
from .jobs import Facts, Row, state

if TYPE_CHECKING:
    from .cluster import Cluster
    from .records import Call

# Looks grow apart with the age of the youngest call, and never take more than half of the time.
SOONEST: Final = 0.005
LATEST: Final = 2.0
PER_AGE: Final = 0.1
PER_COST: Final = 1
# A call's own log costs the server about four requests. Untracked calls end with it, so it is read soon; a tracked one
# that is silent for this long may have failed before its script began. Then at intervals that grow with its age.
LOG_SOONEST: Final = 0.3
LOG_TRACKED: Final = 5.0
LOG_LATEST: Final = 20.0
# A list costs one request per job of the service: for ends that show neither in a bucket nor in a log (an untracked
# service at CRITICAL shows none in its log), and at most once a minute.
LIST_UNTRACKED: Final = 5.0
LIST_TRACKED: Final = 30.0
NEXT_LIST: Final = 60.0
# How long a cluster or its storage may fail before those who wait are told.
PATIENCE: Final = 120.0
PASSING: Final = (StorageFailed, TimedOut, Unreachable, UpstreamFailed)


@dataclass
class Waiting:
    """One call that somebody waits for."""

    call: Call
    ended: asyncio.Future[Facts]
    facts: Facts
    since: float = field(default_factory=time.monotonic)
    log_due: float = 0.0
    users: int = 0

    @property
    def age(self) -> float:
        """Seconds since the waiting began."""
        return time.monotonic() - self.since


class Watch:
    """The poller of one cluster; lives on the loop of whoever waits first."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._waiting: dict[str, Waiting] = {}
        self._lists_due: dict[str, float] = {}
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._failing_since: float | None = None

    async def aclose(self) -> None:
        """Stop looking; whoever still waits is cancelled."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        for waiting in self._waiting.values():
            waiting.ended.cancel()

    async def until_ended(self, call: Call) -> Facts:
        """Wait for a call's end and say what is known of it then. Cancelling the wait leaves the job alone."""
        ended = self.enter(call)
        try:
            return await asyncio.shield(ended)
        finally:
            self.leave(call)

    def enter(self, call: Call) -> asyncio.Future[Facts]:
        """Begin to wait for a call: what it returns is told the end. Whoever enters leaves again."""
        waiting = self._waiting.get(call.id)
        if waiting is None:
            facts = Facts(tracked=call.tracked, cancelled=call.cancelled is not None)
            waiting = Waiting(call, asyncio.get_running_loop().create_future(), facts)
            self._waiting[call.id] = waiting
        waiting.users += 1
        self._news.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="jupyter-oscar watch")
        return waiting.ended

    def leave(self, call: Call) -> None:
        """Wait no more; the last to leave ends the looking."""
        if waiting := self._waiting.get(call.id):
            waiting.users -= 1
            if not waiting.users:
                del self._waiting[call.id]

    async def _run(self) -> None:
        while self._waiting:
            began = time.monotonic()
            try:
                await self._look()
                self._failing_since = None
            except PASSING as error:
                self._bear(error)
            except Exception as error:  # noqa: BLE001 - whoever waits must learn of any failure, or waits for ever
                self._fail(error)
            cost = time.monotonic() - began
            youngest = min((waiting.age for waiting in self._waiting.values()), default=0.0)
            pause = max(SOONEST, min(LATEST, youngest * PER_AGE), cost * PER_COST)
            self._news.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._news.wait(), pause)

    def _bear(self, error: OscarError) -> None:
        """Storage is away for a moment whenever a service is made, networks come back: not at once a failure."""
        now = time.monotonic()
        self._failing_since = self._failing_since or now
        if now - self._failing_since > PATIENCE:
            self._fail(error)

    def known(self, call: Call) -> Facts | None:
        """What is known of a call that somebody waits for; asks nobody."""
        waiting = self._waiting.get(call.id)
        return waiting.facts if waiting else None

    def cancelled(self, call: Call) -> None:
        """We ended this call ourselves."""
        if waiting := self._waiting.get(call.id):
            waiting.facts = replace(waiting.facts, cancelled=True, row_gone=True)
            self._tell(waiting)

    def _fail(self, error: Exception) -> None:
        """Nobody can be told of an end now: everybody who waits learns why."""
        for waiting in self._waiting.values():
            if not waiting.ended.done():
                waiting.ended.set_exception(error)

    async def _look(self) -> None:
        for name, facts in (
            await self._cluster.calls.look_in_buckets([w.call for w in self._waiting.values()])
        ).items():
            if waiting := self._waiting.get(name):
                told = waiting.facts
                waiting.facts = replace(
                    facts,
                    cancelled=facts.cancelled or told.cancelled,
                    row=told.row,
                    row_gone=told.row_gone,
                    has_log=told.has_log,
                    log_end=told.log_end,
                    seen_running=told.seen_running,
                )
                self._tell(waiting)
        for waiting in list(self._waiting.values()):
            if not waiting.ended.done():
                await self._look_at_log(waiting)
        await self._look_at_lists()

    async def _look_at_log(self, waiting: Waiting) -> None:
        """The call's own log, read more and more seldom."""
        patient = waiting.call.tracked and waiting.call.cancelled is None
        if time.monotonic() < waiting.log_due or (patient and waiting.age < LOG_TRACKED):
            return
        log = await self._cluster.calls.look_in_log(waiting.call)
        if waiting.call.tracked and log.get("log_end"):
            # The bucket was read before the log: what arrived in between is there now.
            waiting.facts = await self._cluster.calls.look_in_bucket(waiting.call)
        waiting.facts = replace(waiting.facts, **log)
        waiting.log_due = time.monotonic() + min(LOG_LATEST, max(LOG_SOONEST, waiting.age * 0.5))
        self._tell(waiting)

    async def _look_at_lists(self) -> None:
        """The list of the one service whose turn it is, for calls that have been silent for a while."""
        now = time.monotonic()
        silent = {
            w.call.service
            for w in self._waiting.values()
            if not w.ended.done() and w.age > (LIST_TRACKED if w.call.tracked else LIST_UNTRACKED)
        }
        due = next((name for name in sorted(silent) if self._lists_due.get(name, 0.0) <= now), None)
        if due is None:
            return
        self._lists_due[due] = now + NEXT_LIST
        rows = await self._cluster.jobs.list(due)
        for waiting in [w for w in self._waiting.values() if w.call.service == due]:
            name = await self._cluster.names.known(waiting.call)
            if name is not None:
                await self._apply(waiting, rows.get(name))

    async def _apply(self, waiting: Waiting, row: Row | None) -> None:
        facts = replace(waiting.facts, row=row.status if row else None, row_gone=row is None)
        facts = replace(facts, seen_running=facts.seen_running or facts.row == "Running")
        if row is None or row.status == "Succeeded":
            # The bucket was read before the list: what ended in between is there now.
            fresh = await self._cluster.calls.look(waiting.call)
            facts = replace(
                fresh,
                row=facts.row,
                row_gone=facts.row_gone,
                seen_running=facts.seen_running,
                cancelled=facts.cancelled,
            )
        waiting.facts = facts
        self._tell(waiting)

    def _tell(self, waiting: Waiting) -> None:
        if not waiting.ended.done() and state(waiting.facts).ended:
            waiting.ended.set_result(waiting.facts)
