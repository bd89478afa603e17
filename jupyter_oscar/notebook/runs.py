"""The named runs of a cluster as a cell sees them."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from . import shown
from .bridge import bridge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_oscar.client.runs import Manifest

    from .cluster import Cluster
    from .maps import Map


class Runs:
    """Named runs, newest first: ``cluster.runs["cats"]`` goes on with one, ``cluster.runs.forget("cats")`` ends it."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._rows = bridge.run(cluster.client.runs.list())

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[str]:
        return iter([run.name for run in self._rows])

    def __contains__(self, name: object) -> bool:
        return any(run.name == name for run in self._rows)

    def __getitem__(self, name: str) -> Map:
        return self.open(name)

    def open(self, name: str, service: str | None = None) -> Map:
        """A run with all inputs it had; what was recorded and is missing is sent.

        Raises:
            RunNotFound: there is none of that name, or ``service`` must say which.
            RunChanged: its service is not what it was.

        """
        from .maps import Map

        run = bridge.run(self._cluster.client.runs.one(name, service))
        return Map.start(self._cluster, run.service, None, run=name)

    def forget(self, name: str, service: str | None = None) -> None:
        """Remove a run's name; its calls and their outputs stay."""
        bridge.run(self._cluster.client.runs.forget(name, service))
        self._rows = bridge.run(self._cluster.client.runs.list())

    def __repr__(self) -> str:
        if not self._rows:
            return 'No named runs. A map gets a name by run="…".'
        width = max(len(run.name) for run in self._rows)
        return "\n".join(f"{run.name:<{width}}  {_about(run)}" for run in self._rows)

    def _repr_html_(self) -> str:
        return (
            shown.table(
                ("name", "service", "calls", "begun"),
                [(run.name, run.service, f"{run.count:,}", _when(run)) for run in self._rows],
            )
            if self._rows
            else escape(repr(self))
        )


def _about(run: Manifest) -> str:
    return f"{run.service} · {run.count:,} calls · {_when(run)}"


def _when(run: Manifest) -> str:
    return run.created.astimezone().strftime("%Y-%m-%d %H:%M")
