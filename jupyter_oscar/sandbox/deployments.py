"""Where a service runs, as far as there is anything to see, and who may reach its exposed route (oscar.md §1.2.2)."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .replies import FORBIDDEN, SANDBOX, as_json, empty, is_admin, text, unauthorized
from .runs import LINES, is_sync

if TYPE_CHECKING:
    from .sandbox import Sandbox

_TAIL, _LONGEST_TAIL = 200, 1000
_UNSEEN = "Current deployment visibility is unavailable for this service runtime."


def deployment_of(sandbox: Sandbox, spec: dict[str, Any]) -> dict[str, Any]:
    """Sync services are ready as soon as they exist; others show nothing here (wire R023, C006)."""
    found: dict[str, Any] = {"service_name": spec["name"], "namespace": spec["namespace"]}
    if sandbox.options.serverless and is_sync(spec):
        since = sandbox.database.service_created(spec["name"])
        state = {"state": "ready", "reason": "Runtime service is ready.", "last_transition_time": since}
        return {**found, **state, "active_instances": 1, "affected_instances": 0, "resource_kind": "knative_service"}
    state = {"state": "unavailable", "reason": _UNSEEN}
    return {**found, **state, "active_instances": 0, "affected_instances": 0, "resource_kind": "unavailable"}


async def read_deployment(request: web.Request) -> web.Response:
    sandbox = request.app[SANDBOX]
    spec = sandbox.database.service(request.match_info["service"])
    return text(403, FORBIDDEN) if spec is None else as_json(deployment_of(sandbox, spec))


def _tail(request: web.Request) -> int:
    try:
        wanted = int(request.query.get("tailLines", _TAIL))
    except ValueError:
        return _TAIL
    return min(wanted, _LONGEST_TAIL) if wanted >= 1 else _TAIL


async def read_deployment_logs(request: web.Request) -> web.Response:
    sandbox = request.app[SANDBOX]
    spec = sandbox.database.service(request.match_info["service"])
    if spec is None:
        return text(403, FORBIDDEN)
    if not (sandbox.options.serverless and is_sync(spec)):
        message = "Deployment logs are unavailable for this service."
        return as_json({"service_name": spec["name"], "available": False, "message": message, "entries": []})
    lines = list(request.app[LINES].get(spec["name"], ()))[-_tail(request) :]
    return as_json({"service_name": spec["name"], "available": True, "entries": [{"message": line} for line in lines]})


async def change_lifecycle(request: web.Request) -> web.Response:
    """Stop, start, restart are for exposed services, which the sandbox does not run yet (wire C012, C013)."""
    name = request.match_info["service"]
    if request.app[SANDBOX].database.service(name) is None:
        return empty(404)
    return text(400, f'service "{name}" is not exposed')


async def check_auth(request: web.Request) -> web.Response:
    """Basic, or the service token as bearer, query or cookie (wire C014-C017)."""
    sandbox = request.app[SANDBOX]
    name = request.match_info["service"]
    spec = sandbox.database.service(name)
    if is_admin(request, sandbox.settings.password):
        return empty(404 if spec is None else 200)
    cookie = f"oscar_service_{name.replace('-', '_')}_auth"
    header = request.headers.get("Authorization", "")
    bearer = header[len("Bearer ") :] if header.startswith("Bearer ") else ""
    given = bearer or request.query.get("token") or request.cookies.get(cookie) or ""
    if not given:
        return unauthorized()
    if spec is None or not hmac.compare_digest(given.encode(), spec["token"].encode()):
        return empty(401)
    path = f"/system/services/{name}/exposed"
    return web.Response(headers={"Set-Cookie": f"{cookie}={given}; Path={path}; HttpOnly; SameSite=Lax"})
