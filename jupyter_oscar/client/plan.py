"""What deploying would change: a definition beside what is deployed."""

from __future__ import annotations

import contextlib
import difflib
from typing import TYPE_CHECKING, Any, NamedTuple

from . import fdl, replacing
from .errors import ServiceNotFound
from .replacing import kept

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .cluster import Cluster
    from .service import Service


class Change(NamedTuple):
    """What a deployment would do to one service: ``create`` or ``update``, and the difference as a unified diff."""

    name: str
    action: str
    diff: str


async def change(cluster: Cluster, new: Service) -> Change:
    """What deploying ``new`` would change; an empty ``diff`` means nothing."""
    old: Service | None = None
    with contextlib.suppress(ServiceNotFound):
        old = await cluster.services.get(new.name)
    return _between(old, kept(old, new) if old else new)


async def changing(cluster: Cluster, name: str, changes: Mapping[str, Any]) -> Change:
    """What changing some fields of a deployed service would change; raises what :meth:`Services.change` does."""
    old = await cluster.services.get(name)
    return _between(old, replacing.changing(old, changes))


def _between(old: Service | None, new: Service) -> Change:
    before, after = text(old) if old else "", text(new)
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), "deployed", "new", lineterm="")
    return Change(new.name, "update" if old else "create", "\n".join(lines))


def text(service: Service) -> str:
    """A service as its author wrote it: its FDL, then its script, our prologue included since it runs as well."""
    stored = service.as_stored()
    return f"{fdl.dump(stored)}\n# script.sh\n{stored.script}"
