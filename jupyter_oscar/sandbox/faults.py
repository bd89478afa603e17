"""What shall go wrong, for tests of those who call: a YAML list, and one entry fires per request.

    - route: POST /job/*        # method and path, with * and ?; leave it out for every request to the API
      calls: [2, 3]             # which of the matching requests, counted from 1; leave it out for all
      do: slow                  # one of the words below
      seconds: 1.5              # slow only

``slow`` waits, then answers. ``500`` answers that without doing anything, ``500 after`` when all is done. ``cut``
closes the connection unanswered, ``truncated`` in the middle of the body. ``html`` answers as a proxy whose server is
gone. ``expired`` answers 401. ``storage restart`` ends the object store and starts it again, while the request goes on.
``disk full`` answers as if the data folder's disk were full; ``quota full``, of the object store alone, as if the
bucket's quota were. ``503`` answers that it is too busy.

A route that begins with ``s3`` is one of the object store's: ``s3 PUT /bucket/folder/*``. What it says after a
question mark is compared with the query as it was written: ``s3 GET /bucket?*list-type=2*``.
"""

from __future__ import annotations

import asyncio
import errno
import os
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .replies import SANDBOX, empty, text
from .settings import CannotStart

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

WORDS = (
    *("slow", "500", "500 after", "cut", "truncated", "html", "expired", "storage restart", "503"),
    *("disk full", "quota full"),
)
_KEYS = {"route", "calls", "do", "seconds"}
AFTER = "This fault was asked for: the request was done, and its answer is lost."
_BEFORE = "This fault was asked for: nothing was done."
_S3 = "s3 "
_PAGE = "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"


@dataclass(eq=False, repr=False)
class Fault:
    """One entry of the list."""

    do: str
    route: str = "* *"
    calls: tuple[int, ...] = ()
    seconds: float = 1.0
    seen: int = field(default=0, init=False)

    @property
    def is_of_store(self) -> bool:
        return self.route.startswith(_S3)

    def fires(self, method: str, path: str, target: str = "") -> bool:
        """``target`` is the path with its query."""
        route = self.route.removeprefix(_S3)
        if not any(fnmatchcase(f"{method} {where}", route) for where in (path, target) if where):
            return False
        self.seen += 1
        return not self.calls or self.seen in self.calls

    def over_s3(self) -> bytes | None:
        """What is answered by the object store without doing anything, in MinIO's words."""
        from .s3replies import QUOTA_FULL, STORAGE_FULL, refusal, reply

        if self.do == "html":
            return reply(502, _PAGE.encode(), {"Content-Type": "text/html"})
        found = {
            "500": (500, "InternalError", _BEFORE),
            "503": (503, "SlowDown", "Please reduce your request rate."),
            "expired": (403, "AccessDenied", "Request has expired"),
            "disk full": STORAGE_FULL,
            "quota full": QUOTA_FULL,
        }.get(self.do)
        return refusal(*found) if found else None


def read(path: Path) -> list[Fault]:
    """The faults in a file; raises ``CannotStart`` with the place of what is wrong."""
    import yaml

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise CannotStart(f"The file of faults {path} cannot be read: {error}") from error
    if not isinstance(found, list):
        raise CannotStart(f"The file of faults {path} must hold a list; each entry says at least what to `do`.")
    return [_fault(path, number, entry) for number, entry in enumerate(found, 1)]


def _fault(path: Path, number: int, entry: Any) -> Fault:
    where = f"{path}, entry {number}"
    if not isinstance(entry, dict) or not entry.keys() <= _KEYS:
        raise CannotStart(f"{where}: it must be a mapping of {', '.join(sorted(_KEYS))}.")
    do = str(entry.get("do"))
    if do not in WORDS:
        raise CannotStart(f"{where}: `do` is {do!r}, but must be one of: {', '.join(WORDS)}.")
    if do == "quota full" and not str(entry.get("route", "")).startswith(_S3):
        raise CannotStart(f"{where}: `quota full` is the object store's: its `route` begins with s3.")
    calls = entry.get("calls", ())
    if not isinstance(calls, (list, tuple)) or not all(isinstance(call, int) and call > 0 for call in calls):
        raise CannotStart(f"{where}: `calls` must be a list of whole numbers from 1.")
    seconds = entry.get("seconds", 1.0)
    if not isinstance(seconds, (int, float)) or seconds < 0:
        raise CannotStart(f"{where}: `seconds` must be a number.")
    return Fault(do, str(entry.get("route", "* *")), tuple(calls), float(seconds))


def misbehave(faults: list[Fault], latency: float) -> Any:
    """The middleware that does it; ``latency`` in seconds comes before every answer."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        await asyncio.sleep(latency)
        firing = [
            fault for fault in faults if fault.fires(request.method, request.path)
        ]  # all are asked, so that each counts
        return await _do(firing[0], request, handler) if firing else await handler(request)

    return middleware


async def _do(fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    instead = _instead(fault.do)
    if instead is not None:
        return instead
    if fault.do == "disk full":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if fault.do == "cut":
        return _cut(request, empty(504))
    if fault.do == "slow":
        await asyncio.sleep(fault.seconds)
    restarting = asyncio.ensure_future(request.app[SANDBOX].s3.restart()) if fault.do == "storage restart" else None
    answer = await handler(request)
    if restarting is not None:
        await restarting
    if fault.do == "500 after":
        return text(500, AFTER)
    return await _half(request, answer) if fault.do == "truncated" else answer


def _instead(do: str) -> web.Response | None:
    """Answers for which nothing is done."""
    if do == "500":
        return text(500, _BEFORE)
    if do == "expired":
        return empty(401)
    if do == "503":
        return empty(503)
    if do == "html":
        return web.Response(status=502, text=_PAGE, content_type="text/html")
    return None


def _cut(request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return answer


async def _half(request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    """The whole length announced, half of the body sent."""
    body = answer.body if isinstance(answer, web.Response) and isinstance(answer.body, bytes) else b""
    half = web.StreamResponse(status=answer.status, headers={"Content-Length": str(len(body) or 1)})
    half.content_type = answer.content_type
    await half.prepare(request)
    await half.write(body[: len(body) // 2])
    return _cut(request, half)
