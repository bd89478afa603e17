"""Buckets that are mounted here, by whomever: OSCAR's sidecar in a pod (oscar.md §2.7), the sandbox, or ourselves.

In a pod rclone mounts ``bucket[/folder]`` at ``/mnt/bucket[/folder]``; the table of mounts names it. In the sandbox a
mounted bucket is the folder that holds its objects.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from jupyter_oscar.client.errors import OscarError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_oscar.client.cluster import Cluster
    from jupyter_oscar.client.profiles import Profile

TABLE: Final = Path("/proc/self/mountinfo")
STATE: Final = "jupyter-oscar-mount-"
# Files that are compared with the storage at most.
COMPARED: Final = 2000
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")


class CannotMount(OscarError):
    """A bucket cannot be mounted here, or a mount cannot be undone."""

    code: ClassVar[str] = "cannot-mount"


@dataclass(frozen=True)
class Mount:
    """A folder that is a bucket, or a folder of one. ``control`` is rclone's socket where we may ask it."""

    point: Path
    bucket: str
    folder: str = ""
    control: Path | None = None
    #: It is not mounted but the folder itself: what is written is in the bucket at once.
    direct: bool = False

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
    ours = {Path(state["point"]): Path(state["control"]) for state in states()}
    return [found for line in lines if (found := _parse(line, ours))]


def _parse(line: str, ours: dict[Path, Path]) -> Mount | None:
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


def holding(path: Path, profile: Profile | None = None, table: Path = TABLE) -> Mount | None:
    """The mount that a folder is in, the innermost; with a ``profile`` of a sandbox also a folder of its buckets."""
    real = path.resolve()
    inside = [mount for mount in mounted(table) if real.is_relative_to(mount.point)]
    if inside:
        return max(inside, key=lambda mount: len(mount.point.parts))
    box = profile.sandbox if profile else None
    buckets = (box.data / "buckets").resolve() if box else None
    if buckets and real.is_relative_to(buckets) and real != buckets:
        bucket, *folders = real.relative_to(buckets).parts
        return Mount(real, bucket, "/".join(folders), direct=True)
    return None


async def waiting(mount: Mount, cluster: Cluster) -> list[Waiting]:
    """What was written to the folder and is not in the bucket yet.

    rclone is asked where we may: it knows. Elsewhere files are compared with the objects by name and size, so one that
    was changed without becoming longer or shorter is not seen.

    Raises:
        OscarError: the bucket cannot be listed.

    """
    if mount.direct:
        return []
    if mount.control is not None and (said := await _ask(mount.control, "vfs/queue")) is not None:
        prefix = f"{mount.folder}/" if mount.folder else ""
        return [Waiting(prefix + row["name"], row["size"], bool(row.get("tries"))) for row in said["queue"]]
    prefix = f"{mount.folder}/" if mount.folder else ""
    there = {row.key: row.size async for row in cluster.buckets.under(mount.bucket, prefix)}
    files = await asyncio.to_thread(lambda: list(_files(mount.point)))
    return [Waiting(mount.key(path), size) for path, size in files if there.get(mount.key(path), -1) != size]


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


def _files(top: Path) -> Iterator[tuple[Path, int]]:
    """Files below a folder and their sizes, up to a number that takes no time."""
    count = 0
    for folder, _, names in os.walk(top):
        for name in names:
            path = Path(folder, name)
            try:
                yield path, path.stat().st_size
            except OSError:
                continue
            count += 1
            if count == COMPARED:
                return


def states() -> list[dict[str, Any]]:
    """What our own mounts noted down in Jupyter's runtime folder, of those whose process lives."""
    found = []
    for path in sorted(_runtime().glob(f"{STATE}*.json")):
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            os.kill(int(said["pid"]), 0)
        except (OSError, ValueError, KeyError):
            continue
        found.append(said)
    return found


def _runtime() -> Path:
    from jupyter_core.paths import jupyter_runtime_dir

    return Path(jupyter_runtime_dir())


def state_file(point: Path) -> Path:
    """Where a mount of ours is noted down."""
    import hashlib

    return _runtime() / f"{STATE}{hashlib.sha256(str(point).encode()).hexdigest()[:8]}.json"
