"""``oscar.prune``: clearing what old calls left, on the cluster that ``connect()`` finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_oscar.client.pruning import Pruned

    from .cluster import Cluster


def prune(days: float = 30, *, dry: bool = False, cluster: Cluster | None = None) -> Pruned:
    """Clear records, kept logs and staged inputs of calls that are older; see :meth:`.Cluster.prune`."""
    from .functions import default

    return (cluster or default()).prune(days, dry=dry)
