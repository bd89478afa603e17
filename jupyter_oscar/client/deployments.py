"""How services run: state, log, start, stop, restart (since 4.0 and 4.1, oscar.md §1.2.2)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from .errors import InvalidRequest, NotAllowed, NotAuthenticated, ServiceNotFound

if TYPE_CHECKING:
    from .cluster import Cluster
    from .service import Service

# A server gives no more lines at once.
MOST_LINES: Final = 1000
SINCE: Final = (4, 1)


class Deployment(BaseModel):
    """``state``: pending, ready, degraded, failed, stopped or unavailable, and why.

    ``unavailable`` is normal for what has no deployment of its own, as services that only run jobs.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)
    state: str = "unavailable"
    reason: str = ""
    resource_kind: str = ""
    active_instances: int = 0
    affected_instances: int = 0
    last_transition_time: datetime | None = None
    namespace: str = ""


class Entry(BaseModel):
    """A line that an instance printed, and when if that was asked for."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    message: str = ""
    timestamp: str = ""


class Log(BaseModel):
    """What instances printed, oldest first; ``message`` says why there is none."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    available: bool = False
    message: str = ""
    entries: Annotated[tuple[Entry, ...], BeforeValidator(lambda value: value or ())] = Field(default=())

    @property
    def lines(self) -> list[str]:
        """The lines, each after its moment if that was asked for."""
        return [f"{entry.timestamp} {entry.message}".strip() for entry in self.entries]


class Deployments:
    """The deployments of one cluster's services."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def of(self, service: str) -> Deployment:
        """How a service runs.

        Raises:
            NotAllowed: there is none of that name, or it is somebody else's; a server does not say which.

        """
        return Deployment.model_validate(await self._read(service, "deployment", f'Asking how "{service}" runs'))

    async def log(self, service: str, *, lines: int = MOST_LINES, timestamps: bool = True) -> Log:
        """The last lines (at most a thousand) of all instances. A stopped service says nothing.

        A moment before each line tells one that was said twice from one that was read twice.
        """
        params = {"tailLines": str(max(1, min(lines, MOST_LINES))), **({"timestamps": "true"} if timestamps else {})}
        what = f'Reading the log of "{service}"'
        return Log.model_validate(await self._read(service, "deployment/logs", what, params))

    async def _read(self, service: str, which: str, what: str, params: dict[str, str] | None = None) -> Any:
        try:
            return await self._cluster.json(
                "GET", "/system/services", service, *which.split("/"), what=what, params=params
            )
        except NotAllowed as error:
            # 403 is also what a server says of a service that is not there (oscar.md §1.2).
            msg = f'{what} failed: there is no service "{service}", or it belongs to somebody else.'
            raise NotAllowed(msg, status=error.status, upstream=error.upstream) from error

    async def ask(self, service: str, verb: str) -> Deployment:
        """``start``, ``stop`` or ``restart`` an exposed service (since 4.1); how it ran when it was asked to.

        Never by an update, which would be a full replacement and blank the service's secrets (oscar.md §10.8).

        Raises:
            InvalidRequest: the service is not exposed, or the cluster is too old.
            NotAllowed: it is somebody else's.
            ServiceNotFound: there is none.

        """
        what = f'{verb.capitalize()} of "{service}"'
        info = await self._cluster.info()
        if info.release < SINCE:
            msg = f"{what} failed: OSCAR {info.version} cannot; that came with 4.1."
            raise InvalidRequest(msg, hint="Delete the service and deploy it again.")
        try:
            found = await self._cluster.json(
                "POST", "/system/services", service, verb, what=what, missing=ServiceNotFound
            )
        except NotAuthenticated as error:
            if not error.upstream:
                raise
            raise NotAllowed(error.message, status=error.status, upstream=error.upstream) from error
        return Deployment.model_validate(found)

    async def admits(self, service: str, token: str | None = None) -> bool:
        """Whether a service token, or else the caller, is let in to an exposed service's pages (since 4.1)."""
        headers = {"Authorization": f"Bearer {token}"} if token is not None else None
        what = f'Asking who may open "{service}"'
        try:
            await self._cluster.request("GET", "/system/services", service, "auth", what=what, headers=headers)
        except (NotAllowed, NotAuthenticated):
            return False
        return True

    def address(self, service: Service) -> str:
        """Where an exposed service is opened.

        The sandbox lets only its own users in where a service asks for no login: there the link holds a ticket, which
        is good once, within a minute (``sandbox/fence.py``). It goes to a browser at once and is not kept.
        """
        profile = self._cluster.profile
        address = f"{profile.endpoint}/system/services/{service.name}/exposed/"
        if profile.sandbox is None or service.expose.set_auth:
            return address
        made, nonce = str(int(time.time())), secrets.token_urlsafe(12)
        told = f"{service.name}\n{made}\n{nonce}".encode()
        mac = hmac.new(profile.sandbox.password.get_secret_value().encode(), told, hashlib.sha256).hexdigest()
        return f"{address}?oscar-ticket={made}.{nonce}.{mac}"
