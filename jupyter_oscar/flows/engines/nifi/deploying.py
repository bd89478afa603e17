"""Carrying a plan out on NiFi: step by step, and undone where a step fails.

The marker is written last, so a deployment that was cut off is not taken for a finished one. What a run that was
killed left behind (a parameter context without a group) is recognised by its description and used by the next run.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from jupyter_oscar.client.errors import AlreadyExists, OscarError
from jupyter_oscar.flows.engines.base import Outcome
from jupyter_oscar.flows.errors import FlowRefused
from jupyter_oscar.flows.plan import Action

from . import reading, remains
from .client import LATEST, RUNNING, SOONEST
from .running import OURS, Running

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from jupyter_oscar.flows.engines.base import Progress
    from jupyter_oscar.flows.marker import Marker
    from jupyter_oscar.flows.plan import Plan

    from .client import Client

#: Seconds that NiFi gets to find out whether what it was given is valid.
PATIENCE: Final = 20.0
#: Where groups are put on the canvas: so many in a row, so far apart.
ROW: Final = 4
APART: Final = (460.0, 260.0)


class Deploying:
    """One run of one plan."""

    def __init__(self, client: Client, plan: Plan, root: str, progress: Progress | None = None) -> None:
        """``root`` is the identifier of the NiFi's root group."""
        self._client = client
        self._root = root
        self._plan = plan
        self._snapshot = plan.snapshot
        self._progress = progress
        self._done: list[str] = []
        self._notes: list[str] = list(plan.snapshot.notes)
        self._values = dict(plan.snapshot.parameters)
        self._undo = AsyncExitStack()
        self._undone: list[str] = []

    async def carry_out(self) -> Outcome:
        """All of it, or nothing.

        Raises:
            OscarError: what NiFi or AWS said; its notes tell what could not be undone.

        """
        plan = self._plan
        if plan.action is Action.NOTHING and plan.deployed is not None:
            return self._outcome(plan.deployed.id)
        marker = replace(plan.marker, at=datetime.now(timezone.utc).isoformat(timespec="seconds"))
        try:
            marker = await self._queues(marker)
            group = await (self._create(marker) if plan.deployed is None else self._change(marker))
        except BaseException as error:
            # Also when cancelled: an interrupted cell leaves nothing half-made.
            undoing = asyncio.ensure_future(self._undo.aclose())
            await asyncio.shield(undoing)
            for line in self._undone:
                _note(error, line)
            raise
        self._undo.pop_all()
        return self._outcome(group)

    def _outcome(self, group: str) -> Outcome:
        url = f"{self._client.profile.canvas}?processGroupId={group}"
        return Outcome(self._plan.name, group, tuple(self._done), (*self._notes, *self._plan.bridges), url)

    def _say(self, sentence: str) -> None:
        self._done.append(sentence)
        if self._progress is not None:
            self._progress(sentence)

    def _on_failure(self, what: str, undo: Callable[[], Awaitable[Any]]) -> None:
        """What is done, last thing first, if a later step fails."""

        async def attempt() -> None:
            try:
                await undo()
            except OscarError as error:
                self._undone.append(f"{what} could not be undone: {error}")

        self._undo.push_async_callback(attempt)

    async def _queues(self, marker: Marker) -> Marker:
        """Make the queues that sources read from; what others made is used and never removed."""
        old = self._plan.deployed.marker if self._plan.deployed is not None else None
        if old is not None:
            marker = replace(marker, queues=old.queues, notifications=old.notifications)
        if not marker.queues and not self._snapshot.queues:
            return marker
        from jupyter_oscar.flows import aws

        self._notes += [
            f"The queue {name} was made for this dataflow, which reads it no more. It is removed with the dataflow."
            for name in aws.unread(marker, self._snapshot.queues)
        ]
        for queue in self._snapshot.queues:
            found = await aws.ensure(queue, remains.whose(self._root, self._plan.name, queue.element))
            if queue.parameter:  # a bridge knows by itself
                self._values[queue.parameter] = found.url
            if found.queues or found.notifications:
                self._on_failure(f"Making the queue {queue.name}", partial(aws.remove, found, queue))
                self._say(f"Made the queue {queue.name}.")
            for made in filter(None, (found, found.left)):
                more = (*marker.queues, *made.queues), (*marker.notifications, *made.notifications)
                known = [tuple(dict.fromkeys(one)) for one in more]
                marker = replace(marker, queues=known[0], notifications=known[1])
        return marker

    # A new one

    async def _create(self, marker: Marker) -> str:
        client, name = self._client, self._plan.name
        await self._context([*self._values, *self._snapshot.secrets])
        # An answer that got lost does not say whether the group is there, and a failed import may leave one.
        self._on_failure(f"Importing {name}", lambda: self._remove(marker.write()))
        entity = await client.import_(name, self._definition(marker.write()), self._place())
        self._say(f"Created the group {name}.")
        await self._settled(entity["id"])
        return str(entity["id"])

    def _place(self) -> tuple[float, float]:
        """A free place on the canvas."""
        number = self._client.known_groups
        return APART[0] * (number % ROW), APART[1] * (number // ROW)

    def _definition(self, comments: str) -> dict[str, Any]:
        """The flow as compiled, with these comments and the values that became known only now."""
        flow = dict(self._snapshot.flow)
        flow["flowContents"] = {**flow["flowContents"], "comments": comments}
        return flow

    async def _remove(self, comments: str) -> None:
        """Remove what carries this very marker, or has our name and was last changed by this very client."""
        for group in await self._client.groups():
            one = group.get("component") or {}
            made = group["revision"].get("clientId") == self._client.id and one.get("name") == self._plan.name
            if made or one.get("comments") == comments:
                await Running(self._client, group).remove_group(empty=True)

    async def _context(self, names: Sequence[str]) -> str:
        """The parameter context, made now; one that a run left behind when it was killed is filled anew."""
        client, name = self._client, self._snapshot.context
        values = [self._parameter(one) for one in names]
        # By name, since an answer that got lost, or that nobody waited for, does not say whether it is there.
        self._on_failure(f"Making the parameters of {name}", lambda: remains.forget_parameters(client, name))
        try:
            entity = await client.create_context(name, f"{OURS} Change it through its file.", values)
        except AlreadyExists:
            entity = await self._left_behind(name)
            await client.update_context(entity["id"], values)
        if values:
            self._say(f"Set {len(values)} parameter{'s' if len(values) > 1 else ''}.")
        return str(entity["id"])

    async def _left_behind(self, name: str) -> dict[str, Any]:
        if entity := await remains.parameters(self._client, name):
            return entity
        msg = f'A parameter context named "{name}" is there that was not made from here, or that is in use.'
        raise FlowRefused(msg, hint="Give the dataflow another name, or rename the context in NiFi.")

    def _parameter(self, name: str) -> dict[str, Any]:
        secret = self._snapshot.secrets.get(name)
        value = secret.get_secret_value() if secret is not None else self._values[name]
        return {"name": name, "sensitive": secret is not None, "value": value}

    # One that is there

    async def _change(self, marker: Marker) -> str:
        client, plan, deployed = self._client, self._plan, self._plan.deployed
        assert deployed is not None  # noqa: S101 - the caller has looked
        group, component = deployed.id, deployed.inner["component"]
        before = str(component.get("comments") or "")
        context = (component.get("parameterContext") or {}).get("id")
        bound = (component.get("parameterContext") or {}).get("component", {}).get("name")
        if context is None or bound != self._snapshot.context:
            await self._context([*self._values, *self._snapshot.secrets])
        elif names := self._set_anew():
            await self._set(context, names)
        running = await self._states(group) if plan.changes else None
        if plan.changes:
            self._back(group, deployed.flow, before)
            await client.replace(group, self._definition(before), what=f"Changing {plan.name}")
            for change in plan.changes:
                self._say(str(change))
        if plan.forgotten and context is not None:
            await client.update_context(context, [{"name": name} for name in plan.forgotten])
            self._say(f"Forgot {', '.join(plan.forgotten)}.")
        await self._settled(group, running)
        await client.set_group(group, comments=marker.write())
        return group

    def _set_anew(self) -> list[str]:
        """The parameters that the plan names, and the addresses of queues that are known only now."""
        filled = {queue.parameter for queue in self._snapshot.queues if queue.parameter}
        kept = self._kept()
        return [
            name
            for name in (*self._values, *self._snapshot.secrets)
            if name in self._plan.parameters or (name in filled and kept.get(name) != self._values[name])
        ]

    def _kept(self) -> dict[str, Any]:
        """Plain parameters and their values as they are in NiFi."""
        deployed = self._plan.deployed
        contexts = (deployed.flow or {}).get("parameterContexts") or {} if deployed is not None else {}
        known = (contexts.get(self._snapshot.context) or {}).get("parameters") or ()
        return {one["name"]: one.get("value") for one in known if not one.get("sensitive")}

    async def _set(self, context: str, names: Sequence[str]) -> None:
        client, kept = self._client, self._kept()
        old = [{"name": name, "sensitive": False, "value": kept[name]} for name in names if kept.get(name) is not None]
        if old:
            self._on_failure("Setting parameters", lambda: client.update_context(context, old))
        await client.update_context(context, [self._parameter(name) for name in names])
        secrets = [name for name in names if name in self._snapshot.secrets]
        if secrets:
            # NiFi never tells a secret, so the old value cannot be put back.
            line = f"The new value of {', '.join(secrets)} stays set."
            self._undo.callback(lambda: self._undone.append(line))
        self._say(f"Set {', '.join(names)}.")

    def _back(self, group: str, flow: Mapping[str, Any] | None, comments: str) -> None:
        if flow is None:
            return
        old = {**flow, "flowContents": {**flow["flowContents"], "comments": comments}}
        old.setdefault("externalControllerServices", {})
        what = f"Changing {self._plan.name}"

        async def back() -> None:
            now = await self._client.definition(group)
            if now["flowContents"] != flow["flowContents"]:  # NiFi may have refused before anything was changed
                await self._client.replace(group, old, what=f"{what} back")

        self._on_failure(what, back)

    async def _states(self, group: str) -> dict[str, str]:
        return {one["id"]: one["component"]["state"] for one in await self._client.processors(group)}

    # What came of it

    async def _settled(self, group: str, before: Mapping[str, str] | None = None) -> None:
        """Wait until NiFi knows what it thinks of it; say what is wrong; have running what ran before.

        Raises:
            FlowRefused: it lacks a type that the plan did not name.

        """
        client, deadline, pause = self._client, time.monotonic() + PATIENCE, SOONEST
        if _has_services(self._snapshot.flow["flowContents"]):
            invalid = await Running(client, {"id": group}).enable()
            self._notes += [f"Not valid yet. {line}." for line in invalid]
        while True:
            processors = await client.processors(group)
            ghosts, invalid, looking = reading.wrong(processors)
            if not looking or time.monotonic() > deadline:
                break
            await asyncio.sleep(pause)
            pause = min(LATEST, pause * 1.5)
        known = {one.type for one in self._snapshot.missing}
        unknown = sorted({type_ for type_ in ghosts if type_ not in known})
        if unknown:
            names = ", ".join(type_.rpartition(".")[2] for type_ in unknown)
            msg = f"{self._plan.name}: this NiFi has no {names}, although it listed it."
            raise FlowRefused(msg, hint="Install the bundle on every node of it, or remove the element.")
        self._notes += map(str, self._snapshot.missing)
        self._notes += [f"Not valid yet. {line}." for line in invalid]
        if before:
            await self._running_again(group, before, processors)

    async def _running_again(
        self, group: str, before: Mapping[str, str], processors: Sequence[Mapping[str, Any]]
    ) -> None:
        """A replacement may leave what it could not start again stopped (flows.md §0.1)."""
        if set(before.values()) == {RUNNING}:
            if any(one["component"]["state"] != RUNNING for one in processors):
                await self._client.set_state(group, RUNNING)
            return
        for one in processors:
            if before.get(one["id"]) == RUNNING and one["component"]["state"] != RUNNING:
                await self._client.set_processor(one["id"], RUNNING)


def _has_services(group: Mapping[str, Any]) -> bool:
    return bool(group.get("controllerServices")) or any(_has_services(one) for one in group.get("processGroups") or ())


def _note(error: BaseException, line: str) -> None:
    """A note on an error, also before Python 3.11."""
    notes = [*getattr(error, "__notes__", ()), line]
    error.__notes__ = notes  # type: ignore[attr-defined]
