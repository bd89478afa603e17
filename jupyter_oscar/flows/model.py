"""A dataflow's file as DCNiOS defines it, key by key, with its author's spelling (flows.md §1.2).

What DCNiOS does not have stands under ``x-oscar``, which DCNiOS itself passes over. Descriptions are what an editor
shows beside a key. Nothing is checked here but types: ``lint`` knows lines, and what keys mean together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EXTRA: Final = "x-oscar"
#: In seconds: nothing in a dataflow takes longer.
YEAR: Final = 366 * 24 * 3600


class Part(BaseModel):
    """Any map of the file."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, frozen=True)


def _truth(value: Any) -> Any:
    return value.strip().lower() == "true" if isinstance(value, str) else value


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticCustomError("float_type", "a truth is no number")
    return value


class Component(Part):
    """How one processor of an element is scheduled."""

    name: str = Field(description="The processor's name, such as InvokeOSCAR, ConsumeKafka_2_6, GetSQS or ConsumeAMQP.")
    seconds: Annotated[float, BeforeValidator(_number)] | None = Field(
        None, ge=0, le=YEAR, description="Seconds between two runs."
    )
    node: str | None = Field(None, description="ALL or PRIMARY: the nodes of a NiFi cluster that it runs on.")


class Merge(Part):
    """Several events become one, a line each."""

    action: Literal["Merge"]
    maxMessages: int = Field(ge=1, le=2**31 - 1, description="How many events make one.")  # noqa: N815 - DCNiOS's key
    windowSeconds: int = Field(  # noqa: N815
        ge=1, le=YEAR, description="After so many seconds what has come so far is passed on."
    )


class Encode(Part):
    """An event's content is encoded."""

    action: Literal["Encode"]
    Encoding: Literal["base64", "base32", "hex"] = Field("base64", description="How.")


class Decode(Part):
    """An event's content is decoded."""

    action: Literal["Decode"]
    Encoding: Literal["base64", "base32", "hex"] = Field("base64", description="How.")


Alteration = Annotated[Merge | Encode | Decode, Field(discriminator="action")]
# Properties of a TLS service, by NiFi's names with _ for a space. A password may be a reference.
Tls = Annotated[
    dict[str, SecretStr],
    Field(description="Properties of the TLS service, such as Truststore_Filename, Truststore_Password, Keystore_…"),
]


class Arrival(Part):
    """How a source's events reach NiFi."""

    via: Literal["native", "bridge"] | None = Field(
        None, description="By NiFi's own processor, or by a process that posts to NiFi [default: what that NiFi has]."
    )
    port: int | None = Field(None, ge=1, le=65535, description="With a bridge: the port on NiFi's machine.")
    client: str | None = Field(
        None, description="With a bridge and ssl_context: a pattern for the subject of its certificate."
    )


class Element(Part):
    """What every source, destination and generic group has."""

    #: Where DCNiOS has it, and as what.
    section: ClassVar[str] = ""
    kind: ClassVar[str] = ""
    #: The processors it becomes, by the names that ``components`` uses.
    processors: ClassVar[tuple[str, ...]] = ()

    name: str = Field(min_length=1, description="Its name, unique in the file.")
    components: list[Component] = Field([], description="Schedules of its processors.")
    ssl_context: Tls | None = None

    @property
    def schedules(self) -> dict[str, Component]:
        """Its ``components`` by name."""
        return {component.name: component for component in self.components}


class Source(Element):
    """Where events come from."""

    section: ClassVar[str] = "Source"

    alterations: list[Alteration] = Field([], description="What happens to its events, in this order.")


class DCacheSource(Source):
    """A folder in dCache: an event for each file that is complete."""

    kind: ClassVar[str] = "dCache"
    processors: ClassVar[tuple[str, ...]] = ("GetFile", "ExecuteProcess")

    endpoint: str = Field(description="dCache's frontend with its path, https://…:3880/api/v1")
    user: str
    password: SecretStr
    folder: str = Field(description="The folder that is watched; a service's dCache input has to be the same.")
    statefile: str = Field(description="The name of the file that remembers what was seen.")
    extra: Arrival = Field(Arrival(), alias=EXTRA)


class KafkaExtra(Arrival):
    """What DCNiOS's Kafka source does not have."""

    topic_is_pattern: bool = Field(
        default=True, description="Whether the topic is a regular expression, as for DCNiOS."
    )
    offset: Literal["latest", "earliest"] = Field("latest", description="Where a new group begins to read.")


