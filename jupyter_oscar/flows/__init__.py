"""Dataflows: files in DCNiOS's format, which say where events come from, how they change, and which service they start.

``model`` is such a file as objects, ``lint`` reads and checks it, ``secrets`` finds what it only names, ``snapshot``
compiles it for an engine, ``plan`` says what would change there, and ``engines`` carry it out. Nothing here shows
anything: cells, server and command line do. Names are fetched when they are first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import FlowError as FlowError
    from .errors import FlowNotFound as FlowNotFound
    from .errors import FlowRefused as FlowRefused
    from .plan import Plan as Plan
    from .snapshot.made import Snapshot as Snapshot

_HOMES = {
    "FlowError": "errors",
    "FlowNotFound": "errors",
    "FlowRefused": "errors",
    "Plan": "plan",
    "Snapshot": "snapshot.made",
}

__all__ = ["FlowError", "FlowNotFound", "FlowRefused", "Plan", "Snapshot"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
