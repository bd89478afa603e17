"""The bodies of requests, however big: no more of one is held in memory than anything can come of.

OSCAR takes a body whole, and whatever is too big fails at Kubernetes, which says so in its own words (not recorded:
from its API server, which takes requests of 3 MiB, from etcd, which takes half of that, and from ConfigMaps, 1 MiB).
The caller is heard out before it is refused: most clients listen only when all is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from . import gojson

if TYPE_CHECKING:
    from pathlib import Path

LONGEST_OBJECT, LONGEST_ENTRY, LONGEST_MAP = 3 << 20, 3 << 19, 1 << 20
TOO_LARGE = f"Request entity too large: limit is {LONGEST_OBJECT}"
TOO_LARGE_AN_ENTRY = "etcdserver: request is too large"
_LONGEST_DOCUMENT = 8 << 20  # a script that just fits, written with six characters for each of its own
_SMALL = 1 << 20


async def at_most(request: web.Request, limit: int) -> tuple[bytes, bool]:
    """The beginning of the body, and whether that is all of it."""
    held, size = bytearray(), 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        held += chunk[: limit - len(held)]
    return bytes(held), size <= limit


async def document(request: web.Request) -> bytes:
    """A body that is to be JSON; raises ``HTTPRequestEntityTooLarge`` for one that is, but longer than any can be."""
    body, whole = await at_most(request, _LONGEST_DOCUMENT)
    if not whole:
        try:
            gojson.decode(body)  # what follows the first value is ignored
        except gojson.GoJSONError as error:
            if str(error) == gojson.BROKEN_OFF:
                raise web.HTTPRequestEntityTooLarge(_LONGEST_DOCUMENT) from error
    return body


async def spooled(request: web.Request, path: Path) -> bytes | Path:
    """A small body as bytes; a bigger one is at the path."""
    held = bytearray()
    while len(held) <= _SMALL:
        chunk = await request.content.readany()
        if not chunk:
            return bytes(held)
        held += chunk
    with path.open("wb") as file:
        file.write(held)
        async for chunk in request.content.iter_any():
            file.write(chunk)
    return path
