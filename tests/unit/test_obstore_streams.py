"""Streams of obstore are never dropped while they wait for an answer: that would end the process."""

import asyncio
import weakref

import pytest

from jupyter_oscar.client import obstore_streams
from jupyter_oscar.client.obstore_streams import steps


class Pages:
    """Gives the pages that it is told, one after another, and knows whether it was let go while one was to come."""

    def __init__(self, let_go):
        self.asked, self.let_go = asyncio.Queue(), let_go
        self.step = None

    def __aiter__(self):
        return self

    def __anext__(self):
        self.step = asyncio.get_running_loop().create_future()
        self.asked.put_nowait(self.step)
        return self.step

    def __del__(self):
        self.let_go.append(self.step.done())


async def read(pages, seen):
    async for page in steps(pages):
        seen.append(page)


def test_it_gives_what_the_stream_gives():
    async def main():
        pages, seen = Pages([]), []
        reading = asyncio.ensure_future(read(pages, seen))
        for page in (1, 2):
            (await pages.asked.get()).set_result(page)
        (await pages.asked.get()).set_exception(StopAsyncIteration())
        await reading
        assert seen == [1, 2]

    asyncio.run(main())


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("end", ["a page", OSError("nobody wants to hear of it")])
def test_who_is_cancelled_leaves_the_stream_until_its_page_has_come(end, late, monkeypatch):
    monkeypatch.setattr(obstore_streams, "PATIENCE_S", 0 if late else 30)

    def come(step):
        step.set_result(end) if isinstance(end, str) else step.set_exception(end)

    async def main(let_go):
        pages = Pages(let_go)
        gone = weakref.ref(pages)
        reading = asyncio.ensure_future(read(pages, []))
        step = await pages.asked.get()
        del pages
        reading.cancel()
        if late:
            await asyncio.wait([reading])
            assert gone() is not None, "it waits for its page"
            come(step)
        else:
            await asyncio.sleep(0)
            assert not reading.done()
            come(step)
            await asyncio.wait([reading])
        assert reading.cancelled()
        del reading, step
        for _ in range(3):
            await asyncio.sleep(0)
        assert let_go == [True]

    asyncio.run(main([]))
