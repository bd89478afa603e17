"""The log of an exposed service: each line with the time it came, as a container runtime keeps it, and bounded."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .store import now

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST = 4 * 1024 * 1024  # then it becomes the old log, and the older one goes
_LONGEST_LINE = 16 * 1024  # a longer one is cut in pieces, as by containerd
_BLOCK = 64 * 1024
TIME = len("2026-11-25T09:00:00Z")


def _old(path: Path) -> Path:
    return path.with_name(path.name + ".1")


class ServiceLog:
    """The writing end. A full disk loses lines; it does not end the service."""

    def __init__(self, path: Path) -> None:
        self._path, self._rest = path, b""

    def feed(self, data: bytes) -> None:
        """Output as it comes, in whatever pieces."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        while len(self._rest) > _LONGEST_LINE:
            lines.append(self._rest[:_LONGEST_LINE])
            self._rest = self._rest[_LONGEST_LINE:]
        self._write(lines)

    def end(self) -> None:
        """The last line, if it has no end of its own."""
        if self._rest:
            self._write([self._rest])
        self._rest = b""

    def say(self, sentence: str) -> None:
        """A line of ours."""
        self.end()
        self._write([sentence.encode()])

    def _write(self, lines: list[bytes]) -> None:
        if not lines:
            return
        stamp = now().encode()
        data = memoryview(b"".join(b"%s %s\n" % (stamp, line) for line in lines))
        try:
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                while data:
                    data = data[os.write(file, data) :]
                if os.fstat(file).st_size > _LARGEST:
                    self._path.replace(_old(self._path))
            finally:
                os.close(file)
        except OSError:
            return


def tail(path: Path, count: int) -> list[tuple[str, str]]:
    """The last lines with their times, oldest first; empty ones are left out, as OSCAR does (wire R024)."""
    found = _last(path, count)
    if len(found) < count:
        found = _last(_old(path), count - len(found)) + found
    return found


def _last(path: Path, count: int) -> list[tuple[str, str]]:
    """Read from the end, block by block."""
    lines: list[bytes] = []
    try:
        with path.open("rb") as file:
            at, data = file.seek(0, os.SEEK_END), b""
            while at and len(lines) < count:
                step = min(at, _BLOCK)
                at = file.seek(at - step)
                data = file.read(step) + data
                whole = data if at == 0 else data.partition(b"\n")[2]
                lines = [line for line in whole.split(b"\n") if len(line) > TIME + 1]
    except OSError:
        return []
    return [(line[:TIME].decode(), line[TIME + 1 :].decode("utf-8", "replace")) for line in lines[-count:]]
