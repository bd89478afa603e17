"""``jupyter oscar delete``: remove the services of a file, with oscar-cli's word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from . import diff as differences
from .codes import EPILOG
from .names import buckets
from .service import removed
from .terminal import on_cluster, yes

if TYPE_CHECKING:
    from pathlib import Path

    from jupyter_oscar.client.cluster import Cluster


@click.command(epilog=EPILOG)
@differences.file
@click.option("--keep", metavar="BUCKET", shell_complete=buckets, help="First copy their objects into this bucket.")
@yes
@on_cluster
async def delete(cluster: Cluster, *, file: Path, keep: str | None, yes: bool) -> None:
    """Remove the services of the FDL FILE, as `service remove` does; those that are not there are passed over."""
    from jupyter_oscar.client import fdl

    there = {str(row.get("name")) for row in await cluster.services.rows()}
    for service in fdl.load(file).services:
        if service.name in there:
            await removed(cluster, service.name, keep, sure=yes)
        else:
            click.echo(f"{service.name}: not there")
