"""What is to be known of a definition before it is deployed: what OSCAR would ignore in it, and what deploying costs.

A key that OSCAR does not know at all never comes this far: ``fdl`` refuses it with its line. Here are those that it
takes and that then do nothing for this service on this cluster.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from . import versions
from .errors import UpstreamFailed
from .service import LEVELS
from .versions import NEWEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .cluster import Cluster
    from .service import Service
    from .status import Status
    from .versions import Release

# What a server makes itself, whatever it is sent (oscar.md §2.2).
OWN: Final = ("bucket_list", "deployment", "namespace", "owner", "token", "volume_status")
ISOLATION: Final = frozenset({"SERVICE", "USER"})
VISIBILITIES: Final = ("private", "restricted", "public")
SHELLS: Final = frozenset({"sh", "ash", "bash", "dash"})
# Seen on a real server: creating, updating or deleting any service restarts MinIO (oscar.md §0.3 point 10, §1.2).
COST: Final = "The cluster restarts MinIO, about 7 s: uploads and downloads of everybody pause."


class Ignored(NamedTuple):
    """A key of a service that does nothing, and why."""

    service: str
    key: str
    why: str

    def __str__(self) -> str:
        return f"{self.service}: {self.key} does nothing: {self.why}."


async def of(cluster: Cluster, services: Sequence[Service]) -> list[Ignored]:
    """What ``services`` say that this cluster would not act upon; its nodes are asked for only where one is named."""
    flags, release = (await cluster.config()).config, (await cluster.info()).release
    status: Status | None = None
    if flags.get("interLink_available") and any(service.interlink_node_name for service in services):
        with contextlib.suppress(UpstreamFailed):  # nothing measures this cluster
            status = await cluster.status()
    return [key for service in services for key in ignored(service, flags, release, status)]


async def of_changes(cluster: Cluster, stored: Service, changes: Mapping[str, Any]) -> list[Ignored]:
    """The same of an update of some fields, which is ``stored`` now."""
    lost = {key: value for key, value in changes.items() if key in versions.UNTIL}
    said = stored.model_copy(update=lost)
    return [one for one in await of(cluster, [said]) if re.split(r"[.,]", one.key)[0] in changes]


def ignored(
    service: Service, flags: Mapping[str, Any], release: Release = NEWEST, status: Status | None = None
) -> list[Ignored]:
    """What ``service`` says that a cluster of this release, with these flags and nodes, does not act upon."""
    return [Ignored(service.name, key, why) for key, why in _ignored(service, flags, release, status)]


def _ignored(
    service: Service, flags: Mapping[str, Any], release: Release, status: Status | None
) -> Iterator[tuple[str, str]]:
    yield from versions.unknown(service.model_dump(exclude_unset=True), release)
    given = service.model_fields_set
    yield from ((key, "OSCAR makes its own") for key in OWN if key in given and getattr(service, key))
    if service.allowed_users and service.visibility != "restricted":
        yield "allowed_users", "only read where visibility is restricted"
    if (service.total_cpu or service.total_memory) and not flags.get("yunikorn_enable"):
        yield "total_cpu, total_memory", "this cluster does not schedule with YuniKorn"
    if service.interlink_node_name and not flags.get("interLink_available"):
        # oscar.md §5: silently, and the job then runs on the cluster itself.
        yield "interlink_node_name", "this cluster saw no virtual node; its jobs would run on the cluster itself"
    elif service.interlink_node_name and status is not None and status.measured:
        yield from _of_the_node(service.interlink_node_name, status)
    if service.isolation_level and service.isolation_level not in ISOLATION:
        # oscar.md §2.2: a create mends it, an update and the supervisor do not.
        mended = service.isolation_level.upper()
        meant = f"write {mended}" if mended in ISOLATION else f"it is {' or '.join(sorted(ISOLATION))}"
        yield "isolation_level", f'"{service.isolation_level}" is not understood: {meant}'
    if service.visibility and service.visibility not in VISIBILITIES:
        yield "visibility", f'"{service.visibility}" is none of {", ".join(VISIBILITIES)}, so nobody else sees it'
    if service.enable_gpu and flags.get("gpu_available") is False:
        yield "enable_gpu", "this cluster saw no GPU; its jobs would stay pending"
    if service.log_level and service.log_level.upper() not in LEVELS:
        yield "log_level", f'"{service.log_level}" is no level, so INFO is used'
    yield from _of_the_environment(service)
    yield from _of_the_script(service)
    yield from _of_exposing(service)


def _of_the_node(name: str, status: Status) -> Iterator[tuple[str, str]]:
    """A virtual node that measures nothing is not listed (oscar.md §0.3 point 13), so this is only likely."""
    node = status.node(name)
    if node is None:
        known = ", ".join(one.name for one in status.nodes if one.virtual) or "none"
        yield (
            "interlink_node_name",
            f'no node "{name}" is listed (virtual ones that are: {known}); jobs may stay pending',
        )
    elif not node.virtual:
        yield "interlink_node_name", f'"{name}" is a machine of the cluster itself, not a virtual node'


def _of_the_environment(service: Service) -> Iterator[tuple[str, str]]:
    """What becomes of values on their way (oscar.md §0.3 point 20)."""
    for name, value in service.environment.variables.items():
        if value.strip(" ") != value:
            yield f"environment.variables.{name}", "OSCAR loses the spaces around its value"
        if "\r" in value:
            yield f"environment.variables.{name}", "OSCAR alters a carriage return"
        if "$$" in value or "$(" in value:
            yield f"environment.variables.{name}", "Kubernetes makes one $ of two and puts values in for $(NAME)"


def _of_the_script(service: Service) -> Iterator[tuple[str, str]]:
    if service.expose.api_port and service.expose.default_command:
        yield "script", "default_command runs the image's own command"
        return
    first = service.script.partition("\n")[0]
    if first.startswith("#!") and (words := first[2:].split()):
        program = words[-1] if words[0].endswith("/env") else words[0]
        if program.rpartition("/")[2] not in SHELLS:
            # oscar.md §4.1: the script is an argument of /bin/sh.
            yield "script", f"its first line {first} is not followed: OSCAR runs it with /bin/sh"


def _of_exposing(service: Service) -> Iterator[tuple[str, str]]:
    if service.expose.api_port:
        if service.synchronous.min_scale or service.synchronous.max_scale:
            yield "synchronous", "an exposed service scales by expose.min_scale and expose.max_scale"
    elif service.expose.model_fields_set - {"api_port"} and any(
        getattr(service.expose, key) for key in service.expose.model_fields_set
    ):
        yield "expose", "without api_port the service is not exposed"
