"""The jobs of a map as a cell holds them: each a handle that follows when it is sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload
from weakref import WeakValueDictionary

from jupyter_oscar.client.errors import ObjectNotFound

from .bridge import bridge
from .handles import Job

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from jupyter_oscar.client.jobs import Facts, State
    from jupyter_oscar.client.maps import Item
    from jupyter_oscar.client.maps import Map as Engine

    from .results import Result


class MapJob(Job):
    """One job of a map. When it is sent again, the handle follows."""

    def __init__(self, engine: Engine, item: Item) -> None:
        self._engine, self._item = engine, item
        super().__init__(engine.cluster, engine.call_of(item))

    async def _accept(self) -> None:
        self._call = await self._engine.until_accepted(self._item)

    def accepted(self) -> MapJob:
        """Wait until the cluster has taken the call; raises what it said otherwise."""
        bridge.run(self._accept())
        return self

    async def _watch(self) -> Facts:
        facts = await self._engine.until_ended(self._item)
        self._call = self._item.call or self._call
        return facts

    async def ended_well(self) -> Result:
        """The result, on our loop."""
        return await self._result(None)

    async def _state(self) -> State:
        return self._known()

    async def _until_ended(self, timeout: float | None) -> Facts:
        # What ended may be sent again (`retry`), so it is asked for each time.
        self._ended = None
        return await super()._until_ended(timeout)

    def _known(self) -> State:
        self._ended = self._item.facts
        self._call = self._item.call or self._call
        return self._engine.state(self._item)


class Jobs:
    """The handles in the order of the inputs, each made when it is first wanted and kept while somebody holds it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._jobs: WeakValueDictionary[int, MapJob] = WeakValueDictionary()

    def __len__(self) -> int:
        bridge.run(self._engine.until_drawn())
        return len(self._engine.items)

    def __iter__(self) -> Iterator[Job]:
        index = 0
        while True:
            if index >= len(self._engine.items):
                bridge.run(self._engine.until_drawn(index))
            if index >= len(self._engine.items):
                return
            yield self._job(self._engine.items[index])
            index += 1

    @overload
    def __getitem__(self, which: int | str) -> Job: ...
    @overload
    def __getitem__(self, which: slice) -> list[Job]: ...
    def __getitem__(self, which: int | str | slice) -> Job | list[Job]:
        if isinstance(which, str):
            return self._by_name(which)
        if isinstance(which, slice) or which < 0:
            bridge.run(self._engine.until_drawn())
        else:
            bridge.run(self._engine.until_drawn(which))
        if isinstance(which, slice):
            return [self._job(item) for item in self._engine.items[which]]
        return self._job(self._engine.items[which])

    def _by_name(self, name: str) -> Job:
        bridge.run(self._engine.until_drawn())
        found = [item for item in self._engine.items if item.name == name]
        if len(found) != 1:
            msg = f'{self._engine.name} has {len(found) or "no"} input{"s" if len(found) > 1 else ""} called "{name}".'
            hint = f"By number: jobs[{found[0].index}]." if found else "Names are those of the files, without folders."
            raise ObjectNotFound(msg, hint=hint)
        return self._job(found[0])

    def _job(self, item: Item) -> MapJob:
        job = self._jobs.get(item.index)
        if job is None:
            job = self._jobs[item.index] = MapJob(self._engine, item)
        return job


class Completed:
    """The jobs of a map as they end."""

    def __init__(self, engine: Engine, job: Callable[[Item], Job]) -> None:
        self._engine, self._job = engine, job

    def __iter__(self) -> Iterator[Job]:
        for item in bridge.iterate(self._engine.as_ended):
            yield self._job(item)

    async def __aiter__(self) -> AsyncIterator[Job]:
        iterator = self._engine.as_ended()
        while True:
            item = await bridge.here(_next(iterator))
            if item is None:
                return
            yield self._job(item)


async def _next(iterator: AsyncIterator[Item]) -> Item | None:
    try:
        return await iterator.__anext__()
    except StopAsyncIteration:
        return None
