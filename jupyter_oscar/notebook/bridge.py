"""Our own loop thread, and how a blocking cell waits for it (DESIGN §4).

A call from a cell blocks until its coroutine is done. An interrupt cancels the coroutine, waits a bounded time for it
to stop, and is then raised. fsspec's ``sync`` leaves its coroutine running after an interrupt, so we do not live on
its loop.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import contextlib
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sized

T = TypeVar("T")

# How long a blocked cell may take to notice an interrupt.
BLINK: Final = 0.2
# After an interrupt: how long a coroutine may take to clean up before the cell is given back.
STOPPING: Final = 5.0
# At the interpreter's end: how long submissions under way may take to reach the cluster.
LEAVING: Final = 60.0


class Bridge:
    """One daemon thread with one asyncio loop, started at the first use and kept for the life of the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._unseen: set[concurrent.futures.Future[Any]] = set()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop, running."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="jupyter-oscar", daemon=True)
                self._thread.start()
                _at_the_end(self._leave)
            return self._loop

    def start(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Run a coroutine on the loop without waiting."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def run(self, coroutine: Coroutine[Any, Any, T], tick: Callable[[], None] | None = None) -> T:
        """Run a coroutine and wait for it; an interrupt cancels it. ``tick`` is called here now and then meanwhile.

        Raises:
            RuntimeError: called on the loop's own thread, where waiting would never end.

        """
        if self._loop is not None and threading.current_thread().name == "jupyter-oscar":
            coroutine.close()
            msg = "This would wait for itself: use `await` in coroutines."
            raise RuntimeError(msg)
        future = self.start(coroutine)
        try:
            return self.wait(future, tick)
        except BaseException:
            # KeyboardInterrupt above all; a future that has its own error is done and this does nothing.
            if not future.done():
                future.cancel()
                self._settle(coroutine)
            raise

    def wait(self, future: concurrent.futures.Future[T], tick: Callable[[], None] | None = None) -> T:
        """The outcome of something that runs on the loop; an interrupt leaves it alone."""
        self._unseen.discard(future)
        while True:
            try:
                # In short waits: not every interrupt wakes a thread that waits for a lock.
                return future.result(timeout=BLINK)
            except concurrent.futures.TimeoutError:
                if future.done():
                    return future.result()
                if tick:
                    tick()

    def _settle(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Wait until a cancelled coroutine has run its own clean-up, but not for ever."""
        deadline = time.monotonic() + STOPPING
        while time.monotonic() < deadline and coroutine.cr_frame is not None:  # type: ignore[attr-defined]
            time.sleep(0.005)

    def detach(self, coroutine: Coroutine[Any, Any, T], first: Callable[[], None]) -> concurrent.futures.Future[T]:
        """Run a coroutine that must be finished before the interpreter ends, such as a submission.

        ``first`` is called on the loop's thread, where no interrupt arrives, before the coroutine begins: what it notes
        down and what the coroutine does happen both or not at all. If the coroutine fails and nobody has looked by the
        interpreter's end, that is said.
        """

        async def carried() -> T:
            first()
            return await coroutine

        future = self.start(carried())
        self._unseen.add(future)
        future.add_done_callback(self._forget_if_good)
        return future

    def joined(self, future: concurrent.futures.Future[T]) -> asyncio.Future[T]:
        """The outcome of a detached coroutine on the running loop; whoever asks will tell of its failure."""
        self._unseen.discard(future)
        here = asyncio.wrap_future(future)
        # Nobody may be left to hear of it: the cell that asked was interrupted.
        here.add_done_callback(lambda done: done.cancelled() or done.exception())
        return here

    def _forget_if_good(self, future: concurrent.futures.Future[Any]) -> None:
        if future.cancelled() or future.exception() is None:
            self._unseen.discard(future)

    def _leave(self) -> None:
        """Let submissions reach the cluster before the process goes, then stop the loop."""
        if self._unseen:
            self._finish(set(self._unseen))
        if self._loop is not None and self._thread is not None:
            asyncio.run_coroutine_threadsafe(_stop(), self._loop)
            self._thread.join(STOPPING)
        if "obstore" in sys.modules:
            # Its own threads let go of what they gave us a moment after they gave it; one that still does when the
            # interpreter has gone takes the process down with a signal.
            time.sleep(0.05)

    @staticmethod
    def _finish(waiting: set[concurrent.futures.Future[Any]]) -> None:
        """Wait for submissions; say so when that takes a moment, and say what failed."""
        _, late = concurrent.futures.wait(waiting, timeout=1)
        if late:
            _say(f"{_calls(late, 'is', 'are')} still being submitted …")
            _, late = concurrent.futures.wait(late, timeout=LEAVING)
        failed = [future.exception() for future in waiting - late if not future.cancelled() and future.exception()]
        if failed:
            _say(f"{_calls(failed)} not submitted: {failed[0]}")
        if late:
            _say(f"{_calls(late)} not submitted: the cluster had not answered after {LEAVING:.0f} s.")

    async def here(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Await, on the caller's own loop, a coroutine that runs on ours; cancelling one cancels the other."""
        return await asyncio.wrap_future(self.start(coroutine))

    def iterate(self, make: Callable[[], AsyncIterator[T]]) -> Iterator[T]:
        """Walk an async iterator of ours from blocking code."""
        iterator = make()
        end = object()

        async def step() -> Any:
            try:
                return await iterator.__anext__()
            except StopAsyncIteration:
                return end

        try:
            while (item := self.run(step())) is not end:
                yield item
        finally:
            close: Callable[[], Awaitable[None]] | None = getattr(iterator, "aclose", None)
            if close is not None:
                with contextlib.suppress(RuntimeError):
                    self.run(_closed(close))


def _at_the_end(leave: Callable[[], None]) -> None:
    """Call before the interpreter ends the threads that read files, which is before anything of ``atexit``."""
    # Last in, first out: the threads' own end is noted down when they are first imported.
    import concurrent.futures.thread  # noqa: F401

    register: Callable[[Callable[[], None]], Any] = getattr(threading, "_register_atexit", atexit.register)
    register(leave)


def _calls(found: Sized, one: str = "was", many: str = "were") -> str:
    return f"1 call {one}" if len(found) == 1 else f"{len(found)} calls {many}"


def _say(words: str) -> None:
    """To whoever runs a script and waits for it to end."""
    print(words, file=sys.stderr)  # noqa: T201


async def _stop() -> None:
    """End every task of the loop, then the loop itself."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    asyncio.get_running_loop().stop()


async def _closed(close: Callable[[], Awaitable[None]]) -> None:
    await close()


bridge: Final = Bridge()
