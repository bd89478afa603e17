"""MinIO's message about a new object, which is the event that a job starts with."""

from __future__ import annotations

import contextlib
import hashlib
import json
import mimetypes
import secrets
from datetime import datetime, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

if TYPE_CHECKING:
    from pathlib import Path

    from .store import Write

OF_NOTHING = "d41d8cd98f00b204e9800998ecf8427e"
_HASHED = 8 * 1024 * 1024


def etag_of(write: Write, path: Path) -> str:
    """MD5 as MinIO has it; a big object gets a multipart-like tag instead of being read once more."""
    small = write.size <= _HASHED
    data = repr(write).encode()
    if small:
        with contextlib.suppress(FileNotFoundError):  # deleted or replaced meanwhile
            data = path.read_bytes()
    return hashlib.md5(data, usedforsecurity=False).hexdigest() + ("" if small else "-1")


def minio_event(
    write: Write, *, access_key: str, endpoint: str, etag: str, content: str | None = None
) -> dict[str, Any]:
    """MinIO's event, field by field in its order (wire D-minio-event.json; a folder marker has a version, D030)."""
    when = datetime.fromtimestamp(write.mtime_ns / 1e9, timezone.utc)
    content = content or mimetypes.guess_type(write.key)[0] or "application/octet-stream"
    record = {
        "eventVersion": "2.0",
        "eventSource": "minio:s3",
        "awsRegion": "",
        "eventTime": f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}Z",
        "eventName": "s3:ObjectCreated:Put",
        "userIdentity": {"principalId": access_key},
        "requestParameters": {"principalId": access_key, "region": "", "sourceIPAddress": "127.0.0.1"},
        "responseElements": {
            "x-amz-id-2": secrets.token_hex(32),
            "x-amz-request-id": secrets.token_hex(8).upper(),
            "x-minio-deployment-id": "00000000-0000-0000-0000-000000000000",
            "x-minio-origin-endpoint": endpoint,
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "Config",
            "bucket": {
                "name": write.bucket,
                "ownerIdentity": {"principalId": access_key},
                "arn": f"arn:aws:s3:::{write.bucket}",
            },
            "object": {
                "key": quote_plus(write.key),
                **({"size": write.size} if write.size else {}),
                "eTag": etag,
                "contentType": content,
                "userMetadata": {"content-type": content},
                **({"versionId": "null"} if write.key.endswith("/") else {}),
                "sequencer": f"{write.ctime_ns:X}",
            },
        },
        "source": {"host": "127.0.0.1", "port": "", "userAgent": "rclone serve s3"},
    }
    return {"EventName": "s3:ObjectCreated:Put", "Key": f"{write.bucket}/{write.key}", "Records": [record]}


@lru_cache(maxsize=1)  # each call is asked twice: for the log, and for whose job it is
def uploader(event: bytes) -> tuple[str, str] | None:
    """Address and access key of whoever uploaded; blank where the event does not say; None when it is no event."""
    try:
        record = json.loads(event)["Records"][0] if b'"Records"' in event else None
    except (ValueError, LookupError, TypeError):
        record = None
    if record is None:
        return None
    found = record.get("requestParameters") if isinstance(record, dict) else None
    found = found if isinstance(found, dict) else {}
    return str(found.get("sourceIPAddress", "")), str(found.get("principalId", ""))
