"""What is wrong with a service before it is sent: in itself (:func:`wrong`), and for one cluster (:func:`refusals`).

A create that fails at its buckets takes six seconds, pauses everybody's storage and leaves something behind (oscar.md
§0.3 point 10), and an OSCAR says what Kubernetes dislikes in Kubernetes' words. So what can be known is said before.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from . import quantities
from .errors import AlreadyExists, InvalidRequest, NotAllowed, NotFound, NotOscar, QuotaExceeded, VolumeNotFound

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .cluster import Cluster
    from .errors import OscarError
    from .service import Service, StorageIO

NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,37}[a-z0-9])?")
BUCKET: Final = re.compile(r"[a-z0-9][-.a-z0-9]{1,61}[a-z0-9]")
BUCKET_NAMES: Final = "3 to 63 lower-case letters, digits, dots and hyphens"
_ADDRESS: Final = re.compile(r"\d+(\.\d+){3}")
INPUTS: Final = ("minio", "webdav", "rucio")
OUTPUTS: Final = ("minio", "s3", "onedata", "webdav", "rucio")
POLICIES: Final = ("delete", "retain")
_MOUNT_OPTIONS: Final = re.compile(r"[-A-Za-z0-9_.:=,/ ]*")
# Kubernetes since 1.32: anything that can be printed, but no equals sign.
_VARIABLE: Final = re.compile(r"[ -<>-~]+")
_WORD: Final = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_LABEL: Final = re.compile(f"({_WORD})?")
_PREFIX: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_KEY: Final = re.compile(f"((?=[^/]{{1,253}}/){_PREFIX}/)?{_WORD}")
# A ConfigMap, in which OSCAR keeps a service with its script, holds so many bytes.
LARGEST: Final = 1_000_000
# Folders in which OSCAR and its supervisor keep their own.
RESERVED: Final = ("/oscar/config", "/oscar/bin")


class Wrong(NamedTuple):
    """What is wrong with a service: the key as a path, a sentence without a capital, and what to do."""

    key: tuple[str | int, ...]
    problem: str
    fix: str = ""


class Refusal(NamedTuple):
    """What a cluster would refuse of a service: the key, and the error it would be."""

    service: str
    key: tuple[str | int, ...]
    error: OscarError


def wrong(service: Service) -> Iterator[Wrong]:
    """What no OSCAR takes, or takes and then fails with at every job."""
    if not NAME.fullmatch(service.name):
        fix = "At most 39 lower-case letters, digits and hyphens; a letter or digit first and last."
        yield Wrong(("name",), f'"{service.name}" is not a name OSCAR takes.', fix)
    for key in ("image", "script"):
        if not getattr(service, key):
            yield Wrong((key,), f'"{key}" is empty.', f"Give the service its {key}.")
    if len(service.script.encode()) > LARGEST:
        fix = "Put most of it into the image, or into a bucket that is mounted."
        yield Wrong(("script",), "the script is larger than a megabyte, which Kubernetes cannot keep.", fix)
    for key in ("cpu", "memory", "ephemeral_storage_request"):
        yield from _quantity((key,), getattr(service, key))
    for key, places in (("input", service.input), ("output", service.output)):
        for number, place in enumerate(places):
            yield from _place(service, key, number, place)
    yield from _environment(service)
    yield from _labels(service)
    yield from _exposing(service)
    yield from _mounting(service)
    yield from _volume(service)
    members = service.federation.members if service.federation else []
    token = service.environment.secrets.get("refresh_token")
    if members and not (token and token.get_secret_value()):
        fix = "Add environment.secrets.refresh_token; the members are asked with it."
        yield Wrong(("federation",), "members of a federation need a refresh token.", fix)


def refuse(service: Service) -> None:
    """Nothing, for a service in which nothing is wrong.

    Raises:
        InvalidRequest: the first thing that is.

    """
    for found in wrong(service):
        msg = f'Service "{service.name}", {_path(found.key)}: {found.problem}'
        raise InvalidRequest(msg, hint=found.fix)


def _path(key: Sequence[str | int]) -> str:
    return ".".join(map(str, key))


def _quantity(key: tuple[str | int, ...], text: str, *, positive: bool = False) -> Iterator[Wrong]:
    if not text:
        return
    found = quantities.amount(text)
    if found is None or found < 0 or (positive and not found):
        yield Wrong(key, f'"{text}" is no amount.', "Write it as 0.5 or 500m (CPU), 512Mi or 2Gi (memory).")


def _place(service: Service, key: str, number: int, place: StorageIO) -> Iterator[Wrong]:
    path = place.path.strip(" /")
    if not path:
        yield Wrong((key, number, "path"), f"an {key}'s path is empty.", "Write bucket/folder.")
        return
    kind, which = place.provider
    kinds = INPUTS if key == "input" else OUTPUTS
    if kind not in kinds or (key == "input" and kind == "minio" and which != "default"):
        problem = f'OSCAR takes no {key} from "{place.storage_provider}".'
        if key == "output":
            problem = f'OSCAR writes no output to "{place.storage_provider}".'
        yield Wrong((key, number, "storage_provider"), problem, f"There are {', '.join(kinds)}.")
    elif not place.is_minio and which not in ((service.storage_providers or {}).get(kind) or {}):
        fix = f"Add storage_providers.{kind}.{which} with its address and credentials."
        yield Wrong((key, number, "storage_provider"), f'"{kind}.{which}" is not defined.', fix)
    if {"", ".", ".."} & set(path.split("/")):
        yield Wrong((key, number, "path"), f'"{path}" has an empty, "." or ".." part.', "Write bucket/folder.")
    bucket = place.bucket if "/" in path else service.name
    if place.is_minio and not is_bucket(bucket):
        fix = f"{BUCKET_NAMES} (a path without a slash lies in a bucket named after the service)."
        yield Wrong((key, number, "path"), f'"{bucket}" is not a name for a bucket.', fix)


def is_bucket(name: str) -> bool:
    """Whether S3 takes the name for a bucket."""
    return bool(BUCKET.fullmatch(name)) and ".." not in name and not _ADDRESS.fullmatch(name)


def _environment(service: Service) -> Iterator[Wrong]:
    for part in ("variables", "secrets"):
        for name in getattr(service.environment, part):
            if not _VARIABLE.fullmatch(name):
                fix = "Letters, digits and underscores are always right."
                yield Wrong(("environment", part, name), f'"{name}" is no name for a variable.', fix)
    for name, value in service.environment.variables.items():
        if "\t" in value:
            problem = f"the variable {name} holds a TAB, with which OSCAR makes every job of the service fail."
            yield Wrong(("environment", "variables", name), problem, "Use spaces.")


def _labels(service: Service) -> Iterator[Wrong]:
    for name, value in service.labels.items():
        if not _KEY.fullmatch(name):
            yield Wrong(("labels", name), f'"{name}" is no name for a label.', "Write name, or domain/name.")
        if not _LABEL.fullmatch(value):
            fix = "At most 63 letters, digits, hyphens, underscores and dots; annotations take any text."
            yield Wrong(("labels", name), f'a label cannot be "{value[:80]}".', fix)
    for name in service.annotations:
        if not _KEY.fullmatch(name):
            yield Wrong(("annotations", name), f'"{name}" is no name for an annotation.', "Write name, or domain/name.")


def _exposing(service: Service) -> Iterator[Wrong]:
    """An exposed service gets no defaults for its scales (oscar.md §0.3, §6.1, wire X001)."""
    expose = service.expose
    if not expose.api_port:
        return
    for key in ("api_port", "nodePort"):
        for port in getattr(expose, key):
            # 0 among node ports is one that the cluster picks.
            if not (key == "api_port") <= port < 1 << 16:
                yield Wrong(("expose", key), f"{port} is no port.", "1 to 65535.")
    if expose.nodePort and len(expose.nodePort) != len(expose.api_port):
        yield Wrong(("expose", "nodePort"), "there are not as many as in api_port.", "Name one for each.")
    for key in ("min_scale", "max_scale", "cpu_threshold"):
        if getattr(expose, key) < 1:
            yield Wrong(("expose", key), f"{key} of an exposed service is at least 1.", "For example 1, 1 and 80.")
    if expose.max_scale < expose.min_scale:
        yield Wrong(("expose", "max_scale"), "max_scale is less than min_scale.", "Make it at least as large.")


def _mounting(service: Service) -> Iterator[Wrong]:
    if not _MOUNT_OPTIONS.fullmatch(service.mount.options):
        fix = "Letters, digits, spaces and - _ . : = , / only."
        yield Wrong(("mount", "options"), "a letter in it is not allowed.", fix)
    mount = service.mount
    if mount.path.strip(" /") and mount.is_minio:
        if not is_bucket(mount.bucket):
            yield Wrong(("mount", "path"), f'"{mount.bucket}" is not a name for a bucket.', "Write bucket/folder.")
        elif {".", ".."} & set(mount.folder.split("/")):
            yield Wrong(("mount", "path"), 'it has a "." or ".." part.', "Write bucket/folder.")


def _volume(service: Service) -> Iterator[Wrong]:
    volume = service.volume
    if volume is None:
        return
    path = volume.mount_path
    parts = path.strip("/").split("/")
    if not path.startswith("/") or {"", ".", ".."} & set(parts) or any(path.startswith(one) for one in RESERVED):
        fix = "An absolute path, such as /data, not one of OSCAR's own."
        yield Wrong(("volume", "mount_path"), f'"{path}" is no place to mount a volume.', fix)
    if volume.size:
        yield from _quantity(("volume", "size"), volume.size, positive=True)
    elif not volume.name:
        yield Wrong(("volume", "name"), "a volume without a size is one that exists, and has a name.", "Add either.")
    elif volume.lifecycle_policy:
        fix = "Leave it out: that volume's own holds."
        yield Wrong(("volume", "lifecycle_policy"), "only a volume that is made with the service has one.", fix)
    if volume.lifecycle_policy and volume.lifecycle_policy not in POLICIES:
        yield Wrong(("volume", "lifecycle_policy"), f'"{volume.lifecycle_policy}" is none.', "delete or retain.")
    if volume.name and not NAME.fullmatch(volume.name):
        yield Wrong(("volume", "name"), f'"{volume.name}" is no name for a volume.', "As for a service.")


async def refusals(cluster: Cluster, services: Sequence[Service]) -> list[Refusal]:
    """What a cluster would refuse of services that are new to it, as far as it can be known beforehand."""
    found = [*_images(services, (await cluster.config()).allowed_image_repositories or ())]
    wanted = {bucket: service for service in reversed(services) for bucket in service.buckets()}
    if wanted:
        found += await _buckets(cluster, services)
    if wanted and not cluster.profile.credentials.is_admin:
        found += await _bucket_quota(cluster, wanted)
    if any(service.volume for service in services):
        found += await _volumes(cluster, services)
    return found


def _images(services: Sequence[Service], allowed: Sequence[str]) -> Iterator[Refusal]:
    for service in services:
        if allowed and not any(part in service.image for part in allowed):
            msg = f'The cluster does not allow the image "{service.image}".'
            hint = f"Its operator allows those with one of: {', '.join(allowed)}."
            yield Refusal(service.name, ("image",), NotAllowed(msg, hint=hint))


async def _buckets(cluster: Cluster, services: Sequence[Service]) -> list[Refusal]:
    """A service is only made with buckets that are not there (since 3.6, oscar.md §1.2)."""
    try:
        there = {one.bucket_name for one in await cluster.buckets.list()}
    except NotOscar:
        return []  # older: it takes buckets that exist
    found = []
    for service in services:
        for key, places in (("input", service.input), ("output", service.output)):
            for number, place in enumerate(places):
                if place.is_minio and place.bucket in there:
                    msg = f'Creating service "{service.name}" would fail: the bucket "{place.bucket}" already exists.'
                    hint = "Delete that bucket, or name another in the FDL."
                    found.append(Refusal(service.name, (key, number, "path"), AlreadyExists(msg, hint=hint)))
    return found


async def _bucket_quota(cluster: Cluster, wanted: dict[str, Service]) -> list[Refusal]:
    try:
        said: Any = (await cluster.quotas.of()).get("minio") or {}
    except (NotFound, NotOscar, InvalidRequest):
        return []  # older, or without quotas
    limit, used = ((said.get("buckets") or {}).get(key) or 0 for key in ("max", "used"))
    if not limit or used + len(wanted) <= limit:
        return []
    msg = f"You may have {limit} buckets and have {used}; {len(wanted)} more would be made."
    service = next(iter(wanted.values()))
    hint = "Delete one, let services share one, or ask the cluster's operator for more."
    return [Refusal(service.name, ("input",), QuotaExceeded(msg, hint=hint))]


async def _volumes(cluster: Cluster, services: Sequence[Service]) -> list[Refusal]:
    there = {one.name for one in await cluster.volumes.list()}
    found = []
    for service in services:
        volume = service.volume
        name = (volume.name or service.name) if volume else ""
        if volume and volume.size and name in there:
            msg = f'A volume "{name}" exists.'
            hint = "Leave out its size to use that one, or name another."
            found.append(Refusal(service.name, ("volume",), AlreadyExists(msg, hint=hint)))
        elif volume and not volume.size and name not in there:
            msg = f'There is no volume "{name}".'
            found.append(Refusal(service.name, ("volume",), VolumeNotFound(msg, hint="Give it a size to make it.")))
    return found
