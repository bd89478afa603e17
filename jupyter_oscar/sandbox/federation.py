"""Which clusters share a service (oscar.md §1.9): kept and shown. The sandbox is alone and delegates nothing to them.

As on a real server, whoever was let in may read and change it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import gojson
from .bodies import document
from .gojson import GoJSONError, member
from .replies import SANDBOX, as_json, empty, text
from .schema import REPLICA, read

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    Members = list[dict[str, Any]]

_SAME = ("type", "cluster_id", "service_name")


def _shown(spec: dict[str, Any]) -> web.Response:
    found = spec["federation"] or {}
    return as_json({"topology": found.get("topology") or "none", "members": found.get("members") or None})


async def read_federation(request: web.Request) -> web.Response:
    spec = request.app[SANDBOX].database.service(request.match_info["service"])
    return empty(404) if spec is None else _shown(spec)


async def add_members(request: web.Request) -> web.Response:
    return await _change(request, lambda old, given, _: [*old, *given])


async def update_members(request: web.Request) -> web.Response:
    """Each member that matches one of ``members`` becomes the first of ``update``."""
    return await _change(
        request, lambda old, given, new: [new[0] if new and _matches(one, given) else one for one in old]
    )


async def remove_members(request: web.Request) -> web.Response:
    return await _change(request, lambda old, given, _: [one for one in old if not _matches(one, given)])


def _matches(one: dict[str, Any], others: Members) -> bool:
    def identity(replica: dict[str, Any]) -> tuple[str, ...]:
        return tuple(str(replica[key]).lower() if key == "type" else str(replica[key]) for key in _SAME)

    return identity(one) in [identity(other) for other in others]


async def _change(request: web.Request, change: Callable[[Members, Members, Members], Members]) -> web.Response:
    database = request.app[SANDBOX].database
    name = request.match_info["service"]
    try:
        body = gojson.decode(await document(request))
        given, new = (_replicas(body, key) for key in ("members", "update"))
    except GoJSONError as error:
        return text(400, f"Invalid payload: {error}")
    spec = database.service(name)
    if spec is None:
        return empty(404)
    federation = spec["federation"] or {}
    members = change(federation.get("members") or [], given, new)
    topology = federation.get("topology") or ("star" if members else "none")
    spec["federation"] = {**federation, "group_id": name, "topology": topology, "members": members}
    database.put_service(spec, database.secrets(name))
    return _shown(spec)


def _replicas(body: Any, key: str) -> Members:
    found = member(body, key) if isinstance(body, dict) else None
    return [read(one, REPLICA) for one in found] if isinstance(found, list) else []
