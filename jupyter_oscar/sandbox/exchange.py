"""One request and its answer after the other, over a connection to the store that stays open.

What a short job asks of the store takes less time than a library for HTTP needs to read the headers of the answer, of
which one counts here: the length of the body. An answer of any other form than ``200`` with a length is left to such a
library, by saying that there was none.
"""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO

_UNIX = "unix://"
_GRANTED = re.compile(rb"HTTP/1\.1 200 ")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)[ \t]*\r\n", re.IGNORECASE)
_UNPLAIN = re.compile(rb"\r\n(?:transfer-encoding:|connection:[ \t]*close)", re.IGNORECASE)
_END = b"\r\n\r\n"
_LONGEST_HEAD, _PIECE = 1 << 16, 1 << 20


class Exchange:
    """``address`` is what clients call the store, ``inner`` where it listens itself (``Plan``)."""

    def __init__(self, address: str, inner: str, seconds: float) -> None:
        self._address, self._inner, self._seconds = address, inner or address, seconds
        self._socket: socket.socket | None = None

    def put(self, target: str, content: bytes) -> bool:
        """Whether it was granted."""
        head = f"{self._head('PUT', target)}Content-Type: application/octet-stream\r\nContent-Length: {len(content)}"
        return self._ask(f"{head}\r\n\r\n".encode() + content, None)

    def get(self, target: str, into: BinaryIO) -> bool:
        """Whether all of it is in the file; if not, some may be."""
        return self._ask(f"{self._head('GET', target)}\r\n".encode(), into)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _head(self, method: str, target: str) -> str:
        return f"{method} {target} HTTP/1.1\r\nHost: {self._address}\r\n"

    def _ask(self, request: bytes, into: BinaryIO | None) -> bool:
        try:
            line = self._socket = self._socket or self._connect()
            line.sendall(request)
            if self._heard(line, into):
                return True
        except OSError:
            pass
        self.close()
        return False

    @staticmethod
    def _heard(line: socket.socket, into: BinaryIO | None) -> bool:
        """Whether it was a good answer, all of which is read."""
        answer = line.recv(_LONGEST_HEAD)
        while _END not in answer and len(answer) < _LONGEST_HEAD:
            more = line.recv(_LONGEST_HEAD)
            if not more:
                return False
            answer += more
        head, end, body = answer.partition(_END)
        length = _LENGTH.search(head + b"\r\n")
        if not end or length is None or not _GRANTED.match(head) or _UNPLAIN.search(head):
            return False
        left = int(length[1]) - len(body)
        while True:
            if into is not None:
                into.write(body)
            if left <= 0:
                return left == 0
            body = line.recv(min(left, _PIECE))
            if not body:
                return False
            left -= len(body)

    def _connect(self) -> socket.socket:
        if self._inner.startswith(_UNIX):
            line = socket.socket(socket.AF_UNIX)
            line.settimeout(self._seconds)
            line.connect(self._inner.removeprefix(_UNIX))
            return line
        host, _, port = self._inner.rpartition(":")
        line = socket.create_connection((host, int(port)), self._seconds)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return line
