"""A Kafka topic: one processor in NiFi 1; in NiFi 2 a processor and a connection service (flows.md §5.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from jupyter_oscar.flows.snapshot import arrival, tls
from jupyter_oscar.flows.snapshot.parts import runs, text
from jupyter_oscar.flows.snapshot.types import CONSUME_KAFKA_1, CONSUME_KAFKA_2, KAFKA_SERVICE

if TYPE_CHECKING:
    from jupyter_oscar.flows.engines.base import Capabilities
    from jupyter_oscar.flows.model import KafkaSource
    from jupyter_oscar.flows.snapshot.parts import Group
    from jupyter_oscar.flows.snapshot.types import Type

# Where DCNiOS looks for a truststore that is only named, and which it says it is.
FOLDER: Final = "/opt/nifi/nifi-current/data/"
KIND: Final = "PKCS12"


def reader(capabilities: Capabilities) -> tuple[Type, ...]:
    """What a NiFi reads it by."""
    return (CONSUME_KAFKA_1,) if capabilities.major < 2 else (CONSUME_KAFKA_2, KAFKA_SERVICE)  # noqa: PLR2004


def place(element: KafkaSource, group: Group) -> None:
    """Its group."""
    types = reader(group.build.capabilities)
    if not arrival.native(element, element.extra, group.build, *types):
        arrival.listen(element, element.extra, group)
        return
    made = _one(element, group) if CONSUME_KAFKA_1 in types else _two(element, group)
    group.connect(made, group.port("out"), ["success"])


def _account(element: KafkaSource, group: Group) -> dict[str, str | None]:
    signs_in = element.signs_in
    secret = element.sasl_password
    return {
        "bootstrap.servers": text(element.bootstrap_servers),
        "security.protocol": element.security_protocol,
        "sasl.mechanism": element.sasl_mechanism if signs_in else None,
        "sasl.username": text(element.sasl_username or "") if signs_in else None,
        "sasl.password": group.build.secret(element.name, "password", secret) if signs_in and secret else None,
    }


def _one(element: KafkaSource, group: Group) -> dict[str, object]:
    service = tls.service(group, element.ssl_context, folder=FOLDER, kind=KIND) if element.encrypted else None
    properties = {
        **_account(element, group),
        "ssl.context.service": service,
        "topic": text(element.topic),
        "topic_type": "pattern" if element.extra.topic_is_pattern else "names",
        "group.id": text(element.group_id),
        "auto.offset.reset": element.extra.offset,
        "honor-transactions": "true",
        "max.poll.records": "10000",
        "separate-by-key": str(element.separate_by_key).lower(),
        "message-demarcator": element.message_demarcator if element.separate_by_key else None,
    }
    if properties["sasl.mechanism"] is None:
        del properties["sasl.mechanism"]  # it has a default of its own, which is not looked at
    return group.processor(
        "ConsumeKafka_2_6",
        CONSUME_KAFKA_1,
        properties,
        runs(element, "ConsumeKafka_2_6", "ConsumeKafka"),
        hidden=["sasl.password"],
        services=["ssl.context.service"],
    )


def _two(element: KafkaSource, group: Group) -> dict[str, object]:
    service = tls.service(group, element.ssl_context, folder=FOLDER, kind=KIND) if element.encrypted else None
    account = {key: value for key, value in _account(element, group).items() if value is not None}
    if service is not None:
        account["SSL Context Service"] = service
    connection = group.service(
        "Kafka",
        KAFKA_SERVICE,
        {**account, "isolation.level": "read_committed", "max.poll.records": "10000"},
        hidden=["sasl.password"],
        services=["SSL Context Service"],
    )
    properties: dict[str, str | None] = {
        "Kafka Connection Service": connection,
        "Group ID": text(element.group_id),
        "Topic Format": "pattern" if element.extra.topic_is_pattern else "names",
        "Topics": text(element.topic),
        "auto.offset.reset": element.extra.offset,
        "Processing Strategy": "DEMARCATOR" if element.separate_by_key else "FLOW_FILE",
    }
    if element.separate_by_key:
        properties |= {"Message Demarcator": element.message_demarcator, "Separate By Key": "true"}
    return group.processor(
        "ConsumeKafka",
        CONSUME_KAFKA_2,
        properties,
        runs(element, "ConsumeKafka", "ConsumeKafka_2_6"),
        services=["Kafka Connection Service"],
    )
