"""What is in a bucket or a folder of it, read page by page as it is walked through."""

from __future__ import annotations

from datetime import timezone
from html import escape
from itertools import chain
from typing import TYPE_CHECKING, Any

from . import shown, views
from .bridge import bridge
from .objects import StoredObject
from .shown import QUIET

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from jupyter_oscar.client.buckets import Page
    from jupyter_oscar.client.cluster import Cluster as Client
    from jupyter_oscar.client.transfers import Object

PAGE = 200
NEXT = 1000


class Listing:
    """Folders and objects. Walking through it gives the objects of all pages; its first page is what a cell shows."""

    def __init__(self, client: Client, bucket: str, prefix: str, *, recursive: bool) -> None:
        self._client, self._bucket, self._prefix = client, bucket, prefix
        self._recursive = recursive
        self._first = bridge.run(self._page(None, PAGE))

    @property
    def folders(self) -> list[str]:
        """Names of folders in the first page."""
        return self._first.folders

    @property
    def objects(self) -> list[StoredObject]:
        """The objects of the first page."""
        return [self._stored(row) for row in self._first.objects]

    @property
    def more(self) -> bool:
        """Whether there are more pages."""
        return self._first.next is not None

    def __iter__(self) -> Iterator[StoredObject]:
        yield from chain(self.objects, bridge.iterate(self._rest))

    async def __aiter__(self) -> AsyncIterator[StoredObject]:
        for row in self.objects:
            yield row
        token = self._first.next
        while token:
            page = await bridge.here(self._page(token, NEXT))
            for found in page.objects:
                yield self._stored(found)
            token = page.next

    async def _rest(self) -> AsyncIterator[StoredObject]:
        token = self._first.next
        while token:
            page = await self._page(token, NEXT)
            for row in page.objects:
                yield self._stored(row)
            token = page.next

    async def _page(self, token: str | None, size: int) -> Page:
        return await self._client.buckets.page(
            self._bucket, self._prefix, token=token, size=size, folder=not self._recursive
        )

    def _stored(self, row: Object) -> StoredObject:
        return StoredObject(self._client, self._bucket, row, row.key)

    def __bool__(self) -> bool:
        return bool(self._first.folders or self._first.objects)

    def _rows(self) -> list[tuple[str, str, str]]:
        """Names below the folder that is listed, sizes and times."""
        start = self._prefix.rfind("/") + 1
        rows = [(name[start:], "", "") for name in self._first.folders]
        return rows + [
            (row.key[start:], views.size(row.size), f"{row.modified.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S}")
            for row in self._first.objects
        ]

    @property
    def _empty(self) -> str:
        return f"Nothing in s3://{self._bucket}/{self._prefix}"

    def __repr__(self) -> str:
        if not self:
            return self._empty
        rows = self._rows()
        names, sizes = max(len(row[0]) for row in rows), max(len(row[1]) for row in rows)
        lines = [f"{name:<{names}}  {size:>{sizes}}  {when}".rstrip() for name, size, when in rows]
        return "\n".join([*lines, *(["and more: walk through it"] if self.more else [])])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        del include, exclude
        if not self:
            return {"text/plain": repr(self), "text/html": f"<span {QUIET}>{escape(self._empty)}</span>"}
        more = f"<div {QUIET}>and more: walk through it</div>" if self.more else ""
        html = shown.table(("name", "size", "modified (UTC)"), self._rows()) + more
        return {"text/plain": repr(self), "text/html": html}
