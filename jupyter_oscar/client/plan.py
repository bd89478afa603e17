"""What deploying would change: a definition beside what is deployed."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, NamedTuple

from . import fdl, prologue
from .errors import ServiceNotFound

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
    try:
        old = text(await cluster.services.get(new.name))
    except ServiceNotFound:
        old = ""
    lines = difflib.unified_diff(old.splitlines(), text(new.as_stored()).splitlines(), "deployed", "new", lineterm="")
    return Change(new.name, "update" if old else "create", "\n".join(lines))


def text(service: Service) -> str:
    """A service as its author wrote it: its FDL, then its script without our prologue."""
    return f"{fdl.dump(service.spelled_out())}\n# script.sh\n{prologue.remove(service.script)}"
