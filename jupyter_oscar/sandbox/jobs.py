"""Jobs over HTTP: starting one, the list, the log, the deletes (oscar.md §1.4)."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from . import gojson
from .bodies import LONGEST_ENTRY, LONGEST_OBJECT, TOO_LARGE, TOO_LARGE_AN_ENTRY, at_most
from .compat import before
from .executions import called_by, logged
from .notification import uploader
from .replies import FORBIDDEN, SANDBOX, as_json, empty, text
from .store import AlreadyExists, Job
from .users import admit_call, caller, may_see, short

if TYPE_CHECKING:
    from .runner import Runner
    from .store import Database

PAGE, FRIENDLY_PAGE = 70, 1000
_LONG_NAME, _KEPT = 25, 16
_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_STAMPED = re.compile(rb"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d),(\d{3}) - supervisor")
TRUE = ("1", "t", "T", "TRUE", "true", "True")
_NEVER = b"1970-01-01T00:00:00.000000000Z"
_PIECE = 1 << 18
_MAX_NAME = 63


def invalid_name(kind: str, name: str) -> str:
    """Kubernetes' sentence for a name that is none (wire D016, B010)."""
    return (
        f'{kind} "{name}" is invalid: metadata.name: Invalid value: "{name}": a lowercase RFC 1123 subdomain must '
        "consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric "
        f"character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
    )


def is_name(name: str) -> bool:
    return len(name) <= _MAX_NAME and re.fullmatch(_SUBDOMAIN, name) is not None


class Jobs:
    """Accepts jobs; accepted means committed."""

    def __init__(self, database: Database, runner: Runner) -> None:
        self._db, self._runner = database, runner

    def accept(self, service: str, event: bytes, name: str | None = None, uid: str | None = None) -> str:
        """``uid`` is who called; an uploader's name in the event goes before it (oscar.md §4.1)."""
        short = service[:_KEPT] if len(service) >= _LONG_NAME else service
        name = name or f"{short}-{uuid.uuid4()}"
        self._db.add_job(name, service, event, _owner(event, uid))
        asyncio.get_running_loop().call_soon(self._runner.pump)
        return name


def _owner(event: bytes, uid: str | None) -> str | None:
    """Whose the job is, in the short form: the uploader's, else the caller's, else nobody's (wire O035, O038)."""
    found = uploader(event)
    if found is not None:
        return short(found[1])
    return None if uid is None else short(uid)


@logged
async def start_job(request: web.Request) -> web.Response:
    sandbox = request.app[SANDBOX]
    service = request.match_info["service"]
    invoker = await admit_call(request, sandbox.database.service(service), sync=False)
    if isinstance(invoker, web.Response):
        return invoker
    event, whole = await at_most(request, LONGEST_OBJECT)
    called_by(request, invoker, event)
    if not whole or len(event) > LONGEST_ENTRY:
        return text(500, TOO_LARGE if not whole else TOO_LARGE_AN_ENTRY)
    name = None if before(sandbox.options.compat, "4.1") else request.headers.get("X-Delegated-Job-ID")
    if name and not is_name(name):
        return text(500, invalid_name("Job.batch", name))
    try:
        Jobs(sandbox.database, sandbox.runner).accept(service, event, name, invoker.uid)
    except AlreadyExists:
        return text(500, f'jobs.batch "{name}" already exists')
    return empty(201)


def _row(job: Job, *, offloaded: bool) -> dict[str, str]:
    """Times are absent until they are known; the creation time is when a node took the pod (wire E009, E015, I005)."""
    if job.state == "Suspended" or (offloaded and job.state == "Pending"):
        return {"status": job.state}
    row = {"status": job.state, "creation_time": job.created}
    if job.started:
        row["start_time"] = job.started
    if job.finished:
        row["finish_time"] = job.finished
    return row


def _token(after: str) -> str:
    """Kubernetes' own form (wire K002)."""
    value = {"v": "meta.k8s.io/v1", "rv": 1, "start": f"{after}\0"}
    return base64.urlsafe_b64encode(gojson.encode(value).encode()).decode().rstrip("=")


def _after(token: str) -> str:
    """The last name of the page before; wire K005 for a token that is none."""
    decoded = base64.urlsafe_b64decode(token[: len(token) - (len(token) % 4 == 1)] + "==")
    read = gojson.decode_latin(decoded)
    return str(gojson.member(read, "start") or "").rstrip("\0") if isinstance(read, dict) else ""


def _unseen(request: web.Request, spec: dict[str, Any] | None) -> web.Response:
    """Since 4.0 an empty 200 means forbidden (wire O022-O024)."""
    options = request.app[SANDBOX].options
    if spec is None:
        return empty(404)
    return text(403, FORBIDDEN) if options.friendly or before(options.compat, "4.0") else empty(200)


