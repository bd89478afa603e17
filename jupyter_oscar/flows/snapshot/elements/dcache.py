"""A folder in dCache. NiFi has no processor that speaks dCache's API, so its events always come by bridge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_oscar.flows.snapshot import arrival
from jupyter_oscar.flows.snapshot.made import Source

if TYPE_CHECKING:
    from jupyter_oscar.flows.model import DCacheSource
    from jupyter_oscar.flows.snapshot.parts import Group


def place(element: DCacheSource, group: Group) -> None:
    """Its group."""
    why = "since no NiFi speaks dCache's event API by itself"
    group.build.sources.append(Source(element.name, element.kind, "bridge", why))
    arrival.listen(element, element.extra, group)
