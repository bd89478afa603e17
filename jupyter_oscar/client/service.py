"""A service: what it is.

The model reads tolerantly (null lists, unknown keys, both shapes of ports) and writes what the server takes. The fields
and their meaning are those of oscar.md §2.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from .deployments import Deployment
from .versions import NEWEST, SINCE, UNTIL, Release, spelled

if TYPE_CHECKING:
    from collections.abc import Collection

TRACKED_LABEL: Final = "jupyter-oscar/tracked"
SCHEMA_ANNOTATION: Final = "jupyter-oscar/input-schema"

# The server makes these up; sending them back is at best useless (oscar.md §2.2, §10.8).
RESPONSE_ONLY: Final = frozenset({"namespace", "volume_status", "deployment", "bucket_list", "token"})

SERVER_LABELS: Final = frozenset(
    {"oscar_service", "oscar.grycap/user-service", "applicationId", "queue", "owner_name", "vo", "uid"}
    | {"kueue.x-k8s.io/queue-name"}
)

# Parts in which a server fills in what was not said.
FILLED: Final = frozenset({"volume", "federation", "kserve"})
LEVELS: Final = frozenset({"NOTSET", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"})
DEFAULTS: Final = {"memory": "256Mi", "cpu": "0.2", "log_level": "INFO", "visibility": "private"}


def _ports(value: Any) -> Any:
    """A scalar before 4.1.0, a list from 4.1.0; a first port of 0 means not exposed (oscar.md §6.1)."""
    ports = value if isinstance(value, list) else [value]
    return ports if ports and ports[0] else []


def _node_ports(value: Any) -> Any:
    """The same, but in a list a 0 asks for a port that the cluster picks; older servers say 0 for none."""
    if isinstance(value, list):
        return value
    return [value] if value else []


def _text(value: Any) -> Any:
    """A quantity that YAML read as a number; the server wants text (wire B005). Booleans stay wrong."""
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _listed(value: Any) -> Any:
    return [item for item in value if item is not None] if isinstance(value, list) else value


def _texts(value: Any) -> Any:
    """To Go a null among texts is an empty one."""
    return {key: "" if item is None else item for key, item in value.items()} if isinstance(value, dict) else value


Quantity = Annotated[str, BeforeValidator(_text)]
Ports = Annotated[list[int], BeforeValidator(_ports)]
NodePorts = Annotated[list[int], BeforeValidator(_node_ports)]
Texts = Annotated[list[str], BeforeValidator(_listed)]
TextMap = Annotated[dict[str, str], BeforeValidator(_texts)]
SecretMap = Annotated[dict[str, SecretStr], BeforeValidator(_texts)]


class Part(BaseModel):
    """Base of a service and its parts: unknown keys are kept, so that reading and writing back loses nothing."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, said: Any) -> Any:
        """To a server a null says nothing, and it sends some itself."""
        return {key: value for key, value in said.items() if value is not None} if isinstance(said, dict) else said


class Place(Part):
    """A folder of a storage: ``path`` is ``bucket/folder`` (oscar.md §2.4)."""

    storage_provider: str = ""
    path: str = ""

    @property
    def is_minio(self) -> bool:
        """Whether it lies in the cluster's own MinIO: ``minio.default``, of which either part may be left out.

        A server stores the word as it was spelled (wire V038).
        """
        return self.provider == ("minio", "default")

    @property
    def provider(self) -> tuple[str, str]:
        """Kind and id of its storage, as a server reads the word (oscar.md §2.4)."""
        kind, _, which = self.storage_provider.partition(".")
        return kind.lower() or "minio", which or "default"

    @property
    def bucket(self) -> str:
        """The first segment of the path."""
        return self.path.strip(" /").partition("/")[0]

    @property
    def folder(self) -> str:
        """The rest of the path, without slashes at its ends."""
        return self.path.strip(" /").partition("/")[2].strip("/")


