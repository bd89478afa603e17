"""A long body from one connection into another, without asyncio's streams in between.

Those copy each piece three times on its way, which is most of what a front costs. Here all pieces are read into one
buffer and written out of it; none is read before the kernel has taken the last one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from .heads import Broken

if TYPE_CHECKING:
    from .heads import Streams

_PIECE = 1 << 18
_HELD = 1 << 20  # more than a stream reader ever has


async def pour(source: Streams, writer: asyncio.StreamWriter, length: int) -> None:
    """``length`` bytes that the source has or gets. Raises ``Broken`` when it ends before."""
    reader, source_writer = source
    writer.transport.set_write_buffer_limits(high=0)  # to wait for it is to wait until it holds nothing
    piece = await reader.read(min(length, _HELD))
    if not piece:
        raise Broken
    writer.write(piece)
    if left := length - len(piece):  # and the reader has nothing more by now
        if reader.at_eof():
            raise Broken
        pouring = _Pouring(source_writer.transport, writer.transport, left)
        try:
            await pouring.all_of_it(writer)
        finally:
            pouring.leave()
    await writer.drain()


class _Pouring(asyncio.BufferedProtocol):
    """Stands in for the protocol of the connection that is read from, until the last byte of the body."""

    def __init__(self, source: asyncio.WriteTransport, sink: asyncio.WriteTransport, left: int) -> None:
        self._source, self._sink, self._left = cast("asyncio.Transport", source), sink, left
        self._own = cast("asyncio.Protocol", source.get_protocol())
        self._buffer = memoryview(bytearray(_PIECE))
        self._news = asyncio.Event()
        self._has_ended = False
        source.set_protocol(self)

    async def all_of_it(self, writer: asyncio.StreamWriter) -> None:
        while True:
            await writer.drain()
            if not self._left:
                return
            if self._has_ended:
                raise Broken
            self._source.resume_reading()
            self._news.clear()
            await self._news.wait()

    def leave(self) -> None:
        if self._source.get_protocol() is self:
            self._source.set_protocol(self._own)
            self._source.resume_reading()

    def get_buffer(self, _: int) -> memoryview:
        return self._buffer[: self._left]

    def buffer_updated(self, count: int) -> None:
        self._left -= count
        self._sink.write(self._buffer[:count])
        if not self._left:
            self.leave()
            self._news.set()
        elif self._sink.get_write_buffer_size() or self._sink.is_closing():
            self._source.pause_reading()
            self._news.set()

    def eof_received(self) -> bool | None:
        self._end()
        return self._own.eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        self._end()
        self._own.connection_lost(error)

    def _end(self) -> None:
        self._has_ended = True
        self._news.set()

    def pause_writing(self) -> None:
        self._own.pause_writing()

    def resume_writing(self) -> None:
        self._own.resume_writing()
