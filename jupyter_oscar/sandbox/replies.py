"""Answers in the shapes gin gives them.

Success is JSON or empty, errors are plain text, a 401 or 404 is often empty (oscar.md §0.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from . import gojson

if TYPE_CHECKING:
    from .sandbox import Sandbox

SANDBOX: web.AppKey[Sandbox] = web.AppKey("sandbox")
UNTYPED = "untyped"
"""Marks an answer that goes without a type, since what is behind us gave none."""
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
FORBIDDEN = "You do not have permission to access this service"


def is_local(host: str) -> bool:
    """A name that only this machine can mean: a page elsewhere may not reach us through its own DNS name."""
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return name.lower() in _LOOPBACK


def text(status: int, body: str) -> web.Response:
    return web.Response(status=status, text=body, content_type="text/plain", charset="utf-8")


def empty(status: int) -> web.Response:
    return web.Response(status=status)


def as_json(value: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, text=gojson.encode(value), content_type="application/json", charset="utf-8")


def not_routed() -> web.Response:
    """The answer of gin to what it has no route for; the type has no charset (oscar.md §0.3, point 7)."""
    return web.Response(status=404, body=b"404 page not found", headers={"Content-Type": "text/plain"})


def moved(request: web.Request, path: str) -> web.Response:
    """The way of gin with a trailing slash (wire A012, A013)."""
    if request.method != "GET":
        return web.Response(status=307, headers={"Location": path})
    body = f'<a href="{path}">Moved Permanently</a>.\n\n'
    return web.Response(status=301, text=body, content_type="text/html", charset="utf-8", headers={"Location": path})


def unauthorized() -> web.Response:
    return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="Authorization Required"'})
