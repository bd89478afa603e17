"""What MinIO does and ``rclone serve s3`` does not, done before it: folder markers, parts, writes under a condition.

Whatever is answered here without asking rclone is answered only to whoever has signed the request; everything else,
and so every refusal of a signature, is rclone's.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import posixpath
import re
import sqlite3
from contextlib import asynccontextmanager
from datetime import datetime, timezone
from email.utils import formatdate
from html import unescape
from http import HTTPStatus
from typing import TYPE_CHECKING

from .access import Access
from .heads import CHUNKED, Head
from .markers import NotAFolder
from .notification import OF_NOTHING
from .s3replies import STORAGE_FULL, refusal, reply, xml
from .signing import is_signed, is_signed_as_before, signed_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    from .front import Line
    from .markers import Markers

    Trick = Callable[[Line, Head], Awaitable[bool]]

_LISTS = {"list-type", "prefix", "delimiter", "max-keys", "marker", "start-after", "continuation-token"}
_LISTS |= {"encoding-type", "fetch-owner"}
_CONDITIONS = ("if-none-match", "if-match")
_SIGNATURE_2, _SIGNED_ANEW_S = {"AWSAccessKeyId", "Expires", "Signature"}, 60
_NO_MATCH = "The request signature we calculated does not match the signature you provided."
_TEXT_XML = b"text/xml; charset=utf-8"
_ROOM = 1 << 16  # less is not looked at
_ON_THE_WAY = {"partNumber", "uploads"}  # to an object that is not there yet
_WRITES = ("PUT", "POST", "DELETE")
_EMPTY = f'"{OF_NOTHING}"'
_FOLDER_KEYS = re.compile(r"<Key>([^<]*/)</Key>")
_REFUSED_FOLDERS = re.compile(r"<Error>\s*(<Key>[^<]*/</Key>).*?</Error>", re.DOTALL)
_MARKER = {"ETag": _EMPTY, "Content-Type": "binary/octet-stream", "Accept-Ranges": "bytes"}


class _Turn:
    """Of those who write one object."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.waiting = 0


