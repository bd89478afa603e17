"""A process group of one's own, taken as it is but for what has to be different in this NiFi.

Identifiers become this dataflow's. Variables, which NiFi 2 no longer has, become values and parameters in both. Types
come from the NAR that this NiFi has them from.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from jupyter_oscar.flows.checks import SECRETIVE
from jupyter_oscar.flows.engines.base import Bundle
from jupyter_oscar.flows.groups import VARIABLE, services
from jupyter_oscar.flows.snapshot.made import Missing
from jupyter_oscar.flows.snapshot.parts import KINDS
from jupyter_oscar.flows.snapshot.types import GROUP as NIFI
from jupyter_oscar.flows.snapshot.types import INVOKE_HTTP

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping

    from jupyter_oscar.flows.model import GenericGroup
    from jupyter_oscar.flows.snapshot.parts import Build, Group

PARTS: Final = ("processors", "inputPorts", "outputPorts", "connections", "funnels", "controllerServices", "labels")
#: Types whose own properties, those that a person adds, may be sensitive.
MAY_HIDE: Final = frozenset({INVOKE_HTTP.name})


def place(element: GenericGroup, group: Group, file: Mapping[str, Any]) -> None:
    """Its group: the file's, with new identifiers."""
    taken = Taken(element, group, file["flowContents"])
    taken.group(copy.deepcopy(dict(file["flowContents"])), group.made, group.identifier, {})
    group.made |= {"name": element.name, "parameterContextName": group.build.name}
    for way, key in (("in", "inputPorts"), ("out", "outputPorts")):
        if group.made[key]:
            group.ports[way] = group.made[key][0]


