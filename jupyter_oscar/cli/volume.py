"""``jupyter oscar volume``: volumes that outlive services."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .codes import EPILOG
from .terminal import as_json, confirm, on_cluster, out, table, yes
from .words import Noun

if TYPE_CHECKING:
    from jupyter_oscar.client.cluster import Cluster


@click.group(cls=Noun, epilog=EPILOG)
def volume() -> None:
    """Volumes: list, create, delete."""


@volume.command("list", epilog=EPILOG)
@as_json
@on_cluster
async def list_(cluster: Cluster, *, as_json: bool) -> None:
    """List your volumes and the services that have them."""
    found = await cluster.volumes.list()
    if as_json:
        out([one.model_dump() for one in found])
        return
    services = [", ".join(at.service_name for at in one.attachments) for one in found]
    rows = [(one.name, one.size, one.status.phase, its) for one, its in zip(found, services, strict=True)]
    table(("NAME", "SIZE", "STATUS", "SERVICES"), rows)


@volume.command(epilog=EPILOG)
@click.argument("name")
@as_json
@on_cluster
async def get(cluster: Cluster, *, name: str, as_json: bool) -> None:
    """Say what a volume is, and where services have it."""
    found = await cluster.volumes.get(name)
    if as_json:
        out(found.model_dump())
        return
    at = ", ".join(f"{one.service_name}:{one.mount_path}" for one in found.attachments)
    known = found.model_dump(exclude={"status", "attachments"})
    rows = [*known.items(), ("status", f"{found.status.phase} {found.status.message}".strip()), ("services", at)]
    table(("WHAT", "VALUE"), rows)


@volume.command(epilog=EPILOG)
@click.argument("name")
@click.argument("size")
@on_cluster
async def create(cluster: Cluster, *, name: str, size: str) -> None:
    """Make a volume of SIZE, such as 1Gi."""
    await cluster.volumes.create(name, size)
    click.echo(f"{name}: created")


@volume.command(epilog=EPILOG)
@click.argument("name")
@yes
@on_cluster
async def delete(cluster: Cluster, *, name: str, yes: bool) -> None:
    """Delete a volume WITH everything on it."""
    await cluster.volumes.get(name)
    confirm(f"Delete {name} and everything on it?", sure=yes)
    await cluster.volumes.delete(name)
    click.echo(f"{name}: deleted")
