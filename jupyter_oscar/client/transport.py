"""Connections to one address, kept here and used again.

httpx's own pool looks at every connection for every request it sends, asks the kernel three times what each one is, and
sends a request's head and body apart: that is half of what a small request costs. Here the connection used last is used
next, so that few are open when little is asked. A connection is httpcore's, and so is all it knows of HTTP and TLS.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import ssl
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from .budget import Budget

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# Enough for calls to a far cluster to overlap.
MOST: Final = 48
IDLE: Final = 60.0
_LITTLE: Final = 64 * 1024
_FAILURES: Final = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
    ssl.SSLError,  # after the handshake httpcore lets it through as it is
)


class Connections(httpx.AsyncBaseTransport):
    """At most 48 requests under way; the rest waits its turn."""

    def __init__(
        self, endpoint: str, *, verify: bool, ca_bundle: str | None = None, budget: Budget | None = None
    ) -> None:
        secure = endpoint.startswith("https")
        self._context = context(verify=verify, ca_bundle=ca_bundle) if secure else None
        self._budget = budget or Budget()
        self._proxy = proxy(endpoint)
        self._proxied: httpx.AsyncHTTPTransport | None = None
        self._gate = asyncio.Semaphore(MOST)
        self._idle: list[httpcore.AsyncHTTPConnection] = []
        self._all: set[httpcore.AsyncHTTPConnection] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send on the connection that was used last; it is free again when its answer is read or closed."""
        await self._budget.turn()
        async with self._gate:
            if self._proxy is not None:
                try:
                    return await self._by_proxy(self._proxy).handle_async_request(request)
                except ssl.SSLError as error:
                    raise _named(error) from error
            asked = _of_httpcore(request)
            line = await self._line(asked.url.origin)
            try:
                answer = await line.handle_async_request(asked)
            except BaseException as error:  # a cancelled one is of no use any more either
                self._all.discard(line)
                if isinstance(error, _FAILURES):
                    raise _named(error) from error
                raise
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Body(answer, line, self), extensions=answer.extensions
        )

    def _by_proxy(self, address: str) -> httpx.AsyncHTTPTransport:
        if self._proxied is None:
            limits = httpx.Limits(max_keepalive_connections=MOST, keepalive_expiry=IDLE)
            self._proxied = httpx.AsyncHTTPTransport(verify=self._context or False, limits=limits, proxy=address)
        return self._proxied

    async def _line(self, origin: httpcore.Origin) -> httpcore.AsyncHTTPConnection:
        while self._idle:
            line = self._idle.pop()
            if not line.has_expired():
                return line
            await self._drop(line)
        line = httpcore.AsyncHTTPConnection(origin, self._context, keepalive_expiry=IDLE, network_backend=_Backend())
        self._all.add(line)
        return line

    async def _drop(self, line: httpcore.AsyncHTTPConnection) -> None:
        self._all.discard(line)
        await line.aclose()

    async def free(self, line: httpcore.AsyncHTTPConnection) -> None:
        """Its answer is over."""
        if line not in self._all or line in self._idle:
            return
        if line.is_idle():
            self._idle.append(line)
        else:
            await self._drop(line)

    async def aclose(self) -> None:
        """Close them all."""
        self._idle.clear()
        while self._all:
            await self._all.pop().aclose()
        if self._proxied is not None:
            await self._proxied.aclose()


def _of_httpcore(request: httpx.Request) -> httpcore.Request:
    url = request.url
    if url.scheme not in ("http", "https"):
        msg = "The address begins with neither http:// nor https://."
        raise httpx.UnsupportedProtocol(msg, request=request)
    return httpcore.Request(
        request.method,
        httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=request.headers.raw,
        content=request.stream,
        extensions=request.extensions,
    )


def _named(error: Exception) -> httpx.TransportError:
    """The same as httpx says it; both give their errors the same names."""
    if isinstance(error, ssl.SSLError):
        return httpx.NetworkError(tls_words(error))
    same: httpx.TransportError = getattr(httpx, type(error).__name__)(str(error))
    return same


