"""Single objects and folders of them: look, read, write in parts, copy, move, remove.

A folder is whatever keys have in common up to a slash; an empty one is a marker, an empty object whose key ends in a
slash. S3 knows neither renaming nor folders: both are done object by object, and undone where that fails.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from .checksums import contradicts, digest, header
from .errors import AlreadyExists, InvalidRequest, ObjectNotFound, OscarError, StorageFailed
from .object_keys import check_key
from .reading import steady
from .transfers import PART, Object

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Sequence

    from .cluster import Cluster

#: Bytes that one request copies at most (S3).
COPIED_AT_ONCE: Final = 5 * 1024**3
COPIED_PART: Final = 1024**3
#: Copies of a folder's objects under way, and objects that one request removes.
AT_ONCE: Final = 8
REMOVED_AT_ONCE: Final = 1000


@dataclass
class Amount:
    """How much is in a folder, in objects and bytes; ``more`` says that counting stopped early."""

    objects: int = 0
    bytes: int = 0
    more: bool = False


@dataclass(frozen=True)
class Reading:
    """An object being read: what it is, the bytes that come (first, last; of ``object.size``), and these bytes."""

    object: Object
    first: int
    last: int
    chunks: AsyncIterator[bytes]


class Objects:
    """Objects of one cluster's storage."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def look(self, bucket: str, key: str) -> Object:
        """Size, time and ETag of an object.

        Raises:
            ObjectNotFound: there is none under that key.

        """
        from botocore.exceptions import ClientError

        async with self._cluster.s3.client(f"Looking at {bucket}/{key}") as s3:
            try:
                return _object(key, await s3.head_object(Bucket=bucket, Key=key))
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") != "404":
                    raise
                # A HEAD has no words of its own.
                msg = f"There is no object {bucket}/{key}."
                raise ObjectNotFound(msg) from error

    @contextlib.asynccontextmanager
    async def open(
        self, bucket: str, key: str, *, wanted: str | None = None, etag: str | None = None
    ) -> AsyncIterator[Reading]:
        """An object for reading, the part of it that ``wanted`` says as an HTTP range (``bytes=0-99``).

        It is one version of the object, whoever writes meanwhile: what breaks off is gone on with, if that is still
        the same. With ``etag``, and when that is no longer the object's, the whole is read instead of the part.

        Raises:
            ObjectNotFound: there is none under that key.
            StorageFailed: it broke off for good, or was replaced meanwhile; raised by ``chunks``.

        """
        place = {"Bucket": bucket, "Key": key}
        async with self._cluster.s3.client(f"Reading {bucket}/{key}") as s3:
            answer = await s3.get_object(**place, **({"Range": wanted} if wanted else {}))
            if wanted and etag and answer["ETag"].strip('"') != etag:
                answer["Body"].close()
                answer = await s3.get_object(**place)
            size, first, last = answer["ContentLength"], 0, answer["ContentLength"] - 1
            if answer.get("ContentRange"):
                span, _, whole = answer["ContentRange"].removeprefix("bytes ").partition("/")
                (first, last), size = map(int, span.split("-")), int(whole)
            found = Object(key, size, answer["LastModified"], answer["ETag"].strip('"'))
            async with contextlib.aclosing(steady(s3, place, answer, first, last)) as chunks:
                yield Reading(found, first, last, chunks)

    async def read(self, bucket: str, key: str) -> AsyncIterator[bytes]:
        """An object piece by piece, whatever it is called; see :meth:`Store.chunks`."""
        async with self.open(bucket, key) as reading:
            async for chunk in reading.chunks:
                yield chunk

    async def write(self, bucket: str, key: str, data: bytes) -> Object:
        """Store an object in one request."""
        check_key(key)
        whole = await asyncio.to_thread(digest, data)
        async with self._cluster.s3.client(f"Storing {bucket}/{key}") as s3:
            await s3.put_object(Bucket=bucket, Key=key, Body=data, ContentMD5=header(whole))
        return await self.look(bucket, key)

    async def make_folder(self, bucket: str, folder: str) -> None:
        """Make an empty folder: its marker."""
        check_key(folder)
        async with self._cluster.s3.client(f"Making the folder {bucket}/{folder}") as s3:
            await s3.put_object(Bucket=bucket, Key=f"{folder.rstrip('/')}/", Body=b"")

    def writing(self, bucket: str, key: str) -> Writing:
        """An object that is written as its bytes come."""
        check_key(key)
        return Writing(self, bucket, key)

    # Parts of an object that is not there until they are completed.

    async def begin(self, bucket: str, key: str) -> str:
        """Begin an object in parts; the id of its upload. Each part but the last has at least 5 MiB."""
        check_key(key)
        async with self._cluster.s3.client(f"Storing {bucket}/{key}") as s3:
            answer = await s3.create_multipart_upload(Bucket=bucket, Key=key)
        return str(answer["UploadId"])

    async def part(self, bucket: str, key: str, upload: str, number: int, data: bytes | bytearray) -> str:
        """Store a part, counted from 1; its ETag. Sending it again replaces it.

        Raises:
            ObjectNotFound: the upload was finished or given up.
            StorageFailed: it did not arrive whole.

        """
        whole = await asyncio.to_thread(digest, data)
        where: dict[str, Any] = {"Bucket": bucket, "Key": key, "UploadId": upload, "PartNumber": number}
        async with self._cluster.s3.client(f"Storing part {number} of {bucket}/{key}") as s3:
            answer = await s3.upload_part(**where, Body=data, ContentMD5=header(whole))
        etag = str(answer["ETag"]).strip('"')
        if contradicts(etag, whole.hex()):
            msg = f"Part {number} of {bucket}/{key} did not arrive whole: its checksum differs."
            raise StorageFailed(msg, hint="Send it again.")
        return etag

    async def complete(self, bucket: str, key: str, upload: str, etags: Sequence[str]) -> Object:
        """Make the object of its parts."""
        parts = [{"PartNumber": number, "ETag": f'"{etag}"'} for number, etag in enumerate(etags, 1)]
        async with self._cluster.s3.client(f"Storing {bucket}/{key}") as s3:
            await s3.complete_multipart_upload(
                Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}
            )
        return await self.look(bucket, key)

    async def abort(self, bucket: str, key: str, upload: str) -> None:
        """Forget the parts; what is not there does not matter."""
        with contextlib.suppress(ObjectNotFound):
            async with self._cluster.s3.client(f"Giving up {bucket}/{key}") as s3:
                await s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)

    # Copies stay inside the storage: no byte passes through here.

    async def copy(self, bucket: str, key: str, to_bucket: str, to_key: str, *, size: int | None = None) -> None:
        """Copy an object; over 5 GiB in parts.

        Raises:
            ObjectNotFound: there is none under that key.

        """
        check_key(to_key)
        size = (await self.look(bucket, key)).size if size is None else size
        source = {"Bucket": bucket, "Key": key}
        async with self._cluster.s3.client(f"Copying {bucket}/{key}") as s3:
            if size <= COPIED_AT_ONCE:
                await s3.copy_object(Bucket=to_bucket, Key=to_key, CopySource=source)
                return
            upload = await self.begin(to_bucket, to_key)
            try:
                etags = []
                for number, start in enumerate(range(0, size, COPIED_PART), 1):
                    part = await s3.upload_part_copy(
                        Bucket=to_bucket, Key=to_key, UploadId=upload, PartNumber=number, CopySource=source,
                        CopySourceRange=f"bytes={start}-{min(start + COPIED_PART, size) - 1}",
                    )  # fmt: skip
                    etags.append(part["CopyPartResult"]["ETag"].strip('"'))
                await self.complete(to_bucket, to_key, upload, etags)
            except BaseException:
                await self.abort(to_bucket, to_key, upload)
                raise

    async def copy_folder(
        self,
        bucket: str,
        folder: str,
        to_bucket: str,
        to_folder: str,
        *,
        move: bool = False,
        told: Callable[[int], object] = lambda _: None,
    ) -> int:
        """Copy all that lies in a folder (``a/b/``), and remove it there when it is to be moved; how many objects.

        ``told`` hears how many are copied. What was copied is removed again when one of them fails: there is the old
        folder or the new one, and nothing is removed before everything is copied.

        Raises:
            AlreadyExists: there is something in the new folder.

        """
        check_key(to_folder)
        if bucket == to_bucket and to_folder.startswith(folder):
            msg = f"{bucket}/{folder} cannot be copied into itself."
            raise InvalidRequest(msg, hint="Choose a place outside it.")
        there = await self._cluster.buckets.page(to_bucket, to_folder, size=1)
        if there.folders or there.objects:
            msg = f"There is something in {to_bucket}/{to_folder} already."
            raise AlreadyExists(msg, hint="Choose another name.")
        copied: list[str] = []
        done: list[str] = []
        try:
            async for keys in self._in_groups(bucket, folder, AT_ONCE):
                copied += [to_folder + one.key[len(folder) :] for one in keys]
                copies = [
                    self.copy(bucket, one.key, to_bucket, to_folder + one.key[len(folder) :], size=one.size)
                    for one in keys
                ]
                await _all(copies)
                done += [one.key for one in keys]
                told(len(done))
        except BaseException:
            await self.remove(to_bucket, copied)
            raise
        if not done:
            msg = f"There is nothing in {bucket}/{folder}."
            raise ObjectNotFound(msg)
        if move:
            await self.remove(bucket, done)
        return len(done)

    async def move(self, bucket: str, key: str, to_bucket: str, to_key: str) -> None:
        """Copy an object, then remove it where it was: S3 cannot rename.

        Raises:
            AlreadyExists: there is one under the new key.

        """
        await self.refuse_existing(to_bucket, to_key)
        await self.copy(bucket, key, to_bucket, to_key)
        await self.remove(bucket, [key])

    async def refuse_existing(self, bucket: str, key: str) -> None:
        """Raise AlreadyExists if there is an object under that key."""
        with contextlib.suppress(ObjectNotFound):
            await self.look(bucket, key)
            msg = f"{bucket}/{key} exists already."
            raise AlreadyExists(msg, hint="Choose another name.")

    async def remove(self, bucket: str, keys: Sequence[str]) -> None:
        """Remove objects; those that are not there do not matter.

        Raises:
            OscarError: some could not be removed; the message says the first.

        """
        for at in range(0, len(keys), REMOVED_AT_ONCE):
            some = [{"Key": key} for key in keys[at : at + REMOVED_AT_ONCE]]
            what = f"Removing {bucket}/{some[0]['Key']}"
            async with self._cluster.s3.client(what) as s3:
                answer = await s3.delete_objects(Bucket=bucket, Delete={"Objects": some, "Quiet": True})
            if refused := answer.get("Errors"):
                from .s3 import translated

                raise translated(f"Removing {bucket}/{refused[0].get('Key', '')}", refused[0])

    async def remove_folder(self, bucket: str, folder: str, told: Callable[[int], object] = lambda _: None) -> int:
        """Remove all that lies in a folder (``a/b/``), its marker too; how many objects."""
        count = 0
        async for objects in self._in_groups(bucket, folder, REMOVED_AT_ONCE):
            await self.remove(bucket, [one.key for one in objects])
            count += len(objects)
            told(count)
        return count

    async def amount(self, bucket: str, folder: str = "", *, most: int = 5000) -> Amount:
        """How much lies in a folder, counted up to ``most`` objects; empty markers of folders are none."""
        found, token = Amount(), None
        while True:
            page = await self._cluster.buckets.page(bucket, folder, token=token, size=1000, folder=False)
            sizes = [one.size for one in page.objects if one.size or not one.key.endswith("/")]
            found.objects += len(sizes)
            found.bytes += sum(sizes)
            token = page.next
            if token is None or found.objects >= most:
                found.more = token is not None
                return found

    async def _in_groups(self, bucket: str, folder: str, size: int) -> AsyncIterator[list[Object]]:
        """All that lies in a folder. The next page is asked for by the last key: what was removed shifts nothing."""
        after = ""
        while True:
            async with self._cluster.s3.client(f"Listing {bucket}/{folder}") as s3:
                answer = await s3.list_objects_v2(Bucket=bucket, Prefix=folder, StartAfter=after)
            rows = [Object(row["Key"], row["Size"], row["LastModified"]) for row in answer.get("Contents", ())]
            for at in range(0, len(rows), size):
                yield rows[at : at + size]
            if not answer.get("IsTruncated") or not rows:
                return
            after = rows[-1].key


