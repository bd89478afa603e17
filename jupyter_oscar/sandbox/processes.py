"""Ending processes: by their group, and by the environment of the service that left them behind.

A daemon can leave its process group and outlive its parent, but the environment it was started with stays: the
service's own token together with its prefix, which no job has.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARKS = ("OSCAR_SERVICE_TOKEN", "OSCAR_SERVICE_BASE_PATH")


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


def strays(environment: dict[str, str]) -> Iterator[int]:
    """Processes of the service with that environment, outside Linux none."""
    if not environment.keys() >= set(_MARKS):
        return
    marks = {f"{name}={environment[name]}".encode() for name in _MARKS}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found = (process / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # somebody else's, or gone
        if marks <= set(found) and int(process.name) != os.getpid():
            yield int(process.name)


def sweep(environment: dict[str, str]) -> None:
    """End them; again as long as they make new ones, within reason."""
    for _ in range(10):
        pids = list(strays(environment))
        for pid in pids:
            signal_process(pid, signal.SIGKILL)
        if not pids:
            return
