"""Mounting a bucket of a cluster in a process that goes on when whoever asked for it has gone.

That process is ``jupyter oscar mount … --told``. Where the objects are, and the keys, it reads on its stdin: argument
lists are read by everybody, and not every cluster of a Jupyter server is known to the command line.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from jupyter_oscar.client.config import MinioProvider

from . import keeper, mounts
from .mounts import CannotMount

if TYPE_CHECKING:
    from pathlib import Path

    from jupyter_oscar.client.cluster import Cluster

READY: Final = "mounted"


@dataclass(frozen=True)
class Told:
    """What the process is told: where the objects are, of which cluster they are, and whether they may be changed."""

    storage: MinioProvider
    endpoint: str
    read_only: bool = False


async def told(cluster: Cluster, bucket: str, *, read_only: bool = False) -> Told:
    """What there is to tell of a bucket.

    Raises:
        BucketNotFound, NotAllowed: it is not there or may not be read.

    """
    await cluster.buckets.page(bucket, size=1)
    return Told(await cluster.storage(), cluster.profile.endpoint, read_only)


async def mount(cluster: Cluster, place: str, point: Path, *, read_only: bool = False) -> None:
    """Mount a bucket or a folder of one (``bucket/folder``); where its folder is on this machine, make a link to it.

    Raises:
        BucketNotFound, NotAllowed: it is not there or may not be read.
        CannotMount: it could not be mounted; the folder is as it was.

    """
    said = await told(cluster, place.partition("/")[0], read_only=read_only)
    if (buckets := mounts.folders(cluster.profile)) is not None:
        await asyncio.to_thread(keeper.link, buckets / place, point, place=place, endpoint=said.endpoint)
        return
    keeper.check_fuse()
    await asyncio.to_thread(_start, said, place, point)


def read(text: str) -> Told:
    """What the process was told."""
    said = json.loads(text)
    return Told(MinioProvider.model_validate(said["storage"]), said["endpoint"], said["read_only"])


def _start(said: Told, place: str, point: Path) -> None:
    command = [sys.executable, "-m", "jupyter_oscar", "mount", place, str(point), "--told"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, env={**os.environ, "PYTHONSAFEPATH": "1"},
    )  # fmt: skip
    if process.stdin is None or process.stdout is None or process.stderr is None:
        return
    storage = said.storage.model_dump(mode="json", by_alias=True)
    storage["secret_key"] = said.storage.secret_key.get_secret_value()
    process.stdin.write(json.dumps({"storage": storage, "endpoint": said.endpoint, "read_only": said.read_only}))
    process.stdin.close()
    if process.stdout.readline().strip() == READY:
        # It says no more, and nobody waits for its end.
        process.stdout.close()
        process.stderr.close()
        return
    message, _, hint = process.stderr.read().strip().partition("\n")
    process.wait()
    raise CannotMount(message.removeprefix("Error: ") or f"{point} could not be mounted.", hint=hint)
