"""What deploying would change: a definition beside what is deployed."""

from __future__ import annotations

import contextlib
import difflib
from typing import TYPE_CHECKING, Any, NamedTuple

from . import fdl, replacing, versions
from .errors import ServiceNotFound
from .replacing import kept
from .service import Service

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .cluster import Cluster


class Change(NamedTuple):
    """What a deployment would do to one service: ``create`` or ``update``, and the difference as a unified diff."""

    name: str
    action: str
    diff: str


async def change(cluster: Cluster, new: Service) -> Change:
    """What deploying ``new`` would change; an empty ``diff`` means nothing, and what a release drops is no change."""
    old: Service | None = None
    new = _taken(new, (await cluster.info()).release)
    with contextlib.suppress(ServiceNotFound):
        old = await cluster.services.get(new.name)
    return _between(old, kept(old, new) if old else new)


async def changing(cluster: Cluster, name: str, changes: Mapping[str, Any]) -> Change:
    """What changing some fields of a deployed service would change; raises what :meth:`Services.change` does."""
    old = await cluster.services.get(name)
    return _between(old, replacing.changing(old, changes))


def _between(old: Service | None, new: Service) -> Change:
    before, after = text(old, deployed=True) if old else "", text(new, deployed=old is not None)
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), "deployed", "new", lineterm="")
    return Change(new.name, "update" if old else "create", "\n".join(lines))


def text(service: Service, *, deployed: bool = False) -> str:
    """A service as its author wrote it: its FDL, then its script, our prologue included since it runs as well."""
    stored = service.as_stored()
    if deployed:  # only a create spells it the server's way (oscar.md §2.2)
        stored = stored.model_copy(update={"isolation_level": service.isolation_level})
    return f"{fdl.dump(stored)}\n# script.sh\n{stored.script}"


def _taken(service: Service, release: versions.Release) -> Service:
    """A service without the keys that a release does not know, and so does not keep."""
    wire = service.model_dump(exclude_unset=True)
    dropped = [key.split(".") for key, _ in versions.unknown(wire, release)]
    for *parents, last in dropped:
        part = wire
        for key in parents:
            part = part[key]
        del part[last]
    return Service.model_validate(wire) if dropped else service
