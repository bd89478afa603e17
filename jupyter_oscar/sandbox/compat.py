"""Older releases: which routes they lack, and which fields of a service they spell otherwise (oscar.md §0.2).

4.1 is held to recorded answers; 4.0 and 3.6.5 are read from the source of those releases.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .gojson import GoJSONError, kind, member

if TYPE_CHECKING:
    from collections.abc import Mapping

NEWEST = "4.1"
VERSIONS = {"3.6.5": "3.6.5", "4.0": "4.0.0", NEWEST: "4.1.2"}
_ORDER = list(VERSIONS)

_ROUTES = (
    # since, method, path
    ("4.1", "POST", r"/system/services/[^/]+/(stop|start|restart)"),
    ("4.1", "GET", r"/system/services/[^/]+/auth"),
    ("4.1", "*", r"/system/federation(/.*)?"),
    ("4.0", "GET", r"/system/services/[^/]+/deployment(/logs)?"),
    ("4.0", "*", r"/system/(volumes|metrics|quotas)(/.*)?"),
    ("4.0", "PUT", r"/system/config"),
)
_SERVICE_FIELDS = {
    "4.1": ("ephemeral_storage_request", "kserve", "federation"),
    "4.0": ("volume", "volume_status", "deployment"),
}
_EXPOSE_FIELDS = {"4.1": ("auth_type",), "4.0": ("probe_mode",)}
_PORTS = ("api_port", "nodePort")


def before(compat: str, version: str) -> bool:
    """Whether the release is older than that one."""
    return _ORDER.index(compat) < _ORDER.index(version)


def lacks(compat: str, method: str, path: str) -> bool:
    """Whether the release has no such route: it answers 404 as for any unknown path."""
    return compat != NEWEST and any(
        before(compat, since) and wanted in ("*", method) and re.fullmatch(pattern, path)
        for since, wanted, pattern in _ROUTES
    )


def _newer(compat: str, fields: Mapping[str, tuple[str, ...]]) -> set[str]:
    return {name for since, names in fields.items() if before(compat, since) for name in names}


def from_older(compat: str, body: Any) -> Any:
    """A decoded service as the release reads it: one port, not a list of them; fields it does not know are ignored."""
    if not before(compat, "4.1") or not isinstance(body, dict):
        return body
    newer = _newer(compat, _SERVICE_FIELDS)
    body = {key: value for key, value in body.items() if key.lower() not in newer}
    expose = member(body, "expose")
    if isinstance(expose, dict):
        known = {key: value for key, value in expose.items() if key.lower() not in _newer(compat, _EXPOSE_FIELDS)}
        ports = {port: _one_port(port, member(known, port)) for port in _PORTS}
        kept = {key: value for key, value in known.items() if key.lower() not in [port.lower() for port in _PORTS]}
        body = {key: value for key, value in body.items() if key.lower() != "expose"}
        body["expose"] = {**kept, **{port: [value] for port, value in ports.items() if value}}
    return body


def _one_port(field: str, value: Any) -> int:
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool):
        where = f"Go struct field .expose.{field} of type int"
        raise GoJSONError(f"json: cannot unmarshal {kind(value)} into {where}")
    return value


def to_older(compat: str, body: dict[str, Any]) -> dict[str, Any]:
    """A service as the release shows it."""
    if not before(compat, "4.1"):
        return body
    gone = _newer(compat, _SERVICE_FIELDS)
    body = {key: value for key, value in body.items() if key not in gone}
    expose = {key: value for key, value in body["expose"].items() if key not in _newer(compat, _EXPOSE_FIELDS)}
    body["expose"] = {**expose, **{port: (expose.get(port) or [0])[0] for port in _PORTS}}
    return body
