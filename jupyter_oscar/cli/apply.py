"""``jupyter oscar apply``: create or update the services of a file."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from . import diff as differences
from .codes import EPILOG
from .terminal import as_json, on_cluster, out, say, yes

if TYPE_CHECKING:
    from pathlib import Path

    from jupyter_oscar.client.cluster import Cluster


@click.command(epilog=EPILOG)
@differences.file
@yes
@as_json
@on_cluster
async def apply(cluster: Cluster, *, file: Path, yes: bool, as_json: bool) -> None:
    """Deploy the services of the FDL FILE: create those that are new, update those that differ.

    The cluster is the one said by --cluster, else the one the file names if you have it, else yours. On a terminal the
    difference is shown and you are asked before anything that exists is changed. When one service fails, those that
    this command made are removed again.
    """
    from jupyter_oscar.client import fdl

    found = fdl.load(file)
    changes = await differences.planned(cluster, found)
    due = {change.name: change.action for change in changes if change.diff}
    updates = [name for name, action in due.items() if action == "update"]
    if not as_json:
        differences.show(changes)
    if updates and not yes and sys.stdin.isatty():
        click.confirm(f"Update {', '.join(updates)} on {cluster.profile.name}?", abort=True, err=True)
    if due:
        say(f"Deploying {', '.join(due)} on {cluster.profile.name}: a real cluster takes 6 to 10 s for each.")
        wanted = [service for service in found.services if service.name in due]
        await cluster.services.deploy(fdl.Fdl(found.path, wanted, found.lines), update=True)
    if as_json:
        out([{"name": change.name, "done": change.action if change.diff else "nothing"} for change in changes])
        return
    for name, action in due.items():
        click.echo(f"{name}: {action}d")
