"""One pooled client for one cluster.

:class:`Cluster` owns the only HTTP client towards an OSCAR and hands it to the nouns beside it (``services``, ``jobs``,
``calls``, ``buckets``, ``transfers``). All time-outs, retries and redirects are decided here and nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urljoin, urlsplit

import httpx

from .errors import REVOKED, NotFound, NotOscar, StorageUnconfirmed, TimedOut, Unreachable, from_response
from .services import Services
from .transport import Connections, why_not

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from types import TracebackType

    from typing_extensions import Self

    from .buckets import Buckets
    from .budget import Budget
    from .calls import Calls
    from .config import Config, Info, MinioProvider
    from .deployments import Deployments
    from .federation import Federation
    from .jobs import Jobs
    from .metrics import Metrics
    from .names import Names
    from .operation import Operation
    from .profiles import Profile
    from .quotas import Quotas
    from .runs import Runs
    from .status import Status
    from .transfers import Store
    from .volumes import Volumes
    from .watch import Watch

# A busy server took 8.9 s for a plain GET (oscar.md §0.3 point 1).
READ: Final = httpx.Timeout(60.0, connect=10.0)
# Create, update and delete take 6 to 10 s, more under load (oscar.md §0.3 point 10, §10.6).
WRITE: Final = httpx.Timeout(150.0, connect=10.0)
# The server ends every request after 300 s (oscar.md §0.1).
RUN: Final = httpx.Timeout(310.0, connect=10.0)

# After a first failure.
AGAIN: Final = 2
REDIRECTS: Final = 3
BUSY: Final = frozenset({429, 502, 503, 504})


class _Busy(Exception):
    """The server asked for patience; the answer is kept in case patience runs out."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        super().__init__(response.status_code)


