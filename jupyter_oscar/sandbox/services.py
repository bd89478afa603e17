"""Services over HTTP: create, read, update, delete (oscar.md §1.2)."""

from __future__ import annotations

import contextlib
import re
import shutil
import sqlite3
from typing import TYPE_CHECKING, Any

from aiohttp import web

from . import buckets, mounts, volumes
from .bodies import TOO_LARGE, document
from .cluster import IMAGES, provider
from .compat import before, to_older
from .deployments import deployment_of
from .replies import SANDBOX, as_json, empty, text
from .schema import SERVICE, show
from .specification import (
    Refused,
    all_places,
    as_written,
    bucket_names,
    by_bucket,
    check_federation,
    check_objects,
    check_paths,
    check_providers,
    check_scale,
    check_vo,
    decode,
    input_places,
    new_token,
    normalise,
    places,
    split_secrets,
    user_buckets,
)
from .users import caller, may_change, may_see

if TYPE_CHECKING:
    from .sandbox import Sandbox
    from .users import Caller

_LABEL_VALUE = r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
_LONGEST_LABEL = 63
_ADDED = (
    "Error creating the service: error setting MinIO policy for user/group cluster_admin: "
    "The specified user does not exist. (Specified user does not exist)"
)
_REMOVED = (
    "error setting new policies: error creating/adding MinIO policy for user/group : "
    "Invalid arguments specified. (Invalid arguments specified)"
)
_ORPHANED = (
    "Error deleting service buckets: %!(EXTRA *errors.errorString=error while removing MinIO bucket "
    "error removing resource)"
)


def is_label(name: str) -> bool:
    return len(name) <= _LONGEST_LABEL and re.fullmatch(_LABEL_VALUE, name) is not None


# showing


def shown(sandbox: Sandbox, spec: dict[str, Any], include: str = "") -> dict[str, Any]:
    """The service as a GET returns it (wire C002, C004)."""
    hidden = provider(sandbox, "hidden", "hidden")
    stored = spec["storage_providers"]
    providers = {**stored, "minio": {**stored.get("minio", {}), "default": hidden}}
    body = show({**spec, "storage_providers": providers}, SERVICE)
    body["volume_status"] = volumes.status(spec)
    if "deployment" in [part.strip().lower() for part in include.split(",")]:
        found = deployment_of(sandbox, spec)
        body["deployment"] = {key: found[key] for key in found if key not in ("service_name", "namespace")}
    return to_older(sandbox.options.compat, body)


async def list_services(request: web.Request) -> web.Response:
    sandbox = request.app[SANDBOX]
    include = request.query.get("include", "")
    who = caller(request)
    return as_json([shown(sandbox, spec, include) for spec in sandbox.database.services() if may_see(who, spec)])


async def read_service(request: web.Request) -> web.Response:
    sandbox = request.app[SANDBOX]
    name = request.match_info["service"]
    if not is_label(name):
        return text(400, "invalid serviceName")
    spec = sandbox.database.service(name)
    if spec is None:
        return empty(404)
    who = caller(request)
    if not may_see(who, spec):
        return text(403, _not_allowed(who, "get"))
    return as_json(shown(sandbox, spec, request.query.get("include", "")))


def _not_allowed(who: Caller, what: str) -> str:
    """With OSCAR's own spelling (wire O018, O021)."""
    return f"User {who.uid} doesn't have permision to {what} this service"


# creating


async def _said(request: web.Request) -> dict[str, Any]:
    try:
        return decode(await document(request), request.app[SANDBOX].options.compat)
    except web.HTTPRequestEntityTooLarge as error:
        raise Refused(500, f"Error creating the service: {TOO_LARGE}") from error


async def create_service(request: web.Request) -> web.Response:
    sandbox = request.app[SANDBOX]
    try:
        spec = await _said(request)
        async with sandbox.changes:
            await _create(sandbox, spec, caller(request))
        await sandbox.exposed.apply(spec["name"])
        await sandbox.s3.refresh()
        await sandbox.settle()
    except Refused as refused:
        return text(refused.status, refused.text)
    return empty(201)


