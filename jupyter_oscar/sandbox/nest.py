"""The folders that one task after the other works in.

To make and to remove them anew takes a short job more time than its script, so a process keeps what a task left empty
for the next one. A task sees nothing of the one before.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile

_PRIVATE = stat.S_IFDIR | 0o700


class Nest:
    """``inputs``, ``outputs`` and ``home`` below the ``temp`` folder of the task at work; ``spool`` is its output."""

    def __init__(self) -> None:
        self._names = (f"tmp{os.urandom(4).hex()}", f"tmp{os.urandom(4).hex()}", "home")
        self._kept: str | None = None
        self._spool = -1

    def settle(self, temp: str) -> tuple[str, str, str]:
        """Inputs, outputs and home of the task that works at ``temp``, all empty and for us alone."""
        kept, self._kept = self._kept, None
        inputs, outputs, home = (f"{temp}/{name}" for name in self._names)
        if kept is not None:
            try:
                os.rename(kept, temp)  # noqa: PTH104 - every job comes by here: quick
            except OSError:
                shutil.rmtree(kept, ignore_errors=True)  # somebody tidied up
            else:
                return inputs, outputs, home
        for folder in (temp, inputs, outputs, home):
            os.mkdir(folder, 0o700)  # noqa: PTH102
        return inputs, outputs, home

    def spool(self, temp: str) -> int:
        """An empty file without a name, beside the folder of the task."""
        if self._spool < 0:
            with tempfile.TemporaryFile(dir=temp.rpartition("/")[0]) as file:
                self._spool = os.dup(file.fileno())
        os.ftruncate(self._spool, 0)
        os.lseek(self._spool, 0, os.SEEK_SET)
        return self._spool

    def leave(self, temp: str) -> None:
        """Nothing that the task wrote is left when this returns. Nobody may be at work there any more."""
        try:
            if self._spool >= 0:
                os.ftruncate(self._spool, 0)
            self._sweep(temp)
            kept = f"{temp.rpartition('/')[0]}/idle-{os.getpid()}"
            os.rename(temp, kept)  # noqa: PTH104
        except OSError:
            shutil.rmtree(temp, ignore_errors=True)
        else:
            self._kept = kept

    def _sweep(self, temp: str) -> None:
        """Raises ``OSError`` when these are not our empty folders in the end."""
        for name in os.listdir(temp):  # noqa: PTH208
            if name not in self._names:
                _remove(f"{temp}/{name}")
        for name in self._names:
            folder = f"{temp}/{name}"
            if os.lstat(folder).st_mode != _PRIVATE:
                raise NotADirectoryError(folder)
            for left in os.listdir(folder):  # noqa: PTH208
                _remove(f"{folder}/{left}")

    def abandon(self) -> None:
        """No task comes any more."""
        if self._kept is not None:
            shutil.rmtree(self._kept, ignore_errors=True)


def _remove(path: str) -> None:
    if stat.S_ISDIR(os.lstat(path).st_mode):
        shutil.rmtree(path)
    else:
        os.unlink(path)  # noqa: PTH108
