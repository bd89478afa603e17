"""Starts jobs as processes of their own, learns of their end, and finds them again after a restart.

A job's process holds the lock of its folder from before it starts until it ends. That lock, not our memory, says
whether it lives: the sandbox may be killed at any moment, and a job is started at most once.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .access import Access
from .attached import attached
from .joblock import HeldLock, lock_pid, read_end, try_lock
from .processes import signal_group, sweep_home
from .runtimes import RUNTIMES, Work
from .scripts import script_folder
from .task import Plan, Task
from .users import short

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.context import ForkServerProcess

    from .objectstore import ObjectStore
    from .options import Options
    from .settings import DataFolder
    from .store import Database
    from .workers import Result, Worker

GRACE_S = 5.0
_POLL_S = 0.1
_RETRY_S = 0.5
_KEPT_PLANS = 100

_WATCHDOG = {  # wire D-job-object.yaml
    "fprocess": "/oscar/bin/supervisor",
    "max_inflight": "1",
    "write_debug": "true",
    "exec_timeout": "0",
    "read_timeout": "300",
    "write_timeout": "300",
    "healthcheck_interval": "5",
}


def environment(service: dict[str, Any], secrets: dict[str, str] | None, extra: dict[str, str]) -> dict[str, str]:
    """What the container of a service gets (oscar.md §4.3)."""
    return {
        **(secrets or {}),
        **service["environment"]["variables"],
        "OSCAR_SERVICE_NAME": service["name"],
        "OSCAR_SERVICE_TOKEN": service["token"],
        "OSCAR_SERVICE_BASE_PATH": "",
        **_WATCHDOG,
        **extra,
    }


def preload() -> Any:
    """The process that forks jobs; it has the supervisor in memory, so that a start takes milliseconds."""
    import multiprocessing.forkserver

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([f"{__package__}.preload"])
    multiprocessing.forkserver.ensure_running()
    return context


class Runner:
    def __init__(self, data: DataFolder, database: Database, s3: ObjectStore, options: Options) -> None:
        self._data, self._db, self._s3 = data, database, s3
        self._slots, self._hold, self._options = options.jobs, options.hold, options
        self._made: Any = None
        self._running: dict[str, int] = {}  # job → pid of its worker
        self._workers: list[Worker] = []
        self._plans: dict[str, tuple[object, Plan]] = {}  # service → what its plan was made from, and the plan
        self._over: dict[str, asyncio.Event] = {}  # of jobs whose end somebody waits for
        self._adopted: dict[str, asyncio.Task[None]] = {}
        self._cancelling: set[asyncio.Task[None]] = set()
        self._forgotten: set[str] = set()
        self._stopping = False
        self._unsaved: list[Callable[[], None]] | None = None

    async def start(self) -> None:
        self._recover()
        self._clean()
        self.pump()

    @property
    def _context(self) -> Any:
        """What makes processes; made with the first one, or by ``warm_up``."""
        if self._made is None:
            self._made = preload()
        return self._made

    async def warm_up(self) -> None:
        """Read what jobs need before the first one is there, and after the first answer is given."""
        await asyncio.to_thread(lambda: self._context)

    # after a restart

    def _recover(self) -> None:
        for state in ("Running", "Pending"):
            for name, service in self._db.jobs_in(state):
                self._recover_one(name, service, state)

    def _clean(self) -> None:
        """Work folders of processes that a kill took away."""
        for entry in self._data.temp.iterdir():
            if entry.is_dir() and entry != self._data.homes and entry.name not in self._running:
                shutil.rmtree(entry, ignore_errors=True)
        shutil.rmtree(self._data.trash, ignore_errors=True)
        self._data.trash.mkdir()

    def _recover_one(self, name: str, service: str, state: str) -> None:
        folder = self._data.job(service, name)
        if not os.path.isdir(folder):  # noqa: PTH112 - a text, like all folders of jobs
            if state == "Running":
                self._lost(name, folder)
            return
        held = try_lock(folder)
        if held is None:
            self._adopt(name, service, state)
            return
        os.close(held)
        if read_end(folder) is not None:
            self._settle(name, folder)
        elif state == "Running" or lock_pid(folder) is not None:
            self._sweep(name)
            self._lost(name, folder)
        # else it never ran: it stays Pending and is started again

    def _adopt(self, name: str, service: str, state: str) -> None:
        folder = self._data.job(service, name)
        self._runs(name, lock_pid(folder))
        if state == "Pending":
            self._save(partial(self._db.job_started, name))
        self._adopted[name] = asyncio.create_task(self._watch(name, folder))

    async def _watch(self, name: str, folder: str) -> None:
        while self._lives(folder):  # noqa: ASYNC110 - a lock does not say when it is let go
            await asyncio.sleep(_POLL_S)
        self._adopted.pop(name, None)
        self._ended(name, folder)

    @staticmethod
    def _lives(folder: str) -> bool:
        try:
            held = try_lock(folder)
        except OSError:
            return False
        if held is not None:
            os.close(held)
        return held is None

    def _sweep(self, name: str) -> None:
        """What a job's own process could no longer clear away: daemons, and the container, which podman remembers."""
        sweep_home(self._data.temp / name / "home")
        runtime = RUNTIMES[self._options.runtime]()
        if runtime.HAS_IMAGES:
            asyncio.get_running_loop().run_in_executor(None, runtime.clean, Work.named(name))

    def _lost(self, name: str, folder: str) -> None:
        if not self._stopping:
            self._note(folder, "The process of this job vanished without a result: it or the machine was stopped.")
        self._save(partial(self._db.job_finished, name, "Failed"))
        shutil.rmtree(self._data.temp / name, ignore_errors=True)

    def _note(self, folder: str, sentence: str) -> None:
        try:
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103
            with Path(folder, "log").open("a", encoding="utf-8") as log:
                log.write(f"{sentence}\n")
        except OSError:
            return  # a full disk: the state must still be told

    def _save(self, write: Callable[[], None]) -> None:
        """What happened must be written; on a full disk out of the reserve, and again until it works."""
        if self._unsaved is not None:
            self._unsaved.append(write)
            return
        try:
            write()
        except sqlite3.OperationalError:
            self._db.spend_reserve()
            asyncio.get_running_loop().call_later(_RETRY_S, self._save, write)

    @contextmanager
    def _together(self) -> Iterator[None]:
        """What is saved inside is saved with one commit, at the end."""
        writes: list[Callable[[], None]] = []
        self._unsaved = writes
        try:
            yield
        finally:
            self._unsaved = None
            if writes:
                self._save(partial(self._db.write_all, writes))

    # starting

    def why_pending(self, name: str) -> str:
        """In words, for a person."""
        if self._hold:
            return "This job waits because the sandbox was started with --hold: it accepts jobs and starts none."
        ahead = self._db.pending_before(name)
        return f"This job waits: {self._slots} run at once, and {ahead} that came earlier wait as well."

    def pump(self) -> None:
        """Start what waits, while there is room."""
        if self._hold or self._stopping:
            return
        free = self._slots - len(self._running)
        if free <= 0:
            return
        for waiting in self._db.waiting(free):
            self._start(*waiting)

    def _start(self, name: str, service: str, event: bytes) -> None:
        if name in self._running:
            return  # a deleted job of the same name is still ending
        folder = self._data.job(service, name)
        try:
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103
            task = self.task(service, name, folder, event)
            pid = self._hand_over(task, partial(self._told, name, folder))
        except OSError as error:
            self._note(folder, f"The job could not be started ({error.strerror}).")
            self._save(partial(self._db.job_finished, name, "Failed"))
            return
        if pid is None:
            return
        self._runs(name, pid)
        self._save(partial(self._db.job_started, name))

    def _hand_over(self, task: Task, over: Callable[[Result | None], None]) -> int | None:
        """The process that does it; None when one has it already."""
        while True:
            worker = self._idle_worker()
            held = try_lock(task.folder)
            if held is None:
                return None
            try:
                worker.give(task, held, over)
            except OSError:  # it was killed while it waited
                self._leave_out(worker)
                if not worker.has_worked:
                    raise
            else:
                return worker.pid

    def _idle_worker(self) -> Worker:
        for worker in self._workers:
            if worker.is_idle:
                return worker
        from .workers import Worker  # with what makes processes: not before the start

        self._workers.append(Worker(self._context, self._leave_out))
        return self._workers[-1]

    def _leave_out(self, worker: Worker) -> None:
        if worker in self._workers:
            self._workers.remove(worker)

    def task(self, service: str, name: str, folder: str, event: bytes | Path, *, sync: bool = False) -> Task:
        """Raises ``OSError`` when the service is gone or its script cannot be written."""
        plan = self._plan(service)
        if self._s3.SEPARATES and not sync:
            plan = plan._replace(access=self._access(plan.service, name))
        return Task(plan, name, event, folder, f"{self._data.temp}/{name}", sync)

    def _plan(self, service: str) -> Plan:
        """How the service runs as it is now: a thousand jobs of it have one plan."""
        inner = "" if self._options.faults or self._options.latency else self._s3.inner  # those are before the store
        made_from = (self._db.stored_service(service), self._s3.access, inner)
        known = self._plans.get(service)
        if known is not None and known[0] == made_from and known[1].script.exists():
            return known[1]
        spec = self._db.service(service)
        if spec is None:
            raise FileNotFoundError(2, "its service is gone")
        plan = Plan(
            service=spec,
            environment=environment(spec, self._db.secrets(service), {}),
            script=script_folder(self._data, spec) / "script.sh",
            access=self._s3.access,
            inner=inner,
            friendly=self._options.friendly,
            runtime=self._options.runtime,
            scratch=self._options.scratch_limit,
            seconds=self._options.time_limit,
            attached=attached(self._data, self._s3, spec),
        )
        if len(self._plans) >= _KEPT_PLANS:
            self._plans.clear()
        self._plans[service] = (made_from, plan)
        return plan

    def _access(self, spec: dict[str, Any], job: str) -> Access:
        """A job reads and writes with its uploader's keys; for the service's own user, or nobody, with the admin's.

        As the pod gets them (oscar.md §4.1, point 5), where a store has rights that make a difference.
        """
        admin, owner = self._s3.access, self._db.job_owner(job)
        if owner in (None, "", short(spec["owner"])):
            return admin
        keys = [(uid, secret) for uid, secret in self._db.users().items() if short(uid) == owner]
        return Access(admin.address, *keys[0], admin.region) if keys else admin

    def spawn(self, task: Task, held: int | None) -> ForkServerProcess:
        """A process for the task."""
        from . import supervisor

        return self.fork(supervisor.main, task, held)

    def fork(self, main: Callable[[Any, Any], None], task: object, held: int | None) -> ForkServerProcess:
        """A process of its own for ``main``. Our copy of the lock closes; the child's keeps it."""
        lock = None if held is None else HeldLock(held)
        process: ForkServerProcess = self._context.Process(target=main, args=(task, lock))
        try:
            process.start()
        finally:
            if held is not None:
                os.close(held)
        return process

    @staticmethod
    def when_over(process: ForkServerProcess, call: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()

        def over() -> None:
            loop.remove_reader(process.sentinel)
            process.join()
            process.close()
            call()

        loop.add_reader(process.sentinel, over)

    def _runs(self, name: str, pid: int | None) -> None:
        self._running[name] = pid or 0

    # ending

    def _told(self, name: str, folder: str, result: Result | None) -> None:
        """By the worker itself, which has cleaned up; without a result it is gone."""
        if result is None:
            self._ended(name, folder)
            return
        self._is_over(name)
        with self._together():
            if name in self._forgotten:
                self._forgotten.discard(name)
                self._remove(name, folder)
            else:
                self._save(partial(self._db.job_finished, name, *result))
            self.pump()

    def _is_over(self, name: str) -> int:
        """Whoever waits for its end is told; the process that did it."""
        if over := self._over.pop(name, None):
            over.set()
        return self._running.pop(name, 0)

    def _ended(self, name: str, folder: str) -> None:
        """Its process has ended without a word, or was somebody else's child."""
        if self._lives(folder):  # only the process that forks ended: the job itself goes on
            self._adopted[name] = asyncio.create_task(self._watch(name, folder))
            return
        signal_group(self._is_over(name), signal.SIGKILL)  # what the script left behind, as at the end of a pod
        if read_end(folder) is None:
            self._sweep(name)
        if name in self._forgotten:
            self._forgotten.discard(name)
            self._remove(name, folder)
        else:
            self._settle(name, folder)
        self.pump()

    def _remove(self, name: str, folder: str) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(self._data.temp / name, ignore_errors=True)

    def _settle(self, name: str, folder: str) -> None:
        end = read_end(folder)
        if end is None:
            self._lost(name, folder)
            return
        shutil.rmtree(self._data.temp / name, ignore_errors=True)
        self._save(partial(self._db.job_finished, name, *end))

    def forget(self, name: str, service: str) -> None:
        """The job's row is gone: end its process in the background, remove its files."""
        folder = self._data.job(service, name)
        pid = self._running.get(name)
        if pid is None:
            self._remove(name, folder)
            return
        self._forgotten.add(name)
        task = asyncio.create_task(self._end_group(name, pid))
        self._cancelling.add(task)
        task.add_done_callback(self._cancelling.discard)

    async def _end_group(self, name: str, pid: int) -> None:
        if self._running.get(name) != pid:
            return  # it ended in between, and its process may do another job already
        doomed = [worker for worker in self._workers if worker.pid == pid]
        for worker in doomed:
            self._workers.remove(worker)  # it gets no other
        signal_group(pid, signal.SIGTERM)
        over = self._over.setdefault(name, asyncio.Event())
        try:
            await asyncio.wait_for(over.wait(), GRACE_S)
        except asyncio.TimeoutError:
            signal_group(pid, signal.SIGKILL)
            await over.wait()
        for worker in doomed:
            worker.retire()  # when the job's own end was faster than the signal

    async def stop(self) -> None:
        """A clean stop ends every job, says so in its log, and leaves no process behind."""
        self._stopping = True
        for name in self._running:
            job = self._db.job(name)
            if job is not None:
                self._note(self._data.job(job.service, name), "The sandbox was stopped while this job ran.")
        await asyncio.gather(*(self._end_group(name, pid) for name, pid in self._running.items()))
        for worker in self._workers:
            worker.retire()
