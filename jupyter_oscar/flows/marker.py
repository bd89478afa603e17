"""The mark that tells our groups in an engine from everybody else's: it stands in the group's ``comments``.

A sentence for whoever reads it there, then one line of JSON. Listing and deleting touch marked groups only.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Final

KEY: Final = "jupyter-oscar"


@dataclass(frozen=True)
class Marker:
    """What a deployment wrote about itself.

    ``digest`` is the snapshot's; ``seals`` tell whether a secret has changed, to the machine whose key's fingerprint is
    ``sealed_by``; ``queues`` and ``notifications`` name what was made in AWS, as ``flows.aws`` words it; ``at`` is a
    time in ISO 8601, UTC.
    """

    flow: str
    digest: str
    at: str = ""
    seals: dict[str, str] = field(default_factory=dict)
    sealed_by: str = ""
    bridged: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    notifications: tuple[str, ...] = ()

    def write(self) -> str:
        """The text for ``comments``."""
        said = {key: value for key, value in asdict(self).items() if value}
        line = json.dumps({KEY: said}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return f"Deployed by jupyter-oscar; change it through its file.\n{line}"


def read(comments: str | None) -> Marker | None:
    """The marker in a group's ``comments``, or None: then the group is not ours."""
    for line in reversed((comments or "").splitlines()):
        if line.startswith(f'{{"{KEY}"'):
            return _parse(line)
    return None


def _parse(line: str) -> Marker | None:
    try:
        said = json.loads(line)[KEY]
        bridged, queues, notifications = (
            tuple(map(str, said.get(key, ()))) for key in ("bridged", "queues", "notifications")
        )
        seals = {str(name): str(seal) for name, seal in said.get("seals", {}).items()}
        at, sealed_by = (str(said.get(key, "")) for key in ("at", "sealed_by"))
        return Marker(str(said["flow"]), str(said["digest"]), at, seals, sealed_by, bridged, queues, notifications)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
