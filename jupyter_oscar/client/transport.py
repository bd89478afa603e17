"""Connections to one address, kept in pools of their own.

httpx looks at every connection of a pool for every request it sends, which at 32 connections costs more than the
request itself. Here each connection has a small pool; the one used last is used next, so that few are open when
little is asked.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from .budget import Budget

# Enough for calls to a far cluster to overlap.
MOST: Final = 48


class Connections(httpx.AsyncBaseTransport):
    """At most 48 requests under way; the rest waits its turn."""

    def __init__(
        self, endpoint: str, *, verify: bool, ca_bundle: str | None = None, budget: Budget | None = None
    ) -> None:
        secure = endpoint.startswith("https")
        self._verify: bool | ssl.SSLContext = context(verify=verify, ca_bundle=ca_bundle) if secure else False
        self._budget = budget or Budget()
        self._proxy = proxy(endpoint)
        self._gate = asyncio.Semaphore(MOST)
        self._idle: list[httpx.AsyncHTTPTransport] = []
        self._all: list[httpx.AsyncHTTPTransport] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send on the connection that was used last; one whose answer is still being read makes a second."""
        await self._budget.turn()
        async with self._gate:
            pool = self._idle.pop() if self._idle else self._new()
            try:
                return await pool.handle_async_request(request)
            finally:
                self._idle.append(pool)

    def _new(self) -> httpx.AsyncHTTPTransport:
        limits = httpx.Limits(max_keepalive_connections=1, keepalive_expiry=60)
        pool = httpx.AsyncHTTPTransport(verify=self._verify, limits=limits, proxy=self._proxy)
        self._all.append(pool)
        return pool

    async def aclose(self) -> None:
        """Close them all."""
        for pool in self._all:
            await pool.aclose()
        self._all.clear()
        self._idle.clear()


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
