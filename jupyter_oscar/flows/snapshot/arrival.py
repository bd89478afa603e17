"""Whether a source's events come by NiFi's own processor or by a bridge, and the bridge's end in NiFi."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Final

from . import tls
from .made import Listener, Source
from .parts import NAMESPACE, text
from .types import LISTEN_HTTP

if TYPE_CHECKING:
    from jupyter_oscar.flows.engines.base import Capabilities
    from jupyter_oscar.flows.model import Arrival
    from jupyter_oscar.flows.model import Source as Element

    from .parts import Build, Group
    from .types import Type

# Below the ports that Linux gives to outgoing connections, so that none of those is in the way.
FIRST_PORT: Final = 20000
PORTS: Final = 10000
EVERY_SUBJECT: Final = ".*"


def reads(extra: Arrival, capabilities: Capabilities, *types: Type) -> bool:
    """Whether a NiFi with these capabilities reads a source itself, by processors and services of these types."""
    has = all(capabilities.has(one.name) for one in types)
    return extra.via == "native" or (extra.via is None and has)


def native(element: Element, extra: Arrival, build: Build, *types: Type) -> bool:
    """Whether NiFi reads the source itself; noted for the plan."""
    has = build.has(*types)
    how = "native" if reads(extra, build.capabilities, *types) else "bridge"
    if extra.via == "bridge":
        why = "as the file says"
    elif has:
        why = f"by NiFi's own {types[0].short}"
    elif extra.via == "native":
        why = f"as the file says, although this NiFi has no {types[0].short}"
    else:
        why = f"since this NiFi has no {types[0].short}"
    build.sources.append(Source(element.name, element.kind, how, why))
    return how == "native"


def listen(element: Element, extra: Arrival, group: Group) -> None:
    """The end of a bridge: an HTTP listener whose events leave by the group's port."""
    build = group.build
    service = tls.service(group, element.ssl_context if has_keystore(element) else None)
    port = extra.port or _port(build, element.name)
    path = _path(element.name)
    # Without TLS nothing else keeps out whoever reaches the port.
    word = "" if service else build.parameter(element.name, "path", "")
    listener = Listener(element.name, element.kind, port, path, service is not None, word[2:-1])
    properties: dict[str, str | None] = {
        "Base Path": "/".join(filter(None, [path.lstrip("/"), word])),
        "Listening Port": str(listener.port),
        "Return Code": "200",
        "Authorized DN Pattern": text(extra.client or EVERY_SUBJECT),
        "client-authentication": "REQUIRED" if service else "AUTO",
        "SSL Context Service": service,
    }
    made = group.processor("ListenHTTP", LISTEN_HTTP, properties, services=["SSL Context Service"])
    group.connect(made, group.port("out"), ["success"])
    build.listeners.append(listener)
    if service is None:
        build.notes.append(
            f"{element.name}: whoever knows the path at port {port} of NiFi's machine may send events. Its end cannot "
            f"be guessed; NiFi keeps it as the parameter {listener.parameter}. It and the events travel unencrypted: "
            "on a network that others listen on, give ssl_context with a Keystore_Filename, and a client certificate "
            "is wanted instead."
        )
    if element.components:
        names = ", ".join(component.name for component in element.components)
        build.notes.append(
            f"{element.name}: schedules of {names} do nothing, since its bridge sends events as they come."
        )


def has_keystore(element: Element) -> bool:
    """Whether a bridge's end shows a certificate, and wants one."""
    return "Keystore_Filename" in (element.ssl_context or {})


def _path(name: str) -> str:
    return f"/oscar/{re.sub(r'[^A-Za-z0-9._-]', '-', name)}"


def _port(build: Build, name: str) -> int:
    """One that stays the same, and is no other listener's of this dataflow."""
    taken = {listener.port for listener in build.listeners}
    port = FIRST_PORT + uuid.uuid5(NAMESPACE, f"{build.name}\0{name}").int % PORTS
    while port in taken:
        port = FIRST_PORT + (port + 1 - FIRST_PORT) % PORTS
    return port
