"""``jupyter oscar mount``: a bucket as a folder. Its undoing is ``jupyter oscar umount``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .codes import EPILOG
from .names import clusters
from .terminal import say, table

if TYPE_CHECKING:
    from jupyter_oscar.client.config import MinioProvider
    from jupyter_oscar.client.profiles import Profile

READY = "mounted"


@click.command(epilog=EPILOG)
@click.argument("place", required=False, metavar="[BUCKET[/FOLDER]")
@click.argument("folder", required=False, type=click.Path(path_type=Path), metavar="DIR]")
@click.option("--read-only", is_flag=True, help="Nothing can be written there.")
@click.option("--foreground", is_flag=True, help="Stay until Ctrl-C, and unmount then.")
@click.option("--cluster", "-c", "on", metavar="NAME", shell_complete=clusters, help="On which [default: yours].")
def mount(*, place: str | None, folder: Path | None, read_only: bool, foreground: bool, on: str | None) -> None:
    """Mount a bucket, or a folder of it, at DIR; without arguments list what is mounted.

    What is written there is in the bucket a second later, and starts the services that watch it. On the sandbox DIR
    becomes a link to the bucket's own folder.
    """
    if place is None:
        from jupyter_oscar.deploy import mounts

        table(("FOLDER", "BUCKET"), [(one.point, one.place) for one in mounts.mounted()])
        return
    if folder is None:
        msg = "Name the folder to mount it at: jupyter oscar mount BUCKET[/FOLDER] DIR."
        raise click.UsageError(msg)
    name, point = place.removeprefix("s3://").strip("/"), folder.expanduser().absolute()
    if foreground or (profile := _profile(on)).sandbox:
        _mount(name, point, on, read_only=read_only)
        return
    del profile
    _in_background(name, point, on, read_only=read_only)


def _profile(on: str | None) -> Profile:
    from jupyter_oscar.client.profiles import resolve

    return resolve(on)


async def _storage(profile: Profile, bucket: str) -> MinioProvider:
    """Where the objects are; raises when the bucket is not there or may not be read."""
    from jupyter_oscar.client.cluster import Cluster

    async with Cluster(profile) as cluster:
        await cluster.buckets.page(bucket, size=1)
        return await cluster.storage()


def _mount(name: str, point: Path, on: str | None, *, read_only: bool) -> None:
    import asyncio

    from jupyter_oscar.deploy import keeper

    profile = _profile(on)
    storage = asyncio.run(_storage(profile, name.partition("/")[0]))
    if box := profile.sandbox:
        keeper.link(box.data / "buckets" / name, point)
        click.echo(f"{point}: {name}, the sandbox's own folder")
        return

    def ready() -> None:
        click.echo(f"{point}: {READY} {name}")
        sys.stdout.flush()

    keeper.keep(storage, name, point, read_only=read_only, ready=ready)


def _in_background(name: str, point: Path, on: str | None, *, read_only: bool) -> None:
    """The same in a process that goes on when the terminal is closed."""
    command = [sys.executable, "-m", "jupyter_oscar", "mount", name, str(point), "--foreground"]
    command += ["--read-only"] * read_only + (["--cluster", on] if on else [])
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, env={**os.environ, "PYTHONSAFEPATH": "1"},
    )  # fmt: skip
    if process.stdout is None or process.stderr is None:
        return
    line = process.stdout.readline()
    if READY in line:
        click.echo(line.strip())
        say(f"Undo it with: jupyter oscar umount {point}")
        return
    click.echo(process.stderr.read().strip(), err=True)
    raise SystemExit(process.wait())
