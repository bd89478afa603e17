"""Buckets over HTTP, and as folders under the object store (oscar.md §1.5)."""

from __future__ import annotations

import base64
import re
import secrets
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from . import gojson, quantities
from .bodies import document
from .gojson import GoJSONError
from .limits import most_buckets
from .replies import SANDBOX, as_json, empty, text
from .schema import BUCKET, read
from .specification import places
from .users import caller, may_change, may_see

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp import web

    from .objectstore import Found
    from .sandbox import Sandbox
    from .users import Caller

PAGE = 70
_VISIBILITIES = ("private", "restricted", "public")
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def _request_id() -> str:
    return f"request id: {secrets.token_hex(8).upper()}, host id: {secrets.token_hex(32)}"


INVALID_NAME = f"InvalidBucketName: The specified bucket is not valid.\n\tstatus code: 400, {_request_id()}"


def is_valid(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and ".." not in name


async def exists(sandbox: Sandbox, name: str) -> bool:
    """Also a bucket that a client made over S3."""
    return is_valid(name) and await sandbox.s3.has(name)


async def make(
    sandbox: Sandbox,
    name: str,
    tags: dict[str, str],
    policy: tuple[str, list[str] | None] = ("", None),
    folders: Iterable[str] = (),
) -> None:
    """``policy``: visibility and allowed users; without a visibility only the admin may use it."""
    sandbox.database.put_bucket(name, tags, *policy)
    try:
        await sandbox.s3.make(name, folders, tags)
        await sandbox.grant()
    except OSError:  # a full disk: nothing half-made stays
        await remove(sandbox, name)
        raise


async def remove(sandbox: Sandbox, name: str) -> None:
    sandbox.database.drop_bucket(name)
    await sandbox.s3.remove(name)
    if sandbox.markers is not None:
        sandbox.markers.drop(name)
    await sandbox.grant()


async def _all(sandbox: Sandbox) -> dict[str, dict[str, str]]:
    tags = sandbox.database.buckets()
    return {name: tags.get(name, {}) for name in await sandbox.s3.buckets() if is_valid(name)}


def owned_by(sandbox: Sandbox, uid: str) -> list[str]:
    return [name for name, tags in sandbox.database.buckets().items() if tags.get("owner") == uid]


def over_quota(sandbox: Sandbox, who: Caller, more: int) -> str | None:
    """OSCAR's sentence when so many more are too many (oscar.md §1.2)."""
    most = 0 if who.admin else most_buckets(sandbox, who.uid)
    count = len(owned_by(sandbox, who.uid)) if most else 0
    if count + more <= most or not most:
        return None
    what = f"limit {most}, current {count}, requested new buckets {more}"
    return f"MinIO bucket quota exceeded for user {who.uid}: {what}"


def policy_of(sandbox: Sandbox, name: str) -> dict[str, Any]:
    """Whose it is, and who may see it."""
    visibility, allowed = sandbox.database.policy(name)
    owner = sandbox.database.buckets().get(name, {}).get("owner", "")
    return {"owner": owner, "visibility": visibility, "allowed_users": allowed}


def _bucket(sandbox: Sandbox, name: str, owner: str, tags: dict[str, str]) -> dict[str, Any]:
    """Buckets of the admin have no visibility (wire C024, G008)."""
    visibility, allowed = sandbox.database.policy(name)
    return {
        "bucket_name": name,
        "visibility": visibility,
        "allowed_users": allowed,
        "owner": owner,
        "metadata": dict(sorted(tags.items())),
    }


_LAGGING = {
    "storage_quota": {"source": "unset"},
    "storage_usage": {"used": "0", "used_bytes": 0},
    "attribution": "partial",
}


async def _usage(sandbox: Sandbox, name: str) -> dict[str, Any]:
    """What MinIO counted some time ago, which is nothing yet; counted now by a friendly sandbox."""
    if not sandbox.options.friendly:
        return _LAGGING
    size, count = await sandbox.usage.of(name)
    usage = {"used": quantities.rounded(size), "used_bytes": size, "objects": count}
    return {**_LAGGING, "storage_usage": usage, "attribution": "complete"}


async def list_buckets(request: web.Request) -> web.Response:
    """``null`` when the admin has none; the tag ``owner`` is left out of the list (wire A021, G008, O008)."""
    sandbox, who = request.app[SANDBOX], caller(request)
    rows = []
    for name, tags in (await _all(sandbox)).items():
        if not may_see(who, policy_of(sandbox, name)):
            continue
        shown = {key: value for key, value in tags.items() if key != "owner"}
        rows.append({**_bucket(sandbox, name, tags.get("owner", ""), shown), **await _usage(sandbox, name)})
    return as_json(rows or (None if who.admin and not sandbox.options.friendly else []))


async def create_bucket(request: web.Request) -> web.Response:
    sandbox = request.app[SANDBOX]
    try:
        wanted = read(gojson.decode(await document(request)), BUCKET)
    except GoJSONError as error:
        return text(400, f"The Bucket specification is not valid: {error}")
    name, _, folder = wanted["bucket_name"].partition("/")
    what = f"Error creating bucket with name '{name}': "
    if not name:
        why = "error creating bucket : InvalidParameter: 1 validation error(s) found."
        return text(400, f"{what}{why}\n- minimum field size of 1, CreateBucketInput.Bucket.\n")
    if not is_valid(name):
        return text(400, f"{what}error creating bucket {name}: {INVALID_NAME}")
    if await exists(sandbox, name):
        return text(400, f'{what}the bucket "{name}" already exists\n')
    who = caller(request)
    if (refusal := over_quota(sandbox, who, 1)) is not None:
        return text(403, refusal)
    policy: tuple[str, list[str] | None] = ("", None)
    tags = {"owner": "oscar", "owner_name": "oscar"}
    if not who.admin:
        policy = (wanted["visibility"] or "private", wanted["allowed_users"] or None)
        tags = {"owner": who.uid, "owner_name": who.plain_name}
    folders = [folder.strip("/")] if folder and ".." not in folder.split("/") else []
    async with sandbox.changes:
        await make(sandbox, name, tags, policy, folders)
    await sandbox.s3.refresh()
    return empty(201)


async def update_bucket(request: web.Request) -> web.Response:
    """204 whether or not anything could change: an admin's bucket has no policy (wire G013, G014)."""
    try:
        wanted = read(gojson.decode(await document(request)), BUCKET)
    except GoJSONError as error:
        return text(400, f"The Bucket specification is not valid: {error}")
    sandbox, name, who = request.app[SANDBOX], wanted["bucket_name"], caller(request)
    if not await exists(sandbox, name):
        return text(404 if sandbox.options.friendly else 500, "Missing bucket metadata: \n")
    tags = sandbox.database.buckets().get(name, {})
    refusal = _refusal(who, tags, wanted["visibility"])
    if refusal is None:
        sandbox.database.put_bucket(name, tags, wanted["visibility"], wanted["allowed_users"] or None)
        await sandbox.grant()
    elif sandbox.options.friendly:
        return refusal
    return empty(204)


def _refusal(who: Caller, tags: dict[str, str], visibility: str) -> web.Response | None:
    """Why nothing was changed, which only a friendly sandbox says."""
    if who.admin or tags.get("owner") != who.uid:
        return text(403, f"User '{who.uid}' is not authorised: only its owner shares a bucket")
    if "from_service" in tags:
        return text(403, f"The bucket is shared as its service is: change the service '{tags['from_service']}'")
    if visibility not in _VISIBILITIES:
        return text(400, f"Unknown visibility '{visibility}': it is one of {', '.join(_VISIBILITIES)}")
    return None


async def delete_bucket(request: web.Request) -> web.Response:
    sandbox, name = request.app[SANDBOX], request.match_info["bucket"]
    if not await exists(sandbox, name):
        return text(404, f"The bucket '{name}' does not exist")
    who = caller(request)
    if not may_change(who, policy_of(sandbox, name)):
        return text(403, f"User '{who.uid}' is not authorised")
    async with sandbox.changes:
        await remove(sandbox, name)
    await sandbox.s3.refresh()
    return empty(204)


# what is in it


def _shown(found: Found) -> dict[str, Any]:
    """Times are Go's text with at most milliseconds (wire G010)."""
    when = datetime.fromtimestamp(found.mtime_ns / 1e9, timezone.utc)
    fraction = f".{when.microsecond // 1000:03d}".rstrip("0").rstrip(".")
    return {
        "object_name": found.key,
        "size_bytes": found.size,
        "last_modified": f"{when:%Y-%m-%d %H:%M:%S}{fraction} +0000 UTC",
    }


def _no_bucket(name: str) -> web.Response:
    why = "NoSuchBucket: The specified bucket does not exist"
    return text(500, f"Error listing objects in bucket '{name}': {why}\n\tstatus code: 404, {_request_id()}")


async def read_bucket(request: web.Request) -> web.Response:
    sandbox, name = request.app[SANDBOX], request.match_info["bucket"]
    if not await exists(sandbox, name):
        return text(404, f"The bucket '{name}' does not exist") if sandbox.options.friendly else _no_bucket(name)
    who = caller(request)
    policy = policy_of(sandbox, name)
    if not who.admin and (not policy["visibility"] or (sandbox.options.friendly and not may_see(who, policy))):
        return text(403, f"User '{who.uid}' is not authorised")  # any bucket with a policy can be read (wire O028)
    try:
        after = base64.urlsafe_b64decode(request.query.get("page", "")).decode()
    except ValueError:
        return text(500, f"Error listing objects in bucket '{name}': the continuation token is not valid")
    tags = sandbox.database.buckets().get(name, {})
    markers = {folder for spec in sandbox.database.services() for bucket, folder in places(spec) if bucket == name}
    if sandbox.markers is not None:
        markers |= {key.rstrip("/") for key in sandbox.markers.of(name)}
    found = await sandbox.s3.page(name, after, PAGE + 1, markers)
    objects, more = [_shown(one) for one in found[:PAGE]], len(found) > PAGE
    owner = tags.get("owner", "") or ("cluster_admin" if "from_service" in tags else "")
    body = _bucket(sandbox, name, owner, tags)
    if objects:
        body["objects"] = objects
    body.update(await _usage(sandbox, name))
    if more:
        body["next_page"] = base64.urlsafe_b64encode(found[PAGE - 1].key.encode()).decode()
    return as_json({**body, "is_truncated": more, "returned_items": len(objects)})
