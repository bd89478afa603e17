"""Input and output of a job over S3.

The object store may be restarted while a job runs, so connections are tried again for about two minutes.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import urllib3
from minio import Minio
from minio.error import InvalidResponseError, S3Error

if TYPE_CHECKING:
    from pathlib import Path

    from urllib3.response import BaseHTTPResponse

    from .access import Access

_NO_STORE = "An error occurred ({0}) when calling the {1} operation: {2}"
_RETRIES = 18  # with the back-off below: 0.2 s doubling up to 10 s, about two minutes in all
_MISSING = ("NoSuchKey", "NoSuchBucket", "NotFound")
_PART = 64 * 1024 * 1024


class StorageRefused(Exception):
    """The store's own words, ``said``, and the sentence that boto3 makes of them, which is the message."""

    def __init__(self, code: str, operation: str, said: str) -> None:
        super().__init__(_NO_STORE.format(code, operation, said))
        self.said = said


class Store:
    def __init__(self, access: Access, tries: int = _RETRIES) -> None:
        retries = urllib3.Retry(total=tries, backoff_factor=0.1, backoff_max=10, status_forcelist=(500, 502, 503, 504))
        self._client = Minio(
            access.address,
            access_key=access.access_key,
            secret_key=access.secret_key,
            secure=False,
            region=access.region,
            http_client=urllib3.PoolManager(retries=retries, timeout=urllib3.Timeout(connect=5, read=300)),
        )

    def download(self, bucket: str, key: str, path: str) -> None:
        with open(path, "wb") as file:  # noqa: PTH123 - Path would drop the final slash that must fail (wire D030)
            try:
                answer: BaseHTTPResponse = self._client.get_object(bucket, key)
            except (S3Error, InvalidResponseError) as error:
                raise _on_download(error) from error
            try:
                file.writelines(answer.stream(1 << 20))
            finally:
                answer.release_conn()

    def upload(self, path: Path, bucket: str, key: str) -> None:
        with path.open("rb") as file:
            try:
                self._client.put_object(bucket, key, file, path.stat().st_size, part_size=_PART)
            except S3Error as error:
                raise StorageRefused(str(error.code), "PutObject", str(error.message)) from error


@lru_cache(maxsize=1)
def store_of(access: Access) -> Store:
    """Its connections stay open for the next job of this process."""
    return Store(access)


def _on_download(error: S3Error | InvalidResponseError) -> StorageRefused:
    """boto3 asks HEAD first, and the answer to that has no body."""
    if isinstance(error, S3Error) and error.code not in _MISSING:
        return StorageRefused(str(error.code), "HeadObject", str(error.message))
    return StorageRefused("404", "HeadObject", "Not Found")