class Cluster:
    """One OSCAR cluster. Close it with ``await cluster.aclose()`` or use it as an async context manager."""

    def __init__(self, profile: Profile, budget: Budget | None = None) -> None:
        self.profile = profile
        self._budget = budget
        self._once = asyncio.Lock()
        self._info: Info | None = None
        self._config: Config | None = None
        #: Asks the person whether a storage on another host is right; without it that is refused.
        self.confirming: Callable[[StorageUnconfirmed], bool] | None = None
        self._asking = asyncio.Lock()
        self._storage: MinioProvider | None = None

    def __repr__(self) -> str:
        return f"<Cluster {self.profile.name} {self.profile.endpoint}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection and stop watching."""
        for name in ("watch", "store", "http"):
            if name in self.__dict__:
                await self.__dict__[name].aclose()

    @cached_property
    def http(self) -> httpx.AsyncClient:
        """The pooled client, made when first used."""
        return httpx.AsyncClient(
            base_url=self.profile.endpoint,
            transport=Connections(
                self.profile.endpoint,
                verify=self.profile.verify,
                ca_bundle=self.profile.ca_bundle,
                budget=self._budget,
            ),
            timeout=READ,
            follow_redirects=False,
            headers={"User-Agent": "jupyter-oscar", "Accept": "*/*"},
        )

    @cached_property
    def services(self) -> Services:
        """Services: list, get, create, update, delete."""
        return Services(self)

    @cached_property
    def jobs(self) -> Jobs:
        """Jobs as the server knows them: rows, logs, deletion."""
        from .jobs import Jobs

        return Jobs(self)

    @cached_property
    def names(self) -> Names:
        """How the server calls the jobs of our calls."""
        from .names import Names

        return Names(self)

    @cached_property
    def calls(self) -> Calls:
        """Our calls: submit, run, find again, outputs."""
        from .calls import Calls

        return Calls(self)

    @cached_property
    def runs(self) -> Runs:
        """Named runs of maps."""
        from .runs import Runs

        return Runs(self)

    @cached_property
    def buckets(self) -> Buckets:
        """Buckets and what is in them."""
        from .buckets import Buckets

        return Buckets(self)

    @cached_property
    def deployments(self) -> Deployments:
        """How services run: state, log, start, stop, restart."""
        from .deployments import Deployments

        return Deployments(self)

    @cached_property
    def metrics(self) -> Metrics:
        """How much services were used."""
        from .metrics import Metrics

        return Metrics(self)

    @cached_property
    def operation(self) -> Operation:
        """What an operator reads and sets."""
        from .operation import Operation

        return Operation(self)

    @cached_property
    def volumes(self) -> Volumes:
        """Volumes that outlive services."""
        from .volumes import Volumes

        return Volumes(self)

    @cached_property
    def quotas(self) -> Quotas:
        """What users may use, and use."""
        from .quotas import Quotas

        return Quotas(self)

    @cached_property
    def store(self) -> Store:
        """Bytes to and from the cluster's object storage."""
        from .transfers import Store

        return Store(self)

    @cached_property
    def watch(self) -> Watch:
        """News of running calls; the only poller."""
        from .watch import Watch

        return Watch(self)

    async def healthy(self) -> bool:
        """Whether ``/health`` answers ``Ok``; needs no credentials."""
        response = await self._send("GET", "/health", authorised=False, headers=None, timeout=READ, content=None)
        return response.text.strip() == "Ok"

    async def info(self, *, fresh: bool = False) -> Info:
        """What the cluster is; asked once, or again with ``fresh``."""
        if self._info is None or fresh:
            from .config import Info

            response = await self.request("GET", "/system/info", what=f"Asking {self.profile.name} what it is")
            self._info = Info.model_validate(_json(response, self.profile.endpoint))
        return self._info

    async def status(self) -> Status:
        """Its nodes, what is free on them, what runs; see :func:`.status.status`."""
        from .status import status

        return await status(self)

    async def federation(self, service: str) -> Federation:
        """Which clusters share a service; see :func:`.federation.federation`."""
        from .federation import federation

        return await federation(self, service)

    async def config(self, *, fresh: bool = False) -> Config:
        """How the cluster is set up, with the caller's keys for its storage; asked once, or again with ``fresh``."""
        async with self._once:
            if self._config is None or fresh:
                from .config import Config

                what = f"Reading the configuration of {self.profile.name}"
                response = await self.request("GET", "/system/config", what=what)
                config = Config.model_validate(_json(response, self.profile.endpoint))
                if not self.profile.verify:
                    # Who accepts any certificate of the cluster means its storage too.
                    config.minio_provider.verify_tls = False
                self._config = config
        return self._config

    async def storage(self) -> MinioProvider:
        """Where the objects are and the caller's keys for them, which may go there: the only door to both (DESIGN §7).

        Raises:
            StorageUnconfirmed: it is on another host, and nobody has said yet that this is right.
            InsecureEndpoint: it is where no cluster's storage may be.

        """
        async with self._asking:
            if self._storage is None:
                self._storage = await self._allowed((await self.config()).minio_provider)
        return self._storage

    async def _allowed(self, provider: MinioProvider) -> MinioProvider:
        from . import storage

        try:
            address = await asyncio.to_thread(storage.allowed, self.profile, provider.endpoint)
        except StorageUnconfirmed as refusal:
            if self.confirming is None or not await asyncio.to_thread(self.confirming, refusal):
                raise
            await self.confirm_storage(refusal.address)
            address = refusal.address
        return provider.model_copy(update={"endpoint": address})

    async def confirm_storage(self, address: str) -> None:
        """Say that the storage is at ``address``, and remember it; see :func:`storage.confirm`."""
        from . import storage

        said = (await self.config()).minio_provider.endpoint
        await asyncio.to_thread(storage.confirm, self.profile, said, address)
        self._storage = None

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
    async def stream(self, *path: str, what: str, missing: type[NotFound] = NotFound) -> AsyncIterator[httpx.Response]:
        """A GET whose body is read as it comes."""
        url = path[0] + "".join("/" + quote(segment, safe="") for segment in path[1:])
        headers = {"Authorization": await self._header()}
        with self._translated(url):
            async with self.http.stream("GET", url, headers=headers) as response:
                if response.is_success:
                    yield response
                    return
                await response.aread()
            if not _refused(response) or not await self._renew(headers):
                raise from_response(what, response.status_code, response.text, missing=missing)
            async with self.http.stream("GET", url, headers=headers) as response:
                if not response.is_success:
                    await response.aread()
                    raise from_response(what, response.status_code, response.text, missing=missing)
                yield response

    async def _patiently(self, method: str, url: str, *, again: bool, **options: Any) -> httpx.Response:
        """Send, and again with back-off where that is safe."""
        try:
            return await self._try(method, url, again=again, **options)
        except (Unreachable, _Busy):
            if not again:
                raise
        from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

        attempts = AsyncRetrying(
            stop=stop_after_attempt(AGAIN),
            wait=wait_random_exponential(multiplier=0.3, max=5),
            retry=retry_if_exception_type((Unreachable, _Busy)),
            reraise=True,
        )
        try:
            return await attempts(self._try, method, url, again=again, **options)
        except _Busy as busy:
            return busy.response

    async def _try(self, method: str, url: str, *, again: bool, **options: Any) -> httpx.Response:
        response = await self._send(method, url, authorised=True, **options)
        if again and response.status_code in BUSY:
            raise _Busy(response)
        return response

    async def _send(
        self, method: str, url: str, *, authorised: bool, headers: dict[str, str] | None, **options: Any
    ) -> httpx.Response:
        sent = dict(headers or {})
        ours = authorised and "Authorization" not in sent
        if ours:
            sent["Authorization"] = await self._header()
        with self._translated(url):
            response = await self.http.request(method, url, headers=sent, **options)
            if ours and _refused(response) and await self._renew(sent):
                # Refused, so nothing was done: sending it once more is safe whatever it is.
                response = await self.http.request(method, url, headers=sent, **options)
            for _ in range(REDIRECTS):
                if not response.is_redirect or method != "GET":
                    break
                response = await self.http.request(method, self._same_place(response), headers=sent)
        return self._not_a_web_page(response)

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
        host = urlsplit(self.profile.endpoint).netloc
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
            msg = f"The connection to {host} broke: {str(error) or type(error).__name__}."
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
