"""A proxy that counts requests and delays them, to measure what a far cluster would feel like.

It passes bytes on as they are and knows of HTTP only how a request begins. It runs in the process that measures, so it
does little: what it does takes time from the client that is measured.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections import Counter
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

REQUEST = re.compile(rb"(?:^|(?<=\n)|(?<=\}))(GET|PUT|POST|DELETE|HEAD|PATCH) (/\S*) HTTP/1\.1\r\n")


class Proxy:
    """Stands before ``upstream`` on a port of its own; use it as a context manager."""

    def __init__(self, upstream: str, latency: float = 0.0) -> None:
        self.upstream = urlsplit(upstream)
        self.latency = latency
        self.requests: Counter[str] = Counter()
        #: The same with their paths: ``GET /system/logs/gauges?page=2``.
        self.asked: Counter[str] = Counter()
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(self._loop.create_server(lambda: _Near(self), "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._started.set()
        self._loop.run_forever()
        server.close()

    def count(self, data: bytes) -> None:
        """The requests that begin in it."""
        for method, path in REQUEST.findall(data):
            self.requests[method.decode()] += 1
            self.asked[f"{method.decode()} {path.decode()}"] += 1


class _End(asyncio.Protocol):
    """One of the two connections of a caller; what it hears, the other says."""

    other: _End | None = None
    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self.other is not None:
            self.other.transport.write(data)

    def connection_lost(self, _: Exception | None) -> None:
        if self.other is not None:
            self.other.transport.close()

    def pause_writing(self) -> None:
        if self.other is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None:
            self.other.transport.resume_reading()


class _Near(_End):
    """Requests wait for the latency, each on its own account; answers pass at once: one round trip, one latency."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._loop = asyncio.get_running_loop()
        self._connecting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.pause_reading()
        self._connecting = self._loop.create_task(self._connect())

    async def _connect(self) -> None:
        there = self._proxy.upstream
        try:
            _, far = await self._loop.create_connection(_End, there.hostname, there.port)
        except OSError:
            self.transport.abort()
            return
        self.other, far.other = far, self
        self.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        self._proxy.count(data)
        if self._proxy.latency:
            self._loop.call_later(self._proxy.latency, super().data_received, data)
        else:
            super().data_received(data)
