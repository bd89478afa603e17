"""What a service, a bucket request and a presign request look like on the wire.

Each record is a tuple of fields in the order of OSCAR's Go struct, because answers keep that order (wire C002) and the
decoder names the struct in its errors (wire B005, B006).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .gojson import GoJSONError, kind, member

_SCALARS = {"string": "", "bool": False, "int": 0}


class Field(NamedTuple):
    """A field of a Go struct: its key in JSON and its type."""

    key: str
    type: str
    record: Record | None = None
    omit: bool = False

    def empty(self) -> Any:
        if self.record is not None and not self.type.startswith("[]"):
            return None if self.type.startswith("*") else self.record.empty()
        if self.type.startswith("[]"):
            return []
        return _SCALARS.get(self.type, {})


class Record(NamedTuple):
    """A Go struct."""

    name: str
    fields: tuple[Field, ...]

    def empty(self) -> dict[str, Any]:
        return {field.key: field.empty() for field in self.fields}


def _mismatch(value: Any, record: Record, path: str, wanted: str) -> GoJSONError:
    what = kind(value)
    if what == "number" and wanted == "int":
        what = f"number {value}"
    return GoJSONError(f"json: cannot unmarshal {what} into Go struct field {record.name}.{path} of type {wanted}")


def _read_scalar(value: Any, field: Field, record: Record, path: str) -> Any:
    fits = {"string": "string", "bool": "bool", "int": "number"}[field.type] == kind(value)
    if not fits:
        raise _mismatch_plain(value, record, path, field.type)
    if field.type == "int" and not isinstance(value, int):
        raise _mismatch(value, record, path, field.type)
    return value


def _mismatch_plain(value: Any, record: Record, path: str, wanted: str) -> GoJSONError:
    where = f"Go struct field {record.name}.{path} of type {wanted}"
    return GoJSONError(f"json: cannot unmarshal {kind(value)} into {where}")


def _read_list(value: Any, field: Field, record: Record, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise _mismatch_plain(value, record, path, field.type)
    inner = Field(field.key, field.type[2:], field.record)
    return [_read_value(item, inner, record, path) for item in value if item is not None]


def _read_map(value: Any, field: Field, record: Record, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _mismatch_plain(value, record, path, field.type)
    if field.type == "map[string]string":
        inner = Field(field.key, "string")
        return {key: "" if item is None else _read_scalar(item, inner, record, path) for key, item in value.items()}
    return value


def _read_value(value: Any, field: Field, record: Record, path: str) -> Any:
    if value is None:
        return field.empty()
    if field.type.startswith("[]"):
        return _read_list(value, field, record, path)
    if field.record is not None:
        if not isinstance(value, dict):
            raise _mismatch_plain(value, record, path, f"types.{field.record.name}")
        return read(value, field.record, path + ".")
    if field.type in _SCALARS:
        return _read_scalar(value, field, record, path)
    return _read_map(value, field, record, path)


def read(value: Any, record: Record, path: str = "") -> dict[str, Any]:
    """A record out of decoded JSON: any letter case, unknown keys ignored, Go's sentence for a wrong type."""
    if value is None:
        return record.empty()
    if not isinstance(value, dict):
        raise GoJSONError(f"json: cannot unmarshal {kind(value)} into Go value of type types.{record.name}")
    return {f.key: _read_value(member(value, f.key), f, record, path + f.key) for f in record.fields}


def show(value: dict[str, Any], record: Record) -> dict[str, Any]:
    """The record as OSCAR sends it: in the struct's order, without the empty fields that Go omits."""
    shown: dict[str, Any] = {}
    for field in record.fields:
        item = value.get(field.key, field.empty())
        if field.omit and item in (None, "", [], {}, 0, False):
            continue
        if field.record is not None and isinstance(item, dict):
            item = show(item, field.record)
        elif field.record is not None and isinstance(item, list):
            item = [show(each, field.record) for each in item]
        elif isinstance(item, dict):
            item = dict(sorted(item.items()))
        shown[field.key] = item
    return shown


STORAGE_IO = Record(
    "StorageIOConfig",
    (
        Field("storage_provider", "string"),
        Field("path", "string"),
        Field("suffix", "[]string", omit=True),
        Field("prefix", "[]string", omit=True),
        Field("options", "map", omit=True),
    ),
)

