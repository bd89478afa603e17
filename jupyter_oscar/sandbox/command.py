"""The sandbox as a process: options in, one JSON line out, then it serves until it is told to stop.

The line is ``{"ready": {...}}`` or ``{"error": "sentence"}``; the password is in the announcement, never in the line.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import json
import os
import signal
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .settings import LOOPBACK, CannotStart, DataFolder, Settings, listen, load, lock, open_folder, save

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .oidc import Trust
    from .sandbox import Sandbox

_ONE_STORE = (
    "Users of this sandbox share one object store: rclone has no rights of its own, so every user's key opens every "
    "bucket over S3. The API keeps them apart."
)
_LAST_WORDS_S = 0.5  # for requests under way at a stop


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m jupyter_oscar.sandbox", description=__doc__)
    parser.add_argument("--data", type=Path, help="data folder; default: oscar-sandbox in Jupyter's data folder")
    parser.add_argument("--port", type=int, help="port of the API; default: the last one, else a free one")
    parser.add_argument("--jobs", type=int, help="jobs at once; default: the number of processors, at least 2")
    parser.add_argument("--throttle", action="store_true", help="answer at a real server's speed")
    parser.add_argument("--hold", action="store_true", help="accept jobs and start none")
    parser.add_argument("--no-serverless", action="store_true", help="without synchronous runs")
    several: dict[str, Any] = {"action": "append", "default": []}
    parser.add_argument("--oidc-issuer", metavar="URL", help="an identity provider whose tokens are taken", **several)
    parser.add_argument("--oidc-group", metavar="GROUP", help="a group whose members are let in", **several)
    parser.add_argument("--oidc-admin", metavar="SUB", help="a user who may read the manager's log", **several)
    return parser.parse_args(argv)


def default_data() -> Path:
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir()) / "oscar-sandbox"


def _say(line: dict[str, Any]) -> None:
    """To whoever started us, who may be gone already."""
    try:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        return


def _content(sandbox: Sandbox, port: int) -> dict[str, Any]:
    """What the announcement holds: an agreement with the client."""
    from .sandbox import COMPAT, version

    return {
        "kind": "jupyter-oscar-sandbox",
        "pid": os.getpid(),
        "endpoint": f"http://{LOOPBACK}:{port}",
        "s3_endpoint": sandbox.s3.endpoint,
        "user": "oscar",
        "password": sandbox.settings.password,
        "data": str(sandbox.data.root),
        "version": version(),
        "compat": COMPAT,
        "mode": "faithful",
        "runtime": "processes",
        "started": sandbox.started,
    }


def _trust(arguments: argparse.Namespace) -> Trust:
    from .oidc import Trust

    found = (arguments.oidc_issuer, arguments.oidc_group, arguments.oidc_admin)
    trust = Trust(*(tuple(part) for part in found))
    if trust.issuers:
        sys.stderr.write(_ONE_STORE + "\n")
    return trust


async def _serve(data: DataFolder, settings: Settings, arguments: argparse.Namespace) -> None:
    from aiohttp import web

    from .announcement import announce
    from .app import make_app
    from .sandbox import Options, assemble

    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    options = Options(
        jobs=arguments.jobs or max(2, os.cpu_count() or 1),
        throttle=arguments.throttle,
        hold=arguments.hold,
        serverless=not arguments.no_serverless,
        trust=_trust(arguments),
    )
    with listen(arguments.port, settings.port) as sock:
        sandbox = assemble(data, settings, options)
        app = make_app(sandbox)
        site = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=_LAST_WORDS_S)
        await site.setup()
        announcement = None
        try:
            await sandbox.start()
            await web.SockSite(site, sock).start()
            settings.port = sock.getsockname()[1]
            save(data, settings)
            content = _content(sandbox, settings.port)
            announcement = announce(data.fingerprint, content)
            _say({"ready": {key: value for key, value in content.items() if key != "password"}})
            await stopping.wait()
        finally:
            if announcement is not None:
                announcement.withdraw()
            await site.cleanup()
            await sandbox.stop()


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _arguments(argv)
    os.umask(0o077)
    try:
        data = open_folder(arguments.data or default_data())
        lock(data)
        settings = load(data)
        asyncio.run(_serve(data, settings, arguments))
    except (CannotStart, OSError, sqlite3.Error) as error:
        _say({"error": _sentence(error)})
        sys.stderr.write(_sentence(error) + "\n")
        return 1
    return 0


def _sentence(error: Exception) -> str:
    if isinstance(error, CannotStart):
        return str(error)
    if isinstance(error, sqlite3.Error):
        return f"The sandbox cannot use its database ({error}): free disk space, or choose another folder with --data."
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "The sandbox cannot start, the disk is full: free some space, or choose another folder with --data."
    return f"The sandbox cannot start ({error}): make that place writable, or choose another folder with --data."
