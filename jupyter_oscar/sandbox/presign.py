"""Addresses that carry their own permission for one object, one verb and some time (oscar.md §1.5)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from . import buckets, gojson
from .bodies import document
from .gojson import GoJSONError
from .replies import SANDBOX, as_json, text
from .schema import PRESIGN, read
from .signing import signed_url
from .users import caller, may_see

if TYPE_CHECKING:
    from aiohttp import web

    from .access import Access
    from .sandbox import Sandbox

_DEFAULT_EXPIRY, _LONGEST_EXPIRY = 900, 604_800
_METHODS = {"upload": "PUT", "download": "GET"}


async def presign(request: web.Request) -> web.Response:
    sandbox, name = request.app[SANDBOX], request.match_info["bucket"]
    try:
        wanted = read(gojson.decode(await document(request)), PRESIGN)
    except GoJSONError as error:
        return text(400, f"Invalid presign request: {error}")
    refused, who = await _refuse(sandbox, name, wanted), caller(request)
    if refused is None and not may_see(who, buckets.policy_of(sandbox, name)):  # wire O030
        why = f"User '{who.uid}' is not authorised to generate presigned URLs for bucket '{name}'"
        return text(403, why)
    return refused or as_json(_presigned(sandbox.s3.access, name, wanted))


async def _refuse(sandbox: Sandbox, name: str, wanted: dict[str, Any]) -> web.Response | None:
    """The recorded sentences in their order (wire G018-G021)."""
    missing = ["".join(map(str.title, key.split("_"))) for key in ("object_key", "operation") if not wanted[key]]
    if missing:
        why = "Error:Field validation for '{0}' failed on the 'required' tag"
        rows = [f"Key: 'PresignRequest.{name}' {why.format(name)}" for name in missing]
        return text(400, "Invalid presign request: " + "\n".join(rows))
    if wanted["operation"] not in _METHODS:
        what = f"Unsupported operation '{wanted['operation']}'"
        return text(400, f"{what}. Allowed values are 'upload' or 'download'")
    if wanted["expires_in"] and not 1 <= wanted["expires_in"] <= _LONGEST_EXPIRY:
        return text(400, f"Invalid expiration requested: {wanted['expires_in']}. Allowed range is 1-604800 seconds")
    return None if await buckets.exists(sandbox, name) else text(404, f"Bucket '{name}' not found")


def _presigned(access: Access, name: str, wanted: dict[str, Any]) -> dict[str, Any]:
    now = datetime.now(timezone.utc)
    seconds = wanted["expires_in"] or _DEFAULT_EXPIRY
    method, key = _METHODS[wanted["operation"]], wanted["object_key"]
    headers = dict(wanted["extra_headers"])
    if wanted["content_type"]:
        headers["Content-Type"] = wanted["content_type"]
    body = {
        "object_key": key,
        "operation": wanted["operation"],
        "method": method,
        "url": signed_url(access, method, f"/{name}/{key}", headers, seconds, now),
        "expires_at": f"{now + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}",
    }
    return {**body, "headers": dict(sorted(headers.items()))} if headers else body
