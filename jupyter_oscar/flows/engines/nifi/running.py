"""Starting, stopping, draining and deleting one dataflow on NiFi.

NiFi answers before things have happened: *stopped* is said while threads still run, services enable in the background
(flows.md §8.12-§8.16). So every verb here looks until it is so.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any, Final

from jupyter_oscar.client.errors import TimedOut
from jupyter_oscar.flows import marker as marks
from jupyter_oscar.flows.errors import FlowRefused

from . import reading
from .client import LATEST, RUNNING, SOONEST, STOPPED
from .errors import WrongState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from jupyter_oscar.flows.engines.base import Progress
    from jupyter_oscar.flows.snapshot.made import Queue

    from .client import Client
    from .reading import Seen

#: Seconds for what NiFi does in the background; after half of it threads that do not end are ended.
PATIENCE: Final = 60.0
#: Starts the description of our parameter contexts.
OURS: Final = "Parameters of a dataflow deployed by jupyter-oscar."
UNSTOPPABLE: Final = 20.0


class Running:
    """One dataflow by its group as the root listing has it."""

    def __init__(self, client: Client, group: Mapping[str, Any]) -> None:
        self._client = client
        self._group = group
        self._id = str(group["id"])

    @property
    def _name(self) -> str:
        return str((self._group.get("component") or {}).get("name") or "the dataflow")

    async def start(self) -> None:
        """Enable the services, start everything, and wait until all that is valid runs."""
        await self.enable()
        await self._client.set_state(self._id, RUNNING)
        await self._until(lambda seen: not seen.count("Stopped", "Validating"), f"Starting {self._name}", strict=False)

    async def stop(self) -> None:
        """Stop everything, and wait until no thread works any more."""
        await self._client.set_state(self._id, STOPPED)
        await self._quiet()

    async def drain(self, seconds: float) -> None:
        """Stop the sources, wait until only dead letters are queued, then stop the rest.

        Raises:
            TimedOut: something was still queued; the sources stay stopped, the rest runs.
            FlowRefused: nothing runs that could work off what is queued.

        """
        figures = await self._seen()
        if not figures.waiting and not figures.count("Running"):
            return
        if not figures.count("Running"):
            msg = f"{self._name} is stopped, with {', '.join(figures.waiting)}."
            raise FlowRefused(msg, hint="Nothing was done. Start it, then drain it.")
        for source in sources((await self._client.definition(self._id))["flowContents"]):
            await self._client.set_processor(source, STOPPED)
        what = f"Draining {self._name}"
        deadline = time.monotonic() + seconds
        figures = await self._until(
            lambda seen: not seen.waiting and not seen.threads, what, deadline=deadline, strict=False
        )
        if figures.waiting:
            msg = f"{what} was not finished after {seconds:.0f} s: {', '.join(figures.waiting)}."
            hint = "Its sources are stopped, the rest runs on. Is its destination up? Drain again, or start it."
            raise TimedOut(msg, hint=hint)
        await self.stop()

    async def delete(
        self, *, empty: bool, queues: Sequence[Queue] | None = (), progress: Progress | None = None
    ) -> None:
        """Remove the group, its parameter context, and what its marker names in AWS unless ``queues`` is None.

        Raises:
            FlowRefused: events are queued and are not to be lost.
            NotAllowed, NotAuthenticated: the keys may not remove what was made in AWS; the group is there, stopped.

        """
        figures = await self._seen()
        if figures.queued and not empty:
            left = [*figures.waiting, *([f"{figures.dead} dead letters"] if figures.dead else [])]
            msg = f"{self._name} holds {figures.queued} events: {', '.join(left)}."
            hint = "Nothing was done. Drain it first, or lose them: `flow delete --drop` (empty=True)."
            raise FlowRefused(msg, hint=hint)
        # First what NiFi may refuse, and what is made in AWS while the group still says so.
        await self.stop()
        marker = marks.read((self._group.get("component") or {}).get("comments"))
        if marker is not None and queues is not None and (marker.queues or marker.notifications):
            from jupyter_oscar.flows import aws

            await aws.forget(marker, queues, progress)
        await self.remove_group(empty=empty)
        await self._forget_context()

    async def remove_group(self, *, empty: bool) -> None:
        """Stop, disable, empty where that is wanted, and delete."""
        await self.stop()
        if empty and (await self._seen()).queued:  # NiFi 1.18 fails at emptying a group that has no queue
            await self._client.empty(self._id)
        await self.disable()
        await self._client.delete_group(self._id, what=f"Deleting {self._name}")

    async def _forget_context(self) -> None:
        """Remove the parameters, unless they are somebody else's or another group uses them."""
        component = self._group.get("component") or {}
        bound = component.get("parameterContext") or {}
        # Ours has the dataflow's name: a deployment refuses one of that name that is not.
        if bound.get("id") and (bound.get("component") or {}).get("name") == component.get("name"):
            with contextlib.suppress(WrongState):
                await self._client.delete_context(bound["id"])

    async def enable(self) -> list[str]:
        """Enable every service that is valid, and wait for it; what is wrong with the others, in sentences."""
        return await self._services("ENABLED")

    async def disable(self) -> None:
        """Disable every service, and wait for it."""
        await self._services("DISABLED")

    async def _services(self, wanted: str) -> list[str]:
        deadline, pause = time.monotonic() + PATIENCE, SOONEST
        asked = False
        while True:
            entities = await self._client.services(self._id)
            found = [one["component"] for one in entities]
            left = [one for one in found if one["state"] != wanted and not (wanted == "ENABLED" and _hopeless(one))]
            if not left:
                return reading.wrong(entities)[1]
            if not asked:
                await self._client.set_services(self._id, wanted)
                asked = True
            elif time.monotonic() > deadline:
                names = ", ".join(one["name"] for one in left)
                msg = f"The services {names} of {self._name} did not become {wanted.lower()} in time."
                raise TimedOut(msg, hint="NiFi's canvas shows why: the group's controller services.")
            await asyncio.sleep(pause)
            pause = min(LATEST, pause * 1.5)

    async def _seen(self) -> Seen:
        return reading.seen(await self._client.status(self._id))

    async def _quiet(self) -> None:
        """Wait until no thread works; end those that do not end by themselves."""
        what = f"Stopping {self._name}"
        done: Callable[[Seen], bool] = lambda seen: not seen.threads and not seen.count("Running")  # noqa: E731
        figures = await self._until(done, what, deadline=time.monotonic() + UNSTOPPABLE, strict=False)
        if done(figures):
            return
        for processor in figures.busy:
            await self._client.terminate(processor)
        await self._until(done, what)

    async def _until(
        self, done: Callable[[Seen], bool], what: str, *, deadline: float | None = None, strict: bool = True
    ) -> Seen:
        """Look until it is so. ``strict``: raise when the time is over; otherwise give back what was seen last."""
        deadline = deadline or time.monotonic() + PATIENCE
        pause = SOONEST
        while True:
            figures = await self._seen()
            if done(figures):
                return figures
            if time.monotonic() > deadline:
                if not strict:
                    return figures
                busy = ", ".join(figures.busy.values()) or "NiFi does not say what keeps it"
                msg = f"{what} was not finished after {PATIENCE:.0f} s: {busy}."
                raise TimedOut(msg, hint="Look at it on NiFi's canvas.")
            await asyncio.sleep(pause)
            pause = min(LATEST, pause * 1.5)


def _hopeless(service: Mapping[str, Any]) -> bool:
    return service.get("validationStatus") == "INVALID" or bool(service.get("extensionMissing"))


def sources(group: Mapping[str, Any]) -> Iterator[str]:
    """The ids of processors that nothing leads to, in a definition that NiFi gave back."""
    fed = {one["destination"]["id"] for one in _all(group, "connections")}
    for one in _all(group, "processors"):
        if one["identifier"] not in fed:
            yield one["instanceIdentifier"]


def _all(group: Mapping[str, Any], what: str) -> Iterator[Mapping[str, Any]]:
    yield from group.get(what) or ()
    for below in group.get("processGroups") or ():
        yield from _all(below, what)
