"""AWS signature 4 in an address: permission for one object, one verb and some time."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from datetime import datetime

    from .access import Access


def _hmac(key: bytes, message: str) -> bytes:
    return hmac.new(key, message.encode(), hashlib.sha256).digest()


def signed_url(access: Access, method: str, path: str, headers: dict[str, str], seconds: int, now: datetime) -> str:
    """The headers are part of the signature, so whoever uses the address must send them (wire G016)."""
    moment, scope = f"{now:%Y%m%dT%H%M%SZ}", f"{now:%Y%m%d}/{access.region}/s3/aws4_request"
    signed = {name.lower(): value.strip() for name, value in headers.items()} | {"host": access.address}
    names = ";".join(sorted(signed))
    query = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{access.access_key}/{scope}",
        "X-Amz-Date": moment,
        "X-Amz-Expires": str(seconds),
        "X-Amz-SignedHeaders": names,
    }
    asked = "&".join(f"{key}={quote(value, safe='')}" for key, value in query.items())
    path = quote(path, safe="/~")
    lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    canonical = f"{method}\n{path}\n{asked}\n{lines}\n{names}\nUNSIGNED-PAYLOAD"
    to_sign = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{access.secret_key}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    return f"http://{access.address}{path}?{asked}&X-Amz-Signature={_hmac(key, to_sign).hex()}"
