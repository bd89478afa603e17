"""Input and output of a job over S3.

An object is asked for, and a small one is put, with one plain request to the store itself over a connection that
stays open: what most jobs need, at half the price of a client's. Whatever is not granted that way the minio client
does once more, the way every client comes: it waits about two minutes for a store that is being restarted, sends big
files in parts, and knows the store's errors.
"""

from __future__ import annotations

import os
from datetime import datetime, timezone
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, BinaryIO

from .exchange import Exchange
from .signing import signed_url

if TYPE_CHECKING:
    from minio import Minio
    from minio.error import InvalidResponseError, S3Error
    from urllib3.response import BaseHTTPResponse

    from .access import Access

_NO_STORE = "An error occurred ({0}) when calling the {1} operation: {2}"
_RETRIES = 18  # with the back-off below: 0.2 s doubling up to 10 s, about two minutes in all
_MISSING = ("NoSuchKey", "NoSuchBucket", "NotFound")
_PART = 64 * 1024 * 1024
_SMALL, _PIECE = 1 << 20, 1 << 20
_ANSWER_S, _VALID_S = 300, 600


class StorageRefused(Exception):
    """The store's own words, ``said``, and the sentence that boto3 makes of them, which is the message."""

    def __init__(self, code: str, operation: str, said: str) -> None:
        super().__init__(_NO_STORE.format(code, operation, said))
        self.said = said


class Store:
    """``inner`` is where the store itself listens (``Plan``)."""

    def __init__(self, access: Access, inner: str = "") -> None:
        self._access = access
        self._plain = Exchange(access.address, inner, _ANSWER_S)

    def download(self, bucket: str, key: str, path: str) -> None:
        with open(path, "wb") as file:  # noqa: PTH123 - Path would drop the final slash that must fail (wire D030)
            if not self._got(bucket, key, file):
                file.seek(0)
                file.truncate()
                self._fetch(bucket, key, file)

    def upload(self, path: str, bucket: str, key: str) -> None:
        with open(path, "rb") as file:  # noqa: PTH123 - every job comes by here: quick
            size = os.fstat(file.fileno()).st_size
            if size <= _SMALL:
                content = file.read()
                # rclone fails when an object is put twice at the same moment, as the outputs of many short jobs are
                if self.put_once(bucket, key, content) or self.put_once(bucket, key, content):
                    return
                file.seek(0)
            self._send(bucket, key, file, size)

    # with one request

    def put_once(self, bucket: str, key: str, content: bytes) -> bool:
        """Whether the store took it."""
        target = self._target("PUT", bucket, key)
        return target is not None and self._plain.put(target, content)

    def _got(self, bucket: str, key: str, file: BinaryIO) -> bool:
        target = self._target("GET", bucket, key)
        return target is not None and self._plain.get(target, file)

    def _target(self, method: str, bucket: str, key: str) -> str | None:
        """With the permission in it; None for keys of which the client has its own opinion."""
        if not {"", ".", ".."}.isdisjoint(key.split("/")):
            return None
        url = signed_url(self._access, method, f"/{bucket}/{key}", {}, _VALID_S, datetime.now(timezone.utc))
        return url.removeprefix(f"http://{self._access.address}")

    # with all it takes

    @cached_property
    def _client(self) -> Minio:
        import urllib3
        from minio import Minio

        retries = urllib3.Retry(
            total=_RETRIES,
            backoff_factor=0.1,
            backoff_max=10,
            status_forcelist=(500, 502, 503, 504),
            respect_retry_after_header=False,  # MinIO says a minute while it starts, which takes half a second
        )
        return Minio(
            self._access.address,
            access_key=self._access.access_key,
            secret_key=self._access.secret_key,
            secure=False,
            region=self._access.region,
            http_client=urllib3.PoolManager(retries=retries, timeout=urllib3.Timeout(connect=5, read=_ANSWER_S)),
        )

    def _fetch(self, bucket: str, key: str, file: BinaryIO) -> None:
        client = self._client
        from minio.error import InvalidResponseError, S3Error

        try:
            answer: BaseHTTPResponse = client.get_object(bucket, key)
        except (S3Error, InvalidResponseError) as error:
            raise _on_download(error) from error
        try:
            file.writelines(answer.stream(_PIECE))
        finally:
            answer.release_conn()

    def _send(self, bucket: str, key: str, file: BinaryIO, size: int) -> None:
        client = self._client
        from minio.error import S3Error

        try:
            client.put_object(bucket, key, file, size, part_size=_PART)
        except S3Error as error:
            raise StorageRefused(str(error.code), "PutObject", str(error.message)) from error


@lru_cache(maxsize=1)
def store_of(access: Access, inner: str) -> Store:
    """Its connections stay open for the next job of this process."""
    return Store(access, inner)


def _on_download(error: S3Error | InvalidResponseError) -> StorageRefused:
    """boto3 asks HEAD first, and the answer to that has no body."""
    from minio.error import S3Error

    if isinstance(error, S3Error) and error.code not in _MISSING:
        return StorageRefused(str(error.code), "HeadObject", str(error.message))
    return StorageRefused("404", "HeadObject", "Not Found")
