"""The processes that jobs run in: each does one job at a time, and the next one after it while there is a queue.

A process that has done a job has everything in memory that the next one needs, which makes short jobs several times
faster than a new process for each. A cancelled or killed job takes its process along. One that finds nothing to do for
a while ends, and one whose sandbox was killed ends with the job that it is doing.
"""

from __future__ import annotations

import asyncio
import os
from multiprocessing import reduction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .joblock import sign
from .task import Task

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from .task import Plan

    Result = tuple[str, str]  # the state, and since when

_IDLE_S = 3.0


class Worker:
    """One such process, seen from the sandbox. ``over`` is called with the job's result, or None when it ended too."""

    def __init__(self, context: Any, gone: Callable[[Worker], None]) -> None:
        ours, theirs = context.Pipe()
        self._pipe: Connection = ours
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
        loop.add_reader(self._pipe.fileno(), self._told)
        loop.add_reader(self._process.sentinel, self._ended)

    @property
    def is_idle(self) -> bool:
        return self._over is None

    def give(self, task: Task, lock: int, over: Callable[[Result | None], None]) -> None:
        """Our copy of the lock closes; the worker's keeps it. Raises ``OSError`` when the worker is gone."""
        if self._retiring is not None:
            self._retiring.cancel()
        try:
            plan = None if task.plan is self._plan else task.plan
            self._pipe.send((plan, task.name, task.event, str(task.folder), str(task.temp)))
            self._plan = task.plan
            reduction.send_handle(self._pipe, lock, self.pid)
        finally:
            os.close(lock)
        self._over = over
        self.has_worked = True

    def retire(self) -> None:
        """With nothing more to read it ends by itself."""
        if not self._pipe.closed:
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())
            self._pipe.close()

    def _told(self) -> None:
        try:
            result = self._pipe.recv()
        except (EOFError, OSError):
            self.retire()  # it ends, which is told by its sentinel
            return
        self._finish(result)
        if self.is_idle and not self._pipe.closed:
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


def main(pipe: Connection) -> None:
    """Entry of the process."""
    from .bounds import limit
    from .supervisor import no_more_work, settle

    limit()
    settle()
    try:
        _work(pipe)
    finally:  # also when it was told to end
        no_more_work()


def _work(pipe: Connection) -> None:
    """One task after the other, until none comes or nobody is there to hear of it."""
    from .supervisor import work

    plan: Any = None
    while True:
        try:
            fresh, name, event, folder, temp = pipe.recv()
            lock = reduction.recv_handle(pipe)
        except (EOFError, OSError):
            return
        os.set_inheritable(lock, False)  # noqa: FBT003 - the script would hold it
        sign(lock)
        plan = fresh or plan
        result = work(Task(plan, name, event, Path(folder), Path(temp)), lock)
        os.close(lock)  # then whoever asks knows that it is over
        try:
            pipe.send(result)
        except OSError:
            return
