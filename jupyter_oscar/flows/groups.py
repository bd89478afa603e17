"""A process group of one's own, from a file that NiFi or DCNiOS wrote: what it holds, and what is wrong with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ValidationError

from .findings import ERROR, WARNING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .model import GenericGroup

VARIABLE: Final = re.compile(r"\$\{\s*([A-Za-z0-9_.-]+)\s*\}")


class End(BaseModel):
    """Of a connection."""

    id: str


class Part(BaseModel):
    """What this looks at of a part; the rest is NiFi's business."""

    identifier: str


class Component(Part):
    """A processor or a service."""

    type: str
    bundle: dict[str, str] | None = None
    properties: dict[str, str | None] | None = None
    propertyDescriptors: dict[str, dict[str, Any]] | None = None  # noqa: N815 - NiFi's key


class Link(Part):
    """A connection."""

    source: End
    destination: End


class Group(BaseModel):
    """A process group."""

    identifier: str | None = None
    processors: list[Component] | None = None
    controllerServices: list[Component] | None = None  # noqa: N815
    connections: list[Link] | None = None
    inputPorts: list[Part] | None = None  # noqa: N815
    outputPorts: list[Part] | None = None  # noqa: N815
    funnels: list[Part] | None = None
    labels: list[Part] | None = None
    processGroups: list[Below] | None = None  # noqa: N815
    variables: dict[str, str | None] | None = None


class Below(Group):
    """A group in another."""

    identifier: str


class Definition(BaseModel):
    """A flow definition as NiFi writes it."""

    flowContents: Group  # noqa: N815


def wrong(file: Any, element: GenericGroup, *, enters: bool, leaves: bool) -> Iterator[tuple[str, str, str, str]]:
    """What is wrong: level, key of the element, problem, fix. Events are to come in, and to go out, as is said."""
    try:
        Definition.model_validate(file)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        problem = f"{element.file} holds no flow definition: {where}: {first['msg'].lower()}."
        yield ERROR, "file", problem, "Export a group in NiFi: Download flow definition."
        return
    top = file["flowContents"]
    for key, what, wanted in (("inputPorts", "input", enters), ("outputPorts", "output", leaves)):
        ports = top.get(key) or ()
        if len(ports) > 1:
            problem = f"{element.file} has {len(ports)} {what} ports; connections by name want one at most."
            yield ERROR, "file", problem, "Join them inside the group."
        elif wanted and not ports:
            problem = f"{element.file} has no {what} port, but {element.name} is connected by one."
            yield ERROR, "file", problem, "Add one to the group in NiFi, or remove the connection."
    yield from _unused(top, element)


def _unused(top: Mapping[str, Any], element: GenericGroup) -> Iterator[tuple[str, str, str, str]]:
    """What the file says of the group that does nothing there, and what it has to say."""
    names = {str(one.get("name")) for group in every(top) for one in group.get("processors") or ()}
    for component in element.components:
        if component.name not in names:
            problem = f"{element.file} has no processor {component.name}: its schedule does nothing."
            yield WARNING, "components", problem, f"It has {', '.join(sorted(names)) or 'none'}."
    known = variables(top)
    used = set(references(top))
    for name in element.variables or {}:
        if name not in known and name not in used:
            yield WARNING, "variables", f"nothing in {element.file} uses the variable {name}.", "Remove it."
    given = element.variables or {}
    for name, value in known.items():
        if name in used and not value and name not in given:
            problem = f"the variable {name} of {element.file} has no value."
            yield ERROR, "variables", problem, f"Add `{name}:` below `variables:`."


def every(group: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A group and all groups in it."""
    waiting = [group]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += one.get("processGroups") or ()


def variables(top: Mapping[str, Any]) -> dict[str, str]:
    """The variables a file defines, with their values, of all its groups; the outer one wins as DCNiOS sets that."""
    found: dict[str, str] = {}
    for group in every(top):
        for name, value in (group.get("variables") or {}).items():
            found.setdefault(str(name), str(value or ""))
    return found


def services(top: Mapping[str, Any]) -> Iterator[str]:
    """The identifier of every service that a part needs, or a service that one needs does."""
    groups = list(every(top))
    known = {one["identifier"]: one for group in groups for one in group.get("controllerServices") or ()}
    waiting = [part for group in groups for part in group.get("processors") or ()]
    seen: set[str] = set()
    while waiting:
        for value in (waiting.pop().get("properties") or {}).values():
            if value in known and value not in seen:
                seen.add(value)
                waiting.append(known[value])
                yield value


def references(top: Mapping[str, Any]) -> Iterator[str]:
    """Every name that stands as ``${name}`` in a property."""
    for group in every(top):
        for key in ("processors", "controllerServices"):
            for part in group.get(key) or ():
                for value in (part.get("properties") or {}).values():
                    yield from VARIABLE.findall(value) if isinstance(value, str) else ()
