"""Who listens on a port of this machine, in words."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

from .settings import LOOPBACK

_LISTENING = "0A"  # proc(5), net/tcp: the column st


def taken_by(port: int) -> str | None:
    """None while a script could listen there."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((LOOPBACK, port))
        except OSError as error:
            return _listener(port) if error.errno == errno.EADDRINUSE else None
    return None


def _listener(port: int) -> str:
    sockets = {f"socket:[{inode}]" for inode in _inodes(port)}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(handle.readlink()) in sockets for handle in (process / "fd").iterdir()):
                name = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
                return f"process {process.name} ({name})"
        except OSError:
            continue  # somebody else's, or gone
    return "another program"


def _inodes(port: int) -> set[str]:
    found: set[str] = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        try:
            lines = table.read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        rows = [line.split() for line in lines]
        found |= {row[9] for row in rows if row[3] == _LISTENING and int(row[1].rpartition(":")[2], 16) == port}
    return found
