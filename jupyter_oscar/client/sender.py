"""One pooled client towards one OSCAR: sending, signing in, redirects, and what a broken connection means in words.

How long to wait and what to send again is in ``policy``; what an answer means is in ``errors``.
"""

from __future__ import annotations

import asyncio
import contextlib
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin, urlsplit

import httpx

from .error_table import REVOKED, from_response
from .errors import NotFound, NotOscar, TimedOut, Unreachable
from .policy import BUSY, READ, REDIRECTS, Busy, patiently
from .transport import Connections, why_not

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .budget import Budget
    from .profiles import Profile


class Sender:
    """Sends requests to one cluster, as whom its profile says."""

    def __init__(self, profile: Profile, budget: Budget | None = None) -> None:
        self.profile = profile
        self._budget = budget
        self._host = urlsplit(profile.endpoint).netloc

    @cached_property
    def http(self) -> httpx.AsyncClient:
        """The pooled client, made when first used."""
        return httpx.AsyncClient(
            base_url=self.profile.endpoint,
            transport=self._connections,
            timeout=READ,
            follow_redirects=False,
            headers={"User-Agent": "jupyter-oscar", "Accept": "*/*"},
        )

    @cached_property
    def _connections(self) -> Connections:
        profile = self.profile
        return Connections(profile.endpoint, verify=profile.verify, ca_bundle=profile.ca_bundle, budget=self._budget)

    @cached_property
    def _always(self) -> dict[str, str]:
        """Headers of every request, by lower-case names."""
        return dict(self.http.headers)

    async def healthy(self) -> bool:
        """Whether ``/health`` answers ``Ok``; needs no credentials."""
        response = await self._send("GET", "/health", authorised=False, headers=None, timeout=READ, content=None)
        return response.text.strip() == "Ok"

    async def request(  # noqa: PLR0913 - one door, so that everything about sending is decided in one place
        self,
        method: str,
        *path: str,
        what: str,
        missing: type[NotFound] = NotFound,
        params: dict[str, str] | None = None,
        json: Any = None,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
        timeout: httpx.Timeout = READ,
        repeatable: bool | None = None,
    ) -> httpx.Response:
        """Send one request and return its successful answer.

        ``path`` is a fixed part followed by segments that are escaped here. ``repeatable`` says that the request may be
        sent again when the connection breaks; GET always may.

        Raises:
            OscarError: whatever the error table makes of the answer, or Unreachable, TimedOut, NotOscar.

        """
        url = path[0] + "".join("/" + quote(segment, safe="") for segment in path[1:])
        again = method == "GET" if repeatable is None else repeatable
        response = await self._patiently(
            method, url, again=again, headers=headers, timeout=timeout, params=params, json=json, content=content
        )
        if response.is_success:
            return response
        raise from_response(what, response.status_code, response.text, missing=missing)

    async def json(self, method: str, *path: str, what: str, **options: Any) -> Any:
        """Like :meth:`request`, parsed."""
        return _json(await self.request(method, *path, what=what, **options), self.profile.endpoint)

    @contextlib.asynccontextmanager
    async def stream(
        self, *path: str, what: str, missing: type[NotFound] = NotFound, params: dict[str, str] | None = None
    ) -> AsyncIterator[httpx.Response]:
        """A GET whose body is read as it comes."""
        url = path[0] + "".join("/" + quote(segment, safe="") for segment in path[1:])
        headers = {"Authorization": await self._header()}
        with self._translated(url):
            async with self.http.stream("GET", url, headers=headers, params=params) as response:
                if response.is_success:
                    yield self._not_a_web_page(response)
                    return
                await response.aread()
            if not _refused(response) or not await self._renew(headers):
                raise from_response(what, response.status_code, response.text, missing=missing)
            async with self.http.stream("GET", url, headers=headers, params=params) as response:
                if not response.is_success:
                    await response.aread()
                    raise from_response(what, response.status_code, response.text, missing=missing)
                yield response

    async def _patiently(self, method: str, url: str, *, again: bool, **options: Any) -> httpx.Response:
        """Send, and again where that is safe; see ``policy``."""
        try:
            return await patiently(lambda: self._try(method, url, again=again, **options), again=again)
        except Busy as busy:
            return busy.response

    async def _try(self, method: str, url: str, *, again: bool, **options: Any) -> httpx.Response:
        response = await self._send(method, url, authorised=True, **options)
        if again and response.status_code in BUSY:
            raise Busy(response)
        return response

    async def _send(
        self, method: str, url: str, *, authorised: bool, headers: dict[str, str] | None, **options: Any
    ) -> httpx.Response:
        sent = dict(headers or {})
        ours = authorised and "Authorization" not in sent
        if ours:
            sent["Authorization"] = await self._header()
        with self._translated(url):
            response = await self._ask(method, url, headers=sent, **options)
            if ours and _refused(response) and await self._renew(sent):
                # Refused, so nothing was done: sending it once more is safe whatever it is.
                response = await self._ask(method, url, headers=sent, **options)
            for _ in range(REDIRECTS):
                if not response.is_redirect or method != "GET":
                    break
                response = await self._ask(method, self._same_place(response), headers=sent)
        return self._not_a_web_page(response)

    async def _ask(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str],
        timeout: httpx.Timeout = READ,
        params: dict[str, str] | None = None,
        json: Any = None,
        content: bytes | None = None,
    ) -> httpx.Response:
        """One request and its whole answer, straight over our connections.

        httpx's client between would look for cookies, hooks and other ways each time: a quarter of a small request.
        """
        request = httpx.Request(
            method,
            url if "://" in url else self.profile.endpoint.rstrip("/") + url,
            params=params,
            headers={**self._always, **{name.lower(): value for name, value in headers.items()}},
            json=json,
            content=content,
            extensions={"timeout": timeout.as_dict()},
        )
        response = await self._connections.handle_async_request(request)
        response.request = request
        try:
            await response.aread()
        finally:
            await response.aclose()
        return response

    async def _header(self) -> str:
        """Who we are; a token file is read at every use and a token renewed in time, off the loop."""
        who = self.profile.credentials
        return await asyncio.to_thread(who.header) if who.changes else who.header()

    async def _renew(self, headers: dict[str, str]) -> bool:
        """After a 401: put another token in place of the refused one, if there is another."""
        who = self.profile.credentials
        other = await asyncio.to_thread(who.after, headers["Authorization"]) if who.changes else None
        headers["Authorization"] = other or headers["Authorization"]
        return other is not None

    def _same_place(self, response: httpx.Response) -> str:
        """Where a redirect leads, if it stays at the same scheme, host and port (DESIGN §7)."""
        target = urljoin(str(response.request.url), str(response.headers.get("Location", "")))
        if urlsplit(target)[:2] != urlsplit(self.profile.endpoint)[:2]:
            msg = f"{self.profile.endpoint} sends us on to {target}; credentials are not taken along."
            raise NotOscar(msg, hint="If that is your cluster, connect to that address.")
        return target

    def _not_a_web_page(self, response: httpx.Response) -> httpx.Response:
        kind = response.headers.get("Content-Type", "")
        if kind.startswith("text/html") and not response.request.url.path.startswith("/run/"):
            msg = f"{self.profile.endpoint} answers with a web page where OSCAR would answer with data."
            raise NotOscar(msg, status=response.status_code)
        return response

    @contextlib.contextmanager
    def _translated(self, url: str) -> Any:
        """Say in words what the connection's failure means."""
        host = self._host
        try:
            yield
        except httpx.ConnectTimeout as error:
            msg = f"{host} does not answer (no connection after {READ.connect:.0f} s)."
            raise Unreachable(msg) from error
        except httpx.TimeoutException as error:
            msg = f"{host} did not answer {url} in time."
            raise TimedOut(msg, hint="The cluster may be busy; try again in a moment.") from error
        except httpx.ConnectError as error:
            msg = f"{host} cannot be reached: {why_not(error)}."
            raise Unreachable(msg) from error
        except httpx.RemoteProtocolError as error:
            if "without sending" in str(error):
                msg = f"{host} hung up without an answer."
                raise Unreachable(msg) from error
            msg = f"{host} does not speak HTTP as OSCAR does: {error}."
            raise NotOscar(msg) from error
        except httpx.ReadError as error:
            msg = f"{host} hung up without an answer."
            raise Unreachable(msg) from error
        except httpx.TransportError as error:
            msg = f"The connection to {host} broke: {why_not(error)}."
            raise Unreachable(msg) from error


def _refused(response: httpx.Response) -> bool:
    """Whether it was our token that was not taken; nothing was done then."""
    return response.status_code == httpx.codes.UNAUTHORIZED or (
        response.status_code == httpx.codes.INTERNAL_SERVER_ERROR and REVOKED in response.text
    )


def _json(response: httpx.Response, endpoint: str) -> Any:
    try:
        return response.json()
    except ValueError as error:
        said = response.text[:60].strip() or "nothing"
        msg = f"{endpoint} answered {response.request.url.path} with {said!r} where OSCAR would answer with JSON."
        raise NotOscar(msg) from error
