"""Triggers by watching the folders that rclone serves.

rclone writes an object beside its final name and renames it: one MOVED_TO is one completed write. A file written
straight into the folder ends with CLOSE_WRITE. Each write is remembered with its job in one transaction, so that
after kill -9 a scan of the folders finds exactly the writes that have no job yet.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .folders import is_partial, is_text
from .notification import OF_NOTHING, etag_of, minio_event
from .specification import by_bucket, places
from .store import Write
from .triggers import Triggers
from .users import ADMIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .objectstore import ObjectStore
    from .settings import DataFolder
    from .store import Database

POSSIBLE = sys.platform == "linux"
if POSSIBLE:
    from asyncinotify import Inotify, Mask
NOT_POSSIBLE = "Uploads start no jobs here: the sandbox watches folders with inotify, which only Linux has."


class Watched(NamedTuple):
    """A folder whose writes make jobs of a service."""

    service: str
    bucket: str
    folder: str

    def top(self, root: Path) -> Path:
        return root / self.bucket / self.folder

    def key(self, root: Path, path: Path) -> str:
        return path.relative_to(root / self.bucket).as_posix()


class FolderTriggers(Triggers):
    def __init__(
        self, data: DataFolder, database: Database, s3: ObjectStore, accept: Callable[[str, bytes], object]
    ) -> None:
        super().__init__(database, accept)
        self._root, self._s3 = data.buckets, s3
        self._marks = data.temp / "marks"
        self._watched: dict[Path, set[Watched]] = {}
        self._above: dict[Path, set[Watched]] = {}
        self._handles: dict[Path, Any] = {}
        self._scanned: dict[tuple[str, str, str, int], int] = {}  # what a scan saw → the mark after that scan
        self._last_mark = 0
        self._renaming = 0  # the kernel's number for the rename that rclone is in the middle of
        self._inotify: Any = None
        self._reader: asyncio.Task[None] | None = None

    async def start(self) -> None:
        if not POSSIBLE:
            sys.stderr.write(NOT_POSSIBLE + "\n")
            return
        self._clean()
        self._inotify = Inotify()
        self._marks.mkdir(exist_ok=True)
        self._add_watch(self._marks)
        self._reader = asyncio.create_task(self._read())
        for spec in self._db.services():
            for bucket, folders in by_bucket(places(spec)).items():
                await self._s3.make(bucket, folders)  # a kill may have come between the row and the folder
            for bucket, folder in self._db.watches(spec["name"]):
                self._watch(Watched(spec["name"], bucket, folder))

    async def stop(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
            self._inotify.close()

    def _clean(self) -> None:
        """Halves of uploads that a kill interrupted: nobody was told that they arrived."""
        for top, _, names in os.walk(self._root):
            for name in names:
                if is_partial(name):
                    (Path(top) / name).unlink(missing_ok=True)

    # which folders

    async def arm(self, service: str, wanted: Iterable[tuple[str, str]]) -> None:
        for bucket, folder in wanted:
            self._db.arm(service, f"{bucket}/{folder}", time.time_ns())
            self._watch(Watched(service, bucket, folder))

    async def disarm(self, service: str, keep: set[tuple[str, str]] | None = None) -> None:
        everything = {one for group in (*self._watched.values(), *self._above.values()) for one in group}
        gone = {one for one in everything if one.service == service and (one.bucket, one.folder) not in (keep or set())}
        for one in gone:
            self._db.disarm(service, f"{one.bucket}/{one.folder}")
        for known in (self._watched, self._above):
            for path in list(known):
                known[path] -= gone
                if not known[path]:
                    del known[path]
        for path in set(self._handles) - set(self._watched) - set(self._above) - {self._marks}:
            self._unwatch(path)

    def _unwatch(self, path: Path) -> None:
        try:
            self._inotify.rm_watch(self._handles.pop(path))
        except OSError:
            return  # the folder is gone, and its watch with it

    def _watch(self, watched: Watched, *, fresh: bool = False) -> None:
        if self._inotify is None:
            return
        top = watched.top(self._root)
        for above in reversed(top.parents):
            if above.is_relative_to(self._root) and above.is_dir():
                self._above.setdefault(above, set()).add(watched)
                self._add_watch(above)
        if top.is_dir():
            self._watch_folder(top, watched)
            self._scan(top, watched, fresh=fresh)

    def _watch_folder(self, folder: Path, watched: Watched) -> None:
        """The folder and those in it; each is watched before it is listed, so that nothing slips in between."""
        self._watched.setdefault(folder, set()).add(watched)
        self._add_watch(folder)
        with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False) and is_text(entry.name):
                    self._watch_folder(Path(entry.path), watched)

    def _forget(self, folder: Path) -> None:
        """It was moved away with all below: their watches go along, and must not stand for what gets their names."""
        for path in [path for path in self._handles if path.is_relative_to(folder)]:
            self._unwatch(path)
            self._watched.pop(path, None)
            self._above.pop(path, None)

    def _add_watch(self, folder: Path) -> None:
        if folder in self._handles:
            return
        try:
            mask = Mask.MOVED_FROM | Mask.MOVED_TO | Mask.CLOSE_WRITE | Mask.CREATE | Mask.ATTRIB
            mask |= Mask.DELETE_SELF | Mask.ONLYDIR
            handle = self._inotify.add_watch(folder, mask)
            if Path(handle.path) != folder:  # it is watched by the name that it had before, of which news will come
                self._forget(Path(handle.path))
                with contextlib.suppress(OSError):
                    self._inotify.rm_watch(handle)
                handle = self._inotify.add_watch(folder, mask)
            self._handles[folder] = handle
        except OSError as error:
            why = "raise fs.inotify.max_user_watches" if error.errno == errno.ENOSPC else error.strerror
            sys.stderr.write(f"Uploads to {folder} start no jobs: the folder cannot be watched ({why}).\n")

    # what arrived

    async def _read(self) -> None:
        async for event in self._inotify:
            try:
                await self._handle(event)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with one, those after it are looked at
                sys.stderr.write(f"An upload could not be looked at: {error!r}\n")

    async def _handle(self, event: Any) -> None:
        if event.mask & Mask.Q_OVERFLOW:
            self._rescan()
            return
        if event.path is None or event.watch is None:
            return
        folder, path = Path(event.watch.path), Path(event.path)
        if self._handles.get(folder) is not event.watch:
            return  # of a folder that had the name before
        if event.mask & (Mask.DELETE_SELF | Mask.IGNORED):
            for known in (self._watched, self._above, self._handles):
                known.pop(folder, None)
        elif folder == self._marks:
            self._marked(int(path.name))
        elif is_text(path.name):
            await (self._handle_folder if event.mask & Mask.ISDIR else self._handle_file)(event, folder, path)
        elif event.mask & (Mask.CREATE | Mask.MOVED_TO):
            sys.stderr.write(f"{os.fsencode(path)!r} is no object, and starts no job: its name is no UTF-8.\n")

    async def _handle_folder(self, event: Any, parent: Path, folder: Path) -> None:
        if event.mask & Mask.MOVED_FROM:
            self._forget(folder)
        elif event.mask & (Mask.CREATE | Mask.MOVED_TO):
            await self._new_folder(parent, folder)

    async def _handle_file(self, event: Any, folder: Path, path: Path) -> None:
        if is_partial(path.name):
            self._renaming = event.cookie if event.mask & Mask.MOVED_FROM else 0
        elif event.mask & Mask.ATTRIB:
            self._changed(folder, path)
        elif event.mask & (Mask.MOVED_TO | Mask.CLOSE_WRITE):
            uploaded = bool(event.cookie) and event.cookie == self._renaming
            if not uploaded:
                await self._s3.refresh(folder.relative_to(self._root).as_posix())  # not written by rclone itself
            for watched in set(self._watched.get(folder, ())):
                self._arrived(watched, path, uploaded=uploaded)

    async def _new_folder(self, parent: Path, folder: Path) -> None:
        if next(_files(folder), None):  # moved here with what is in it, and not made by rclone
            await self._s3.refresh(folder.relative_to(self._root).as_posix())
        for watched in set(self._watched.get(parent, ())):
            self._watch_folder(folder, watched)
            self._scan(folder, watched, fresh=True)
        for watched in set(self._above.get(parent, ())):
            if folder in (watched.top(self._root), *watched.top(self._root).parents):
                self._watch(watched, fresh=True)  # rclone removes a folder with its last object, and makes it again

    def _write(self, watched: Watched, path: Path) -> Write | None:
        try:
            found = path.stat()
        except FileNotFoundError:
            return None
        key = watched.key(self._root, path)
        return Write(
            watched.service, watched.bucket, key, found.st_ino, found.st_ctime_ns, found.st_mtime_ns, found.st_size
        )

    def _arrived(self, watched: Watched, path: Path, *, uploaded: bool) -> None:
        write = self._write(watched, path)
        if write is None and uploaded:
            # Deleted since, or about to be replaced: rclone deletes an object before it renames the next one to its
            # name. The upload was complete all the same, and is an event.
            at = time.time_ns()
            write = Write(watched.service, watched.bucket, watched.key(self._root, path), 0, at, at, 0)
        if write is None:
            return
        if self._scanned.pop((write.service, write.bucket, write.key, write.inode), None) is None:
            self._fire(write, path)  # else a scan of a new folder was faster

    def _changed(self, folder: Path, path: Path) -> None:
        """New times on a file that made its job: remembered, or a restart would take it for another write."""
        for watched in self._watched.get(folder, ()):
            write = self._write(watched, path)
            if write is not None:
                self._db.touch_write(write)

    def _fire(self, write: Write, path: Path) -> None:
        event = minio_event(
            write, access_key=self._uploader(write.service), endpoint=self._s3.endpoint, etag=etag_of(write, path)
        )
        with self._db.transaction():
            self._db.add_write(write)
            self._accept(write.service, json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode())

    def folder_marked(self, bucket: str, key: str, content: str) -> None:
        """A folder marker is an object as well, and the job for it fails as on a cluster (wire D030)."""
        at = time.time_ns()
        for spec in self._db.services():
            name = spec["name"]
            if any(b == bucket and key.startswith(f"{folder}/") for b, folder in self._db.watches(name)):
                write = Write(name, bucket, key, 0, at, at, 0)
                who, where = self._uploader(name), self._s3.endpoint
                told = minio_event(write, access_key=who, endpoint=where, etag=OF_NOTHING, content=content)
                self._accept(name, json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode())

    def _uploader(self, service: str) -> str:
        """The object store does not say who wrote: an upload to a user's service counts as that user's."""
        owner = str((self._db.service(service) or {}).get("owner", ""))
        return owner if owner not in ("", ADMIN.uid) else self._s3.access.access_key

    # what was missed

    def _scan(self, top: Path, watched: Watched, *, fresh: bool) -> None:
        """Files that came after the watch was armed and made no job: those in a fresh folder, those before a kill."""
        since = self._db.arm(watched.service, f"{watched.bucket}/{watched.folder}", time.time_ns())
        known = self._db.writes(watched.service, watched.bucket)
        for path in _files(top):
            write = self._write(watched, path)
            if write is None or write.ctime_ns <= since or _same(write, known.get(write.key), fresh=fresh):
                continue
            if _is_being_written(path):
                continue  # its end will be an event
            self._scanned[write.service, write.bucket, write.key, write.inode] = self._last_mark + 1
            self._fire(write, path)
        self._mark()

    def _mark(self) -> None:
        """An event of our own behind those that the scan may have overtaken: once it arrives, they all have."""
        self._last_mark += 1
        mark = self._marks / str(self._last_mark)
        mark.touch()
        mark.unlink()

    def _marked(self, mark: int) -> None:
        self._scanned = {seen: after for seen, after in self._scanned.items() if after > mark}

    def _rescan(self) -> None:
        """The kernel's queue ran over and events are lost: look everywhere."""
        for watched in {one for group in self._watched.values() for one in group}:
            self._watch(watched)


def _same(write: Write, known: Write | None, *, fresh: bool) -> bool:
    """The same write seen again.

    Content and time of content decide after a restart: a changed mode, a copied or restored data folder make no new
    job. In a folder that appears while we look on, everything is new unless it is the very same file: inode numbers
    come back soon after a delete, and clients may set times.
    """
    if known is None:
        return False
    if fresh:
        return (write.inode, write.ctime_ns) == (known.inode, known.ctime_ns)
    return (write.size, write.mtime_ns) == (known.size, known.mtime_ns)


def _is_being_written(path: Path) -> bool:
    """Whether a process has the file open for writing: the kernel then grants no lease for reading."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN  # another error: this file system has no leases
    finally:
        os.close(file)
    return False


def _files(top: Path) -> Iterator[Path]:
    for folder, below, names in os.walk(top):
        below[:] = filter(is_text, below)
        for name in sorted(filter(is_text, names)):
            if not is_partial(name):
                yield Path(folder) / name
