"""``jupyter oscar apply``: create or update the services of a file."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from . import diff as differences
from .codes import EPILOG
from .terminal import as_json, confirm, on_cluster, out, say, yes

if TYPE_CHECKING:
    from pathlib import Path

    from jupyter_oscar.client.cluster import Cluster


@click.command(epilog=EPILOG)
@differences.file
@differences.name
@differences.env_file
@yes
@as_json
@on_cluster
async def apply(
    cluster: Cluster, *, file: Path, name: str | None, env_file: Path | None, yes: bool, as_json: bool
) -> None:
    """Deploy the services of the FDL FILE: create those that are new, update those that differ.

    The cluster is the one said by --cluster, else the one the file names if you have it, else yours. On a terminal the
    difference is shown and you are asked before anything that exists is changed, and before a secret that the file only
    refers to (env:NAME, file:PATH, keyring:SERVICE/USER) is read from this machine and sent: a file from somebody else
    could name any. When one service fails, those that this command made are removed again.
    """
    found = differences.read(file, name, env_file)
    changes = await differences.planned(cluster, found)
    due = {change.name: change.action for change in changes if change.diff}
    updates = [name for name, action in due.items() if action == "update"]
    if not as_json:
        differences.show(changes)
    if updates and not yes and sys.stdin.isatty():
        click.confirm(f"Update {', '.join(updates)} on {cluster.profile.name}?", abort=True, err=True)
    if due:
        wanted = [service for service in found.services if service.name in due]
        elsewhere = tuple(one for one in found.elsewhere if one.service in due)
        if elsewhere:
            places = ", ".join(map(str, elsewhere))
            confirm(f"Read secrets from this machine and send them to {cluster.profile.name}: {places}?", sure=yes)
        say(f"Deploying {', '.join(due)} on {cluster.profile.name}: a real cluster takes 6 to 10 s for each.")
        part = replace(found, services=wanted, elsewhere=elsewhere)
        await cluster.services.deploy(part, update=True, secrets=True)
    if as_json:
        out([{"name": change.name, "done": change.action if change.diff else "nothing"} for change in changes])
        return
    for service, action in due.items():
        click.echo(f"{service}: {action}d")
