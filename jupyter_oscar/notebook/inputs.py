"""Inputs: what a cell gives to a call or a map, turned into what is sent.

A file is a ``Path`` (for ``submit`` a string too), an object of the cluster's storage is ``"s3://bucket/key"`` or an
output of another call, words are given as ``text=``, anything else as itself. What could be meant in two ways is
refused, never guessed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from jupyter_oscar.client.errors import FileMissing, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_oscar.client.calls import Payload


def one(file: Path | str | None, text: str | None, data: Any) -> Payload:
    """The input of one call: a file or ``"s3://bucket/key"``, or ``text``, or ``data``: bytes or what JSON can hold."""
    from jupyter_oscar.client.calls import Payload

    given = sum(value is not None for value in (file, text, data))
    if given > 1:
        msg = "The input was given more than once."
        raise InvalidRequest(msg, hint="Give one of: a file, text=, data=.")
    if isinstance(file, str) and file.startswith("s3://"):
        return _object(file)
    if file is not None:
        return _file(Path(file).expanduser())
    if text is not None:
        return Payload("input.txt", text.encode())
    return _value("input", data) if data is not None else Payload("input", b"")


def many(inputs: Iterable[Any] | None, text: Iterable[str] | None, data: Iterable[Any] | None) -> Iterable[Payload]:
    """The inputs of a map, turned one by one as they are drawn. Values are named by their number: ``00003.json``."""
    given = [value for value in (inputs, text, data) if value is not None]
    if len(given) != 1:
        msg = "The inputs were given more than once." if given else "There are no inputs."
        raise InvalidRequest(msg, hint="Give one of: files or objects, text=, data=.")
    if isinstance(given[0], (str, bytes, bytearray, memoryview, Mapping)) or not isinstance(given[0], Iterable):
        msg = "A map takes several inputs, and this is one."
        raise InvalidRequest(msg, hint='Pass a list, or Path("folder").glob("*.png").')
    return _many(given[0], words=text is not None, values=data is not None)


def _many(given: Iterable[Any], *, words: bool, values: bool) -> Iterator[Payload]:
    from jupyter_oscar.client.calls import Payload

    for number, value in enumerate(given):
        if words:
            if not isinstance(value, str):
                msg = f"Input {number} is no text but {type(value).__name__}."
                raise InvalidRequest(msg, hint="Give other values as data=.")
            yield Payload(f"{number:05d}.txt", value.encode())
        else:
            yield _value(f"{number:05d}", value) if values else _of_many(number, value)


def _of_many(number: int, value: Any) -> Payload:
    from .results import Output

    if isinstance(value, Path):
        return _file(value.expanduser())
    if isinstance(value, Output):
        return _object(value.path)
    if not isinstance(value, str):
        return _value(f"{number:05d}", value)
    if value.startswith("s3://"):
        return _object(value)
    msg = f'Input {number}, "{value[:80]}", could be a file or words.'
    raise InvalidRequest(msg, hint='Pass Path("…") for files, "s3://bucket/key" for objects, text=[…] for words.')


def _object(address: str) -> Payload:
    from jupyter_oscar.client.calls import Payload, Reference

    bucket, _, key = address.removeprefix("s3://").partition("/")
    name = PurePosixPath(key).name
    if not bucket or not name or key.endswith("/"):
        msg = f'"{address}" names no object.'
        raise InvalidRequest(msg, hint='An object is "s3://bucket/key".')
    return Payload(name, Reference(bucket, key))


def _value(name: str, value: Any) -> Payload:
    from jupyter_oscar.client.calls import Payload

    if isinstance(value, (bytes, bytearray, memoryview)):
        return Payload(f"{name}.bin", bytes(value))
    try:
        return Payload(f"{name}.json", json.dumps(value).encode())
    except (TypeError, ValueError) as error:
        msg = f"The input cannot be sent: {error}."
        raise InvalidRequest(msg, hint="Send bytes, a file, or what JSON can hold.") from error


def _file(path: Path) -> Payload:
    from jupyter_oscar.client.calls import Payload

    if path.is_dir():
        msg = f"{path} is a folder."
        raise FileMissing(msg, hint="Submit its files one by one.")
    if not path.is_file():
        msg = f"There is no file {path}."
        raise FileMissing(msg, hint="Check the path; to send words, use text=.")
    return Payload.file(path)


def refuse_ambiguous(text: str | None) -> None:
    """A string that is also the name of a file here."""
    try:
        ambiguous = text is not None and bool(text) and Path(text).is_file()
    except (OSError, ValueError):
        return
    if ambiguous:
        msg = f'"{text}" is a file here, and could also be meant as text.'
        raise InvalidRequest(msg, hint=f'Pass Path("{text}") for the file, or data=b"…" for the words.')
