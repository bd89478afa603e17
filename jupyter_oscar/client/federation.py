"""Which clusters share a service (since 4.1, oscar.md §1.9). Read only: the route that writes checks no ownership."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from .errors import ServiceNotFound

if TYPE_CHECKING:
    from .cluster import Cluster


class Replica(BaseModel):
    """A service of another cluster that takes over jobs; the lower its ``priority`` the sooner."""

    model_config = ConfigDict(extra="ignore")
    type: str = ""
    cluster_id: str = ""
    service_name: str = ""
    url: str = ""
    ssl_verify: bool = True
    priority: int = 0
    # They may carry a password.
    headers: Annotated[dict[str, str], BeforeValidator(lambda value: value or {})] = Field(
        default_factory=dict, repr=False
    )


class Federation(BaseModel):
    """``none``, ``star`` or ``mesh``, and the members."""

    model_config = ConfigDict(extra="ignore")
    topology: str = "none"
    members: Annotated[list[Replica], BeforeValidator(lambda value: value or [])] = Field(default_factory=list)


async def federation(cluster: Cluster, service: str) -> Federation:
    """Who shares a service.

    Raises:
        ServiceNotFound: there is none of that name.

    """
    found: Any = await cluster.json(
        "GET", "/system/federation", service, what=f'Asking who shares "{service}"', missing=ServiceNotFound
    )
    return Federation.model_validate(found)
