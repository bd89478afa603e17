"""What a user may use, and uses: volumes and buckets (oscar.md §1.7). Without Kueue there is nothing to say of CPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import buckets, gojson, quantities, volumes
from .bodies import document
from .gojson import GoJSONError
from .limits import change, limits_of
from .replies import SANDBOX, as_json, text
from .schema import QUOTA, read
from .users import Caller, caller

if TYPE_CHECKING:
    from aiohttp import web

    from .sandbox import Sandbox

_KUEUE = ("cpu", "memory", "ephemeral_storage", "gpu")


async def _quota(sandbox: Sandbox, uid: str) -> dict[str, Any]:
    limits, (disk, count) = limits_of(sandbox, uid), volumes.used(sandbox, Caller(uid, "").namespace)
    owned = buckets.owned_by(sandbox, uid)
    stored = sum([(await sandbox.usage.of(name))[0] for name in owned])
    return {
        "user_id": uid,
        "volumes": {
            "disk": {"max": limits["disk"], "used": quantities.canonical(disk)},
            "volumes": {"max": limits["volumes"], "used": str(count)},
            "max_disk_per_volume": limits["max_disk_per_volume"],
            "min_disk_per_volume": limits["min_disk_per_volume"],
        },
        "minio": {
            "buckets": {"max": quantities.parse(limits["buckets"]) or 0, "used": len(owned)},
            "storage_per_bucket": {"max": limits["storage_per_bucket"]},
            "storage_total": {"used": quantities.rounded(stored)},
        },
    }


async def _answer(sandbox: Sandbox, uid: str) -> web.Response:
    """Somebody who was never here has no quota (wire A031)."""
    if sandbox.database.user_secret(uid) is None:
        return text(
            404 if sandbox.options.friendly else 500,
            f'getting volume quotas for user {uid}: resourcequotas "{uid}" not found',
        )
    return as_json(await _quota(sandbox, uid))


async def read_own_quota(request: web.Request) -> web.Response:
    who = caller(request)
    if who.admin:
        return text(401, "missing user identificator: missing user identificator")
    return await _answer(request.app[SANDBOX], who.uid)


async def read_quota(request: web.Request) -> web.Response:
    if not caller(request).admin:
        return text(403, "forbidden")
    return await _answer(request.app[SANDBOX], request.match_info["user"])


async def write_quota(request: web.Request) -> web.Response:
    """The answer is the new quota (wire O056)."""
    if not caller(request).admin:
        return text(403, "forbidden")
    sandbox, uid = request.app[SANDBOX], request.match_info["user"]
    try:
        wanted = read(gojson.decode(await document(request)), QUOTA)
    except GoJSONError as error:
        return text(400, f"{error}")
    if any(wanted[what] for what in _KUEUE):
        return text(503, "kueue is not enabled on this cluster")
    given = {key: value for part in ("volumes", "minio") for key, value in wanted[part].items() if value}
    for key, value in given.items():
        if quantities.parse(value) is None:
            return text(400, f"{key}: {value!r} is not a valid quantity")
    if sandbox.database.user_secret(uid) is not None:
        change(sandbox, uid, given)
    return await _answer(sandbox, uid)
