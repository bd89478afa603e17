"""Bytes that others wrote, sent so that a browser saves them and runs nothing of them (DESIGN §7)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tornado import web

if TYPE_CHECKING:
    from jupyter_oscar.client.objects import Reading

    from .route import Route


def as_attachment(name: str) -> dict[str, str]:
    """The headers by which a browser saves an answer as ``name``, of which the folders are left out."""
    saved = quote(name.rpartition("/")[2], safe="")
    return {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f"attachment; filename*=UTF-8''{saved}",
    }


def mark(route: Route, name: str) -> None:
    """Say that an answer is to be saved as ``name``, and nothing of it run."""
    for header, said in as_attachment(name).items():
        route.set_header(header, said)
    route.set_header("X-Content-Type-Options", "nosniff")
    route.set_header("Content-Security-Policy", "sandbox")
    route.set_header("Cache-Control", "no-store")


def cut(route: Route) -> None:
    """Hang up on an answer that breaks off: one without a length would end as if it were whole."""
    connection: Any = route.request.connection
    if connection is not None and connection.stream is not None:
        connection.stream.close()


async def attach(route: Route, name: str, reading: Reading) -> None:
    """Answer with an object, or the part of it that is read, piece by piece.

    ``name`` is what the browser saves it as, without its folders. An object that breaks off is seen to: the answer has
    its length, and the connection is cut.
    """
    found = reading.object
    length = reading.last - reading.first + 1
    mark(route, name)
    route.set_header("Content-Length", str(length))
    route.set_header("Accept-Ranges", "bytes")
    route.set_header("Last-Modified", found.modified)
    route.set_header("ETag", f'"{found.etag}"')
    if length < found.size:
        route.set_status(HTTPStatus.PARTIAL_CONTENT)
        route.set_header("Content-Range", f"bytes {reading.first}-{reading.last}/{found.size}")
    async for chunk in reading.chunks:
        route.write(chunk)
        await route.flush()
    await web.RequestHandler.finish(route)
