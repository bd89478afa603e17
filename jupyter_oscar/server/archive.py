"""A folder of a bucket as one ZIP file, made while it is sent: nothing is kept here, on disk or in memory."""

from __future__ import annotations

import io
import zipfile
from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar

from tornado import web

from jupyter_oscar.client.errors import ObjectNotFound

from .attachment import cut, mark
from .route import Route, may

if TYPE_CHECKING:
    from jupyter_oscar.client.cluster import Cluster

MARK = "\N{EMPTY SET}"


class _Sink(io.RawIOBase):
    """Takes what a ZIP writer gives and hands it on; it cannot be read or gone back in."""

    def __init__(self) -> None:
        super().__init__()
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        self._held += memoryview(data)  # type: ignore[arg-type]
        return len(memoryview(data))  # type: ignore[arg-type]

    def take(self) -> bytes:
        """What came since the last time."""
        held, self._held = bytes(self._held), bytearray()
        return held


def _inside(name: str) -> str:
    """A name that stays in the folder it is unpacked into, its odd parts marked as the page marks them."""
    folder = "/" if name.endswith("/") else ""
    parts = name.removesuffix("/").split("/")
    return "/".join(MARK + part if part in {"", ".", ".."} else part for part in parts) + folder


class ArchiveRoute(Route):
    """``/jupyter-oscar/clusters/<cluster>/buckets/<bucket>/archive?prefix=…``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:storage"

    @may()
    async def get(self, cluster: str, bucket: str) -> None:
        """All that lies in a folder. Where an object breaks off the connection is cut: no half ZIP looks whole."""
        one, folder = await self.cluster(cluster), self.plain("prefix")
        first = await one.buckets.page(bucket, folder, size=1, folder=False)
        if not first.objects:
            msg = f"There is nothing in {bucket}/{folder}."
            raise ObjectNotFound(msg)
        name = folder.rstrip("/").rpartition("/")[2] or bucket
        mark(self, f"{name}.zip")
        self.set_status(HTTPStatus.OK)
        try:
            await self._send(one, bucket, folder)
        except BaseException:
            cut(self)
            raise
        await web.RequestHandler.finish(self)

    async def _send(self, cluster: Cluster, bucket: str, folder: str) -> None:
        start, sink = folder.rfind("/") + 1, _Sink()
        # What is in buckets is mostly compressed already.
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
            async for row in cluster.buckets.under(bucket, folder):
                written = row.modified.timetuple()[:6]
                entry = zipfile.ZipInfo(
                    _inside(row.key[start:]), max(written, (1980, 1, 1, 0, 0, 0))
                )  # ZIP knows none before
                if row.key.endswith("/"):
                    archive.writestr(entry, b"")
                    continue
                async with cluster.objects.open(bucket, row.key) as reading:
                    with archive.open(entry, "w", force_zip64=True) as member:
                        async for chunk in reading.chunks:
                            member.write(chunk)
                            self.write(sink.take())
                            await self.flush()
        self.write(sink.take())
