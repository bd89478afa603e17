"""A service: what it is, and what can be done with it.

The model reads tolerantly (null lists, unknown keys, both shapes of ports) and writes what the server takes. The fields
and their meaning are those of oscar.md §2.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from .errors import AlreadyExists, OscarError, SecretWouldBeBlanked, ServiceNotFound, UpstreamFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .cluster import Cluster

TRACKED_LABEL: Final = "jupyter-oscar/tracked"
SCHEMA_ANNOTATION: Final = "jupyter-oscar/input-schema"

# The server makes these up; sending them back is at best useless (oscar.md §2.2, §10.8).
RESPONSE_ONLY: Final = frozenset({"namespace", "volume_status", "deployment", "bucket_list", "token"})


def _port_list(value: Any) -> Any:
    """A scalar before 4.1.0, a list from 4.1.0 (oscar.md §6.1); 0 means none."""
    ports = value if isinstance(value, list) else [value]
    return [port for port in ports if port]


def _text(value: Any) -> Any:
    """A quantity that YAML read as a number; the server wants text (wire B005). Booleans stay wrong."""
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _listed(value: Any) -> Any:
    return [] if value is None else value


def _mapped(value: Any) -> Any:
    return {} if value is None else value


Quantity = Annotated[str, BeforeValidator(_text)]
Ports = Annotated[list[int], BeforeValidator(_port_list)]
Texts = Annotated[list[str], BeforeValidator(_listed)]
TextMap = Annotated[dict[str, str], BeforeValidator(_mapped)]
SecretMap = Annotated[dict[str, SecretStr], BeforeValidator(_mapped)]


class Part(BaseModel):
    """Base of a service and its parts: unknown keys are kept, so that reading and writing back loses nothing."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)


class StorageIO(Part):
    """An input or output folder: ``path`` is ``bucket/folder`` (oscar.md §2.4)."""

    storage_provider: str = "minio.default"
    path: str
    prefix: Texts = Field(default_factory=list)
    suffix: Texts = Field(default_factory=list)

    @property
    def is_minio(self) -> bool:
        """Whether it lies in the cluster's own MinIO (``minio`` is short for ``minio.default``)."""
        return self.storage_provider.strip().lower() in {"minio", "minio.default"}

    @property
    def bucket(self) -> str:
        """The first segment of the path."""
        return self.path.strip(" /").partition("/")[0]

    @property
    def folder(self) -> str:
        """The rest of the path, without slashes at its ends."""
        return self.path.strip(" /").partition("/")[2].strip("/")


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
    nodePort: Ports = Field(default_factory=list)  # noqa: N815 - OSCAR's spelling
    rewrite_target: bool = False
    default_command: bool = False
    set_auth: bool = False
    auth_type: str = ""
    health_path: str = ""
    probe_mode: str = ""


class Environment(Part):
    """Variables, and secrets whose values a server never gives back."""

    variables: TextMap = Field(default_factory=dict)
    secrets: SecretMap = Field(default_factory=dict)


class Mount(Part):
    """A bucket mounted in the service's pods (oscar.md §2.7)."""

    storage_provider: str = ""
    path: str = ""
    options: str = ""


