"""``jupyter oscar quota``: what one may use of a cluster, and uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .codes import EPILOG
from .terminal import as_json, on_cluster, out, table
from .words import WithDefault

if TYPE_CHECKING:
    from jupyter_oscar.client.cluster import Cluster


@click.group(cls=WithDefault, epilog=EPILOG)
def quota() -> None:
    """What you may use and use: [get] [USER], and as admin update USER."""


@quota.command(epilog=EPILOG)
@click.argument("user", required=False)
@as_json
@on_cluster
async def get(cluster: Cluster, *, user: str | None, as_json: bool) -> None:
    """Say what you may use and use; as admin, what USER does. CPU is in millicores, memory in bytes."""
    if as_json:
        out(await cluster.quotas.of(user))
    else:
        table(("WHAT", "USED", "LIMIT"), await cluster.quotas.limits(user))


@quota.command(epilog=EPILOG)
@click.argument("user")
@click.option("--cpu", help="Such as 2 or 500m.")
@click.option("--memory", help="Such as 2Gi.")
@click.option("--gpu", help="A number; with --cpu or --memory.")
@click.option("--volume-disk", "disk", help="Of all volumes.")
@click.option("--volume-count", "volumes", help="How many volumes.")
@click.option("--volume-max-disk", "max_disk_per_volume", help="Of the largest volume.")
@click.option("--volume-min-disk", "min_disk_per_volume", help="Of the smallest volume.")
@click.option("--bucket-count", "buckets", help="How many buckets.")
@click.option("--bucket-size", "storage_per_bucket", help="Of each bucket; 0 is no limit.")
@as_json
@on_cluster
async def update(cluster: Cluster, *, user: str, as_json: bool, **said: str | None) -> None:
    """Set what USER may use, as the cluster's admin. What is not said stays as it is."""
    from jupyter_oscar.client.quotas import Limits, StorageLimits, VolumeLimits, lines

    given = {key: value for key, value in said.items() if value is not None}
    if not given:
        msg = "Say what to set, such as --cpu 2."
        raise click.UsageError(msg)
    volumes = {key: value for key, value in given.items() if key in VolumeLimits.model_fields}
    storage = {key: value for key, value in given.items() if key in StorageLimits.model_fields}
    own = {key: value for key, value in given.items() if key in {"cpu", "memory", "gpu"}}
    found = await cluster.quotas.set(
        user,
        Limits(
            **own,
            volumes=VolumeLimits(**volumes) if volumes else None,
            minio=StorageLimits(**storage) if storage else None,
        ),
    )
    if as_json:
        out(found)
    else:
        table(("WHAT", "USED", "LIMIT"), lines(found))
