"""Buckets as folders: what rclone serves, read from the disk."""

from __future__ import annotations

import os
from itertools import islice
from typing import TYPE_CHECKING

from .objectstore import Found

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PARTIAL = (".rclone_temp", ".rclone_chunked", ".rclone-")
_PARTIAL_ENDS = (".partial",)


def is_partial(name: str) -> bool:
    """Half an upload."""
    return name.startswith(_PARTIAL) or name.endswith(_PARTIAL_ENDS)


def is_text(name: str) -> bool:
    """Whether it can be part of a key: a file's name is any bytes, and old archives hold some that are no UTF-8."""
    return name.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in name)


def _keys(root: Path, markers: set[str], after: str, prefix: str = "") -> Iterator[str]:
    """In their order: objects, and folder markers where a folder is empty or was made by OSCAR.

    Links are none: they may lead out of the bucket; nor is what has no name in text. Folders that lie wholly before are
    not looked into, so that a page costs the same in a big bucket.
    """
    try:
        with os.scandir(root / prefix) as found:
            ours = [one for one in found if is_text(one.name) and not one.is_symlink()]
            names = sorted(f"{one.name}/" if one.is_dir() else one.name for one in ours)
    except FileNotFoundError:
        return  # it went meanwhile
    if prefix and prefix > after and (not names or prefix[:-1] in markers):
        yield prefix
    for name in names:
        key = prefix + name
        if not name.endswith("/"):
            if key > after and not is_partial(name):
                yield key
        elif key > after or after.startswith(key):
            yield from _keys(root, markers, after, key)


def page(root: Path, markers: set[str], after: str, most: int) -> list[Found]:
    """The first objects whose keys come later."""
    found = []
    for key in islice(_keys(root, markers, after), most):
        try:
            stat = (root / key).stat()
        except FileNotFoundError:
            continue  # it went meanwhile
        found.append(Found(key, 0 if key.endswith("/") else stat.st_size, stat.st_mtime_ns))
    return found


def _files(root: Path) -> Iterator[str]:
    for top, _, names in os.walk(root):
        yield from (os.path.join(top, name) for name in names if not is_partial(name))  # noqa: PTH118 - many, fast


def count(root: Path) -> tuple[int, int]:
    """Bytes and objects."""
    size = number = 0
    for path in _files(root):
        try:
            size += os.lstat(path).st_size
        except OSError:
            continue  # it went while we counted
        number += 1
    return size, number


def roughly(root: Path, most: int) -> int:
    """Objects, so many at most."""
    return sum(1 for _ in islice(_files(root), most))
