"""The events a job can be started with, and how each becomes an input file (faas-supervisor's ``events``).

A MinIO or S3 event names an object to download; anything else is content that came with the call. Of the kinds that
faas-supervisor knows, dCache, Rucio and API gateway events are refused here: the sandbox has no such storage.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

if TYPE_CHECKING:
    from pathlib import Path

    from .joblog import JobLog

_SOURCES = {"minio:s3": "MINIO", "aws:s3": "S3", "OneTrigger": "ONEDATA"}
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}
_FOREIGN = {"httpMethod", "subscription", "event_type"}
_ESCAPE = re.compile(r"\\(?:([abcfnrtv\\])|0([0-7]{0,3}))")


@dataclass(frozen=True)
class Event:
    provider: str
    content: Any
    bucket: str = ""
    key: str | None = None
    time: str = ""

    @property
    def text(self) -> str:
        return json.dumps(self.content)

    def without_storage(self) -> Event:
        """The same event for a run that has no storage credentials: its own JSON becomes the input."""
        return replace(self, provider="LOCAL", key=None)

    def save(self, path: Path) -> None:
        """Content that came with the call; the nested handlers and their errors are those of wire D026 and R014."""
        try:
            json.loads(self.content)
            path.write_text(self.content, encoding="utf-8")
        except TypeError:
            content = json.dumps(self.content) if isinstance(self.content, dict) else self.content
            with path.open("w", encoding="utf-8") as file:
                file.write(content)
        except ValueError:
            path.write_bytes(base64.b64decode(self.content))


def echo(text: str) -> str:
    """What ``echo $EVENT`` of a small shell prints: runs of spaces collapse, backslash escapes act (wire D021)."""
    joined = " ".join(word for word in re.split(r"[ \t\n]+", text) if word)
    joined, stop, _ = joined.partition("\\c") if re.search(r"(?<!\\)\\c", joined) else (joined, "", "")
    plain = _ESCAPE.sub(_unescape, joined)
    return plain if stop else plain + "\n"


def _unescape(match: re.Match[str]) -> str:
    letter, octal = match.groups()
    return _ESCAPES.get(letter, "") if letter else chr(int(octal or "0", 8))


def parse(text: Any, log: JobLog) -> Event:
    """The event in a body; a body of a kind that faas-supervisor cannot search fails here too (wire D029)."""
    try:
        event = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return Event("LOCAL", text)
    if _is_storage(event):
        return _storage(event, log)
    if isinstance(event, dict) and not _FOREIGN.isdisjoint(event):
        raise NotImplementedError("the sandbox takes MinIO events and content, not dCache, Rucio or gateway events")
    if "event" in event:
        return parse(event["event"], log)
    return Event("LOCAL", event)


def _is_storage(event: Any) -> bool:
    if "Records" not in event or not event["Records"]:
        return False
    return "eventSource" in event["Records"][0] and event["Records"][0]["eventSource"] in _SOURCES


def _storage(event: dict[str, Any], log: JobLog) -> Event:
    record = event["Records"][0]
    provider = _SOURCES[record["eventSource"]]
    log.say("Storage event found.")
    log.say(f"event_records = {record} \n")
    log.say(f"{provider} event created")
    place = record["s3"]
    key = unquote_plus(place["object"]["key"])
    return Event(provider, event, place["bucket"]["name"], key, record.get("eventTime", ""))
