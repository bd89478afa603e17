"""What a user may use of a cluster, and uses (since 3.7, oscar.md §1.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from .errors import InvalidRequest, NotAuthenticated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .cluster import Cluster


class Limit(NamedTuple):
    """One line of a quota in the server's units: CPU in millicores, memory in bytes, the rest as it says."""

    what: str
    used: str
    most: str


class VolumeLimits(BaseModel):
    """Of volumes: altogether, how many, and of each; quantities such as ``5Gi``. What is None stays as it is."""

    model_config = ConfigDict(extra="forbid")
    disk: str | None = None
    volumes: str | None = None
    max_disk_per_volume: str | None = None
    min_disk_per_volume: str | None = None


class StorageLimits(BaseModel):
    """Of buckets: how many, and how large each may be; ``0`` is no limit. What is None stays as it is."""

    model_config = ConfigDict(extra="forbid")
    buckets: str | None = None
    storage_per_bucket: str | None = None


class Limits(BaseModel):
    """What to set of a user's quota, as Kubernetes quantities; what is None stays as it is.

    ``cpu``, ``memory``, ``ephemeral_storage`` and ``gpu`` need Kueue on the cluster; ``gpu`` never alone.
    """

    model_config = ConfigDict(extra="forbid")
    cpu: str | None = None
    memory: str | None = None
    ephemeral_storage: str | None = None
    gpu: str | None = None
    volumes: VolumeLimits | None = None
    minio: StorageLimits | None = None


class Quotas:
    """The quotas of one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def of(self, user: str | None = None) -> Mapping[str, Any]:
        """A user's quota as the server says it: one's own, or as admin anybody's.

        Raises:
            InvalidRequest: the admin has none of their own.
            NotAllowed: only the admin sees those of others.

        """
        path = ("/system/quotas/user", user) if user else ("/system/quotas/user",)
        what = f'Reading the quota of "{user}"' if user else "Reading your quota"
        try:
            found: dict[str, Any] = await self._cluster.json("GET", *path, what=what)
        except NotAuthenticated as error:
            if "missing user identificator" not in (error.upstream or ""):
                raise
            msg = "The cluster's admin has no quota."
            raise InvalidRequest(msg, hint="Name a user.", status=error.status) from error
        return found

    async def set(self, user: str, limits: Limits) -> Mapping[str, Any]:
        """Set a user's quota, as the admin; the new quota as the server says it.

        Raises:
            NotAllowed: only the admin may.
            UpstreamFailed: the cluster has no Kueue, which limits CPUs, memory and GPUs.

        """
        body = limits.model_dump(exclude_none=True)
        what = f'Setting the quota of "{user}"'
        found: dict[str, Any] = await self._cluster.json("PUT", "/system/quotas/user", user, what=what, json=body)
        return found

    async def limits(self, user: str | None = None) -> Sequence[Limit]:
        """The same as lines; a limit of 0 in the storage means that there is none."""
        return list(lines(await self.of(user)))


def lines(quota: Mapping[str, Any]) -> Iterator[Limit]:
    """A quota as the server says it, line by line."""
    for name, value in sorted((quota.get("resources") or {}).items()):
        yield Limit(name, str(value.get("used", "")), str(value.get("max", "")))
    for group in ("volumes", "minio"):
        for name, value in sorted((quota.get(group) or {}).items()):
            if isinstance(value, dict):
                yield Limit(f"{group} {name}", str(value.get("used", "")), str(value.get("max", "")))
            else:
                yield Limit(f"{group} {name}", "", str(value))
