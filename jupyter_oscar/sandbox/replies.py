"""Answers in the shapes gin gives them, and the two ways to be let in.

Success is JSON or empty, errors are plain text, a 401 or 404 is often empty (oscar.md §0.1).
"""

from __future__ import annotations

import base64
import hmac
import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from . import gojson

if TYPE_CHECKING:
    from .sandbox import Sandbox

SANDBOX: web.AppKey[Sandbox] = web.AppKey("sandbox")
TOKEN_LENGTH = 64
_JWT_PARTS = 3
FORBIDDEN = "You do not have permission to access this service"


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


def is_admin(request: web.Request, password: str) -> bool:
    wanted = "Basic " + base64.b64encode(f"oscar:{password}".encode()).decode()
    given = request.headers.get("Authorization", "")
    return hmac.compare_digest(wanted.encode(), given.encode("utf-8", "surrogateescape"))


def _issuer(token: str) -> str | None:
    """The ``iss`` of a JWT; None when the text is no JWT."""
    parts = token.split(".")
    if len(parts) != _JWT_PARTS:
        return None
    try:
        return str(json.loads(base64.urlsafe_b64decode(parts[1] + "=="))["iss"])
    except (ValueError, KeyError, TypeError):
        return ""


def refuse_bearer(request: web.Request, service: dict[str, Any] | None) -> web.Response | None:
    """Why ``/job`` and ``/run`` do not let the caller in; None lets in (wire D001-D005, R006-R010)."""
    header = request.headers.get("Authorization", "")
    if not header.startswith("Bearer "):
        return empty(401)
    token = header[len("Bearer ") :]
    if len(token) == TOKEN_LENGTH:
        known = service is not None and hmac.compare_digest(token.encode(), service["token"].encode())
        return None if known else empty(401)
    issuer = _issuer(token)
    if issuer is None:
        why = "token is malformed: token contains an invalid number of segments"
        return text(502, f"{why}Error getting oidc manager for issuer ''")
    return text(400, f"Error getting oidc manager for issuer '{issuer}'")
