"""Volumes over HTTP, and those that come and go with a service (oscar.md §1.6, §2.6).

A volume is a folder of its own; nothing holds it to its size.
"""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Any

from . import gojson, quantities
from .attached import volume_folder
from .bodies import document
from .gojson import GoJSONError
from .limits import limits_of
from .replies import SANDBOX, as_json, empty, text
from .schema import VOLUME_REQUEST, read
from .specification import INVALID, Refused
from .users import caller

if TYPE_CHECKING:
    from aiohttp import web

    from .sandbox import Sandbox
    from .users import Caller

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_DELETE, _RETAIN = "delete", "retain"


def _attachments(sandbox: Sandbox, namespace: str, name: str) -> list[dict[str, str]]:
    return [
        {"service_name": spec["name"], "mount_path": spec["volume"]["mount_path"]}
        for spec in sandbox.database.services()
        if spec["namespace"] == namespace and spec["volume"] is not None and spec["volume"]["name"] == name
    ]


def _shown(sandbox: Sandbox, volume: dict[str, Any]) -> dict[str, Any]:
    """In use or else pending, as recorded (wire H001, H011, H016): there, nobody provided volumes."""
    attached = _attachments(sandbox, volume["namespace"], volume["name"])
    body = {key: value for key, value in volume.items() if value}
    if attached:
        return {**body, "attachments": attached, "status": {"phase": "in_use", "attachment_count": len(attached)}}
    return {**body, "status": {"phase": "ready" if sandbox.options.friendly else "pending"}}


async def list_volumes(request: web.Request) -> web.Response:
    sandbox = request.app[SANDBOX]
    return as_json([_shown(sandbox, volume) for volume in sandbox.database.volumes(caller(request).namespace)])


async def read_volume(request: web.Request) -> web.Response:
    sandbox = request.app[SANDBOX]
    volume = sandbox.database.volume(caller(request).namespace, request.match_info["volume"])
    return empty(404) if volume is None else as_json(_shown(sandbox, volume))


async def create_volume(request: web.Request) -> web.Response:
    sandbox, who = request.app[SANDBOX], caller(request)
    try:
        wanted = read(gojson.decode(await document(request)), VOLUME_REQUEST)
        volume = _make(sandbox, who, wanted["name"], wanted["size"])
    except GoJSONError as error:
        return text(400, f"The volume specification is not valid: {error}")
    except Refused as refused:
        return text(refused.status, refused.text)
    return as_json(_shown(sandbox, volume), 201)


async def delete_volume(request: web.Request) -> web.Response:
    """204 too for what is not there (wire H020)."""
    sandbox, name = request.app[SANDBOX], request.match_info["volume"]
    namespace = caller(request).namespace
    if _attachments(sandbox, namespace, name):
        return text(400, "managed volume is still attached to one or more services")
    if sandbox.options.friendly and sandbox.database.volume(namespace, name) is None:
        return text(404, f"There is no volume '{name}'")
    _drop(sandbox, namespace, name)
    return empty(204)


def _drop(sandbox: Sandbox, namespace: str, name: str) -> None:
    if sandbox.database.volume(namespace, name) is not None:
        sandbox.database.drop_volume(namespace, name)
        shutil.rmtree(volume_folder(sandbox.data, namespace, name), ignore_errors=True)


def _make(sandbox: Sandbox, who: Caller, name: str, size: str, more: dict[str, str] | None = None) -> dict[str, Any]:
    """In the order of the checks that were recorded (wire H002-H005, O052-O054)."""
    if _NAME.fullmatch(name) is None:
        raise Refused(400, "volume.name must satisfy Kubernetes DNS-1123 naming rules")
    bytes_ = quantities.parse(size)
    if not bytes_:
        raise Refused(400, "volume.size must be a valid positive quantity")
    if sandbox.database.volume(who.namespace, name) is not None:
        raise Refused(409, "volume already exists in caller namespace")
    _check_quota(sandbox, who, name, bytes_)
    volume = {
        "name": name,
        "namespace": who.namespace,
        "pvc_name": name,
        "size": size,
        "owner_user": who.uid,
        "created_by_service": "",
        "creation_mode": "api",
        "lifecycle_policy": "",
        **(more or {}),
    }
    volume_folder(sandbox.data, who.namespace, name).mkdir(parents=True, exist_ok=True)
    sandbox.database.put_volume(volume)
    return volume


