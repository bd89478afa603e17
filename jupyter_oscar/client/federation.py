"""Which clusters share a service (since 4.1, oscar.md §1.9). Read only: the route that writes checks no ownership."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import ServiceNotFound
from .service import Federation

if TYPE_CHECKING:
    from .cluster import Cluster


async def federation(cluster: Cluster, service: str) -> Federation:
    """Who shares a service; of ``Federation`` only topology and members.

    Raises:
        ServiceNotFound: there is none of that name.

    """
    found: Any = await cluster.json(
        "GET", "/system/federation", service, what=f'Asking who shares "{service}"', missing=ServiceNotFound
    )
    return Federation.model_validate(found)
