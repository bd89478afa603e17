"""The engine: what is asked of it, and which part of this folder does that."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from jupyter_oscar.client.errors import NotAllowed, NotFound
from jupyter_oscar.flows import marker as marks
from jupyter_oscar.flows.engines.base import Deployed, Engine
from jupyter_oscar.flows.errors import FlowNotFound, FlowRefused
from jupyter_oscar.flows.plan import Action

from . import reading, remains
from .client import ROOT, Client
from .deploying import Deploying
from .errors import NotNifi
from .running import Running

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping, Sequence
    from typing import Any

    from jupyter_oscar.client.nifis import Nifi
    from jupyter_oscar.flows.engines.base import Capabilities, FlowStatus, Outcome, Progress
    from jupyter_oscar.flows.plan import Plan
    from jupyter_oscar.flows.snapshot.made import Queue

OLDEST = (1, 18)


class NifiEngine(Engine):
    """One NiFi. ``client`` is what it is talked to with."""

    def __init__(self, profile: Nifi) -> None:
        self.profile = profile
        self.client = Client(profile)
        self._capabilities: Capabilities | None = None

    def __repr__(self) -> str:
        return f"<NifiEngine {self.profile.name} {self.profile.endpoint}>"

    async def capabilities(self) -> Capabilities:
        """What it has.

        Raises:
            FlowRefused: it is older than what we know.

        """
        if self._capabilities is None:
            found = reading.capabilities(await self.client.manifest())
            if found.numbers[0] not in {1, 2} or found.numbers < OLDEST:
                msg = f"{self.profile.endpoint} is NiFi {found.version or 'of unknown version'}."
                raise FlowRefused(msg, hint="Dataflows need NiFi 1.18 or later, or 2.x.")
            self._capabilities = found
        return self._capabilities

    async def read(self, name: str) -> Deployed | None:
        """What stands under that name on the root canvas; its definition only where it is alone."""
        found = [one for one in await self.client.groups() if one.get("component", {}).get("name") == name]
        if not found:
            return None
        [group, *more] = found
        marker = marks.read(group["component"].get("comments"))
        flow = None if more else await self.client.definition(group["id"])
        return Deployed(name, group["id"], marker, flow, count=len(found), inner=group)

    async def apply(self, plan: Plan, progress: Progress | None = None) -> Outcome:
        """Carry a plan out."""
        if plan.refusals:
            raise FlowRefused(" ".join(plan.refusals), hint="Nothing was changed.")
        root = ""
        if plan.action is not Action.NOTHING:
            # Before anything is touched, also in AWS.
            there = plan.deployed.inner if plan.deployed is not None else None
            group = there or await self.client.group(ROOT)
            if not reading.writable(group):
                raise self._only_looking(plan.name if there else "")
            root = str(there["component"]["parentGroupId"] if there else group["id"])
        return await Deploying(self.client, plan, root, progress).carry_out()

    async def status(self, names: Sequence[str] | None = None) -> list[FlowStatus]:
        """Ours, by name, in four requests; a name that is not there is left out."""
        groups, figures, bulletins, disks = await _together(
            self.client.groups(), self.client.status(), self._bulletins(), self.disks()
        )
        by_id = {one["id"]: one["processGroupStatusSnapshot"] for one in figures["processGroupStatusSnapshots"]}
        found = []
        for group in groups:
            marker = marks.read((group.get("component") or {}).get("comments"))
            name = (group.get("component") or {}).get("name")
            if marker is None or group["id"] not in by_id or (names is not None and name not in names):
                continue
            one = reading.status(group, by_id[group["id"]], marker, bulletins, self.profile.canvas)
            found.append(_with(one, disks))
        return sorted(found, key=lambda one: one.name)

    async def disks(self) -> list[str]:
        """What is wrong with its disks; nothing where we may not know."""
        try:
            return reading.disks(await self.client.diagnostics())
        except (NotAllowed, NotFound, NotNifi):
            return []

    async def _bulletins(self) -> Sequence[Mapping[str, Any]]:
        try:
            return await self.client.bulletins()
        except (NotAllowed, NotFound):
            return ()

    async def start(self, name: str) -> FlowStatus:
        """Enable its services and start all of it."""
        group = await self._to_run(name)
        await Running(self.client, group).start()
        return await self._one(group)

    async def stop(self, name: str) -> FlowStatus:
        """Stop all of it and wait until nothing works any more."""
        group = await self._to_run(name)
        await Running(self.client, group).stop()
        return await self._one(group)

    async def drain(self, name: str, *, seconds: float = 60) -> FlowStatus:
        """Stop the sources, let the rest work off what is queued, then stop it."""
        group = await self._to_run(name)
        await Running(self.client, group).drain(seconds)
        return await self._one(group)

    async def delete(
        self,
        name: str,
        *,
        empty: bool = False,
        queues: Sequence[Queue] = (),
        keep_queues: bool = False,
        progress: Progress | None = None,
    ) -> None:
        """Remove the group, its parameters, and what was made for it in AWS; where there is no group, what is left."""
        try:
            group = await self._ours(name)
        except FlowNotFound:
            if await remains.clear(self.client, name, () if keep_queues else queues, progress):
                return
            raise
        if not reading.writable(group):
            raise self._only_looking(name)
        known = None if keep_queues else queues
        await Running(self.client, group).delete(empty=empty, queues=known, progress=progress)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.client.aclose()

    async def _ours(self, name: str) -> Mapping[str, Any]:
        """The one group of that name that is ours."""
        named = [one for one in await self.client.groups() if (one.get("component") or {}).get("name") == name]
        ours = [one for one in named if marks.read(one["component"].get("comments"))]
        if not named:
            msg = f'There is no dataflow named "{name}" in {self.profile.name}.'
            raise FlowNotFound(msg, hint="`jupyter oscar flow status` lists what is there.")
        if not ours:
            msg = f"The group {name} in {self.profile.name} was not made from here."
            raise FlowRefused(
                msg, hint="Nothing was done. Take it over with `flow apply --adopt`, or use NiFi's canvas."
            )
        if len(named) > 1:
            msg = f"There are {len(named)} groups named {name} in {self.profile.name}."
            raise FlowRefused(msg, hint="Nothing was done. Rename or remove all but one on NiFi's canvas.")
        return ours[0]

    async def _to_run(self, name: str) -> Mapping[str, Any]:
        """Ours, if we may start and stop it: NiFi passes over what one may not, and says that all is well."""
        group = await self._ours(name)
        if not reading.writable(group):
            processors = await self.client.processors(group["id"])
            if not all((one.get("operatePermissions") or {}).get("canWrite", True) for one in processors):
                raise self._only_looking(name)
        return group

    def _only_looking(self, name: str) -> NotAllowed:
        what = f"the dataflow {name}" if name else "its canvas"
        msg = f"At {self.profile.name} you may look at {what}, but not change it. Nothing was done."
        hint = "Ask the NiFi's administrator for the policies to view and to modify that process group."
        return NotAllowed(msg, hint=hint)

    async def _one(self, group: Mapping[str, Any]) -> FlowStatus:
        """How one is now, with the reasons for what is not valid."""
        snapshot, bulletins, disks = await _together(self.client.status(group["id"]), self._bulletins(), self.disks())
        marker = marks.read(group["component"].get("comments"))
        one = _with(reading.status(group, snapshot, marker, bulletins, self.profile.canvas), disks)
        if one.invalid:
            ghosts, invalid, _ = reading.wrong(await self.client.processors(group["id"]))
            said = [f"This NiFi has no {type_.rpartition('.')[2]}." for type_ in ghosts]
            one = replace(one, invalid=(*said, *invalid) or one.invalid)
        return one


async def _together(*asked: Awaitable[Any]) -> list[Any]:
    """All at once; of several failures the first in this order is told, so that it is the same each time."""
    found = await asyncio.gather(*asked, return_exceptions=True)
    for one in found:
        if isinstance(one, BaseException):
            raise one
    return found


def _with(one: FlowStatus, disks: Sequence[str]) -> FlowStatus:
    """Of a full disk only what runs has to know."""
    return replace(one, warnings=(*one.warnings, *disks)) if disks and one.running else one
