"""Looking at something again and again: the loop of whoever keeps a list or a log current."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Looking:
    """One look after the other, never two at once, and a look that was dear is not soon repeated.

    ``look`` returns the seconds until it is worth another one, or None for no more; ``rest`` is how many times as long
    as a look took it is waited at least.
    """

    def __init__(self, look: Callable[[], Awaitable[float | None]], *, rest: float, name: str) -> None:
        self._look, self._rest, self._name = look, rest, name
        self._soon = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def going(self) -> bool:
        """Whether it looks."""
        return self._task is not None and not self._task.done()

    def begin(self) -> None:
        """Look from now on."""
        if not self.going:
            self._task = asyncio.create_task(self._run(), name=self._name)

    def soon(self) -> None:
        """Look now rather than when the pause is over; once more where a look is under way."""
        self._soon.set()

    def stop(self) -> None:
        """Look no more."""
        if self._task:
            self._task.cancel()
            self._task = None

    async def aclose(self) -> None:
        """Look no more, and wait until that is so."""
        task = self._task
        self.stop()
        if task:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        while True:
            self._soon.clear()
            began = time.monotonic()
            pause = await self._look()
            if pause is None:
                return
            pause = max(pause, self._rest * (time.monotonic() - began))
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._soon.wait(), pause)
