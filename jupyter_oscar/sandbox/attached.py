"""Folders that a service finds besides its own: the bucket it mounts and its volume (oscar.md §2.6, §2.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from .objectstore import ObjectStore
    from .settings import DataFolder

    Attached = tuple["Path", str]  # a folder, and the absolute path where it is wanted


def attached(data: DataFolder, s3: ObjectStore, spec: dict[str, Any]) -> tuple[Attached, ...]:
    found = []
    path = str(spec["mount"]["path"]).strip(" /")
    if path:
        bucket, _, folder = path.partition("/")
        found.append((s3.place(bucket) / folder, f"/mnt/{path}"))
    if spec["volume"] is not None:
        found.append((volume_folder(data, spec["namespace"], spec["volume"]["name"]), spec["volume"]["mount_path"]))
    return tuple(found)


def volume_folder(data: DataFolder, namespace: str, name: str) -> Path:
    """A namespace holds a piece of a user's id, which may be anything."""
    return data.root / "volumes" / quote(namespace, safe="") / name


def link(home: Path, folders: Iterable[Attached]) -> None:
    """Without a container an absolute path cannot be given away: ``/mnt/b`` is ``mnt/b`` below the working folder."""
    for folder, wanted in folders:
        place = home / wanted.strip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(folder, target_is_directory=True)
