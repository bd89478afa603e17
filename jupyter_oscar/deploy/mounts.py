"""Buckets that are mounted here, by whomever: OSCAR's sidecar in a pod (oscar.md §2.7), the sandbox, or ourselves.

In a pod rclone mounts ``bucket[/folder]`` at ``/mnt/bucket[/folder]``; the table of mounts names it. In a sandbox
whose buckets are folders, a mounted bucket is the folder that holds its objects; where MinIO keeps them it is mounted.
"""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
import re
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from jupyter_oscar.client.errors import NotFound, OscarError

from . import notes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_oscar.client.cluster import Cluster
    from jupyter_oscar.client.profiles import Profile

    from .notes import Note

TABLE: Final = Path("/proc/self/mountinfo")
# Where rclone cannot be asked: files that are looked through at most, how many of them are compared with the storage,
# and for how many seconds after they were changed.
LOOKED: Final = 2000
COMPARED: Final = 100
RECENT: Final = 3600.0
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")


class CannotMount(OscarError):
    """A bucket cannot be mounted here, or a mount cannot be undone."""

    code: ClassVar[str] = "cannot-mount"


@dataclass(frozen=True)
class Mount:
    """A folder that is a bucket, or a folder of one. ``note`` is what we noted of it, if it is a mount of ours."""

    point: Path
    bucket: str
    folder: str = ""
    note: Note | None = None
    #: It is not mounted but the folder itself: what is written is in the bucket at once.
    direct: bool = False
    #: Nobody serves it any more, though nobody undid it.
    gone: bool = False

    @property
    def place(self) -> str:
        """``bucket`` or ``bucket/folder``."""
        return "/".join(filter(None, [self.bucket, self.folder]))

    def key(self, path: Path) -> str:
        """The key of a file in it."""
        return "/".join(filter(None, [self.folder, path.relative_to(self.point).as_posix()]))


@dataclass(frozen=True)
class Waiting:
    """A file that is not written back yet: its key and size in bytes. ``errors`` says that writing it failed before."""

    key: str
    size: int
    errors: bool = False


def mounted(table: Path = TABLE) -> list[Mount]:
    """Every bucket that rclone has mounted here, in the order of the table."""
    try:
        lines = table.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:  # no Linux
        return []
    ours = {note.point: note for note in notes.notes() if note.lives}
    return [found for line in lines if (found := _parse(line, ours))]


def _parse(line: str, ours: dict[Path, Note]) -> Mount | None:
    """A line of the table: ids, root, mount point, options … ``-`` kind, source, options (proc(5))."""
    before, _, after = line.partition(" - ")
    fields, kinds = before.split(" "), after.split(" ")
    if len(fields) < 5 or len(kinds) < 2 or kinds[0] != "fuse.rclone":  # noqa: PLR2004 - as proc(5) has them
        return None
    point, source = Path(_plain(fields[4])), _plain(kinds[1])
    # A remote that is not in a configuration begins with a colon: ``:s3:bucket``.
    place = source.removeprefix(":").partition(":")[2].strip("/")
    if not place and point.is_relative_to("/mnt"):
        place = point.relative_to("/mnt").as_posix()
    bucket, _, folder = place.partition("/")
    return Mount(point, bucket, folder, ours.get(point)) if bucket and bucket != "." else None


def _plain(field: str) -> str:
    """A field of the table without its escapes."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), field)


def folders(profile: Profile) -> Path | None:
    """The folder of this machine whose folders are the cluster's buckets, if there is one."""
    return profile.sandbox.buckets if profile.sandbox else None


def holding(path: Path, profile: Profile | None = None, table: Path = TABLE) -> Mount | None:
    """The mount that a folder is in, the innermost; with a ``profile`` of a sandbox also a folder of its buckets."""
    real = path.resolve()
    inside = [mount for mount in mounted(table) if real.is_relative_to(mount.point)]
    if inside:
        return max(inside, key=lambda mount: len(mount.point.parts))
    buckets = folders(profile) if profile else None
    buckets = buckets.resolve() if buckets else None
    if buckets and real.is_relative_to(buckets) and real != buckets:
        bucket, *below = real.relative_to(buckets).parts
        return Mount(real, bucket, "/".join(below), direct=True)
    return None


def here(root: Path, profile: Profile, table: Path = TABLE) -> list[Mount]:
    """The mounted folders that concern somebody on a cluster whose files begin at ``root``; the one it is in first.

    Those that ended though nobody undid them are among them.
    """
    own = holding(root, profile, table)
    found = {mount.point: mount for mount in ([own] if own else []) + mounted(table)}
    for note in notes.notes():
        bucket, _, folder = note.place.partition("/")
        if note.is_link and note.point.is_symlink():
            found.setdefault(note.point, Mount(note.point, bucket, folder, note, direct=True))
        elif not (note.is_link or (note.ending and note.lives)) and (note.point not in found or not note.lives):
            found[note.point] = Mount(note.point, bucket, folder, note, gone=True)
    ours = [mount for mount in found.values() if not mount.note or mount.note.endpoint in {"", profile.endpoint}]
    return [replace(mount, gone=mount.gone or is_dead(mount.point)) for mount in ours]


def is_dead(point: Path) -> bool:
    """Whether it is a mount whose rclone is gone."""
    try:
        point.stat()
    except OSError as error:
        return error.errno in {errno.ENOTCONN, errno.EIO}
    return False


async def waiting(mount: Mount, cluster: Cluster) -> list[Waiting]:
    """What was written to the folder and is not in the bucket yet.

    rclone is asked where we may: it knows. Elsewhere the files that were changed in the last hour, at most 100, are
    compared with their objects by size, so one that was changed without becoming longer or shorter is not seen.

    Raises:
        OscarError: the bucket cannot be read.

    """
    if mount.direct or mount.gone:
        return []
    control = mount.note.control if mount.note else None
    if control is not None and (said := await _ask(control, "vfs/queue")) is not None:
        prefix = f"{mount.folder}/" if mount.folder else ""
        return [Waiting(prefix + row["name"], row["size"], bool(row.get("tries"))) for row in said["queue"]]
    files = await asyncio.to_thread(_changed, mount.point)
    keys = [mount.key(path) for path, _ in files]
    there = await asyncio.gather(*(_size(cluster, mount.bucket, key) for key in keys))
    return [Waiting(key, size) for key, (_, size), stored in zip(keys, files, there, strict=True) if size != stored]


async def _size(cluster: Cluster, bucket: str, key: str) -> int:
    """The size of an object, -1 where there is none."""
    try:
        return (await cluster.objects.look(bucket, key)).size
    except NotFound:
        return -1


async def _ask(control: Path, what: str) -> dict[str, Any] | None:
    """Rclone's answer; None where it does not give one."""
    import httpx

    try:
        async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(control)), timeout=5) as rclone:
            answer = await rclone.post(f"http://rclone/{what}")
        found = answer.json() if answer.is_success else None
    except (httpx.HTTPError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _changed(top: Path) -> list[tuple[Path, int]]:
    """Files below a folder that were changed lately, and their sizes: the newest, of as many as take no time."""
    since = time.time() - RECENT
    found = sorted(row for row in itertools.islice(_files(top), LOOKED) if row[0] > since)
    return [(path, size) for _, path, size in found[-COMPARED:]]


def _files(top: Path) -> Iterator[tuple[float, Path, int]]:
    """Files below a folder: when each was changed, where it is, its size."""
    for folder, _, names in os.walk(top):
        for name in names:
            path = Path(folder, name)
            try:
                told = path.stat()
            except OSError:
                continue
            yield told.st_mtime, path, told.st_size
