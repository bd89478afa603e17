"""Calls: submit, run, find again, cancel (DESIGN §6).

``submit`` stages the input under a prefix that triggers nothing, writes a small record and submits the job *by
reference* with the call's id as the job's name (oscar.md §0.3): the name is known at once, and sending it twice is
safe. The truth lies in the bucket: see ``records``; what a call left behind is read in ``traces``.
"""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from . import prologue
from .answers import decode
from .errors import (
    AlreadyExists,
    InvalidRequest,
    JobNotFound,
    JobNotIdentified,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    ObjectNotFound,
    RunFailed,
    ServiceNotFound,
    TrackingRefused,
    UpstreamFailed,
)
from .records import ID_LENGTH, RECORDS, Call, Records, dump, new_id
from .staging import event, staged_key
from .traces import Traces

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta
    from pathlib import Path

    from .answers import Answer
    from .cluster import Cluster
    from .jobs import Facts
    from .pending import Reason
    from .pruning import Pruned
    from .service import Service
    from .transfers import Sent

# How many inputs are under way to the storage at once, and how many jobs to the cluster; more only queue at its door.
IN_FLIGHT: Final = 48


@dataclass(frozen=True)
class Reference:
    """An object of the cluster's storage, to be copied there without passing through here."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class Payload:
    """The input of a call: a name and bytes, a local file, or an object of the cluster's storage."""

    name: str
    data: bytes | Path | Reference
    #: What tells it from another of its name, where its bytes are never twice the same.
    source: str | None = None

    @classmethod
    def file(cls, path: Path) -> Payload:
        """A local file under its own name."""
        return cls(path.name, path)

    async def content(self, cluster: Cluster) -> bytes:
        """The bytes, read if need be."""
        if isinstance(self.data, Reference):
            return await cluster.store.get(self.data.bucket, self.data.key)
        return self.data if isinstance(self.data, bytes) else await asyncio.to_thread(self.data.read_bytes)


