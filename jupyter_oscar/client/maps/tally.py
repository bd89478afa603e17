"""What is known of all calls of a map, and who is told when that changes. Nothing here asks anybody."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter, deque
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from jupyter_oscar.client.errors import InvalidRequest
from jupyter_oscar.client.jobs import Facts, State, state
from jupyter_oscar.client.records import ATTEMPTS

from .items import Progress

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from jupyter_oscar.client.cluster import Cluster
    from jupyter_oscar.client.records import Call

    from .items import Item, Options

# Jobs a second that a real server starts, whatever one does (oscar.md §0.3).
START_RATE: Final = 2.4
# News are told at most so often, in seconds.
APART: Final = 0.05


class Tally:
    """The items of a map, the order of their ends, and whoever waits."""

    def __init__(self, cluster: Cluster, service: str, options: Options) -> None:
        if min(options.retries, options.script_retries) < 0 or options.retries + options.script_retries >= ATTEMPTS:
            msg = f"A call is sent again at most {ATTEMPTS - 1} times."
            raise InvalidRequest(msg)
        self.cluster = cluster
        self.service_name = service
        self.options = options
        self.items: list[Item] = []
        #: What stopped the sending, if something did.
        self.trouble: Exception | None = None
        #: The order in which calls ended, as indices.
        self.order: list[int] = []
        self._exhausted = self._stopped = self._sent = False
        self._unseen: dict[str, Item] = {}
        self._blind: Exception | None = None
        self._waiters: set[asyncio.Future[None]] = set()
        self._told = 0.0
        self._telling: asyncio.TimerHandle | None = None
        self._began = time.monotonic()
        self._ends: deque[float] = deque(maxlen=200)

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

    # -- ends

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

    def _accepted(self, item: Item) -> None:
        """The cluster has a call: wait for its end."""
        raise NotImplementedError

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
