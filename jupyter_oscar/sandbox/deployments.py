"""Where a service runs, as far as there is anything to see, and who may reach its exposed route (oscar.md §1.2.2)."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

from aiohttp import web
from yarl import URL

from .expose import is_exposed, prefix_of
from .jobs import TRUE
from .oidc import Untrusted
from .replies import FORBIDDEN, SANDBOX, as_json, empty, text, unauthorized
from .runs import is_sync
from .servicelog import tail
from .users import TOKEN_LENGTH, Caller, caller, is_admin, may_change, may_see

if TYPE_CHECKING:
    from .sandbox import Sandbox

_TAIL, _LONGEST_TAIL = 200, 1000
_LAST_LOG = "Returning recent logs from the last runtime attempt while deployment status remains unavailable."
_UNSEEN = "Current deployment visibility is unavailable for this service runtime."


def deployment_of(sandbox: Sandbox, spec: dict[str, Any]) -> dict[str, Any]:
    """Sync services are ready as soon as they exist; others show nothing here (wire R023, C006)."""
    found: dict[str, Any] = {"service_name": spec["name"], "namespace": spec["namespace"]}
    if is_exposed(spec):
        return {**found, **_exposed(sandbox, spec["name"])}
    if sandbox.options.serverless and is_sync(spec):
        since = sandbox.database.service_created(spec["name"])
        state = {"state": "ready", "reason": "Runtime service is ready.", "last_transition_time": since}
        return {**found, **state, "active_instances": 1, "affected_instances": 0, "resource_kind": "knative_service"}
    state = {"state": "unavailable", "reason": _UNSEEN}
    return {**found, **state, "active_instances": 0, "affected_instances": 0, "resource_kind": "unavailable"}


def _exposed(sandbox: Sandbox, name: str) -> dict[str, Any]:
    """What the Deployment says (wire X005, X010-X016)."""
    status, since = sandbox.exposed.status(name)
    return {
        "state": status.state,
        "reason": status.reason,
        "last_transition_time": since,
        "active_instances": status.active,
        "affected_instances": status.affected,
        "resource_kind": "exposed_service",
    }


def _unseen(request: web.Request, spec: dict[str, Any] | None) -> web.Response:
    """A missing service is reported as forbidden (wire C008, C009, O026)."""
    missing = spec is None and request.app[SANDBOX].options.friendly
    return empty(404) if missing else text(403, FORBIDDEN)


async def read_deployment(request: web.Request) -> web.Response:
    sandbox = request.app[SANDBOX]
    spec = sandbox.database.service(request.match_info["service"])
    if spec is None or not may_see(caller(request), spec):
        return _unseen(request, spec)
    return as_json(deployment_of(sandbox, spec))


def _tail(request: web.Request) -> int:
    try:
        wanted = int(request.query.get("tailLines", _TAIL))
    except ValueError:
        return _TAIL
    return min(wanted, _LONGEST_TAIL) if wanted >= 1 else _TAIL


async def read_deployment_logs(request: web.Request) -> web.Response:
    sandbox = request.app[SANDBOX]
    spec = sandbox.database.service(request.match_info["service"])
    if spec is None or not may_see(caller(request), spec):
        return _unseen(request, spec)
    if is_exposed(spec):
        return as_json(_exposed_log(request, spec["name"]))
    if not (sandbox.options.serverless and is_sync(spec)):
        return as_json(_no_log(spec["name"], "Deployment logs are unavailable for this service."))
    lines = list(request.app[SANDBOX].run_lines.get(spec["name"], ()))[-_tail(request) :]
    return as_json({"service_name": spec["name"], "available": True, "entries": [{"message": line} for line in lines]})


def _no_log(name: str, message: str) -> dict[str, Any]:
    return {"service_name": name, "available": False, "message": message, "entries": []}


def _exposed_log(request: web.Request, name: str) -> dict[str, Any]:
    """Times only when asked for (wire X007, X008). A stopped service keeps its log, where a real one loses it."""
    sandbox = request.app[SANDBOX]
    lines = tail(sandbox.exposed.log(name), _tail(request))
    if not lines:
        return _no_log(name, "Deployment logs are not yet available.")
    timed = request.query.get("timestamps") in TRUE
    entries = [{"timestamp": at, "message": line} if timed else {"message": line} for at, line in lines]
    shown: dict[str, Any] = {"service_name": name, "available": True, "entries": entries}
    if sandbox.exposed.status(name)[0].state == "stopped":
        shown["message"] = _LAST_LOG
    return shown


async def change_lifecycle(request: web.Request) -> web.Response:
    """Stop, start, restart; the answer is written before the change takes effect (wire X010-X015, C012, C013)."""
    sandbox = request.app[SANDBOX]
    name = request.match_info["service"]
    spec = sandbox.database.service(name)
    if spec is None:
        return empty(404)
    who = caller(request)
    if not may_change(who, spec):
        return text(403, f"User {who.uid} doesn't have permission to manage this service")
    if not is_exposed(spec):
        return text(400, f'service "{name}" is not exposed')
    sandbox.exposed.change(spec, request.match_info["change"])
    return as_json(deployment_of(sandbox, spec))


async def check_auth(request: web.Request) -> web.Response:
    """Basic, a user's token, or the service token as bearer, query or cookie (wire C014-C017, oscar.md §6.3)."""
    sandbox = request.app[SANDBOX]
    name = request.match_info["service"]
    spec = sandbox.database.service(name)
    if is_admin(request, sandbox.settings.password):
        return empty(404 if spec is None else 200)
    cookie = f"oscar_service_{name.replace('-', '_')}_auth"
    header = request.headers.get("Authorization", "")
    bearer = header[len("Bearer ") :] if header.startswith("Bearer ") else ""
    asked = request.query.get("token") or URL(request.headers.get("X-Forwarded-Uri", "")).query.get("token")
    given = bearer or asked or request.cookies.get(cookie) or ""
    if not given:
        return unauthorized()
    if bearer and len(bearer) != TOKEN_LENGTH:
        return empty(await _status_of_user(sandbox, bearer, spec))
    if spec is None or not hmac.compare_digest(given.encode(), spec["token"].encode()):
        return empty(401)
    return web.Response(headers={"Set-Cookie": f"{cookie}={given}; Path={prefix_of(name)}; HttpOnly; SameSite=Lax"})


async def _status_of_user(sandbox: Sandbox, token: str, spec: dict[str, Any] | None) -> int:
    """Whoever may see the service may reach it."""
    try:
        found = await sandbox.oidc.identify(token)
    except Untrusted:
        return 401
    if spec is None:
        return 404
    return 200 if may_see(Caller(found.uid, found.name), spec) else 403