def used(sandbox: Sandbox, namespace: str) -> tuple[int, int]:
    """Bytes that were asked for, and how many volumes."""
    volumes = sandbox.database.volumes(namespace)
    return sum(quantities.parse(volume["size"]) or 0 for volume in volumes), len(volumes)


def _check_quota(sandbox: Sandbox, who: Caller, name: str, size: int) -> None:
    """The admin has no limits (oscar.md §0.3, point 11)."""
    if who.admin:
        return
    limits, (taken, count) = limits_of(sandbox, who.uid), used(sandbox, who.namespace)
    left = (quantities.parse(limits["disk"]) or 0) - taken
    if size > left:
        what = f"requested {quantities.canonical(size)}, available {quantities.canonical(max(left, 0))}"
        raise Refused(400, f"not enough volume disk quota: {what}")
    if count >= int(limits["volumes"]):
        raise Refused(400, "not enough volume count quota: requested 1, available 0")
    for bound, worse in (("max_disk_per_volume", size.__gt__), ("min_disk_per_volume", size.__lt__)):
        if worse(quantities.parse(limits[bound]) or 0):
            word = f"{bound[:3]}imum storage usage per PersistentVolumeClaim is {limits[bound]}"
            asked = quantities.canonical(size)
            raise Refused(500, f'persistentvolumeclaims "{name}" is forbidden: {word}, but request is {asked}')


# with a service


def check(spec: dict[str, Any]) -> None:
    """What can be said without looking (wire B008)."""
    volume = spec["volume"]
    if volume is None:
        return
    if not volume["mount_path"].startswith("/"):
        raise Refused(400, f"{INVALID}volume.mount_path must be an absolute path")
    parts = volume["mount_path"].strip("/").split("/")
    if {"", ".", ".."} & set(parts) or parts[0] == "oscar":
        raise Refused(400, f"{INVALID}volume.mount_path must not be '/', a reserved folder, or have '.' or '..' parts")
    if not volume["size"] and not volume["name"]:
        raise Refused(400, f"{INVALID}volume.name is required when volume.size is not set")
    if not volume["size"] and volume["lifecycle_policy"]:
        raise Refused(400, f"{INVALID}volume.lifecycle_policy is only allowed when volume.size is set")
    if volume["lifecycle_policy"] not in ("", _DELETE, _RETAIN):
        raise Refused(400, f"{INVALID}volume.lifecycle_policy must be 'delete' or 'retain'")
    if volume["size"] and not quantities.parse(volume["size"]):
        raise Refused(400, f"{INVALID}volume.size must be a valid positive quantity")


def check_exists(sandbox: Sandbox, spec: dict[str, Any], who: Caller) -> None:
    """An existing one must be there, a new one must not (wire B009)."""
    volume = spec["volume"]
    if volume is None:
        return
    volume["name"] = volume["name"] or spec["name"]
    found = sandbox.database.volume(who.namespace, volume["name"])
    if not volume["size"] and found is None:
        raise Refused(400, "Referenced volume does not exist in the caller namespace")
    if volume["size"] and found is not None:
        raise Refused(409, "A managed volume with the provided name already exists")


def make_for(sandbox: Sandbox, spec: dict[str, Any], who: Caller) -> None:
    """The volume that a service brings with it (wire H014-H016)."""
    volume = spec["volume"]
    if volume is None or not volume["size"]:
        return
    volume["lifecycle_policy"] = volume["lifecycle_policy"] or _DELETE
    more = {
        "created_by_service": spec["name"],
        "creation_mode": "service",
        "lifecycle_policy": volume["lifecycle_policy"],
    }
    _make(sandbox, who, volume["name"], volume["size"], more)


def leave(sandbox: Sandbox, spec: dict[str, Any]) -> None:
    """After a service is gone: its own volume goes too, unless it is to be retained (wire H017, H018)."""
    volume = spec["volume"]
    if volume is not None and volume["lifecycle_policy"] == _DELETE:
        _drop(sandbox, spec["namespace"], volume["name"])


def status(spec: dict[str, Any]) -> dict[str, Any]:
    """``volume_status`` of a service (wire C002, H010)."""
    if spec["volume"] is None:
        return {"enabled": False}
    return {"enabled": True, "name": spec["volume"]["name"], "phase": "in_use"}