class Taken:
    """One file on its way into a dataflow."""

    def __init__(self, element: GenericGroup, group: Group, contents: Mapping[str, Any]) -> None:
        """``contents`` are those of the file's outermost group."""
        was = contents.get("identifier")
        self.element = element
        self._was, self._outermost = was, group.identifier
        self._used = set(services(contents))
        self.build: Build = group.build
        self._given = {name: value.get_secret_value() for name, value in (element.variables or {}).items()}

    def group(self, old: dict[str, Any], made: dict[str, Any], identifier: str, outer: Mapping[str, str]) -> None:
        """Take in a group with all that is in it; ``made`` is the new one. Inner variables hide outer ones."""
        own = {str(name): str(value or "") for name, value in (old.get("variables") or {}).items()}
        # DCNiOS sets variables on the outermost group.
        values = {**outer, **own} if outer else {**own, **self._given}
        for key in PARTS:
            kept = [one for one in old.get(key) or () if key != "controllerServices" or not self._is_left_out(one)]
            made[key] = [self._part(part, identifier, values) for part in kept]
        made["processGroups"] = [self._below(below, identifier, values) for below in old.get("processGroups") or ()]
        made["remoteProcessGroups"] = []
        made["variables"] = {}
        for key in ("comments", "flowFileConcurrency", "flowFileOutboundPolicy", "defaultFlowFileExpiration"):
            if old.get(key) is not None:
                made[key] = old[key]

    def _below(self, old: dict[str, Any], outer: str, values: Mapping[str, str]) -> dict[str, Any]:
        identifier = self._new(old["identifier"])
        made = {
            **{key: value for key, value in old.items() if key not in {*PARTS, "processGroups"}},
            "identifier": identifier,
            "groupIdentifier": outer,
            "parameterContextName": self.build.name,
        }
        self.group(old, made, identifier, values)
        return made

    def _new(self, identifier: Any) -> str:
        return self.build.identifier("generic", self.element.name, str(identifier))

    def _part(self, part: dict[str, Any], group: str, values: Mapping[str, str]) -> dict[str, Any]:
        part = {**part, "identifier": self._new(part["identifier"]), "groupIdentifier": group}
        part.pop("instanceIdentifier", None)
        if part.get("componentType") == "CONNECTION" or "selectedRelationships" in part:
            for end in ("source", "destination"):
                part[end] = self._end(part[end])
        if "properties" in part and "type" in part:
            self._component(part, values)
        schedule = self.element.schedules.get(str(part.get("name"))) if "schedulingPeriod" in part else None
        if schedule is not None:
            if schedule.seconds is not None:
                part["schedulingPeriod"] = f"{schedule.seconds:g} sec"
            if schedule.node in {"ALL", "PRIMARY"}:
                part["executionNode"] = schedule.node
        return part

    def _end(self, end: Mapping[str, Any]) -> dict[str, Any]:
        new = {**end, "id": self._new(end["id"]), "type": KINDS.get(str(end.get("type")), end.get("type"))}
        new.pop("instanceIdentifier", None)
        old = end.get("groupId")
        new["groupId"] = self._outermost if old == self._was else self._new(old)
        return new

    def _component(self, part: dict[str, Any], values: Mapping[str, str]) -> None:
        """Properties with their variables' values; the NAR as this NiFi has it; references to services anew."""
        type_ = str(part["type"])
        kind = self.build.capabilities.kind(type_)
        said = part.get("bundle") or {}
        if kind is not None:
            source = kind.bundle
        else:
            source = Bundle(str(said.get("group")), str(said.get("artifact")), str(said.get("version")))
            if not self.build.capabilities.has(type_):
                source = self._missing(type_, source)
        part["bundle"] = {"group": source.group, "artifact": source.artifact, "version": source.version}
        descriptors = {key: dict(value) for key, value in (part.get("propertyDescriptors") or {}).items()}
        properties = {}
        for name, value in (part.get("properties") or {}).items():
            descriptor = {"displayName": name, "identifiesControllerService": False, "sensitive": False}
            descriptor |= {**descriptors.get(name, {}), "name": name}
            descriptors[name] = descriptor
            if descriptor.get("identifiesControllerService") and isinstance(value, str):
                properties[name] = self._new(value)
            else:
                properties[name] = self._value(part, name, value, descriptor, values)
        self.build.private.add(part["identifier"])
        part |= {"properties": properties, "propertyDescriptors": descriptors}

    def _missing(self, type_: str, said: Bundle) -> Bundle:
        """Note it with the NAR that this NiFi would have it from: NiFi's own are of its version."""
        here = self.build.capabilities
        made_for = said.version if said.version.partition(".")[0] != str(here.major) else ""
        if said.group == NIFI:
            said = replace(said, version=here.version)
        else:
            made_for = ""
        self.build.missing[self.element.name, type_] = Missing(self.element.name, type_, said, made_for)
        return said

    def _is_left_out(self, service: Mapping[str, Any]) -> bool:
        """Whether nothing needs it and this NiFi does not have it, as with what DCNiOS's own files leave behind."""
        type_ = str(service.get("type"))
        if service["identifier"] in self._used or self.build.capabilities.has(type_):
            return False
        short = type_.rpartition(".")[2]
        note = f"{self.element.name}: its service {short} is left out: nothing uses it, and this NiFi does not have it."
        if note not in self.build.notes:
            self.build.notes.append(note)
        return True

    def _value(
        self, part: Mapping[str, Any], name: str, value: Any, descriptor: dict[str, Any], values: Mapping[str, str]
    ) -> Any:
        if not isinstance(value, str):
            return value
        used = [one for one in VARIABLE.findall(value) if one in values]
        put_in = VARIABLE.sub(lambda found: _word(found, values), value)
        hides = any(SECRETIVE.search(one) for one in used)
        if descriptor.get("sensitive") and value:
            return self.build.secret(self.element.name, f"{part.get('name')}.{name}", put_in)
        if hides and part["type"] in MAY_HIDE and _is_added(name, descriptor, part):
            descriptor |= {"sensitive": True, "dynamic": True}
            return self.build.secret(self.element.name, f"{part.get('name')}.{name}", put_in)
        if hides:
            self.build.notes.append(
                f"{self.element.name}: {part.get('name')} shows {' and '.join(used)} on NiFi's canvas, since "
                f"its property {name} cannot be secret."
            )
        return put_in


def _word(found: re.Match[str], values: Mapping[str, str]) -> str:
    """A variable's value; inside an expression it is a text of that language."""
    if found[1] not in values:
        return found[0]
    value, before = values[found[1]], found.string[: found.start()]
    if before.count("${") <= before.count("}"):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _is_added(name: str, descriptor: Mapping[str, Any], part: Mapping[str, Any]) -> bool:
    """Whether a person added the property: a header of a request."""
    return bool(descriptor.get("dynamic")) or (part["type"] == INVOKE_HTTP.name and name == "Authorization")
