"""A bucket that a service mounts: the caller's own and private, or new; it outlives the service (oscar.md §2.7)."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

from . import buckets
from .specification import INVALID, Refused, provider_of
from .users import may_change

if TYPE_CHECKING:
    from .sandbox import Sandbox
    from .users import Caller

_OPTIONS = re.compile(r"[A-Za-z0-9\-_.:=,/ ]*")


def place(spec: dict[str, Any]) -> tuple[str, str] | None:
    """Bucket and folder; None for a service that mounts nothing of the sandbox's own store."""
    mount = spec["mount"]
    path = mount["path"].strip(" /")
    if not path or provider_of(mount) != ("minio", "default"):
        return None
    bucket, _, folder = path.partition("/")
    return bucket, folder


async def check(sandbox: Sandbox, spec: dict[str, Any], who: Caller) -> None:
    if _OPTIONS.fullmatch(spec["mount"]["options"]) is None:
        raise Refused(500, "mount options contain invalid characters")
    found = place(spec)
    if found is None:
        return
    bucket, folder = found
    if {".", ".."} & set(folder.split("/")):
        raise Refused(400, f"{INVALID}mount path {spec['mount']['path']!r} has a '.' or '..' part")
    if not buckets.is_valid(bucket):
        raise Refused(500, f"error creating bucket {bucket}: {buckets.INVALID_NAME}")
    if why := sandbox.s3.cannot_mount():
        raise Refused(500, f"the bucket {bucket!r} cannot be mounted: {why}")
    if await buckets.exists(sandbox, bucket):
        policy = buckets.policy_of(sandbox, bucket)
        if policy["visibility"] not in ("", "private") or not may_change(who, policy):
            raise Refused(500, f'the bucket "{bucket}" must be private to be used as mount')


async def make(sandbox: Sandbox, spec: dict[str, Any], who: Caller) -> None:
    found = place(spec)
    if found is None:
        return
    bucket, _ = found
    if not await buckets.exists(sandbox, bucket):
        tags = {"owner": "oscar" if who.admin else who.uid, "owner_name": who.plain_name}
        await buckets.make(sandbox, bucket, tags, ("", None) if who.admin else ("private", None))
    await mount_all(sandbox)


async def mount_all(sandbox: Sandbox) -> None:
    """What the services want mounted, and nothing else; a folder of a bucket is there although nothing is in it."""
    if sandbox.s3.cannot_mount():
        return  # the data folder came from another machine
    wanted = {found for spec in sandbox.database.services() if (found := place(spec)) is not None}
    wanted = {found for found in wanted if await buckets.exists(sandbox, found[0])}
    await sandbox.s3.mount({bucket for bucket, _ in wanted})
    for bucket, folder in wanted:
        await asyncio.to_thread((sandbox.s3.place(bucket) / folder).mkdir, parents=True, exist_ok=True)


def keeps(spec: dict[str, Any], bucket: str) -> bool:
    """Whether the bucket stays when the service goes."""
    found = place(spec)
    return found is not None and found[0] == bucket
