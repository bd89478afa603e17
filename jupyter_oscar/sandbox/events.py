"""The events a job can be started with, and how each becomes an input file (faas-supervisor's ``events``).

A MinIO event names an object to download. Of an S3, Onedata, dCache or Rucio event the sandbox has no storage: as with
a real service that has no credentials for it, S3 and Onedata fail and the event itself becomes the input of the others.
Anything else is content that came with the call.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

if TYPE_CHECKING:
    from .joblog import JobLog

_SOURCES = {"minio:s3": "MINIO", "aws:s3": "S3", "OneTrigger": "ONEDATA", "rucio": "RUCIO"}
_DEFAULT = "default"
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}
_ESCAPE = re.compile(r"\\(?:([abcfnrtv\\])|0([0-7]{0,3}))")


class BadStorage(Exception):
    """faas-supervisor ends here with this one line, not with a traceback."""


@dataclass(frozen=True)
class Event:
    """What started a job.

    ``kind`` is what faas-supervisor calls its type; ``provider`` is the storage that the input comes from: LOCAL means
    that the content is the input, which is also so when the service has no credentials for the event's storage.
    """

    kind: str
    content: Any
    provider: str = "LOCAL"
    bucket: str = ""
    key: str = ""
    variables: dict[str, str] = field(default_factory=dict)

    def without_minio(self) -> Event:
        """The same event for a run that has no credentials for MinIO."""
        return replace(self, provider="LOCAL") if self.provider == "MINIO" else self

    def save(self, path: str) -> None:
        """Content that came with the call; the nested handlers and their errors are those of wire D026 and R014."""
        try:
            json.loads(self.content)
            _write(path, self.content.encode("utf-8"))
        except TypeError:
            content = json.dumps(self.content) if isinstance(self.content, dict) else self.content
            with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123 - a text, as above
                file.write(content)
        except ValueError:
            _write(path, base64.b64decode(self.content))


def _write(path: str, content: bytes) -> None:
    with open(path, "wb") as file:  # noqa: PTH123 - every job comes by here: quick
        file.write(content)


def echo(text: str) -> str:
    """What ``echo $EVENT`` of a small shell prints: runs of spaces collapse, backslash escapes act (wire D021)."""
    joined = " ".join(word for word in re.split(r"[ \t\n]+", text) if word)
    joined, stop, _ = joined.partition("\\c") if re.search(r"(?<!\\)\\c", joined) else (joined, "", "")
    plain = _ESCAPE.sub(_unescape, joined)
    return plain if stop else plain + "\n"


def _unescape(match: re.Match[str]) -> str:
    letter, octal = match.groups()
    return _ESCAPES.get(letter, "") if letter else chr(int(octal or "0", 8))


def parse(text: Any, log: JobLog, service: dict[str, Any], provider_id: str = _DEFAULT) -> Event:
    """The event in a body; a body of a kind that faas-supervisor cannot search fails here too (wire D029).

    ``provider_id`` is what a delegated event names: anything but "default" is a storage we have no credentials for.
    """
    try:
        event = json.loads(text) if not isinstance(text, dict) else text
    except ValueError:
        return Event("UNKNOWN", text)
    wrapped = _unwrap(event, log, service)
    if wrapped is not None:
        return wrapped
    if _is_storage(event):
        return _storage(event, log, provider_id)
    _records(event, log)
    return Event("UNKNOWN", event)


def _unwrap(event: Any, log: JobLog, service: dict[str, Any]) -> Event | None:
    """Events that are not MinIO's own shape, in faas-supervisor's order."""
    if "httpMethod" in event:
        return _gateway(event, log, service)
    if "event" in event and "subscription" in event:
        return _dcache(event["event"] or event, log, service)
    if "event_type" in event and "scope" in event["payload"]:
        log.say("Rucio event found.")
        _records(event, log)
        return Event("RUCIO", event.get("event") or event, key=event["payload"]["name"])
    if "event" in event:
        log.say("Delegated event found.")
        return parse(event["event"], log, service, event.get("storage_provider", _DEFAULT))
    return None


def _is_storage(event: Any) -> bool:
    if "Records" not in event or not event["Records"]:
        return False
    return "eventSource" in event["Records"][0] and event["Records"][0]["eventSource"] in _SOURCES


def _records(event: Any, log: JobLog) -> Any:
    """The first record, which is said of every event that has one."""
    records = event.get("Records") if isinstance(event, dict) else None
    if records:
        log.say(f"event_records = {records[0]} \n")
    return records[0] if records else None


def _gateway(event: dict[str, Any], log: JobLog, service: dict[str, Any]) -> Event:
    log.say("API Gateway event found.")
    _records(event, log)
    asked = event.get("queryStringParameters") or {}
    found = parse(event.get("body") or "", log, service)
    variables = {f"CONT_VAR_{key}": str(value) for key, value in asked.items() if value}
    return replace(found, variables={**variables, **found.variables})


def _dcache(event: dict[str, Any], log: JobLog, service: dict[str, Any]) -> Event:
    log.say("Dcache event found.")
    paths = [place["path"] for place in service.get("input", []) if place["storage_provider"] == "webdav.dcache"]
    if not paths:
        log.say("There is no dcache input defined for this function.", "WARNING")
    key = "/".join([*paths[:1], event["name"]])
    log.say("DCACHE event created")
    return Event("DCACHE", event, key=key)


def _storage(event: dict[str, Any], log: JobLog, provider_id: str) -> Event:
    log.say("Storage event found.")
    record = _records(event, log)
    kind = _SOURCES[record["eventSource"]]
    if kind == "RUCIO":
        return Event(kind, event, key=event["payload"]["name"])
    key = unquote_plus(record["s3"]["object"]["key"]) if kind != "ONEDATA" else str(record["objectKey"])
    log.say(f"{kind} event created")
    bucket = "" if kind == "ONEDATA" else record["s3"]["bucket"]["name"]
    seen = {"STORAGE_OBJECT_KEY": key, "EVENT_TIME": record["eventTime"], "EVENT": json.dumps(event)}
    provider = kind if provider_id == _DEFAULT else "LOCAL"
    return Event(kind, event, provider, bucket, key, {name: value for name, value in seen.items() if value})
