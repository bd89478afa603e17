"""Synchronous calls: the same supervisor in the same kind of process, behind the watchdog's answers (oscar.md §4.2)."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import signal
import time
import uuid
from collections import deque
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .bodies import spooled
from .executions import called_by, logged
from .expose import is_exposed
from .joblock import read_end, try_lock
from .processes import signal_group, sweep_home
from .replies import SANDBOX, empty
from .users import admit_call

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from .sandbox import Sandbox

LIMIT_S = 300.0
_KEPT_LINES = 1000
_PIECE = 1 << 20


def is_sync(service: dict[str, Any]) -> bool:
    """Exposed and offloaded services have no Knative service behind them (wire R029)."""
    return not is_exposed(service) and not service["interlink_node_name"]


@logged
async def run_service(request: web.Request) -> web.StreamResponse:
    sandbox = request.app[SANDBOX]
    service = sandbox.database.service(request.match_info["service"])
    invoker = await admit_call(request, service, sync=True)
    if isinstance(invoker, web.Response) or service is None:
        return invoker if isinstance(invoker, web.Response) else empty(404)
    called_by(request, invoker)
    if not is_sync(service):
        return empty(502)
    began = time.monotonic()
    name = f"run-{uuid.uuid4()}"
    folder = sandbox.data.temp / f"{name}-out"
    folder.mkdir(mode=0o700)
    try:
        done = await _call(sandbox, service, name, folder, await spooled(request, folder / "event"))
        if done is None:
            if request.transport is not None:
                request.transport.abort()  # the server's write timeout: the socket closes, no status is sent
            return empty(504)
        seconds = time.monotonic() - began
        with _output(folder) as output:
            _remember(sandbox.run_lines, service["name"], output, seconds)
            return await _answer(request, output, seconds, done=done)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _answer(request: web.Request, output: BinaryIO, seconds: float, *, done: bool) -> web.StreamResponse:
    """The watchdog's answer; a JSON request gets its own type back although this is log text (wire R013, R014)."""
    plain = "text/plain; charset=utf-8"
    head = b"" if done else b"exit status 1\n"
    headers = {"Content-Type": plain}
    if done:
        headers["Content-Type"] = request.headers.get("Content-Type", plain)
        headers["X-Duration-Seconds"] = f"{seconds:.6f}"
    status, size = 200 if done else 500, output.seek(0, os.SEEK_END)
    output.seek(0)
    if size <= _PIECE:
        return web.Response(status=status, body=head + output.read(), headers=headers)
    answer = web.StreamResponse(status=status, headers=headers)
    answer.content_length = len(head) + size
    await answer.prepare(request)
    await answer.write(head)
    while piece := output.read(_PIECE):
        await answer.write(piece)
    await answer.write_eof()
    return answer


async def _call(sandbox: Sandbox, service: dict[str, Any], name: str, folder: Path, event: bytes | Path) -> bool | None:
    """Success; None when the time limit passed. The output is in the folder."""
    task = sandbox.runner.task(service["name"], name, str(folder), event, sync=True)
    over = asyncio.Event()
    process = sandbox.runner.spawn(task, try_lock(folder))
    pid = process.pid or 0
    sandbox.runner.when_over(process, over.set)
    try:
        await asyncio.wait_for(over.wait(), LIMIT_S)
    except asyncio.TimeoutError:
        return None
    else:
        return (read_end(folder) or ("Failed", ""))[0] == "Succeeded"
    finally:  # also when the caller hung up: nobody waits for the script any more
        signal_group(pid, signal.SIGKILL)
        if read_end(folder) is None:
            sweep_home(f"{task.temp}/home")
        shutil.rmtree(task.temp, ignore_errors=True)


def _output(folder: Path) -> BinaryIO:
    try:
        return (folder / "log").open("rb")
    except FileNotFoundError:
        return io.BytesIO()


def _remember(lines: dict[str, deque[str]], service: str, output: BinaryIO, seconds: float) -> None:
    """What the pod's log would show, for the deployment log (wire R024)."""
    stamp = f"{datetime.now(timezone.utc):%Y/%m/%d %H:%M:%S}"
    kept = lines.setdefault(service, deque(maxlen=_KEPT_LINES))
    if not kept:
        kept.append(f"{stamp} Timeouts: read: 5m0s write: 5m0s hard: 0s health: 5s.")
    kept.extend((f"{stamp} Forking fprocess.", f"{stamp} Query", f"{stamp} Path  /"))
    output.seek(max(0, output.seek(0, os.SEEK_END) - _PIECE))
    kept.extend(line for line in output.read().decode("utf-8", "replace").splitlines() if line)
    kept.append(f"{stamp} Duration: {seconds:.6f}s")
