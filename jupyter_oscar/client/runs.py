"""Named runs: a map that has a name can be gone on with, by this kernel after a crash or by another at the same time.

The manifest ``.oscar/runs/<service>/<name>.json`` says what the ids of the run begin with and what the service was.
Beside it, ``<name>/<number>.names`` lists the inputs that are numbered from there on, as they were drawn. A number is
given once and for ever, in one kernel's turn (``turns``): whoever has an input of that name plans the same call, and
the cluster takes each id once. Which inputs were stored stands in the records of the calls (``records``).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections import Counter
from datetime import datetime, timezone
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from .errors import InvalidRequest, NotAllowed, ObjectNotFound, RunChanged, RunNotFound
from .records import BLOCK, MOST, new_stem
from .turns import turn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .cluster import Cluster
    from .service import Service

RUNS: Final = ".oscar/runs"
NAME: Final = re.compile(r"[\w][\w .-]{0,79}")
NAMES: Final = ".names"
# What of a service decides what its calls do.
FIELDS: Final = (
    "image",
    "script",
    "memory",
    "cpu",
    "enable_gpu",
    "input",
    "output",
    "interlink_node_name",
    "annotations",
)


# An input of a run: its name, and the how manieth of that name it is.
Input = tuple[str, int]


class Manifest(BaseModel):
    """What a run is. ``service_parts`` are digests, by field."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    name: str
    service: str
    stem: str
    created: datetime
    bucket: str
    count: int = 0
    service_parts: dict[str, str] = {}

    @property
    def key(self) -> str:
        """Where it lies."""
        return f"{_folder(self.service, self.name)}.json"


def parts(service: Service) -> dict[str, str]:
    """Digests of what decides what a service does; secrets are not among them."""
    wire = {field: service.model_dump(mode="json", include={field})[field] for field in FIELDS}
    wire["environment"] = dict(service.environment.variables)
    return {
        field: hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
        for field, value in wire.items()
    }


