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
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import urlsplit

from .checksums import Digest, contradicts, is_md5, parts_of
from .errors import FileMissing, ObjectNotFound, OscarError, StorageFailed
from .object_keys import check_key, takes
from .obstore_errors import BucketMissing, OddKey, translated
from .obstore_streams import steps
from .policy import CONNECT, OBSTORE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from obstore.store import S3Store

    from .cluster import Cluster

Progress: TypeAlias = "Callable[[int], None]"

# Larger files are sent as they are read, in parts of this size (S3 wants at least 5 MiB).
PART: Final = 8 * 1024 * 1024
LITTLE: Final = 64 * 1024
# How often a file is begun whose upload the storage forgets.
BEGINNINGS: Final = 3


@dataclass(frozen=True)
class Object:
    """An object as a listing shows it: size in bytes. ``etag`` is empty where nobody told it."""

    key: str
    size: int
    modified: datetime
    etag: str = ""


@dataclass(frozen=True)
class Sent:
    """What was stored: its size in bytes and SHA-256 digest (hex), empty where nobody wanted it."""

    size: int
    sha256: str


class Store:
    """Objects of one cluster's storage."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._stores: dict[str, S3Store] = {}

    async def aclose(self) -> None:
        """Forget the connections."""
        self._stores.clear()

    async def put(
        self, bucket: str, key: str, data: bytes | Path, *, progress: Progress | None = None, sha256: bool = True
    ) -> Sent:
        """Store bytes or a file under a key, and see that they arrived whole.

        A file larger than 8 MiB is sent in parts as it is read, and from its beginning again when the storage forgot
        its first parts, as rclone does when it restarts. ``progress`` is told the number of bytes of each piece, and a
        negative one of those that are to be sent again.
        Without ``sha256`` that digest is not made, which costs more than all the rest.

        Raises:
            FileMissing: the file cannot be read, or changed while it was.
            InvalidRequest: no object can have that key.
            StorageFailed: what is stored is not what was sent.

        """
        check_key(key)
        if isinstance(data, bytes):
            return await self._put_bytes(bucket, key, data, progress, sha256=sha256)
        try:
            size = (await asyncio.to_thread(data.stat)).st_size
            if size <= PART:
                content = await asyncio.to_thread(data.read_bytes)
                return await self._put_bytes(bucket, key, content, progress, sha256=sha256)
            return await self._put_file_again(bucket, key, data, size, progress, sha256=sha256)
        except OSError as error:
            msg = f"{data} cannot be read: {(error.strerror or str(error)).lower()}."
            raise FileMissing(msg, hint="Check the path.") from error

    async def _put_bytes(self, bucket: str, key: str, data: bytes, progress: Progress | None, *, sha256: bool) -> Sent:
        import obstore

        digest = Digest()
        await _off_the_loop(digest.update, data)
        sent = Sent(len(data), hashlib.sha256(data).hexdigest() if sha256 else "")
        if not takes(key):
            await self._cluster.objects.write(bucket, key, data)
        else:
            store = await self.bucket(bucket)
            with translated(f"Storing {bucket}/{key}"):
                said = await obstore.put_async(store, key, data, use_multipart=False)
            await self._check_stored(bucket, key, said, digest)
        if progress:
            progress(len(data))
        return sent

    async def _put_file_again(
        self, bucket: str, key: str, path: Path, size: int, progress: Progress | None, *, sha256: bool
    ) -> Sent:
        for left in reversed(range(BEGINNINGS)):
            sent: list[int] = []

            def told(count: int, sent: list[int] = sent) -> None:
                sent.append(count)
                if progress:
                    progress(count)

            try:
                return await self._put_file(bucket, key, path, size, told, sha256=sha256)
            except BucketMissing:
                raise
            except ObjectNotFound:  # the upload that the parts belong to
                if not left:
                    raise
                told(-sum(sent))
        raise AssertionError  # the last one returns or raises

    async def _put_file(
        self, bucket: str, key: str, path: Path, size: int, progress: Progress, *, sha256: bool
    ) -> Sent:
        import obstore

        whole, digest = hashlib.sha256(), Digest(PART)

        def read(file: IO[bytes]) -> bytes:
            chunk = file.read(PART)
            digest.update(chunk)
            if sha256:
                whole.update(chunk)
            return chunk

        changed = False

        async def parts() -> AsyncIterator[bytes]:
            nonlocal changed
            left = size
            with path.open("rb") as file:
                # One that grows is not followed for ever.
                while left >= 0 and (chunk := await asyncio.to_thread(read, file)):
                    left -= len(chunk)
                    yield chunk
                    progress(len(chunk))
            if left:
                changed = True
                raise EOFError

        try:
            if not takes(key):
                await self._put_odd(bucket, key, parts(), size)
            else:
                store = await self.bucket(bucket)
                async with self._leaving_nothing(bucket, key):
                    with translated(f"Storing {bucket}/{key}"):
                        said = await obstore.put_async(store, key, parts(), chunk_size=PART, max_concurrency=4)
                await self._check_stored(bucket, key, said, digest)
        except (OscarError, EOFError) as error:
            if not changed:
                raise
            msg = f"{path} became longer or shorter while it was sent: nothing was stored."
            raise FileMissing(msg, hint="Send it again when nobody writes to it.") from error
        return Sent(size, whole.hexdigest() if sha256 else "")

    @contextlib.asynccontextmanager
    async def _leaving_nothing(self, bucket: str, key: str) -> AsyncIterator[None]:
        """Free the space of what had arrived if the rest does not: obstore forgets it when it is cancelled."""

        async def unfinished() -> set[str]:
            with contextlib.suppress(OscarError):  # not everybody may ask
                return {one.id async for one in self._cluster.uploads.unfinished(bucket, key) if one.key == key}
            return set()

        before = await unfinished()
        try:
            yield
        except BaseException:
            for upload in await unfinished() - before:
                with contextlib.suppress(OscarError):
                    await self._cluster.objects.abort(bucket, key, upload)
            raise

    async def _put_odd(self, bucket: str, key: str, parts: AsyncIterator[bytes], size: int) -> None:
        """The same for a key that obstore does not take."""
        objects = self._cluster.objects
        upload, number = await objects.begin(bucket, key), 0
        try:
            async for chunk in parts:
                number += 1
                await objects.part(bucket, key, upload, number, chunk)
            await self._cluster.uploads.finish(bucket, key, upload, size)
        except BaseException:
            await objects.abort(bucket, key, upload)
            raise

    async def _check_stored(self, bucket: str, key: str, said: Any, digest: Digest) -> None:
        """Compare with what the storage says that it stored."""
        if not contradicts(said["e_tag"], digest.etag) or await self._encrypted(bucket, key):
            return
        msg = f"{bucket}/{key} did not arrive whole: its checksum differs."
        raise StorageFailed(msg, hint="Send it again.")

    async def _encrypted(self, bucket: str, key: str) -> bool:
        """Whether the storage encrypts the object, so that its ETag says nothing of its bytes."""
        async with self._cluster.s3.client(f"Reading {bucket}/{key}") as s3:
            head = await s3.head_object(Bucket=bucket, Key=key)
        return bool(head.get("ServerSideEncryption") or head.get("SSECustomerAlgorithm"))

    async def copy(self, bucket: str, key: str, to_bucket: str, to_key: str) -> None:
        """Copy an object inside the storage; its bytes do not pass through here.

        Raises:
            ObjectNotFound: there is none under that key.

        """
        check_key(to_key)
        if bucket != to_bucket or not takes(key) or not takes(to_key):
            await self._cluster.objects.copy(bucket, key, to_bucket, to_key)
            return
        import obstore

        store = await self.bucket(bucket)
        with translated(f"Copying {bucket}/{key}"):
            await obstore.copy_async(store, key, to_key)

    async def get(self, bucket: str, key: str) -> bytes:
        """The whole object in memory.

        Raises:
            ObjectNotFound: there is none under that key.

        """
        import obstore

        if not takes(key):
            return b"".join([chunk async for chunk in self._cluster.objects.read(bucket, key)])
        store = await self.bucket(bucket)
        with translated(f"Reading {bucket}/{key}"):
            result = await obstore.get_async(store, key)
            return bytes(await result.bytes_async())

    async def chunks(self, bucket: str, key: str) -> AsyncIterator[bytes]:
        """The object piece by piece, about a megabyte each."""
        async for chunk in (await self._reading(bucket, key)).pieces:
            yield chunk

    async def _reading(self, bucket: str, key: str) -> _Reading:
        """Begin to read an object."""
        import obstore

        if not takes(key):
            return _Reading(None, "", self._cluster.objects.read(bucket, key))
        store, what = await self.bucket(bucket), f"Reading {bucket}/{key}"
        with translated(what):
            result = await obstore.get_async(store, key)

        async def pieces() -> AsyncIterator[bytes]:
            with translated(what):
                async for chunk in steps(result.stream(min_chunk_size=1024 * 1024)):
                    yield bytes(chunk)

        return _Reading(result.meta["size"], result.meta["e_tag"] or "", pieces())

    async def download(self, bucket: str, key: str, path: Path, progress: Progress | None = None) -> None:
        """Write the object to ``path`` as it comes; nothing half-written ever stands under that name.

        ``progress`` is told the number of bytes of each piece.

        Raises:
            StorageFailed: what came is not what is stored, as when the object was replaced meanwhile.

        """
        part = path.with_name(f".{path.name[:200]}.{secrets.token_hex(4)}.part")
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        try:
            reading = await self._reading(bucket, key)
            digest = await self._digest_for(bucket, key, reading)
            with part.open("wb") as file:
                received = await _write(file, reading.pieces, digest, progress)
            if (reading.size is not None and received != reading.size) or (
                digest and contradicts(reading.etag, digest.etag) and not await self._encrypted(bucket, key)
            ):
                msg = f"What came of {bucket}/{key} is not what is stored: it may have been replaced meanwhile."
                raise StorageFailed(msg, hint="Fetch it again.")
            os.replace(part, path)  # noqa: PTH105 - atomic, and says so
        finally:
            part.unlink(missing_ok=True)

    async def _digest_for(self, bucket: str, key: str, reading: _Reading) -> Digest | None:
        """What to compare with the object's ETag; None where it does not say enough."""
        if is_md5(reading.etag):
            return Digest()
        count = parts_of(reading.etag)
        if count is None or reading.size is None:
            return None
        async with self._cluster.s3.client(f"Reading {bucket}/{key}") as s3:
            first, last = [
                (await s3.head_object(Bucket=bucket, Key=key, PartNumber=number))["ContentLength"]
                for number in (1, count)
            ]
        return Digest(first) if (count - 1) * first + last == reading.size and last <= first else None

    async def list(self, bucket: str, folder: str, *, after: str | None = None) -> AsyncIterator[Object]:
        """The objects below a folder, by key; with ``after``, only those with a greater key. Read as it pages."""
        import obstore

        store = await self.bucket(bucket)
        try:
            with translated(f"Listing {bucket}/{folder}"):
                async for page in steps(obstore.list(store, prefix=folder, offset=after, chunk_size=1000)):
                    for row in page:
                        yield Object(row["path"], row["size"], row["last_modified"])
                        after = row["path"]
        except OddKey:
            # One odd name among them must not hide the others.
            async for other in self._cluster.buckets.objects(bucket, folder, after=after or ""):
                yield other

    async def delete(self, bucket: str, keys: Sequence[str]) -> None:
        """Remove objects; those that are not there do not matter."""
        import obstore

        store = await self.bucket(bucket)
        for key in keys:
            if not takes(key):
                await self._cluster.objects.remove(bucket, [key])
                continue
            with translated(f"Removing {bucket}/{key}"), contextlib.suppress(FileNotFoundError):
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


@dataclass(frozen=True)
class _Reading:
    """An object that is being read: its size and ETag where they are known, and its bytes."""

    size: int | None
    etag: str
    pieces: AsyncIterator[bytes]


async def _off_the_loop(work: Callable[[bytes], None], data: bytes) -> None:
    """Long work in a thread, short work at once: a thread costs more than that."""
    if len(data) > LITTLE:
        await asyncio.to_thread(work, data)
    else:
        work(data)


async def _write(
    file: IO[bytes], pieces: AsyncIterator[bytes], digest: Digest | None, progress: Progress | None
) -> int:
    """Write pieces while the next ones come; the number of bytes."""

    def work(piece: bytes) -> None:
        file.write(piece)
        if digest:
            digest.update(piece)

    size, writing = 0, None
    try:
        async for piece in pieces:
            if writing:
                await writing
            writing = asyncio.ensure_future(asyncio.to_thread(work, piece))
            size += len(piece)
            if progress:
                progress(len(piece))
    finally:
        if writing:
            await writing
    return size
