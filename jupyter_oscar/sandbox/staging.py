"""Input and output of a job over S3.

The object store may be restarted while a job runs, so connections are tried again for about two minutes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import urllib3
from minio import Minio

if TYPE_CHECKING:
    from pathlib import Path

    from urllib3.response import BaseHTTPResponse

_RETRIES = 18  # with the back-off below: 0.2 s doubling up to 10 s, about two minutes in all
_PART = 64 * 1024 * 1024


@dataclass(frozen=True)
class Access:
    """Where the object store is and how to enter it; the secret stays out of every printed form."""

    address: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str = "us-east-1"


class Store:
    def __init__(self, access: Access) -> None:
        retries = urllib3.Retry(
            total=_RETRIES, backoff_factor=0.1, backoff_max=10, status_forcelist=(500, 502, 503, 504)
        )
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
            answer: BaseHTTPResponse = self._client.get_object(bucket, key)
            try:
                file.writelines(answer.stream(1 << 20))
            finally:
                answer.release_conn()

    def upload(self, path: Path, bucket: str, key: str) -> None:
        with path.open("rb") as file:
            self._client.put_object(bucket, key, file, path.stat().st_size, part_size=_PART)
