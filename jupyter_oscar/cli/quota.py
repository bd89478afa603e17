"""``jupyter oscar quota``: what you may use of a cluster, and use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .codes import EPILOG
from .terminal import as_json, on_cluster, out, table

if TYPE_CHECKING:
    from jupyter_oscar.client.cluster import Cluster


@click.command(epilog=EPILOG)
@click.argument("user", required=False)
@as_json
@on_cluster
async def quota(cluster: Cluster, *, user: str | None, as_json: bool) -> None:
    """Say what you may use and use; as admin, what USER does. CPU is in millicores, memory in bytes."""
    if as_json:
        out(await cluster.quotas.of(user))
    else:
        table(("WHAT", "USED", "LIMIT"), await cluster.quotas.limits(user))
