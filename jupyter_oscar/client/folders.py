"""Folders of files to a bucket and back, many at a time."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from .errors import FileMissing, NotSaved, ObjectNotFound, OscarError
from .object_keys import check_key

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from .cluster import Cluster
    from .transfers import Object, Progress

AT_ONCE: Final = 16


@dataclass(frozen=True)
class Sending:
    """A file, its size in bytes and the key it goes under."""

    path: Path
    key: str
    size: int


def plan(files: Sequence[Path], to: str) -> list[Sending]:
    """Which file goes under which key: a folder with all in it below its own name, a file under its own name or ``to``.

    ``to`` is a folder where it is empty or ends in ``/``, or where there are several files.

    Raises:
        FileMissing: one is not there; nothing was sent.
        InvalidRequest: one would get a key that no object can have.

    """
    due: list[Sending] = []
    for file in files:
        if file.is_dir():
            base = f"{to.rstrip('/')}/{file.resolve().name}".strip("/")
            due += [_sending(path, f"{base}/{path.relative_to(file).as_posix()}") for path in _below(file)]
        elif not file.exists():
            msg = f"There is no file {file}."
            raise FileMissing(msg, hint="Check the path. Nothing was stored.")
        else:
            inside = len(files) > 1 or not to or to.endswith("/")
            due.append(_sending(file, f"{to.rstrip('/')}/{file.name}".strip("/") if inside else to))
    return due


def _below(folder: Path) -> Iterator[Path]:
    """Files in a folder and its folders, in order; links to folders are not followed, so nothing is walked for ever."""
    for top, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(top, name) for name in sorted(names) if Path(top, name).is_file())


def _sending(path: Path, key: str) -> Sending:
    check_key(key)
    return Sending(path, key, path.stat().st_size)


async def upload(cluster: Cluster, bucket: str, due: Sequence[Sending], progress: Progress | None = None) -> None:
    """Send files. Where one fails the others under way are finished, and the first failure is told."""

    async def one(sending: Sending) -> None:
        await cluster.store.put(bucket, sending.key, sending.path, progress=progress, sha256=False)

    await _all([lambda sending=sending: one(sending) for sending in due])  # type: ignore[misc]


async def download(
    cluster: Cluster, bucket: str, due: Sequence[tuple[Object, Path]], progress: Progress | None = None
) -> None:
    """Fetch objects to their places. Whole files stand there, no halves."""

    async def one(row: Object, path: Path) -> None:
        try:
            await cluster.store.download(bucket, row.key, path, progress)
        except OSError as error:
            msg = f"{path} cannot be written: {(error.strerror or str(error)).lower()}."
            raise NotSaved(msg, hint="Make room, or name another place.") from error

    await _all([lambda row=row, path=path: one(row, path) for row, path in due])  # type: ignore[misc]


def places(rows: Sequence[Object], folder: str, to: Path) -> list[tuple[Object, Path]]:
    """Where the objects below a folder go; markers of folders are nothing to fetch.

    Raises:
        ObjectNotFound: there are none.
        NotSaved: one would lie outside of ``to``, or two at the same place.

    """
    files = [row for row in rows if not row.key.endswith("/")]
    if not files:
        msg = f"There is nothing below {folder or 'the top of the bucket'}."
        raise ObjectNotFound(msg, hint="Check its spelling: capital letters count, and a folder ends in /.")
    due = [(row, inside(to, row.key.removeprefix(folder))) for row in files]
    counted = Counter(os.path.normcase(path) for _, path in due)
    for row, path in due:
        if counted[os.path.normcase(path)] > 1:
            msg = f'"{row.key}" and another object would both be written to {path}.'
            raise NotSaved(msg, hint="Get them one by one, under names of your own.")
    return due


def inside(folder: Path, key: str) -> Path:
    """Where a key lies below a folder.

    Raises:
        NotSaved: it would lie outside, or is no name for a file here.

    """
    target = folder / key.lstrip("/")
    parts = PurePosixPath(key).parts
    if "\0" in key or ".." in parts or not target.resolve().is_relative_to(folder.resolve()):
        msg = f'The object "{key}" would be written outside {folder}.'
        raise NotSaved(msg, hint="Get it alone, under a name of your own.")
    return target


async def _all(jobs: Sequence[Callable[[], Awaitable[None]]]) -> None:
    """Do all, some at a time; after a failure begin no more, and tell it when those under way have ended."""
    waiting, errors = iter(jobs), list[BaseException]()

    async def work() -> None:
        for job in waiting:
            if errors:
                return
            try:
                await job()
            except OscarError as error:
                errors.append(error)

    workers = [asyncio.create_task(work()) for _ in range(min(AT_ONCE, len(jobs)))]
    try:
        await asyncio.gather(*workers)
    except BaseException:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        raise
    if errors:
        raise errors[0]
