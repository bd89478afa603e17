"""Ending processes: by their group, and by the environment of the service that left them behind.

A daemon can leave its process group and outlive its parent, but the environment it was started with stays: the
service's own token together with its prefix, which no job has.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROUNDS, _ROUND_S = 10, 0.005
_MARKS = ("OSCAR_SERVICE_TOKEN", "OSCAR_SERVICE_BASE_PATH")


def in_words(code: int) -> str:
    """How a process ended."""
    return f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"


def signal_group(pid: int, number: int) -> None:
    """Signal a job's or a service's processes; nobody is meant by 0, which the kernel would take for ourselves."""
    if pid <= 0:
        return
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def signal_process(pid: int, number: int) -> None:
    """Signal one process, whether it has a group of its own yet or not."""
    if pid <= 0:
        return
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def strays(marks: set[bytes]) -> Iterator[int]:
    """Processes whose environment at their start held all these ``NAME=value``; outside Linux none."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found = (process / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # somebody else's, or gone
        if marks <= set(found) and int(process.name) != os.getpid():
            yield int(process.name)


def _sweep(marks: set[bytes]) -> None:
    """End them; again as long as they make new ones, within reason."""
    for _ in range(_ROUNDS):
        pids = list(strays(marks))
        for pid in pids:
            signal_process(pid, signal.SIGKILL)
        if not pids:
            return


def sweep(environment: dict[str, str]) -> None:
    """End what an exposed service left behind."""
    if environment.keys() >= set(_MARKS):
        _sweep({f"{name}={environment[name]}".encode() for name in _MARKS})


def sweep_home(home: Path | str) -> None:
    """End what a job left behind whose own process could not do it: every job has a home of its own."""
    _sweep({f"HOME={home}".encode()})


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - every job comes by here: quick
            with open(f"/proc/{pid}/task/{task}/children", "rb") as file:  # noqa: PTH123
                found += map(int, file.read().split())
    except OSError:
        return found  # it ended
    return found


def _has_ended(pid: int) -> bool:
    """Also when nobody has asked yet how: its children are somebody else's by then."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - as above
            return file.read().rpartition(b")")[2].split()[0] in b"ZX"
    except (OSError, IndexError):
        return True


def descendants(pid: int) -> list[int]:
    """All processes that run below this one; outside Linux none."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        children = [child for child in _children(waiting.pop()) if not _has_ended(child)]
        found += children
        waiting += children
    return found


def _reap() -> bool:
    """Whether there are still children after those that have ended are gone."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def end_descendants(*, reap: bool = False) -> None:
    """End everything below this process, daemons included where orphans are adopted; again as long as they multiply.

    ``reap`` says that nobody else waits for one of them.
    """
    for _ in range(_ROUNDS * 10):
        if reap and not _reap():
            return
        pids = descendants(os.getpid())
        if not pids:
            return
        for pid in pids:
            signal_process(pid, signal.SIGSTOP)  # first, so that none gets a turn to start another
        for pid in pids:
            signal_process(pid, signal.SIGKILL)
        time.sleep(_ROUND_S)
