"""The building blocks of a flow definition: groups, and in them processors, ports, connections, funnels, services.

Every part is made from names alone, so the same names give the same identifiers, and NiFi recognises what it has.
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from jupyter_oscar.client.credentials import Secret
from jupyter_oscar.flows.engines.base import Bundle

from .made import Missing
from .types import GROUP, bundle, spelled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import SecretStr

    from jupyter_oscar.flows.engines.base import Capabilities
    from jupyter_oscar.flows.model import Component, Element

    from .made import Listener, Queue, Source
    from .types import Type

NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_DNS, "jupyter-oscar")
NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9 ._-]")
NODES: Final = ("ALL", "PRIMARY")
# On the canvas, in pixels.
WIDTH: Final = 440
HEIGHT: Final = 220
# What a queue holds before what feeds it pauses: NiFi's own defaults, said so that every NiFi has the same.
HOLDS: Final = (10000, "1 GB")


class Runs(NamedTuple):
    """How a processor runs. ``ends`` are relationships whose events are dropped, ``retried`` those tried again."""

    every: str = "0 sec"
    node: str = "ALL"
    ends: tuple[str, ...] = ()
    retried: tuple[str, ...] = ()
    tries: int = 10
    pause: str = "30 sec"
    longest: str = "10 mins"

    def scheduled(self, component: Component | None) -> Runs:
        """As the file says, where it does."""
        if component is None:
            return self
        every = self.every if component.seconds is None else f"{component.seconds:g} sec"
        return self._replace(every=every, node=component.node if component.node in NODES else self.node)


class Build:
    """What grows while a dataflow is compiled."""

    def __init__(self, name: str, capabilities: Capabilities) -> None:
        self.name = name
        self.capabilities = capabilities
        self.plain: dict[str, str] = {}
        self.secrets: dict[str, Secret] = {}
        self.sources: list[Source] = []
        self.listeners: list[Listener] = []
        self.queues: list[Queue] = []
        self.missing: dict[tuple[str, str], Missing] = {}
        self.notes: list[str] = []
        self.private: set[str] = set()
        self._names: dict[tuple[str, str], str] = {}

    def parameter(self, element: str, key: str, value: str) -> str:
        """A plain parameter, and the reference to it."""
        name = self._parameter(element, key)
        self.plain[name] = value
        return f"#{{{name}}}"

    def secret(self, element: str, key: str, value: SecretStr | Secret | str) -> str:
        """A sensitive parameter, and the reference to it; a sensitive property has to be that and nothing else."""
        name = self._parameter(element, key)
        self.secrets[name] = Secret(value if isinstance(value, str) else value.get_secret_value())
        return f"#{{{name}}}"

    def _parameter(self, element: str, key: str) -> str:
        """A name that NiFi takes, for this element and key alone."""
        if (element, key) not in self._names:
            stem = name = f"{NOT_IN_NAMES.sub('-', element)}.{NOT_IN_NAMES.sub('-', key)}"
            number = 2
            while name in self.plain or name in self.secrets:
                name, number = f"{stem}.{number}", number + 1
            self._names[element, key] = name
        return self._names[element, key]

    def identifier(self, *names: str) -> str:
        """The UUID of the part with these names in this dataflow."""
        return str(uuid.uuid5(NAMESPACE, "\0".join((self.name, *names))))

    def has(self, *types: Type) -> bool:
        """Whether the engine has all these types."""
        return all(self.capabilities.has(one.name) for one in types)


class Group:
    """One process group under construction."""

    def __init__(self, build: Build, name: str, parent: Group | None = None, element: str = "") -> None:
        self.build = build
        self.name = name
        self.element = element or name
        self.path: tuple[str, ...] = () if parent is None else (*parent.path, name)
        self.identifier = build.identifier("group", *self.path)
        self.ports: dict[str, dict[str, Any]] = {}
        self.made: dict[str, Any] = {
            "identifier": self.identifier,
            "name": name,
            "comments": "",
            "position": {"x": 0.0, "y": 0.0},
            "componentType": "PROCESS_GROUP",
            "parameterContextName": build.name,
            "flowFileConcurrency": "UNBOUNDED",
            "flowFileOutboundPolicy": "STREAM_WHEN_AVAILABLE",
            "variables": {},
            **{key: [] for key in _LISTS},
        }
        if parent is not None:
            self.made["groupIdentifier"] = parent.identifier
            parent.made["processGroups"].append(self.made)

    def processor(
        self,
        name: str,
        type_: Type,
        properties: Mapping[str, str | None],
        runs: Runs = Runs(),  # noqa: B008 - a value
        *,
        hidden: Iterable[str] = (),
        services: Iterable[str] = (),
        dynamic: Iterable[str] = (),
        at: tuple[int, int] = (1, 0),
    ) -> dict[str, Any]:
        """A processor. Of its properties ``hidden`` are sensitive, ``services`` name one, ``dynamic`` are added."""
        made = self._component("processor", name, type_, properties, hidden, services, dynamic)
        made |= {
            "position": {"x": float(at[0] * WIDTH), "y": float(at[1] * HEIGHT)},
            "style": {},
            "schedulingPeriod": runs.every,
            "schedulingStrategy": "TIMER_DRIVEN",
            "executionNode": runs.node,
            "penaltyDuration": runs.pause,
            "yieldDuration": "1 sec",
            "bulletinLevel": "WARN",
            "runDurationMillis": 0,
            "concurrentlySchedulableTaskCount": 1,
            "autoTerminatedRelationships": sorted(runs.ends),
            "scheduledState": "ENABLED",
            "retryCount": runs.tries,
            "retriedRelationships": sorted(runs.retried),
            "backoffMechanism": "PENALIZE_FLOWFILE",
            "maxBackoffPeriod": runs.longest,
            "componentType": "PROCESSOR",
        }
        self.made["processors"].append(made)
        return made

    def service(
        self,
        name: str,
        type_: Type,
        properties: Mapping[str, str | None],
        hidden: Iterable[str] = (),
        services: Iterable[str] = (),
    ) -> str:
        """A controller service, and its identifier, which a property of a processor holds."""
        made = self._component("service", name, type_, properties, hidden, services, ())
        api = Bundle(GROUP, type_.api_artifact, made["bundle"]["version"])
        made |= {
            "controllerServiceApis": [{"type": type_.api, "bundle": _bundle(api)}],
            "scheduledState": "DISABLED",
            "bulletinLevel": "WARN",
            "componentType": "CONTROLLER_SERVICE",
        }
        self.made["controllerServices"].append(made)
        return str(made["identifier"])

    def _component(
        self,
        what: str,
        name: str,
        type_: Type,
        properties: Mapping[str, str | None],
        hidden: Iterable[str],
        services: Iterable[str],
        dynamic: Iterable[str],
    ) -> dict[str, Any]:
        build = self.build
        source = bundle(type_, build.capabilities)
        if not build.has(type_):
            build.missing[self.element, type_.name] = Missing(self.element, type_.name, source)
        hidden, services, dynamic = set(hidden), set(services), set(dynamic)
        said, descriptors = {}, {}
        for key, value in properties.items():
            spelling = spelled(type_.name, key, build.capabilities)
            said[spelling] = value
            descriptors[spelling] = {
                "name": spelling,
                "displayName": spelling,
                "identifiesControllerService": key in services,
                "sensitive": key in hidden,
            }
            if key in dynamic:
                descriptors[spelling]["dynamic"] = True
        return {
            "identifier": build.identifier(what, *self.path, name),
            "name": name,
            "comments": "",
            "type": type_.name,
            "bundle": _bundle(source),
            "properties": said,
            "propertyDescriptors": descriptors,
            "groupIdentifier": self.identifier,
        }

    def port(self, way: str) -> dict[str, Any]:
        """The group's one ``in`` or ``out`` port, made when first asked for."""
        if way not in self.ports:
            kind = "INPUT_PORT" if way == "in" else "OUTPUT_PORT"
            made = {
                "identifier": self.build.identifier("port", *self.path, way),
                "name": way,
                "comments": "",
                "type": kind,
                "position": {"x": 0.0 if way == "in" else float(2 * WIDTH), "y": 0.0},
                "concurrentlySchedulableTaskCount": 1,
                "scheduledState": "ENABLED",
                "allowRemoteAccess": False,
                "portFunction": "STANDARD",
                "groupIdentifier": self.identifier,
                "componentType": kind,
            }
            self.made["inputPorts" if way == "in" else "outputPorts"].append(made)
            self.ports[way] = made
        return self.ports[way]

    def funnel(self, name: str, at: tuple[int, int] = (2, 1)) -> dict[str, Any]:
        """A funnel: what goes to one that leads nowhere waits before it, to be looked at."""
        made = {
            "identifier": self.build.identifier("funnel", *self.path, name),
            "position": {"x": float(at[0] * WIDTH), "y": float(at[1] * HEIGHT)},
            "groupIdentifier": self.identifier,
            "componentType": "FUNNEL",
        }
        self.made["funnels"].append(made)
        return made

    def connect(
        self,
        source: Mapping[str, Any],
        destination: Mapping[str, Any],
        through: Iterable[str] = (),
        *,
        name: str = "",
        holds: tuple[int, str] = HOLDS,
        expires: str = "0 sec",
    ) -> None:
        """A connection in this group. ``through`` are relationships of a processor; a port or funnel has none."""
        ends = (str(source["identifier"]), str(destination["identifier"]))
        loop = ends[0] == ends[1]
        self.made["connections"].append(
            {
                "identifier": self.build.identifier("connection", *self.path, *ends, *sorted(through)),
                "name": name,
                "source": _end(source),
                "destination": _end(destination),
                "selectedRelationships": sorted(through) or [""],
                "backPressureObjectThreshold": holds[0],
                "backPressureDataSizeThreshold": holds[1],
                "flowFileExpiration": expires,
                "prioritizers": [],
                "bends": _bends(source) if loop else [],
                "labelIndex": 1,
                "zIndex": 0,
                "loadBalanceStrategy": "DO_NOT_LOAD_BALANCE",
                "loadBalanceCompression": "DO_NOT_COMPRESS",
                "partitioningAttribute": "",
                "groupIdentifier": self.identifier,
                "componentType": "CONNECTION",
            }
        )