class Calls(Traces):
    """The calls of one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self.records = Records(cluster)
        #: Who stages passes the one, who submits the other: while some calls are here, others are there.
        self.staging, self.posting = asyncio.Semaphore(IN_FLIGHT), asyncio.Semaphore(IN_FLIGHT)

    async def plan(self, service_name: str, name: str) -> Call:
        """The record that a submission of an input called ``name`` would write.

        Asks the server for the service, and for who we are, only the first time.

        Raises:
            ServiceNotFound: there is no such service.
            TrackingRefused: the label says tracked, but the script stored on the server has no prologue.

        """
        service = await self._cluster.services.known(service_name)
        await asyncio.gather(self._cluster.config(), self._cluster.names.ours())
        if service.home is None:
            await self.records.own_bucket()
        return self.plan_known(service, name)

    def plan_known(
        self, service: Service, name: str, *, identity: str | None = None, bucket: str | None = None
    ) -> Call:
        """The same for a service that is known, without asking anybody."""
        if service.tracked and prologue.OPENS not in service.script:
            msg = f'"{service.name}" is labelled as tracked, but its script on the cluster does not keep outputs apart.'
            raise TrackingRefused(msg, hint="Deploy it again with jupyter-oscar, or remove the label.")
        identity = identity or new_id(service.name)
        return Call(
            id=identity,
            service=service.name,
            created=datetime.now(timezone.utc),
            bucket=bucket or service.home or self.records.own or "",
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
        try:
            async with self.staging:
                call = await self._stage(call, payload)
            async with self.posting:
                await self.post(call, await self._cluster.services.known(call.service))
        except NotFound:
            # Its bucket or itself is gone, so the next call looks at the service anew.
            self._cluster.services.forget(call.service)
            raise
        return call

    async def _stage(self, call: Call, payload: Payload) -> Call:
        store = self._cluster.store
        try:
            if isinstance(payload.data, bytes):
                # The digest is known beforehand, so both go at once.
                staged = with_digest(call, payload.data)
                await asyncio.gather(
                    store.put(call.bucket, call.key, payload.data, sha256=False),
                    store.put(call.bucket, call.record, dump(staged), sha256=False),
                )
                return staged
            staged = await self.stage(call, payload)
        except NotAllowed:
            # Not ours to write to: a shared service. The call then lives in a bucket of the caller (DESIGN §6).
            own = await self.records.own_bucket()
            if own == call.bucket:
                raise
            return await self._stage(call.model_copy(update={"bucket": own}), payload)
        await store.put(call.bucket, call.record, dump(staged))
        return staged

    async def stage(self, call: Call, payload: Payload) -> Call:
        """Store the input where the job will look for it; the record is not written."""
        store, data = self._cluster.store, payload.data
        if isinstance(data, Reference):
            await store.copy(data.bucket, data.key, call.bucket, call.key)
            return call.model_copy(update={"source": str(data)})
        return _sent(call, await store.put(call.bucket, call.key, data)).model_copy(update={"source": payload.source})

    async def post(self, call: Call, service: Service) -> None:
        """Submit a call whose input is staged. Sending it again is safe: a job of that name is this very call."""
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
                    # An older server would start a second job.
                    repeatable=await self._cluster.names.ours(),
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

    async def run(self, service_name: str, payload: Payload, *, token: str | None = None) -> Answer:
        """Call a service and wait for its answer (at most 300 s, the server's own limit).

        With the service's own ``token`` nothing else of the cluster is asked.

        Raises:
            RunFailed: the container ended badly; the error holds what it printed.
            InvalidRequest: the service has no synchronous side there.

        """
        body = base64.b64encode(await payload.content(self._cluster))
        if token is not None:
            return await self._run(service_name, body, token)
        service = await self._cluster.services.known(service_name)
        try:
            return await self._run(service.name, body, service.token.get_secret_value())
        except NotAuthenticated:
            # A service made anew under the old name has another token.
            service = await self._cluster.services.get(service_name)
            return await self._run(service.name, body, service.token.get_secret_value())

    async def _run(self, service_name: str, body: bytes, token: str) -> Answer:
        from .policy import RUN

        try:
            response = await self._cluster.request(
                "POST",
                "/run",
                service_name,
                what=f'Calling "{service_name}"',
                missing=ServiceNotFound,
                content=body,
                headers={"Authorization": f"Bearer {token}"},
                timeout=RUN,
            )
        except UpstreamFailed as error:
            raise _run_failed(service_name, error) from error
        return decode(response.text)

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
        for bucket in dict.fromkeys((service.home or "", await self.records.own_bucket(make=False))):
            if bucket and (call := await self.records.read(bucket, identity)):
                return call
        if await self._cluster.jobs.has_log(service_name, identity):
            created = datetime.now(timezone.utc)
            return Call(id=identity, service=service_name, created=created, bucket=service.home or "")
        msg = f'No call "{identity}" of service "{service_name}" is recorded.'
        raise JobNotFound(msg, hint="Its record may have been cleared, or the id is of another cluster.")

    async def newest(self, service_name: str, most: int) -> list[str]:
        """The ids of the calls of a service that were recorded last, newest first: one listing, no record is read.

        Of a map those in whose names the records of a hundred lie.
        """
        service = await self._cluster.services.known(service_name)
        bucket = service.home or await self.records.own_bucket(make=False)
        names = [PurePosixPath(row.key) async for row in self._cluster.store.list(bucket, RECORDS)]
        ids = [name.stem for name in names if name.suffix == ".json" and name.stem.startswith(f"{service.name}-")]
        return sorted((one for one in ids if len(one) == len(service.name) + ID_LENGTH), reverse=True)[:most]

    async def recorded(self, since: datetime, *, known: Mapping[str, Call]) -> dict[str, Call]:
        """The calls recorded since then; see :meth:`Records.recorded`."""
        return await self.records.recorded(since, known=known)

    async def why(self, call: Call, facts: Facts | None = None) -> Sequence[Reason]:
        """Why a call has not begun, or did not end well, in words; nothing where all is well.

        Its row in the server's list is not read, since that costs a request for each job of the service.
        """
        from .endings import bad_end
        from .jobs import State, state
        from .pending import Reason, why

        facts = facts or await self.look(call)
        if state(facts) in {State.QUEUED, State.PENDING}:
            return await why(self._cluster, await self._cluster.services.known(call.service))
        bad = await bad_end(self._cluster, call, facts)
        return [Reason("end", str(bad))] if bad else ()

    async def prune(self, older: timedelta | None = None, *, dry: bool = False) -> Pruned:
        """Clear what old calls left of ours; see :func:`.pruning.prune`."""
        from .pruning import MONTH, prune

        return await prune(self._cluster, MONTH if older is None else older, dry=dry)

    async def cancel(self, call: Call) -> Call:
        """End a job and note that it was us; its log is kept beside the record, since the server forgets it."""
        name = await self._cluster.names.of(call)
        try:
            text = await self._cluster.jobs.log(call.service, name)
            await self._cluster.store.put(call.bucket, f"{RECORDS}/{call.id}.log", text.encode())
        except JobNotFound:
            pass
        cancelled = call.model_copy(update={"cancelled": datetime.now(timezone.utc)})
        await self.records.put(cancelled)
        await self._cluster.jobs.delete(call.service, name)
        self._cluster.watch.cancelled(cancelled)
        return cancelled

    async def log(self, call: Call) -> str:
        """The whole log so far, from the server or, after a cancel, from beside the record."""
        try:
            return await self._cluster.jobs.log(call.service, await self._cluster.names.of(call))
        except (JobNotFound, JobNotIdentified):
            try:
                return (await self._cluster.store.get(call.bucket, f"{RECORDS}/{call.id}.log")).decode()
            except ObjectNotFound:
                pass
            raise


def with_digest(call: Call, data: bytes) -> Call:
    """The record with size and digest of its input."""
    import hashlib

    return call.model_copy(update={"size": len(data), "sha256": hashlib.sha256(data).hexdigest()})


def _sent(call: Call, sent: Sent) -> Call:
    return call.model_copy(update={"size": sent.size, "sha256": sent.sha256})


def _run_failed(service: str, error: UpstreamFailed) -> RunFailed | InvalidRequest:
    said = error.upstream or ""
    if error.status == 502 and not said:  # noqa: PLR2004
        msg = f'"{service}" has no synchronous side on this cluster.'
        return InvalidRequest(msg, hint="Submit it as a job.", status=error.status)
    last = next((line for line in reversed(said.splitlines()) if line.strip()), "it does not say why")
    msg = f'"{service}" failed before its script ended: {last}'
    return RunFailed(msg, hint="", status=error.status, upstream=said)