class KafkaSource(Source):
    """Messages of a Kafka topic."""

    kind: ClassVar[str] = "Kafka"
    processors: ClassVar[tuple[str, ...]] = ("ConsumeKafka_2_6",)

    bootstrap_servers: str = Field(description="host:port, several with commas.")
    topic: str = Field(description="The topic; a regular expression.")
    group_id: str = Field(description="The consumer group.")
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    security_protocol: Literal["SASL_SSL", "SASL_PLAINTEXT", "SSL", "PLAINTEXT"] = "SASL_SSL"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    separate_by_key: Annotated[bool, BeforeValidator(_truth, json_schema_input_type=bool | str)] = Field(
        default=False, description="Messages with one key become one event."
    )
    message_demarcator: str | None = Field(None, description="What stands between them.")
    extra: KafkaExtra = Field(KafkaExtra(), alias=EXTRA)

    @property
    def signs_in(self) -> bool:
        """Whether user and password are wanted."""
        return self.security_protocol.startswith("SASL")

    @property
    def encrypted(self) -> bool:
        """Whether a truststore is wanted."""
        return self.security_protocol.endswith("SSL")


class AwsExtra(Arrival):
    """What DCNiOS's SQS and S3 sources do not have."""

    endpoint: str | None = Field(None, description="A server that speaks SQS and S3 elsewhere than AWS.")


class AwsSource(Source):
    """What is read from a queue in SQS."""

    processors: ClassVar[tuple[str, ...]] = ("GetSQS",)

    AWS_DEFAULT_REGION: str = Field(description="The region, us-east-1.")
    AWS_ACCESS_KEY_ID: SecretStr | None = Field(None, description="Else from the environment or ~/.aws/credentials.")
    AWS_SECRET_ACCESS_KEY: SecretStr | None = None
    extra: AwsExtra = Field(AwsExtra(), alias=EXTRA)

    @property
    def queue(self) -> str:
        """The queue's name."""
        raise NotImplementedError


class SqsSource(AwsSource):
    """Messages of a queue in SQS."""

    kind: ClassVar[str] = "GetSQS"

    queue_name: str = Field(description="The queue; it is made if it is not there.")

    @property
    def queue(self) -> str:
        """As the file says."""
        return self.queue_name


class S3Source(AwsSource):
    """New objects of a bucket in S3, through a queue that its notifications go to."""

    kind: ClassVar[str] = "GetS3"

    AWS_S3_BUCKET: str = Field(description="The bucket.")

    @property
    def queue(self) -> str:
        """As DCNiOS names it."""
        return f"{self.AWS_S3_BUCKET}_events"


class RucioExtra(Arrival):
    """What DCNiOS's Rucio source does not have."""

    broker_vhost: str = Field("rucio", description="The broker's virtual host.")
    event_types: list[str] = Field(["close"], min_length=1, description="Which events: close, transfer-done, rule_ok…")
    scope: str | None = Field(None, description="A regular expression for the DID's scope.")
    did: str | None = Field(None, description="A regular expression for the DID's name.")


class RucioSource(Source):
    """Events of Rucio, from a message broker (AMQP 0.9.1)."""

    kind: ClassVar[str] = "RUCIO"
    processors: ClassVar[tuple[str, ...]] = ("ConsumeAMQP", "EvaluateJsonPath", "RouteOnAttribute")

    host: str = Field(description="The broker.")
    port: str = Field(description="Its port.")
    virtual_host: str = Field(description="The broker's user, as DCNiOS calls it.")
    password: SecretStr
    queue_name: str
    service_filter: str | None = Field(
        None, description="Only events whose custom_metadata names this OSCAR service (needs interTwin's Rucio)."
    )
    ssl_client_auth: Literal["NONE", "WANT", "REQUIRED"] = "NONE"
    extra: RucioExtra = Field(RucioExtra(), alias=EXTRA)


class Delivery(Part):
    """What becomes of an event that a destination does not take."""

    on_failure: Literal["retry", "drop"] = Field("retry", description="Try again, or let it go as DCNiOS does.")
    retries: int = Field(10, ge=0, description="Tries before an event that is refused goes to the dead letters.")
    pause: str = Field(
        "5 sec", pattern=r"^\d+ (sec|min|hours?)$", description="Before the first new try; then doubled."
    )
    longest_pause: str = Field("10 min", pattern=r"^\d+ (sec|min|hours?)$", description="Between two tries.")
    dead_letter_days: int = Field(7, ge=0, description="How long dead letters are kept; 0: for ever.")


class Destination(Element):
    """Where events go."""

    section: ClassVar[str] = "Destination"


class OscarExtra(Delivery):
    """What DCNiOS's OSCAR destination does not have."""

    cluster: str | None = Field(None, description="A cluster known here by this name, which is asked for the token.")


class OscarDestination(Destination):
    """Each event starts a job of a service in OSCAR."""

    kind: ClassVar[str] = "OSCAR"
    processors: ClassVar[tuple[str, ...]] = ("InvokeOSCAR",)

    endpoint: str = Field(description="The cluster's address.")
    service: str = Field(description="The service that is started.")
    token: SecretStr | None = Field(None, description="The service's token.")
    user: str | None = Field(None, description="With password: the service's token is asked of the cluster.")
    password: SecretStr | None = None
    extra: OscarExtra = Field(OscarExtra(), alias=EXTRA)


