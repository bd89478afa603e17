"""How much one program asks of a cluster: at most so many requests a second, and who clicks goes before who polls.

A real OSCAR answers about five requests a second in all (oscar.md §0.3 point 1), so an operator may bound what a
Jupyter server asks, for all its people together. Who waits here is served in the order of coming; polls stretch until
there is room, and say that they are throttled only once none of them had any for so long that what they show is old.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextvars import ContextVar
from typing import Final

from .errors import Throttled

SECOND: Final = 1.0
OLD: Final = 30.0
#: Set in tasks that ask on nobody's behalf.
POLLING: ContextVar[bool] = ContextVar("jupyter_oscar_polling", default=False)


class Budget:
    """At most ``rate`` requests in any second; 0 is no bound. Lives on one loop."""

    def __init__(self, rate: int = 0) -> None:
        self._sent: deque[float] = deque(maxlen=rate)
        self._clicks: deque[asyncio.Future[None]] = deque()
        self._polls: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._polled = time.monotonic()

    async def turn(self) -> None:
        """Wait until one more request may be sent.

        Raises:
            Throttled: we only poll, and no poll had room for so long that what is shown has become old.

        """
        if not self._sent.maxlen:
            return
        polling = POLLING.get()
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._polls if polling else self._clicks).append(mine)
        if self._timer is None:
            self._let_go()
        try:
            await self._granted(mine, OLD if polling else None)
        finally:
            mine.cancel()  # whoever goes away takes no turn

    async def _granted(self, mine: asyncio.Future[None], patience: float | None) -> None:
        since = time.monotonic()
        while not (await asyncio.wait([mine], timeout=patience))[0]:
            silent = time.monotonic() - max(since, self._polled)
            if silent >= OLD:
                msg = f"OSCAR is busy; what is shown is more than {silent:.0f} s old."
                raise Throttled(msg, hint="It refreshes itself as soon as there is room.")

    def _let_go(self) -> None:
        self._timer = None
        while self._clicks or self._polls:
            queue = self._clicks or self._polls
            if queue[0].done():
                queue.popleft()  # whoever waited there has gone
                continue
            now = time.monotonic()
            if len(self._sent) == self._sent.maxlen and (wait := self._sent[0] + SECOND - now) > 0:
                self._timer = asyncio.get_running_loop().call_later(wait, self._let_go)
                return
            self._sent.append(now)
            if queue is self._polls:
                self._polled = now
            queue.popleft().set_result(None)
