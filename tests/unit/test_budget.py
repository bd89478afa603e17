"""A budget of requests: a bound in every second, clicks before polls, and polls that say when they are starved."""

from __future__ import annotations

import asyncio
import time

import pytest

from jupyter_oscar.client import budget
from jupyter_oscar.client.errors import Throttled

pytestmark = pytest.mark.asyncio


async def polling(one: budget.Budget) -> None:
    budget.POLLING.set(True)
    await one.turn()


async def test_no_second_sees_more_than_the_budget() -> None:
    one, times = budget.Budget(4), []

    async def ask() -> None:
        await one.turn()
        times.append(time.monotonic())

    await asyncio.gather(*(ask() for _ in range(10)))
    assert all(later - earlier >= 0.99 for earlier, later in zip(times, times[4:], strict=False))
    assert times[-1] - times[0] < 3, "and no time is wasted"


async def test_a_click_goes_before_polls_that_came_earlier() -> None:
    one, order = budget.Budget(2), []
    polls = [asyncio.create_task(polling(one), name=f"poll {n}") for n in range(6)]
    await asyncio.sleep(0)
    click = asyncio.create_task(one.turn(), name="click")
    for task in (*polls, click):
        task.add_done_callback(lambda done: order.append(done.get_name()))
    await asyncio.gather(*polls, click)
    assert order == ["poll 0", "poll 1", "click", *(f"poll {n}" for n in range(2, 6))]


async def test_one_who_goes_away_takes_no_turn() -> None:
    one = budget.Budget(1)
    await one.turn()
    gone = asyncio.create_task(one.turn())
    await asyncio.sleep(0)
    gone.cancel()
    began = time.monotonic()
    await one.turn()
    assert time.monotonic() - began < 1.5


async def test_polls_say_that_they_are_throttled_once_none_had_room_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "OLD", 0.5)
    monkeypatch.setattr(budget, "SECOND", 0.1)
    one = budget.Budget(1)

    async def clicking() -> None:
        while True:
            await asyncio.gather(one.turn(), one.turn(), one.turn())

    clicks = [asyncio.create_task(clicking()) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Throttled, match="OSCAR is busy"):
        await asyncio.create_task(polling(one))
    for task in clicks:
        task.cancel()
    await asyncio.gather(*clicks, return_exceptions=True)
    # Many who poll and advance, though slowly, are not starved.
    await asyncio.gather(*(asyncio.create_task(polling(one)) for _ in range(8)))


async def test_no_budget_is_no_bound() -> None:
    one = budget.Budget()
    for _ in range(1000):
        with pytest.raises(StopIteration):  # through without a wait
            one.turn().send(None)
