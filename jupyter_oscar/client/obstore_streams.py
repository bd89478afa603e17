"""Streams of obstore, taken step by step so that whoever is cancelled leaves nothing half asked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator

T = TypeVar("T")

# Seconds that who is cancelled waits for a step under way: most end sooner, and then nothing runs on after the program.
PATIENCE_S: Final = 1.0


async def steps(stream: AsyncIterable[T]) -> AsyncIterator[T]:
    """What ``stream`` gives, as ``async for`` would.

    A stream that is dropped while a request of it is under way may panic and end the whole process (obstore 0.12:
    "there is no reactor running"). So a step that nobody waits for any more still ends, and the stream after it.
    """
    coming = aiter(stream)
    while True:
        step = asyncio.ensure_future(anext(coming))
        try:
            found = await asyncio.shield(step)
        except StopAsyncIteration:
            return
        except asyncio.CancelledError:
            # What the step calls at its end holds the stream until then.
            def ended(done: asyncio.Future[T], _held: Any = coming) -> None:
                if not done.cancelled():
                    done.exception()  # it was cancelled: nobody wants to hear of it

            step.add_done_callback(ended)
            await asyncio.wait([step], timeout=PATIENCE_S)
            raise
        yield found
