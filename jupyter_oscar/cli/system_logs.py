"""``jupyter oscar system-logs``: who called what, for a cluster's operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .codes import EPILOG
from .terminal import as_json, on_cluster, out, table

if TYPE_CHECKING:
    from jupyter_oscar.client.cluster import Cluster


@click.command("system-logs", epilog=EPILOG)
@click.option("--previous", "-p", is_flag=True, help="Of the OSCAR before the last restart.")
@as_json
@on_cluster
async def system_logs(cluster: Cluster, *, previous: bool, as_json: bool) -> None:
    """List the calls of services in the cluster's own log, oldest first."""
    found = await cluster.operation.requests(previous=previous)
    if as_json:
        out([one.model_dump() for one in found])
        return
    rows = [(one.timestamp, one.method, one.path, one.status, one.user, one.latency) for one in found]
    table(("TIME", "METHOD", "PATH", "STATUS", "USER", "LATENCY"), rows)
