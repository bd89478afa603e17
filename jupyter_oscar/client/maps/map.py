"""A map from its beginning to its end: begun or gone on with, sent again, cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final

from jupyter_oscar.client.errors import InvalidRequest, JobNotFound, JobNotIdentified, NotAllowed
from jupyter_oscar.client.jobs import Facts, State, state
from jupyter_oscar.client.records import ATTEMPTS, new_stem
from jupyter_oscar.client.runs import changed_since

from .items import Item, place_of, same
from .sending import Sender

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jupyter_oscar.client.calls import Payload
    from jupyter_oscar.client.cluster import Cluster
    from jupyter_oscar.client.runs import Manifest

    from .items import Options

# How many jobs are ended at once.
ENDING: Final = 8


class Map(Sender):
    """The calls of one map. Without ``payloads``, those that the run has."""

    def __init__(self, cluster: Cluster, service: str, payloads: Iterable[Payload] | None, options: Options) -> None:
        super().__init__(cluster, service, payloads, options)
        self._all_recorded = payloads is None

    # -- the beginning

    async def start(self) -> None:
        """Read the service, and the run's records if it has a name. Nothing is sent yet.

        Raises:
            ServiceNotFound, TrackingRefused: as for a single call.
            RunChanged: the service or an input is not what it was.

        """
        self.service = await self.cluster.services.get(self.service_name)
        self._service_seen = time.monotonic()
        await self.cluster.config()
        if self.options.run is not None and not await self.cluster.names.ours():
            msg = f"A run needs a server that takes our name for a job: OSCAR {(await self.cluster.info()).version} "
            raise InvalidRequest(msg + "would run again what was sent before.", hint="Map without run=.")
        own = await self.cluster.calls.records.own_bucket(make=self.service.home is None)
        self._bucket = self.service.home or own
        self.cluster.calls.plan_known(self.service, "")  # refuses what cannot be tracked
        if self.options.run is None:
            self._stem = new_stem(self.service_name)
            await self._number()
        else:
            await self._begin_run(self.options.run, own)

    async def _begin_run(self, run: str, own: str) -> None:
        wanted = [self._input(item) for item in self.items]
        try:
            begun = await self.cluster.runs.begin(run, self.service, self._bucket, wanted)
        except NotAllowed:
            self._bucket = await self.cluster.calls.records.own_bucket()
            begun = await self.cluster.runs.begin(run, self.service, own, wanted)
        self.manifest, before, numbers = begun
        self._stem = self.manifest.stem
        for item, given in zip(self.items, numbers, strict=True):
            item.number = given
        if before:
            await self._attach(self.manifest)
        self._fresh.clear()
        self._unsent = deque(sorted((item for item in self.items if item.call is None), key=lambda item: item.number))

    async def _attach(self, run: Manifest) -> None:
        """Give recorded inputs their calls, and learn which have ended."""
        recorded = await self.cluster.calls.records.of_map(self._bucket, self._stem)
        if self._all_recorded:
            self.items = [Item(index, call.name, None, place_of(call).number) for index, call in enumerate(recorded)]
        known = {place_of(call).number: call for call in recorded}
        matched = [item for item in self.items if item.number in known]
        changed: list[str] = []
        for item in matched:
            before = known[item.number]
            if item.payload is not None and not await same(item.payload, before):
                changed.append(item.name)
            item.call, item.payload, item.attempt = before, None, place_of(before).attempt
        if changed:
            few = ", ".join(changed[:3]) + (f" and {len(changed) - 3} more" if len(changed) > 3 else "")  # noqa: PLR2004
            raise changed_since(run, f"{len(changed)} of its inputs have changed ({few})")
        facts = await self.cluster.calls.look_in_buckets([item.planned for item in matched])
        for item in matched:
            found = facts.get(item.planned.id)
            if found is not None and state(found).ended:
                item.accepted = True
                self._end(item, found)
            else:
                self._unsure.append(item)
        # Ends of before say nothing of the speed of now.
        self._ends.clear()

    # -- once more, and no more

    async def retry(self) -> int:
        """Send anew what ended badly, and what was never sent; how many that are."""
        bad = [item for item in self.items if item.over and self.state(item) is not State.DONE]
        spent = [item for item in bad if item.attempt + 1 >= ATTEMPTS]
        if spent:
            msg = f"{spent[0].name} was sent {ATTEMPTS} times already."
            raise InvalidRequest(msg, hint="Submit it by itself.")
        again, gone = [], {item.index for item in bad}
        self.order = [index for index in self.order if index not in gone]
        self._stopped, self._sent, self.trouble = False, False, None
        self._ends.clear()
        self._began = time.monotonic()
        self.service = await self.cluster.services.get(self.service_name)
        waiting = {item.index for item in (*self._unsent, *self._fresh)}
        for item in bad:
            item.facts = item.error = None
            item.retries = item.script_retries = 0
            if item.call is None:
                if item.index not in waiting:
                    self._unsent.append(item)
            elif not item.accepted:
                self._unsure.append(item)
            else:
                again.append(item)
        for item in again:
            self._later(self._send_anew(item, 0.0))
        self._tell()
        return len(bad)

    async def cancel(self) -> None:
        """Send nothing more and end what runs. What has ended stays as it is."""
        self._stopped = True
        for task in self._tasks:
            task.cancel()
        under_way = {task for task in (self._sending, *self._tasks) if task is not None and not task.done()}
        if under_way:
            await asyncio.wait(under_way)
        going = [item for item in self.items if not item.over]
        sent = [item for item in going if item.submitted or item.accepted]
        facts = await self.cluster.calls.look_in_buckets([item.planned for item in sent])
        going_on = []
        for item in sent:
            found = facts.get(item.planned.id)
            if found is not None and state(found).ended:
                self._end(item, found)
            else:
                going_on.append(item)
        for item in set(going) - set(sent):
            self._end(item, Facts(cancelled=True, row_gone=True))
        await self._note_cancelled(going_on)
        gate = asyncio.Semaphore(ENDING)
        ends = await asyncio.gather(*(self._end_job(item, gate) for item in going_on), return_exceptions=True)
        if failed := [end for end in ends if isinstance(end, BaseException)]:
            unknown = [end for end in failed if isinstance(end, JobNotIdentified)]
            if len(unknown) < len(failed):
                raise next(end for end in failed if not isinstance(end, JobNotIdentified))
            version = (await self.cluster.info()).version
            msg = f"{len(failed)} of {len(going_on)} jobs cannot be ended: OSCAR {version} does not say which are ours."
            raise JobNotIdentified(msg, hint="Nothing more is sent; those go on. OSCAR 4.1 takes our name for a job.")

    async def _note_cancelled(self, items: Sequence[Item]) -> None:
        """Write down that we end them, before we do: one record for each hundred."""
        now, noted = datetime.now(timezone.utc), []
        for item in items:
            item.call = item.planned.model_copy(update={"cancelled": now})
            noted.append(item.call)
        await self.cluster.calls.records.put_all(noted)

    async def _end_job(self, item: Item, gate: asyncio.Semaphore) -> None:
        call = item.planned
        async with gate:
            with contextlib.suppress(JobNotFound):
                await self.cluster.jobs.delete(call.service, await self.cluster.names.of(call))
        self.cluster.watch.cancelled(call)
        self._end(item, Facts(cancelled=True, row_gone=True, tracked=call.tracked))
