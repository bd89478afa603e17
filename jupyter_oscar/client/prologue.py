"""The prologue that makes a service *tracked*: it keeps the outputs of each call apart (DESIGN §6).

It is a piece of POSIX shell at the top of a service's script (``prologue.sh`` beside this file). It acts only for calls
submitted by reference through us, sends their outputs to ``<output>/<call id>/`` and, last of all, writes ``.done``
there: exit code, times, last lines, outputs with sizes. Anybody's own uploads and synchronous calls run the script as
it is. OSCAR itself never looks at a script's exit code (oscar.md §4.1), so this is the only way to know it.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict

from .errors import TrackingRefused

if TYPE_CHECKING:
    from .service import Service

OPENS: Final = "# >>> jupyter-oscar"
CLOSES: Final = "# <<< jupyter-oscar\n"
DONE: Final = ".done"
# The level at which a log shows a script's lines as they come (oscar.md §0.3 point 24).
LIVE: Final = "DEBUG"


class Produced(BaseModel):
    """One output: its name below the call's folder, and its size in bytes."""

    name: str
    size: int


class Done(BaseModel):
    """What ``.done`` says: exit code, begin and end in seconds since 1970, last lines printed, outputs."""

    model_config = ConfigDict(extra="ignore")
    exit: int
    began: float = 0
    ended: float = 0
    lines: str = ""
    outputs: list[Produced] = []


def parse_done(content: bytes) -> Done:
    """Read ``.done``; bytes that are no UTF-8 (a script may print anything) become replacement characters.

    Raises:
        ValueError: it is not what the prologue writes.

    """
    return Done.model_validate(json.loads(content.decode("utf-8", "replace"), strict=False))


@cache
def text() -> str:
    """The prologue as it stands in a script."""
    return resources.files(__package__).joinpath("prologue.sh").read_text(encoding="utf-8")


def add(script: str) -> str:
    """The script with the prologue after its first line if that is a shebang, else at its top; never twice."""
    plain = remove(script)
    first, newline, rest = plain.partition("\n")
    return f"{first}\n{text()}{rest}" if first.startswith("#!") and newline else text() + plain


def remove(script: str) -> str:
    """The script as its author wrote it."""
    head, opening, tail = script.partition(OPENS)
    _, closing, rest = tail.partition(CLOSES)
    return head + rest if opening and closing else script


def track(service: Service) -> Service:
    """The service with the prologue in its script, and running at DEBUG so that its lines are seen as they come.

    Raises:
        TrackingRefused: outputs could not be kept apart.

    """
    output = service.first_output
    if output is None:
        msg = f'"{service.name}" cannot be tracked: it has no output in the cluster\'s MinIO.'
        raise TrackingRefused(msg, hint="Add one, or remove the label jupyter-oscar/tracked.")
    if any(place.prefix or place.suffix for place in service.output if place.is_minio):
        msg = f'"{service.name}" cannot be tracked: an output filters by prefix or suffix, and would drop our record.'
        raise TrackingRefused(msg, hint="Remove the filter, or the label jupyter-oscar/tracked.")
    return service.model_copy(update={"script": add(service.script), "log_level": service.log_level or LIVE})
