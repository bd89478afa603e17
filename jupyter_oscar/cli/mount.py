"""``jupyter oscar mount``: a bucket as a folder. Its undoing is ``jupyter oscar umount``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .codes import EPILOG
from .names import clusters
from .terminal import as_json, out, say, table

if TYPE_CHECKING:
    from jupyter_oscar.deploy.mounting import Told


@click.command(epilog=EPILOG)
@click.argument("place", required=False, metavar="[BUCKET[/FOLDER]")
@click.argument("folder", required=False, type=click.Path(path_type=Path), metavar="DIR]")
@click.option("--read-only", is_flag=True, help="Nothing can be written there.")
@click.option("--foreground", is_flag=True, help="Stay until Ctrl-C, and unmount then.")
@click.option("--cluster", "-c", "on", metavar="NAME", shell_complete=clusters, help="On which [default: yours].")
@as_json
@click.option("--told", is_flag=True, hidden=True, help="Read on stdin where the objects are: see deploy/mounting.py.")
def mount(
    *,
    place: str | None,
    folder: Path | None,
    read_only: bool,
    foreground: bool,
    on: str | None,
    as_json: bool,
    told: bool,
) -> None:
    """Mount a bucket, or a folder of it, at DIR; without arguments list what is mounted.

    What is written there is in the bucket a second later, and starts the services that watch it. On the sandbox DIR
    becomes a link to the bucket's own folder.
    """
    if place is None:
        _list(as_json=as_json)
        return
    if as_json:
        msg = "--json is for the list: leave out BUCKET and DIR."
        raise click.UsageError(msg)
    if folder is None:
        msg = "Name the folder to mount it at: jupyter oscar mount BUCKET[/FOLDER] DIR."
        raise click.UsageError(msg)
    name, point = place.removeprefix("s3://").strip("/"), folder.expanduser().absolute()
    if told:
        from jupyter_oscar.deploy import mounting

        _keep(mounting.read(sys.stdin.read()), name, point, mounting.READY)
    else:
        asyncio.run(_mount(on, name, point, read_only=read_only, foreground=foreground))


def _list(*, as_json: bool) -> None:
    from jupyter_oscar.deploy import mounts, notes

    there = {one.point: (one.place, "mounted") for one in mounts.mounted()}
    for note in notes.notes():
        there.setdefault(note.point, (note.place, "the sandbox's own folder" if note.is_link else "mounted no more"))
    rows = [(point, *said) for point, said in there.items()]
    if as_json:
        out([{"folder": folder, "bucket": place, "state": state} for folder, place, state in rows])
    else:
        table(("FOLDER", "BUCKET", "STATE"), rows)


async def _mount(on: str | None, name: str, point: Path, *, read_only: bool, foreground: bool) -> None:
    from jupyter_oscar.client.cluster import Cluster
    from jupyter_oscar.client.profiles import resolve
    from jupyter_oscar.deploy import mounting, mounts

    async with Cluster(resolve(on)) as cluster:
        itself = mounts.folders(cluster.profile) is not None
        if foreground and not itself:
            said = await mounting.told(cluster, name.partition("/")[0], read_only=read_only)
        else:
            await mounting.mount(cluster, name, point, read_only=read_only)
            what = ", the sandbox's own folder" if itself else ""
            click.echo(f"{point}: {name}{what}")
            say(f"Undo it with: jupyter oscar umount {point}")
            return
    _keep(said, name, point, f"{point}: {name}")


def _keep(said: Told, name: str, point: Path, ready: str) -> None:
    """Mount it and stay until told to end, or until rclone does."""
    from jupyter_oscar.deploy import keeper

    def tell() -> None:
        click.echo(ready)
        sys.stdout.flush()

    keeper.keep(said.storage, name, point, endpoint=said.endpoint, read_only=said.read_only, ready=tell)
