"""The fence around exposed services that ask for no login of their own.

On a cluster such a service is open to everybody who can reach it, and says so. Here the sandbox lets in whoever shows
what opens the sandbox or the service: its password, the service's token, a user's token (as `oscar.md` §6.3 has it for
``auth_type: forward``), or the cookie of this fence. A browser gets that cookie by a ticket: a link that is good once,
within a minute, and that whoever knows the sandbox's password can write::

    <endpoint>/system/services/<name>/exposed/?oscar-ticket=<time>.<nonce>.<mac>

``time`` is the Unix second of its making, ``nonce`` anything without a dot, ``mac`` the hexadecimal HMAC-SHA256 of
``<name>``, ``<time>`` and ``<nonce>``, a line each without a last line feed, under the sandbox's password. The answer
sets the cookie and leads to the same address without the ticket. The service sees neither.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import TYPE_CHECKING

from aiohttp import web

from . import deployments
from .expose import prefix_of
from .replies import SANDBOX, text

if TYPE_CHECKING:
    from multidict import CIMultiDict

TICKET = "oscar-ticket"
_GOOD_FOR_S = 60


async def let_in(request: web.Request, name: str) -> tuple[web.Response | None, str]:
    """A refusal or the way on, or the cookie to hand out."""
    known = request.cookies.get(_cookie(request), "")
    if hmac.compare_digest(known.encode(), _mac(request, "cookie", name).encode()):
        return (_onward(request), "") if TICKET in request.query else (None, "")
    if request.method == "GET" and _take(request, name):
        return _onward(request, name), ""
    answer = await deployments.check_auth(request)
    if answer.status == web.HTTPOk.status_code:
        return None, answer.headers.get("Set-Cookie", "")
    refusal = text(
        401,
        f'The service "{name}" asks for no login, so the sandbox lets in only its own users: open it from JupyterLab '
        "once more, or log in with the sandbox's user and password or with the service's token.",
    )
    refusal.headers["WWW-Authenticate"] = 'Basic realm="OSCAR sandbox"'
    return refusal, ""


def without_cookie(request: web.Request, headers: CIMultiDict[str]) -> None:
    """What the service gets is what a cluster would give it."""
    own = f"{_cookie(request)}="
    lines = headers.popall("Cookie", [])
    for line in lines:
        kept = [part for part in line.split(";") if not part.strip().startswith(own)]
        if kept:
            headers.add("Cookie", ";".join(kept).strip())


def _cookie(request: web.Request) -> str:
    """Cookies know no ports: two sandboxes of one machine keep theirs apart by name."""
    return f"oscar_sandbox_{request.app[SANDBOX].data.fingerprint}"


def _mac(request: web.Request, *lines: str) -> str:
    password = request.app[SANDBOX].settings.password
    return hmac.new(password.encode(), "\n".join(lines).encode(), hashlib.sha256).hexdigest()


def _take(request: web.Request, name: str) -> bool:
    """Whether it holds a ticket that is good; from now on it is good no more."""
    made, _, rest = request.query.get(TICKET, "").partition(".")
    nonce, _, mac = rest.partition(".")
    if (
        not made.isascii()
        or not made.isdecimal()
        or not hmac.compare_digest(mac.encode("utf-8", "surrogateescape"), _mac(request, name, made, nonce).encode())
    ):
        return False
    now, used = int(time.time()), request.app[SANDBOX].tickets
    for old in [key for key, since in used.items() if now - since > _GOOD_FOR_S]:
        del used[old]
    if abs(now - int(made)) > _GOOD_FOR_S or nonce in used:
        return False
    used[nonce] = int(made)
    return True


def _onward(request: web.Request, name: str | None = None) -> web.Response:
    """To the same place without the ticket, the rest as it was written."""
    path, _, query = request.rel_url.raw_path_qs.partition("?")
    rest = "&".join(part for part in query.split("&") if part.partition("=")[0] != TICKET)
    answer = web.Response(status=303, headers={"Location": f"{path}?{rest}" if rest else path})
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Referrer-Policy"] = "no-referrer"
    if name is not None:
        answer.headers["Set-Cookie"] = (
            f"{_cookie(request)}={_mac(request, 'cookie', name)}; Path={prefix_of(name)}; HttpOnly; SameSite=Lax"
        )
    return answer
