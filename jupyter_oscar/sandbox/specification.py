"""From a request body to a stored service: decoding, required fields, defaults, OSCAR's sentences for what is wrong.

The order of the checks is the order of OSCAR's handler, because callers see the first one that fails (oscar.md §1.2).
"""

from __future__ import annotations

import json
import re
import secrets as random
from typing import TYPE_CHECKING, Any

from . import gojson
from .bodies import LONGEST_MAP, LONGEST_OBJECT, TOO_LARGE
from .compat import from_older
from .expose import scale_refusal
from .gojson import GoJSONError
from .jobs import invalid_name, is_name
from .schema import SERVICE, read
from .users import bucket_part

if TYPE_CHECKING:
    from .users import Caller

_QUANTITY = r"^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"
_LEVELS = ("NOTSET", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_LONGEST_NAME = 39
_INPUTS = ("minio", "webdav", "rucio")
INVALID = "The service specification is not valid: "


class Refused(Exception):
    """A status and OSCAR's text for it."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


def decode(body: bytes, compat: str) -> dict[str, Any]:
    """The service in a body, as that release reads it, with required fields present (wire B001-B006)."""
    try:
        spec = read(from_older(compat, gojson.decode(body)), SERVICE)
    except GoJSONError as error:
        raise Refused(400, f"{INVALID}{error}") from error
    missing = [_failed(field, "required") for field in ("Name", "Image", "Script") if not spec[field.lower()]]
    if len(spec["name"]) > _LONGEST_NAME:
        missing.insert(0, _failed("Name", "max"))
    if missing:
        raise Refused(400, INVALID + "\n".join(missing))
    return spec


def _failed(field: str, tag: str) -> str:
    return f"Key: 'Service.{field}' Error:Field validation for '{field}' failed on the '{tag}' tag"


def normalise(spec: dict[str, Any], who: Caller) -> dict[str, Any]:
    """Defaults and spellings as OSCAR stores them; a user's service is the user's, whatever the body says."""
    spec["namespace"] = who.namespace
    if not who.admin:
        spec["owner"] = who.uid
        spec["vo"] = spec["vo"] or who.groups[0]
        spec["labels"] = {**spec["labels"], "owner_name": who.label_name, "vo": _vo_label(spec["vo"])}
    spec["memory"] = spec["memory"] or "256Mi"
    spec["cpu"] = spec["cpu"] or "0.2"
    level = spec["log_level"].upper()
    spec["log_level"] = level if level in _LEVELS else "INFO"
    spec["script"] = spec["script"].replace("\r\n", "\n").replace("\r", "\n")
    spec["visibility"] = spec["visibility"] or "private"
    spec["allowed_users"] = [user.strip() for user in spec["allowed_users"]]
    for place in (*spec["input"], *spec["output"]):
        _normalise_path(spec["name"], place)
    spec["labels"] = {
        **spec["labels"],
        "applicationId": spec["name"],
        "oscar.grycap/user-service": "true",
        "oscar_service": spec["name"],
        "queue": f"root.oscar-queue.{spec['name']}",
    }
    return spec


def _vo_label(vo: str) -> str:
    """A group as a label (oscar.md §2.2)."""
    return vo.removeprefix("/").replace("/", "--").replace(" ", "__").replace(":", "___")


def check_vo(spec: dict[str, Any], who: Caller) -> None:
    if spec["vo"] and not who.admin and spec["vo"] not in who.groups:
        raise Refused(400, f"this user isn't enrrolled on the vo: {spec['vo']}\n")


def user_buckets(spec: dict[str, Any]) -> dict[str, str]:
    """Under USER isolation: a bucket of its own for each allowed user, with that user (oscar.md §2.4)."""
    if spec["isolation_level"] != "USER" or spec["visibility"] != "restricted":
        return {}
    return {f"{bucket}-{bucket_part(uid)}": uid for uid in spec["allowed_users"] for bucket in bucket_names(spec)}


def provider_of(place: dict[str, Any]) -> tuple[str, str]:
    """Kind and id: lower case and ``default`` unless said otherwise; stored as it was spelled (wire V038)."""
    kind, _, which = place["storage_provider"].partition(".")
    return kind.lower() or "minio", which or "default"


def _normalise_path(name: str, place: dict[str, Any]) -> None:
    place["path"] = place["path"].strip(" /")
    if place["path"] and provider_of(place)[0] in ("minio", "s3") and "/" not in place["path"]:
        place["path"] = f"{name}/{place['path']}"


def as_written(spec: dict[str, Any]) -> None:
    """OSCAR's YAML writer loses outer spaces of variables, and puts a line before a carriage return (wire L014)."""
    variables = spec["environment"]["variables"]
    for key, value in variables.items():
        variables[key] = f"\n{value}" if "\r" in value else value.strip(" ")


def split_secrets(spec: dict[str, Any]) -> dict[str, str] | None:
    """Take the secret values out of what will be shown; None when there are none."""
    secrets: dict[str, str] = dict(spec["environment"]["secrets"])
    spec["environment"]["secrets"] = dict.fromkeys(secrets, "")
    return secrets or None


def check_paths(spec: dict[str, Any]) -> None:
    for side in ("input", "output"):
        if any(not place["path"].strip(" /") for place in spec[side]):
            raise Refused(400, f"{side} path cannot be empty")
        for place in spec[side]:
            if {"", ".", ".."} & set(place["path"].strip(" /").split("/")):
                raise Refused(400, f"{INVALID}{side} path {place['path']!r} has an empty, '.' or '..' part")


def check_federation(spec: dict[str, Any]) -> None:
    members = spec["federation"].get("members") if spec["federation"] else None
    if members and not spec["environment"]["secrets"].get("refresh_token"):
        raise Refused(400, "refresh_token secret is required for federated services")


def check_objects(spec: dict[str, Any], images: list[str]) -> None:
    """What Kubernetes would refuse (wire A016, B010, B011)."""
    what = "Error creating the service: "
    if images and not any(part in spec["image"] for part in images):
        where = "Check the additional configuration file on 'config.yaml'"
        raise Refused(500, f"{what}image {spec['image']} is not allowed for pull on the cluster. {where}")
    if any(re.match(_QUANTITY, spec[field]) is None for field in ("memory", "cpu")):
        raise Refused(500, f"{what}quantities must match the regular expression '{_QUANTITY}'")
    if not is_name(spec["name"]):
        raise Refused(500, what + invalid_name("ConfigMap", spec["name"]))
    if (size := len(json.dumps(spec, ensure_ascii=False).encode("utf-8", "surrogatepass"))) > LONGEST_MAP:
        long = f'ConfigMap "{spec["name"]}" is invalid: []: Too long: may not be more than {LONGEST_MAP} bytes'
        raise Refused(500, what + (TOO_LARGE if size > LONGEST_OBJECT else long))


def check_scale(spec: dict[str, Any], doing: str) -> None:
    """What Kubernetes would refuse of an exposed service (wire X001)."""
    refusal = scale_refusal(spec)
    if refusal is not None:
        raise Refused(500, f"Error {doing} the service: {refusal}")


def check_providers(spec: dict[str, Any]) -> None:
    """Only the sandbox's own MinIO holds objects (wire B012, B013)."""
    if any(provider_of(place)[0] not in _INPUTS for place in spec["input"]):
        raise Refused(400, "unrecognized input (valid inputs are MinIO and dCache)")
    for place in (*spec["output"], *spec["input"]):
        kind, which = provider_of(place)
        if (kind, which) == ("minio", "default"):
            continue
        if which not in spec["storage_providers"].get(kind, {}):
            raise Refused(500, f'the StorageProvider "{kind}.{which}" is not defined')
        sentence = f'the sandbox reads and writes only "minio.default", not "{kind}.{which}"'
        raise Refused(500, f"Error creating the service: {sentence}")


def new_token() -> str:
    return random.token_hex(32)


def places(spec: dict[str, Any]) -> set[tuple[str, str]]:
    """Buckets and folders of inputs and outputs."""
    found = [place["path"].partition("/") for place in (*spec["input"], *spec["output"])]
    return {(bucket, folder) for bucket, _, folder in found}


def all_places(spec: dict[str, Any]) -> set[tuple[str, str]]:
    """Also those in the buckets of single users."""
    theirs = {
        (f"{bucket}-{bucket_part(uid)}", folder)
        for uid in set(user_buckets(spec).values())
        for bucket, folder in places(spec)
    }
    return places(spec) | theirs


def by_bucket(wanted: set[tuple[str, str]]) -> dict[str, list[str]]:
    """Buckets with their folders."""
    found: dict[str, list[str]] = {}
    for bucket, folder in sorted(wanted):
        found.setdefault(bucket, []).append(folder)
    return found


def input_places(spec: dict[str, Any]) -> set[tuple[str, str]]:
    return places({"input": spec["input"], "output": []})


def bucket_names(spec: dict[str, Any]) -> list[str]:
    """In the order of the inputs, then of the outputs."""
    return list(dict.fromkeys(place["path"].partition("/")[0] for place in (*spec["input"], *spec["output"])))
