"""Named runs: a map that has a name can be gone on with, by this kernel after a crash or by another at the same time.

The manifest ``.oscar/runs/<service>/<name>.json`` says what the ids of the run begin with and what the service was.
Which inputs it has stands in the records of its calls (``records``), so a run costs one manifest, however many inputs.

Two kernels that start one run at the same moment must agree on those ids, on storage that may know no conditional
writes: each first writes a claim beside the manifest and then lists the claims. Who sees only their own writes the
manifest at once; who sees others waits for it, and for want of one the first claim by name wins. The same inputs get
the same numbers (by name), so both then plan the same calls, and the cluster takes each id once.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from datetime import datetime, timezone
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from .errors import InvalidRequest, NotAllowed, ObjectNotFound, RunChanged, RunNotFound
from .records import new_stem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .cluster import Cluster
    from .service import Service

RUNS: Final = ".oscar/runs"
NAME: Final = re.compile(r"[\w][\w .-]{0,79}")
# How long somebody who claimed a run with us has for writing its manifest.
CLAIMED: Final = 3.0
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
        await self._cluster.store.delete(run.bucket, [run.key, *await self._claims(run.bucket, run.service, run.name)])

    async def begin(self, name: str, service: Service, bucket: str, count: int) -> tuple[Manifest, bool]:
        """The run's manifest, and whether it was there before.

        Raises:
            RunChanged: the service is not what it was when the run began.

        """
        if not NAME.fullmatch(name):
            msg = f'"{name}" cannot name a run.'
            raise InvalidRequest(msg, hint="At most 80 letters, digits, spaces, dots, hyphens and underscores.")
        key = f"{_folder(service.name, name)}.json"
        if run := await self._read(bucket, key):
            return _same(run, service), True
        ours = Manifest(
            name=name,
            service=service.name,
            stem=new_stem(service.name),
            created=datetime.now(timezone.utc),
            bucket=bucket,
            count=count,
            service_parts=parts(service),
        )
        claim = f"{_folder(service.name, name)}/{ours.stem}.claim"
        await self._cluster.store.put(bucket, claim, b"{}")
        if await self._claims(bucket, service.name, name) != [claim] and (
            theirs := await self._await(ours, claim, key)
        ):
            return _same(theirs, service), True
        await self.write(ours)
        return ours, False

    async def write(self, run: Manifest) -> None:
        """Store a manifest."""
        await self._cluster.store.put(run.bucket, run.key, run.model_dump_json().encode())

    async def _await(self, ours: Manifest, claim: str, key: str) -> Manifest | None:
        """The manifest of whoever claimed the same name, or None where it falls to us to write it."""
        for turn in range(10):
            await asyncio.sleep(CLAIMED / 10)
            if run := await self._read(ours.bucket, key):
                return run
            claims = await self._claims(ours.bucket, ours.service, ours.name)
            if turn == 4 and min(claims, default=claim) == claim:  # noqa: PLR2004 - half of the time
                return None
        # Whoever was first has gone, perhaps with its kernel.
        return None

    async def _claims(self, bucket: str, service: str, name: str) -> Sequence[str]:
        rows = self._cluster.store.list(bucket, _folder(service, name))
        return sorted([row.key async for row in rows if PurePosixPath(row.key).suffix == ".claim"])


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