class Runs:
    """The named runs of one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def list(self, name: str | None = None) -> Sequence[Manifest]:
        """Every run of the services the caller may see, newest first; with ``name``, those called so."""
        records = self._cluster.calls.records
        own = await records.own_bucket(make=False)
        homes = {service.home or own for service in await self._cluster.services.list()} | {own}
        found: list[Manifest] = []
        for bucket in sorted(homes):
            found += [run for run in await self._in_bucket(bucket) if name in (None, run.name)]
        return sorted(found, key=lambda run: run.created, reverse=True)

    async def _in_bucket(self, bucket: str) -> Sequence[Manifest]:
        try:
            keys = [row.key async for row in self._cluster.store.list(bucket, RUNS) if row.key.endswith(".json")]
        except (ObjectNotFound, NotAllowed):
            return []
        read = await asyncio.gather(*(self._read(bucket, key) for key in keys))
        return [run for run in read if run]

    async def _read(self, bucket: str, key: str) -> Manifest | None:
        try:
            return Manifest.model_validate_json(await self._cluster.store.get(bucket, key))
        except (ObjectNotFound, NotAllowed):
            return None
        except ValidationError as error:
            msg = f"The manifest {bucket}/{key} cannot be read."
            raise RunNotFound(msg, hint="Remove it, or name the run otherwise.") from error

    async def one(self, name: str, service: str | None = None) -> Manifest:
        """The run of that name.

        Raises:
            RunNotFound: there is none, or more than one and ``service`` does not say which.

        """
        found = [run for run in await self.list(name) if service in (None, run.service)]
        if not found:
            msg = f'There is no run "{name}".'
            raise RunNotFound(msg, hint="`cluster.runs` lists them.")
        if len(found) > 1:
            services = ", ".join(run.service for run in found)
            msg = f'Several services have a run "{name}": {services}.'
            raise RunNotFound(msg, hint="Say which: service=.")
        return found[0]

    async def forget(self, name: str, service: str | None = None) -> None:
        """Remove the run's name; its calls, their records and outputs stay."""
        run = await self.one(name, service)
        rows = self._cluster.store.list(run.bucket, _folder(run.service, run.name))
        await self._cluster.store.delete(run.bucket, [run.key, *[row.key async for row in rows]])

    async def begin(
        self, name: str, service: Service, bucket: str, wanted: Sequence[Input]
    ) -> tuple[Manifest, bool, Sequence[int]]:
        """The run's manifest, whether it was there before, and the numbers of its inputs.

        Raises:
            RunChanged: the service is not what it was when the run began.

        """
        if not NAME.fullmatch(name):
            msg = f'"{name}" cannot name a run.'
            raise InvalidRequest(msg, hint="At most 80 letters, digits, spaces, dots, hyphens and underscores.")
        key = f"{_folder(service.name, name)}.json"
        if run := await self._read(bucket, key):
            return await self._known(run, service, wanted)
        async with turn(self._cluster.store, bucket, _folder(service.name, name)):
            if (theirs := await self._read(bucket, key)) is None:
                run = Manifest(
                    name=name,
                    service=service.name,
                    stem=new_stem(service.name),
                    created=datetime.now(timezone.utc),
                    bucket=bucket,
                    service_parts=parts(service),
                )
                return await self._number(run, wanted)
        return await self._known(theirs, service, wanted)

    async def names(self, name: str, service: Service) -> Sequence[str]:
        """The names of the inputs that a run has, in the order of their numbers; none where there is no run."""
        bucket = service.home or await self._cluster.calls.records.own_bucket(make=False)
        run = await self._read(bucket, f"{_folder(service.name, name)}.json")
        known = await self._numbers(run) if run else {}
        return [one for one, _ in sorted(known, key=known.__getitem__)]

    async def _known(
        self, run: Manifest, service: Service, wanted: Sequence[Input]
    ) -> tuple[Manifest, bool, Sequence[int]]:
        run, numbers = await self.number(_same(run, service), wanted)
        return run, True, numbers

    async def number(self, run: Manifest, wanted: Sequence[Input]) -> tuple[Manifest, Sequence[int]]:
        """The numbers of inputs: what any kernel has given, and new ones for the rest."""
        known = await self._numbers(run)
        if all(one in known for one in wanted):
            return run, [known[one] for one in wanted]
        async with turn(self._cluster.store, run.bucket, _folder(run.service, run.name)):
            now, _, numbers = await self._number(run, wanted)
        return now, numbers

    async def _number(self, run: Manifest, wanted: Sequence[Input]) -> tuple[Manifest, bool, Sequence[int]]:
        """The same in our turn. New numbers begin with a hundred of their own, so that a record has one writer."""
        known = await self._numbers(run)
        new = [one for one in wanted if one not in known]
        first = (max(known.values(), default=-1) // BLOCK + 1) * BLOCK
        if first + len(new) > MOST:
            msg = f'The run "{run.name}" has {len(known):,} inputs, and takes at most {MOST:,}.'
            raise InvalidRequest(msg, hint="Begin another.")
        if new:
            names = json.dumps([name for name, _ in new]).encode()
            await self._cluster.store.put(run.bucket, f"{_folder(run.service, run.name)}/{first:05x}{NAMES}", names)
            known |= {one: first + index for index, one in enumerate(new)}
        run = run.model_copy(update={"count": len(known)})
        await self._cluster.store.put(run.bucket, run.key, run.model_dump_json().encode())
        return run, False, [known[one] for one in wanted]

    async def _numbers(self, run: Manifest) -> dict[Input, int]:
        """Every number that was given."""
        folder, store = _folder(run.service, run.name), self._cluster.store
        rows = [row.key async for row in store.list(run.bucket, folder) if row.key.endswith(NAMES)]
        found: dict[Input, int] = {}
        seen: Counter[str] = Counter()
        for key, content in zip(rows, await asyncio.gather(*(store.get(run.bucket, key) for key in rows)), strict=True):
            first = int(PurePosixPath(key).stem, 16)
            for index, name in enumerate(json.loads(content)):
                found[name, seen[name]] = first + index
                seen[name] += 1
        return found


def _folder(service: str, name: str) -> str:
    return f"{RUNS}/{service}/{name}"


def _same(run: Manifest, service: Service) -> Manifest:
    """The run, if the service is still what it was."""
    now = parts(service)
    changed = [field for field, digest in run.service_parts.items() if now.get(field) != digest]
    if changed:
        raise changed_since(run, f"its service {service.name} has another {_and(changed)}")
    return run


def changed_since(run: Manifest, what: str) -> RunChanged:
    """The error that says what is not as it was, and what to do."""
    when = run.created.astimezone().strftime("%Y-%m-%d %H:%M")
    msg = f'The run "{run.name}" cannot go on: since it began ({when}), {what}.'
    hint = f'Name a new one (run="{run.name}-2"), or begin anew after cluster.runs.forget("{run.name}").'
    return RunChanged(msg, hint=hint)


def _and(words: Sequence[Any]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
