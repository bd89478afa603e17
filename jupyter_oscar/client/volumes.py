"""Volumes that outlive services (since 4.0, oscar.md §1.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from .errors import VolumeNotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .cluster import Cluster


class Attachment(BaseModel):
    """Where a service has a volume."""

    model_config = ConfigDict(extra="ignore")
    service_name: str
    mount_path: str = ""


class Status(BaseModel):
    """``pending``, ``ready``, ``in_use``, ``deleting`` or ``error``, and why."""

    model_config = ConfigDict(extra="ignore")
    phase: str = ""
    message: str = ""


class ManagedVolume(BaseModel):
    """A volume as OSCAR lists it; ``size`` is a Kubernetes quantity such as ``1Gi``."""

    model_config = ConfigDict(extra="ignore")
    name: str
    size: str = ""
    owner_user: str = ""
    creation_mode: str = ""
    created_by_service: str = ""
    lifecycle_policy: str = ""
    status: Status = Field(default_factory=Status)
    attachments: Annotated[list[Attachment], BeforeValidator(lambda value: value or [])] = Field(default_factory=list)


class Volumes:
    """The caller's volumes on one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def list(self) -> Sequence[ManagedVolume]:
        """Every volume, by name."""
        rows = await self._cluster.json("GET", "/system/volumes", what="Listing the volumes")
        return sorted((ManagedVolume.model_validate(row) for row in rows or ()), key=lambda one: one.name)

    async def get(self, name: str) -> ManagedVolume:
        """One volume.

        Raises:
            VolumeNotFound: there is none of that name.

        """
        what = f'Reading volume "{name}"'
        row = await self._cluster.json("GET", "/system/volumes", name, what=what, missing=VolumeNotFound)
        return ManagedVolume.model_validate(row)

    async def create(self, name: str, size: str) -> ManagedVolume:
        """Make a volume of a size such as ``1Gi``.

        Raises:
            AlreadyExists, QuotaExceeded, InvalidRequest: in the server's words.

        """
        body: dict[str, Any] = {"name": name, "size": size}
        row = await self._cluster.json("POST", "/system/volumes", what=f'Creating volume "{name}"', json=body)
        return ManagedVolume.model_validate(row)

    async def delete(self, name: str) -> None:
        """Delete a volume with everything on it; refused while a service has it.

        Raises:
            VolumeNotFound: there is none; a server would say nothing.

        """
        await self.get(name)
        what = f'Deleting volume "{name}"'
        await self._cluster.request("DELETE", "/system/volumes", name, what=what, missing=VolumeNotFound)
