"""Objects: their bytes in and out, copies of them, and links to them. Parts of large ones are in ``uploads``."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, ClassVar

from tornado import web

from jupyter_oscar.client.errors import InvalidRequest, StorageFailed

from .attachment import as_attachment, attach
from .buckets import object_row
from .digest import Digest
from .route import Message, Route, may

if TYPE_CHECKING:
    from jupyter_oscar.client.objects import Writing

# An object that is sent whole may be larger than what a request may be otherwise: it passes through.
LARGEST = 1 << 50


class Place(Message):
    """Where something is; a key that ends in a slash is a folder and all that lies in it."""

    bucket: str
    key: str


class Copy(Message):
    """What to copy or move, and to where: an object to a key, a folder to a folder."""

    source: Place
    target: Place
    move: bool = False


class Wish(Message):
    """A link to be made, and for how many seconds it works; with ``attachment`` a browser saves what it leads to."""

    key: str
    seconds: int = 600
    attachment: bool = False


class Link(Message):
    """A link with which anybody may read one object until ``expires_at``, in seconds since 1970."""

    url: str
    expires_at: float


class InfoRoute(Route):
    """``/jupyter-oscar/clusters/<cluster>/buckets/<bucket>/info?key=…``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:storage"

    @may()
    async def get(self, cluster: str, bucket: str) -> None:
        """Size, time and ETag of an object."""
        self.reply(object_row(await (await self.cluster(cluster)).objects.look(bucket, self.plain("key"))))


@web.stream_request_body
class ObjectRoute(Route):
    """``/jupyter-oscar/clusters/<cluster>/buckets/<bucket>/object?key=…``: the bodies are the object."""

    auth_resource: ClassVar[str] = "jupyter_oscar:storage"
    _writing: Writing | None = None
    _failed: BaseException | None = None

    async def prepare(self) -> None:  # type: ignore[override]
        """Bytes arrive before the verb: who may is asked here (jupyterlab.md §10.7)."""
        await super().prepare()
        if self._finished or self.request.method != "PUT":
            return
        if self.current_user is None or not await self.allowed("write"):
            raise web.HTTPError(403)
        connection: Any = self.request.connection
        connection.set_max_body_size(LARGEST)
        cluster = await self.cluster(self.path_args[0])
        self._writing = cluster.objects.writing(self.path_args[1], self.plain("key"))
        self._digest = Digest(self.request.headers.get("Content-Digest", ""))

    async def data_received(self, chunk: bytes) -> None:
        """A piece of the object. The next comes when there is room for it, so that memory stays bounded."""
        if self._writing is None or self._failed is not None:
            return
        try:
            self._digest.update(chunk)
            await self._writing.write(chunk)
        except Exception as error:  # noqa: BLE001 - said by the verb: raised here it would only cut the connection
            self._failed = error

    @may()
    async def get(self, cluster: str, bucket: str) -> None:
        """The bytes, or the range of them that is asked for, as an attachment that no browser runs."""
        one, key = await self.cluster(cluster), self.plain("key")
        wanted, etag = self.request.headers.get("Range"), self.request.headers.get("If-Range", "").strip('"')
        async with one.objects.open(bucket, key, wanted=wanted, etag=etag or None) as reading:
            await attach(self, key, reading)

    @may()
    async def put(self, cluster: str, bucket: str) -> None:
        """Store the body; nothing is seen under the key before it is complete."""
        del cluster, bucket
        if self._failed is not None:
            raise self._failed
        if self._writing is None:
            raise web.HTTPError(400)
        writing, self._writing = self._writing, None
        try:
            self._digest.check()
        except StorageFailed:
            await writing.give_up()
            raise
        self.reply(object_row(await writing.finish()), 201)

    @may()
    async def delete(self, cluster: str, bucket: str) -> None:
        """Remove it."""
        await (await self.cluster(cluster)).objects.remove(bucket, [self.plain("key")])
        self.reply(None)

    def on_connection_close(self) -> None:
        """The sender is gone: what it had sent goes too."""
        super().on_connection_close()
        if self._writing is not None:
            writing, self._writing = self._writing, None
            self._giving_up = asyncio.ensure_future(writing.give_up())


class CopiesRoute(Route):
    """``/jupyter-oscar/clusters/<cluster>/copies``: from bucket to bucket, inside the storage."""

    auth_resource: ClassVar[str] = "jupyter_oscar:storage"

    @may()
    async def post(self, cluster: str) -> None:
        """Copy or move; says how many objects as it goes (see ``Lines``). What is there is not replaced."""
        said, one = self.body(Copy), await self.cluster(cluster)
        source, target = said.source, said.target
        if source.key.endswith("/") != target.key.endswith("/"):
            msg = "An object is copied to a key, a folder to a folder."
            raise InvalidRequest(msg, hint="A folder's key ends in a slash.")
        places = (source.bucket, source.key, target.bucket, target.key)
        if source.key.endswith("/"):
            await self.work(lambda told: one.objects.copy_folder(*places, move=said.move, told=told))
        elif said.move:
            await self.work(lambda _: one.objects.move(*places))
        else:
            await one.objects.refuse_existing(target.bucket, target.key)
            await self.work(lambda _: one.objects.copy(*places))


class LinkRoute(Route):
    """``/jupyter-oscar/clusters/<cluster>/buckets/<bucket>/link``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:storage"

    @may("read")
    async def post(self, cluster: str, bucket: str) -> None:
        """A link to an object, which is not kept anywhere here."""
        said, one = self.body(Wish), await self.cluster(cluster)
        if not 0 < said.seconds <= (week := 7 * 24 * 3600):
            msg = f"A link works for 1 to {week} seconds."
            raise InvalidRequest(msg)
        await one.objects.look(bucket, said.key)
        expires = time.time() + said.seconds
        answered = as_attachment(said.key) if said.attachment else None
        url = await one.buckets.presign(bucket, said.key, seconds=said.seconds, answered=answered)
        self.reply(Link(url=url, expires_at=expires))
