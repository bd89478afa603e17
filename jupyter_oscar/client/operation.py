"""What an operator of a cluster reads and sets: who called what, which images are allowed (oscar.md §1.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, field_validator

from .errors import NotAllowed, NotAuthenticated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .cluster import Cluster


class Request(BaseModel):
    """A call of a service as the cluster's own log has it; times are in its words."""

    model_config = ConfigDict(extra="ignore")
    timestamp: str = ""
    status: int = 0
    latency: str = ""
    client_ip: str = ""
    method: str = ""
    path: str = ""
    user: str = ""

    @field_validator("timestamp")
    @classmethod
    def _first_word(cls, value: str) -> str:
        """A server asked for timestamps puts more into this field (wire Z009)."""
        return value.split(" ", 1)[0]


class Operation:
    """One cluster as its operator sees it."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def requests(self, *, previous: bool = False) -> Sequence[Request]:
        """The ``/run`` and ``/job`` calls in the log of OSCAR's pod, oldest first, or of the pod before it.

        Raises:
            NotAllowed: one is neither the admin nor among those the cluster names as such.

        """
        params = {"previous": "true"} if previous else None
        what = f"Reading the requests of {self._cluster.profile.name}"
        found = await self._cluster.json("GET", "/system/logs", what=what, params=params)
        return [Request.model_validate(row) for row in found.get("logs") or ()]

    async def allowed_images(self) -> Sequence[str]:
        """What an image's name must contain one of; with none, every image is allowed."""
        return (await self._cluster.config(fresh=True)).allowed_image_repositories or ()

    async def allow_images(self, parts: Sequence[str]) -> Sequence[str]:
        """Set what an image's name must contain one of; with none, every image is allowed (since 4.0).

        Raises:
            NotAllowed: only the admin may.

        """
        body: dict[str, Any] = {"allowed_image_repositories": list(parts)}
        what = "Setting the allowed images"
        try:
            found = await self._cluster.json("PUT", "/system/config", what=what, json=body)
        except NotAuthenticated as error:
            if (error.upstream or "").strip() != '""':
                raise
            # How a server tells a user that this is the admin's (oscar.md §1.1).
            msg = f"{what} failed: only the cluster's admin may."
            raise NotAllowed(msg, status=error.status) from error
        await self._cluster.config(fresh=True)
        return found or ()
