"""The compiler: every element and alteration a group, all of them in one group, with the connections between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from jupyter_oscar.flows import model

from .elements import PLACES
from .made import Snapshot
from .parts import Build, Group

if TYPE_CHECKING:
    from jupyter_oscar.flows.engines.base import Capabilities
    from jupyter_oscar.flows.model import Element, Flow

# Between groups on the canvas, in pixels.
WIDE: Final = 520
HIGH: Final = 260
FAR: Final = 6


def compile_flow(flow: Flow, capabilities: Capabilities) -> Snapshot:
    """A dataflow as one flow definition for an engine that has these capabilities.

    Pure: the same dataflow and capabilities give the same snapshot. References to secrets are taken for their values,
    so they are followed before (``secrets.complete``).
    """
    build = Build(flow.name, capabilities)
    top = Group(build, flow.name)
    elements = flow.elements
    starts: dict[str, Group] = {}
    ends: dict[str, Group] = {}
    for row, element in enumerate(elements.values()):
        first = len(top.made["processGroups"])
        group = Group(build, element.name, top)
        if isinstance(element, model.GenericGroup):
            PLACES[type(element)](element, group, flow.groups[element.name])
        else:
            PLACES[type(element)](element, group)
        starts[element.name] = group
        ends[element.name] = _alter(element, group, top)
        _lay(element, row, top.made["processGroups"][first:])
    for source, destination in flow.edges:
        top.connect(ends[source].port("out"), starts[destination].port("in"), name=f"{source} to {destination}")
    joined = {source for source, _ in flow.edges}
    for name, group in ends.items():
        if name not in joined and "out" in group.ports:
            # Without one the port is invalid and the source could not be started at all.
            funnel = top.funnel(f"end of {name}")
            funnel["position"] = {"x": group.made["position"]["x"] + WIDE, "y": group.made["position"]["y"] + 60}
            top.connect(group.port("out"), funnel, name=f"{name} to nowhere")
    return Snapshot(
        flow.name,
        _definition(build, top),
        build.plain,
        build.secrets,
        tuple(build.sources),
        tuple(build.listeners),
        tuple(build.queues),
        tuple(build.missing.values()),
        tuple(build.notes),
        frozenset(build.private),
        capabilities,
    )


def _alter(element: Element, group: Group, top: Group) -> Group:
    """The groups of its alterations, one after the other; the last of them, or its own."""
    counts: dict[str, int] = {}
    for alteration in getattr(element, "alterations", ()):
        action = alteration.action
        counts[action] = counts.get(action, 0) + 1
        number = f" {counts[action]}" if counts[action] > 1 else ""
        below = Group(top.build, f"{action} of {element.name}{number}", top, element.name)
        processor = "MergeContent" if action == "Merge" else "EncodeContent"
        PLACES[type(alteration)](alteration, below, element.schedules.get(processor))
        top.connect(group.port("out"), below.port("in"), name=f"{group.name} to {below.name}")
        group = below
    return group


def _lay(element: Element, row: int, groups: list[dict[str, Any]]) -> None:
    """Sources at the left, what alters their events beside them, destinations at the right of all."""
    column = FAR if isinstance(element, model.Destination) else 0
    for number, made in enumerate(groups):
        made["position"] = {"x": float((column + number) * WIDE), "y": float(row * HIGH)}


def _definition(build: Build, top: Group) -> dict[str, Any]:
    parameters = [
        *({"name": name, "description": "", "sensitive": False, "value": value} for name, value in build.plain.items()),
        *({"name": name, "description": "", "sensitive": True} for name in build.secrets),
    ]
    context = {
        "name": build.name,
        "description": "",
        "parameters": sorted(parameters, key=lambda one: str(one["name"])),
        "inheritedParameterContexts": [],
        "componentType": "PARAMETER_CONTEXT",
    }
    return {
        "flowContents": top.made,
        "externalControllerServices": {},
        "parameterContexts": {build.name: context},
        "parameterProviders": {},
        "flowEncodingVersion": "1.0",
        "latest": False,
    }
