"""What a run that was killed left behind: parameters that no group uses, queues that no marker names.

Parameters are known by their name and description, a queue by its tag.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from jupyter_oscar.flows.snapshot.parts import NAMESPACE

from .client import ROOT
from .running import OURS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_oscar.flows.engines.base import Progress
    from jupyter_oscar.flows.snapshot.made import Queue

    from .client import Client


def whose(root: str, flow: str, element: str) -> str:
    """What a queue says of where it is read: no other element, dataflow or NiFi (by its root group) has the same."""
    return str(uuid.uuid5(NAMESPACE, f"{root}\0{flow}\0{element}"))


async def parameters(client: Client, name: str) -> dict[str, Any] | None:
    """The parameter context of ours that has this name and that no group uses."""
    for entity in await client.contexts():
        one = entity.get("component") or {}
        if one.get("name") == name and not one.get("boundProcessGroups"):
            return entity if str(one.get("description") or "").startswith(OURS) else None
    return None


async def forget_parameters(client: Client, name: str) -> bool:
    """Remove them; whether there were any."""
    found = await parameters(client, name)
    if found is not None:
        await client.delete_context(found["id"])
    return found is not None


async def clear(client: Client, flow: str, queues: Sequence[Queue] = (), progress: Progress | None = None) -> bool:
    """Remove all that is left of a dataflow whose group is not there; whether there was anything.

    Raises:
        NotAllowed, NotAuthenticated: NiFi or AWS does not let us; it can be done again.

    """
    say = progress or (lambda _: None)
    done = False
    if queues:
        from jupyter_oscar.flows import aws

        root = str((await client.group(ROOT))["id"])
        for queue in queues:
            for thing in await aws.clear(queue, whose(root, flow, queue.element)):
                say(f"Removed {thing}.")
                done = True
    if await forget_parameters(client, flow):
        say("Removed the parameters that a deployment left behind when it was cut off.")
        done = True
    return done
