"""What a job may use, and who sees to it.

The kernel's own limits hold for what it can count for one process: privileges, core files, the size of a file, the
number of processes and of open files, processor time. What a pod's cgroup would count for all of them together is
watched from outside: memory as their proportional share (the output that faas-supervisor keeps in memory included),
the space under the job's folder, and the time on the clock. The kernel's limit of a process's memory counts addresses:
Go, Java and CUDA reserve many times what they use, and would not start.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import resource
import select
import signal
import sys
import threading
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from .processes import descendants, end_descendants
from .quantities import amount

if TYPE_CHECKING:
    from .task import Plan

_NO_NEW_PRIVS, _CHILD_SUBREAPER = 38, 36  # prctl(2)
_LOOK_S, _DISK_LOOK_S = 0.2, 1.0
_PROCESSES = 2048  # of the user, above those of the moment
_FILES = 1024
_MIB = 1 << 20
_DESCRIPTORS, _STANDARD = "/dev/fd", 2

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Bounds:
    """``memory`` and, below its folder, ``scratch`` in bytes; ``seconds`` on the clock; 0 is no limit."""

    memory: int = 0
    cpu: float = 1.0
    scratch: int = 0
    seconds: float = 0.0


def _prctl(option: int) -> None:
    if _libc is not None:
        _libc.prctl(option, 1, 0, 0, 0)


def give_up_privileges() -> None:
    """Nothing started from here gains rights by a set-user-ID program; no core files."""
    _prctl(_NO_NEW_PRIVS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def limit() -> None:
    """Own session, no core files, nothing on stdin: the process is on its own from here on."""
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    give_up_privileges()
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)


def adopt_orphans() -> None:
    """Daemons that leave their parents become our children, so that they can be found and ended."""
    _prctl(_CHILD_SUBREAPER)


@lru_cache(maxsize=8)
def _amounts(memory: str, cpu: str) -> tuple[int, float]:
    return int(amount(memory) or 0), amount(cpu) or 0.0


def bounds_of(plan: Plan) -> Bounds:
    memory, cpu = _amounts(*(str(plan.service.get(key, "")) for key in ("memory", "cpu")))
    return Bounds(memory, cpu, plan.scratch, plan.seconds)


def limit_processes() -> None:
    """For all that this process starts, as it cannot be counted for one task.

    The sandbox raised its own limit of open files, for its connections. Programs that are not prepared for many get
    the usual one, and may raise it.
    """
    _lower(resource.RLIMIT_NPROC, _tasks() + _PROCESSES)
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(files, _FILES), most))


def keep_descriptors() -> None:
    """What is open here is not open in what is started from here."""
    for name in os.listdir(_DESCRIPTORS):  # noqa: PTH208 - numbers
        if int(name) > _STANDARD:
            with contextlib.suppress(OSError):  # the list's own
                os.set_inheritable(int(name), False)  # noqa: FBT003 - no other way to say it


def set_bounds(bounds: Bounds) -> None:
    """For this process and all that it starts."""
    if bounds.scratch:
        _lower(resource.RLIMIT_FSIZE, bounds.scratch)
    if bounds.seconds:
        spent = time.process_time()  # by the jobs that this process did before
        seconds = math.ceil(spent + bounds.seconds * max(1.0, bounds.cpu))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _lower(which: int, wanted: int) -> None:
    _, hard = resource.getrlimit(which)
    value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(which, (value, value))


def _tasks() -> int:
    """Threads on this machine, whoever's: an upper bound of the user's."""
    try:
        return int(Path("/proc/loadavg").read_text(encoding="ascii").split()[3].split("/")[1])
    except (OSError, ValueError, IndexError):
        return 0


def _share(pid: int) -> int:
    """A process's proportional share of memory in bytes."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        return 0  # it ended
    return 0


def _ended(pid: int) -> int:
    """Its exit code, or less than 0 for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _size(folder: str) -> int:
    """Bytes that the files below take on the disk."""
    total = 0
    for top, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(top, name)).st_blocks * 512  # noqa: PTH118 - quick
    return total


class Watcher:
    """Ends what runs below this process as soon as it uses more than it may; ``why`` then says what."""

    def __init__(self, bounds: Bounds, folder: str, output: int) -> None:
        self._bounds, self._folder, self._output = bounds, folder, output
        self._began = time.monotonic()
        self._disk_due = self._began + _DISK_LOOK_S
        self.why = ""

    def __enter__(self) -> Watcher:  # noqa: PYI034 - Self is not in Python 3.10
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()  # the next job's processes are not its business

    def wait(self, pid: int) -> int:
        """Wait for the end of that child and look on; without a thread where the kernel tells of the end."""
        if not hasattr(os, "pidfd_open"):
            with self:
                return _ended(pid)
        ended = os.pidfd_open(pid)
        try:
            poll = select.poll()
            poll.register(ended, select.POLLIN)
            while not poll.poll(_LOOK_S * 1000) and not self._look():
                pass
        finally:
            os.close(ended)
        return _ended(pid)

    def _watch(self) -> None:
        while not self._over.wait(_LOOK_S):
            if self._look():
                return

    def _look(self) -> bool:
        """Whether it was too much, and is ended."""
        self.why = self._memory() or self._time() or self._disk()
        if self.why:
            end_descendants()
        return bool(self.why)

    def _memory(self) -> str:
        limit = self._bounds.memory
        if not limit:
            return ""
        used = sum(_share(pid) for pid in descendants(os.getpid()))
        with contextlib.suppress(OSError):
            used += os.fstat(self._output).st_size
        if used <= limit:
            return ""
        return f"OOMKilled: it used {used // _MIB} MiB of memory, and its service asks for {limit // _MIB} MiB"

    def _time(self) -> str:
        if not self._bounds.seconds or time.monotonic() - self._began < self._bounds.seconds:
            return ""
        return f"DeadlineExceeded: it ran for {self._bounds.seconds:g} s, the longest that this sandbox lets a job run"

    def _disk(self) -> str:
        if not self._bounds.scratch or time.monotonic() < self._disk_due:
            return ""
        self._disk_due = time.monotonic() + _DISK_LOOK_S
        used = _size(self._folder) + os.fstat(self._output).st_blocks * 512
        if used <= self._bounds.scratch:
            return ""
        most = self._bounds.scratch // _MIB
        return f"Evicted: its files took {used // _MIB} MiB, and this sandbox lets a job have {most} MiB"