class StorageIO(Place):
    """An input or output folder; outputs may be filtered by their names."""

    storage_provider: str = "minio.default"
    path: str
    prefix: Texts = Field(default_factory=list)
    suffix: Texts = Field(default_factory=list)

    def as_stored(self, service: str) -> StorageIO:
        """As a server keeps it; see :meth:`Service.as_stored`. A path without a slash lies in the service's bucket."""
        path = self.path.strip(" /")
        if path and "/" not in path and self.provider[0] in {"minio", "s3"}:
            path = f"{service}/{path}"
        word = "minio.default" if self.is_minio else self.storage_provider
        return self.model_copy(update={"path": path, "storage_provider": word})


class Scale(Part):
    """Bounds of the synchronous (Knative) side."""

    min_scale: int = 0
    max_scale: int = 0


class Expose(Part):
    """How a long-lived service is exposed (oscar.md §6.1)."""

    api_port: Ports = Field(default_factory=list)
    min_scale: int = 0
    max_scale: int = 0
    cpu_threshold: int = 0
    nodePort: NodePorts = Field(default_factory=list)  # noqa: N815 - OSCAR's spelling
    rewrite_target: bool = False
    default_command: bool = False
    set_auth: bool = False
    auth_type: str = ""
    health_path: str = ""
    probe_mode: str = ""


class Environment(Part):
    """Variables, and secrets whose values a server never gives back."""

    # ``Variables`` before 3.4 (oscar.md §0.2).
    variables: TextMap = Field(default_factory=dict, validation_alias=AliasChoices("variables", "Variables"))
    secrets: SecretMap = Field(default_factory=dict)


class Mount(Place):
    """A bucket mounted in the service's pods; without a path, none (oscar.md §2.7)."""

    options: str = ""


class Volume(Part):
    """A volume of the service's pods (oscar.md §2.6)."""

    name: str = ""
    size: Quantity = ""
    mount_path: str = ""
    lifecycle_policy: str = ""


class Replica(Part):
    """A service of another cluster that takes over jobs; the lower its ``priority`` the sooner (oscar.md §2.9)."""

    type: str = ""
    cluster_id: str = ""
    service_name: str = ""
    url: str = ""
    ssl_verify: bool = False
    priority: int = 0
    # They may carry a password.
    headers: TextMap = Field(default_factory=dict, repr=False)


class Federation(Part):
    """Which clusters share a service: ``topology`` none, star or mesh, and the members (oscar.md §2.9)."""

    group_id: str = ""
    topology: str = ""
    delegation: str = ""
    rescheduler_threshold: int = 0
    members: Annotated[list[Replica], BeforeValidator(_listed)] = Field(default_factory=list)


