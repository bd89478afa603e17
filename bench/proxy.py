"""A proxy that counts requests and delays them, to measure what a far cluster would feel like.

It passes bytes on as they are and knows of HTTP only how a request begins. It stands for a network, which takes no time
from the client that is measured, so it runs in a process of its own; whoever measures asks it on its standard input
what came by.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
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
        self._command = [sys.executable, "-I", __file__, upstream, str(latency)]
        self._forgotten: Counter[str] = Counter()
        self.url = ""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self._line()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()  # it ends with its standard input, and so with whoever measures

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    @property
    def asked(self) -> Counter[str]:
        """How often what was asked: ``GET /system/logs/gauges?page=2``."""
        return self._all() - self._forgotten

    @property
    def requests(self) -> Counter[str]:
        """The same without paths."""
        found: Counter[str] = Counter()
        for asked, many in self.asked.items():
            found[asked.partition(" ")[0]] += many
        return found

    def clear(self) -> None:
        """Count anew from here on."""
        self._forgotten = self._all()

    def _all(self) -> Counter[str]:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return Counter(json.loads(self._line()))


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

    def __init__(self, asked: Counter[str], upstream: str, latency: float) -> None:
        self._asked, self._upstream, self._latency = asked, urlsplit(upstream), latency
        self._loop = asyncio.get_running_loop()
        self._connecting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.pause_reading()
        self._connecting = self._loop.create_task(self._connect())

    async def _connect(self) -> None:
        there = self._upstream
        try:
            _, far = await self._loop.create_connection(_End, there.hostname, there.port)
        except OSError:
            self.transport.abort()
            return
        self.other, far.other = far, self
        self.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        for method, path in REQUEST.findall(data):
            self._asked[f"{method.decode()} {path.decode()}"] += 1
        if self._latency:
            self._loop.call_later(self._latency, super().data_received, data)
        else:
            super().data_received(data)


async def stand(upstream: str, latency: float) -> None:
    """Pass on until the standard input ends; each line of it is answered with what was asked so far."""
    asked: Counter[str] = Counter()
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    server = await loop.create_server(lambda: _Near(asked, upstream, latency), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)

    def answer() -> None:
        if sys.stdin.readline():
            print(json.dumps(asked), flush=True)
        else:
            ended.set()

    loop.add_reader(sys.stdin, answer)
    await ended.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(stand(sys.argv[1], float(sys.argv[2])))
