"""What a file starts when it lands in a bucket, and what became of it.

A service is started by every object below its input folder (oscar.md §2.4), by whatever way it came. Which outputs are
whose is not known of services that are not tracked; what is said here is only what was seen: outputs newer than the
file, or none. Nothing is ever written to a bucket's notifications.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from .errors import JobNotFound, OscarError
from .names import SKEW
from .service import Service

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .cluster import Cluster
    from .transfers import Object

# Logs that are read to find one job: each costs a server about four of its five requests a second (oscar.md §0.3).
READS: Final = 4
# A job begins within so long after its file landed, or it is not looked for.
BEGINS: Final = timedelta(minutes=10)
# Outputs that are looked through.
LOOKED: Final = 2000


@dataclass(frozen=True)
class Watcher:
    """A service that a new object at a place starts, the input folder by which it does, and where its outputs go."""

    service: str
    folder: str
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Seen:
    """What was seen of one watcher after an object landed.

    ``output`` is the newest object in its output folders that is newer than the file; one that carries the file's name
    goes first (``by_name``). ``newer`` counts them all. Without one ``after`` says for how many seconds nothing came.
    """

    watcher: Watcher
    output: Object | None = None
    bucket: str = ""
    newer: int = 0
    by_name: bool = False
    after: float = 0.0


def watchers(services: Iterable[Service], bucket: str, key: str) -> list[Watcher]:
    """The services that an object under ``key`` starts; of a folder (``a/``) those that a file in it would."""
    found = []
    for service in services:
        for place in service.input:
            inside = not place.folder or key.startswith(f"{place.folder}/")
            if place.is_minio and place.bucket == bucket and inside:
                outputs = tuple(one.path.strip(" /") for one in service.output if one.is_minio)
                found.append(Watcher(service.name, place.path.strip(" /"), outputs))
                break
    return found


class Triggers:
    """What files start on one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def watching(self, bucket: str, key: str) -> list[Watcher]:
        """The services that a new object there starts, as far as the caller sees them; see :func:`watchers`."""
        rows = await self._cluster.watch.services()
        return watchers([Service.model_validate(row) for row in rows], bucket, key)

    async def below(self, bucket: str, folder: str) -> list[Watcher]:
        """The services that watch a folder further down."""
        rows = await self._cluster.watch.services()
        top = f"{folder}/" if folder else ""
        return [
            Watcher(service.name, place.path.strip(" /"))
            for service in [Service.model_validate(row) for row in rows]
            for place in service.input
            if place.is_minio and place.bucket == bucket and place.folder and place.folder.startswith(top)
        ]

    async def seen(self, bucket: str, key: str) -> list[Seen]:
        """What became of an object, for each service that watches it.

        Raises:
            ObjectNotFound: there is none under that key.

        """
        found = await self.watching(bucket, key)
        if not found:
            return []
        landed = (await self._cluster.objects.look(bucket, key)).modified
        return [await self._outputs(one, bucket, key, landed) for one in found]

    async def _outputs(self, watcher: Watcher, bucket: str, key: str, landed: datetime) -> Seen:
        stem = PurePosixPath(key).stem
        best: tuple[bool, datetime, str, Object] | None = None
        newer = looked = 0
        for place in watcher.outputs:
            target, _, folder = place.partition("/")
            try:
                async for row in self._cluster.buckets.objects(target, folder):
                    looked += 1
                    if looked > LOOKED:
                        break
                    if row.modified < landed or row.key.endswith("/") or (target, row.key) == (bucket, key):
                        continue
                    newer += 1
                    ranked = (stem in row.key, row.modified, target, row)
                    if best is None or ranked[:2] > best[:2]:
                        best = ranked
            except OscarError:  # an output that the caller may not read tells nothing
                continue
        if best is None:
            waited = (datetime.now(timezone.utc) - landed).total_seconds()
            return Seen(watcher, after=max(0.0, waited))
        return Seen(watcher, best[3], best[2], newer, by_name=best[0])

    async def job(self, service: str, bucket: str, key: str) -> str | None:
        """The job that an object started, by the logs of those that began about then; None where none shows its key.

        Raises:
            ObjectNotFound: there is no object under that key.

        """
        landed = (await self._cluster.objects.look(bucket, key)).modified
        near = sorted(
            (abs(row.creation_time - landed), name)
            for name, row in (await self._cluster.jobs.list(service)).items()
            if row.creation_time and -SKEW <= row.creation_time - landed <= BEGINS
        )
        for _, name in near[:READS]:
            try:
                if key in await self._cluster.jobs.log(service, name):
                    return name
            except JobNotFound:
                continue
        return None
