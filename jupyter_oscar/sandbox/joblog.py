"""A job's log file: the supervisor's lines with their times, and the script's own output."""

from __future__ import annotations

import os
import traceback
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

_LEVELS = {"NOTSET": 0, "DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}


class JobLog:
    """Writes straight to the file: a reader sees each line at once, and a full disk is an error, not a lost line."""

    def __init__(self, path: str, level: str) -> None:
        self.level = level
        self._threshold = _LEVELS.get(level, 20)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def __enter__(self) -> JobLog:  # noqa: PYI034 - Self is not in Python 3.10
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        os.close(self._file)

    def write(self, data: bytes) -> int:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._file, rest) :]
        return len(data)

    def say(self, message: str, level: str = "INFO") -> None:
        self._line(level, message)

    def detail(self, message: str) -> None:
        self._line("DEBUG", message)

    def _line(self, level: str, message: str) -> None:
        if _LEVELS[level] < self._threshold:
            return
        now = datetime.now(timezone.utc)
        stamp = f"{now:%Y-%m-%d %H:%M:%S},{now.microsecond // 1000:03d}"
        self.write(f"{stamp} - supervisor - {level} - {message}\n".encode("utf-8", "surrogateescape"))


def traceback_text(error: BaseException) -> str:
    """A traceback without source lines, as the frozen supervisor prints it (wire D026)."""
    lines = "".join(traceback.format_exception(type(error), error, error.__traceback__)).splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("    "))