async def _create(sandbox: Sandbox, spec: dict[str, Any], who: Caller) -> None:
    database = sandbox.database
    check_paths(spec)
    volumes.check(spec)
    check_vo(spec, who)
    check_federation(spec)
    spec["isolation_level"] = spec["isolation_level"].upper()
    normalise(spec, who)
    if not sandbox.options.friendly:
        as_written(spec)
    secrets = split_secrets(spec)
    if secrets is not None and database.secrets(spec["name"]) is not None:
        raise Refused(409, "A secret with the given name already exists")  # asked before the name (wire C018)
    if (refusal := buckets.over_quota(sandbox, who, len(bucket_names(spec)))) is not None:
        raise Refused(403, refusal)
    if database.service(spec["name"]) is not None:
        taken = 409 if before(sandbox.options.compat, "4.1") else 400
        raise Refused(taken, "A service with the provided name already exists")
    volumes.check_exists(sandbox, spec, who)
    check_objects(spec, database.config(IMAGES, []))
    check_scale(spec, "creating")
    check_providers(spec)
    await mounts.check(sandbox, spec, who)
    await _check_buckets(sandbox, [*bucket_names(spec), *user_buckets(spec)])
    spec["bucket_list"] = list(user_buckets(spec))
    spec.update(token=new_token(), owner=who.uid, labels={**spec["labels"], "owner_name": who.label_name})
    await _store(sandbox, spec, secrets, who)


async def _store(sandbox: Sandbox, spec: dict[str, Any], secrets: dict[str, str] | None, who: Caller) -> None:
    """The service with its buckets; the users' own ones have the same folders and trigger the same service.

    First the rows in one transaction, then what they promise: after a kill in between, a start makes up for it.
    """
    tags = {"from_service": spec["name"], "owner": "" if who.admin else who.uid, "owner_name": who.plain_name}
    policy = ("", None) if who.admin else (spec["visibility"], spec["allowed_users"] or None)
    database, theirs = sandbox.database, user_buckets(spec)
    try:
        with database.transaction():
            volumes.make_for(sandbox, spec, who)
            database.put_service(spec, secrets)
            for bucket in bucket_names(spec):
                database.put_bucket(bucket, tags, *policy)
            for bucket, uid in theirs.items():
                database.put_bucket(bucket, {**tags, "owner": uid}, "private")
        for bucket, folders in by_bucket(all_places(spec)).items():
            await sandbox.s3.make(bucket, folders, database.buckets()[bucket])
        await mounts.make(sandbox, spec, who)
        await sandbox.grant()
        await sandbox.triggers.arm(spec["name"], all_places({**spec, "output": []}))
    except (OSError, sqlite3.Error):  # a full disk: nothing half-made stays
        await _undo(sandbox, spec)
        raise


async def _undo(sandbox: Sandbox, spec: dict[str, Any]) -> None:
    sandbox.database.spend_reserve()
    await sandbox.triggers.disarm(spec["name"])
    sandbox.database.drop_service(spec["name"])
    volumes.leave(sandbox, spec)
    for bucket in (*bucket_names(spec), *user_buckets(spec)):
        await buckets.remove(sandbox, bucket)
    with contextlib.suppress(OSError):
        sandbox.database.keep_reserve()


async def _check_buckets(sandbox: Sandbox, names: list[str]) -> None:
    for bucket in names:
        if await buckets.exists(sandbox, bucket):
            raise Refused(500, f'the bucket "{bucket}" already exists\n')
        if not buckets.is_valid(bucket):
            raise Refused(500, f"error creating bucket {bucket}: {buckets.INVALID_NAME}")


# updating


async def update_service(request: web.Request) -> web.Response:
    """A full replace. What the caller left out goes back to its default; the token stays (wire F, U)."""
    sandbox = request.app[SANDBOX]
    try:
        spec = await _said(request)
        async with sandbox.changes:
            old, who = sandbox.database.service(spec["name"]), caller(request)
            if old is None:
                return empty(404)
            if not may_change(who, old):
                return text(403, _not_allowed(who, "modify"))
            await _update(sandbox, old, spec, who)
            await sandbox.exposed.apply(spec["name"])
            await _move_buckets(sandbox, old, spec, who)
    except Refused as refused:
        return text(refused.status, refused.text)
    finally:
        await sandbox.s3.refresh()
    return empty(204)


async def _update(sandbox: Sandbox, old: dict[str, Any], spec: dict[str, Any], who: Caller) -> None:
    check_paths(spec)
    check_vo(spec, who)
    if spec["volume"] is not None:
        raise Refused(400, "volume updates are not supported after service creation")
    check_federation(spec)
    normalise(spec, who)
    if not sandbox.options.friendly:
        as_written(spec)
    spec["namespace"] = old["namespace"]
    check_objects(spec, sandbox.database.config(IMAGES, []))
    check_scale(spec, "updating")
    check_providers(spec)
    await mounts.check(sandbox, spec, who)
    spec["token"], spec["volume"] = old["token"], old["volume"]
    spec["bucket_list"] = list(user_buckets(spec)) or spec["bucket_list"]
    secrets = split_secrets(spec)
    sandbox.database.put_service(spec, secrets)


