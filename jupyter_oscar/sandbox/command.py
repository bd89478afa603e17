"""The sandbox as a process: options in, one JSON line out, then it serves until it is told to stop.

The line is ``{"ready": {...}}`` or ``{"error": "sentence"}``; the password is in the announcement, never in the line.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import json
import mimetypes
import os
import resource
import signal
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .options import Options, arguments, chosen
from .settings import LOOPBACK, CannotStart, DataFolder, Settings, listen, load, lock, open_folder, save
from .stores import choose, in_words

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from .objectstore import ObjectStore
    from .sandbox import Sandbox

_LAST_WORDS_S = 0.5  # for requests under way at a stop
_AFTER_YOU_S = 0.1  # for whoever waited for us, and asks now


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
    from jupyter_oscar import __version__

    return {
        "kind": "jupyter-oscar-sandbox",
        "pid": os.getpid(),
        "endpoint": f"http://{LOOPBACK}:{port}",
        "s3_endpoint": sandbox.s3.endpoint,
        "user": "oscar",
        "password": sandbox.settings.password,
        "data": str(sandbox.data.root),
        "version": __version__,
        "compat": sandbox.options.version,
        "mode": sandbox.options.mode,
        "store": sandbox.s3.NAME,
        "storage": in_words(sandbox.s3.NAME),
        "runtime": sandbox.options.runtime,
        "started": sandbox.started,
    }


async def _serve(data: DataFolder, settings: Settings, options: Options, store: ObjectStore, port: int | None) -> None:
    from .store import Database

    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    with listen(port, settings.port) as sock:
        database = Database(data.database)
        if store.FRONTED or options.faults or options.latency:
            store.hide()
        await store.begin(database.users())  # it gets ready while we read our own code

        from .halves import prefer_server

        prefer_server()
        mimetypes.inited = True  # aiohttp wants to know of files, which we never send: the machine's long list waits
        from aiohttp import web

        from .announcement import announce
        from .app import make_app, read_all
        from .sandbox import assemble

        sandbox = assemble(data, settings, options, database, store)
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
            sys.stderr.write(content["storage"] + "\n")
            _say({"ready": {key: value for key, value in content.items() if key != "password"}})
            await asyncio.sleep(_AFTER_YOU_S)
            await sandbox.runner.warm_up()
            await asyncio.to_thread(read_all)
            gc.freeze()
            gc.enable()
            await stopping.wait()
        finally:
            if announcement is not None:
                announcement.withdraw()
            await site.cleanup()
            await sandbox.stop()


def main(argv: Sequence[str] | None = None) -> int:
    typed = arguments(argv)
    os.umask(0o077)
    try:
        data = open_folder(typed.data or default_data())
        if typed.what == "reset":
            from .archive import reset

            reset(data)
            _say({"done": {"data": str(data.root)}})
        elif typed.what == "export":
            from .archive import export

            _say({"done": export(data, typed.to, typed.minio)})
        else:
            _start(data, typed)
    except (CannotStart, OSError, sqlite3.Error) as error:
        _say({"error": _sentence(error)})
        sys.stderr.write(_sentence(error) + "\n")
        return 1
    return 0


def _many_files() -> None:
    """A thousand connections are a thousand open files; the usual soft limit is less."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _start(data: DataFolder, typed: argparse.Namespace) -> None:
    _many_files()
    options = chosen(typed)
    lock(data)
    settings = load(data)
    store = choose(data, settings, typed.store, typed.minio)
    asyncio.run(_serve(data, settings, options, store, typed.port))


def _sentence(error: Exception) -> str:
    if isinstance(error, CannotStart):
        return str(error)
    if isinstance(error, sqlite3.Error):
        return f"The sandbox cannot use its database ({error}): free disk space, or choose another folder with --data."
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "The sandbox cannot start, the disk is full: free some space, or choose another folder with --data."
    return f"The sandbox cannot start ({error}): make that place writable, or choose another folder with --data."
