"""What a file starts and what became of it, and the bucket that the server's own folder is."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from jupyter_oscar.client.errors import NotFound
from jupyter_oscar.deploy import mounts

from .buckets import ObjectRow, object_row
from .route import Message, Route, may

if TYPE_CHECKING:
    from jupyter_oscar.client.triggers import Seen


class WatchedBy(Message):
    """A service that a file starts, and what was seen after it landed.

    ``output`` is an object in ``bucket`` that is newer than the file, ``newer`` how many there are, ``by_name`` whether
    it carries the file's name. Where none came ``after`` says for how many seconds. Of a folder only the service is
    told, and the ``folder`` by which it watches.
    """

    service: str
    folder: str
    output: ObjectRow | None = None
    bucket: str = ""
    newer: int = 0
    by_name: bool = False
    after: float | None = None


class StartedJob(Message):
    """The job that a file started, by the name the server has for it; null where it cannot be told."""

    job: str | None = None


class WaitingFile(Message):
    """A file of the working directory that is not in the bucket yet; ``errors`` says that writing it failed before."""

    key: str
    size: int
    errors: bool = False


class WorkingDirectory(Message):
    """The bucket that the server's folder is. ``direct``: what is written is there at once (the sandbox)."""

    bucket: str
    folder: str
    direct: bool
    waiting: tuple[WaitingFile, ...]
    watched_by: tuple[WatchedBy, ...]


class TriggersRoute(Route):
    """``/jupyter-oscar/clusters/<cluster>/buckets/<bucket>/triggers?key=…``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:storage"

    @may()
    async def get(self, cluster: str, bucket: str) -> None:
        """Which services a file starts; of one that is there, what was seen after it landed."""
        one, key = await self.cluster(cluster), self.plain("key")
        if not key or key.endswith("/"):
            found = await one.triggers.watching(bucket, key)
            self.reply([WatchedBy(service=watcher.service, folder=watcher.folder) for watcher in found])
            return
        self.reply([_row(seen) for seen in await one.triggers.seen(bucket, key)])


class StartedRoute(Route):
    """``/jupyter-oscar/clusters/<cluster>/buckets/<bucket>/triggers/job?key=…&service=…``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:jobs"

    @may()
    async def get(self, cluster: str, bucket: str) -> None:
        """Which job a file started: asked for by a click, since it costs the cluster a list and a few logs."""
        one = await self.cluster(cluster)
        self.reply(StartedJob(job=await one.triggers.job(self.plain("service"), bucket, self.plain("key"))))


class WorkingDirectoryRoute(Route):
    """``/jupyter-oscar/clusters/<cluster>/working-directory``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:storage"

    @may()
    async def get(self, cluster: str) -> None:
        """The bucket that the server's own folder is in; 204 where it is none of this cluster's."""
        one = await self.cluster(cluster)
        root = str(self.settings.get("server_root_dir") or ".")
        found = await asyncio.to_thread(lambda: mounts.holding(Path(root).expanduser(), one.profile))
        if found is None:
            self.reply(None)
            return
        try:
            await one.buckets.page(found.bucket, size=1)
        except NotFound:
            self.reply(None)
            return
        waiting = await mounts.waiting(found, one)
        watching = await one.triggers.watching(found.bucket, f"{found.folder}/" if found.folder else "")
        below = await one.triggers.below(found.bucket, found.folder)
        self.reply(
            WorkingDirectory(
                bucket=found.bucket,
                folder=found.folder,
                direct=found.direct,
                waiting=tuple(WaitingFile(key=row.key, size=row.size, errors=row.errors) for row in waiting),
                watched_by=tuple(WatchedBy(service=row.service, folder=row.folder) for row in [*watching, *below]),
            )
        )


def _row(seen: Seen) -> WatchedBy:
    said: dict[str, Any] = {"service": seen.watcher.service, "folder": seen.watcher.folder}
    if seen.output is None:
        return WatchedBy(**said, after=round(seen.after, 3))
    output = object_row(seen.output)
    return WatchedBy(**said, output=output, bucket=seen.bucket, newer=seen.newer, by_name=seen.by_name)
