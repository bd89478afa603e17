"""Bytes to and from the cluster's object storage, by obstore.

Keys and endpoint come from the cluster's configuration at first use. obstore is chosen for bulk bytes: a third of the
CPU and a seventh of the memory of s3fs (DESIGN §4). Pages of folders and presigned URLs are in ``buckets``, the rest
that is done with objects in ``objects``.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from .errors import FileMissing, InvalidRequest, NotAllowed, ObjectNotFound, StorageFailed
from .policy import CONNECT, OBSTORE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from obstore.store import S3Store

    from .cluster import Cluster

# Larger files are sent as they are read, in parts of this size (S3 wants at least 5 MiB).
PART: Final = 8 * 1024 * 1024


@dataclass(frozen=True)
class Object:
    """An object as a listing shows it: size in bytes. ``etag`` where the object itself was asked for."""

    key: str
    size: int
    modified: datetime
    etag: str = ""


@dataclass(frozen=True)
class Sent:
    """What was stored: its size in bytes and SHA-256 digest (hex)."""

    size: int
    sha256: str


class _OddKey(InvalidRequest):
    """A key that obstore does not take, such as one with a line break in it; to read it there is another way."""


class BucketMissing(ObjectNotFound):
    """There is not even a bucket of that name."""


class Store:
    """Objects of one cluster's storage."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._stores: dict[str, S3Store] = {}

    async def aclose(self) -> None:
        """Forget the connections."""
        self._stores.clear()

    async def put(self, bucket: str, key: str, data: bytes | Path) -> Sent:
        """Store bytes or a file under a key. A file larger than 8 MiB is sent in parts as it is read."""
        if isinstance(data, bytes):
            return await self._put_bytes(bucket, key, data)
        try:
            size = (await asyncio.to_thread(data.stat)).st_size
            if size <= PART:
                return await self._put_bytes(bucket, key, await asyncio.to_thread(data.read_bytes))
            return await self._put_file(bucket, key, data, size)
        except OSError as error:
            msg = f"{data} cannot be read: {(error.strerror or str(error)).lower()}."
            raise FileMissing(msg, hint="Check the path.") from error

    async def _put_bytes(self, bucket: str, key: str, data: bytes) -> Sent:
        import obstore

        store = await self.bucket(bucket)
        with _translated(f"Storing {bucket}/{key}"):
            await obstore.put_async(store, key, data, use_multipart=False)
        return Sent(len(data), hashlib.sha256(data).hexdigest())

    async def _put_file(self, bucket: str, key: str, path: Path, size: int) -> Sent:
        import obstore

        store, digest = await self.bucket(bucket), hashlib.sha256()

        async def parts() -> AsyncIterator[bytes]:
            with path.open("rb") as file:
                while chunk := await asyncio.to_thread(file.read, PART):
                    await asyncio.to_thread(digest.update, chunk)
                    yield chunk

        with _translated(f"Storing {bucket}/{key}"):
            await obstore.put_async(store, key, parts(), chunk_size=PART, max_concurrency=4)
        return Sent(size, digest.hexdigest())

    async def copy(self, bucket: str, key: str, to_bucket: str, to_key: str) -> None:
        """Copy an object inside the storage; its bytes do not pass through here.

        Raises:
            ObjectNotFound: there is none under that key.

        """
        if bucket != to_bucket:
            await self._cluster.objects.copy(bucket, key, to_bucket, to_key)
            return
        import obstore

        store = await self.bucket(bucket)
        with _translated(f"Copying {bucket}/{key}"):
            await obstore.copy_async(store, key, to_key)

    async def get(self, bucket: str, key: str) -> bytes:
        """The whole object in memory.

        Raises:
            ObjectNotFound: there is none under that key.

        """
        import obstore

        store = await self.bucket(bucket)
        try:
            with _translated(f"Reading {bucket}/{key}"):
                result = await obstore.get_async(store, key)
                return bytes(await result.bytes_async())
        except _OddKey:
            return b"".join([chunk async for chunk in self._cluster.objects.read(bucket, key)])

    async def chunks(self, bucket: str, key: str) -> AsyncIterator[bytes]:
        """The object piece by piece, about a megabyte each."""
        import obstore

        store = await self.bucket(bucket)
        try:
            with _translated(f"Reading {bucket}/{key}"):
                result = await obstore.get_async(store, key)
                async for chunk in result.stream(min_chunk_size=1024 * 1024):
                    yield bytes(chunk)
        except _OddKey:
            async for chunk in self._cluster.objects.read(bucket, key):
                yield chunk

    async def download(self, bucket: str, key: str, path: Path, progress: Callable[[int], None] | None = None) -> None:
        """Write the object to ``path`` as it comes; nothing half-written ever stands under that name.

        ``progress`` is told the number of bytes of each piece.
        """
        part = path.with_name(f".{path.name}.part")
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        try:
            with part.open("wb") as file:
                async for chunk in self.chunks(bucket, key):
                    await asyncio.to_thread(file.write, chunk)
                    if progress:
                        progress(len(chunk))
            os.replace(part, path)  # noqa: PTH105 - atomic, and says so
        finally:
            part.unlink(missing_ok=True)

    async def list(self, bucket: str, folder: str, *, after: str | None = None) -> AsyncIterator[Object]:
        """The objects below a folder, by key; with ``after``, only those with a greater key. Read as it pages."""
        import obstore

        store = await self.bucket(bucket)
        try:
            with _translated(f"Listing {bucket}/{folder}"):
                async for page in obstore.list(store, prefix=folder, offset=after, chunk_size=1000):
                    for row in page:
                        yield Object(row["path"], row["size"], row["last_modified"])
                        after = row["path"]
        except _OddKey:
            # One odd name among them must not hide the others.
            async for other in self._cluster.buckets.objects(bucket, folder, after=after or ""):
                yield other

    async def delete(self, bucket: str, keys: Sequence[str]) -> None:
        """Remove objects; those that are not there do not matter."""
        import obstore

        store = await self.bucket(bucket)
        for key in keys:
            with _translated(f"Removing {bucket}/{key}"), contextlib.suppress(FileNotFoundError):
                await obstore.delete_async(store, key)

    async def bucket(self, name: str) -> S3Store:
        """The obstore store of one bucket."""
        if name not in self._stores:
            from obstore.store import S3Store

            provider = await self._cluster.storage()
            secure = urlsplit(provider.endpoint).scheme == "https"
            client: dict[str, Any] = {"allow_http": not secure, "connect_timeout": timedelta(seconds=CONNECT)}
            if secure and not provider.verify_tls:
                client["allow_invalid_certificates"] = True
            elif secure and (bundle := self._cluster.profile.ca_bundle):
                # Beside the public ones, as for the cluster itself.
                client["root_certificate"] = await asyncio.to_thread(Path(bundle).read_bytes)
            self._stores[name] = S3Store(
                name,
                endpoint=provider.endpoint,
                region=provider.region or "us-east-1",
                access_key_id=provider.access_key,
                secret_access_key=provider.secret_key.get_secret_value(),
                virtual_hosted_style_request=False,
                client_options=client,  # type: ignore[arg-type]
                retry_config=OBSTORE,  # type: ignore[arg-type]
            )
        return self._stores[name]


