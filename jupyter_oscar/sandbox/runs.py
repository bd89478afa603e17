"""Synchronous calls: the same supervisor in the same kind of process, behind the watchdog's answers (oscar.md §4.2)."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import time
import uuid
from collections import deque
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .executions import called_by
from .expose import is_exposed
from .processes import signal_group, sweep_home
from .replies import SANDBOX, empty
from .users import admit_call

if TYPE_CHECKING:
    from pathlib import Path

    from .sandbox import Sandbox

LIMIT_S = 300.0
_KEPT_LINES = 1000
LINES: web.AppKey[dict[str, deque[str]]] = web.AppKey("run lines")


def is_sync(service: dict[str, Any]) -> bool:
    """Exposed and offloaded services have no Knative service behind them (wire R029)."""
    return not is_exposed(service) and not service["interlink_node_name"]


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
    done, output = await _call(sandbox, service, await request.read())
    if done is None:
        if request.transport is not None:
            request.transport.abort()  # the server's write timeout: the socket closes, no status is sent
        return empty(504)
    seconds = time.monotonic() - began
    _remember(request.app[LINES], service["name"], output, seconds)
    return _answer(request, output, seconds, done=done)


def _answer(request: web.Request, output: bytes, seconds: float, *, done: bool) -> web.Response:
    """The watchdog's answer; a JSON request gets its own type back although this is log text (wire R013, R014)."""
    plain = "text/plain; charset=utf-8"
    if not done:
        return web.Response(status=500, body=b"exit status 1\n" + output, headers={"Content-Type": plain})
    headers = {
        "Content-Type": request.headers.get("Content-Type", plain),
        "X-Duration-Seconds": f"{seconds:.6f}",
    }
    return web.Response(body=output, headers=headers)


async def _call(sandbox: Sandbox, service: dict[str, Any], event: bytes) -> tuple[bool | None, bytes]:
    """Success and output; None instead of success when the time limit passed."""
    name = f"run-{uuid.uuid4()}"
    folder = sandbox.data.temp / f"{name}-out"
    folder.mkdir(mode=0o700)
    task = sandbox.runner.task(service, name, folder, event, extra={}, sync=True)
    over = asyncio.Event()
    process = sandbox.runner.spawn(task, None)
    pid = process.pid or 0
    sandbox.runner.when_over(process, over.set)
    try:
        await asyncio.wait_for(over.wait(), LIMIT_S)
    except asyncio.TimeoutError:
        return None, b""
    else:
        return _result(folder)
    finally:  # also when the caller hung up: nobody waits for the script any more
        signal_group(pid, signal.SIGKILL)
        if not (folder / "status.json").exists():
            sweep_home(task.temp / "home")
        for leftover in (folder, task.temp):
            shutil.rmtree(leftover, ignore_errors=True)


def _result(folder: Path) -> tuple[bool, bytes]:
    output = (folder / "log").read_bytes() if (folder / "log").exists() else b""
    try:
        state = json.loads((folder / "status.json").read_text(encoding="utf-8"))["state"]
    except (OSError, ValueError):
        return False, output
    return state == "Succeeded", output


def _remember(lines: dict[str, deque[str]], service: str, output: bytes, seconds: float) -> None:
    """What the pod's log would show, for the deployment log (wire R024)."""
    stamp = f"{datetime.now(timezone.utc):%Y/%m/%d %H:%M:%S}"
    kept = lines.setdefault(service, deque(maxlen=_KEPT_LINES))
    if not kept:
        kept.append(f"{stamp} Timeouts: read: 5m0s write: 5m0s hard: 0s health: 5s.")
    kept.extend((f"{stamp} Forking fprocess.", f"{stamp} Query", f"{stamp} Path  /"))
    kept.extend(line for line in output.decode("utf-8", "replace").splitlines() if line)
    kept.append(f"{stamp} Duration: {seconds:.6f}s")
