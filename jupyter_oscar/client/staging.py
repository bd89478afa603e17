"""Where a call's input is staged, and the event that submits it by reference (oscar.md §0.3, §4.1)."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote_plus

if TYPE_CHECKING:
    from .records import Call

STAGED: Final = ".oscar/in"
# S3 keys and most file systems end at 255 bytes a name; the id takes up to 61.
STEM: Final = 150


def staged_key(identity: str, name: str, *, tracked: bool) -> str:
    """Tracked: a folder of its own. Others: the id in the name, so that outputs named after it carry it (DESIGN §6)."""
    path = PurePosixPath(name)
    stem, suffix = path.stem.encode()[:STEM].decode("utf-8", "ignore"), path.suffix[:32]
    return f"{STAGED}/{identity}/{stem}{suffix}" if tracked else f"{STAGED}/{stem}.{identity}{suffix}"


def event(call: Call, access_key: str) -> dict[str, Any]:
    """A MinIO event for the staged object (oscar.md §4.1). ASCII without spaces: OSCAR passes it through ``echo``."""
    key = quote_plus(call.key)
    who = {"principalId": access_key}
    return {
        "EventName": "s3:ObjectCreated:Put",
        "Key": f"{call.bucket}/{key}",
        "Records": [
            {
                "eventVersion": "2.0",
                "eventSource": "minio:s3",
                "awsRegion": "",
                "eventTime": call.created.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
                "eventName": "s3:ObjectCreated:Put",
                "userIdentity": who,
                "requestParameters": {**who, "region": "", "sourceIPAddress": "127.0.0.1"},
                "responseElements": {},
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "configurationId": "Config",
                    "bucket": {"name": call.bucket, "ownerIdentity": who, "arn": f"arn:aws:s3:::{call.bucket}"},
                    "object": {
                        "key": key,
                        "size": call.size or 0,
                        "eTag": "",
                        "contentType": "application/octet-stream",
                        "userMetadata": {},
                        "sequencer": "1",
                    },
                },
                "source": {"host": "127.0.0.1", "port": "", "userAgent": "jupyter-oscar"},
            }
        ],
    }