async def _move_buckets(sandbox: Sandbox, old: dict[str, Any], spec: dict[str, Any], who: Caller) -> None:
    """Stored first, then the policies fail for the admin: after the 500 the change is there (wire U004-U009).

    A new bucket is made and armed; a new folder of an old bucket gets neither folder nor notification.
    """
    for bucket in bucket_names(spec):
        if not await buckets.exists(sandbox, bucket):
            folders = by_bucket(places(spec))[bucket]
            await buckets.make(sandbox, bucket, {}, folders=folders)
            await sandbox.triggers.arm(spec["name"], {place for place in input_places(spec) if place[0] == bucket})
    if sandbox.options.friendly:  # a new folder of an old bucket is made and armed as well
        for bucket, folders in by_bucket(places(spec) - places(old)).items():
            await sandbox.s3.make(bucket, folders)
        await sandbox.triggers.arm(spec["name"], input_places(spec) - input_places(old))
    await mounts.make(sandbox, spec, who)
    await _share_buckets(sandbox, old, spec, who)
    await sandbox.triggers.disarm(spec["name"], keep=all_places({**spec, "output": []}))
    if not who.admin or sandbox.options.friendly:
        return
    if set(bucket_names(old)) - set(bucket_names(spec)):
        raise Refused(500, _REMOVED)
    if places(spec) - places(old) and spec["owner"]:
        raise Refused(500, _ADDED)


async def _share_buckets(sandbox: Sandbox, old: dict[str, Any], spec: dict[str, Any], who: Caller) -> None:
    """Buckets with a policy are shared as their service is; single users' own ones come and go (oscar.md §2.4)."""
    database, before, now = sandbox.database, user_buckets(old), user_buckets(spec)
    for bucket in bucket_names(spec):
        if database.policy(bucket)[0]:
            policy = spec["visibility"], spec["allowed_users"] or None
            database.put_bucket(bucket, database.buckets()[bucket], *policy)
    for bucket in set(before) - set(now):
        await buckets.remove(sandbox, bucket)
    for bucket in set(now) - set(before):
        tags = {"from_service": spec["name"], "owner": now[bucket], "owner_name": who.plain_name}
        folders = by_bucket(all_places(spec))[bucket]
        await buckets.make(sandbox, bucket, tags, ("private", None), folders)
        await sandbox.triggers.arm(spec["name"], {(bucket, folder) for _, folder in input_places(spec)})
    await sandbox.grant()


# deleting


async def delete_service(request: web.Request) -> web.Response:
    """The service goes with its jobs and its buckets, objects and all (wire Z003)."""
    sandbox = request.app[SANDBOX]
    name = request.match_info["service"]
    if not is_label(name):
        return text(500, _bad_label(name))
    spec, who = sandbox.database.service(name), caller(request)
    if spec is None or not may_change(who, spec):  # a user is not told that it is there (wire O020, V001, V013)
        if spec is not None and sandbox.options.friendly:
            return text(403, _not_allowed(who, "delete"))
        hidden = not who.admin and sandbox.options.serverless and not sandbox.options.friendly
        return text(500, f'the service "{name}" does not have a registered ConfigMap') if hidden else empty(404)
    await sandbox.exposed.remove(name)
    await _delete(sandbox, spec)
    if not spec["owner"] and bucket_names(spec) and not sandbox.options.friendly:
        return text(500, _ORPHANED)  # wire U012: the service is gone, the bucket stays
    for bucket in (*bucket_names(spec), *user_buckets(spec)):
        if not _used(sandbox, bucket) and not mounts.keeps(spec, bucket):
            await buckets.remove(sandbox, bucket)
    await mounts.mount_all(sandbox)
    await sandbox.s3.refresh()
    await sandbox.settle()
    return empty(204)


async def _delete(sandbox: Sandbox, spec: dict[str, Any]) -> None:
    name = spec["name"]
    await sandbox.triggers.disarm(name)
    jobs = sandbox.database.jobs(name)
    sandbox.database.drop_service(name)
    volumes.leave(sandbox, spec)
    for job in jobs:
        sandbox.runner.forget(job.name, name)
    shutil.rmtree(sandbox.data.services / name, ignore_errors=True)


def _used(sandbox: Sandbox, bucket: str) -> bool:
    return any(bucket in bucket_names(other) for other in sandbox.database.services())


def _bad_label(name: str) -> str:
    return (
        f'unable to parse requirement: values[0][oscar_service]: Invalid value: "{name}": a valid label must be an '
        "empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
        "alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
        f"'{_LABEL_VALUE}')"
    )
