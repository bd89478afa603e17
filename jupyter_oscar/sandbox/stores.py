"""Which object store runs. A data folder keeps the one it began with: the other would not find its objects."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from .settings import CannotStart

if TYPE_CHECKING:
    from .objectstore import ObjectStore
    from .settings import DataFolder, Settings

MINIO, RCLONE = "minio", "rclone"
STORES = (MINIO, RCLONE)
_WHAT = {
    MINIO: "Objects are kept by MinIO: each user has keys and rights of their own.",
    RCLONE: (
        "Objects are kept by rclone, which knows no rights: the API keeps users apart, but every user's key opens "
        "every bucket over S3. For rights of their own put MinIO's program, minio, on PATH."
    ),
}


def choose(data: DataFolder, settings: Settings, wanted: str | None, program: str | None) -> ObjectStore:
    """What was asked for, else what the folder has, else MinIO where it is installed. Raises ``CannotStart``."""
    had = kept_by(data)
    program = program or shutil.which(MINIO) or (settings.minio if had == MINIO else None)
    name = wanted or had or (MINIO if program else RCLONE)
    if had not in (None, name):
        raise CannotStart(
            f"The objects in {data.root} are kept by {had}, and {name} cannot read them: start it with --store {had}, "
            "choose another folder with --data, or empty this one with `jupyter oscar sandbox reset`."
        )
    if name == RCLONE:
        from .rclone import Rclone

        return Rclone(data, settings)
    if program is None or shutil.which(program) is None:
        raise CannotStart(
            f"The sandbox finds no MinIO {f'at {program}' if program else 'on PATH'}: install it, or name its program "
            "with --minio."
        )
    from .minioserver import MinioServer

    settings.minio = str(shutil.which(program))
    return MinioServer(data, settings, settings.minio)


def kept_by(data: DataFolder) -> str | None:
    """The store that this folder began with."""
    if (data.minio / "drive" / ".minio.sys").is_dir():
        return MINIO
    return RCLONE if data.database.exists() and not data.minio.is_dir() else None


def in_words(name: str) -> str:
    """What it means for the people who use it."""
    return _WHAT[name]
