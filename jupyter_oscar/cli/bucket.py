"""``jupyter oscar bucket``: buckets through OSCAR, objects straight to and from the cluster's storage."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .codes import EPILOG
from .names import buckets
from .terminal import as_json, bar, confirm, inside, on_cluster, out, say, size, table, yes
from .words import Noun

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_oscar.client.cluster import Cluster


@click.group(cls=Noun, epilog=EPILOG)
def bucket() -> None:
    """Buckets and the objects in them. A place is written BUCKET/KEY, a folder BUCKET/FOLDER/."""


def _split(place: str) -> tuple[str, str]:
    name, _, key = place.removeprefix("s3://").partition("/")
    if not name:
        msg = f'"{place}" names no bucket: write BUCKET/KEY.'
        raise click.UsageError(msg)
    return name, key


@bucket.command("list", epilog=EPILOG)
@click.argument("place", required=False, metavar="[BUCKET[/FOLDER]]", shell_complete=buckets)
@as_json
@on_cluster
async def list_(cluster: Cluster, *, place: str | None, as_json: bool) -> None:
    """List your buckets, or the objects in one, folders within folders included."""
    if place is None:
        buckets = await cluster.buckets.list()
        if as_json:
            out([{**one.model_dump(), "service": one.service} for one in buckets])
        else:
            cells = [(one.bucket_name, one.visibility, one.owner, one.service or "") for one in buckets]
            table(("NAME", "VISIBILITY", "OWNER", "SERVICE"), cells)
        return
    await listed(cluster, *_split(place), as_json=as_json)


async def listed(cluster: Cluster, name: str, folder: str, *, as_json: bool, markers: bool = True) -> None:
    """The objects below a folder, on stdout, with or without the markers that stand for folders."""
    found = [row async for row in cluster.buckets.objects(name, folder) if markers or not row.key.endswith("/")]
    if as_json:
        out([{"key": row.key, "size": row.size, "modified": row.modified.isoformat()} for row in found])
        return
    exact = not sys.stdout.isatty()
    rows = [(row.key, row.size if exact else size(row.size), row.modified.isoformat(" ", "seconds")) for row in found]
    table(("KEY", "SIZE", "MODIFIED"), rows)


@bucket.command(epilog=EPILOG)
@click.argument("place", metavar="BUCKET/KEY", shell_complete=buckets)
@click.argument("to", required=False, type=click.Path(path_type=Path, allow_dash=True))
@on_cluster
async def get(cluster: Cluster, *, place: str, to: Path | None) -> None:
    """Fetch an object into the file TO [default: its own name here], or to stdout where TO is -.

    With BUCKET/FOLDER/ all below it, into the folder TO [default: here].
    """
    name, key = _split(place)
    if not key or key.endswith("/"):
        await _get_folder(cluster, name, key, to or Path())
        return
    if to is not None and str(to) == "-":
        async for chunk in cluster.store.chunks(name, key):
            sys.stdout.buffer.write(chunk)
        return
    own = key.rpartition("/")[2]
    target = inside(Path(), own) if to is None else inside(to, own) if to.is_dir() else to
    await fetch(cluster, name, key, target)
    click.echo(str(target))


async def fetch(cluster: Cluster, name: str, key: str, target: Path, *, hidden: bool = False) -> None:
    """Write an object to a file, with a bar on a terminal."""
    length = await _length(cluster, name, key) if sys.stderr.isatty() and not hidden else 0
    with bar(target.name, length, hidden=hidden) as shown:
        await _download(cluster, name, key, target, shown.update)


async def _length(cluster: Cluster, name: str, key: str) -> int:
    """Of an object in bytes, for the bar."""
    async for row in cluster.buckets.objects(name, "", after=key[:-1]):
        if row.key >= key:
            return row.size if row.key == key else 0
    return 0


async def _get_folder(cluster: Cluster, name: str, folder: str, to: Path) -> None:
    from jupyter_oscar.client import folders

    rows = folders.places([row async for row in cluster.buckets.under(name, folder)], folder, to)
    with bar(f"{name}/{folder}", sum(row.size for row, _ in rows)) as shown:
        await folders.download(cluster, name, rows, shown.update)
    if not sys.stdout.isatty():
        for _, target in rows:
            click.echo(str(target))
    say(f"{len(rows)} object{'s' * (len(rows) != 1)} in {to}")


async def _download(cluster: Cluster, name: str, key: str, target: Path, progress: object) -> None:
    from jupyter_oscar.client.errors import NotSaved

    try:
        await cluster.store.download(name, key, target, progress)  # type: ignore[arg-type]
    except OSError as error:
        free = shutil.disk_usage(target.parent if target.parent.is_dir() else Path()).free
        msg = f"{target} cannot be written: {(error.strerror or str(error)).lower()} ({size(free)} are free)."
        raise NotSaved(msg, hint="Name another place.") from error


@bucket.command(epilog=EPILOG)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.argument("place", metavar="BUCKET[/KEY]", shell_complete=buckets)
@on_cluster
async def put(cluster: Cluster, *, files: Sequence[Path], place: str) -> None:
    """Store FILES in a bucket: under KEY, or under their own names below BUCKET/FOLDER/; a folder with all in it.

    Where a service has its input, each file starts a job.
    """
    from jupyter_oscar.client import folders

    name, key = _split(place)
    due = folders.plan(files, key)
    with bar(name, sum(sending.size for sending in due)) as shown:
        await folders.upload(cluster, name, due, shown.update)
    if not sys.stderr.isatty():
        for sending in due:
            click.echo(f"{name}/{sending.key}")


@bucket.command(epilog=EPILOG)
@click.argument("place", metavar="BUCKET[/PREFIX]")
@click.option("--give-up", is_flag=True, help="Free their space: none of them can go on then.")
@click.option("--older", type=click.FloatRange(0), default=0.0, metavar="HOURS", help="Only those begun so long ago.")
@yes
@as_json
@on_cluster
async def uploads(cluster: Cluster, *, place: str, give_up: bool, older: float, yes: bool, as_json: bool) -> None:
    """List uploads that were begun and never finished; their space is taken until they are given up."""
    from datetime import datetime, timedelta, timezone

    name, prefix = _split(place)
    before = datetime.now(timezone.utc) - timedelta(hours=older)
    found = [one async for one in cluster.uploads.unfinished(name, prefix) if one.begun <= before or not older]
    if as_json:
        out([{"key": one.key, "id": one.id, "begun": one.begun.isoformat()} for one in found])
    else:
        table(("KEY", "BEGUN", "ID"), [(one.key, one.begun.isoformat(" ", "seconds"), one.id) for one in found])
    if give_up and found:
        confirm(f"Give up {len(found)} upload{'s' * (len(found) != 1)} to {name}?", sure=yes)
        for one in found:
            await cluster.objects.abort(name, one.key, one.id)
        say(f"{len(found)} given up")


_VISIBILITIES = click.Choice(["private", "restricted", "public"])


def _only_restricted(context: click.Context, _: click.Parameter, users: tuple[str, ...]) -> tuple[str, ...]:
    """``--visibility`` is eager: it is known by now, whichever was typed first."""
    if users and context.params["visibility"] != "restricted":
        msg = "--allow goes with --visibility restricted."
        raise click.UsageError(msg)
    return users


_allow = click.option(
    "--allow",
    multiple=True,
    metavar="UID",
    help="Who may use a restricted one; may be repeated.",
    callback=_only_restricted,
)


@bucket.command(epilog=EPILOG)
@click.argument("name")
@click.option("--visibility", type=_VISIBILITIES, default="private", is_eager=True)
@_allow
@on_cluster
async def create(cluster: Cluster, *, name: str, visibility: str, allow: tuple[str, ...]) -> None:
    """Make a bucket."""
    await cluster.buckets.create(name, visibility=visibility, allowed_users=allow)
    click.echo(f"{name}: created")


@bucket.command(epilog=EPILOG)
@click.argument("name", shell_complete=buckets)
@click.option("--visibility", type=_VISIBILITIES, required=True, is_eager=True)
@_allow
@on_cluster
async def update(cluster: Cluster, *, name: str, visibility: str, allow: tuple[str, ...]) -> None:
    """Say who may see a bucket."""
    await cluster.buckets.update(name, visibility=visibility, allowed_users=allow)
    click.echo(f"{name}: {visibility}")


@bucket.command(epilog=EPILOG)
@click.argument("place", metavar="BUCKET/KEY", shell_complete=buckets)
@click.option("--upload", is_flag=True, help="To store it, not to fetch it.")
@click.option("--expires", type=click.IntRange(1, 7 * 24 * 3600), default=600, show_default=True, help="Seconds.")
@on_cluster
async def presign(cluster: Cluster, *, place: str, upload: bool, expires: int) -> None:
    """Print an address with which anybody may fetch that one object until it expires."""
    name, key = _split(place)
    if not key or key.endswith("/"):
        msg = f"{place} is no object: name its key."
        raise click.UsageError(msg)
    click.echo(await cluster.buckets.presign(name, key, verb="PUT" if upload else "GET", seconds=expires))


@bucket.command(epilog=EPILOG)
@click.argument("name", shell_complete=buckets)
@yes
@on_cluster
async def delete(cluster: Cluster, *, name: str, yes: bool) -> None:
    """Delete a bucket WITH all objects in it."""
    if "/" in name:
        msg = f"{name} is a place in a bucket: `bucket remove` removes objects."
        raise click.UsageError(msg)
    confirm(f"Delete {name} and all objects in it?", sure=yes)
    await cluster.buckets.delete(name)
    click.echo(f"{name}: deleted")


@bucket.command(epilog=EPILOG)
@click.argument("places", nargs=-1, required=True, metavar="BUCKET/KEY...", shell_complete=buckets)
@on_cluster
async def remove(cluster: Cluster, *, places: tuple[str, ...]) -> None:
    """Remove objects by their keys."""
    for place in places:
        name, key = _split(place)
        if not key or key.endswith("/"):
            msg = f"{place} is no object: name its key, or delete the whole bucket with `bucket delete`."
            raise click.UsageError(msg)
        await cluster.objects.look(name, key)  # a storage says nothing of one that is not there
        await cluster.store.delete(name, [key])
        click.echo(f"{place}: removed")
