"""A page of a bucket's list with more keys on it than the store behind knows of."""

from __future__ import annotations

import base64
from datetime import datetime, timezone
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote
from xml.etree import ElementTree as ET

from .notification import OF_NOTHING

if TYPE_CHECKING:
    from collections.abc import Mapping

_EMPTY = f'"{OF_NOTHING}"'
_NAMES = "http://s3.amazonaws.com/doc/2006-03-01/"


def merged(said: bytes, query: Mapping[str, str], more: Mapping[str, int]) -> bytes:
    """``more``: keys of empty objects, with the time of their making in nanoseconds."""
    ET.register_namespace("", _NAMES)
    page = _Page(ET.fromstring(said), query)  # noqa: S314 - our own store's
    for key, made in more.items():
        page.add(key, made)
    return page.done()


class _Page:
    """``ListObjects`` in both versions."""

    def __init__(self, root: ET.Element, query: Mapping[str, str]) -> None:
        self._root, self._two = root, query.get("list-type") == "2"
        self._prefix, self._delimiter = query.get("prefix", ""), query.get("delimiter", "")
        self._encoded = query.get("encoding-type") == "url"
        self._truncated = self._said("IsTruncated") == "true"
        self._after = query.get("start-after", "") if self._two else query.get("marker", "")
        if token := query.get("continuation-token"):
            self._after = base64.b64decode(token).decode("utf-8", "replace")
        self._rows = {
            self._decode(row.findtext(self._tag(name)) or ""): row
            for kind, name in (("Contents", "Key"), ("CommonPrefixes", "Prefix"))
            for row in root.findall(self._tag(kind))
        }
        self._last = max(self._rows, default="") if self._truncated else None

    def _tag(self, name: str) -> str:
        return self._root.tag.replace("ListBucketResult", name)

    def _said(self, name: str) -> str:
        return self._root.findtext(self._tag(name)) or ""

    def _say(self, name: str, value: str) -> None:
        element = self._root.find(self._tag(name))
        if element is None:
            element = ET.SubElement(self._root, self._tag(name))
        element.text = value

    def _decode(self, text: str) -> str:
        return unquote(text) if self._encoded else text

    def _encode(self, text: str) -> str:
        return quote(text, safe="/") if self._encoded else text

    def add(self, key: str, made_ns: int) -> None:
        rest, when = key[len(self._prefix) :], datetime.fromtimestamp(made_ns / 1e9, timezone.utc)
        if not key.startswith(self._prefix):
            return
        first, delimiter, _ = rest.partition(self._delimiter) if self._delimiter else (rest, "", "")
        shown = self._prefix + first + delimiter
        if shown in self._rows or shown <= self._after or (self._last is not None and shown > self._last):
            return
        if delimiter:
            row = ET.SubElement(self._root, self._tag("CommonPrefixes"))
            ET.SubElement(row, self._tag("Prefix")).text = self._encode(shown)
        else:
            row = ET.SubElement(self._root, self._tag("Contents"))
            for name, value in (
                ("Key", self._encode(key)),
                ("LastModified", f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}Z"),
                ("ETag", _EMPTY),
                ("Size", "0"),
                ("StorageClass", "STANDARD"),
            ):
                ET.SubElement(row, self._tag(name)).text = value
        self._rows[shown] = row

    def done(self) -> bytes:
        """In order, and no more than were asked for."""
        for row in self._rows.values():
            self._root.remove(row)
        most = int(self._said("MaxKeys") or 1000)
        names = sorted(self._rows)
        if len(names) > most:
            names, self._truncated = names[:most], True
            self._say("IsTruncated", "true")
        self._root.extend(self._rows[name] for name in names)
        if self._two:
            self._say("KeyCount", str(len(names)))
        if self._truncated and names and self._two:
            self._say("NextContinuationToken", base64.b64encode(names[-1].encode()).decode())
        elif self._truncated and names:
            self._say("NextMarker", self._encode(names[-1]))
        return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(self._root)
