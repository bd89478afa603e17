"""Deploying the services of a file: in which order, what is checked before, and undoing what was half done.

Services are chained by a bucket: one writes where the other reads. A server makes the buckets of a service with it and
refuses one that exists (oscar.md §1.2), so the reader is made first, whose input has to be armed, and the writer
without that output, which an update then adds: a server takes it there and answers an admin 500 (oscar.md §0.3 point
2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from . import checks, fdl
from .errors import AlreadyExists, FdlError, OscarError, SecretsUnconfirmed, ServiceNotFound, UpstreamFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .cluster import Cluster
    from .fdl import Fdl
    from .service import Service, StorageIO


class Progress(NamedTuple):
    """What is being done now: ``doing`` in words, as number ``number`` of ``total``."""

    doing: str
    number: int
    total: int

    def __str__(self) -> str:
        return f"{self.doing} ({self.number} of {self.total}) …" if self.total > 1 else f"{self.doing} …"


async def deploy(
    cluster: Cluster,
    file: Fdl,
    *,
    update: bool = False,
    secrets: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Sequence[Service]:
    """Deploy every service of a file; as stored, in the file's order. Those that exist are replaced with ``update``.

    With ``secrets`` those that the file only refers to are read from this machine and sent. A file from somebody else
    could name any file or variable of whoever deploys it, so that is said by a person.

    When one fails, those that this call created are removed again.

    Raises:
        SecretsUnconfirmed: the file refers to secrets of this machine; nothing was read.
        FdlError: a service exists, a secret is missing, or the cluster would refuse one; nothing was created.
        OscarError: the cluster refused all the same.

    """
    if file.elsewhere:
        if not secrets:
            raise unconfirmed(file)
        file = fdl.filled(file)
    there = {str(row.get("name")) for row in await cluster.services.rows()}
    clash = [service.name for service in file.services if service.name in there]
    if clash and not update:
        msg = f'a service named "{clash[0]}" exists on {cluster.profile.name}.'
        raise FdlError(file.path, file.line(clash[0]), msg, fix="Deploy with update=True to replace it, or rename it.")
    new = [service for service in file.services if service.name not in there]
    for refusal in [*shared_inputs(new), *await checks.refusals(cluster, new)]:
        line = file.line(refusal.service)
        problem = f"{'.'.join(map(str, refusal.key))}: {refusal.error.message}"
        raise FdlError(file.path, line, problem, fix=refusal.error.hint) from refusal.error
    return await _carry_out(cluster, file, there, progress)


def unconfirmed(file: Fdl) -> SecretsUnconfirmed:
    """Which secrets of this machine a file wants."""
    wanted = ", ".join(map(str, file.elsewhere))
    msg = f"{file.path} takes secrets from this machine and sends them to the cluster: {wanted}. Nothing was read."
    return SecretsUnconfirmed(msg, hint="If that is right, deploy with secrets=True.")


async def _carry_out(
    cluster: Cluster, file: Fdl, there: set[str], progress: Callable[[Progress], None] | None
) -> Sequence[Service]:
    created: list[str] = []
    done: dict[str, Service] = {}
    made: set[str] = set()
    order = in_order(file.services)
    try:
        for number, service in enumerate(order, 1):
            exists = service.name in there
            if progress:
                verb = "Updating" if exists else "Creating"
                progress(Progress(f"{verb} {service.name} on {cluster.profile.name}", number, len(order)))
            if exists:
                done[service.name] = await cluster.services.update(service)
            else:
                created.append(service.name)
                done[service.name] = await _create(cluster, service, made)
                made.update(service.buckets())
    except BaseException as error:
        await _undo(cluster, created, error)
        raise
    return [done[service.name] for service in file.services]


async def _create(cluster: Cluster, service: Service, made: set[str]) -> Service:
    """Create a service whose outputs may lie in buckets that were ``made`` for others of its file."""
    alone = [place for place in service.output if not _is_in(place, made)]
    if len(alone) == len(service.output):
        return await cluster.services.create(service)
    await cluster.services.create(service.model_copy(update={"output": alone}))
    try:
        return await cluster.services.update(service)
    except UpstreamFailed:
        stored = await cluster.services.get(service.name)
        if len(stored.output) != len(service.output):
            raise
        return stored


def _is_in(place: StorageIO, buckets: set[str]) -> bool:
    return place.is_minio and place.bucket in buckets


def in_order(services: Sequence[Service]) -> list[Service]:
    """Who reads from a bucket before those who write to it; else, and in a circle, as in the file."""
    waiting, order = list(services), []
    while waiting:
        ready = next((one for one in waiting if not _readers(one, waiting)), waiting[0])
        waiting.remove(ready)
        order.append(ready)
    return order


def _readers(writer: Service, others: Sequence[Service]) -> list[Service]:
    written = {place.bucket for place in writer.output if place.is_minio}
    return [
        one for one in others if one is not writer and written & {place.bucket for place in one.input if place.is_minio}
    ]


def shared_inputs(services: Sequence[Service]) -> list[checks.Refusal]:
    """Two services of a file cannot read from one bucket: only the one that is made with it is started by files."""
    first: dict[str, str] = {}
    found = []
    for service in services:
        for number, place in enumerate(service.input):
            owner = first.setdefault(place.bucket, service.name) if place.is_minio else service.name
            if owner != service.name:
                msg = f'Files in "{place.path}" would start only "{owner}", which reads from that bucket too.'
                error = AlreadyExists(msg, hint="Give each its own bucket.")
                found.append(checks.Refusal(service.name, ("input", number, "path"), error))
    return found


async def _undo(cluster: Cluster, created: Sequence[str], failed_with: BaseException) -> None:
    """Remove what a deployment made; a name that turned out to be somebody else's is not ours to remove."""
    if isinstance(failed_with, AlreadyExists):
        created = created[:-1]
    for name in reversed(created):
        try:
            await cluster.services.delete(name)
        except ServiceNotFound:
            pass
        except OscarError as error:
            # Python 3.10 has no add_note.
            notes: list[str] = failed_with.__dict__.setdefault("__notes__", [])
            notes.append(f'"{name}" was left behind: {error}')
