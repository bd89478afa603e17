"""Writing an FDL file back: what was changed is changed in its text, and all else stays as its author wrote it.

Comments, order, quotes, anchors, references to secrets and keys of ours and others are kept. A file from which nothing
was changed is not written at all. Reading is in ``fdl``.
"""

from __future__ import annotations

import contextlib
import copy
import io
import itertools
import os
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pydantic import SecretStr

from . import fdl, prologue
from .errors import NotSaved
from .service import RESPONSE_ONLY, Service

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .fdl import Fdl


def save(file: Fdl, path: Path | None = None) -> None:
    """Write a file's services, as they are now, over the text they were read from, or to another path.

    A changed script goes to the file that its service names, without our prologue. All is written, or nothing.

    Raises:
        NotSaved: it cannot be written, or not without loss; what was there is as it was.

    """
    path = path or file.path
    text, scripts = rewritten(file), _scripts(file)
    with contextlib.ExitStack() as undo:
        try:
            for name, content in scripts.items():
                _replace(path.parent / name, content, undo)
            if text != file.text or path != file.path:
                _replace(path, text, undo)
        except OSError as error:
            msg = f"{error.filename or path} cannot be written: {(error.strerror or str(error)).lower()}."
            raise NotSaved(msg, hint="Nothing was changed.") from error
        undo.pop_all()


def rewritten(file: Fdl) -> str:
    """The text of a file with its services as they are now.

    Raises:
        NotSaved: they cannot be written so that the same comes back.

    """
    before = _read(file, file.text)
    if _data(before) == _data(file):
        return file.text
    layout = _layout(file.text)
    document = _yaml(layout).load(file.text)
    _change(document["functions"]["oscar"], before, file)
    text = _dumped(layout, document)
    # What stands beside the services holds for each of them, also for a new one.
    shared = {key: _unshared(document[key]) for key in fdl.TOP[1:] if document.get(key)}
    old = {service.name for service in before.services}
    meant = {name: said if name in old else {**shared, **said} for name, said in _data(file).items()}
    if _data(_read(file, text)) != meant:
        msg = f"{file.path} cannot be written so that the same would be read again."
        raise NotSaved(msg, hint="Change the file by hand.")
    return text


class Layout(NamedTuple):
    """How far maps and lists are indented, and how far the dash of a list is from where its key begins."""

    mapping: int
    sequence: int
    offset: int


#: Those that are in use; the first that writes a text as it was is its own.
LAYOUTS: Final = (
    Layout(2, 4, 2),
    Layout(2, 2, 0),
    Layout(4, 4, 0),
    Layout(4, 4, 2),
    Layout(4, 6, 4),
    Layout(4, 2, 0),
    Layout(3, 3, 0),
)


@lru_cache(maxsize=8)
def _layout(text: str) -> Layout:
    """The layout that comes nearest to a text's own."""

    def strays(layout: Layout) -> int:
        again = _dumped(layout, _yaml(layout).load(text)).splitlines()
        return sum(one != other for one, other in itertools.zip_longest(text.splitlines(), again))

    return min(LAYOUTS, key=strays)


def _yaml(layout: Layout) -> Any:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(**layout._asdict())
    return yaml


def _dumped(layout: Layout, document: Any) -> str:
    out = io.StringIO()
    _yaml(layout).dump(document, out)
    return out.getvalue()


def _unshared(part: Any) -> Any:
    """Plain maps, lists and values."""
    if isinstance(part, dict):
        return {str(key): _unshared(value) for key, value in part.items()}
    if isinstance(part, list):
        return [_unshared(value) for value in part]
    return str(part) if isinstance(part, str) else part


def _change(items: Any, before: Fdl, now: Fdl) -> None:
    """In the parsed list of services: put in what differs, take out what is gone, append what is new."""
    old = {service.name: service for service in before.services}
    new = {service.name: service for service in now.services}
    for item in list(items):
        ((_, said),) = item.items()
        name = str(said.get("name"))
        if name not in new:
            items.remove(item)
            continue
        _merge(said, _plain(old[name]), _plain(new[name]))
    for name in [name for name in new if name not in old]:
        target = now.targets.get(name) or next(iter(now.targets.values()), "oscar-cluster")
        items.append({target: {**_plain(new[name]), "script": f"{name}.sh"}})


def _merge(said: Any, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Change what differs between old and new in a parsed map; inside of maps and lists of equal length too."""
    spelled = {"variables": "Variables"} if "Variables" in said else {}
    for key in [key for key in old if key not in new]:
        said.pop(spelled.get(key, key), None)
    for key, value in new.items():
        if key in old and old[key] == value:
            continue
        there = said.get(spelled.get(key, key))
        if getattr(getattr(there, "anchor", None), "value", None):
            # Others have it too, by its anchor, and are not meant.
            there = said[spelled.get(key, key)] = _alone(there)
        if isinstance(there, dict) and isinstance(value, dict) and isinstance(old.get(key), dict):
            _merge(there, old[key], value)
        else:
            said[spelled.get(key, key)] = value


def _alone(part: Any) -> Any:
    """A parsed map or list that is no longer shared."""
    copied = copy.deepcopy(part)
    copied.anchor.value = None
    return copied


def _read(file: Fdl, text: str) -> Fdl:
    """What a text says; which script a service names counts, and not what is in it."""
    return fdl.Reader(file.path, _AnyScript(), refers=True).read(text)


class _AnyScript(dict[str, str]):
    """Every script there could be."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return "#"


def _data(file: Fdl) -> dict[str, Any]:
    return {service.name: _plain(service) for service in file.services}


def _plain(service: Service) -> dict[str, Any]:
    """What an FDL says of a service, but its script, which is a file."""

    def clear(value: Any) -> Any:
        if isinstance(value, SecretStr):
            return value.get_secret_value()
        if isinstance(value, dict):
            return {key: clear(item) for key, item in value.items()}
        return [clear(item) for item in value] if isinstance(value, list) else value

    said: dict[str, Any] = clear(service.model_dump(exclude_unset=True, exclude=set(RESPONSE_ONLY) | {"script"}))
    return {key: value for key, value in said.items() if value is not None}


def _scripts(file: Fdl) -> dict[str, str]:
    """The scripts that are not what their files hold, by those files' names."""
    said: dict[str, str] = {}
    for service in file.services:
        name, content = file.scripts.get(service.name, f"{service.name}.sh"), prologue.remove(service.script)
        if said.setdefault(name, content) != content:
            msg = f"Two services name {name} as their script, and it is not the same any more."
            raise NotSaved(msg, hint="Give one of them a file of its own.")
    return {name: content for name, content in said.items() if _held(file.path.parent / name) != content}


def _held(path: Path) -> str | None:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return prologue.remove(path.read_text(encoding="utf-8").replace("\r\n", "\n"))
    return None


def _replace(path: Path, content: str, undo: contextlib.ExitStack) -> None:
    """Write a file whole, under its name at once; ``undo`` brings back what was there."""
    before = path.read_bytes() if path.exists() else None
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(number, "w", encoding="utf-8", newline="") as file:
            file.write(content)
        os.chmod(name, path.stat().st_mode & 0o777 if before is not None else 0o644)  # noqa: PTH101
        os.replace(name, path)  # noqa: PTH105 - atomic, and says so
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    if before is None:
        undo.callback(path.unlink)
    else:
        undo.callback(path.write_bytes, before)