class S3Destination(Destination):
    """Each event becomes an object in a bucket."""

    kind: ClassVar[str] = "PutS3"
    processors: ClassVar[tuple[str, ...]] = ("PutS3Object",)

    AWS_S3_BUCKET: str = Field(description="The bucket.")
    AWS_DEFAULT_REGION: str | None = Field(None, description="The region; not with a MinIO.")
    AWS_ACCESS_KEY_ID: SecretStr | None = None
    AWS_SECRET_ACCESS_KEY: SecretStr | None = None
    MinIO_Endpoint: str | None = Field(None, description="The address of a MinIO instead of AWS.")
    extra: Delivery = Field(Delivery(), alias=EXTRA)


class GenericGroup(Element):
    """A process group of one's own, from a flow definition that NiFi exported."""

    section: ClassVar[str] = "generic"
    kind: ClassVar[str] = "generic"

    file: str = Field(description="The flow definition (JSON), relative to this file.")
    variables: dict[str, SecretStr] | None = Field(None, description="Values for its ${variables}.")
    alterations: list[Alteration] = Field([], description="What happens to its events, in this order.")


class Connection(Part):
    """Events of one element go to another."""

    from_: str = Field(alias="from", description="A source, by name.")
    to: str = Field(description="A destination, by name.")


class Sources(Part):
    """Where events come from."""

    dCache: list[DCacheSource] = []  # noqa: N815
    Kafka: list[KafkaSource] = []
    GetSQS: list[SqsSource] = []
    GetS3: list[S3Source] = []
    RUCIO: list[RucioSource] = []


class Destinations(Part):
    """Where events go."""

    OSCAR: list[OscarDestination] = []
    PutS3: list[S3Destination] = []


class NifiExtra(Part):
    """What DCNiOS does not have for the whole file."""

    name: str | None = Field(None, min_length=1, description="The dataflow's name in NiFi [default: the file's].")
    profile: str | None = Field(None, description="A NiFi that is known here by this name, instead of endpoint.")
    auth: Literal["none", "password", "basic", "login", "token", "certificate"] | None = Field(
        None, description="How to sign in [default: told from what is given]. basic: at a proxy; login: at NiFi itself."
    )
    token: SecretStr | None = Field(None, description="With auth: token.")
    certificate: str | None = Field(None, description="With auth: certificate. A file (PEM).")
    key: str | None = Field(None, description="Its key's file (PEM).")
    ca_bundle: str | None = Field(None, description="A file of authorities that are trusted beside the public ones.")


class Nifi(Part):
    """A NiFi and the dataflow in it."""

    endpoint: str | None = Field(None, description="NiFi's address, without /nifi-api.")
    user: str | None = None
    password: SecretStr | None = None
    Source: Sources = Sources()
    Destination: Destinations = Destinations()
    generic: list[GenericGroup] = Field([], description="Process groups of one's own.")
    connection: list[Connection] = Field([], description="Which events go where.")
    extra: NifiExtra = Field(NifiExtra(), alias=EXTRA)


class File(Part):
    """The whole file."""

    nifi: Nifi


class Flow:
    """A dataflow that was read: its name, where its file lies, and its elements in DCNiOS's order."""

    def __init__(self, path: Path, nifi: Nifi, lines: dict[tuple[Any, ...], int] | None = None) -> None:
        self.path = path
        self.nifi = nifi
        #: On which line each key stands, by its path.
        self.lines = lines or {}
        #: The contents of the files of generic groups, by the element's name.
        self.groups: dict[str, Any] = {}
        self.name = nifi.extra.name or path.stem

    def __repr__(self) -> str:
        return f"Flow({self.name!r}, {len(self.elements)} elements)"

    def with_nifi(self, nifi: Nifi) -> Flow:
        """The same file that says something else."""
        other = Flow(self.path, nifi, self.lines)
        other.groups = self.groups
        return other

    def line(self, path: tuple[Any, ...]) -> int | None:
        """The line of a key, or of the nearest above it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)

    def owner(self, path: tuple[Any, ...]) -> str:
        """The name of the element that a path leads into; empty for what is said of NiFi itself."""
        part: Any = self.nifi
        for key in path[1:]:
            part = part[key] if isinstance(part, list) else getattr(part, str(key), None)
            if isinstance(part, Element):
                return part.name
        return ""

    def name_lines(self) -> dict[str, int]:
        """The line on which each element's name stands."""
        return {self.owner(path): line for path, line in self.lines.items() if path[-1] == "name"}

    @property
    def elements(self) -> dict[str, Element]:
        """By name."""
        return {element.name: element for element in self._elements()}

    def _elements(self) -> Iterator[Element]:
        source, destination = self.nifi.Source, self.nifi.Destination
        # The order in which DCNiOS makes them (flows.md §1.2).
        yield from source.dCache
        yield from destination.OSCAR
        yield from source.GetS3
        yield from destination.PutS3
        yield from source.GetSQS
        yield from source.Kafka
        yield from source.RUCIO
        yield from self.nifi.generic

    @property
    def edges(self) -> list[tuple[str, str]]:
        """Which element's events go to which, each once."""
        return list(dict.fromkeys((one.from_, one.to) for one in self.nifi.connection))
