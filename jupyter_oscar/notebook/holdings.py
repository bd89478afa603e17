"""What one has on a cluster and may use of it, as a cell sees it: volumes, quota, nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_oscar.client.errors import VolumeNotFound
from jupyter_oscar.client.quantities import shown as amount
from jupyter_oscar.client.quotas import Limit
from jupyter_oscar.client.status import Node
from jupyter_oscar.client.volumes import ManagedVolume

from .bridge import bridge
from .tables import Rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_oscar.client.cluster import Cluster as Client
    from jupyter_oscar.client.status import Status


class Volumes(Rows[ManagedVolume]):
    """Volumes that outlive services: ``create``, ``delete``."""

    titles = ("volume", "size", "state", "used by")
    nothing = 'No volumes. Make one: cluster.volumes.create(name, "1Gi").'

    def __init__(self, client: Client) -> None:
        self._client = client
        super().__init__(bridge.run(client.volumes.list()))

    def cells(self, row: ManagedVolume) -> Sequence[str]:
        """The words of one row."""
        return row.name, row.size, row.status.phase, ", ".join(one.service_name for one in row.attachments)

    def named(self, name: str) -> ManagedVolume:
        """The volume of that name.

        Raises:
            VolumeNotFound: there is none.

        """
        found = next((volume for volume in self if volume.name == name), None)
        if found is None:
            msg = f'No volume "{name}" on {self._client.profile.name}.'
            raise VolumeNotFound(msg)
        return found

    def create(self, name: str, size: str) -> Volumes:
        """Make a volume of a size such as ``1Gi``."""
        bridge.run(self._client.volumes.create(name, size))
        return self._again()

    def delete(self, name: str) -> Volumes:
        """Delete a volume **with everything on it**; refused while a service has it."""
        bridge.run(self._client.volumes.delete(name))
        return self._again()

    def _again(self) -> Volumes:
        self[:] = bridge.run(self._client.volumes.list())
        return self


class Quota(Rows[Limit]):
    """What a user may use, and uses, in the server's units."""

    titles = ("what", "used", "limit")
    nothing = "No quota."


class Nodes(Rows[Node]):
    """The machines of a cluster; ``status`` has the rest of what it said."""

    titles = ("node", "state", "CPU", "memory", "GPUs", "kind")
    nothing = "The cluster does not measure its machines."

    def __init__(self, status: Status) -> None:
        self.status = status
        super().__init__(status.nodes)

    def cells(self, row: Node) -> Sequence[str]:
        """The words of one row."""
        return (
            row.name,
            ", ".join(filter(None, [row.state, *row.troubles])),
            _part(row.cpu_used, row.cpu, lambda number: f"{number / 1000:g}"),
            _part(row.memory_used, row.memory, amount),
            str(row.gpus or ""),
            "virtual" if row.virtual else "",
        )


def _part(used: int | None, whole: int | None, word: Any) -> str:
    if whole is None:
        return ""
    return f"{word(used)} of {word(whole)}" if used is not None else str(word(whole))