async def list_jobs(request: web.Request) -> web.Response:
    sandbox = request.app[SANDBOX]
    service, who = request.match_info["service"], caller(request)
    spec = sandbox.database.service(service)
    if spec is None or not may_see(who, spec):
        return _unseen(request, spec)
    try:
        after = _after(request.query["page"]) if request.query.get("page") else ""
    except ValueError as error:
        return text(500, f"invalid continue token: continue key is not valid: {error}")
    page = sandbox.options.page or (FRIENDLY_PAGE if sandbox.options.friendly else PAGE)
    jobs = sandbox.database.jobs(service, after, page + 1, None if who.admin else short(who.uid))
    shown, more = jobs[:page], len(jobs) > page
    await sandbox.throttle.take(len(shown))
    offloaded = bool(sandbox.options.virtual_node and spec["interlink_node_name"])
    body: dict[str, Any] = {"jobs": {job.name: _row(job, offloaded=offloaded) for job in shown}}
    if more:
        body["next_page"] = _token(shown[-1].name)
    return as_json(body)


def _stamped(lines: list[bytes], stamp: bytes) -> tuple[bytes, bytes]:
    """The container runtime's time before each line; ours is the supervisor's own (wire D010)."""
    shown = []
    for line in lines:
        if found := _STAMPED.match(line):
            stamp = b"%sT%s.%s000000Z" % found.groups()
        shown.append(stamp + b" " + line)
    return stamp, b"".join(shown)


async def read_log(request: web.Request) -> web.StreamResponse:
    """The whole log; 500 without a job or its pod, 404 for one that has not started (wire D012, E016, E010)."""
    sandbox = request.app[SANDBOX]
    service, name = request.match_info["service"], request.match_info["job"]
    spec = sandbox.database.service(service)
    if spec is None or not may_see(caller(request), spec):
        return _unseen(request, spec)
    job = sandbox.database.job(name)
    if job is None or job.service != service or job.state == "Suspended":
        return (
            text(404, f'There is no job "{name}", or nothing of it has run.')
            if sandbox.options.friendly
            else empty(500)
        )
    if job.state == "Pending":
        return text(404, sandbox.runner.why_pending(name)) if sandbox.options.friendly else empty(404)
    stamped = request.query.get("timestamps") in TRUE
    return await _send(request, Path(sandbox.data.job(service, name), "log"), stamped=stamped)


async def _send(request: web.Request, path: Path, *, stamped: bool) -> web.StreamResponse:
    """A log may be big: a piece of it is in memory at a time."""
    answer = web.StreamResponse(headers={"Content-Type": "text/plain; charset=utf-8"})
    try:
        log = path.open("rb")
    except FileNotFoundError:
        return web.Response(content_type="text/plain", charset="utf-8")
    with log:
        if not stamped:
            answer.content_length = left = os.fstat(log.fileno()).st_size
            await answer.prepare(request)
            while left and (piece := log.read(min(left, _PIECE))):
                await answer.write(piece)
                left -= len(piece)
        else:
            await answer.prepare(request)
            stamp = _NEVER
            while lines := log.readlines(_PIECE):
                stamp, piece = _stamped(lines, stamp)
                await answer.write(piece)
    await answer.write_eof()
    return answer


async def delete_job(request: web.Request) -> web.Response:
    sandbox = request.app[SANDBOX]
    service, name = request.match_info["service"], request.match_info["job"]
    spec = sandbox.database.service(service)
    if spec is None and sandbox.options.friendly:
        return empty(404)
    if spec is None or not may_see(caller(request), spec):
        return text(403, FORBIDDEN)  # wire E019, O025
    job = sandbox.database.job(name)
    if job is None or job.service != service:
        return empty(404)
    sandbox.database.drop_job(name)
    sandbox.runner.forget(name, service)
    return empty(204)


async def delete_jobs(request: web.Request) -> web.Response:
    """Only succeeded jobs unless ``all=true`` (wire E020, E023)."""
    sandbox = request.app[SANDBOX]
    service = request.match_info["service"]
    spec = sandbox.database.service(service)
    if spec is None or not may_see(caller(request), spec):
        return _unseen(request, spec)
    everything = request.query.get("all") in TRUE
    doomed = [job for job in sandbox.database.jobs(service) if everything or job.state == "Succeeded"]
    with sandbox.database.transaction():
        for job in doomed:
            sandbox.database.drop_job(job.name)
    for job in doomed:
        sandbox.runner.forget(job.name, service)
    return empty(204)
