"""Clearing what old calls left of ours: records, kept logs, staged inputs. Outputs are their owners' and stay."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final, NamedTuple

from .errors import NotAllowed, NotFound, ObjectNotFound
from .records import RECORDS
from .staging import STAGED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .cluster import Cluster
    from .transfers import Object

MONTH: Final = timedelta(days=30)
# The end of an id: when, in milliseconds since 1970, then what tells it from others (see ``records``).
_ID: Final = re.compile(
    r"(?P<service>[a-z0-9][-a-z0-9]{0,38})-(?P<when>[0-9a-f]{11})(?P<rest>[0-9a-f]{10}|m[0-9a-f]{9})"
)
GOING: Final = frozenset({"Pending", "Running", "Suspended"})


@dataclass
class Pruned:
    """What was cleared, or would be: calls, objects and their bytes; ``kept`` calls are old and still of use."""

    calls: int = 0
    objects: int = 0
    bytes: int = 0
    kept: int = 0

    def __str__(self) -> str:
        still = f"; {self.kept} old ones still run or belong to a named run" if self.kept else ""
        return f"{self.calls} calls, {self.objects} objects, {self.bytes} bytes{still}"

    __repr__ = __str__


class Needed(NamedTuple):
    """What is not to be cleared: jobs that go on, and what the ids of named runs begin with."""

    going: set[str]
    stems: tuple[str, ...]


async def prune(cluster: Cluster, older: timedelta = MONTH, *, dry: bool = False) -> Pruned:
    """Remove records, logs and inputs of calls that are ``older``; with ``dry`` only say what that would be.

    Kept are calls whose jobs the server's list shows as going on, and those of named runs, which go on from their
    records: forget a run first. Buckets that the caller may not write to are left alone.
    """
    before = datetime.now(timezone.utc) - older
    found = Pruned()
    services = await cluster.services.list()
    own = await cluster.calls.records.own_bucket(make=False)
    buckets = sorted({service.home or own for service in services} | {own})
    going = {name for service in services for name in await _going(cluster, service.name)}
    stems = tuple(run.stem for run in await cluster.runs.list())
    for bucket in buckets:
        await _prune_bucket(cluster, bucket, before, Needed(going, stems), found, dry=dry)
    return found


async def _going(cluster: Cluster, service: str) -> set[str]:
    try:
        return {name for name, row in (await cluster.jobs.list(service)).items() if row.status in GOING}
    except (NotAllowed, NotFound):
        return set()


async def _prune_bucket(
    cluster: Cluster, bucket: str, before: datetime, needed: Needed, found: Pruned, *, dry: bool
) -> None:
    old: dict[str, list[Object]] = {}
    for folder in (RECORDS, STAGED):
        async for row in _list(cluster, bucket, folder):
            identity = _identity(row.key)
            if identity and _when(identity) < before:
                old.setdefault(identity, []).append(row)
    keep = {name for name in old if name in needed.going or name.startswith(needed.stems)}
    gone = [row for name, rows in old.items() if name not in keep for row in rows]
    if gone and not dry:
        try:
            await cluster.store.delete(bucket, [row.key for row in gone])
        except NotAllowed:
            return
        await cluster.calls.records.forget(bucket, [row.key for row in gone])
    found.kept += len(keep)
    found.calls += len(old) - len(keep)
    found.objects += len(gone)
    found.bytes += sum(row.size for row in gone)


async def _list(cluster: Cluster, bucket: str, folder: str) -> AsyncIterator[Object]:
    try:
        async for row in cluster.store.list(bucket, folder):
            yield row
    except (ObjectNotFound, NotAllowed):
        return


def _identity(key: str) -> str | None:
    """The id in a key of ours: the name of a record, the folder or the end of the name of a staged input."""
    path = PurePosixPath(key)
    for word in (path.stem, path.parent.name, path.stem.rpartition(".")[2], path.name.rpartition(".")[2]):
        if _ID.fullmatch(word):
            return word
    return None


def _when(identity: str) -> datetime:
    found = _ID.fullmatch(identity)
    milliseconds = int(found["when"], 16) if found else 0
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc)
