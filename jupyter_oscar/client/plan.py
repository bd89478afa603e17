"""What deploying would change: a definition beside what is deployed."""

from __future__ import annotations

import contextlib
import difflib
from typing import TYPE_CHECKING, NamedTuple

from . import fdl
from .errors import ServiceNotFound
from .replacing import kept

if TYPE_CHECKING:
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
    before = text(old) if old else ""
    after = text(kept(old, new) if old else new)
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), "deployed", "new", lineterm="")
    return Change(new.name, "update" if old else "create", "\n".join(lines))


def text(service: Service) -> str:
    """A service as its author wrote it: its FDL, then its script, our prologue included since it runs as well."""
    stored = service.as_stored()
    return f"{fdl.dump(stored)}\n# script.sh\n{stored.script}"
