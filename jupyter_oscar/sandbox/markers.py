"""Folder markers: objects whose key ends with a slash, which rclone does not know (wire D018, D030).

Here a marker is a folder and a row that says that somebody asked for it; an object store on files has no other place
for it. MinIO lists such a key, gives it as an empty object, deletes it alone, and tells of it as of any other object.
"""

from __future__ import annotations

import contextlib
import re
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from .store import Database

_NO_NAME = re.compile(r"(^|/)\.{0,2}/|[\0\\]")  # an empty part, one of dots: MinIO refuses them as well


class NotAFolder(Exception):
    """Why there can be no marker of that name: MinIO's code, and its sentence."""


class Markers:
    def __init__(self, root: Path, database: Database, told: Callable[[str, str, str], None]) -> None:
        self._root, self._db, self._told = root, database, told
        self._markers = database.markers()

    def put(self, bucket: str, key: str, content: str) -> None:
        """Raises ``NotAFolder`` or ``FileNotFoundError`` when there is no such bucket."""
        if _NO_NAME.search(key):
            raise NotAFolder("XMinioInvalidObjectName", "Object name contains unsupported characters.")
        top = self._root / bucket
        path = top
        if not top.is_dir():
            raise FileNotFoundError
        for part in key[:-1].split("/"):
            path /= part
            if path.is_symlink() or (path.exists() and not path.is_dir()):
                raise NotAFolder(
                    "XMinioParentIsObject",
                    "Object-prefix is already an object, please choose a different object-prefix name.",
                )
        path.mkdir(parents=True, exist_ok=True)
        self.note(bucket, key)
        self._told(bucket, key, content)

    def note(self, bucket: str, key: str) -> None:
        """There is such a folder, and it is to be seen as an object; nobody is told."""
        made = time.time_ns()
        self._db.put_marker(bucket, key, made)
        self._markers.setdefault(bucket, {})[key] = made

    def drop(self, bucket: str, key: str | None = None) -> None:
        """One marker, or all of a bucket that is gone. The folder stays as long as something is in it."""
        known = self._markers.get(bucket, {})
        for one in list(known) if key is None else [key]:
            if known.pop(one, None) is not None:
                self._db.drop_marker(bucket, one)
                with contextlib.suppress(OSError):
                    (self._root / bucket / one).rmdir()

    def of(self, bucket: str) -> dict[str, int]:
        """Those whose folder is still there, in order, with the time of their making in nanoseconds."""
        known = self._markers.get(bucket, {})
        for gone in [key for key in known if not (self._root / bucket / key).is_dir()]:
            self.drop(bucket, gone)
        return dict(sorted(known.items()))

    def made(self, bucket: str, key: str) -> int | None:
        """When, if there is such a marker."""
        known = self._markers.get(bucket)
        return self.of(bucket).get(key) if known else None

    def listed(self, bucket: str, said: bytes, query: Mapping[str, str]) -> bytes:
        """A page of a bucket's list as the store gave it, with the markers that belong on it."""
        from .listing import merged

        return merged(said, query, self.of(bucket))
