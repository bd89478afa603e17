"""A process group of one's own, from a file that NiFi or DCNiOS wrote: what it holds, and what is wrong with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from .findings import ERROR, WARNING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .model import GenericGroup

VARIABLE: Final = re.compile(r"\$\{\s*([A-Za-z0-9_.-]+)\s*\}")


def wrong(file: Any, element: GenericGroup) -> Iterator[tuple[str, str, str, str]]:
    """What is wrong: level, key of the element, problem, fix."""
    top = file.get("flowContents") if isinstance(file, dict) else None
    if not isinstance(top, dict):
        problem = f"{element.file} holds no flow definition: there is no `flowContents` in it."
        yield ERROR, "file", problem, "Export a group in NiFi: Download flow definition."
        return
    for key, what in (("inputPorts", "input"), ("outputPorts", "output")):
        if len(top.get(key) or ()) > 1:
            problem = f"{element.file} has {len(top[key])} {what} ports; connections by name want one at most."
            yield ERROR, "file", problem, "Join them inside the group."
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


def references(top: Mapping[str, Any]) -> Iterator[str]:
    """Every name that stands as ``${name}`` in a property."""
    for group in every(top):
        for key in ("processors", "controllerServices"):
            for part in group.get(key) or ():
                for value in (part.get("properties") or {}).values():
                    yield from VARIABLE.findall(value) if isinstance(value, str) else ()
