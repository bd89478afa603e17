"""What a file starts and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from .buckets import ObjectRow, object_row
from .route import Message, Route, may

if TYPE_CHECKING:
    from jupyter_oscar.client.triggers import Seen


class WatchedBy(Message):
    """A service that a file starts, and what was seen after it landed.

    ``output`` is an object in ``bucket`` that is newer than the file, ``newer`` how many there are, ``by_name`` whether
    it carries the file's name. Where none came ``after`` says for how many seconds. Of a folder only the service is
    told, and the ``folder`` by which it watches: one around it, or one further down.
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


class TriggersRoute(Route):
    """``/jupyter-oscar/clusters/<cluster>/buckets/<bucket>/triggers?key=…``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:storage"

    @may()
    async def get(self, cluster: str, bucket: str) -> None:
        """Which services a file starts; of one that is there, what was seen after it landed."""
        one, key = await self.cluster(cluster), self.plain("key")
        if not key or key.endswith("/"):
            found = await one.triggers.watching(bucket, key)
            known = {watcher.service for watcher in found}
            below = await one.triggers.below(bucket, key.rstrip("/"))
            found += [watcher for watcher in below if watcher.service not in known]
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


def _row(seen: Seen) -> WatchedBy:
    said: dict[str, Any] = {"service": seen.watcher.service, "folder": seen.watcher.folder}
    if seen.output is None:
        return WatchedBy(**said, after=round(seen.after, 3))
    output = object_row(seen.output)
    return WatchedBy(**said, output=output, bucket=seen.bucket, newer=seen.newer, by_name=seen.by_name)