class Service(Part):
    """A service as OSCAR knows it (oscar.md §2.2). ``token`` calls it and is never shown."""

    name: str
    image: str
    script: str = Field(repr=False)
    cluster_id: str = ""
    memory: Quantity = ""
    cpu: Quantity = ""
    total_memory: Quantity = ""
    total_cpu: Quantity = ""
    ephemeral_storage_request: Quantity = ""
    enable_gpu: bool = False
    enable_sgx: bool = False
    image_prefetch: bool = False
    image_pull_secrets: Texts = Field(default_factory=list)
    alpine: bool = False
    file_stage_in: bool = False
    synchronous: Scale = Field(default_factory=Scale)
    log_level: str = ""
    token: SecretStr = Field(default=SecretStr(""), repr=False)
    input: Annotated[list[StorageIO], BeforeValidator(_listed)] = Field(default_factory=list)
    output: Annotated[list[StorageIO], BeforeValidator(_listed)] = Field(default_factory=list)
    expose: Expose = Field(default_factory=Expose)
    environment: Environment = Field(default_factory=Environment, repr=False)
    annotations: TextMap = Field(default_factory=dict)
    labels: TextMap = Field(default_factory=dict)
    vo: str = ""
    # Both can hold other systems' passwords, which a server gives back in clear (oscar.md §2.2, §2.5).
    storage_providers: dict[str, Any] | None = Field(default=None, repr=False)
    clusters: dict[str, Any] | None = Field(default=None, repr=False)
    owner: str = ""
    namespace: str = ""
    interlink_node_name: str = ""
    visibility: str = ""
    allowed_users: Texts = Field(default_factory=list)
    isolation_level: str = ""
    bucket_list: Texts = Field(default_factory=list)
    mount: Mount = Field(default_factory=Mount)
    volume: Volume | None = None
    volume_status: dict[str, Any] | None = None
    kserve: dict[str, Any] | None = Field(default=None, repr=False)
    federation: Federation | None = Field(default=None, repr=False)
    # Before 4.1; since then they are in ``federation`` (oscar.md §2.9).
    replicas: Any = Field(default=None, repr=False)
    delegation: str = ""
    rescheduler_threshold: int = 0
    deployment: Deployment | None = None

    def __repr__(self) -> str:
        # Short, and without fields: some hold what others must not read.
        return f"<service {self.name}: {self.image}>"

    __str__ = __repr__

    @property
    def tracked(self) -> bool:
        """Whether its script keeps the outputs of calls apart (DESIGN §6)."""
        return self.labels.get(TRACKED_LABEL) == "true"

    @property
    def first_output(self) -> StorageIO | None:
        """The first output in the cluster's own MinIO."""
        return next((place for place in self.output if place.is_minio), None)

    @property
    def home(self) -> str | None:
        """The bucket where call records of this service live: its first MinIO input, else output (DESIGN §6)."""
        return next((place.bucket for place in [*self.input, *self.output] if place.is_minio), None)

    def buckets(self) -> list[str]:
        """The buckets that go with the service when it is deleted (oscar.md §1.2)."""
        return sorted({place.bucket for place in [*self.input, *self.output] if place.is_minio})

    def as_stored(self) -> Service:
        """As a server keeps it (oscar.md §2.2, §2.4): defaults filled in, words spelled its way. To be compared."""
        filled: dict[str, Any] = {key: getattr(self, key) or value for key, value in DEFAULTS.items()}
        level = filled["log_level"].upper()
        filled |= {
            "log_level": level if level in LEVELS else DEFAULTS["log_level"],
            "isolation_level": self.isolation_level.upper(),
            "script": self.script.replace("\r\n", "\n").replace("\r", "\n"),
            "allowed_users": [user.strip() for user in self.allowed_users],
            "input": [place.as_stored(self.name).model_dump() for place in self.input],
            "output": [place.as_stored(self.name).model_dump() for place in self.output],
        }
        return Service.model_validate({**self.model_dump(), **filled})

    def holds(self, sent: Service) -> bool:
        """Whether this stored service is what was ``sent``; secrets are never told and labels only grow."""
        told = sent.model_fields_set - {"environment", "labels", "storage_providers", "clusters", "owner"}
        # What a release does not know, it does not keep.
        told -= {key for key in (*SINCE, *UNTIL) if key not in self.model_fields_set}
        there, said = (_known(one.as_stored(), told - RESPONSE_ONLY) for one in (self, sent))
        return all(_within(value, there[key]) if key in FILLED else value == there[key] for key, value in said.items())

    def to_wire(self, release: Release = NEWEST) -> dict[str, Any]:
        """What to send: only what was set, secrets in clear, nothing that the server makes up itself.

        Raises:
            InvalidRequest: it cannot be said to that release.

        """
        wire: dict[str, Any] = _plain(self.model_dump(exclude_unset=True, exclude=set(RESPONSE_ONLY)))
        return spelled({key: value for key, value in wire.items() if value is not None}, release)


def _known(value: Any, only: Collection[str] | None = None) -> Any:
    """A model without the keys that it only carries along, which no server may know."""
    if isinstance(value, Part):
        fields = type(value).model_fields
        return {key: _known(getattr(value, key)) for key in fields if only is None or key in only}
    return [_known(item) for item in value] if isinstance(value, list) else value


def _within(said: Any, there: Any) -> bool:
    """Whether a server has kept what was said, and may have filled in the rest."""
    if isinstance(said, dict) and isinstance(there, dict):
        return all(_within(value, there.get(key)) for key, value in said.items())
    if isinstance(said, list) and isinstance(there, list):
        return len(said) == len(there) and all(map(_within, said, there))
    return bool(said == there or not said)


def _plain(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
