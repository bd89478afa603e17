"""Answers over S3 that no store gave, in the shape that S3's clients read."""

from __future__ import annotations

import secrets
from datetime import datetime, timezone
from email.utils import format_datetime
from html import escape
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

STORAGE_FULL = (507, "XMinioStorageFull", "Storage backend has reached its minimum free drive threshold.")
QUOTA_FULL = (400, "XMinioAdminBucketQuotaExceeded", "Bucket quota exceeded")
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def reply(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
    said = {
        "Date": format_datetime(datetime.now(timezone.utc), usegmt=True),
        "X-Amz-Request-Id": secrets.token_hex(8).upper(),
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": "ETag",
        "Content-Length": str(len(body)),
        **(headers or {}),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{lines}\r\n".encode() + body


def xml(status: int, body: str) -> bytes:
    return reply(status, (_HEAD + body).encode(), {"Content-Type": "application/xml"})


def refusal(status: int, code: str, message: str) -> bytes:
    return xml(status, f"<Error><Code>{code}</Code><Message>{escape(message, quote=False)}</Message></Error>")
