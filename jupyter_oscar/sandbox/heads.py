"""HTTP/1.1 as the front of the object store sees it: heads to look at, bodies to hand on without looking.

What comes in goes out byte for byte, because signatures are over the bytes: a head is kept as it was written, and of a
body only its end is found (RFC 9112 §6).
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import unquote

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

CHUNKED, TO_THE_END = -1, -2
_PIECE = 1 << 18
_LONGEST_LINE = 1 << 10


class Broken(Exception):
    """It is no HTTP, or it ended in the middle."""


class Head(NamedTuple):
    """Of a request or of an answer."""

    raw: bytes
    first: tuple[str, str, str]
    """Method, target and version, or version, status and reason."""
    headers: dict[str, str]
    """By lower-case names; values said more than once are joined by commas."""

    def says(self, name: str, word: str) -> bool:
        return word in self.headers.get(name, "").lower()

    @property
    def closes(self) -> bool:
        return self.says("connection", "close") or "HTTP/1.0" in self.first

    @property
    def length(self) -> int:
        """Of the body that follows a request."""
        if "transfer-encoding" in self.headers:
            if "content-length" in self.headers or self.headers["transfer-encoding"].lower() != "chunked":
                raise Broken
            return CHUNKED
        size = self.headers.get("content-length", "0")
        if not (size.isascii() and size.isdecimal()):
            raise Broken
        return int(size)

    def without(self, unwanted: Callable[[str], bool]) -> Head:
        """The same with fewer headers."""
        first, *lines = self.raw[:-4].split(b"\r\n")
        kept = [line for line in lines if not unwanted(line.partition(b":")[0].decode("latin-1").lower())]
        return Head(b"\r\n".join([first, *kept, b"", b""]), self.first, self.headers)

    def with_length(self, length: int) -> Head:
        """The same for a body of that length."""
        kept = self.without(lambda name: name in ("content-length", "transfer-encoding", "trailer"))
        return Head(kept.raw[:-2] + f"Content-Length: {length}\r\n\r\n".encode(), self.first, self.headers)

    def with_status(self, status: int, reason: str) -> Head:
        version, rest = self.first[0], self.raw.partition(b"\r\n")[2]
        return Head(f"{version} {status} {reason}\r\n".encode() + rest, (version, str(status), reason), self.headers)

    # of a request

    def with_target(self, target: str) -> Head:
        """The same for another place."""
        method, _, version = self.first
        rest = self.raw.partition(b"\r\n")[2]
        return Head(f"{method} {target} {version}\r\n".encode() + rest, (method, target, version), self.headers)

    @property
    def method(self) -> str:
        return self.first[0]

    @property
    def target(self) -> str:
        return self.first[1]

    @property
    def path(self) -> str:
        """As it is meant, not as it is written."""
        return unquote(self.target.partition("?")[0], errors="surrogateescape")

    @property
    def query(self) -> dict[str, str]:
        pairs = (pair.partition("=") for pair in self.target.partition("?")[2].split("&") if pair)
        return {unquote(name): unquote(value) for name, _, value in pairs}

    # of an answer

    @property
    def status(self) -> int:
        return int(self.first[1])

    def length_of_answer(self, method: str) -> int:
        if method == "HEAD" or self.status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
            return 0
        if "content-length" in self.headers or "transfer-encoding" in self.headers:
            return self.length
        return TO_THE_END


class Sink(Protocol):
    """Where a body goes."""

    def write(self, data: bytes, /) -> None: ...

    async def drain(self) -> None: ...


class _Nowhere:
    def write(self, data: bytes, /) -> None:
        """It is not wanted."""

    async def drain(self) -> None:
        """Nothing waits."""


NOWHERE: Sink = _Nowhere()


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """None when the other side ended before it began."""
    import asyncio

    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise Broken from error
        return None
    except asyncio.LimitOverrunError as error:
        raise Broken from error
    first, *lines = raw[:-4].decode("latin-1").split("\r\n")
    words = first.split(" ", 2)
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name[-1].isspace() or name[0].isspace():
            raise Broken
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    if len(words) < 2:  # noqa: PLR2004 - a reason may be left out
        raise Broken
    return Head(raw, (words[0], words[1], words[2] if len(words) > 2 else ""), headers)  # noqa: PLR2004


async def hand_on(reader: asyncio.StreamReader, writer: Sink, length: int, seen: bytearray | None = None) -> None:
    """A body, from here to there; ``seen`` gets a copy of it. Raises ``Broken`` when it ends too early."""
    if length == CHUNKED:
        await _hand_on_chunks(reader, writer, seen)
        return
    left = length
    while left:
        piece = await reader.read(_PIECE if left == TO_THE_END else min(left, _PIECE))
        if not piece:
            if left == TO_THE_END:
                return
            raise Broken
        if left != TO_THE_END:
            left -= len(piece)
        writer.write(piece)
        if seen is not None:
            seen += piece
        await writer.drain()


async def _hand_on_chunks(reader: asyncio.StreamReader, writer: Sink, seen: bytearray | None) -> None:
    while True:
        line = await _line(reader)
        writer.write(line)
        try:
            size = int(line.partition(b";")[0].strip(), 16)
        except ValueError as error:
            raise Broken from error
        if not size:
            break
        await hand_on(reader, writer, size, seen)
        writer.write(await _line(reader))
    while (line := await _line(reader)) != b"\r\n":  # trailers
        writer.write(line)
    writer.write(line)
    await writer.drain()


async def _line(reader: asyncio.StreamReader) -> bytes:
    line = await reader.readline()
    if not line.endswith(b"\n") or len(line) > _LONGEST_LINE:
        raise Broken
    return line


async def read_body(reader: asyncio.StreamReader, length: int) -> bytes:
    """A body that is wanted whole."""
    seen = bytearray()
    await hand_on(reader, NOWHERE, length, seen)
    return bytes(seen)
