"""Files of a service, with oscar-cli's words: where they lie is read from its inputs and outputs.

``STORAGE_PROVIDER`` may be said as oscar-cli wants it; the cluster's own MinIO is the one that is reached from here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from .bucket import fetch, listed
from .codes import EPILOG
from .names import services
from .terminal import as_json, bar, inside, on_cluster, quiet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jupyter_oscar.client.cluster import Cluster
    from jupyter_oscar.client.service import Service, StorageIO
    from jupyter_oscar.client.transfers import Object

KINDS: Final = frozenset({"minio", "s3", "onedata", "webdav", "rucio"})

_service = click.argument("service", shell_complete=services)


def _said(*words: str) -> Callable[..., Any]:
    return click.argument("said", nargs=-1, metavar=" ".join(words))


def _apart(said: Sequence[str], most: int) -> list[str]:
    """What was said after the service's name, without the storage provider.

    Raises:
        InvalidRequest: it is another than the cluster's own.

    """
    words = list(said)
    kind, _, which = (words[0] if words else "").partition(".")
    if kind.lower() in KINDS and not Path(words[0]).exists():
        if (kind.lower(), which or "default") != ("minio", "default"):
            from jupyter_oscar.client.errors import InvalidRequest

            msg = f"{words[0]} is a storage of the service's own, whose keys are not here."
            raise InvalidRequest(msg, hint="Use that storage's own program; minio.default is reached from here.")
        del words[0]
    if len(words) > most:
        msg = f"There is one word too many: {words[-1]}."
        raise click.UsageError(msg)
    return words


def _place(places: Sequence[StorageIO], service: Service, what: str) -> str:
    """The first of a service's folders in the cluster's own storage, as BUCKET/FOLDER/."""
    found = next((place for place in places if place.is_minio), None)
    if found is None:
        msg = f"{service.name} has no {what} in the cluster's storage: say where, as BUCKET/KEY."
        raise click.UsageError(msg)
    return f"{found.bucket}/{found.folder}/" if found.folder else f"{found.bucket}/"


def _split(place: str) -> tuple[str, str]:
    bucket, _, key = place.strip("/ ").partition("/")
    return bucket, f"{key}/" if key and place.endswith("/") else key


@click.command("put-file", epilog=EPILOG)
@_service
@_said("[STORAGE_PROVIDER]", "LOCAL_FILE", "[REMOTE_FILE]")
@quiet
@on_cluster
async def put_file(cluster: Cluster, *, service: str, said: tuple[str, ...], no_progress: bool) -> None:
    """Store LOCAL_FILE in the service's input, or as REMOTE_FILE, written BUCKET/KEY. In its input it starts a job."""
    from jupyter_oscar.client.errors import FileMissing

    words = _apart(said, 2)
    if not words:
        msg = "Name the file to store."
        raise click.UsageError(msg)
    local = Path(words[0])
    if not local.is_file():
        msg = f"There is no file {local}."
        raise FileMissing(msg, hint="Check the path. Nothing was stored.")
    one = await cluster.services.get(service)
    bucket, key = _split(words[1] if len(words) > 1 else _place(one.input, one, "input") + local.name)
    if not key or key.endswith("/"):
        key += local.name
    with bar(local.name, local.stat().st_size, hidden=no_progress) as shown:
        shown.update((await cluster.store.put(bucket, key, local)).size)
    click.echo(f"{bucket}/{key}")


@click.command("get-file", epilog=EPILOG)
@_service
@_said("[STORAGE_PROVIDER]", "[REMOTE_FILE]", "[LOCAL_FILE]")
@click.option(
    "--download-latest-into",
    "latest",
    is_flag=False,
    flag_value=".",
    metavar="PATH",
    help="The newest object below REMOTE_FILE, or of the service's output, into PATH.",
)
@quiet
@on_cluster
async def get_file(
    cluster: Cluster, *, service: str, said: tuple[str, ...], latest: str | None, no_progress: bool
) -> None:
    """Fetch REMOTE_FILE, written BUCKET/KEY, as LOCAL_FILE [default: its own name here], and print where it is."""
    words = _apart(said, 1 if latest else 2)
    one = await cluster.services.get(service)
    if latest is None and not words:
        msg = "Name the file to fetch, or say --download-latest-into."
        raise click.UsageError(msg)
    bucket, key = _split(words[0] if words else _place(one.output, one, "output"))
    if latest is not None:
        key, to = (await _newest(cluster, bucket, key)).key, Path(latest)
        is_folder = to.is_dir() or latest.endswith("/") or not to.suffix
    else:
        to = Path(words[1]) if len(words) > 1 else Path()
        is_folder = to.is_dir()
    target = inside(to, key.rpartition("/")[2]) if is_folder else to
    await fetch(cluster, bucket, key, target, hidden=no_progress)
    click.echo(str(target.absolute()))


async def _newest(cluster: Cluster, bucket: str, folder: str) -> Object:
    from jupyter_oscar.client.errors import ObjectNotFound

    newest = None
    async for row in cluster.store.list(bucket, folder.rstrip("/")):
        hidden = any(part.startswith(".") for part in row.key.split("/"))
        if not (hidden or row.key.endswith("/")) and (newest is None or row.modified > newest.modified):
            newest = row
    if newest is None:
        msg = f"There is nothing in {bucket}/{folder}."
        raise ObjectNotFound(msg)
    return newest


@click.command("list-files", epilog=EPILOG)
@_service
@_said("[STORAGE_PROVIDER]", "[REMOTE_PATH]")
@as_json
@on_cluster
async def list_files(cluster: Cluster, *, service: str, said: tuple[str, ...], as_json: bool) -> None:
    """List what is below REMOTE_PATH, written BUCKET/FOLDER [default: the service's output]."""
    words = _apart(said, 1)
    one = await cluster.services.get(service)
    bucket, folder = _split(words[0] if words else _place(one.output, one, "output"))
    await listed(cluster, bucket, folder, as_json=as_json, markers=False)


@click.command("delete-file", epilog=EPILOG)
@_service
@_said("[STORAGE_PROVIDER]", "REMOTE_FILE")
@on_cluster
async def delete_file(cluster: Cluster, *, service: str, said: tuple[str, ...]) -> None:
    """Remove REMOTE_FILE, written BUCKET/KEY."""
    words = _apart(said, 1)
    await cluster.services.get(service)
    bucket, key = _split(words[0]) if words else ("", "")
    if not key or key.endswith("/"):
        msg = "Name the file to remove, as BUCKET/KEY."
        raise click.UsageError(msg)
    await cluster.store.delete(bucket, [key])
    click.echo(f"{bucket}/{key}: removed")