@contextlib.contextmanager
def _translated(what: str) -> Iterator[None]:
    """Obstore's exceptions in our words. Its texts carry the request's address, never a key or signature."""
    from obstore import exceptions

    try:
        yield
    except (FileNotFoundError, exceptions.NotFoundError) as error:
        msg = f"{what} failed: {_reason(error)}."
        raise (BucketMissing if "NoSuchBucket" in str(error) else ObjectNotFound)(msg) from error
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError, PermissionError) as error:
        msg = f"{what} failed: the storage does not allow it ({_reason(error)})."
        raise NotAllowed(msg) from error
    except (exceptions.InvalidPathError, ValueError) as error:
        msg = f"{what} failed: {str(error).split('Debug source:')[0].strip()}."
        raise _OddKey(msg, hint="A key has no empty parts and no . or .. between its slashes.") from error
    except exceptions.BaseError as error:
        msg = f"{what} failed: {_reason(error)}."
        if "NoSuchBucket" in str(error):  # a listing's 404 is no NotFoundError
            raise BucketMissing(msg) from error
        answered = "Server returned" in str(error)
        hint = (
            "The storage itself failed: it may be full, or restarting."
            if answered
            else "Is the cluster's storage reachable from here? connect(storage=…) names another address for it."
        )
        raise StorageFailed(msg, hint=hint) from error


def _reason(error: Exception) -> str:
    """The store's own code or message out of obstore's long text."""
    text = str(error).split("Debug source:")[0]
    for tag in ("Message", "Code"):
        _, opened, rest = text.partition(f"<{tag}>")
        if opened:
            return rest.partition(f"</{tag}>")[0].rstrip(".")
    return " ".join(text.split())[:200].rstrip(". ")
