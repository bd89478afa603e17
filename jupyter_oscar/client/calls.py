"""A call: our record of one invocation, and everything that can be found again by its id (DESIGN §6).

``submit`` stages the input under a prefix that triggers nothing, writes a small record and submits the job *by
reference* with the call's id as the job's name (oscar.md §0.3): the name is known at once, and sending it twice is
safe. The truth lies in the bucket: ``.oscar/calls/<id>.json``. Ids begin with the service's name and sort by time.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Mapping, Sequence  # noqa: TC003 - the record's model needs them at run time
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from . import prologue
from .answers import decode
from .errors import (
    AlreadyExists,
    JobNotFound,
    NotAllowed,
    NotAuthenticated,
    ObjectNotFound,
    OutputsNotAttributable,
    RunFailed,
    ServiceNotFound,
    TrackingRefused,
    UpstreamFailed,
)
from .jobs import Facts, log_end
from .staging import event, staged_key
from .transfers import Object

if TYPE_CHECKING:
    from .answers import Answer
    from .cluster import Cluster
    from .service import Service
    from .transfers import Sent

RECORDS: Final = ".oscar/calls"
FORMAT: Final = 1

# How many submissions of one cluster are under way at once; more only queue at the server's door.
IN_FLIGHT: Final = 48


@dataclass(frozen=True)
class Payload:
    """The input of a call: a name and bytes, or a local file."""

    name: str
    data: bytes | Path

    @classmethod
    def file(cls, path: Path) -> Payload:
        """A local file under its own name."""
        return cls(path.name, path)

    async def content(self) -> bytes:
        """The bytes, read if need be."""
        return self.data if isinstance(self.data, bytes) else await asyncio.to_thread(self.data.read_bytes)


class Call(BaseModel):
    """The record of a call: no environment, token or address is in it (DESIGN §6)."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    format: int = FORMAT
    id: str
    service: str
    created: datetime
    bucket: str
    key: str = ""
    name: str = ""
    size: int | None = None
    sha256: str | None = None
    tracked: bool = False
    outputs: tuple[str, ...] = ()
    cancelled: datetime | None = None

    @property
    def reference(self) -> str:
        """How to name it another day: ``service/id``."""
        return f"{self.service}/{self.id}"

    @property
    def record(self) -> str:
        """The key of the record."""
        return f"{RECORDS}/{self.id}.json"

    @property
    def place(self) -> tuple[str, str] | None:
        """Bucket and folder of a tracked call's outputs."""
        if not self.tracked or not self.outputs:
            return None
        bucket, _, folder = self.outputs[0].partition("/")
        return bucket, "/".join(part for part in (folder, self.id) if part)


def new_id(service: str) -> str:
    """A name for a job: ``<service>-<milliseconds since 1970><random>``, at most 61 of 63 allowed characters."""
    return f"{service}-{time.time_ns() // 1_000_000:011x}{secrets.token_hex(5)}"


