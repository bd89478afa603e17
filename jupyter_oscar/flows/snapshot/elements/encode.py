"""An event's content is encoded: base64, base32 or hex. NiFi 1 breaks lines, NiFi 2 is told not to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_oscar.flows.snapshot import delivery
from jupyter_oscar.flows.snapshot.parts import Runs
from jupyter_oscar.flows.snapshot.types import ENCODE_CONTENT

if TYPE_CHECKING:
    from jupyter_oscar.flows.model import Component, Decode, Encode
    from jupyter_oscar.flows.snapshot.parts import Group


def place(alteration: Encode | Decode, group: Group, scheduled: Component | None = None) -> None:
    """Its group; decoding is the same processor the other way."""
    properties: dict[str, str | None] = {"Mode": alteration.action, "Encoding": alteration.Encoding}
    if group.build.capabilities.major >= 2:  # noqa: PLR2004
        properties["Line Output Mode"] = "SINGLE_LINE"
    made = group.processor("EncodeContent", ENCODE_CONTENT, properties, Runs().scheduled(scheduled))
    group.connect(group.port("in"), made)
    group.connect(made, group.port("out"), ["success"])
    delivery.dead_letters(group, made, ["failure"])
