"""An event's content is decoded. What cannot be waits among the dead letters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import encode

if TYPE_CHECKING:
    from jupyter_oscar.flows.model import Component, Decode
    from jupyter_oscar.flows.snapshot.parts import Group


def place(alteration: Decode, group: Group, scheduled: Component | None = None) -> None:
    """Its group."""
    encode.place(alteration, group, scheduled)