EXPOSE = Record(
    "Expose",
    (
        Field("min_scale", "int"),
        Field("max_scale", "int"),
        Field("api_port", "[]int", omit=True),
        Field("cpu_threshold", "int"),
        Field("rewrite_target", "bool"),
        Field("nodePort", "[]int", omit=True),
        Field("default_command", "bool"),
        Field("set_auth", "bool"),
        Field("auth_type", "string", omit=True),
        Field("health_path", "string"),
        Field("probe_mode", "string", omit=True),
    ),
)

ENVIRONMENT = Record("Environment", (Field("variables", "map[string]string"), Field("secrets", "map[string]string")))

VOLUME = Record(
    "Volume",
    (
        Field("name", "string", omit=True),
        Field("size", "string"),
        Field("mount_path", "string"),
        Field("lifecycle_policy", "string", omit=True),
    ),
)

REPLICA = Record(
    "Replica",
    (
        Field("type", "string"),
        Field("cluster_id", "string"),
        Field("service_name", "string"),
        Field("url", "string"),
        Field("ssl_verify", "bool"),
        Field("priority", "int"),
        Field("headers", "map[string]string"),
    ),
)

FEDERATION = Record(
    "Federation",
    (
        Field("group_id", "string"),
        Field("topology", "string"),
        Field("delegation", "string"),
        Field("rescheduler_threshold", "int"),
        Field("members", "[]types.Replica", REPLICA),
    ),
)

SERVICE = Record(
    "Service",
    (
        Field("name", "string"),
        Field("cluster_id", "string"),
        Field("memory", "string"),
        Field("cpu", "string"),
        Field("total_memory", "string"),
        Field("total_cpu", "string"),
        Field("ephemeral_storage_request", "string"),
        Field("enable_gpu", "bool"),
        Field("enable_sgx", "bool"),
        Field("image_prefetch", "bool"),
        Field("synchronous", "struct", Record("", (Field("min_scale", "int"), Field("max_scale", "int")))),
        Field("federation", "*Federation", FEDERATION, omit=True),
        Field("log_level", "string"),
        Field("image", "string"),
        Field("alpine", "bool"),
        Field("token", "string"),
        Field("file_stage_in", "bool"),
        Field("input", "[]types.StorageIOConfig", STORAGE_IO),
        Field("output", "[]types.StorageIOConfig", STORAGE_IO),
        Field("script", "string"),
        Field("image_pull_secrets", "[]string", omit=True),
        Field("expose", "struct", EXPOSE),
        Field("environment", "struct", ENVIRONMENT),
        Field("annotations", "map[string]string"),
        Field("vo", "string"),
        Field("labels", "map[string]string"),
        Field("storage_providers", "map"),
        Field("clusters", "map", omit=True),
        Field("owner", "string"),
        Field("namespace", "string"),
        Field("interlink_node_name", "string"),
        Field("visibility", "string"),
        Field("allowed_users", "[]string"),
        Field("isolation_level", "string"),
        Field("bucket_list", "[]string"),
        Field(
            "mount",
            "struct",
            Record(
                "",
                (Field("storage_provider", "string"), Field("path", "string"), Field("options", "string", omit=True)),
            ),
        ),
        Field("volume", "*Volume", VOLUME, omit=True),
        Field("kserve", "map", omit=True),
    ),
)

BUCKET = Record(
    "Bucket", (Field("bucket_name", "string"), Field("visibility", "string"), Field("allowed_users", "[]string"))
)

PRESIGN = Record(
    "PresignRequest",
    (
        Field("object_key", "string"),
        Field("operation", "string"),
        Field("expires_in", "int"),
        Field("content_type", "string"),
        Field("extra_headers", "map[string]string"),
    ),
)

CONFIG = Record("Config", (Field("allowed_image_repositories", "[]string"),))

VOLUME_REQUEST = Record("VolumeCreateRequest", (Field("name", "string"), Field("size", "string")))

QUOTA = Record(
    "QuotaUpdateRequest",
    (
        Field("cpu", "string"),
        Field("memory", "string"),
        Field("ephemeral_storage", "string"),
        Field("gpu", "string"),
        Field(
            "volumes",
            "struct",
            Record(
                "",
                (
                    Field("disk", "string"),
                    Field("volumes", "string"),
                    Field("max_disk_per_volume", "string"),
                    Field("min_disk_per_volume", "string"),
                ),
            ),
        ),
        Field("minio", "struct", Record("", (Field("buckets", "string"), Field("storage_per_bucket", "string")))),
    ),
)
