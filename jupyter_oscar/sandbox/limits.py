"""What a user may have: set by the admin, else the cluster's defaults (oscar.md §1.6, §1.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import quantities

if TYPE_CHECKING:
    from .sandbox import Sandbox

# 7Gi and 5 volumes, of which a shared claim takes 1Gi and one (oscar.md §0.3, point 11)
_VOLUMES = {"disk": "6Gi", "volumes": "4", "max_disk_per_volume": "5Gi", "min_disk_per_volume": "200Mi"}
_BUCKETS = {"buckets": "0", "storage_per_bucket": "0"}  # 0: as many as you like


def limits_of(sandbox: Sandbox, uid: str) -> dict[str, str]:
    return {**_VOLUMES, **_BUCKETS, **sandbox.database.config(f"quota {uid}", {})}


def change(sandbox: Sandbox, uid: str, given: dict[str, str]) -> None:
    kept = sandbox.database.config(f"quota {uid}", {})
    sandbox.database.put_config(f"quota {uid}", {**kept, **given})


def most_buckets(sandbox: Sandbox, uid: str) -> int:
    """0 when there is no limit."""
    return quantities.parse(limits_of(sandbox, uid)["buckets"]) or 0
