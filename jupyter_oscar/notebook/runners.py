"""The runners of functions as a cell sees them."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from jupyter_oscar.client.errors import ServiceNotFound
from jupyter_oscar.client.runners import Runners as Client
from jupyter_oscar.client.runners import describe

from . import shown
from .bridge import bridge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .cluster import Cluster


class Runners:
    """Services that functions run on: ``oscar.runners().remove("fn-…")``, ``oscar.runners().remove()`` for all."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._client = Client(cluster.client)
        self._read()

    def _read(self) -> None:
        self._rows = bridge.run(self._client.list())

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[str]:
        return iter([service.name for service in self._rows])

    def __contains__(self, name: object) -> bool:
        return any(service.name == name for service in self._rows)

    def remove(self, name: str | None = None) -> Runners:
        """Remove one, or all, **with its bucket: the inputs, results and records of every call it ran**."""
        if name is not None and name not in self:
            msg = f'There is no runner "{name}" on {self._cluster.name}.'
            raise ServiceNotFound(msg, hint="oscar.runners() lists them.")
        gone = [service for service in self._rows if name in (None, service.name)]
        for service in gone:
            self._cluster.delete(service.name)
            buckets = ", ".join(service.buckets())
            print(f"Removed {service.name} with its bucket {buckets}: inputs, results and records of its calls.")  # noqa: T201
        self._read()
        return self

    def _cells(self) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = []
        for service in self._rows:
            said = describe(service)
            ours = "this machine" if self._client.key_of(service) else "another machine"
            resources = f"{said['cpu']} CPU, {said['memory']}"
            rows.append((service.name, said["python"], said["image"], said["packages"], resources, ours))
        return rows

    def __repr__(self) -> str:
        if not self._rows:
            return "No runners. The first submit() of a function makes one."
        lines = ["  ".join(cell for cell in row if cell) for row in self._cells()]
        return "\n".join([*lines, "Removing one removes its bucket too: oscar.runners().remove(name)."])

    def _repr_html_(self) -> str:
        if not self._rows:
            return escape(repr(self))
        titles = ("runner", "python", "image", "packages", "resources", "made by")
        note = "<p>Removing one removes its bucket too: <code>oscar.runners().remove(name)</code>.</p>"
        return shown.table(titles, self._cells()) + note


def runners(cluster: Cluster | None = None) -> Runners:
    """The runners that functions of yours run on."""
    from .functions import default

    return Runners(cluster or default())
