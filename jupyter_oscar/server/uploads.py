"""Uploads in parts: begun, sent through here or by links straight to the storage, finished, given up, found again.

What has arrived stands in the storage, nothing of it here: an upload goes on after a reload or a restart.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

from tornado import web

from jupyter_oscar.client.errors import InvalidRequest

from .buckets import object_row
from .digest import Digest
from .route import BODY, Message, Route, may


class Upload(Message):
    """An object that is sent in parts, each of ``part_size`` bytes but the last."""

    id: str
    part_size: int


class Part(Message):
    """A part that was stored."""

    etag: str


class Unfinished(Message):
    """An upload that was begun and neither finished nor given up. ``begun`` is in seconds since 1970."""

    key: str
    id: str
    begun: float


class Arrived(Message):
    """A part that has arrived."""

    number: int
    size: int
    etag: str


class Whole(Message):
    """How large the object is that the parts which have arrived should make."""

    size: int


class PartWish(Message):
    """A part for which a link is wanted; with ``sha256`` (base64) the storage takes no other bytes by it."""

    number: int
    sha256: str = ""


class PartLink(Message):
    """A link that takes one part, for ten minutes, and the headers that go with it."""

    url: str
    headers: dict[str, str]


class UploadsRoute(Route):
    """``/jupyter-oscar/clusters/<cluster>/buckets/<bucket>/uploads?key=…``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:storage"

    @may()
    async def get(self, cluster: str, bucket: str) -> None:
        """Uploads that nobody finished, of keys that begin with ``prefix``."""
        one = await self.cluster(cluster)
        found = one.uploads.unfinished(bucket, self.plain("prefix"))
        self.reply([Unfinished(key=row.key, id=row.id, begun=row.begun.timestamp()) async for row in found])

    @may()
    async def post(self, cluster: str, bucket: str) -> None:
        """Begin an object in parts; of ``size`` bytes where that is known, in parts of ``part`` where that goes."""
        from jupyter_oscar.client.transfers import PART
        from jupyter_oscar.client.uploads import part_size

        size, wanted = self.get_query_argument("size", "0"), self.get_query_argument("part", str(PART))
        if not (size.isdecimal() and wanted.isdecimal()):
            msg = "The size of an object, and of its parts, is a number of bytes."
            raise InvalidRequest(msg)
        part = part_size(int(size), int(wanted))
        one = await self.cluster(cluster)
        self.reply(Upload(id=await one.objects.begin(bucket, self.plain("key")), part_size=part), 201)


@web.stream_request_body
class UploadRoute(Route):
    """``/jupyter-oscar/clusters/<cluster>/buckets/<bucket>/upload?key=…&id=…``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:storage"
    _turn: bool = False
    _gone: bool = False

    def initialize(self) -> None:
        """Nothing has come yet."""
        super().initialize()
        self._held = bytearray()

    async def prepare(self) -> None:  # type: ignore[override]
        """Who may is asked before the first byte, and a part is taken in when there is room for it."""
        await super().prepare()
        if self._finished or self.request.method != "PUT":
            return
        if self.current_user is None or not await self.allowed("write"):
            raise web.HTTPError(403)
        if int(self.request.headers.get("Content-Length") or 0) > BODY:
            msg = f"A part has {BODY:,} bytes at most."
            raise InvalidRequest(msg)
        await self.parts.acquire()
        self._turn = True
        if self._gone:
            self._let_go()

    @property
    def parts(self) -> asyncio.Semaphore:
        """How many parts are in memory at once, for everybody together."""
        found: asyncio.Semaphore = self.settings["jupyter_oscar_parts"]
        return found

    def data_received(self, chunk: bytes) -> None:
        """A piece of the part."""
        if len(self._held) <= BODY:  # one byte more is enough to see that it is too much
            self._held += chunk

    def on_finish(self) -> None:
        """Let the next part in."""
        self._let_go()
        super().on_finish()

    def on_connection_close(self) -> None:
        """The same when the sender is gone."""
        self._gone = True
        self._let_go()
        super().on_connection_close()

    def _let_go(self) -> None:
        self._held = bytearray()
        if self._turn:
            self._turn = False
            self.parts.release()

    @may()
    async def get(self, cluster: str, bucket: str) -> None:
        """The parts that have arrived."""
        one = await self.cluster(cluster)
        parts = await one.uploads.parts(bucket, self.plain("key"), self.plain("id"))
        self.reply([Arrived(number=part.number, size=part.size, etag=part.etag.strip('"')) for part in parts])

    @may()
    async def put(self, cluster: str, bucket: str) -> None:
        """Store the part ``number``: at least 5 MiB but for the last, and no larger than a request may be."""
        number, data = self.get_query_argument("number", ""), self._held
        if not number.isdecimal() or not 0 < len(data) <= BODY:
            msg = f"A part has a number and 1 to {BODY:,} bytes."
            raise InvalidRequest(msg)
        await asyncio.to_thread(Digest.compare, self.request.headers.get("Content-Digest", ""), data)
        one = await self.cluster(cluster)
        key, upload = self.plain("key"), self.plain("id")
        self.reply(Part(etag=await one.objects.part(bucket, key, upload, int(number), data)), 201)

    @may()
    async def delete(self, cluster: str, bucket: str) -> None:
        """Forget the parts."""
        await (await self.cluster(cluster)).objects.abort(bucket, self.plain("key"), self.plain("id"))
        self.reply(None)


class FinishRoute(Route):
    """``/jupyter-oscar/clusters/<cluster>/buckets/<bucket>/upload/finish?key=…&id=…``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:storage"

    @may()
    async def post(self, cluster: str, bucket: str) -> None:
        """Make the object of the parts that have arrived, by whatever way, if they are all of it."""
        said, one = self.body(Whole), await self.cluster(cluster)
        key = self.plain("key")
        await one.uploads.finish(bucket, key, self.plain("id"), said.size)
        self.reply(object_row(await one.objects.look(bucket, key)), 201)


class PartLinkRoute(Route):
    """``/jupyter-oscar/clusters/<cluster>/buckets/<bucket>/upload/link?key=…&id=…``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:storage"

    @may()
    async def post(self, cluster: str, bucket: str) -> None:
        """A link with which the page sends one part straight to the storage."""
        said, one = self.body(PartWish), await self.cluster(cluster)
        url = await one.uploads.sign(bucket, self.plain("key"), self.plain("id"), said.number, sha256=said.sha256)
        self.reply(PartLink(url=url, headers={"x-amz-checksum-sha256": said.sha256} if said.sha256 else {}))
