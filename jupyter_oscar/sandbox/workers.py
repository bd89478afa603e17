"""The processes that jobs run in: each does one job at a time, and the next one after it while there is a queue.

A process that has done a job has everything in memory that the next one needs, which makes short jobs several times
faster than a new process for each. A cancelled or killed job takes its process along. One that finds nothing to do for
a while ends, and one whose sandbox was killed ends with the job that it is doing.
"""

from __future__ import annotations

import asyncio
import os
import socket
from typing import TYPE_CHECKING, Any

from .joblock import sign
from .task import Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from .task import Plan

    Result = tuple[str, str]  # the state, and since when

_IDLE_S = 3.0
_SIZE, _PIECE = 8, 1 << 16


class Worker:
    """One such process, seen from the sandbox. ``over`` is called with the job's result, or None when it ended too."""

    def __init__(self, context: Any, gone: Callable[[Worker], None]) -> None:
        self._line, theirs = socket.socketpair()
        self._process = context.Process(target=main, args=(theirs,), daemon=True)
        try:
            self._process.start()
        finally:
            theirs.close()
        self.pid = int(self._process.pid or 0)
        self.has_worked = False
        self._over: Callable[[Result | None], None] | None = None
        self._plan: Plan | None = None  # which it has
        self._gone = gone
        self._retiring: asyncio.TimerHandle | None = None
        loop = asyncio.get_running_loop()
        loop.add_reader(self._line.fileno(), self._told)
        loop.add_reader(self._process.sentinel, self._ended)

    @property
    def is_idle(self) -> bool:
        return self._over is None

    def give(self, task: Task, lock: int, over: Callable[[Result | None], None]) -> None:
        """Our copy of the lock closes; the worker's keeps it. Raises ``OSError`` when the worker is gone."""
        import pickle  # with the first job, and so not before the start

        if self._retiring is not None:
            self._retiring.cancel()
        try:
            plan = None if task.plan is self._plan else task.plan
            content = pickle.dumps((plan, task.name, task.event, task.folder, task.temp))
            message = len(content).to_bytes(_SIZE, "big") + content
            self._line.sendall(message[socket.send_fds(self._line, [message], [lock]) :])
            self._plan = task.plan
        finally:
            os.close(lock)
        self._over = over
        self.has_worked = True

    def retire(self) -> None:
        """With nothing more to read it ends by itself."""
        if not self._is_closed:
            asyncio.get_running_loop().remove_reader(self._line.fileno())
            self._line.close()

    @property
    def _is_closed(self) -> bool:
        return self._line.fileno() < 0

    def _told(self) -> None:
        try:
            said = self._line.recv(_PIECE)
        except OSError:
            said = b""
        if not said:
            self.retire()  # it ends, which is told by its sentinel
            return
        state, _, finished = said.decode("ascii").partition(" ")
        self._finish((state, finished))
        if self.is_idle and not self._is_closed:
            self._retiring = asyncio.get_running_loop().call_later(_IDLE_S, self._leave)

    def _leave(self) -> None:
        self._gone(self)
        self.retire()

    def _ended(self) -> None:
        asyncio.get_running_loop().remove_reader(self._process.sentinel)
        if self._retiring is not None:
            self._retiring.cancel()
        self.retire()
        self._process.join()
        self._process.close()
        self._gone(self)
        self._finish(None)

    def _finish(self, result: Result | None) -> None:
        over, self._over = self._over, None
        if over is not None:
            over(result)


def main(line: socket.socket) -> None:
    """Entry of the process."""
    from .bounds import limit
    from .supervisor import no_more_work, settle

    limit()
    settle()
    try:
        _work(line)
    finally:  # also when it was told to end
        no_more_work()


def _work(line: socket.socket) -> None:
    """One task after the other, until none comes or nobody is there to hear of it."""
    from .supervisor import work

    plan: Any = None
    while True:
        try:
            given = _given(line)
        except OSError:
            return
        if given is None:
            return
        lock, (fresh, name, event, folder, temp) = given
        os.set_inheritable(lock, False)  # noqa: FBT003 - the script would hold it
        sign(lock)
        plan = fresh or plan
        result = work(Task(plan, name, event, folder, temp), lock)
        os.close(lock)  # then whoever asks knows that it is over
        try:
            line.sendall(" ".join(result).encode())
        except OSError:
            return


def _given(line: socket.socket) -> tuple[int, Any] | None:
    """The lock of the next task, and what it is; None when none comes any more."""
    import pickle

    message, locks, *_ = socket.recv_fds(line, _PIECE, 1)
    if not message:
        return None
    wanted = _SIZE + int.from_bytes(message[:_SIZE], "big")
    while len(message) < wanted:
        more = line.recv(wanted - len(message))
        if not more:
            return None
        message += more
    return locks[0], pickle.loads(message[_SIZE:])  # noqa: S301 - from the sandbox itself
