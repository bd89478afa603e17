"""What differs between a compiled dataflow and the one an engine gave back.

Only what the compiler says is compared: an engine fills in defaults of its own, and a person may move boxes on a
canvas. Parts are matched by ``identifier``, which is made from names.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from .groups import every

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .engines.base import Deployed
    from .snapshot.made import Snapshot

PARTS: Final = {
    "processors": "processor",
    "inputPorts": "input port",
    "outputPorts": "output port",
    "connections": "connection",
    "funnels": "funnel",
    "controllerServices": "service",
}
# How a processor runs; values that are lists have no order.
SCHEDULE: Final = {
    "schedulingPeriod": "its schedule",
    "schedulingStrategy": "how it is scheduled",
    "executionNode": "the node it runs on",
    "penaltyDuration": "its penalty",
    "yieldDuration": "its pause",
    "bulletinLevel": "its bulletin level",
    "concurrentlySchedulableTaskCount": "its tasks at once",
    "autoTerminatedRelationships": "what it drops",
    "retryCount": "its retries",
    "retriedRelationships": "what it tries again",
    "backoffMechanism": "how it waits between tries",
    "maxBackoffPeriod": "its longest wait between tries",
}
LINK: Final = {
    "source": "its source",
    "destination": "its destination",
    "selectedRelationships": "what goes through it",
    "backPressureObjectThreshold": "how many events it holds",
    "backPressureDataSizeThreshold": "how much it holds",
    "flowFileExpiration": "how long events live in it",
}


@dataclass(frozen=True)
class Change:
    """One difference. ``what`` is the kind of part; ``old`` and ``new`` are None where it comes or goes as a whole."""

    what: str
    identifier: str
    name: str
    #: The group that it is in.
    group: str
    #: Empty where the part comes or goes as a whole; ``properties.<name>`` for a property.
    field: str = ""
    old: Any = None
    new: Any = None
    #: Its values are not shown.
    private: bool = False

    @property
    def structural(self) -> bool:
        """Whether something comes, goes or is connected otherwise."""
        return not self.field or self.what == "connection"

    def __str__(self) -> str:
        where = f"{self.name} in {self.group}" if self.name else f"{self.what} in {self.group}"
        if not self.field:
            return f"{'Add' if self.new is not None else 'Remove'} the {self.what} {where}."
        if self.private:
            return f"{where}: {self.field.removeprefix('properties.')} has another value."
        said = SCHEDULE.get(self.field) or LINK.get(self.field) or self.field.removeprefix("properties.")
        return f"{where}: {said} from {_shown(self.old)} to {_shown(self.new)}."


def between(snapshot: Snapshot, deployed: Deployed) -> tuple[Change, ...]:
    """All differences; where the engine did not give its definition back, the marker alone says whether there are."""
    if deployed.flow is None:
        if deployed.marker is not None and deployed.marker.digest == snapshot.digest:
            return ()
        name = snapshot.name
        return (Change("group", snapshot.identifier, name, name, "content", "what is deployed", "the file"),)
    new, old = _index(snapshot.flow), _index(deployed.flow)
    found = [
        replace(change, old=None, new=None, private=True)
        if key in snapshot.private and change.field.startswith("properties.")
        else change
        for key, part in new.items()
        for change in _of(key, part, old.get(key))
    ]
    found += [_whole(part, old=True) for key, part in old.items() if key not in new]
    bound = [group.get("parameterContextName") for group in every(deployed.flow["flowContents"])]
    if other := [one for one in bound if one != snapshot.context]:
        what = "its parameter context"
        found.append(Change("group", snapshot.identifier, "", snapshot.name, what, other[0], snapshot.context))
    return tuple(found)


def parameters(snapshot: Snapshot, deployed: Deployed) -> dict[str, str]:
    """Plain parameters whose value is another, and in words what becomes of them. Those that AWS fills in are left."""
    if deployed.flow is None:
        return {}
    there = kept(snapshot, deployed)
    filled = {queue.parameter for queue in snapshot.queues}
    words = {listener.parameter for listener in snapshot.listeners}
    return {
        name: "a word that cannot be guessed" if name in words else f"from {_shown(there.get(name))} to {_shown(value)}"
        for name, value in snapshot.parameters.items()
        if name not in filled and there.get(name) != value
    }


def forgotten(snapshot: Snapshot, deployed: Deployed) -> tuple[str, ...]:
    """Parameters in the engine that the dataflow has no more."""
    if deployed.flow is None:
        return ()
    known = {*snapshot.parameters, *snapshot.secrets}
    return tuple(sorted(set(kept(snapshot, deployed)) - known))


def kept(snapshot: Snapshot, deployed: Deployed | None) -> dict[str, Any]:
    """The parameters that are there, with the values of the plain ones."""
    contexts = ((deployed.flow if deployed is not None else None) or {}).get("parameterContexts") or {}
    return {one["name"]: one.get("value") for one in (contexts.get(snapshot.context) or {}).get("parameters", ())}


Part = tuple[str, str, "dict[str, Any]"]


def _index(flow: Mapping[str, Any]) -> dict[str, Part]:
    """Every part by its identifier: kind, name of its group, itself. The outermost group is left out."""
    found: dict[str, Part] = {}
    waiting = [flow["flowContents"]]
    while waiting:
        group = waiting.pop()
        for key, what in PARTS.items():
            for part in group.get(key) or ():
                found[part["identifier"]] = what, group.get("name", ""), part
        for below in group.get("processGroups") or ():
            found[below["identifier"]] = "group", group.get("name", ""), below
            waiting.append(below)
    return found


def _of(key: str, new: Part, old: Part | None) -> Iterator[Change]:
    if old is None:
        yield _whole(new, old=False)
        return
    what, group, part = new
    before = old[2]
    name = part.get("name") or ""
    for field, (was, will) in _fields(what, part, before):
        if _plain(was) != _plain(will):
            yield Change(what, key, name, group, field, was, will)


def _fields(what: str, new: Mapping[str, Any], old: Mapping[str, Any]) -> Iterator[tuple[str, tuple[Any, Any]]]:
    if what in {"processor", "service"}:
        yield "type", (old.get("type"), new.get("type"))
        descriptors, kept = new.get("propertyDescriptors") or {}, old.get("properties") or {}
        for name, value in (new.get("properties") or {}).items():
            said = descriptors.get(name) or {}
            # An engine tells every property it knows, but for sensitive ones, of which it tells references at most; one
            # that it does not tell has another name there. What a person adds is told only where it is.
            if name in kept or (said.get("dynamic") and not said.get("sensitive")):
                yield f"properties.{name}", (kept.get(name), value)
    fields = SCHEDULE if what == "processor" else LINK if what == "connection" else {}
    for name in fields:
        if name in new:
            yield name, (old.get(name), new[name])


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple, set)):
        return sorted(map(str, value))
    if isinstance(value, dict):  # the end of a connection
        return value.get("id")
    return None if value in ("", None) else value


def _whole(part: Part, *, old: bool) -> Change:
    what, group, itself = part
    name = itself.get("name") or ""
    values = (name or what, None) if old else (None, name or what)
    return Change(what, itself["identifier"], name, group, "", *values)


def _shown(value: Any) -> str:
    if value in (None, "", [], ()):
        return "nothing"
    if isinstance(value, dict):
        return str(value.get("name") or value.get("id"))
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"  # noqa: PLR2004
