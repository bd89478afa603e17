"""Everything out of MinIO into plain folders: from the one that runs, else from one that is started for it."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from .access import Access
from .objectstore import REGION, StoreFailed
from .settings import LOOPBACK, CannotStart, load, lock
from .stores import choose

if TYPE_CHECKING:
    from pathlib import Path

    from minio import Minio

    from .settings import DataFolder


def copy(data: DataFolder, folder: Path, program: str | None) -> int:
    """How many objects. Raises ``CannotStart`` without MinIO's program, and ``OSError``."""
    settings = load(data)
    try:
        held = lock(data)
    except CannotStart:  # a sandbox runs on it, and its MinIO with it
        keys = (settings.access_key, settings.secret_key)
        return _copied(Access(f"{LOOPBACK}:{settings.s3_port}", *keys, REGION), folder)
    try:
        return asyncio.run(_from_one_of_our_own(data, folder, program))
    finally:
        os.close(held)


async def _from_one_of_our_own(data: DataFolder, folder: Path, program: str | None) -> int:
    store = choose(data, load(data), None, program)
    await store.begin({})
    try:
        await store.start()
        return await asyncio.to_thread(_copied, store.access, folder)
    finally:
        await store.stop()


def _copied(access: Access, folder: Path) -> int:
    from minio import Minio
    from minio.error import MinioException
    from urllib3.exceptions import HTTPError

    keys = (access.access_key, access.secret_key)
    client = Minio(access.address, *keys, secure=False, region=access.region)
    try:
        return sum(_bucket(client, bucket.name, folder / bucket.name) for bucket in client.list_buckets())
    except (MinioException, HTTPError) as error:
        raise StoreFailed(f"MinIO did not give its objects: {error}") from error


def _bucket(client: Minio, bucket: str, folder: Path) -> int:
    """MinIO lists no objects under another object's name, so that every key has its place."""
    folder.mkdir(parents=True)
    count = 0
    for found in client.list_objects(bucket, recursive=True):
        key = str(found.object_name)
        if key.endswith("/"):
            (folder / key).mkdir(parents=True, exist_ok=True)
        else:
            client.fget_object(bucket, key, str(folder / key))
            count += 1
    return count
