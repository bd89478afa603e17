"""What the jobs of a map gave, in the order of the inputs, and the one error for those that ended badly."""

from __future__ import annotations

import asyncio
import concurrent.futures
from typing import TYPE_CHECKING, Any, Final, Literal

from jupyter_oscar.client.errors import InvalidRequest, MapFailed
from jupyter_oscar.client.jobs import State

from .bridge import bridge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jupyter_oscar.client.maps import Item
    from jupyter_oscar.client.maps import Map as Engine

    from .handles import Job
    from .map_jobs import MapJob

Errors = Literal["raise", "return", "skip"]
# How many results are fetched at once.
AT_ONCE: Final = 16


def check(errors: str) -> None:
    """Whether that is one of the ways to take failures.

    Raises:
        InvalidRequest: it is not.

    """
    if errors not in {"raise", "return", "skip"}:
        msg = f'errors="{errors}" is none of "raise", "return", "skip".'
        raise InvalidRequest(msg)


async def results(engine: Engine, job: Callable[[Item], MapJob]) -> list[Any]:
    """Each job's result, or the exception that stands for it; on our loop."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def value(item: Item) -> Any:
        async with gate:
            try:
                return await job(item).ended_well()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is that job's failure
                return error

    return list(await asyncio.gather(*map(value, engine.items)))


def decoded(engine: Engine, job: Callable[[Item], MapJob], decode: Callable[[Job], Any]) -> list[Any]:
    """The same of what ``decode`` makes of each job that ended well; it runs in threads."""

    def value(item: Item) -> Any:
        try:
            return decode(job(item)) if engine.state(item) is State.DONE else job(item).result()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is that job's failure
            return error

    pool = concurrent.futures.ThreadPoolExecutor(AT_ONCE, thread_name_prefix="jupyter-oscar results")
    try:
        return [bridge.wait(future) for future in [pool.submit(value, item) for item in engine.items]]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def sorted_out(engine: Engine, values: Sequence[Any], errors: Errors) -> list[Any]:
    """What is left of the values when failures are taken as ``errors`` says."""
    if errors == "return":
        return list(values)
    pairs = list(zip(engine.items, values, strict=True))
    if errors == "raise" and any(isinstance(value, Exception) for value in values):
        raise failure(engine, [(item, value) for item, value in pairs if isinstance(value, Exception)])
    return [value for value in values if not isinstance(value, Exception)]


def failure(engine: Engine, bad: Sequence[tuple[Item, Exception]], saved: str = "") -> MapFailed:
    """One error for all that ended badly; it has each one's own by the name of its input."""
    first = "\n".join(f"  {item.name}: {str(error).splitlines()[0]}" for item, error in bad[:3])
    more = f"\n  and {len(bad) - 3} more" if len(bad) > 3 else ""  # noqa: PLR2004
    msg = f"{len(bad)} of {len(engine.items)} calls of {engine.name} failed.{saved}\n{first}{more}\n"
    hint = 'jobs.failed lists them, jobs.retry() sends them again, results(errors="skip") leaves them out.'
    one = MapFailed(msg, errors={item.name: error for item, error in bad}, hint=hint)
    one.__cause__ = bad[0][1]
    return one
