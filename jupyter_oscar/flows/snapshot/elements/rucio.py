"""Events of Rucio from a broker by AMQP 0.9.1; only those that are wanted go on (flows.md §4.4)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jupyter_oscar.flows.snapshot import arrival, tls
from jupyter_oscar.flows.snapshot.parts import runs, text
from jupyter_oscar.flows.snapshot.types import CONSUME_AMQP, EVALUATE_JSON_PATH, ROUTE_ON_ATTRIBUTE

if TYPE_CHECKING:
    from jupyter_oscar.flows.engines.base import Capabilities
    from jupyter_oscar.flows.model import RucioSource
    from jupyter_oscar.flows.snapshot.parts import Group
    from jupyter_oscar.flows.snapshot.types import Type


def reader(_: Capabilities) -> tuple[Type, ...]:
    """What a NiFi reads it by."""
    return (CONSUME_AMQP,)


def place(element: RucioSource, group: Group) -> None:
    """Its group."""
    if not arrival.native(element, element.extra, group.build, *reader(group.build.capabilities)):
        arrival.listen(element, element.extra, group)
        return
    service = tls.service(group, element.ssl_context)
    properties: dict[str, str | None] = {
        "Host Name": text(element.host),
        "Port": text(element.port),
        "Virtual Host": text(element.extra.broker_vhost),
        "User Name": text(element.virtual_host),
        "Password": group.build.secret(element.name, "password", element.password),
        "AMQP Version": "0.9.1",
        "Queue": text(element.queue_name),
        "batch.size": "10",
        "auto.acknowledge": "false",
        "ssl-context-service": service,
    }
    if group.build.capabilities.major < 2:  # noqa: PLR2004 - NiFi 2 knows it no more
        properties["ssl-client-auth"] = element.ssl_client_auth
    made = group.processor(
        "ConsumeAMQP",
        CONSUME_AMQP,
        properties,
        runs(element, "ConsumeAMQP"),
        hidden=["Password"],
        services=["ssl-context-service"],
        at=(0, 0),
    )
    paths = {
        "event_type": "$.event_type",
        "scope": "$.payload.scope",
        "name": "$.payload.name",
        "oscar-service": "$.payload.custom_metadata.oscar-service",
    }
    read = group.processor(
        "EvaluateJsonPath",
        EVALUATE_JSON_PATH,
        {
            "Destination": "flowfile-attribute",
            "Return Type": "auto-detect",
            "Path Not Found Behavior": "ignore",
            **paths,
        },
        runs(element, "EvaluateJsonPath", ends=("failure", "unmatched")),
        dynamic=paths,
    )
    conditions = _conditions(element)
    route = group.processor(
        "RouteOnAttribute",
        ROUTE_ON_ATTRIBUTE,
        {"Routing Strategy": "Route to 'match' if all match", **conditions},
        runs(element, "RouteOnAttribute", ends=("unmatched",)),
        dynamic=conditions,
        at=(2, 0),
    )
    group.connect(made, read, ["success"])
    group.connect(read, route, ["matched"])
    group.connect(route, group.port("out"), ["matched"])


def _conditions(element: RucioSource) -> dict[str, str]:
    """What all has to hold for an event to go on, in NiFi's expression language."""
    extra = element.extra
    types = "|".join(re.escape(one.lower()) for one in extra.event_types)
    conditions = {"event_type": f"${{event_type:toLower():matches({_quoted(types)})}}"}
    if extra.scope is not None:
        conditions["scope"] = f"${{scope:matches({_quoted(extra.scope)})}}"
    if extra.did is not None:
        conditions["name"] = f"${{name:matches({_quoted(extra.did)})}}"
    if element.service_filter is not None:
        conditions["oscar-service"] = f"${{oscar-service:equals({_quoted(element.service_filter)})}}"
    return conditions


def _quoted(word: str) -> str:
    """A string of the expression language."""
    return "'" + text(word).replace("\\", "\\\\").replace("'", "\\'") + "'"
