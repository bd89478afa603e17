"""Reads a dataflow's file and says everything that is wrong with it, each with its line and what to do."""

from __future__ import annotations

import functools
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr, ValidationError

from jupyter_oscar.client.errors import FileMissing

from . import checks, groups, model
from .findings import ERROR, Finding, Report
from .reading import LARGEST, Reading

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Bytes of a process group's file.
LARGEST_GROUP: Final = 32 * 2**20


def check(path: Path | str) -> Report:
    """What is found in a file, and the dataflow where there is no error in it.

    Raises:
        FileMissing: there is no such file, or it cannot be read.

    """
    path = Path(path)
    try:
        text = _text(path, LARGEST)
    except UnicodeDecodeError:
        return Report(path, [Finding(ERROR, None, "", "the file is not UTF-8 text.", "Save it as UTF-8.")], None)
    except OSError as error:
        msg = f"The dataflow's file {path} cannot be read: {(error.strerror or 'unknown reason').lower()}."
        raise FileMissing(msg, hint="Check the path.") from error
    return parse(text, path)


def _text(path: Path, most: int) -> str:
    """A file's text, so much of it that what is too large is seen to be; a device has no end."""
    with path.open("rb") as file:
        return io.TextIOWrapper(io.BytesIO(file.read(most + 1)), encoding="utf-8-sig").read()


def load(path: Path | str) -> model.Flow:
    """The dataflow of a file.

    Raises:
        FileMissing: there is no such file.
        FlowError: it is wrong; the message has file, line and fix.

    """
    return check(path).sound()


def parse(text: str, path: Path, files: Mapping[str, str] | None = None) -> Report:
    """The same for a text; with ``files``, contents by name, no other file is read."""
    reading = Reading()
    data = reading.read(text)
    findings = reading.findings
    nifi, wrong = (None, frozenset[str]()) if data is None else _fitting(data, reading)
    flow = None
    if nifi is not None:
        elements = checks.elements(nifi)
        for level, where, problem, fix in checks.of(nifi, elements, wrong):
            findings.append(Finding(level, reading.line(where), ".".join(map(str, where)), problem, fix))
        flow = model.Flow(path, nifi, reading.lines)
        for where, element in elements.items():
            if isinstance(element, model.GenericGroup):
                _read_group(flow, element, where, reading, files)
    findings.sort(key=lambda one: (one.line or 0, one.level))
    if any(one.level == ERROR for one in findings):
        flow = None
    return Report(path, findings, flow)


def _fitting(data: dict[str, Any], reading: Reading) -> tuple[model.Nifi | None, frozenset[str]]:
    """The model of what was read, without the elements that do not fit it, and the names of those."""
    try:
        return model.File.model_validate(data).nifi, frozenset()
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=True)
    wrong = set()
    for one in found:
        where = tuple(part for part in one["loc"] if part not in {"Merge", "Encode", "Decode"})
        wrong.add(_element(where))
        if where not in reading.meant:
            reading.findings.append(_misfit(one, where, reading))
    if None in wrong:
        return None, frozenset()
    names = set()
    for *section, index in sorted(filter(None, wrong), reverse=True):
        items = functools.reduce(lambda part, key: part[key], section, data)
        names.add(str(items[index].get("name", "")))
        del items[index]
        reading.forget((*section, index))
    return model.File.model_validate(data).nifi, frozenset(names)


def _element(where: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """The path of the element that a path leads into, if it does."""
    size = {"Source": 4, "Destination": 4, "generic": 3}.get(where[1] if len(where) > 1 else "", 0)
    return where[:size] if size and len(where) > size else None


def _misfit(one: Any, where: tuple[Any, ...], reading: Reading) -> Finding:
    """One of pydantic's complaints, in words."""
    key, path, line = where[-1] if where else "nifi", ".".join(map(str, where)), reading.line(where)
    if one["type"] == "missing":
        owner = ".".join(str(part) for part in where[1:-1] if not isinstance(part, int)) or "the file"
        return Finding(ERROR, line, path, f"`{key}` is missing in `{owner}`.", f"Add `{key}:`.")
    shown = "" if isinstance(one["input"], SecretStr) else f", not {_shown(one['input'])}"
    return Finding(ERROR, line, path, f"`{key}` {_wanted(one)}{shown}.")


def _wanted(error: Any) -> str:
    kind, context = error["type"], error.get("ctx") or {}
    words = {
        "int_parsing": "is a whole number",
        "int_type": "is a whole number",
        "int_from_float": "is a whole number",
        "finite_number": "is a number",
        "float_parsing": "is a number",
        "float_type": "is a number",
        "bool_parsing": "is true or false",
        "bool_type": "is true or false",
        "string_too_short": "may not be empty",
        "literal_error": f"is one of {context.get('expected')}".replace("'", ""),
        "greater_than_equal": f"is at least {context.get('ge', 0):g}",
        "less_than_equal": f"is at most {context.get('le', 0):.0f}",
        "string_pattern_mismatch": "is a time such as 5 sec or 10 min",
        "too_short": "may not be empty",
    }
    return words.get(kind) or f"is not right ({error['msg'].lower()})"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}…"  # noqa: PLR2004


def _read_group(
    flow: model.Flow, element: model.GenericGroup, where: Any, reading: Reading, files: Mapping[str, str] | None
) -> None:
    """Take in the process group that an element names, and check it."""

    def say(level: str, key: str, problem: str, fix: str = "") -> None:
        path = (*where, key)
        reading.findings.append(Finding(level, reading.line(path), ".".join(map(str, path)), problem, fix))

    file = flow.path.parent / Path(element.file).expanduser()
    try:
        text = files[element.file] if files is not None else _text(file, LARGEST_GROUP)
        if len(text) > LARGEST_GROUP:
            say(ERROR, "file", f"{file} is larger than {LARGEST_GROUP // 2**20} MiB.", "Export a smaller group.")
            return
        group = json.loads(text)
    except KeyError:
        say(ERROR, "file", f"there is no file {element.file} here.", f"Files here: {', '.join(files or ()) or 'none'}.")
        return
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        say(ERROR, "file", f"{file} cannot be read: {reason}.", "Paths are relative to this file's folder.")
        return
    except (ValueError, RecursionError):
        say(ERROR, "file", f"{file} is not JSON.", "Export a group in NiFi: Download flow definition.")
        return
    enters = any(to == element.name for _, to in flow.edges)
    leaves = any(start == element.name for start, _ in flow.edges) or bool(element.alterations)
    for level, key, problem, fix in groups.wrong(group, element, enters=enters, leaves=leaves):
        say(level, key, problem, fix)
    flow.groups[element.name] = group
