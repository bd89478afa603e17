"""News of running calls: the only poller.

Whoever waits for a call says so here; one task looks for all of them and sleeps when nobody waits. A real OSCAR answers
only about five requests a second in all (oscar.md §0.3 point 1), so nothing is asked of it for each call of a crowd:

- the end of a tracked call is learned from its bucket: one listing for all calls of a folder, since ids sort by time,
  and one read for each that has ended;
- a call's own log is read where only a few are waited for, and for untracked calls, of a crowd one at a time;
- the list of a service's jobs is read last and slowly, one at a time, for calls that are silent: it tells which of
  them run, and which ended without leaving anything in a bucket;
- the list of services is read for whoever shows it, once for all of them, and only when somebody asks.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from .errors import NotAllowed, NotAuthenticated, NotFound, OscarError, ServiceNotFound
from .jobs import Facts, state
from .policy import PASSING, PATIENCE, RENEWAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .cluster import Cluster
    from .jobs import Row
    from .records import Call

# Looks grow apart with the age of the youngest call, in its first second slowly: so long the shortest calls take, and
# their end is told without delay. They never take more than half of the time.
SOONEST: Final = 0.005
LATEST: Final = 2.0
PER_AGE: Final = 0.1
PER_COST: Final = 1
# More calls than these are a crowd. It is looked at no sooner than this after the last look, whoever joins it.
FEW: Final = 4
CROWD_SOONEST: Final = 0.25
# A call's own log costs the server about four requests. Untracked calls end with it, so it is read soon; a tracked one
# that is silent for this long may have failed before its script began. Then at intervals that grow with its age.
LOG_SOONEST: Final = 0.3
LOG_TRACKED: Final = 5.0
LOG_LATEST: Final = 20.0
# The logs of a crowd are read for so long at a look, in seconds, and then not for so many times what that took.
LOG_TURN: Final = 0.05
LOG_REST: Final = 4
# A list costs one request per job of the service, so it is read at most once a minute, and for at most a tenth of the
# time. A few tracked calls have their logs, so theirs can wait.
LIST_SOONEST: Final = 5.0
LIST_CROWD: Final = 10.0
LIST_FEW: Final = 30.0
NEXT_LIST: Final = 60.0
LIST_REST: Final = 10
OVER: Final = frozenset({"Succeeded", "Failed"})
# How old, in seconds, the list of services may be that is shown.
SERVICES: Final = 15.0


@dataclass(eq=False)
class Waiting:
    """One call that somebody waits for."""

    call: Call
    ended: asyncio.Future[Facts]
    facts: Facts
    since: float = field(default_factory=time.monotonic)
    log_due: float = 0.0
    users: int = 0
    #: The server's list says that its pod has ended well; whether it said anything is still to be read.
    pod_over: bool = False

    @property
    def age(self) -> float:
        """Seconds since the waiting began."""
        return time.monotonic() - self.since

    def learn(self, facts: Facts) -> None:
        """Take in what is known now, and tell who waits if that is the end."""
        self.facts = facts
        if not self.ended.done() and state(facts).ended:
            self.ended.set_result(facts)


class Watch:
    """The poller of one cluster; lives on the loop of whoever waits first."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._waiting: dict[str, Waiting] = {}
        self._logs_due = 0.0
        self._lists_due: dict[str, float] = {}
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._failing_since: float | None = None
        self._reading_services = asyncio.Lock()

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

    def known(self, call: Call) -> Facts | None:
        """What is known of a call that somebody waits for; asks nobody."""
        waiting = self._waiting.get(call.id)
        return waiting.facts if waiting else None

    def cancelled(self, call: Call) -> None:
        """We ended this call ourselves."""
        if waiting := self._waiting.get(call.id):
            waiting.learn(replace(waiting.facts, cancelled=True, row_gone=True))

    async def services(self) -> Sequence[dict[str, Any]]:
        """The list of services, as the server says it, at most 15 s old; however many ask, it is read once."""
        services = self._cluster.services
        async with self._reading_services:
            if services.last_rows is None or time.monotonic() - services.last_rows_at > SERVICES:
                await services.rows()
        return services.last_rows or ()

    # -- the looking

    @property
    def _going(self) -> list[Waiting]:
        return [waiting for waiting in self._waiting.values() if not waiting.ended.done()]

    @property
    def _crowd(self) -> bool:
        return len(self._waiting) > FEW

    async def _run(self) -> None:
        while self._waiting:
            began = time.monotonic()
            self._news.clear()
            try:
                await self._look()
                self._failing_since = None
            except PASSING as error:
                self._bear(error, PATIENCE)
            except NotAuthenticated as error:
                # Whoever renews a token for us may be a moment late.
                self._bear(error, RENEWAL if self._cluster.profile.credentials.changes else 0.0)
            except Exception as error:  # noqa: BLE001 - whoever waits must learn of any failure, or waits for ever
                self._fail(self._going, error)
            await self._pause(time.monotonic() - began)

    async def _pause(self, cost: float) -> None:
        youngest = min((waiting.age for waiting in self._waiting.values()), default=0.0)
        pause = max(SOONEST, min(LATEST, youngest * PER_AGE * min(1.0, youngest)), cost * PER_COST)
        if self._crowd:
            # Who joins a crowd does not hurry it.
            await asyncio.sleep(CROWD_SOONEST)
            pause -= CROWD_SOONEST
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._news.wait(), max(0.0, pause))

    def _bear(self, error: OscarError, patience: float) -> None:
        """Storage is away for a moment whenever a service is made, networks come back: not at once a failure."""
        now = time.monotonic()
        self._failing_since = self._failing_since or now
        if now - self._failing_since >= patience:
            self._fail(self._going, error)

    def _fail(self, some: Iterable[Waiting], error: Exception) -> None:
        """Their ends cannot be told: whoever waits for one of them learns why."""
        for waiting in some:
            if not waiting.ended.done():
                waiting.ended.set_exception(error)

    async def _fail_missing(self, some: Sequence[Waiting], error: OscarError) -> None:
        """The same for what is gone, which usually means that its service is.

        Who is no admin is not told so by cluster and storage, but refused: whether the service is listed says it.
        """
        service = some[0].call.service
        if isinstance(error, (NotFound, NotAllowed)):
            with contextlib.suppress(OscarError):
                if service not in {row.get("name") for row in await self._cluster.services.rows()}:
                    error = deleted(service)
        self._fail(some, error)

    async def _look(self) -> None:
        await self._look_in_buckets(self._going)
        await self._look_in_logs()
        await self._look_at_lists()

    async def _look_in_buckets(self, some: Iterable[Waiting]) -> None:
        groups: dict[tuple[str, str], list[Waiting]] = {}
        for waiting in some:
            if waiting.call.place is not None:
                groups.setdefault((waiting.call.service, waiting.call.place[0]), []).append(waiting)
        for group in groups.values():
            try:
                found = await self._cluster.calls.look_in_buckets([waiting.call for waiting in group])
            except PASSING:
                raise
            except OscarError as error:
                await self._fail_missing(group, error)
                continue
            for waiting in group:
                if (fresh := found.get(waiting.call.id)) is not None:
                    facts = replace(waiting.facts, done=fresh.done, outputs_complete=fresh.outputs_complete)
                    waiting.learn(replace(facts, has_outputs=fresh.has_outputs))

    async def _look_in_logs(self) -> None:
        """Calls' own logs, when each is due; of a crowd those that have waited longest, and only for a moment."""
        began = time.monotonic()
        if self._crowd and began < self._logs_due:
            return
        due = [waiting for waiting in self._going if waiting.log_due <= began and self._log_tells(waiting)]
        for waiting in sorted(due, key=lambda waiting: waiting.log_due):
            await self._look_in_log(waiting)
            if self._crowd and time.monotonic() - began > LOG_TURN:
                break
        self._logs_due = time.monotonic() + LOG_REST * (time.monotonic() - began)

    def _log_tells(self, waiting: Waiting) -> bool:
        """Whether a call's end may show in its log and nowhere else."""
        if not waiting.call.tracked or waiting.call.cancelled:
            return True
        return not self._crowd and waiting.age > LOG_TRACKED

    async def _look_in_log(self, waiting: Waiting) -> None:
        log = await self._cluster.calls.look_in_log(waiting.call)
        if waiting.call.tracked and log.get("log_end"):
            # The bucket was read before the log: what arrived in between is there now.
            await self._look_in_buckets([waiting])
        if waiting.pod_over:
            log["row"] = "Succeeded"
        waiting.log_due = time.monotonic() + min(LOG_LATEST, max(LOG_SOONEST, waiting.age * 0.5))
        waiting.learn(replace(waiting.facts, **log))

    async def _look_at_lists(self) -> None:
        """The list of the one service whose turn it is, for calls that have been silent for a while."""
        now = time.monotonic()
        tracked = LIST_CROWD if self._crowd else LIST_FEW
        silent = {w.call.service for w in self._going if w.age > (tracked if w.call.tracked else LIST_SOONEST)}
        due = next((name for name in sorted(silent) if self._lists_due.get(name, 0.0) <= now), None)
        if due is None:
            return
        self._lists_due[due] = now + NEXT_LIST
        # Who joins while the list is being read is not in it.
        some = [waiting for waiting in self._going if waiting.call.service == due]
        try:
            rows = await self._cluster.jobs.list(due)
        except NotAllowed:
            # Somebody else's service: what its calls leave in the bucket is all we may see.
            self._lists_due[due] = math.inf
            return
        except NotFound as error:
            await self._fail_missing(some, error)
            return
        cost = time.monotonic() - now
        self._lists_due[due] = now + max(NEXT_LIST, LIST_REST * cost)
        await self._compare(some, rows)

    async def _compare(self, some: Sequence[Waiting], rows: Mapping[str, Row]) -> None:
        """What a list says of those who waited when it was read."""
        all_over = all(row.status in OVER for row in rows.values())
        ended: list[tuple[Waiting, str | None]] = []
        for waiting in some:
            name = await self._cluster.names.known(waiting.call)
            if name is not None:
                row = rows.get(name)
                status = row.status if row else None
            elif all_over:
                # An older server does not say which is ours, but it is one of them.
                status = "Succeeded"
            else:
                continue
            if status in {None, "Succeeded"}:
                ended.append((waiting, status))
            else:
                running = waiting.facts.seen_running or status == "Running"
                waiting.learn(replace(waiting.facts, row=status, row_gone=False, seen_running=running))
        # The bucket was read before the list: what ended in between is there now.
        await self._look_in_buckets(waiting for waiting, _ in ended)
        untracked = [waiting.call for waiting, status in ended if status and not waiting.call.tracked]
        shown = await self._cluster.calls.with_outputs(untracked)
        for waiting, status in ended:
            if waiting.ended.done():
                continue
            if status and not waiting.call.tracked and waiting.call.id not in shown:
                waiting.pod_over, waiting.log_due = True, 0.0
                continue
            shows = waiting.facts.has_outputs or waiting.call.id in shown
            waiting.learn(replace(waiting.facts, row=status, row_gone=status is None, has_outputs=shows))


def deleted(service: str) -> ServiceNotFound:
    """What there is to say to those who wait for calls of a service that is no more."""
    msg = f'Service "{service}" was deleted while it was being called.'
    return ServiceNotFound(msg, hint="Its buckets went with it. Deploy it again, and send the calls anew.")