class Tricks:
    """``keys`` are the access keys with their secrets; ``refresh`` tells rclone of a folder that changed."""

    def __init__(
        self,
        root: Path,
        markers: Markers,
        keys: Callable[[], Mapping[str, str]],
        refresh: Callable[[str], Awaitable[None]],
    ) -> None:
        self._root, self._markers, self._keys, self._refresh = root, markers, keys, refresh
        self._turns: dict[str, _Turn] = {}

    def concerning(self, head: Head) -> Trick | None:
        bucket, _, key = head.path[1:].partition("/")
        if "AWSAccessKeyId=" in head.target:
            return self._older_link
        if not bucket:
            return None
        if not key:
            return self._of_bucket(bucket, head)
        if key.endswith("/"):
            return self._of_folder(bucket, key, head)
        if head.method in _WRITES and not _ON_THE_WAY & head.query.keys():
            return self._write
        return None

    @staticmethod
    def mended(answer: Head) -> Head:
        """A part of an object, which rclone gives as a whole one, and XML by the name that MinIO has for it."""
        if "content-range" in answer.headers:
            whole = answer.without(lambda name: name.startswith("x-amz-checksum-"))  # the sum of the whole object
            return whole.with_status(206, "Partial Content")
        if answer.headers.get("content-type", "").startswith("text/xml"):
            return Head(answer.raw.replace(_TEXT_XML, b"application/xml", 1), answer.first, answer.headers)
        return answer

    def _is_signed(self, head: Head) -> bool:
        now = datetime.now(timezone.utc)
        return is_signed(head.method, head.target, head.headers, self._keys(), now)

    async def _older_link(self, line: Line, head: Head) -> bool:
        """A link with signature 2, which MinIO takes and rclone does not: signed anew with signature 4."""
        query = head.query
        key, ends = query.get("AWSAccessKeyId", ""), query.get("Expires", "")
        secret = self._keys().get(key)
        if secret is None or not is_signed_as_before(head.method, head.target, head.headers, secret):
            return await line.say(head, refusal(403, "SignatureDoesNotMatch", _NO_MATCH))
        now = datetime.now(timezone.utc)
        if not ends.isdecimal() or int(ends) < now.timestamp():
            return await line.say(head, refusal(403, "AccessDenied", "Request has expired"))
        access = Access(head.headers["host"], key, secret)
        more = {name: value for name, value in query.items() if name not in _SIGNATURE_2}
        url = signed_url(access, head.method, head.path, {}, _SIGNED_ANEW_S, now, more)
        anew = head.with_target(url.removeprefix(f"http://{access.address}"))
        trick = self.concerning(anew)
        return await (line.pass_on(anew) if trick is None else trick(line, anew))

    # buckets

    def _of_bucket(self, bucket: str, head: Head) -> Trick | None:
        if head.method == "DELETE" and not head.query:
            return self._delete_bucket
        if head.method == "POST" and "delete" in head.query:
            return self._delete_many
        if head.method == "GET" and "uploads" in head.query:
            return self._list_uploads
        if (
            head.method == "GET"
            and self._markers.of(bucket)
            and head.query.keys() <= _LISTS | {name for name in head.query if name[:6] == "X-Amz-"}
        ):
            return self._list
        return None

    async def _delete_bucket(self, line: Line, head: Head) -> bool:
        async def change(answer: Head, _: bytes) -> None:
            if answer.status == HTTPStatus.NO_CONTENT:
                self._markers.drop(head.path.strip("/"))

        return await line.pass_on(head, change=change)

    async def _list(self, line: Line, head: Head) -> bool:
        async def change(answer: Head, body: bytes) -> bytes | None:
            if answer.status != HTTPStatus.OK:
                return None
            merged = self._markers.listed(head.path.strip("/"), body, head.query)
            return answer.with_length(len(merged)).raw + merged

        return await line.pass_on(head, change=change)

    async def _list_uploads(self, line: Line, head: Head) -> bool:
        async def change(answer: Head, body: bytes) -> bytes | None:
            if answer.status != HTTPStatus.NOT_FOUND or b"NoSuchUpload" not in body:
                return None
            told = f"<Bucket>{head.path.strip('/')}</Bucket><IsTruncated>false</IsTruncated>"
            return xml(200, f"<ListMultipartUploadsResult>{told}</ListMultipartUploadsResult>")

        return await line.pass_on(head, change=change)

    async def _delete_many(self, line: Line, head: Head) -> bool:
        bucket, seen = head.path.strip("/"), bytearray()

        async def change(answer: Head, body: bytes) -> bytes | None:
            folders = [unescape(key) for key in _FOLDER_KEYS.findall(seen.decode("utf-8", "replace"))]
            if answer.status != HTTPStatus.OK or not folders:
                return None
            for key in folders:
                await self._forget(bucket, key)
            told = _REFUSED_FOLDERS.sub(r"<Deleted>\1</Deleted>", body.decode("utf-8", "replace")).encode()
            return answer.with_length(len(told)).raw + told

        return await line.pass_on(head, seen=seen, change=change)

    async def _forget(self, bucket: str, key: str) -> None:
        self._markers.drop(bucket, key)
        await self._refresh(posixpath.dirname(f"{bucket}/{key[:-1]}"))

    # folder markers

    def _of_folder(self, bucket: str, key: str, head: Head) -> Trick | None:
        if head.method in ("GET", "HEAD"):
            return self._read_folder if self._markers.made(bucket, key) is not None else None
        if head.query.keys() - {name for name in head.query if name[:6] == "X-Amz-" or name == "x-id"}:
            return None
        if not self._is_signed(head):
            return None
        return {"PUT": self._put_folder, "DELETE": self._delete_folder}.get(head.method)

    async def _put_folder(self, line: Line, head: Head) -> bool:
        bucket, _, key = head.path[1:].partition("/")
        size = head.headers.get("x-amz-decoded-content-length") or head.length
        if int(size) and size != CHUNKED:
            name = "Object name contains unsupported characters."
            return await line.say(head, refusal(400, "XMinioInvalidObjectName", name))
        try:
            self._markers.put(bucket, key, head.headers.get("content-type") or "binary/octet-stream")
        except FileNotFoundError:
            return await line.say(head, refusal(404, "NoSuchBucket", "The specified bucket does not exist"))
        except NotAFolder as error:
            return await line.say(head, refusal(400, *error.args))
        except (OSError, sqlite3.OperationalError):
            return await line.say(head, refusal(*STORAGE_FULL))
        await self._refresh(posixpath.dirname(f"{bucket}/{key[:-1]}"))
        if "x-amz-copy-source" in head.headers:
            now = f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%S.000Z}"
            told = f"<ETag>{_EMPTY}</ETag><LastModified>{now}</LastModified>"
            return await line.say(head, xml(200, f"<CopyObjectResult>{told}</CopyObjectResult>"))
        return await line.say(head, reply(200, headers={"ETag": _EMPTY}))

    async def _read_folder(self, line: Line, head: Head) -> bool:
        bucket, _, key = head.path[1:].partition("/")

        async def change(answer: Head, _: bytes) -> bytes | None:
            made = self._markers.made(bucket, key)
            if answer.status != HTTPStatus.NOT_FOUND or made is None:
                return None
            return reply(200, headers={**_MARKER, "Last-Modified": formatdate(made / 1e9, usegmt=True)})

        return await line.pass_on(head, change=change)

    async def _delete_folder(self, line: Line, head: Head) -> bool:
        bucket, _, key = head.path[1:].partition("/")
        await self._forget(bucket, key)
        return await line.say(head, reply(204))

    # writes under a condition

    async def _write(self, line: Line, head: Head) -> bool:
        if head.length > _ROOM and head.length > self._room() and self._is_signed(head):
            return await line.say(head, refusal(*STORAGE_FULL))  # rclone would write what fits, and say 500
        conditions = {name: head.headers[name] for name in _CONDITIONS if name in head.headers}
        path = posixpath.normpath(head.path)
        async with self._turn(path):
            if conditions and self._is_signed(head):
                refused = await asyncio.to_thread(self._refused, path, conditions)
                if refused is not None:
                    return await line.say(head, refused)
            return await line.pass_on(head)

    def _room(self) -> int:
        disk = os.statvfs(self._root)
        return disk.f_bavail * disk.f_frsize

    @asynccontextmanager
    async def _turn(self, path: str) -> AsyncIterator[None]:
        """One write of an object after the other: of two at once rclone fails one."""
        turn = self._turns.setdefault(path, _Turn())
        turn.waiting += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.waiting -= 1
            if not turn.waiting:
                del self._turns[path]

    def _refused(self, path: str, conditions: Mapping[str, str]) -> bytes | None:
        file = self._root / path.lstrip("/")
        there = file.is_file()
        tags = {name: [tag.strip(' "') for tag in value.split(",")] for name, value in conditions.items()}
        wanted, unwanted = tags.get("if-match"), tags.get("if-none-match")
        if wanted and not there:
            return refusal(404, "NoSuchKey", "The specified key does not exist.")
        tag = ""
        if there and any(one != "*" for one in (*(wanted or ()), *(unwanted or ()))):
            with file.open("rb") as content:
                tag = _md5(content.read)
        if (wanted and not {"*", tag} & set(wanted)) or (unwanted and there and {"*", tag} & set(unwanted)):
            return refusal(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
        return None


def _md5(read: Callable[[int], bytes]) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    while piece := read(1 << 20):
        digest.update(piece)
    return digest.hexdigest()
