"""``jupyter oscar federation``: which clusters share a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .codes import EPILOG
from .names import services
from .terminal import as_json, on_cluster, out, table
from .words import WithDefault

if TYPE_CHECKING:
    from jupyter_oscar.client.cluster import Cluster


@click.group(cls=WithDefault, epilog=EPILOG)
def federation() -> None:
    """Which clusters share a service: [get] NAME. It is changed in the service's FDL."""


@federation.command(epilog=EPILOG)
@click.argument("name", shell_complete=services)
@as_json
@on_cluster
async def get(cluster: Cluster, *, name: str, as_json: bool) -> None:
    """List the members, the first to be asked first. Their headers, which may hold a password, are not shown."""
    found = await cluster.federation(name)
    members = sorted(found.members, key=lambda one: one.priority)
    if as_json:
        shown = [one.model_dump(mode="json", exclude={"headers"}) for one in members]
        out({"topology": found.topology, "members": shown})
        return
    rows = [(one.priority, one.type, one.cluster_id, one.service_name, one.url) for one in members]
    table(("PRIORITY", "TYPE", "CLUSTER", "SERVICE", "URL"), rows)
