"""What releases of OSCAR differ in where a service is written: which know a key, and how they spell it (oscar.md §0.2).

Reading is tolerant and needs none of this. Writing is exact: a release that knows one port answers 400 to a list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Release = tuple[int, ...]
#: A development build, or a release that nobody asked for yet.
NEWEST: Final[Release] = (99,)
PORT_LISTS: Final[Release] = (4, 1)
PORTS: Final = ("api_port", "nodePort")

#: The first release that knows a key; every release since 2.8 knows those that are not here.
SINCE: Final[Mapping[str, Release]] = {
    "allowed_users": (3, 0),
    "interlink_node_name": (3, 1),
    "mount": (3, 2),
    "environment.secrets": (3, 4),
    "isolation_level": (3, 4),
    "visibility": (3, 6),
    "expose.health_path": (3, 6, 5),
    "volume": (4, 0),
    "expose.probe_mode": (4, 0),
    "ephemeral_storage_request": (4, 1),
    "kserve": (4, 1),
    "federation": (4, 1),
    "expose.auth_type": (4, 1),
    "mount.options": (4, 1),
}
#: The first release that no longer knows a key, and what took its place.
UNTIL: Final[Mapping[str, tuple[Release, str]]] = {
    "replicas": ((4, 1), "federation.members"),
    "delegation": ((4, 1), "federation.delegation"),
    "rescheduler_threshold": ((4, 1), "federation.rescheduler_threshold"),
}


def written(release: Release) -> str:
    """``4.1``."""
    return ".".join(map(str, release))


def unknown(wire: Mapping[str, Any], release: Release) -> Iterator[tuple[str, str]]:
    """The keys of a service that a release ignores, and why."""
    for key, since in SINCE.items():
        if release < since and _said(wire, key):
            yield key, f"OSCAR {written(release)} does not know it; it came with {written(since)}"
    for key, (until, instead) in UNTIL.items():
        if release >= until and _said(wire, key):
            yield key, f"OSCAR {written(until)} took it away; it is {instead} now"


def _said(wire: Mapping[str, Any], path: str) -> bool:
    value: Any = wire
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return any(value.values()) if isinstance(value, dict) else bool(value)


def spelled(wire: dict[str, Any], release: Release) -> dict[str, Any]:
    """A service as a release takes it: lists of ports since 4.1, one port before.

    Raises:
        InvalidRequest: it has several ports and the release takes one.

    """
    expose = wire.get("expose")
    if release >= PORT_LISTS or not expose:
        return wire
    for key in PORTS:
        if len(expose.get(key) or ()) > 1:
            msg = f"OSCAR {written(release)} takes one {key}, not {len(expose[key])}."
            raise InvalidRequest(msg, hint="Keep the first; several came with 4.1.")
    ports = {key: next(iter(expose[key] or ()), 0) for key in PORTS if key in expose}
    return {**wire, "expose": {**expose, **ports}}