@dataclass
class Writing:
    """An object that is written as its bytes come, in parts of 8 MiB; at most two of them are in memory.

    Nothing is seen under the key before :meth:`finish`. After :meth:`give_up`, or when a part fails, nothing is left.
    """

    objects: Objects
    bucket: str
    key: str
    size: int = 0
    _held: bytearray = field(default_factory=bytearray)
    _upload: str | None = None
    _etags: list[str] = field(default_factory=list)

    async def write(self, data: bytes) -> None:
        """The next bytes; returns when there is room for more."""
        self._held += data
        self.size += len(data)
        while len(self._held) >= PART:
            await self._send(bytes(self._held[:PART]))
            del self._held[:PART]

    async def finish(self) -> Object:
        """All has been written: the object."""
        if self._upload is None:
            return await self.objects.write(self.bucket, self.key, bytes(self._held))
        try:
            if self._held:
                await self._send(bytes(self._held))
            return await self.objects.complete(self.bucket, self.key, self._upload, self._etags)
        except OscarError:
            await self.give_up()
            raise

    async def give_up(self) -> None:
        """Leave nothing behind."""
        self._held.clear()
        if self._upload is not None:
            upload, self._upload = self._upload, None
            await self.objects.abort(self.bucket, self.key, upload)

    async def _send(self, data: bytes) -> None:
        if self._upload is None:
            self._upload = await self.objects.begin(self.bucket, self.key)
        try:
            etag = await self.objects.part(self.bucket, self.key, self._upload, len(self._etags) + 1, data)
        except OscarError:
            await self.give_up()
            raise
        self._etags.append(etag)


async def _all(work: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Do all of it; when some fails the rest ends first: nothing goes on behind the back of who cleans up."""
    for failed in await asyncio.gather(*work, return_exceptions=True):
        if failed is not None:
            raise failed


def _object(key: str, answer: dict[str, Any]) -> Object:
    return Object(key, answer["ContentLength"], answer["LastModified"], str(answer.get("ETag", "")).strip('"'))
