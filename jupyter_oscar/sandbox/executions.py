"""What the manager logs of calls to ``/job`` and ``/run``, and how an admin reads it (oscar.md §1.1; wire Z009).

Like a pod's log it lives as long as the process. With the visits of exposed services, which a cluster's ingress logs,
it is where the figures about requests come from.
"""

from __future__ import annotations

import time
from collections import deque
from datetime import datetime, timezone
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

from .notification import uploader
from .replies import SANDBOX, as_json, text
from .users import caller

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web

    from .sandbox import Sandbox
    from .users import Invoker

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_KEPT = 10_000
_SOURCE = "source"
_REFUSED_AS, _BY_TOKEN = "oscar", "nil"  # whom the log names when nobody was let in, or a service's token was
_UNITS = ((1, "s"), (1e-3, "ms"), (1e-6, "µs"))


class Execution(NamedTuple):
    """One call, and how it was answered."""

    at_ns: int
    status: int
    seconds: float
    client: str
    path: str
    user: str

    @property
    def service(self) -> str:
        """``/job/<service>``, ``/run/<service>``, ``/system/services/<service>/exposed``."""
        return self.path.split("/")[3 if self.kind == "exposed" else 2]

    @property
    def kind(self) -> str:
        return {"run": "sync", "job": "async"}.get(self.path.split("/")[1], "exposed")

    def shown(self, now: str) -> dict[str, Any]:
        at = f"{now} [GIN-EXECUTIONS-LOGGER] {nano(self.at_ns)}"
        took = _duration(self.seconds)
        raw = f"{at} | {self.status:3} | {took:>13} | {self.client} | {'POST':7} {self.path} | {self.user}"
        return {
            "timestamp": at,
            "status": self.status,
            "latency": took,
            "client_ip": self.client,
            "method": "POST",
            "path": self.path,
            "user": self.user,
            "raw": raw.rstrip(),
        }


class Executions:
    """The newest calls."""

    def __init__(self) -> None:
        self.kept: deque[Execution] = deque(maxlen=_KEPT)

    def add(self, path: str, status: int, seconds: float, source: tuple[str, str]) -> None:
        at = time.time_ns()
        self.kept.append(Execution(at, status, seconds, source[0], path, source[1]))

    def visit(self, prefix: str, status: int, client: str) -> None:
        """A request to an exposed service."""
        self.add(prefix, status, 0.0, (client, ""))

    def webhook(self, service: str, event: bytes) -> None:
        """An upload that made a job: on a cluster MinIO calls ``/job`` for it."""
        self.add(f"/job/{service}", 201, 0.0, uploader(event) or ("", ""))


def nano(at_ns: int) -> str:
    """Go's RFC 3339 with nanoseconds, without the zeros at the end."""
    whole = datetime.fromtimestamp(at_ns // 10**9, timezone.utc)
    fraction = f"{at_ns % 10**9:09d}".rstrip("0")
    return f"{whole:%Y-%m-%dT%H:%M:%S}{'.' + fraction if fraction else ''}Z"


def _duration(seconds: float) -> str:
    """Go's way to write one."""
    for unit, name in _UNITS:
        if seconds >= unit:
            return f"{seconds / unit:.6f}".rstrip("0").rstrip(".") + name
    return f"{round(seconds * 1e9)}ns"


def called_by(request: web.Request, invoker: Invoker, event: bytes = b"") -> None:
    """From here on the log names the one who was let in, or whose upload the event is."""
    address = request.remote or ""
    request[_SOURCE] = uploader(event) or (address, _BY_TOKEN if invoker.uid is None else invoker.uid)


def logged(handler: Handler) -> Handler:
    @wraps(handler)
    async def logged_handler(request: web.Request) -> web.StreamResponse:
        began = time.monotonic()
        response = await handler(request)
        source = request.get(_SOURCE, (request.remote or "", _REFUSED_AS))
        executions = request.app[SANDBOX].executions
        executions.add(request.path, response.status, time.monotonic() - began, source)
        return response

    return logged_handler


async def read_executions(request: web.Request) -> web.Response:
    sandbox: Sandbox = request.app[SANDBOX]
    who = caller(request)
    if not who.admin and who.uid not in sandbox.options.trust.admins:
        return text(403, "OIDC tokens are not allowed for system logs")
    now = f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%S}.000000000Z"
    return as_json({"logs": [one.shown(now) for one in sandbox.executions.kept if one.kind != "exposed"]})
