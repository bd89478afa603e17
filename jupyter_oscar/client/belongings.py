"""What goes with a service when it is deleted, and keeping it.

OSCAR deletes a service's input and output buckets with all objects in them (oscar.md §1.2). Nothing takes a bucket out
of a service without taking it from its users too, so what shall stay is copied inside the storage, into a bucket of
its own, before anything is deleted.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, NamedTuple

from .errors import AlreadyExists, InvalidRequest, NotAllowed, OscarError, StorageFailed
from .objects import AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from .cluster import Cluster
    from .service import Service

# Our records of calls are of no use without the service.
OURS: Final = ".oscar/"


class Belonging(NamedTuple):
    """A bucket that is deleted with a service, and what is in it; ``more`` says that counting stopped early.

    ``others`` are services that use it too, as far as the caller sees them.
    """

    bucket: str
    objects: int
    bytes: int
    more: bool = False
    others: tuple[str, ...] = ()


async def belongings(cluster: Cluster, service: Service) -> list[Belonging]:
    """What deleting a service would destroy."""
    buckets = doomed(service)
    others = [other for other in await cluster.services.list() if other.name != service.name] if buckets else []
    users = {bucket: tuple(one.name for one in others if bucket in one.buckets()) for bucket in buckets}
    return [await _count(cluster, bucket, users[bucket]) for bucket in buckets]


def doomed(service: Service) -> list[str]:
    """The buckets that are deleted with a service: its own, those of its single users, not one it mounts."""
    mounted = service.mount.bucket if service.mount.is_minio else ""
    return [bucket for bucket in sorted({*service.buckets(), *service.bucket_list}) if bucket != mounted]


async def _count(cluster: Cluster, bucket: str, others: tuple[str, ...]) -> Belonging:
    try:
        found = await cluster.objects.amount(bucket)
    except OscarError:
        # Somebody else's, or gone: there may be anything in it.
        return Belonging(bucket, 0, 0, more=True, others=others)
    return Belonging(bucket, found.objects, found.bytes, more=found.more, others=others)


async def keep(
    cluster: Cluster, service: Service, into: str, progress: Callable[[int], None] | None = None
) -> list[Belonging]:
    """Copy what is in a service's buckets to ``into/<bucket>/…``, which is made if need be; what was copied.

    Records of calls are left out. ``progress`` is told how many objects are copied so far. A copy that stops half-way
    can be run again.

    Raises:
        InvalidRequest: ``into`` would be deleted too.
        NotAllowed: it is somebody else's.
        StorageFailed: not everything arrived; nothing was deleted.

    """
    buckets = doomed(service)
    if into in buckets:
        msg = f'The bucket "{into}" is deleted with the service.'
        raise InvalidRequest(msg, hint="Name another bucket to keep its objects in.")
    if not buckets:
        return []
    try:
        await cluster.buckets.create(into)
    except AlreadyExists as error:
        if into not in [one.bucket_name for one in await cluster.buckets.list()]:
            msg = f'The bucket "{into}" is somebody else\'s.'
            raise NotAllowed(msg, hint="Name another. Nothing was deleted.") from error
    done = 0

    def one_more() -> None:
        nonlocal done
        done += 1
        if progress:
            progress(done)

    return [await _copy(cluster, bucket, into, one_more) for bucket in buckets]


async def _copy(cluster: Cluster, bucket: str, into: str, each: Callable[[], None]) -> Belonging:
    # A folder's marker says nothing that its objects do not say.
    wanted = {
        row.key: row.size
        async for row in cluster.buckets.objects(bucket, "")
        if not row.key.startswith(OURS) and not row.key.endswith("/")
    }
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(key: str) -> None:
        async with gate:
            await cluster.objects.copy(bucket, key, into, f"{bucket}/{key}", size=wanted[key])
        each()

    await asyncio.gather(*map(one, wanted))
    there = {row.key: row.size async for row in cluster.buckets.objects(into, bucket)}
    missing = [key for key, size in wanted.items() if there.get(f"{bucket}/{key}") != size]
    if missing:
        msg = f'{len(missing)} of {len(wanted)} objects of "{bucket}" did not arrive in "{into}": {missing[0]} …'
        raise StorageFailed(msg, hint="Nothing was deleted. Try again.")
    return Belonging(bucket, len(wanted), sum(wanted.values()))
