"""A proxy that counts requests and delays them, to measure what a far cluster would feel like.

It passes bytes on as they are and knows of HTTP only how a request begins.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

REQUEST = re.compile(rb"(?:^|(?<=\n)|(?<=\}))(GET|PUT|POST|DELETE|HEAD|PATCH) (/\S*) HTTP/1\.1\r\n")


class Proxy:
    """Stands before ``upstream`` on a port of its own; use it as a context manager."""

    def __init__(self, upstream: str, latency: float = 0.0) -> None:
        self._upstream = urlsplit(upstream)
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
        server = self._loop.run_until_complete(asyncio.start_server(self._connected, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._started.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._upstream.hostname, self._upstream.port)
        await asyncio.gather(self._pass(reader, back, counted=True), self._pass(there, writer, counted=False))

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, counted: bool) -> None:
        """Requests wait for the latency, each on its own account; answers pass at once: one round trip, one latency."""
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        sender = asyncio.ensure_future(self._send(waiting, target))
        with contextlib.suppress(ConnectionError):
            while data := await source.read(262144):
                if counted:
                    found = [(method.decode(), path.decode()) for method, path in REQUEST.findall(data)]
                    self.requests.update(method for method, _ in found)
                    self.asked.update(f"{method} {path}" for method, path in found)
                waiting.put_nowait((self._loop.time() + (self.latency if counted else 0), data))
        waiting.put_nowait((0, b""))
        await sender

    async def _send(self, waiting: asyncio.Queue[tuple[float, bytes]], target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                due, data = await waiting.get()
                if not data:
                    break
                if (pause := due - self._loop.time()) > 0:
                    await asyncio.sleep(pause)
                target.write(data)
                await target.drain()
        target.close()
