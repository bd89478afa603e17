"""What becomes of events that cannot be delivered: tried again with pauses that grow, then kept where it is seen.

The queue named :data:`DEAD` leads to a funnel that leads nowhere: what was refused for good waits in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jupyter_oscar.flows.model import Delivery

    from .parts import Group, Runs

DEAD: Final = "dead letters"
AGAIN: Final = "again"
#: A queue that never makes what feeds it pause: a full one would stop deliveries altogether.
ENDLESS: Final = (0, "0 B")


def runs(scheduled: Runs, delivery: Delivery, lost: tuple[str, ...], refused: tuple[str, ...]) -> Runs:
    """How a processor runs that drops such events, or tries them again: how often, and after how long."""
    if delivery.on_failure == "drop":
        return scheduled._replace(ends=(*scheduled.ends, *lost, *refused))
    return scheduled._replace(
        retried=(*lost, *refused), tries=delivery.retries, pause=delivery.pause, longest=delivery.longest_pause
    )


def undelivered(
    group: Group, processor: Mapping[str, Any], delivery: Delivery, lost: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    """Where events go when their tries are used up: those that got ``lost`` begin anew, ``refused`` ones wait."""
    if delivery.on_failure == "drop":
        return
    if lost:
        group.connect(processor, processor, lost, name=AGAIN, holds=ENDLESS)
    if refused:
        days = delivery.dead_letter_days
        dead_letters(group, processor, refused, expires=f"{days} days" if days else "0 sec")


def dead_letters(
    group: Group, processor: Mapping[str, Any], through: Iterable[str], *, expires: str = "7 days"
) -> None:
    """Keep what comes out by these relationships."""
    x, y = processor["position"]["x"], processor["position"]["y"]
    funnel = group.funnel(f"{processor['name']} {DEAD}")
    funnel["position"] = {"x": x, "y": y + 240}
    group.connect(processor, funnel, through, name=DEAD, holds=ENDLESS, expires=expires)
