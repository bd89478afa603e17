"""Writing to oscar-cli's own file, ``~/.oscar-cli/config.yaml``, so that either program finds what the other wrote.

What is not ours to know is kept: comments, order, keys of other versions (oscar.md §2.3). A change is written whole or
not at all, by one process at a time, readable by its owner alone. Reading is in ``profiles``.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import NotSaved, ProfileNotFound
from .profiles import config_path, place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def add(name: str, entry: Mapping[str, Any], *, default: bool = False) -> None:
    """Write a cluster, over what the file says of it; the first, or with ``default``, becomes the default.

    Raises:
        ProfileNotFound: the file is damaged; it is left as it is.
        NotSaved: it cannot be written.

    """
    with _changed() as content:
        clusters = content.setdefault("oscar", {})
        if clusters is None:
            clusters = content["oscar"] = {}
        clusters.setdefault(name, {}).update(entry)
        if default or not content.get("default"):
            content["default"] = name


def remove(name: str) -> bool:
    """Take a cluster out; whether it was there. If it was the default, there is none then."""
    with _changed() as content:
        clusters = content.get("oscar") or {}
        there = clusters.pop(name, None) is not None
        if there and content.get("default") == name:
            del content["default"]
    return there


def set_default(name: str) -> None:
    """Say which cluster is taken when none is named.

    Raises:
        ProfileNotFound: it is not in the file.

    """
    with _changed() as content:
        if name not in (content.get("oscar") or {}):
            msg = f'There is no cluster named "{name}" in {config_path()}.'
            raise ProfileNotFound(msg, hint="Add it: jupyter oscar cluster add.")
        content["default"] = name


@contextlib.contextmanager
def _changed() -> Iterator[Any]:
    """The file's content, to be changed in place, and written when that has gone well."""
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap
    from ruamel.yaml.error import YAMLError

    path = config_path()
    path = path.resolve() if path.is_symlink() else path
    yaml = YAML()  # round trip: keeps comments and order
    yaml.preserve_quotes = True
    yaml.width = 4096
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (path.parent / f".{path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            text = path.read_text(encoding="utf-8") if path.exists() else ""
            indent = _indent(text)
            yaml.indent(mapping=indent, sequence=indent + 2, offset=indent)
            try:
                content = yaml.load(text)
            except YAMLError as error:
                raise _damaged(path, place(error)) from error
            content = CommentedMap() if content is None else content
            if not isinstance(content, dict) or not isinstance(content.get("oscar") or {}, dict):
                raise _damaged(path, "it does not hold a map `oscar` of clusters")
            yield content
            _replace(path, content, yaml)
    except UnicodeDecodeError as error:
        raise _damaged(path, "it is not UTF-8 text") from error
    except OSError as error:
        msg = f"{path} cannot be written: {(error.strerror or str(error)).lower()}."
        raise NotSaved(msg, hint="Nothing was changed. Make the file and its folder writable for you.") from error


def _replace(path: Path, content: Any, yaml: Any) -> None:
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(13, "Permission denied", str(path))
    handle, fresh = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            yaml.dump(content, file)
        Path(fresh).replace(path)
    finally:
        Path(fresh).unlink(missing_ok=True)


def _indent(text: str) -> int:
    """How far the file's first nested line is indented; oscar-cli writes 2 or 4 by its version."""
    first = next((line for line in text.splitlines() if line[:1] == " " and line.strip()[:1] not in {"", "#"}), "")
    return len(first) - len(first.lstrip()) or 2


def _damaged(path: Path, why: str) -> ProfileNotFound:
    return ProfileNotFound(f"{path} cannot be read: {why}.", hint="Mend or remove the file; nothing was changed.")
