"""The way of inputs to the cluster: drawn, staged by hundreds, recorded, submitted, and sent again where that helps."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, deque
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from jupyter_oscar.client.errors import FileMissing, InvalidRequest, NotAllowed, OscarError, ServiceNotFound
from jupyter_oscar.client.jobs import State, state
from jupyter_oscar.client.policy import PASSING
from jupyter_oscar.client.records import ATTEMPTS, BLOCK, MOST, Place
from jupyter_oscar.client.staging import staged_key
from jupyter_oscar.client.watch import deleted

from .items import Item, modified, place_of, weight
from .tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from jupyter_oscar.client.calls import Payload
    from jupyter_oscar.client.cluster import Cluster
    from jupyter_oscar.client.jobs import Facts
    from jupyter_oscar.client.records import Call
    from jupyter_oscar.client.runs import Input, Manifest
    from jupyter_oscar.client.service import Service

    from .items import Options

# Inputs are drawn ahead of the sending up to this many bytes; a file or an object counts as little.
AHEAD: Final = 16 * 1024 * 1024
# A source that gives nothing for so long, in seconds, is not waited for before what it gave is sent.
SLOW: Final = 0.2
# Hundreds under way at once.
BLOCKS: Final = 3
# Back-off of what is sent again, in seconds.
AGAIN_SOONEST: Final = 1.0
AGAIN_LATEST: Final = 60.0
# A service that is called for long is looked at so often, in seconds, lest it be another by then; and once more when
# all is sent.
LOOK_AT_SERVICE: Final = 20.0


class Sender(Tally):
    """A map's inputs on their way. All but :meth:`draw` runs on one loop."""

    #: What is called, once it has been read.
    service: Service

    def __init__(self, cluster: Cluster, service: str, payloads: Iterable[Payload] | None, options: Options) -> None:
        super().__init__(cluster, service, options)
        self.manifest: Manifest | None = None
        self._source = iter(payloads or ())
        # Bytes drawn, and bytes let go of: the one is counted where inputs are drawn, the other on the loop.
        self._weight = self._released = 0
        self._bucket = ""
        self._stem = ""
        self._unsent: deque[Item] = deque()
        self._unsure: list[Item] = []
        self._next = 0
        self._given: Counter[str] = Counter()
        self._recorded: set[int] = set()
        # Drawn when the sending had stopped already.
        self._held: Payload | None = None
        # Drawn in another thread, and not numbered yet.
        self._fresh: deque[Item] = deque()
        self._drawing: asyncio.Future[None] | None = None
        self._sending: asyncio.Task[Any] | None = None
        self._watched: dict[str, Call] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._service_seen = 0.0

    # -- inputs

    @property
    def _ahead(self) -> int:
        """Bytes that are drawn and not stored yet."""
        return self._weight - self._released

    def draw(self, most: int = MOST) -> None:
        """Take inputs until enough are ahead. Runs in a thread of its own or the caller's, for they may be slow."""
        while not self._drawn and self._ahead < AHEAD and most > 0:
            try:
                payload = self._held or next(self._source)
            except StopIteration:
                self._exhausted = True
                return
            self._held = payload if self._stopped else None
            if self._held:
                return
            if len(self.items) >= MOST:
                msg = f"A map takes at most {MOST} inputs."
                raise InvalidRequest(msg, hint="Make several.")
            item = Item(len(self.items), payload.name, payload)
            self._weight += weight(payload)
            self.items.append(item)
            self._fresh.append(item)
            most -= 1

    def call_of(self, item: Item) -> Call:
        """The record of a call, as planned where it is not stored yet."""
        if item.call is not None:
            return item.call
        identity = Place(self._stem, max(item.number, 0), item.attempt).id
        return self.cluster.calls.plan_known(self.service, item.name, identity=identity, bucket=self._bucket)

    def _input(self, item: Item) -> Input:
        """What tells an input of a run from the others."""
        self._given[item.name] += 1
        return item.name, self._given[item.name] - 1

    async def _number(self) -> None:
        """Give drawn inputs their numbers; in a run the other kernels that go on with it know them too."""
        fresh: list[Item] = []
        while self._fresh:
            fresh.append(self._fresh.popleft())
        if not fresh:
            return
        if self.manifest is None:
            numbers: Sequence[int] = range(self._next, self._next + len(fresh))
            self._next += len(fresh)
        else:
            wanted = [self._input(item) for item in fresh]
            self.manifest, numbers = await self.cluster.runs.number(self.manifest, wanted)
        for item, number in zip(fresh, numbers, strict=True):
            item.number = number
        self._unsent.extend(fresh)

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
                if len(self._unsent) < BLOCK and await self._draw_on():
                    continue
                if not self._unsent:
                    if self._drawn and self._drawing is None:
                        break
                    under_way = await _one_less(under_way, self._drawing)
                    continue
                await self._look_at_service()
                after = asyncio.Event()
                block = self._next_block()
                under_way.add(asyncio.ensure_future(self._send_block(block, before, after)))
                before = after
                if len(under_way) >= BLOCKS:
                    under_way = await _one_less(under_way, None)
            await asyncio.gather(*under_way)
        except BaseException:
            self._stopped = True
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
            raise
        if self.manifest is not None:
            ours = [item.call for item in self.items if item.call and item.number // BLOCK in self._recorded]
            await self.cluster.calls.records.put_missing([call for call in ours if not place_of(call).attempt])
        await self._look_at_service(after=0.0)

    async def _draw_on(self) -> bool:
        """Draw more where there is room; whether that came to its end. What there is is sent while a source is slow."""
        if self._drawing is None and not self._drawn and self._ahead < AHEAD:
            self._drawing = asyncio.ensure_future(asyncio.to_thread(self.draw, 2 * BLOCK))
            # Nobody may be left to hear of its failure: the map was stopped.
            self._drawing.add_done_callback(lambda done: done.cancelled() or done.exception())
        if self._drawing is None:
            return False
        await asyncio.wait({self._drawing}, timeout=SLOW)
        over = self._drawing.done()
        if over:
            drawn, self._drawing = self._drawing, None
            drawn.result()
        await self._number()
        return over

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
        call = call.model_copy(update={"run": self.options.run, "modified": await modified(payload)})
        async with calls.staging:
            try:
                item.call = await self._patiently(partial(self._stage_somewhere, call, payload))
            except (FileMissing, *PASSING) as error:
                self._give_up(item, error)
            else:
                item.payload = None
        self._released += weight(payload)

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
        async with self.cluster.calls.posting:
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
            from jupyter_oscar.client.runs import parts

            if parts(now) != parts(self.service):
                from jupyter_oscar.client.errors import RunChanged

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

    # -- ends, and sending again

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
        place = place_of(old)
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


async def _one_less(tasks: set[asyncio.Task[None]], drawing: asyncio.Future[None] | None) -> set[asyncio.Task[None]]:
    """Wait for the first of them, and raise what it raised; or until more is drawn."""
    waited: set[asyncio.Future[None]] = {*tasks, *([drawing] if drawing else ())}
    done, _ = await asyncio.wait(waited, timeout=SLOW if drawing else None, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks & done:
        task.result()
    return {task for task in tasks if task not in done}


def _back_off(turn: int) -> float:
    longest: float = min(AGAIN_LATEST, AGAIN_SOONEST * 2 ** max(0, turn))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
