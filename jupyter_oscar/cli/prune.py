"""``jupyter oscar prune``: clear what old calls left behind."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from .codes import EPILOG
from .terminal import as_json, confirm, on_cluster, out, size, yes

if TYPE_CHECKING:
    from jupyter_oscar.client.cluster import Cluster


@click.command(epilog=EPILOG)
@click.option("--days", type=click.FloatRange(0), default=30.0, show_default=True, help="Of calls older than that.")
@click.option("--dry-run", "dry", is_flag=True, help="Only say what there is.")
@yes
@as_json
@on_cluster
async def prune(cluster: Cluster, *, days: float, dry: bool, yes: bool, as_json: bool) -> None:
    """Clear records, kept logs and staged inputs of old calls. Outputs stay, and so do calls that still run.

    Named runs go on from their records, which are kept too.
    """
    older = timedelta(days=days)
    found = await cluster.calls.prune(older, dry=True)
    if found.objects and not dry:
        what = f"{found.objects} object{'s' * (found.objects != 1)} ({size(found.bytes)})"
        confirm(f"Clear {what} of {found.calls} call{'s' * (found.calls != 1)}?", sure=yes)
        found = await cluster.calls.prune(older)
    if as_json:
        out({**asdict(found), "cleared": not dry})
    else:
        click.echo(f"{'would be cleared' if dry else 'cleared'}: {found}")
