"""Maps: many calls of one service, sent and watched together (DESIGN §5, §6).

An input costs one PUT and one POST, a hundred inputs one record more, and an end one read: that it has come is learned
from one listing for all (``watch``). Inputs are drawn as they are needed, so that ten thousand of them need not be in
memory; sending goes on behind whoever looks. Where things lie and how ids are made is in ``records``, names in
``runs``.

Hundreds are recorded in their order, and only after their inputs are stored: whatever is recorded can be submitted by
anybody, and what is not recorded are the last inputs by name. That is what lets two kernels go on with one run.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter, deque
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .calls import Payload, Reference, with_digest
from .errors import FileMissing, InvalidRequest, JobNotFound, NotAllowed, OscarError, ServiceNotFound
from .jobs import Facts, State, state
from .records import ATTEMPTS, BLOCK, MOST, Place, new_stem
from .runs import changed_since
from .staging import staged_key
from .watch import PASSING, deleted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence

    from .cluster import Cluster
    from .records import Call
    from .runs import Input, Manifest
    from .service import Service

# Inputs are drawn ahead of the sending up to this many bytes; a file or an object counts as little.
AHEAD: Final = 16 * 1024 * 1024
LIGHT: Final = 500
# Hundreds under way at once.
BLOCKS: Final = 3
# Jobs a second that a real server starts, whatever one does (oscar.md §0.3).
START_RATE: Final = 2.4
# Back-off of what is sent again, in seconds.
AGAIN_SOONEST: Final = 1.0
AGAIN_LATEST: Final = 60.0
# News are told at most so often.
APART: Final = 0.05
# A service that is called for long is looked at so often, in seconds, lest it be another by then; and once more when
# all is sent.
LOOK_AT_SERVICE: Final = 20.0
# How many jobs are ended at once.
ENDING: Final = 8


@dataclass(slots=True, eq=False)
class Item:
    """One input and what became of it."""

    index: int
    name: str
    payload: Payload | None
    number: int = -1
    attempt: int = 0
    call: Call | None = None
    #: The cluster has taken it.
    accepted: bool = False
    #: It was submitted, though we may not have heard that it was taken.
    submitted: bool = False
    #: How it ended, for good.
    facts: Facts | None = None
    error: Exception | None = None
    retries: int = 0
    script_retries: int = 0

    @property
    def planned(self) -> Call:
        """The call, of an item that has one."""
        if self.call is None:
            msg = f"{self.name} has not been staged."
            raise RuntimeError(msg)
        return self.call

    @property
    def over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.facts is not None or self.error is not None


class Progress(NamedTuple):
    """How far a map is. ``total`` is None while inputs are still being drawn; ``seconds_left`` where it can be told."""

    name: str
    service: str
    total: int | None
    known: int
    ended: int
    counts: dict[State, int]
    seconds_left: float | None

    @property
    def failed(self) -> int:
        """How many ended badly, cancelled ones not counted."""
        return sum(self.counts.get(one, 0) for one in (State.FAILED, State.LOST, State.UNKNOWN))

    @property
    def cancelled(self) -> int:
        """How many we ended ourselves."""
        return self.counts.get(State.CANCELLED, 0)

    @property
    def over(self) -> bool:
        """Whether all have ended."""
        return self.total is not None and self.ended >= self.total


@dataclass
class Options:
    """How a map is carried out."""

    run: str | None = None
    retries: int = 0
    script_retries: int = 0


class Map:
    """The calls of one map. All but :meth:`draw` runs on one loop."""

    #: What is called, once :meth:`start` has read it.
    service: Service

    def __init__(self, cluster: Cluster, service: str, payloads: Iterable[Payload] | None, options: Options) -> None:
        if min(options.retries, options.script_retries) < 0 or options.retries + options.script_retries >= ATTEMPTS:
            msg = f"A call is sent again at most {ATTEMPTS - 1} times."
            raise InvalidRequest(msg)
        self.cluster = cluster
        self.service_name = service
        self.options = options
        self.items: list[Item] = []
        self.manifest: Manifest | None = None
        #: What stopped the sending, if something did.
        self.trouble: Exception | None = None
        #: The order in which calls ended, as indices.
        self.order: list[int] = []
        #: Without inputs, those that the run has.
        self._source = iter(payloads or ())
        self._all_recorded = payloads is None
        self._exhausted = False
        # Bytes drawn, and bytes let go of: the one is counted where inputs are drawn, the other on the loop.
        self._weight = self._released = 0
        self._bucket = ""
        self._stem = ""
        self._unsent: deque[Item] = deque()
        self._unsure: list[Item] = []
        self._next = 0
        self._given: Counter[str] = Counter()
        self._recorded: set[int] = set()
        self._sending: asyncio.Task[Any] | None = None
        self._sent = False
        self._unseen: dict[str, Item] = {}
        self._blind: Exception | None = None
        self._stopped = False
        self._watched: dict[str, Call] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiters: set[asyncio.Future[None]] = set()
        self._told = 0.0
        self._telling: asyncio.TimerHandle | None = None
        self._began = time.monotonic()
        self._ends: deque[float] = deque(maxlen=200)
        self._service_seen = 0.0

    # -- what is known

    @property
    def name(self) -> str:
        """The run's name, or the service's."""
        return self.options.run or self.service_name

    @property
    def stopped(self) -> bool:
        """Whether sending was given up."""
        return self._stopped

    @property
    def _drawn(self) -> bool:
        """Whether no more inputs will come."""
        return self._exhausted or self._stopped

    @property
    def _ahead(self) -> int:
        """Bytes that are drawn and not stored yet."""
        return self._weight - self._released

    @property
    def total(self) -> int | None:
        """How many inputs, or None while they are still being drawn."""
        return len(self.items) if self._drawn else None

    @property
    def over(self) -> bool:
        """Whether everything has ended."""
        return self._drawn and len(self.order) >= len(self.items)

    def state(self, item: Item) -> State:
        """The state of one call, without asking anybody."""
        if item.facts is not None:
            return state(item.facts)
        if item.error is not None:
            return State.FAILED
        if item.call is not None and item.accepted:
            facts = self.cluster.watch.known(item.call)
            now = state(facts) if facts else State.QUEUED
            # One that will be sent again has not ended.
            return State.QUEUED if now.ended else now
        return State.QUEUED

    def progress(self) -> Progress:
        """How far it is, without asking anybody."""
        counts = Counter(self.state(item) for item in list(self.items))
        return Progress(
            self.name,
            self.service_name,
            self.total,
            len(self.items),
            len(self.order),
            {one: counts[one] for one in State if counts[one]},
            self._seconds_left(),
        )

    def _seconds_left(self) -> float | None:
        """From measured ends: the last ones count, so that a slow beginning is forgotten."""
        left = len(self.items) - len(self.order)
        if not left or not self._drawn:
            return 0.0 if self._drawn else None
        if len(self._ends) < 2:  # noqa: PLR2004 - a rate needs two
            return None
        now = time.monotonic()
        first = self._ends[0] if len(self._ends) == self._ends.maxlen else self._began
        return left * max(now - first, 0.001) / len(self._ends)

    @property
    def least_seconds(self) -> float | None:
        """How long the server's start rate makes it at least; None on a sandbox, which has none of its own."""
        if self.cluster.profile.sandbox:
            return None
        return sum(not item.over for item in self.items) / START_RATE

    def call_of(self, item: Item) -> Call:
        """The record of a call, as planned where it is not stored yet."""
        if item.call is not None:
            return item.call
        identity = Place(self._stem, max(item.number, 0), item.attempt).id
        return self.cluster.calls.plan_known(self.service, item.name, identity=identity, bucket=self._bucket)

    # -- inputs

    def draw(self, most: int = MOST) -> None:
        """Take inputs until enough are ahead. Runs in a thread of its own or the caller's, for they may be slow."""
        while not self._drawn and self._ahead < AHEAD and most > 0:
            try:
                payload = next(self._source)
            except StopIteration:
                self._exhausted = True
                return
            if len(self.items) >= MOST:
                msg = f"A map takes at most {MOST} inputs."
                raise InvalidRequest(msg, hint="Make several.")
            item = Item(len(self.items), payload.name, payload)
            self._weight += _weight(payload)
            self.items.append(item)
            self._unsent.append(item)
            most -= 1

    # -- the beginning

    async def start(self) -> None:
        """Read the service, and the run's records if it has a name. Nothing is sent yet.

        Raises:
            ServiceNotFound, TrackingRefused: as for a single call.
            RunChanged: the service or an input is not what it was.

        """
        self.service = await self.cluster.services.get(self.service_name)
        self._service_seen = time.monotonic()
        await self.cluster.config()
        own = await self.cluster.calls.records.own_bucket(make=self.service.home is None)
        self._bucket = self.service.home or own
        self.cluster.calls.plan_known(self.service, "")  # refuses what cannot be tracked
        if self.options.run is None:
            self._stem = new_stem(self.service_name)
            await self._number()
        else:
            await self._begin_run(self.options.run, own)

    async def _begin_run(self, run: str, own: str) -> None:
        wanted = [self._input(item) for item in self.items]
        try:
            begun = await self.cluster.runs.begin(run, self.service, self._bucket, wanted)
        except NotAllowed:
            self._bucket = await self.cluster.calls.records.own_bucket()
            begun = await self.cluster.runs.begin(run, self.service, own, wanted)
        self.manifest, before, numbers = begun
        self._stem = self.manifest.stem
        for item, given in zip(self.items, numbers, strict=True):
            item.number = given
        if before:
            await self._attach(self.manifest)
        self._unsent = deque(sorted((item for item in self.items if item.call is None), key=lambda item: item.number))

    def _input(self, item: Item) -> Input:
        """What tells an input of a run from the others."""
        self._given[item.name] += 1
        return item.name, self._given[item.name] - 1

    async def _attach(self, run: Manifest) -> None:
        """Give recorded inputs their calls, and learn which have ended."""
        recorded = await self.cluster.calls.records.of_map(self._bucket, self._stem)
        if self._all_recorded:
            self.items = [Item(index, call.name, None, _place(call).number) for index, call in enumerate(recorded)]
        known = {_place(call).number: call for call in recorded}
        matched = [item for item in self.items if item.number in known]
        changed: list[str] = []
        for item in matched:
            before = known[item.number]
            if item.payload is not None and not await _same(item.payload, before):
                changed.append(item.name)
            item.call, item.payload, item.attempt = before, None, _place(before).attempt
        if changed:
            few = ", ".join(changed[:3]) + (f" and {len(changed) - 3} more" if len(changed) > 3 else "")  # noqa: PLR2004
            raise changed_since(run, f"{len(changed)} of its inputs have changed ({few})")
        facts = await self.cluster.calls.look_in_buckets([item.planned for item in matched])
        for item in matched:
            found = facts.get(item.planned.id)
            if found is not None and state(found).ended:
                item.accepted = True
                self._end(item, found)
            else:
                self._unsure.append(item)
        # Ends of before say nothing of the speed of now.
        self._ends.clear()

    async def _number(self) -> None:
        """Give drawn inputs their numbers; in a run the other kernels that go on with it know them too."""
        fresh = [item for item in self._unsent if item.number < 0]
        if self.manifest is None:
            numbers: Sequence[int] = range(self._next, self._next + len(fresh))
            self._next += len(fresh)
        else:
            wanted = [self._input(item) for item in fresh]
            self.manifest, numbers = await self.cluster.runs.number(self.manifest, wanted)
        for item, number in zip(fresh, numbers, strict=True):
            item.number = number

    # -- sending

    async def send(self) -> None:
        """Stage, record and submit everything; returns when the cluster has taken all, or when sending stopped."""
        self._sending, self._sent = asyncio.current_task(), False
        try:
            await self._send()
        except OscarError as error:
            self._stop(error)
        except Exception as error:
            self._stop(error)
            raise
        finally:
            self._sent = True
            self._tell()

    async def _send(self) -> None:
        while self._unsure and not self._stopped:
            some, self._unsure = self._unsure[:BLOCK], self._unsure[BLOCK:]
            await self._submit_all(some)
        before = asyncio.Event()
        before.set()
        under_way: set[asyncio.Task[None]] = set()
        try:
            while not self._stopped:
                if len(self._unsent) < BLOCK and not self._drawn and self._ahead < AHEAD:
                    await asyncio.to_thread(self.draw, 2 * BLOCK)
                    await self._number()
                    continue
                if not self._unsent:
                    if self._drawn:
                        break
                    under_way = await _one_less(under_way)
                    continue
                await self._look_at_service()
                after = asyncio.Event()
                block = self._next_block()
                under_way.add(asyncio.ensure_future(self._send_block(block, before, after)))
                before = after
                if len(under_way) >= BLOCKS:
                    under_way = await _one_less(under_way)
            await asyncio.gather(*under_way)
        except BaseException:
            self._stopped = True
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
            raise
        if self.manifest is not None:
            ours = [item.call for item in self.items if item.call and item.number // BLOCK in self._recorded]
            await self.cluster.calls.records.put_missing([call for call in ours if not _place(call).attempt])
        await self._look_at_service(after=0.0)

    def _next_block(self) -> list[Item]:
        """The next unsent ones of one hundred."""
        first = self._unsent[0].number // BLOCK
        block: list[Item] = []
        while self._unsent and self._unsent[0].number // BLOCK == first:
            block.append(self._unsent.popleft())
        return block

    async def _send_block(self, block: list[Item], before: asyncio.Event, after: asyncio.Event) -> None:
        """Up to a hundred: inputs first, then their record, then the jobs."""
        await asyncio.gather(*map(self._stage, block))
        staged = [item for item in block if item.call is not None]
        await before.wait()
        if staged and not self._stopped:
            planned = [item.planned for item in staged]
            records, number = self.cluster.calls.records, block[0].number // BLOCK
            # Of a run, another kernel may have calls in the same hundred.
            together = self.manifest is not None or number in self._recorded
            await (records.put_all if together else records.put_block)(planned)
            self._recorded.add(number)
        after.set()
        await self._submit_all(staged)

    async def _submit_all(self, items: Sequence[Item]) -> None:
        await asyncio.gather(*(self._submit(item) for item in items))

    async def _stage(self, item: Item) -> None:
        calls, payload = self.cluster.calls, item.payload
        if self._stopped or payload is None:
            return
        identity = Place(self._stem, item.number, item.attempt).id
        call = calls.plan_known(self.service, item.name, identity=identity, bucket=self._bucket)
        call = call.model_copy(update={"run": self.options.run, "modified": await _modified(payload)})
        async with calls.gate:
            try:
                item.call = await self._patiently(partial(self._stage_somewhere, call, payload))
            except (FileMissing, *PASSING) as error:
                self._give_up(item, error)
            else:
                item.payload = None
        self._released += _weight(payload)

    async def _stage_somewhere(self, call: Call, payload: Payload) -> Call:
        try:
            return await self.cluster.calls.stage(call, payload)
        except NotAllowed:
            # Not ours to write to: a shared service. The calls then live in a bucket of the caller (DESIGN §6).
            own = await self.cluster.calls.records.own_bucket()
            if call.bucket == own or self.manifest is not None:
                raise
            self._bucket = own
            return await self.cluster.calls.stage(call.model_copy(update={"bucket": own}), payload)

    async def _submit(self, item: Item) -> None:
        if self._stopped or item.call is None or item.over:
            return
        call = item.call
        if call.cancelled:
            await self._send_anew(item, 0.0)
            return
        async with self.cluster.calls.gate:
            if self.stopped:
                return
            item.submitted = True
            try:
                await self._patiently(lambda: self.cluster.calls.post(call, self.service))
            except PASSING as error:
                self._give_up(item, error)
                return
        self._accepted(item)

    async def _patiently(self, attempt: Callable[[], Any]) -> Any:
        """Try, and as often again as the map may, with back-off; a job is named, so sending twice makes one."""
        for turn in range(self.options.retries + 1):
            try:
                return await attempt()
            except PASSING:
                if turn == self.options.retries or self._stopped:
                    raise
                await asyncio.sleep(_back_off(turn))
        raise AssertionError  # pragma: no cover - the last turn returns or raises

    def _accepted(self, item: Item) -> None:
        item.accepted, call = True, item.planned
        if call.id not in self._watched:
            self._watched[call.id] = call
            self.cluster.watch.enter(call).add_done_callback(partial(self._heard, item, call))
        self._tell()

    async def _look_at_service(self, after: float = LOOK_AT_SERVICE) -> None:
        """Whether the service is still the one that was called first; asks for it if that is so many seconds ago."""
        if time.monotonic() - self._service_seen > after:
            self._service_seen = time.monotonic()
            await self.cluster.services.get(self.service_name)
        now = self.cluster.services.peek(self.service_name)
        if now is None:
            now = await self.cluster.services.get(self.service_name)
        if now is not self.service:
            from .runs import parts

            if parts(now) != parts(self.service):
                from .errors import RunChanged

                msg = f'Service "{now.name}" was changed while it was being called.'
                raise RunChanged(msg, hint="What was accepted goes on. Map the rest anew, as another run.")
            self.service = now

    def _stop(self, error: Exception) -> None:
        """Send nothing more: what is not accepted ends with this error."""
        if isinstance(error, ServiceNotFound):
            error = deleted(self.service_name)
        self.trouble = error
        self._stopped = True
        for item in self.items:
            if not item.accepted and not item.over:
                self._give_up(item, error)

    # -- ends

    def _heard(self, item: Item, call: Call, ended: asyncio.Future[Facts]) -> None:
        """The watch has the end of a call, or could not go on."""
        if self._watched.pop(call.id, None):
            self.cluster.watch.leave(call)
        if ended.cancelled():
            return
        error = ended.exception()
        if item.over or item.call is None or item.call.id != call.id:
            return
        if isinstance(error, ServiceNotFound):
            # Nothing more will come of any call.
            self._stop(error)
            self._give_up(item, error)
            return
        if error is not None:
            # The storage is away for long: nobody can tell of ends now. Who waits is told, and may wait again.
            self._unseen[call.id] = item
            self._blind = error if isinstance(error, Exception) else OscarError(str(error))
            self._tell()
            return
        facts = ended.result()
        if self._may_again(item, facts):
            self._later(self._send_anew(item, _back_off(item.retries + item.script_retries - 1)))
        else:
            self._end(item, facts)

    def _may_again(self, item: Item, facts: Facts) -> bool:
        """Whether it is sent once more: what the cluster failed, or the script where that is asked for."""
        now = state(facts)
        if self._stopped or item.attempt + 1 >= ATTEMPTS or now in {State.DONE, State.CANCELLED}:
            return False
        if facts.done is not None:
            item.script_retries += 1
            return item.script_retries <= self.options.script_retries
        item.retries += 1
        return item.retries <= self.options.retries

    async def _send_anew(self, item: Item, delay: float) -> None:
        """A new call for the same input, which is not stored again."""
        old, calls = item.call, self.cluster.calls
        await asyncio.sleep(delay)
        if old is None or self._stopped or item.call is not old or item.over:
            return
        place = _place(old)
        item.attempt = place.attempt + 1
        identity = place._replace(attempt=item.attempt).id
        new = old.model_copy(update={"id": identity, "created": datetime.now(timezone.utc), "cancelled": None})
        try:
            if not old.tracked:
                # Its outputs are told apart by the name of its input.
                new = new.model_copy(update={"key": staged_key(identity, old.name, tracked=False)})
                await self.cluster.store.copy(old.bucket, old.key, new.bucket, new.key)
            await calls.records.put(new)
            item.call, item.accepted, item.submitted = new, False, False
            await self._submit(item)
        except OscarError as error:
            self._give_up(item, error)

    def _later(self, coroutine: Any) -> None:
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _give_up(self, item: Item, error: Exception) -> None:
        if not item.over:
            item.error = error
            self._note_end(item)

    def _end(self, item: Item, facts: Facts) -> None:
        if item.over:
            return
        if facts.done is not None and not facts.done.exit:
            # Ten thousand last words are too many to keep; the log of each can still be read.
            facts = replace(facts, done=facts.done.model_copy(update={"lines": ""}))
        item.facts = facts
        self._note_end(item)

    def _note_end(self, item: Item) -> None:
        self.order.append(item.index)
        self._ends.append(time.monotonic())
        self._tell()

    # -- news

    def _tell(self) -> None:
        """Wake whoever waits, now or in a moment."""
        if self._telling is not None:
            return
        with contextlib.suppress(RuntimeError):
            loop = asyncio.get_running_loop()
            self._telling = loop.call_later(max(0.0, self._told + APART - time.monotonic()), self._wake)

    def _wake(self) -> None:
        self._telling, self._told = None, time.monotonic()
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def news(self) -> None:
        """Returns when something has changed.

        Raises:
            StorageFailed, Unreachable: ends cannot be told for long; whoever asks again makes us look again.

        """
        if self._blind is not None:
            blind, self._blind = self._blind, None
            unseen, self._unseen = self._unseen, {}
            for item in unseen.values():
                self._accepted(item)
            raise blind
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)

    async def changes(self) -> AsyncIterator[Progress]:
        """How far it is, now and whenever that changes, until all have ended."""
        while True:
            now = self.progress()
            yield now
            if now.over:
                return
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.news(), 5)

    async def until_over(self) -> None:
        """Wait for the end of all, and until it is known whether the sending had any trouble."""
        while not (self.over and self._sent):
            await self.news()

    async def until_drawn(self, index: int | None = None) -> None:
        """Wait until an input is known, or all are."""
        while not self._drawn and (index is None or index < 0 or index >= len(self.items)) and self.trouble is None:
            await self.news()

    async def until_accepted(self, item: Item) -> Call:
        """Wait until the cluster has taken a call; raises why it did not."""
        while not item.accepted and not item.over:
            await self.news()
        if item.call is None or not item.accepted:
            raise item.error or AssertionError
        return item.call

    async def until_ended(self, item: Item) -> Facts:
        """Wait for the end of one call, all its attempts counted."""
        while not item.over:
            await self.news()
        if item.facts is None:
            raise item.error or AssertionError
        return item.facts

    async def as_ended(self) -> AsyncIterator[Item]:
        """Calls as they end."""
        told = 0
        while True:
            while told < len(self.order):
                yield self.items[self.order[told]]
                told += 1
            if self.over:
                return
            await self.news()

    # -- once more, and no more

    async def retry(self) -> int:
        """Send anew what ended badly, and what was never sent; how many that are."""
        bad = [item for item in self.items if item.over and self.state(item) is not State.DONE]
        spent = [item for item in bad if item.attempt + 1 >= ATTEMPTS]
        if spent:
            msg = f"{spent[0].name} was sent {ATTEMPTS} times already."
            raise InvalidRequest(msg, hint="Submit it by itself.")
        again, gone = [], {item.index for item in bad}
        self.order = [index for index in self.order if index not in gone]
        self._stopped, self._sent, self.trouble = False, False, None
        self._ends.clear()
        self._began = time.monotonic()
        self.service = await self.cluster.services.get(self.service_name)
        for item in bad:
            item.facts = item.error = None
            item.retries = item.script_retries = 0
            if item.call is None:
                self._unsent.append(item)
            elif not item.accepted:
                self._unsure.append(item)
            else:
                again.append(item)
        for item in again:
            self._later(self._send_anew(item, 0.0))
        self._tell()
        return len(bad)

    async def cancel(self) -> None:
        """Send nothing more and end what runs. What has ended stays as it is."""
        self._stopped = True
        for task in self._tasks:
            task.cancel()
        under_way = {task for task in (self._sending, *self._tasks) if task is not None and not task.done()}
        if under_way:
            await asyncio.wait(under_way)
        going = [item for item in self.items if not item.over]
        sent = [item for item in going if item.submitted or item.accepted]
        facts = await self.cluster.calls.look_in_buckets([item.planned for item in sent])
        going_on = []
        for item in sent:
            found = facts.get(item.planned.id)
            if found is not None and state(found).ended:
                self._end(item, found)
            else:
                going_on.append(item)
        await self._note_cancelled(going_on)
        gate = asyncio.Semaphore(ENDING)
        await asyncio.gather(*(self._end_job(item, gate) for item in going_on))
        for item in going:
            if not item.over:
                self._end(item, Facts(cancelled=True, row_gone=True))

    async def _note_cancelled(self, items: Sequence[Item]) -> None:
        """Write down that we end them, before we do: one record for each hundred."""
        now, noted = datetime.now(timezone.utc), []
        for item in items:
            item.call = item.planned.model_copy(update={"cancelled": now})
            noted.append(item.call)
        await self.cluster.calls.records.put_all(noted)

    async def _end_job(self, item: Item, gate: asyncio.Semaphore) -> None:
        call = item.planned
        async with gate:
            with contextlib.suppress(JobNotFound):
                await self.cluster.jobs.delete(call.service, await self.cluster.names.of(call))
        self.cluster.watch.cancelled(call)
        self._end(item, Facts(cancelled=True, row_gone=True, tracked=call.tracked))


