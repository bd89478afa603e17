"""The services of a cluster as a cell sees them: all by name, and those that were just deployed.

A definition is read into its model (``service``) only when it is asked for: building the models costs a fresh kernel
more than everything else that a list of names needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jupyter_oscar.client.errors import ServiceNotFound
from jupyter_oscar.client.services import Summary

from . import views

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from typing_extensions import Self

    from jupyter_oscar.client.cluster import Cluster as Client
    from jupyter_oscar.client.service import Service as Definition

    from .service import Service


class Services(Mapping[str, "Service"]):
    """The services of a cluster, by name, as they were when asked; shown in a cell, they stay current."""

    def __init__(self, rows: Sequence[dict[str, Any]], client: Client) -> None:
        self._keep(rows)
        self._client = client

    def _keep(self, rows: Sequence[dict[str, Any]]) -> None:
        self._rows = {str(row.get("name")): row for row in rows}

    async def _read_again(self) -> None:
        self._keep(await self._client.watch.services())

    @property
    def _cluster(self) -> str:
        return self._client.profile.name

    def __getitem__(self, name: str) -> Service:
        from .service import Service

        if name not in self._rows:
            msg = f'No service "{name}" on {self._cluster}.'
            raise ServiceNotFound(msg)
        return Service.model_validate(self._rows[name])

    def __contains__(self, name: object) -> bool:
        return name in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def _summaries(self) -> list[Summary]:
        return [Summary.of(row) for row in self._rows.values()]

    def __repr__(self) -> str:
        return views.services_text(self._summaries, self._cluster)

    def _repr_html_(self) -> str:
        return views.services_html(self._summaries, self._cluster)

    def _static(self) -> dict[str, Any]:
        return {"text/plain": repr(self), "text/html": self._repr_html_()}

    def _ipython_display_(self) -> None:
        from .live.services import ServicesView
        from .live.view import show

        # What a cell holds stays as it was when asked; what it shows is kept current.
        shown = Services(list(self._rows.values()), self._client)
        show(lambda: ServicesView(lambda: shown._summaries, shown._static, shown._read_again), self._static())


class Deployed(list["Service"]):
    """The services of a file that was just deployed, in its order."""

    def __init__(self, services: Iterable[Service], cluster: str) -> None:
        super().__init__(services)
        self._cluster = cluster

    @classmethod
    def of(cls, services: Iterable[Definition], cluster: str) -> Self:
        """As a cell shows them."""
        from .service import Service

        return cls(map(Service.shown, services), cluster)

    @property
    def _summaries(self) -> list[Summary]:
        return [service.summary for service in self]

    def __repr__(self) -> str:
        return views.services_text(self._summaries, self._cluster)

    def _repr_html_(self) -> str:
        return views.services_html(self._summaries, self._cluster)