_LISTS = (
    "processGroups",
    "remoteProcessGroups",
    "processors",
    "inputPorts",
    "outputPorts",
    "connections",
    "labels",
    "funnels",
    "controllerServices",
)
KINDS = {"PROCESSOR": "PROCESSOR", "INPUT_PORT": "INPUT_PORT", "OUTPUT_PORT": "OUTPUT_PORT", "FUNNEL": "FUNNEL"}


def _end(part: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": part["identifier"],
        "type": KINDS[part["componentType"]],
        "groupId": part["groupIdentifier"],
        "name": part.get("name") or "",
        "comments": "",
    }


def _bends(part: Mapping[str, Any]) -> list[dict[str, float]]:
    """A loop goes out above its processor and comes back beside it."""
    x, y = part["position"]["x"], part["position"]["y"]
    return [{"x": x + 150, "y": y - 60}, {"x": x + 230, "y": y - 60}]


def _bundle(one: Bundle) -> dict[str, str]:
    return {"group": one.group, "artifact": one.artifact, "version": one.version}


def text(value: str) -> str:
    """A value that is not to be taken for a reference to a parameter."""
    return value.replace("#{", "##{")


def runs(element: Element, *names: str, ends: tuple[str, ...] = ()) -> Runs:
    """How a processor runs as the file schedules it, by the first name that it uses for it."""
    said = next((element.schedules[name] for name in names if name in element.schedules), None)
    return Runs(ends=ends).scheduled(said)
