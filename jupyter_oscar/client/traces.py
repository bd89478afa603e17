"""Traces: what calls leave behind in buckets and logs, and what is to be read from it (DESIGN §6).

Nothing here is asked once per call where many are looked for: one listing of a folder serves all whose outputs lie
there, and what it shows to have ended is read together.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from . import prologue
from .errors import JobNotFound, JobNotIdentified, NotAllowed, ObjectNotFound, OutputsNotAttributable
from .jobs import Facts, log_end
from .obstore_errors import BucketMissing
from .records import ID_LENGTH
from .transfers import Object

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .cluster import Cluster
    from .records import Call

# How many ends are read at once.
READS: Final = 16


class Traces:
    """What the calls of one cluster left behind."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def look(self, call: Call) -> Facts:
        """What is known of a call now: one listing and, where it has ended, one read; else its own log.

        The server's list of jobs is not read: see ``watch`` for that.
        """
        facts = await self.look_in_bucket(call)
        if facts.done is not None:
            return facts
        if call.tracked and not call.cancelled:
            return replace(facts, has_log=await self.has_log(call))
        return replace(facts, **await self.look_in_log(call))

    async def has_log(self, call: Call) -> bool:
        """Whether a call's log has begun; where its job's name would have to be searched for, that is not known."""
        name = await self._cluster.names.known(call)
        return name is not None and await self._cluster.jobs.has_log(call.service, name)

    async def look_in_bucket(self, call: Call) -> Facts:
        """What the bucket says of a call."""
        facts = Facts(tracked=call.tracked, cancelled=call.cancelled is not None)
        if call.place is None:
            return facts
        objects = [row async for row in self._cluster.store.list(*call.place)]
        return await self.from_objects(call, objects, facts)

    async def look_in_buckets(self, calls: Sequence[Call], *, gone: bool = False) -> dict[str, Facts]:
        """What the buckets say of many tracked calls: one listing for all whose outputs lie in one folder.

        Ids sort by time, so a listing need only go from the oldest to the newest of them.

        Raises:
            BucketMissing: a bucket is no more; with ``gone`` it is its calls that are said to be gone.

        """
        groups: dict[tuple[str, str], dict[str, Call]] = {}
        for call in calls:
            if call.place is not None:
                bucket, folder = call.place
                groups.setdefault((bucket, folder.rpartition("/")[0]), {})[call.id] = call
        found: dict[str, Facts] = {}
        for (bucket, folder), members in groups.items():
            try:
                found |= await self._look_in_folder(bucket, folder, members)
            except BucketMissing:
                if not gone:
                    raise
                found |= {name: Facts(row_gone=True, cancelled=bool(call.cancelled)) for name, call in members.items()}
        return found

    async def _look_in_folder(self, bucket: str, folder: str, members: dict[str, Call]) -> dict[str, Facts]:
        if len(members) == 1:
            return {name: await self._look_for_one(call) for name, call in members.items()}
        objects = await self._list_between(bucket, folder, members)
        gate = asyncio.Semaphore(READS)

        async def read(call: Call, rows: Sequence[Object]) -> Facts:
            async with gate:
                facts = Facts(tracked=True, cancelled=call.cancelled is not None)
                return await self.from_objects(call, rows, facts)

        found = await asyncio.gather(*(read(members[name], rows) for name, rows in objects.items()))
        return dict(zip(objects, found, strict=True))

    async def _look_for_one(self, call: Call) -> Facts:
        """For one call alone: its record is asked for first, which is cheaper than a listing that shows it missing."""
        if call.place is None:
            return await self.look_in_bucket(call)
        facts = Facts(tracked=True, cancelled=call.cancelled is not None)
        bucket, folder = call.place
        try:
            done = await self._cluster.store.get(bucket, f"{folder}/{prologue.DONE}")
        except BucketMissing:
            raise
        except ObjectNotFound:
            return facts
        objects = [row async for row in self._cluster.store.list(bucket, folder)]
        return await self.from_objects(call, objects, facts, done)

    async def _list_between(self, bucket: str, folder: str, members: dict[str, Call]) -> dict[str, list[Object]]:
        found: dict[str, list[Object]] = {name: [] for name in members}
        newest, start = max(members), len(folder) + 1 if folder else 0
        after = f"{folder}/{min(members)}".strip("/")
        async for row in self._cluster.store.list(bucket, folder, after=after):
            name = row.key[start:].partition("/")[0]
            if name > newest:
                break
            if name in found:
                found[name].append(row)
        return found

    async def from_objects(
        self, call: Call, objects: Sequence[Object], facts: Facts, content: bytes | None = None
    ) -> Facts:
        """The same from a listing that somebody else made, and from its record if that was read too."""
        if call.place is None or not objects:
            return facts
        bucket, folder = call.place
        sizes = {row.key[len(folder) + 1 :]: row.size for row in objects}
        if prologue.DONE not in sizes:
            return replace(facts, has_outputs=True)
        if content is None:
            content = await self._cluster.store.get(bucket, f"{folder}/{prologue.DONE}")
        try:
            done = prologue.parse_done(content)
        except ValueError:
            # Not what the prologue writes: it tells nothing.
            return replace(facts, has_outputs=True)
        complete = all(sizes.get(output.name) == output.size for output in done.outputs)
        return replace(facts, has_outputs=True, done=done, outputs_complete=complete)

    async def with_outputs(self, calls: Sequence[Call]) -> set[str]:
        """Which of these untracked calls have an object that carries their id: one listing for each output folder."""
        ids = {call.id for call in calls}
        found: set[str] = set()
        for service, path in sorted({(call.service, path) for call in calls for path in call.outputs}):
            bucket, _, folder = path.partition("/")
            async for row in self._cluster.store.list(bucket, folder):
                found.update(ids.intersection(_ids_in(row.key, service)))
        return found

    async def look_in_log(self, call: Call) -> dict[str, Any]:
        """What the call's own log says, as fields of :class:`Facts`."""
        try:
            text = await self._cluster.jobs.log(call.service, await self._cluster.names.of(call))
        except JobNotIdentified:
            return {"has_log": False}
        except JobNotFound:
            # We noted that we would end it before we did; without a log it is ended.
            return {"has_log": False, "row_gone": call.cancelled is not None}
        return {"has_log": True, "log_end": log_end(text)}

    async def staged_at(self, call: Call) -> datetime:
        """When a call's input was stored, by the storage's own clock: ours may be another."""
        with contextlib.suppress(ObjectNotFound, NotAllowed):
            async for row in self._cluster.store.list(call.bucket, call.key.rpartition("/")[0]):
                if row.key == call.key:
                    return row.modified
        return call.created

    async def outputs(self, call: Call, facts: Facts | None = None) -> list[tuple[str, Object]]:
        """Bucket and object of each output of an ended call. With the ``facts`` of a tracked one, nothing is asked.

        Raises:
            OutputsNotAttributable: the service is not tracked and no object's key carries the call's id.

        """
        if call.place is not None:
            bucket, folder = call.place
            if facts and facts.done and facts.outputs_complete:
                ended = datetime.fromtimestamp(facts.done.ended, timezone.utc)
                return [(bucket, Object(f"{folder}/{one.name}", one.size, ended)) for one in facts.done.outputs]
            rows = [row async for row in self._cluster.store.list(bucket, folder)]
            return [(bucket, row) for row in rows if row.key != f"{folder}/{prologue.DONE}"]
        ours, newer = [], []
        staged = await self.staged_at(call)
        for path in call.outputs:
            bucket, _, folder = path.partition("/")
            async for row in self._cluster.store.list(bucket, folder):
                if call.id in row.key:
                    ours.append((bucket, row))
                elif row.modified >= staged:
                    newer.append(f"{bucket}/{row.key}")
        if not ours and newer:
            msg = f"It cannot be told which outputs are of {call.reference}: no object's name carries its id."
            hint = (
                f"Newer than the call: {', '.join(newer[:5])}. "
                'Label the service jupyter-oscar/tracked: "true" to keep calls apart.'
            )
            raise OutputsNotAttributable(msg, candidates=newer, hint=hint)
        return ours


def _ids_in(key: str, service: str) -> Iterator[str]:
    """What in a key may be the id of a call of that service."""
    at = key.find(f"{service}-")
    while at >= 0:
        yield key[at : at + len(service) + ID_LENGTH]
        at = key.find(f"{service}-", at + 1)
