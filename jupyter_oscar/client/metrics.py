"""How much a cluster's services were used: hours and requests over a span of time (since 4.0, oscar.md §1.8)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from .errors import InvalidRequest, ServiceNotFound

if TYPE_CHECKING:
    from .cluster import Cluster

By = Literal["service", "user", "country"]
# The metrics that a server gives for one service; it knows more words and refuses them.
OF_A_SERVICE: Final = (
    "cpu-hours",
    "gpu-hours",
    "requests-sync-per-service",
    "requests-async-per-service",
    "requests-exposed-per-service",
    "users-per-service",
)


def _listed(value: Any) -> Any:
    return [] if value is None else value


class Source(BaseModel):
    """Where numbers come from; unless its status is ``ok``, zeros may only mean that nobody counted."""

    model_config = ConfigDict(extra="ignore")
    name: str = ""
    status: str = ""
    last_updated: datetime | None = None
    notes: str = ""


class Country(BaseModel):
    """Requests from one country."""

    model_config = ConfigDict(extra="ignore")
    country: str = ""
    request_count: int = 0


Countries = Annotated[list[Country], BeforeValidator(_listed)]
Users = Annotated[list[str], BeforeValidator(_listed)]
Sources = Annotated[list[Source], BeforeValidator(_listed)]


class Totals(BaseModel):
    """Everything that one may see, together. Hours are of one CPU or GPU."""

    model_config = ConfigDict(extra="ignore")
    services_count_active: int = 0
    services_count_total: int = 0
    cpu_hours_total: float = 0
    gpu_hours_total: float = 0
    requests_count_total: int = 0
    requests_count_sync: int = 0
    requests_count_async: int = 0
    requests_count_exposed: int = 0
    countries_count: int = 0
    countries: Countries = Field(default_factory=list)
    users_count: int = 0
    users: Users = Field(default_factory=list)


class Summary(BaseModel):
    """Totals between two moments."""

    model_config = ConfigDict(extra="ignore")
    start: datetime
    end: datetime
    totals: Totals
    sources: Sources = Field(default_factory=list)

    @property
    def uncounted(self) -> list[str]:
        """The sources that were not read in full."""
        return [source.name for source in self.sources if source.status != "ok"]


class Item(BaseModel):
    """One service, user or country of a breakdown; what does not apply is None."""

    model_config = ConfigDict(extra="ignore")
    key: str
    membership: str | None = None
    executions_count: int | None = None
    requests_count_total: int | None = None
    requests_count_sync: int | None = None
    requests_count_async: int | None = None
    requests_count_exposed: int | None = None
    unique_users_count: int | None = None
    users: Users = Field(default_factory=list)
    countries: Countries = Field(default_factory=list)


class Value(BaseModel):
    """One number of a service."""

    model_config = ConfigDict(extra="ignore")
    metric: str
    value: float = 0
    unit: str = ""
    sources: Sources = Field(default_factory=list)


class Metrics:
    """The metrics of one cluster; users see those of services they may see. Without a span: the last 24 hours."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def summary(self, start: datetime | None = None, end: datetime | None = None) -> Summary:
        """Totals of all services."""
        what = "Reading the metrics"
        return Summary.model_validate(
            await self._cluster.json("GET", "/system/metrics", what=what, params=_span(start, end))
        )

    async def breakdown(
        self, by: By, start: datetime | None = None, end: datetime | None = None, *, users: bool = False
    ) -> list[Item]:
        """The same by service, user or country; with ``users`` also whose requests they were."""
        params = {"group_by": by, **_span(start, end), **({"include_users": "true"} if users else {})}
        found = await self._cluster.json(
            "GET", "/system/metrics/breakdown", what=f"Reading the metrics by {by}", params=params
        )
        return [Item.model_validate(row) for row in found.get("items") or ()]

    async def breakdown_csv(self, by: By, start: datetime | None = None, end: datetime | None = None) -> str:
        """The breakdown as a table in text, as the server writes it."""
        params = {"group_by": by, "format": "csv", **_span(start, end)}
        what = f"Reading the metrics by {by}"
        return (await self._cluster.request("GET", "/system/metrics/breakdown", what=what, params=params)).text

    async def of(self, service: str, start: datetime | None = None, end: datetime | None = None) -> list[Value]:
        """All numbers of one service.

        Raises:
            ServiceNotFound: there is none, or it is not the caller's to see.

        """
        what = f'Reading the metrics of "{service}"'
        found = await self._cluster.json(
            "GET", "/system/metrics", service, what=what, missing=ServiceNotFound, params=_span(start, end)
        )
        return [Value.model_validate(row) for row in found.get("metrics") or ()]

    async def value(
        self, service: str, metric: str, start: datetime | None = None, end: datetime | None = None
    ) -> Value:
        """One number of one service; ``OF_A_SERVICE`` names them.

        Raises:
            InvalidRequest: there is no such metric.

        """
        if metric not in OF_A_SERVICE:
            msg = f'"{metric}" is no metric of a service.'
            raise InvalidRequest(msg, hint=f"There are {', '.join(OF_A_SERVICE)}.")
        params = {"metric": metric, **_span(start, end)}
        what = f'Reading {metric} of "{service}"'
        found = await self._cluster.json(
            "GET", "/system/metrics", service, what=what, missing=ServiceNotFound, params=params
        )
        return Value.model_validate(found)


def _span(start: datetime | None, end: datetime | None) -> dict[str, str]:
    """As RFC 3339; a moment without a zone is local, as Python has it."""
    return {
        name: moment.astimezone().isoformat(timespec="seconds")
        for name, moment in (("start", start), ("end", end))
        if moment is not None
    }
