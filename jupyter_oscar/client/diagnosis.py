"""Why a cluster does not answer: every part of the way to it, one after the other, up to the first that is broken.

:func:`diagnose` asks as the client asks, through the same proxy and with the same authorities, and says of each part
what was seen and, where it is broken, what to do. Each step takes bounded time, and no text holds a secret.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar
from urllib.parse import SplitResult, urljoin, urlsplit

import httpx

from .errors import NotAllowed, NotAuthenticated, OscarError
from .profiles import SANDBOX
from .surroundings import from_browser, halves, token
from .transport import Connections, proxy, tls_words, why_not

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Iterator

    from .cluster import Cluster
    from .config import MinioProvider
    from .surroundings import Seen

T = TypeVar("T")

# In the order of the way a request takes. The clock comes before the sign-in, which a wrong one breaks.
STEPS: Final = (
    "address",
    "name",
    "connection",
    "proxy",
    "certificate",
    "answer",
    "clock",
    "sign-in",
    "rights",
    "version",
    "storage",
    "browser",
    "token",
    "two halves",
)
# Seconds for one step: a busy server took 8.9 s for a plain GET (oscar.md §0.3 point 1).
PATIENCE: Final = 15.0
# Seconds that two clocks may differ: tokens forgive about a minute, S3 signatures fifteen.
APART: Final = 300
# Verification results of OpenSSL (x509_vfy.h) and what they mean.
EXPIRED, NOT_YET, STRANGERS, OTHER_NAME = 10, 9, frozenset({18, 19, 20, 21}), frozenset({62, 64})


@dataclass(frozen=True)
class Step:
    """One part of the way: whether it holds, what was seen, and what to do where it does not.

    Parts behind a broken one are ``skipped`` with nothing seen; a part that this way does not have says so.
    """

    name: str
    state: Literal["ok", "bad", "skipped"]
    seen: str = ""
    todo: str = ""


async def diagnose(cluster: Cluster, *, patience: float = PATIENCE) -> AsyncGenerator[Step, None]:
    """Each step as it is known, in the order of :data:`STEPS`; those behind the first broken one are skipped.

    ``cluster`` should be fresh, so that its connections are made while one looks. ``patience`` is the seconds a step
    may take.
    """
    left = list(STEPS)
    async with contextlib.aclosing(_Way(cluster, patience).steps()) as steps:
        async for step in steps:
            left.remove(step.name)
            yield step
            if step.state == "bad":
                break
    for name in left:
        yield Step(name, "skipped")


class _Way:
    """The way to one cluster, and what has been seen of it."""

    def __init__(self, cluster: Cluster, patience: float) -> None:
        self._cluster = cluster
        self._profile = cluster.profile
        self._patience = patience
        self._target = urlsplit(cluster.profile.endpoint)
        found = proxy(cluster.profile.endpoint)
        self._proxy = urlsplit(found) if found else None
        self._response: httpx.Response | None = None
        self._asked = 0.0
        self._provider: MinioProvider | None = None

    async def steps(self) -> AsyncGenerator[Step, None]:
        """Those that could be taken."""
        yield await self._address()
        yield await self._name()
        for step in await self._wire():
            yield step
        yield self._answer()
        yield self._clock()
        async for step in self._oscar():
            yield step
        yield await self._storage()
        async for step in self._beyond():
            yield step

    async def _address(self) -> Step:
        profile = self._profile
        if profile.source == SANDBOX and await asyncio.to_thread(lambda: profile.fallen is not None):
            # Nobody is asked: another program may have the port by now.
            seen = "The local OSCAR is not running: its process is gone."
            return Step("address", "bad", seen, "Start it: jupyter oscar sandbox start. Its data is still there.")
        return Step("address", "ok", f"{profile.endpoint}, from {profile.source}.")

    async def _name(self) -> Step:
        first = self._proxy or self._target
        host, whose = first.hostname or "", " (the proxy of this environment)" if self._proxy else ""
        if host.replace(".", "").isdigit() or ":" in host:
            return Step("name", "skipped", f"{host}{whose} is a number and needs no look-up.")
        try:
            look_up = asyncio.get_running_loop().getaddrinfo(host, _port(first), type=socket.SOCK_STREAM)
            found = await asyncio.wait_for(look_up, self._patience)
        except asyncio.TimeoutError:
            return Step("name", "bad", f"The look-up of {host}{whose} took longer than {self._patience:.0f} s.", _DNS)
        except OSError as error:
            return Step("name", "bad", f"{host}{whose} is not known: {(error.strerror or str(error)).lower()}.", _DNS)
        addresses = ", ".join(dict.fromkeys(str(entry[4][0]) for entry in found))
        return Step("name", "ok", f"{host}{whose} is {addresses}.")

    async def _wire(self) -> list[Step]:
        """Connection, proxy and certificate: one request, and how far it came."""
        come: set[str] = set()

        async def trace(event: str, _: Any) -> None:
            come.add(event)

        self._asked = time.time()
        try:
            self._response = await asyncio.wait_for(
                self._cluster.http.get("/health", timeout=self._patience, extensions={"trace": trace}),
                4 * self._patience,
            )
        except (httpx.HTTPError, asyncio.TimeoutError, ImportError) as error:
            return list(self._broken(error, come))
        return [self._connected(), self._passed(), self._trusted()]

    def _broken(self, error: Exception, come: set[str]) -> Iterator[Step]:
        """Where a request ended that got no answer."""
        if not any(event.endswith("connect_tcp.complete") for event in come):
            yield self._unconnected(error)
            return
        yield self._connected()
        secure = self._target.scheme == "https"
        tunnel = secure and self._proxy is not None
        if tunnel and "proxy.start_tls.started" not in come:
            yield self._refused_by_proxy(str(error) or why_not(error))
            return
        yield self._passed()
        if secure and f"{'proxy' if tunnel else 'connection'}.start_tls.complete" not in come:
            yield self._untrusted(error)
            return
        yield self._trusted()
        if isinstance(error, (httpx.TimeoutException, asyncio.TimeoutError)):
            seen = f"{self._host} took the connection and said nothing for {self._patience:.0f} s."
            yield Step("answer", "bad", seen, "OSCAR may be busy or hang: try again, then tell its operator.")
        else:
            seen = f"{self._host} took the connection and did not answer as a web server does: {why_not(error)}."
            yield Step("answer", "bad", seen, "Check the port: something other than OSCAR may listen there.")

    @property
    def _host(self) -> str:
        return f"{self._target.hostname}:{_port(self._target)}"

    @property
    def _near(self) -> str:
        """Whom we connect to: the cluster, or the proxy before it, without the user its address may hold."""
        return f"the proxy {self._proxy.hostname}:{_port(self._proxy)}" if self._proxy else self._host

    def _connected(self) -> Step:
        return Step("connection", "ok", f"{_capital(self._near)} takes connections.")

    def _unconnected(self, error: Exception) -> Step:
        if isinstance(error, ImportError):
            scheme = self._proxy.scheme if self._proxy else ""
            todo = "Name an http proxy in HTTPS_PROXY, or except this host in NO_PROXY."
            return Step("connection", "bad", f"The environment names a {scheme} proxy, which is not supported.", todo)
        if isinstance(error, (httpx.TimeoutException, asyncio.TimeoutError)):
            seen = f"{_capital(self._near)} does not answer within {self._patience:.0f} s."
            return Step("connection", "bad", seen, "A firewall or a missing VPN may keep you from it.")
        seen = f"{_capital(self._near)} refuses: {why_not(error)}."
        todo = "Check HTTPS_PROXY and NO_PROXY." if self._proxy else "Is OSCAR running there, and is this its port?"
        return Step("connection", "bad", seen, todo)

    def _passed(self) -> Step:
        if self._proxy is None:
            return Step("proxy", "skipped", "The environment names none for this address.")
        return Step("proxy", "ok", f"{_capital(self._near)} passes us on.")

    def _refused_by_proxy(self, why: str) -> Step:
        seen = f"{_capital(self._near)} does not pass us on to {self._host}: {why}."
        todo = "It may want a user and password in HTTPS_PROXY, or NO_PROXY should except this host."
        return Step("proxy", "bad", seen, todo)

    def _trusted(self) -> Step:
        if self._target.scheme == "http":
            return Step("certificate", "skipped", "The address is http: nothing is encrypted.")
        if not self._profile.verify:
            return Step("certificate", "ok", "It is not checked, as this cluster's settings say.")
        until = _until(self._response)
        return Step("certificate", "ok", f"It is valid{f' until {until}' if until else ''}.")

    def _untrusted(self, error: Exception) -> Step:
        host = self._target.hostname
        cause = _tls(error)
        code = cause.verify_code if isinstance(cause, ssl.SSLCertVerificationError) else 0
        if code in {EXPIRED, NOT_YET}:
            today = time.strftime("%Y-%m-%d")
            seen = f"It {'has expired' if code == EXPIRED else 'is not valid yet'}; this machine's date is {today}."
            todo = "If that date is right, the cluster's operator renews it."
        elif cause is not None and code in STRANGERS:
            seen = f"Nobody known here vouches for it ({tls_words(cause)})."
            todo = (
                "If its authority is your site's own, name its file: SSL_CERT_FILE, or ca_bundle on a Jupyter server. "
                "Only where you know why may its check be turned off for this cluster."
            )
        elif code in OTHER_NAME:
            seen, todo = f"It is for another name than {host}.", "Use the name that the certificate is for."
        elif cause is not None:
            seen = f"{self._host} does not begin a secure connection ({tls_words(cause)})."
            todo = "Check the port; perhaps that one speaks plain http."
        else:
            seen = f"{self._host} took the connection and did not begin a secure one ({why_not(error)})."
            todo = "Check the port, and whether something between here and there breaks secure connections."
        return Step("certificate", "bad", seen, todo)

    def _answer(self) -> Step:
        seen, todo = self._odd(self._response) if self._response is not None else ("Nothing came.", "Try again.")
        return Step("answer", "bad", seen, todo) if todo else Step("answer", "ok", seen)

    def _odd(self, response: httpx.Response) -> tuple[str, str]:
        """What an answer says, and what to do if it is not OSCAR's."""
        status, through = response.status_code, " through the proxy" if self._proxy else ""
        if response.is_success and response.text.strip() == "Ok":
            return f"OSCAR says that it is well{through}.", ""
        if response.is_redirect:
            where = urlsplit(urljoin(self._profile.endpoint, response.headers.get("Location", "")))
            seen = f"{self._host} sends us on to {where.scheme}://{where.netloc.rpartition('@')[2]}."
            return seen, "If that is your cluster, use that address."
        if status == httpx.codes.PROXY_AUTHENTICATION_REQUIRED:
            return "The proxy wants a user and password.", "Name them in HTTP_PROXY."
        if status in {httpx.codes.BAD_GATEWAY, httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.GATEWAY_TIMEOUT}:
            seen = f"What stands before OSCAR answers{through}, and OSCAR behind it does not ({status})."
            return seen, "Try again in a moment, then tell the cluster's operator."
        if response.headers.get("Content-Type", "").startswith("text/html"):
            seen = f"{self._host} answers{through} with a web page ({status}) where OSCAR would say Ok."
            todo = "Open the address in a browser: a proxy, a network's sign-in page or a dashboard may stand there."
            return seen, todo
        seen = f"{self._host} answers{through}, but not as OSCAR does ({status} at /health)."
        return seen, "Check the address: it is the one in front of /system/info."

    def _clock(self) -> Step:
        said = self._response.headers.get("Date", "") if self._response else ""
        try:
            apart = parsedate_to_datetime(said).timestamp() - (self._asked + time.time()) / 2
        except (TypeError, ValueError):
            return Step("clock", "skipped", "The cluster does not say what time it is.")
        if abs(apart) <= APART:
            return Step("clock", "ok", "The cluster's and this machine's agree.")
        seen = f"The cluster's is {abs(apart) / 60:.0f} min {'ahead of' if apart > 0 else 'behind'} this machine's."
        todo = "Set the one that is wrong: tokens and signed requests are refused when clocks differ."
        return Step("clock", "bad", seen, todo)

    async def _oscar(self) -> AsyncGenerator[Step, None]:
        """Sign-in, rights and version."""
        cluster, who = self._cluster, self._profile.credentials
        try:
            info = await self._bounded(cluster.info(fresh=True))
        except NotAllowed as error:
            yield Step("sign-in", "ok", "The cluster knows you.")
            yield Step("rights", "bad", error.message, _RIGHTS)
            return
        except OscarError as error:
            if error.upstream and ("on the vo" in error.upstream or "following VO" in error.upstream):
                yield Step("sign-in", "ok", "The cluster knows you.")
                yield Step("rights", "bad", error.message, _RIGHTS)
            else:
                yield await self._unknown(error)
            return
        yield Step("sign-in", "ok", f"The cluster knows {who.user or 'your token'}.")
        try:
            config = await self._bounded(cluster.config())
        except OscarError as error:
            yield Step(
                "rights", "bad", error.message, _RIGHTS if isinstance(error, NotAllowed) else error.hint or _LATER
            )
            return
        yield Step("rights", "ok", "You may use it, and it gives you keys for its storage.")
        if not info.version:
            todo = "Check the address: something that imitates OSCAR may stand there."
            yield Step("version", "bad", "The cluster does not say its version.", todo)
            return
        below = f" on Kubernetes {info.kubernetes_version}" if info.kubernetes_version else ""
        yield Step("version", "ok", f"OSCAR {info.version}{below}.")
        self._provider = config.minio_provider

    async def _unknown(self, error: OscarError) -> Step:
        if not isinstance(error, NotAuthenticated) or error.status is None:
            return Step("sign-in", "bad", error.message, error.hint or _LATER)
        who = self._profile.credentials
        ends = await asyncio.to_thread(lambda: who.expires)
        if who.is_admin:
            seen, todo = f"The cluster does not take {who.user}'s password.", "Sign in with another user or password."
        elif ends is not None and ends < time.time():
            seen, todo = f"Your token ended {(time.time() - ends) / 60:.0f} min ago.", "Get a new one and sign in."
        else:
            why = ", although it has not ended" if ends is not None else ""
            seen = f"The cluster does not take your token{why}."
            todo = (
                "It may come from an issuer the cluster does not know, or you are in none of its VOs: ask its operator."
            )
        return Step("sign-in", "bad", f"{seen} {error.upstream or ''}".strip(), todo)

    async def _storage(self) -> Step:
        """Whether the storage is reached from here; unsigned, so that no key is shown to whoever is there."""
        provider, profile = self._provider, self._profile
        if provider is None:
            return Step("storage", "skipped")
        try:
            provider = self._provider = await self._cluster.storage()
        except OscarError as error:
            # Not even asked whether it answers.
            return Step("storage", "bad", error.message, error.hint)
        target = urlsplit(provider.endpoint)
        where = f"{target.scheme}://{target.netloc.rpartition('@')[2]}"
        named = f"jupyter oscar cluster storage {profile.name} ADDRESS"
        todo = f"Ask the operator for its address from outside, and name it: connect(storage=…), or `{named}`."
        wires = Connections(provider.endpoint, verify=provider.verify_tls, ca_bundle=profile.ca_bundle)
        try:
            async with httpx.AsyncClient(transport=wires, timeout=self._patience) as http:
                answer = await asyncio.wait_for(http.get(provider.endpoint), 4 * self._patience)
        except (httpx.HTTPError, httpx.InvalidURL, asyncio.TimeoutError, ImportError) as error:
            return Step("storage", "bad", f"{where} is not reached from here: {why_not(error)}.", todo)
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            return Step("storage", "bad", f"{where} answers {answer.status_code}.", "Tell the cluster's operator.")
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            return Step("storage", "bad", f"{where} answers with a web page where storage would with XML.", todo)
        return Step("storage", "ok", f"{where} answers.")

    async def _beyond(self) -> AsyncGenerator[Step, None]:
        """How storage looks from a browser, how long the sign-in lasts, and whether our own halves fit."""
        if self._provider is not None:
            yield _told("browser", await from_browser(self._provider, self._profile, self._patience))
        yield _told("token", await asyncio.to_thread(token, self._profile.credentials))
        yield _told("two halves", await asyncio.to_thread(halves))

    async def _bounded(self, asked: Awaitable[T]) -> T:
        try:
            return await asyncio.wait_for(asked, 2 * self._patience)
        except asyncio.TimeoutError as error:
            msg = f"{self._host} did not answer within {2 * self._patience:.0f} s."
            raise OscarError(msg, hint="The cluster may be busy; try again in a moment.") from error


def _told(name: str, found: Seen) -> Step:
    return Step(name, "skipped" if found.skipped else "bad" if found.todo else "ok", found.seen, found.todo)


_DNS: Final = "Check how it is spelled, and whether you need a VPN to know it."
_LATER: Final = "Try again in a moment; if it stays so, tell the cluster's operator."
_RIGHTS: Final = "The cluster's operator gives rights; often it is a VO that you have to be in."


def _port(address: SplitResult) -> int:
    return address.port or (443 if address.scheme == "https" else 80)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _tls(error: BaseException | None) -> ssl.SSLError | None:
    """What OpenSSL said, if the failure is its."""
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error


def _until(response: httpx.Response | None) -> str | None:
    """The day a certificate ends, as YYYY-MM-DD."""
    stream = response.extensions.get("network_stream") if response else None
    tls = stream.get_extra_info("ssl_object") if stream else None
    said = tls.getpeercert().get("notAfter") if tls else None
    return time.strftime("%Y-%m-%d", time.gmtime(ssl.cert_time_to_seconds(said))) if said else None