class _Body(httpx.AsyncByteStream):
    """Of an answer; with its end the connection is free."""

    def __init__(self, answer: httpcore.Response, line: httpcore.AsyncHTTPConnection, pool: Connections) -> None:
        self._answer, self._line, self._pool = answer, line, pool

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._answer.aiter_stream():
                yield piece
        except _FAILURES as error:
            raise _named(error) from error

    async def aclose(self) -> None:
        await self._answer.aclose()
        await self._pool.free(self._line)


class _Backend(httpcore.AnyIOBackend):
    async def connect_tcp(self, *where: Any, **how: Any) -> httpcore.AsyncNetworkStream:
        return _Whole(await super().connect_tcp(*where, **how))


class _Whole(httpcore.AsyncNetworkStream):
    """What is written goes when an answer is waited for: a head with its body, in one piece."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._unsent: list[bytes] = []
        self._socket = stream.get_extra_info("socket")

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._unsent.append(buffer)
        if len(buffer) > _LITTLE:
            await self._send(timeout)

    async def _send(self, timeout: float | None) -> None:
        unsent, self._unsent = self._unsent, []
        for piece in [b"".join(unsent)] if sum(map(len, unsent)) <= _LITTLE else unsent:
            await self._stream.write(piece, timeout)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._unsent:
            with contextlib.suppress(httpcore.WriteError):  # a server that hangs up early may have said why
                await self._send(timeout)
        return await self._stream.read(max_bytes, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(self, *how: Any, **more: Any) -> httpcore.AsyncNetworkStream:
        return _Whole(await self._stream.start_tls(*how, **more))

    def get_extra_info(self, info: str) -> Any:
        if info != "is_readable" or not hasattr(select, "poll"):
            return self._stream.get_extra_info(info)
        # Asked before each request, since an idle connection has nothing to say but that the server hung up. anyio
        # would gather all that can be known of a socket first.
        if (number := self._socket.fileno()) < 0:
            return True
        look = select.poll()
        look.register(number, select.POLLIN)
        return bool(look.poll(0))


def context(*, verify: bool, ca_bundle: str | None = None) -> ssl.SSLContext:
    """Made once for a client, since loading the certificates takes longer than a request."""
    made = httpx.create_ssl_context(verify=verify)
    if verify and ca_bundle:
        made.load_verify_locations(ca_bundle)
    return made


def why_no_bundle(path: str) -> str | None:
    """What is wrong with a file of authorities, or None."""
    try:
        ssl.create_default_context().load_verify_locations(path)
    except ssl.SSLError:
        return f"{path} holds no certificate in PEM format"
    except OSError as error:
        return f"{path} cannot be read: {(error.strerror or str(error)).lower()}"
    return None


def proxy(endpoint: str) -> str | None:
    """The proxy that the environment names for this address; httpx does not look for one beside a transport of ours."""
    parts = urlsplit(endpoint)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)


def why_not(error: BaseException) -> str:
    """What kept a request from its answer, in the operating system's own words where there are some."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):  # its number is OpenSSL's, not the system's
            return tls_words(cause)
        if isinstance(cause, OSError) and cause.strerror:
            # asyncio puts its own words into strerror; name look-ups have negative numbers.
            return (os.strerror(cause.errno) if (cause.errno or 0) > 0 else cause.strerror).lower()  # type: ignore[arg-type]
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, (httpx.TimeoutException, asyncio.TimeoutError)):
        return "no answer in time"
    text = str(error).lower().rstrip(".")
    return "connection refused" if "all connection attempts failed" in text else text or type(error).__name__


def tls_words(error: ssl.SSLError) -> str:
    """OpenSSL's own words without their place in its source."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message.lower()
    return (error.reason or str(error)).replace("_", " ").lower()
