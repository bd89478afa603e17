"""Buckets that are folders of the machine this server runs on: seen, mounted and unmounted."""

from __future__ import annotations

import asyncio
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from jupyter_oscar.client.errors import InvalidRequest, NotAllowed, NotFound, OscarError, TimedOut
from jupyter_oscar.deploy import keeper, mounting, mounts, notes

from .route import Message, Problem, Route, may, problem
from .triggers import WatchedBy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jupyter_oscar.client.cluster import Cluster
    from jupyter_oscar.deploy.mounts import Mount

    from .processes import Processes

# Files that are named of those that wait.
NAMED: Final = 20
# Seconds after which a folder that does not answer is said not to.
PATIENCE: Final = 5.0


class WaitingFile(Message):
    """A file of a mounted folder that is not in the bucket yet; ``errors`` says that writing it failed before."""

    key: str
    size: int
    errors: bool = False


class MountedFolder(Message):
    """A folder that is a bucket, or a folder of one.

    ``path`` is where the file browser has it: empty where it is the server's own folder, null where it has it not.
    ``state``: ``direct`` is the sandbox's own folder, where what is written is in the bucket at once; ``gone`` ended
    though nobody undid it, ``ending`` waits for its last files to be written back. ``ours`` may be undone from here.
    """

    point: str
    path: str | None
    bucket: str
    folder: str
    state: Literal["mounted", "direct", "ending", "gone"]
    ours: bool
    read_only: bool = False
    waiting: int = 0
    files: tuple[WaitingFile, ...] = ()
    watched_by: tuple[WatchedBy, ...] = ()
    problem: Problem | None = None


class WorkingDirectory(Message):
    """The folders of this server that are buckets of a cluster, its own first, and why none can be mounted here."""

    mounts: tuple[MountedFolder, ...]
    cannot: Problem | None = None


class NewMount(Message):
    """A bucket, or a folder of it, to be mounted at a path of the file browser."""

    bucket: str
    folder: str = ""
    path: str
    read_only: bool = False


def root(settings: Mapping[str, Any]) -> Path:
    """The server's own folder."""
    return Path(str(settings.get("server_root_dir") or ".")).expanduser().absolute()


async def look(cluster: Cluster, top: Path) -> WorkingDirectory:
    """What is mounted, what is not yet written back there, and which services watch it."""
    found = await asyncio.to_thread(mounts.here, top, cluster.profile)
    rows = [await _row(mount, cluster, top) for mount in found if mount.note or await _is_of(mount, cluster)]
    return WorkingDirectory(mounts=tuple(rows), cannot=None if mounts.folders(cluster.profile) else _cannot())


async def _is_of(mount: Mount, cluster: Cluster) -> bool:
    """Whether a mount that others made is of a bucket of this cluster."""
    try:
        await cluster.buckets.page(mount.bucket, size=1)
    except (NotFound, NotAllowed):
        return False
    return True


async def _row(mount: Mount, cluster: Cluster, top: Path) -> MountedFolder:
    note = mount.note
    row = MountedFolder(
        point=str(mount.point),
        path=_path(mount.point, top),
        bucket=mount.bucket,
        folder=mount.folder,
        state="gone" if mount.gone else "direct" if mount.direct else "ending" if note and note.ending else "mounted",
        ours=note is not None,
        read_only=note is not None and note.read_only,
    )
    try:
        row.watched_by = await _watching(mount, cluster)
        waiting = await _waiting(mount, cluster)
        row.waiting = len(waiting)
        row.files = tuple(WaitingFile(key=one.key, size=one.size, errors=one.errors) for one in waiting[:NAMED])
    except OscarError as error:
        row.problem = problem(error)
    return row


async def _waiting(mount: Mount, cluster: Cluster) -> list[mounts.Waiting]:
    """What is not written back yet. A folder that hangs is asked once, or it would take a thread with every look."""
    key = (asyncio.get_running_loop(), mount.point)
    task = _asked.get(key) or asyncio.ensure_future(mounts.waiting(mount, cluster))
    _asked[key] = task
    if not (await asyncio.wait({task}, timeout=PATIENCE))[0]:
        message = f"{mount.point} does not answer."
        raise TimedOut(message, hint="What is written there waits until the storage does.")
    _asked.pop(key, None)
    return task.result()


_asked: dict[tuple[asyncio.AbstractEventLoop, Path], asyncio.Future[list[mounts.Waiting]]] = {}


def _path(point: Path, top: Path) -> str | None:
    if top.is_relative_to(point) or top.resolve().is_relative_to(point):
        return ""
    return point.relative_to(top).as_posix() if point.is_relative_to(top) else None


async def _watching(mount: Mount, cluster: Cluster) -> tuple[WatchedBy, ...]:
    found = await cluster.triggers.watching(mount.bucket, f"{mount.folder}/" if mount.folder else "")
    found += await cluster.triggers.below(mount.bucket, mount.folder)
    services = {row.service: row for row in reversed(found)}
    return tuple(WatchedBy(service=row.service, folder=row.folder) for _, row in sorted(services.items()))


def _cannot() -> Problem | None:
    try:
        keeper.check_fuse()
        keeper.rclone()
    except mounts.CannotMount as error:
        return problem(error)
    return None


class WorkingDirectoryRoute(Route):
    """``/jupyter-oscar/clusters/<cluster>/working-directory``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:storage"

    @may()
    async def get(self, cluster: str) -> None:
        """What is mounted here, and whether more can be."""
        self.reply(await look(await self.cluster(cluster), root(self.settings)))

    @may("execute", "jupyter_oscar:processes")
    async def post(self, cluster: str) -> None:
        """Mount a bucket."""
        said, one = self.body(NewMount), await self.cluster(cluster)
        self._allow()
        place = "/".join(filter(None, [said.bucket, said.folder.strip("/")]))
        await mounting.mount(one, place, self._point(said.path), read_only=said.read_only)
        await self._reply(cluster, one, 201)

    @may("execute", "jupyter_oscar:processes")
    async def delete(self, cluster: str) -> None:
        """Undo a mount, or begin to: its last files are written back first."""
        one, point = await self.cluster(cluster), Path(self.plain("point"))
        self._allow()
        if notes.of(point) is None:
            msg = f"{point} is no folder that was mounted from here."
            raise mounts.CannotMount(msg, hint="Whoever mounted it undoes it.")
        note = await asyncio.to_thread(keeper.ask_to_end, point)
        if note:
            await asyncio.to_thread(note.wait, PATIENCE)
        await self._reply(cluster, one)

    async def _reply(self, name: str, cluster: Cluster, status: int = 200) -> None:
        self.news.soon(f"working-directory/{name}")
        self.reply(await look(cluster, root(self.settings)), status)

    def _allow(self) -> None:
        processes: Processes = self.settings["jupyter_oscar_processes"]
        if not processes.allowed:
            msg = "This site does not allow mounting buckets."
            raise NotAllowed(msg, hint=keeper.DRIVE)

    def _point(self, path: str) -> Path:
        """A folder below the server's own."""
        parts = PurePosixPath(path.strip("/")).parts
        if not parts or any(part.startswith(".") for part in parts):
            msg = f'"{path}" is no folder that the file browser shows.'
            raise InvalidRequest(msg, hint="Name one below the folder that it begins with, such as work.")
        return root(self.settings).joinpath(*parts)
