"""A budget of requests: a bound in every second, clicks before polls, and polls that say when they are starved."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from jupyter_oscar.client import budget
from jupyter_oscar.client.errors import Throttled

if TYPE_CHECKING:
    from collections.abc import Iterator


class Clock(asyncio.SelectorEventLoop):
    """A loop in which waiting takes no time: where nothing else is to be done, it is later at once."""

    now = 0.0

    def time(self) -> float:
        return self.now

    monotonic = time

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:
            self.now = max(self.now, self._scheduled[0].when())
        super()._run_once()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """Runs a story; the budget reads its time there."""
    loop = Clock()
    monkeypatch.setattr(budget, "time", loop)
    yield loop
    loop.close()


async def polling(one: budget.Budget) -> None:
    budget.POLLING.set(True)
    await one.turn()


def test_no_second_sees_more_than_the_budget_and_no_time_is_wasted(clock: Clock) -> None:
    times = []

    async def story() -> None:
        one = budget.Budget(4)

        async def ask() -> None:
            await one.turn()
            times.append(clock.now)

        await asyncio.gather(*(ask() for _ in range(10)))

    clock.run_until_complete(story())
    assert times == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]


def test_a_click_goes_before_polls_that_came_earlier(clock: Clock) -> None:
    order = []

    async def story() -> None:
        one = budget.Budget(2)
        polls = [asyncio.create_task(polling(one), name=f"poll {n}") for n in range(6)]
        await asyncio.sleep(0)
        click = asyncio.create_task(one.turn(), name="click")
        for task in (*polls, click):
            task.add_done_callback(lambda done: order.append(done.get_name()))
        await asyncio.gather(*polls, click)

    clock.run_until_complete(story())
    assert order == ["poll 0", "poll 1", "click", *(f"poll {n}" for n in range(2, 6))]


def test_one_who_goes_away_takes_no_turn(clock: Clock) -> None:
    async def story() -> None:
        one = budget.Budget(1)
        await one.turn()
        gone = asyncio.create_task(one.turn())
        await asyncio.sleep(0)
        gone.cancel()
        await one.turn()

    clock.run_until_complete(story())
    assert clock.now == 1


def test_polls_say_that_they_are_throttled_once_none_had_room_for_long(clock: Clock) -> None:
    async def story() -> None:
        one = budget.Budget(1)

        async def clicking() -> None:
            while True:
                await asyncio.gather(one.turn(), one.turn(), one.turn())

        clicks = [asyncio.create_task(clicking()) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Throttled, match="OSCAR is busy"):
            await asyncio.create_task(polling(one))
        assert clock.now == budget.OLD
        for task in clicks:
            task.cancel()
        await asyncio.gather(*clicks, return_exceptions=True)
        # Many who poll and advance, though slowly, are not starved.
        await asyncio.gather(*(asyncio.create_task(polling(one)) for _ in range(50)))

    clock.run_until_complete(story())


def test_no_budget_is_no_bound() -> None:
    one = budget.Budget()
    for _ in range(1000):
        with pytest.raises(StopIteration):  # through without a wait
            one.turn().send(None)
