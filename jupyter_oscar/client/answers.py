"""The answer of a synchronous call, out of what a supervisor prints around it (oscar.md §4.2)."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Final

from .jobs import LINE


@dataclass(frozen=True)
class Answer:
    """What a synchronous call gave: printed text, or the file or zip it wrote; ``raw`` is the whole reply."""

    text: str
    content: bytes
    raw: str
    is_file: bool


BASE64: Final = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
LONG: Final = 32


def decode(reply: str) -> Answer:
    """The payload of a synchronous reply (oscar.md §4.2).

    Supervisor lines come first unless the service runs at CRITICAL; then what the script printed, or, where it wrote
    files, one file or a zip as base64. Text that happens to be base64 cannot be told from a file with certainty: it
    counts as a file when it decodes to readable text or is at least 32 characters long.
    """
    lines = reply.split("\n")
    last = max((i for i, line in enumerate(lines) if LINE.fullmatch(line)), default=-1)
    text = "\n".join(lines[last + 1 :]).removesuffix("\n")
    packed = text.strip()
    if packed and BASE64.fullmatch(packed):
        content = base64.b64decode(packed)
        if len(packed) >= LONG or _readable(content):
            return Answer(content.decode("utf-8", "replace"), content, reply, is_file=True)
    text = text.removesuffix("\n")
    return Answer(text, text.encode(), reply, is_file=False)


def _readable(content: bytes) -> bool:
    try:
        return content.decode().isprintable() or content.decode().strip().isprintable()
    except UnicodeDecodeError:
        return False