class Volume(Part):
    """A volume of the service's pods (oscar.md §2.6)."""

    name: str = ""
    size: Quantity = ""
    mount_path: str = ""
    lifecycle_policy: str = ""


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
    synchronous: Annotated[Scale, BeforeValidator(_mapped)] = Field(default_factory=Scale)
    log_level: str = ""
    token: SecretStr = Field(default=SecretStr(""), repr=False)
    input: Annotated[list[StorageIO], BeforeValidator(_listed)] = Field(default_factory=list)
    output: Annotated[list[StorageIO], BeforeValidator(_listed)] = Field(default_factory=list)
    expose: Annotated[Expose, BeforeValidator(_mapped)] = Field(default_factory=Expose)
    environment: Annotated[Environment, BeforeValidator(_mapped)] = Field(default_factory=Environment, repr=False)
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
    mount: Annotated[Mount, BeforeValidator(_mapped)] = Field(default_factory=Mount)
    volume: Volume | None = None
    volume_status: dict[str, Any] | None = None
    kserve: dict[str, Any] | None = Field(default=None, repr=False)
    federation: dict[str, Any] | None = Field(default=None, repr=False)
    deployment: dict[str, Any] | None = None

    @property
    def kind(self) -> str:
        """``exposed``, ``async`` (a new file starts it) or ``sync``."""
        if self.expose.api_port:
            return "exposed"
        return "async" if self.input else "sync"

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

    def to_wire(self) -> dict[str, Any]:
        """What to send: only what was set, secrets in clear, nothing that the server makes up itself."""
        wire: dict[str, Any] = _plain(self.model_dump(exclude_unset=True, exclude=set(RESPONSE_ONLY)))
        return {key: value for key, value in wire.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


class Services:
    """The services of one cluster. Definitions are remembered, since a call needs only the token."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._known: dict[str, Service] = {}

    async def list(self) -> Sequence[Service]:
        """Every service the caller may see, by name."""
        rows = await self._cluster.json("GET", "/system/services", what="Listing the services")
        services = sorted((Service.model_validate(row) for row in rows or ()), key=lambda service: service.name)
        self._known = {service.name: service for service in services}
        return services

    async def get(self, name: str) -> Service:
        """One service, fresh from the server.

        Raises:
            ServiceNotFound: there is none of that name, or the caller may not see it.

        """
        what = f'Reading service "{name}"'
        row = await self._cluster.json("GET", "/system/services", name, what=what, missing=ServiceNotFound)
        self._known[name] = Service.model_validate(row)
        return self._known[name]

    async def known(self, name: str) -> Service:
        """The service as last seen; asks the server only the first time."""
        return self._known.get(name) or await self.get(name)

    async def create(self, service: Service) -> Service:
        """Create a service and return it as the server stored it. Takes 6 to 10 s on a real cluster.

        Raises:
            AlreadyExists: a service, or one of its buckets, exists already.
            OscarError: whatever the server says; after a 5xx the message says whether anything was stored.

        """
        await self._write("POST", service, f'Creating service "{service.name}"')
        return await self.get(service.name)

    async def update(self, service: Service) -> Service:
        """Replace a service by ``service`` and return it as stored. The owner is kept.

        Raises:
            SecretWouldBeBlanked: the stored service has a secret that ``service`` gives no value for.
            ServiceNotFound: there is nothing to replace.

        """
        old = await self.get(service.name)
        _keep_secrets(old, service)
        # An admin's PUT stores whatever owner it is sent, and nothing blanks it (oscar.md §0.3 point 3).
        owned = service.model_copy(update={"owner": old.owner})
        await self._write("PUT", owned, f'Updating service "{service.name}"')
        return await self.get(service.name)

    async def delete(self, name: str) -> None:
        """Delete a service **and its input and output buckets with all objects in them** (oscar.md §1.2)."""
        from .cluster import WRITE

        what = f'Deleting service "{name}"'
        try:
            await self._cluster.request(
                "DELETE", "/system/services", name, what=what, missing=ServiceNotFound, timeout=WRITE
            )
        except UpstreamFailed as error:
            if await self._exists(name):
                raise
            msg = f"{error.message} The service itself is gone."
            raise UpstreamFailed(msg, hint="Look for buckets it left behind.", status=error.status) from error
        finally:
            self._known.pop(name, None)

    async def _write(self, method: str, service: Service, what: str) -> None:
        from .cluster import WRITE

        self._known.pop(service.name, None)
        try:
            await self._cluster.request(
                method, "/system/services", what=what, missing=ServiceNotFound, json=service.to_wire(), timeout=WRITE
            )
        except AlreadyExists as error:
            if error.upstream and "bucket" in error.upstream:
                raise AlreadyExists(
                    error.message, hint="Delete that bucket, or name another in the FDL.", status=error.status
                ) from error
            msg = f'{what} failed: a service named "{service.name}" exists.'
            raise AlreadyExists(
                msg, hint="Deploy with update=True to replace it, or choose another name.", status=error.status
            ) from error
        except UpstreamFailed as error:
            # A real server answers 500 to writes that it has stored (oscar.md §0.3 point 2).
            after = "It was stored all the same." if await self._stored(service) else "It was not stored."
            msg = f"{error.message} {after}"
            raise UpstreamFailed(msg, hint=error.hint, status=error.status, upstream=error.upstream) from error

    async def _exists(self, name: str) -> bool:
        try:
            await self.get(name)
        except OscarError:
            return False
        return True

    async def _stored(self, sent: Service) -> bool:
        """Whether the server now holds what was sent; secrets are never told and labels only grow."""
        if not await self._exists(sent.name):
            return False
        stored, wanted = self._known[sent.name].to_wire(), sent.to_wire()
        untold = {"environment", "labels", "storage_providers", "clusters", "owner"}
        return all(stored.get(key) == value for key, value in wanted.items() if key not in untold)


def _keep_secrets(old: Service, new: Service) -> None:
    given = {key for key, value in new.environment.secrets.items() if value.get_secret_value()}
    blanked = sorted(set(old.environment.secrets) - given)
    if blanked:
        names = ", ".join(blanked)
        msg = f'Updating service "{new.name}" would blank its secrets: {names}.'
        raise SecretWouldBeBlanked(msg, hint="Give each a value under environment.secrets; a server never tells them.")