class Calls:
    """The calls of one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._gate = asyncio.Semaphore(IN_FLIGHT)
        self._own_bucket: str | None = None
        self._made_bucket = False

    async def plan(self, service_name: str, name: str) -> Call:
        """The record that a submission of an input called ``name`` would write.

        Asks the server for the service, and for who we are, only the first time.

        Raises:
            ServiceNotFound: there is no such service.
            TrackingRefused: the label says tracked, but the script stored on the server has no prologue.

        """
        service = await self._cluster.services.known(service_name)
        await self._cluster.config()
        if service.home is None:
            await self._bucket_of_ours()
        return self.plan_known(service, name)

    def plan_known(self, service: Service, name: str) -> Call:
        """The same for a service that is known, without asking anybody."""
        if service.tracked and prologue.OPENS not in service.script:
            msg = f'"{service.name}" is labelled as tracked, but its script on the cluster does not keep outputs apart.'
            raise TrackingRefused(msg, hint="Deploy it again with jupyter-oscar, or remove the label.")
        identity = new_id(service.name)
        return Call(
            id=identity,
            service=service.name,
            created=datetime.now(timezone.utc),
            bucket=service.home or self._own_bucket or "",
            key=staged_key(identity, name, tracked=service.tracked),
            name=name,
            tracked=service.tracked,
            outputs=tuple(place.path.strip(" /") for place in service.output if place.is_minio),
        )

    async def submit(self, service_name: str, payload: Payload) -> Call:
        """Stage, record and submit one call; returns when the server has accepted it."""
        return await self.commit(await self.plan(service_name, payload.name), payload)

    async def commit(self, call: Call, payload: Payload) -> Call:
        """Carry out a planned call: two PUTs and one POST. Safe to repeat after a failure."""
        async with self._gate:
            call = await self._stage(call, payload)
            await self._post(call, await self._cluster.services.known(call.service))
        return call

    async def _stage(self, call: Call, payload: Payload) -> Call:
        store = self._cluster.store
        try:
            if isinstance(payload.data, bytes):
                # The digest is known beforehand, so both go at once.
                staged = _with_digest(call, payload.data)
                await asyncio.gather(
                    store.put(call.bucket, call.key, payload.data), store.put(call.bucket, call.record, _dump(staged))
                )
                return staged
            staged = _sent(call, await store.put(call.bucket, call.key, payload.data))
        except NotAllowed:
            # Not ours to write to: a shared service. The call then lives in a bucket of the caller (DESIGN §6).
            own = await self._bucket_of_ours()
            if own == call.bucket:
                raise
            return await self._stage(call.model_copy(update={"bucket": own}), payload)
        await store.put(call.bucket, call.record, _dump(staged))
        return staged

    async def _post(self, call: Call, service: Service) -> None:
        access_key = (await self._cluster.config()).minio_provider.access_key
        body = json.dumps(event(call, access_key), separators=(",", ":")).encode()
        for attempt in range(2):
            try:
                await self._cluster.request(
                    "POST",
                    "/job",
                    service.name,
                    what=f'Submitting to "{service.name}"',
                    missing=ServiceNotFound,
                    content=body,
                    headers={
                        "Authorization": f"Bearer {service.token.get_secret_value()}",
                        "X-Delegated-Job-ID": call.id,
                        "Content-Type": "application/json",
                    },
                    repeatable=True,
                )
            except AlreadyExists:
                # Our own id: an earlier try of this very call arrived after all.
                return
            except NotAuthenticated:
                # A service made anew under the old name has another token.
                if attempt:
                    raise
                service = await self._cluster.services.get(service.name)
            else:
                return

    async def run(self, service_name: str, payload: Payload) -> Answer:
        """Call a service and wait for its answer (at most 300 s, the server's own limit).

        Raises:
            RunFailed: the container ended badly; the error holds what it printed.

        """
        from .cluster import RUN

        body = base64.b64encode(await payload.content())
        service = await self._cluster.services.known(service_name)
        for attempt in range(2):
            try:
                response = await self._cluster.request(
                    "POST",
                    "/run",
                    service.name,
                    what=f'Calling "{service.name}"',
                    missing=ServiceNotFound,
                    content=body,
                    headers={"Authorization": f"Bearer {service.token.get_secret_value()}"},
                    timeout=RUN,
                )
                return decode(response.text)
            except NotAuthenticated:
                if attempt:
                    raise
                service = await self._cluster.services.get(service_name)
            except UpstreamFailed as error:
                raise _run_failed(service, error) from error
        raise AssertionError  # pragma: no cover - the second try returns or raises

    async def find(self, reference: str) -> Call:
        """A call by ``service/id``, from the record in its bucket.

        Raises:
            ServiceNotFound, JobNotFound: it is not there.

        """
        service_name, _, identity = reference.strip("/").partition("/")
        if not identity:
            msg = f'"{reference}" does not name a call.'
            raise JobNotFound(msg, hint='Name it "service/id".')
        service = await self._cluster.services.known(service_name)
        for bucket in dict.fromkeys((service.home or "", await self._bucket_of_ours(make=False))):
            if bucket and (call := await self._read(bucket, identity)):
                return call
        if await self._cluster.jobs.has_log(service_name, identity):
            created = datetime.now(timezone.utc)
            return Call(id=identity, service=service_name, created=created, bucket=service.home or "")
        msg = f'No call "{identity}" of service "{service_name}" is recorded.'
        raise JobNotFound(msg, hint="Its record may have been cleared, or the id is of another cluster.")

    async def _read(self, bucket: str, identity: str) -> Call | None:
        try:
            return Call.model_validate_json(await self._cluster.store.get(bucket, f"{RECORDS}/{identity}.json"))
        except (ObjectNotFound, NotAllowed):
            return None
        except ValidationError as error:
            msg = f"The record of {identity} in {bucket} cannot be read."
            raise JobNotFound(msg) from error

    async def recorded(self, since: datetime, *, known: Mapping[str, Call]) -> dict[str, Call]:
        """The calls recorded since then, of every service, by id. Those already ``known`` are not read again.

        One listing for each bucket that holds records: ids sort by time.
        """
        services = await self._cluster.services.list()
        homes = {service.name: service.home or await self._bucket_of_ours(make=False) for service in services}
        found: dict[str, Call] = {}
        for service, bucket in homes.items():
            after = f"{RECORDS}/{service}-{int(since.timestamp() * 1000):011x}"
            async for identity in self._ids(bucket, service, after):
                call = known.get(identity) or await self._read(bucket, identity)
                if call is not None:
                    found[identity] = call
        return found

    async def _ids(self, bucket: str, service: str, after: str) -> AsyncIterator[str]:
        try:
            async for row in self._cluster.store.list(bucket, RECORDS, after=after):
                name = PurePosixPath(row.key)
                if not name.stem.startswith(f"{service}-"):
                    return
                if name.suffix == ".json":
                    yield name.stem
        except (ObjectNotFound, NotAllowed):
            return

    async def look(self, call: Call) -> Facts:
        """What is known of a call now: one listing and, where it has ended, one read; else its own log.

        The server's list of jobs is not read: see ``watch`` for that.
        """
        facts = await self.look_in_bucket(call)
        if facts.done is not None:
            return facts
        if call.tracked and not call.cancelled:
            return replace(facts, has_log=await self._cluster.jobs.has_log(call.service, call.id))
        return replace(facts, **await self.look_in_log(call))

    async def look_in_bucket(self, call: Call) -> Facts:
        """What the bucket says of a call."""
        facts = Facts(tracked=call.tracked, cancelled=call.cancelled is not None)
        if call.place is None:
            return facts
        objects = [row async for row in self._cluster.store.list(*call.place)]
        return await self.from_objects(call, objects, facts)

    async def look_in_buckets(self, calls: Sequence[Call]) -> dict[str, Facts]:
        """What the buckets say of many tracked calls: one listing for all whose outputs lie in one folder.

        Ids sort by time, so a listing need only go from the oldest to the newest of them.
        """
        groups: dict[tuple[str, str], dict[str, Call]] = {}
        for call in calls:
            if call.place is not None:
                bucket, folder = call.place
                groups.setdefault((bucket, folder.rpartition("/")[0]), {})[call.id] = call
        found: dict[str, Facts] = {}
        for (bucket, folder), members in groups.items():
            if len(members) == 1:
                (call,) = members.values()
                found[call.id] = await self._look_for_one(call)
                continue
            objects = await self._list_between(bucket, folder, members)
            for name, call in members.items():
                facts = Facts(tracked=True, cancelled=call.cancelled is not None)
                found[name] = await self.from_objects(call, objects[name], facts)
        return found

    async def _look_for_one(self, call: Call) -> Facts:
        """For one call alone: its record is asked for first, which is cheaper than a listing that shows it missing."""
        if call.place is not None:
            bucket, folder = call.place
            try:
                await self._cluster.store.get(bucket, f"{folder}/{prologue.DONE}")
            except ObjectNotFound:
                return Facts(tracked=True, cancelled=call.cancelled is not None)
        return await self.look_in_bucket(call)

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

    async def from_objects(self, call: Call, objects: Sequence[Object], facts: Facts) -> Facts:
        """The same from a listing that somebody else made."""
        if call.place is None or not objects:
            return facts
        bucket, folder = call.place
        sizes = {row.key[len(folder) + 1 :]: row.size for row in objects}
        if prologue.DONE not in sizes:
            return replace(facts, has_outputs=True)
        done = prologue.parse_done(await self._cluster.store.get(bucket, f"{folder}/{prologue.DONE}"))
        complete = all(sizes.get(output.name) == output.size for output in done.outputs)
        return replace(facts, has_outputs=True, done=done, outputs_complete=complete)

    async def look_in_log(self, call: Call) -> dict[str, Any]:
        """What the call's own log says, as fields of :class:`Facts`."""
        try:
            text = await self._cluster.jobs.log(call.service, call.id)
        except JobNotFound:
            # We noted that we would end it before we did; without a log it is ended.
            return {"has_log": False, "row_gone": call.cancelled is not None}
        return {"has_log": True, "log_end": log_end(text)}

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
        for path in call.outputs:
            bucket, _, folder = path.partition("/")
            async for row in self._cluster.store.list(bucket, folder):
                if call.id in row.key:
                    ours.append((bucket, row))
                elif row.modified >= call.created:
                    newer.append(f"{bucket}/{row.key}")
        if not ours and newer:
            msg = f"It cannot be told which outputs are of {call.reference}: no object's name carries its id."
            hint = (
                f"Newer than the call: {', '.join(newer[:5])}. "
                'Label the service jupyter-oscar/tracked: "true" to keep calls apart.'
            )
            raise OutputsNotAttributable(msg, candidates=newer, hint=hint)
        return ours

    async def cancel(self, call: Call) -> Call:
        """End a job and note that it was us; its log is kept beside the record, since the server forgets it."""
        try:
            text = await self._cluster.jobs.log(call.service, call.id)
            await self._cluster.store.put(call.bucket, f"{RECORDS}/{call.id}.log", text.encode())
        except JobNotFound:
            pass
        cancelled = call.model_copy(update={"cancelled": datetime.now(timezone.utc)})
        await self._cluster.store.put(call.bucket, call.record, _dump(cancelled))
        await self._cluster.jobs.delete(call.service, call.id)
        self._cluster.watch.cancelled(cancelled)
        return cancelled

    async def log(self, call: Call) -> str:
        """The whole log so far, from the server or, after a cancel, from beside the record."""
        try:
            return await self._cluster.jobs.log(call.service, call.id)
        except JobNotFound:
            try:
                return (await self._cluster.store.get(call.bucket, f"{RECORDS}/{call.id}.log")).decode()
            except ObjectNotFound:
                pass
            raise

    async def _bucket_of_ours(self, *, make: bool = True) -> str:
        """``oscar-calls-<8 hex of uid>``, for calls of services that have no bucket we may write to."""
        if self._own_bucket is None:
            import hashlib

            uid = (await self._cluster.config()).minio_provider.access_key
            self._own_bucket = f"oscar-calls-{hashlib.sha256(uid.encode()).hexdigest()[:8]}"
        if make and not self._made_bucket:
            with contextlib.suppress(AlreadyExists):
                await self._cluster.buckets.create(self._own_bucket)
            self._made_bucket = True
        return self._own_bucket


def _with_digest(call: Call, data: bytes) -> Call:
    import hashlib

    return call.model_copy(update={"size": len(data), "sha256": hashlib.sha256(data).hexdigest()})


def _sent(call: Call, sent: Sent) -> Call:
    return call.model_copy(update={"size": sent.size, "sha256": sent.sha256})


def _dump(call: Call) -> bytes:
    return call.model_dump_json(exclude_none=True).encode()


def _run_failed(service: Service, error: UpstreamFailed) -> RunFailed:
    said = error.upstream or ""
    if error.status == 502 and not said:  # noqa: PLR2004
        msg = f'"{service.name}" has no synchronous side on this cluster.'
        return RunFailed(msg, hint="Submit it as a job.", status=error.status)
    last = next((line for line in reversed(said.splitlines()) if line.strip()), "it does not say why")
    msg = f'"{service.name}" failed before its script ended: {last}'
    return RunFailed(msg, hint="", status=error.status, upstream=said)