def _place(call: Call) -> Place:
    place = Place.of(call.id)
    if place is None:
        msg = f"{call.id} is no call of a map."
        raise RuntimeError(msg)
    return place


async def _one_less(tasks: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
    """Wait for the first of them, and raise what it raised."""
    done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
    return rest


def _weight(payload: Payload) -> int:
    return LIGHT + (len(payload.data) if isinstance(payload.data, bytes) else 0)


def _back_off(turn: int) -> float:
    longest: float = min(AGAIN_LATEST, AGAIN_SOONEST * 2 ** max(0, turn))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


async def _modified(payload: Payload) -> int | None:
    if isinstance(payload.data, (bytes, Reference)):
        return None
    try:
        return (await asyncio.to_thread(payload.data.stat)).st_mtime_ns
    except OSError:
        return None


async def _same(payload: Payload, call: Call) -> bool:
    """Whether an input is the one that was recorded; a file is read only where its time says it was written anew."""
    if isinstance(payload.data, Reference):
        return call.source == str(payload.data)
    if isinstance(payload.data, bytes):
        return with_digest(call, payload.data).sha256 == call.sha256
    import hashlib

    try:
        known = await asyncio.to_thread(payload.data.stat)
        if known.st_size != call.size:
            return False
        if known.st_mtime_ns == call.modified:
            return True
        with payload.data.open("rb") as file:
            digest = hashlib.sha256()
            while chunk := await asyncio.to_thread(file.read, 1024 * 1024):
                digest.update(chunk)
            return digest.hexdigest() == call.sha256
    except OSError:
        # It was sent before; that it has gone since does not matter.
        return True
