"""Records of calls: what we write down of each, and how it is found again (DESIGN §6).

All lies in the bucket the service calls its home, or in one of the caller's own where that may not be written to::

    .oscar/calls/<id>.json            one call
    .oscar/calls/<id of its first>.json   up to a hundred calls of a map: {"calls": [...]}
    .oscar/calls/<id>.log             the log of one that was cancelled, which the server forgets
    .oscar/runs/<service>/<name>.json a named map: see ``runs``

An id is the name of the job, so it has at most 63 characters. It begins with the service's name (at most 39) and sorts
by time::

    <service>-<11 hex: milliseconds since 1970><10 hex: random>                            one call
    <service>-<11 hex: of the map>m<3: random><5 hex: which of the map><1 hex: attempt>    one of a map

From the id of a map's call follows where its record lies: in that of its hundred, or, for a second and later attempt,
in one of its own. So each is found by one read.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import secrets
import time
from collections.abc import AsyncIterator, Mapping, Sequence  # noqa: TC003 - the record's model needs them at run time
from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from .errors import AlreadyExists, JobNotFound, NotAllowed, ObjectNotFound

if TYPE_CHECKING:
    from .cluster import Cluster
    from .index import Index
    from .transfers import Object

RECORDS: Final = ".oscar/calls"
FORMAT: Final = 1
# Calls of a map that share one record.
BLOCK: Final = 100
# How many calls a map can have, and how many attempts each.
MOST: Final = 16**5
ATTEMPTS: Final = 16
# Characters of an id after its service's name.
ID_LENGTH: Final = 22
# How many records are read at once.
READS: Final = 8
_OF_A_MAP: Final = re.compile(r"(?P<stem>.+-[0-9a-f]{11}m[0-9a-f]{3})(?P<number>[0-9a-f]{5})(?P<attempt>[0-9a-f])")


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
    #: Of a map: what else tells its input from another, and when the file was changed (nanoseconds since 1970).
    source: str | None = None
    modified: int | None = None
    run: str | None = None

    @property
    def reference(self) -> str:
        """How to name it another day: ``service/id``."""
        return f"{self.service}/{self.id}"

    @property
    def record(self) -> str:
        """The key of the record, which calls of a map share."""
        return record_of(self.id)

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


def new_stem(service: str) -> str:
    """What the ids of one map begin with."""
    return f"{service}-{time.time_ns() // 1_000_000:011x}m{secrets.token_hex(2)[:3]}"


class Place(NamedTuple):
    """Which call of a map: what its ids begin with, its number, and how often it has been sent before."""

    stem: str
    number: int
    attempt: int = 0

    @classmethod
    def of(cls, identity: str) -> Place | None:
        """Where an id belongs, or None for a call of its own."""
        found = _OF_A_MAP.fullmatch(identity)
        return cls(found["stem"], int(found["number"], 16), int(found["attempt"], 16)) if found else None

    @property
    def id(self) -> str:
        """The id."""
        return f"{self.stem}{self.number:05x}{self.attempt:x}"


def record_of(identity: str) -> str:
    """The key of the record that holds the call of this id."""
    place = Place.of(identity)
    if place is not None and not place.attempt:
        identity = place._replace(number=place.number - place.number % BLOCK).id
    return f"{RECORDS}/{identity}.json"


class Records:
    """The records of one cluster's calls."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        #: The caller's own bucket, once it has been asked for.
        self.own: str | None = None
        self._made_bucket = False
        self._one_by_one = asyncio.Lock()
        self._kept: Index | None = None

    async def put(self, call: Call) -> None:
        """Write the record of one call; of one that shares its record, by reading and writing the whole."""
        await self.put_all([call])

    async def put_all(self, calls: Sequence[Call]) -> None:
        """Write again the records of calls of one map, the rest of each record kept."""
        by_record: dict[str, list[Call]] = {}
        for call in calls:
            by_record.setdefault(call.record, []).append(call)
        async with self._one_by_one:
            for key, some in by_record.items():
                if not _shares(some[0].id):
                    await self._cluster.store.put(some[0].bucket, key, dump(some[0]))
                    continue
                there = await self._there(some[0].bucket, key)
                await self.put_block([*(there | {one.id: one for one in some}).values()])

    async def put_missing(self, calls: Sequence[Call]) -> None:
        """Write those that are not recorded: another kernel may have written a record of a run while we wrote it."""
        by_record: dict[str, list[Call]] = {}
        for call in calls:
            by_record.setdefault(call.record, []).append(call)
        for key, some in by_record.items():
            there = await self._there(some[0].bucket, key)
            if missing := [call for call in some if call.id not in there]:
                await self.put_all(missing)

    async def _there(self, bucket: str, key: str) -> dict[str, Call]:
        with contextlib.suppress(ObjectNotFound):
            return {call.id: call for call in await self.all_in(bucket, key)}
        return {}

    async def put_block(self, calls: Sequence[Call]) -> None:
        """Write one record for up to a hundred calls of a map."""
        body = ",".join(dump(call).decode() for call in calls)
        await self._cluster.store.put(calls[0].bucket, calls[0].record, f'{{"calls": [{body}]}}'.encode())

    async def read(self, bucket: str, identity: str) -> Call | None:
        """The record of a call, or None where there is none."""
        try:
            calls = await self.all_in(bucket, record_of(identity))
        except (ObjectNotFound, NotAllowed):
            return None
        return next((call for call in calls if call.id == identity), None)

    async def all_in(self, bucket: str, key: str) -> Sequence[Call]:
        """The calls that one record holds.

        Raises:
            ObjectNotFound: there is no such record.
            JobNotFound: it cannot be read.

        """
        return _parsed(bucket, key, await self._cluster.store.get(bucket, key))

    async def of_map(self, bucket: str, stem: str) -> Sequence[Call]:
        """Every recorded call of a map, the last attempt of each, in the order of their numbers."""
        keys = [row.key async for row in self._rows(bucket, stem, f"{RECORDS}/{stem}")]
        gate = asyncio.Semaphore(READS)

        async def read(key: str) -> Sequence[Call]:
            async with gate:
                return await self.all_in(bucket, key)

        last: dict[int, Call] = {}
        for call in (call for calls in await asyncio.gather(*map(read, keys)) for call in calls):
            place = Place.of(call.id)
            if place is not None and (place.number not in last or last[place.number].id < call.id):
                last[place.number] = call
        return [last[number] for number in sorted(last)]

    async def recorded(self, since: datetime, *, known: Mapping[str, Call]) -> dict[str, Call]:
        """The calls recorded since then, of every service, by id. Those already ``known`` are not read again.

        One listing for each bucket that holds records: ids sort by time.
        """
        services = await self._cluster.services.list()
        homes = {service.name: service.home or await self.own_bucket(make=False) for service in services}
        blocks: dict[str, list[Call]] = {}
        for call in known.values():
            blocks.setdefault(call.record, []).append(call)
        found: dict[str, Call] = {}
        for service, bucket in homes.items():
            after = f"{RECORDS}/{service}-{int(since.timestamp() * 1000):011x}"
            rows = [row async for row in self._rows(bucket, f"{service}-", after)]
            for row in rows:
                found.update({call.id: call for call in blocks.get(row.key, ())})
            for call in await self._read_all(bucket, [row for row in rows if row.key not in blocks]):
                found[call.id] = call
        return found

    async def _read_all(self, bucket: str, rows: Sequence[Object]) -> list[Call]:
        """The calls of many records: out of the index, and from the bucket what that does not know."""
        index = await self._index()
        known, gate = await index.read(bucket, rows), asyncio.Semaphore(READS)

        async def read(row: Object) -> bytes | None:
            async with gate:
                with contextlib.suppress(ObjectNotFound, NotAllowed):
                    return known.get(row.key) or await self._cluster.store.get(bucket, row.key)
            return None

        contents = dict(zip([row.key for row in rows], await asyncio.gather(*map(read, rows)), strict=True))
        await index.write(bucket, [(row, body) for row in rows if row.key not in known and (body := contents[row.key])])
        return [call for key, body in contents.items() if body for call in _parsed(bucket, key, body)]

    async def _index(self) -> Index:
        if self._kept is None:
            from .index import Index

            self._kept = Index(self._cluster.profile.endpoint, (await self._cluster.config()).minio_provider.access_key)
        return self._kept

    async def forget(self, bucket: str, keys: Sequence[str]) -> None:
        """Records that were removed."""
        await (await self._index()).forget(bucket, keys)

    async def _rows(self, bucket: str, beginning: str, after: str) -> AsyncIterator[Object]:
        """The records whose names begin so."""
        try:
            async for row in self._cluster.store.list(bucket, RECORDS, after=after):
                name = PurePosixPath(row.key)
                if not name.stem.startswith(beginning):
                    return
                if name.suffix == ".json":
                    yield row
        except (ObjectNotFound, NotAllowed):
            return

    async def own_bucket(self, *, make: bool = True) -> str:
        """``oscar-calls-<8 hex of uid>``, for calls of services that have no bucket we may write to."""
        if self.own is None:
            import hashlib

            uid = (await self._cluster.config()).minio_provider.access_key
            self.own = f"oscar-calls-{hashlib.sha256(uid.encode()).hexdigest()[:8]}"
        if make and not self._made_bucket:
            with contextlib.suppress(AlreadyExists):
                await self._cluster.buckets.create(self.own)
            self._made_bucket = True
        return self.own


def _parsed(bucket: str, key: str, content: bytes) -> Sequence[Call]:
    try:
        body = json.loads(content)
        return [Call.model_validate(row) for row in body.get("calls", [body])]
    except (ValidationError, ValueError, AttributeError) as error:
        msg = f"The record {bucket}/{key} cannot be read."
        raise JobNotFound(msg) from error


def _shares(identity: str) -> bool:
    place = Place.of(identity)
    return place is not None and not place.attempt


def dump(call: Call) -> bytes:
    """A record as it is stored."""
    return call.model_dump_json(exclude_none=True).encode()
