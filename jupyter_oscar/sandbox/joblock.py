"""The lock of a job's folder: the job's process holds it for life, so that anybody can ask whether it lives.

In the file stands which process that is and, on a second line, how the job ended: written at once, so never half.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Any


class HeldLock:
    """The open lock on its way to a child: it can be pickled only while the child is being started."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __getstate__(self) -> Any:
        from multiprocessing import reduction  # where processes are made, and so not before the start

        return reduction.DupFd(self.fd)

    def __setstate__(self, state: Any) -> None:
        self.fd = state.detach()

    def sign(self) -> None:
        sign(self.fd)


def sign(fd: int) -> None:
    """Write which process holds the lock."""
    os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)


def sign_end(fd: int, state: str, finished: str) -> None:
    """Write how and when the job ended."""
    os.pwrite(fd, f"{os.getpid()}\n{state} {finished}\n".encode(), 0)


def try_lock(folder: Path | str) -> int | None:
    """The job's lock, or None while a process holds it."""
    held = os.open(f"{folder}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        return None
    return held


def lock_pid(folder: Path | str) -> int | None:
    """The process that wrote itself into the lock, if one ever did."""
    try:
        return int(Path(folder, "lock").read_text(encoding="ascii").split("\n")[0])
    except (OSError, ValueError):
        return None


def read_end(folder: Path | str) -> tuple[str, str] | None:
    """State and time of the end, if it was written."""
    try:
        _, state, finished = Path(folder, "lock").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return None
    return state, finished
