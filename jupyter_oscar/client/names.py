"""What the server calls a call's job.

Since 4.1 it takes our id for the name. An older server makes up its own and tells it to nobody, so it is found out only
when a log or a cancel is asked for: among the jobs that began about then, the one whose log shows the call's input. The
supervisor logs each key that it downloads (oscar.md §4.1); with a few reads it is found or not at all.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from .errors import JobNotFound, JobNotIdentified

if TYPE_CHECKING:
    from .cluster import Cluster
    from .records import Call

TAKES_OURS: Final = (4, 1)
READS: Final = 6
# Clocks differ by so much.
SKEW: Final = timedelta(minutes=1)
# A search that found nothing is not soon repeated.
AGAIN: Final = 10.0


class Names:
    """The names of the jobs of one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._found: dict[str, str] = {}
        self._due: dict[str, float] = {}

    async def ours(self) -> bool:
        """Whether a job is named as we say; asks the server for its version only once."""
        return (await self._cluster.info()).release >= TAKES_OURS

    async def known(self, call: Call) -> str | None:
        """The name, if it needs no search."""
        return call.id if await self.ours() else self._found.get(call.id)

    async def of(self, call: Call) -> str:
        """The name of a call's job.

        Raises:
            JobNotIdentified: the server is too old to tell, and no log near the call's time shows its input.

        """
        name = await self.known(call)
        if name is None and call.key and self._due.get(call.id, 0.0) <= time.monotonic():
            name = await self._search(call)
            self._due[call.id] = time.monotonic() + AGAIN
        if name is None:
            version = (await self._cluster.info()).version
            msg = (
                f"The job of {call.reference} cannot be told from others: OSCAR {version} does not say how it named it."
            )
            raise JobNotIdentified(msg, hint="It may not have begun yet. OSCAR 4.1 and later take our name for it.")
        return name

    async def _search(self, call: Call) -> str | None:
        taken = set(self._found.values())
        created = await self._cluster.calls.staged_at(call)
        near = [
            (abs(row.creation_time - created), name)
            for name, row in (await self._cluster.jobs.list(call.service)).items()
            if name not in taken and row.creation_time and row.creation_time >= created - SKEW
        ]
        for _, name in sorted(near)[:READS]:
            try:
                log = await self._cluster.jobs.log(call.service, name)
            except JobNotFound:
                continue
            if call.key in log:
                self._found[call.id] = name
                return name
        return None
