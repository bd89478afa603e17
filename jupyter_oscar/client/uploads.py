"""Uploads in parts that outlive whoever began them: what has arrived, what is finished, what nobody went on with.

They are begun, sent and given up in ``objects``. What has arrived stands in the storage itself, so an upload goes on
after a reload, in another browser or another process; one that nobody finishes keeps its space until it is given up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .checksums import bare, contradicts, of_parts
from .errors import InvalidRequest, ObjectNotFound, StorageFailed
from .transfers import PART

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from .cluster import Cluster

# S3's own bounds: how many parts, and how large an object may be.
MOST_PARTS: Final = 10_000
LARGEST: Final = 5 * 1024**4
MIB: Final = 1024 * 1024
LEAST: Final = 5 * MIB


@dataclass(frozen=True)
class Part:
    """A part that has arrived: its number from 1, size in bytes and ETag (the MD5 of its bytes)."""

    number: int
    size: int
    etag: str


@dataclass(frozen=True)
class Unfinished:
    """An upload that was begun and neither finished nor given up."""

    key: str
    id: str
    begun: datetime


def part_size(size: int, wanted: int = PART) -> int:
    """How large the parts of an object of ``size`` bytes are: 8 MiB or what is wanted, more where that made too many.

    S3 takes none of less than 5 MiB, but for the last.

    Raises:
        InvalidRequest: no object may be so large.

    """
    if size > LARGEST:
        msg = f"An object of {size / 1024**4:.1f} TiB is too large: 5 TiB is the most."
        raise InvalidRequest(msg, hint="Cut the file.")
    needed = -(-size // MOST_PARTS)
    return max(LEAST, min(wanted, PART), -(-needed // MIB) * MIB)


class Uploads:
    """Uploads in parts to one cluster's storage."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def sign(
        self, bucket: str, key: str, upload: str, number: int, *, sha256: str = "", seconds: int = 600
    ) -> str:
        """A URL with which anybody may send that one part until it expires.

        With ``sha256``, in base64, only those bytes: it goes along as the header ``x-amz-checksum-sha256``.
        """
        where: dict[str, Any] = {"Bucket": bucket, "Key": key, "UploadId": upload, "PartNumber": number}
        if sha256:
            where["ChecksumSHA256"] = sha256
        async with self._cluster.s3.client(f"Signing {bucket}/{key}") as s3:
            return str(await s3.generate_presigned_url("upload_part", Params=where, ExpiresIn=seconds))

    async def parts(self, bucket: str, key: str, upload: str) -> list[Part]:
        """The parts that have arrived, by number.

        Raises:
            ObjectNotFound: the upload was finished or given up.

        """
        found: list[Part] = []
        async with self._cluster.s3.client(f"Reading the upload of {bucket}/{key}") as s3:
            async for page in s3.get_paginator("list_parts").paginate(Bucket=bucket, Key=key, UploadId=upload):
                found += [Part(row["PartNumber"], row["Size"], row["ETag"]) for row in page.get("Parts", ())]
        return found

    async def finish(self, bucket: str, key: str, upload: str, size: int) -> str:
        """Make the object of its parts, which must be all of ``size`` bytes; returns its ETag.

        Raises:
            InvalidRequest: a part is missing or too short; the upload can go on.
            StorageFailed: what the storage made of them is not what was sent.

        """
        parts = await self.parts(bucket, key, upload)
        _complete(parts, size, f"{bucket}/{key}")
        if not parts:
            # No store makes an object of no parts.
            await self._cluster.objects.abort(bucket, key, upload)
            return (await self._cluster.objects.write(bucket, key, b"")).etag
        listed, ours = [{"PartNumber": part.number, "ETag": part.etag} for part in parts], _joined(parts)
        before = await self._etag(bucket, key)
        try:
            async with self._cluster.s3.client(f"Finishing {bucket}/{key}") as s3:
                answer = await s3.complete_multipart_upload(
                    Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": listed}
                )
            etag = str(answer.get("ETag", ""))
        except ObjectNotFound:
            # It is asked again where the line breaks: perhaps it was done then, and only the answer is lost.
            etag = await self._etag(bucket, key)
            is_new = etag != before and not contradicts(etag, ours)
            if not ours or not (is_new or bare(etag) == ours):
                raise
        if ours and contradicts(etag, ours):
            msg = f"{bucket}/{key} was not put together as it was sent: its checksum differs."
            raise StorageFailed(msg, hint="Send it again.")
        return etag

    async def unfinished(self, bucket: str, prefix: str = "") -> AsyncIterator[Unfinished]:
        """Uploads that were begun under a prefix and never ended."""
        async with self._cluster.s3.client(f"Listing uploads to {bucket}") as s3:
            # Asked for a prefix, MinIO lists those only whose key it is: so all are asked for.
            async for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
                for row in page.get("Uploads", ()):
                    if row["Key"].startswith(prefix):
                        yield Unfinished(row["Key"], row["UploadId"], row["Initiated"])

    async def _etag(self, bucket: str, key: str) -> str:
        """Of what stands there now; empty where nothing does."""
        try:
            return (await self._cluster.objects.look(bucket, key)).etag
        except ObjectNotFound:
            return ""


def _complete(parts: Sequence[Part], size: int, what: str) -> None:
    have = sum(part.size for part in parts)
    if [part.number for part in parts] != list(range(1, len(parts) + 1)) or have != size:
        msg = f"{what} is not whole yet: {have} of {size} bytes have arrived."
        raise InvalidRequest(msg, hint="Send the missing parts, then finish it.")


def _joined(parts: Sequence[Part]) -> str:
    """The ETag they should have together, where theirs are MD5s."""
    try:
        return of_parts([bytes.fromhex(part.etag.strip('"')) for part in parts])
    except ValueError:
        return ""
