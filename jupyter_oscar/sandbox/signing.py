"""AWS signature 4: written into an address, as permission for one object, one verb and some time, and checked."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .access import Access

_ALGORITHM = "AWS4-HMAC-SHA256"
_PARTS_OF_RESOURCE = {  # of those that the sandbox's store knows
    "acl", "cors", "delete", "location", "partNumber", "policy", "uploadId", "uploads", "versionId", "versioning",
    "response-cache-control", "response-content-disposition", "response-content-encoding",
    "response-content-language", "response-content-type", "response-expires",
}  # fmt: skip


_quoted = lru_cache(maxsize=64)(quote)  # of what stands in one address after the other


def _hmac(key: bytes, message: str) -> bytes:
    return hmac.digest(key, message.encode(), "sha256")


@lru_cache(maxsize=4)
def _key(secret: str, scope: str) -> bytes:
    """What a day's signatures are made with."""
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    return key


def signed_url(
    access: Access,
    method: str,
    path: str,
    headers: dict[str, str],
    seconds: int,
    now: datetime,
    more: Mapping[str, str] | None = None,
) -> str:
    """The headers are part of the signature, so whoever uses the address must send them (wire G016).

    ``more`` goes into the query beside what the signature needs.
    """
    moment, scope = f"{now:%Y%m%dT%H%M%SZ}", f"{now:%Y%m%d}/{access.region}/s3/aws4_request"
    signed = {name.lower(): value.strip() for name, value in headers.items()} | {"host": access.address}
    names = ";".join(sorted(signed))
    query = {
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{access.access_key}/{scope}",
        "X-Amz-Date": moment,
        "X-Amz-Expires": str(seconds),
        "X-Amz-SignedHeaders": names,
        **(more or {}),
    }
    asked = "&".join(f"{_quoted(key, '~')}={_quoted(query[key], '~')}" for key in sorted(query))
    path = quote(path, safe="/~")
    lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    canonical = f"{method}\n{path}\n{asked}\n{lines}\n{names}\nUNSIGNED-PAYLOAD"
    signature = _signature(access.secret_key, scope, moment, canonical)
    return f"http://{access.address}{path}?{asked}&X-Amz-Signature={signature}"


def _signature(secret: str, scope: str, moment: str, canonical: str) -> str:
    to_sign = f"{_ALGORITHM}\n{moment}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return _hmac(_key(secret, scope), to_sign).hex()


def is_signed(method: str, target: str, headers: Mapping[str, str], secrets: Mapping[str, str], now: datetime) -> bool:
    """Whether one of the keys has signed the request, in a header or in its address; headers by lower-case names."""
    path, _, asked = target.partition("?")
    pairs = [(unquote(name), unquote(value)) for name, _, value in (p.partition("=") for p in asked.split("&") if p)]
    said, ends = dict(pairs), timedelta(minutes=15)
    if said.get("X-Amz-Algorithm") == _ALGORITHM:
        names = ("X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Date")
        credential, signed, given, moment = (said.get(name, "") for name in names)
        pairs = [pair for pair in pairs if pair[0] != "X-Amz-Signature"]
        payload = headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
        ends = timedelta(seconds=int(lasts) if (lasts := said.get("X-Amz-Expires", "")).isdecimal() else 0)
    else:
        algorithm, _, rest = headers.get("authorization", "").partition(" ")
        parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
        credential, signed, given = (parts.get(name, "") for name in ("Credential", "SignedHeaders", "Signature"))
        moment, payload = headers.get("x-amz-date", ""), headers.get("x-amz-content-sha256", "")
        if algorithm != _ALGORITHM:
            return False
    key, _, scope = credential.partition("/")
    try:
        age = now - datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        return False
    if key not in secrets or "host" not in signed.split(";") or not -timedelta(minutes=15) <= age <= ends:
        return False
    query = "&".join(sorted(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in pairs))
    lines = "".join(f"{name}:{' '.join(headers.get(name, '').split())}\n" for name in signed.split(";"))
    canonical = f"{method}\n{quote(unquote(path), safe='/~')}\n{query}\n{lines}\n{signed}\n{payload}"
    return hmac.compare_digest(_signature(secrets[key], scope, moment, canonical).encode(), given.encode())


def is_signed_as_before(method: str, target: str, headers: Mapping[str, str], secret: str) -> bool:
    """Whether the address carries a right signature 2: HMAC-SHA1 over less, which boto3 still writes by default."""
    path, _, asked = target.partition("?")
    said = {unquote(name): unquote(value) for name, _, value in (p.partition("=") for p in asked.split("&") if p)}
    amz = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers) if name.startswith("x-amz-"))
    parts = [f"{name}={said[name]}" if said[name] else name for name in sorted(said) if name in _PARTS_OF_RESOURCE]
    resource = path + ("?" + "&".join(parts) if parts else "")
    told = (method, headers.get("content-md5", ""), headers.get("content-type", ""), said.get("Expires", ""))
    digest = hmac.new(secret.encode(), ("\n".join(told) + f"\n{amz}{resource}").encode(), hashlib.sha1).digest()
    return hmac.compare_digest(base64.b64encode(digest), said.get("Signature", "").encode())
