"""Files of ``KEY=value`` lines, as ``apply --env-file`` takes them."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def read(path: Path) -> dict[str, str]:
    """The values by their keys. ``export`` before a key, blank lines and comments are passed over.

    A value in quotes is read as a shell reads it; any other is taken to the end of its line, as it is.

    Raises:
        FileMissing: it cannot be read.
        InvalidRequest: a line is none of these; its content is not repeated.

    """
    from jupyter_oscar.client.errors import FileMissing, InvalidRequest

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        msg = f"The file {path} cannot be read: {(why or 'unknown reason').lower()}."
        raise FileMissing(msg, hint="Check the path.") from error
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.strip()
        if not words or words.startswith("#"):
            continue
        key, _, said = words.removeprefix("export ").partition("=")
        value = _value(said.strip()) if key.strip() else None
        if value is None or "=" not in words:
            msg = f"{path}:{number}: this line is not KEY=value."
            raise InvalidRequest(msg, hint="Close quotes on the line where they open.")
        found[key.strip()] = value
    return found


def _value(text: str) -> str | None:
    if text[:1] not in {"'", '"'}:
        return text
    try:
        (word,) = shlex.split(text, comments=True)
    except ValueError:
        return None
    return word
