"""The object store beside the sandbox: a server of its own that speaks S3, started, kept alive and ended here.

Whoever adds a store writes one class in one file. ``address`` is what clients are told; ``inner`` is where the
server itself listens, which is the same unless something stands before it.
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import os
import sys
from datetime import datetime, timezone
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple
from urllib.parse import urlsplit

from .access import Access
from .settings import LOOPBACK, CannotStart, DataFolder, Settings, free_port, listen
from .signing import signed_url

REGION = "us-east-1"
_ATTEMPTS = 5
_STOPPING_S = 5.0
_AGAIN_S = 0.003
BUFFER = 1 << 18

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Mapping

    from .heads import Streams
    from .markers import Markers
    from .rights import Rights
    from .store import Database
    from .triggers import Triggers


class Found(NamedTuple):
    """An object in a listing."""

    key: str
    size: int
    mtime_ns: int
    etag: str = ""


class StoreFailed(OSError):
    """A sentence of what the store could not do."""


class ObjectStore(abc.ABC):
    """``NAME`` is what the store is called on the command line and in the announcement."""

    NAME: ClassVar[str]
    FRONTED: ClassVar[bool] = False  # whether it is never reached but through a front
    SEPARATES: ClassVar[bool] = False  # whether one user's key is kept out of another's buckets

    def __init__(self, data: DataFolder, settings: Settings) -> None:
        self._data, self._settings = data, settings
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._users: Mapping[str, str] = {}
        self._up = asyncio.Event()
        self.public: socket.socket | None = None
        """The port that clients know, when a front listens there."""
        self._inner_port = 0
        self.markers: Markers | None = None
        """Where it does not know them itself."""
        self.on_return: Callable[[], None] = lambda: None  # called when it answers again after it had ended

    # where it is

    @property
    def access(self) -> Access:
        """The admin's way in."""
        return Access(self.address, self._settings.access_key, self._settings.secret_key, REGION)

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self._settings.s3_port}"

    @property
    def inner(self) -> str:
        return self.address if self.public is None else f"{LOOPBACK}:{self._inner_port}"

    @property
    def endpoint(self) -> str:
        return f"http://{self.address}"

    @property
    def keys(self) -> dict[str, str]:
        """Everybody's, with their secrets."""
        return {self._settings.access_key: self._settings.secret_key, **self._users}

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    # what each store says for itself

    @abc.abstractmethod
    def triggers(self, database: Database, accept: Callable[[str, bytes], object]) -> Triggers:
        """How it tells of new objects."""

    @abc.abstractmethod
    def _command(self) -> list[str]:
        """The argument list; no key may be in it, because others read process lists."""

    @abc.abstractmethod
    def _environment(self) -> dict[str, str]:
        """All that the server gets to know, its keys among it."""

    @abc.abstractmethod
    async def let_in(self, users: Mapping[str, str]) -> None:
        """Take these users' keys, ids with their secrets, as well as the admin's."""

    async def refresh(self, folder: str = "") -> None:  # noqa: B027 - most stores need not be told
        """Something below the folder was changed behind the store's back."""

    async def grant(self, rights: Rights) -> None:  # noqa: B027 - only where the store separates users
        """Have exactly these policies, on these users and groups."""

    # buckets, as the admin sees them

    @abc.abstractmethod
    async def buckets(self) -> list[str]:
        """All names in their order, also of buckets that a client made over S3."""

    @abc.abstractmethod
    async def has(self, bucket: str) -> bool:
        """Whether it is there."""

    @abc.abstractmethod
    async def make(self, bucket: str, folders: Iterable[str] = (), tags: Mapping[str, str] | None = None) -> None:
        """Have the bucket with its tags, and a marker of each folder in it; what is there stays."""

    @abc.abstractmethod
    async def remove(self, bucket: str) -> None:
        """With all objects; nothing happens when it is not there."""

    @abc.abstractmethod
    async def page(self, bucket: str, after: str, most: int, markers: set[str]) -> list[Found]:
        """The first objects whose keys come later; ``markers`` are the folders that OSCAR made."""

    @abc.abstractmethod
    async def usage(self, bucket: str) -> tuple[int, int]:
        """Bytes and objects."""

    @abc.abstractmethod
    async def roughly(self, bucket: str, most: int) -> int:
        """How many objects, so many at most."""

    # buckets as folders

    @abc.abstractmethod
    def place(self, bucket: str) -> Path:
        """Where a bucket that a service mounts is a folder."""

    def cannot_mount(self) -> str:
        """Why no bucket can be a folder here, and what to do; empty when it can."""
        return ""

    async def mount(self, buckets: set[str]) -> None:  # noqa: B027 - where buckets are folders, nothing is to be done
        """Have exactly these buckets as folders. Raises ``StoreFailed``."""

    # its life

    def hide(self) -> None:
        """Leave the port that clients know to a front; before ``begin``."""
        self.public = listen(None, self._settings.s3_port)
        self._settings.s3_port = int(self.public.getsockname()[1])

    async def connect(self) -> Streams:
        """To the server itself."""
        host, _, port = self.inner.rpartition(":")
        return await asyncio.open_connection(host, int(port), limit=BUFFER)

    def _choose_port(self, last: int) -> None:
        if self.public is None:
            self._settings.s3_port = free_port(last)
        else:
            self._inner_port = free_port(0)

    async def begin(self, users: Mapping[str, str]) -> None:
        """Start the server, and do not wait for it yet."""
        self._users = users
        self._choose_port(self._settings.s3_port)
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
            self._choose_port(0)  # somebody took the port in between
        raise CannotStart(f"{self.NAME} did not start as object store: its last words are in {self.log}.")

    async def restart(self) -> None:
        """End it and wait until it answers again: a short outage, as at every create of a real server."""
        if self._process is not None:
            self._up.clear()
            self._process.terminate()
            await self._up.wait()

    async def stop(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _STOPPING_S)
            except asyncio.TimeoutError:
                process.kill()
                await process.wait()

    @property
    def log(self) -> Path:
        return self._data.root / "s3.log"

    async def _spawn(self) -> asyncio.subprocess.Process:
        launcher = str(Path(__file__).with_name("launcher.py"))
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-S", launcher, str(os.getpid()), *self._command(),
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                env=self._environment(), start_new_session=True,
            )  # fmt: skip

    async def _answers(self, process: asyncio.subprocess.Process) -> bool:
        """Wait for an answer to a request signed with our key: somebody else on that port could not give it."""
        while process.returncode is None:
            with contextlib.suppress(OSError, ValueError, IndexError, asyncio.TimeoutError):
                status = await asyncio.wait_for(self._status(), 5)
                if status != HTTPStatus.SERVICE_UNAVAILABLE:
                    return status == HTTPStatus.OK
            await asyncio.sleep(_AGAIN_S)
        return False

    async def _status(self) -> int:
        url = urlsplit(signed_url(self.access, "GET", "/", {}, 60, datetime.now(timezone.utc)))
        reader, writer = await self.connect()
        try:
            asked = f"GET {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\nConnection: close\r\n\r\n"
            writer.write(asked.encode())
            return int((await reader.readline()).split()[1])
        finally:
            writer.close()

    async def _keep(self) -> None:
        """Start it again on the same port whenever it ends: jobs and clients only see a short outage."""
        pause = 0.1
        while self._process is not None:
            await self._process.wait()
            await asyncio.sleep(pause)
            self._process = await self._spawn()
            if await self._answers(self._process):
                self._up.set()
                self.on_return()
                pause = 0.1
            else:
                pause = min(pause * 2, 10)
