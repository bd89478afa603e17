"""What holds for every engine of dataflows, held by NiFi; and what it keeps when it dies."""

from __future__ import annotations

import contextlib
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from engine_stories import EngineStories, Operator, eventually, service
from nifi_canvas import Canvas, engine
from odd_servers import counted

from jupyter_oscar.client.errors import OscarError, TimedOut, Unreachable, UpstreamFailed
from jupyter_oscar.flows.engines.base import FlowState
from jupyter_oscar.flows.plan import Action

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nifi_process import Process

pytestmark = [pytest.mark.real, pytest.mark.timeout(3600)]


class TestNifiAsAnEngine(EngineStories):
    """What holds for every engine."""


@contextlib.contextmanager
def asking(operator: Operator) -> Iterator[list[OscarError]]:
    """Somebody who looks again and again how the dataflows are; what they are told when they are told nothing else."""
    said: list[OscarError] = []
    over = threading.Event()

    def ask() -> None:
        while not over.wait(0.2):
            try:
                operator.status()
            except OscarError as error:
                said.append(error)

    with ThreadPoolExecutor(1) as pool:
        asks = pool.submit(ask)
        try:
            yield said
        finally:
            over.set()
            asks.result()


def test_dataflows_outlive_a_nifi_that_is_killed_while_another_is_deployed(
    nifi: Process, operator: Operator, canvas: Canvas
) -> None:
    with service() as oscar, counted(nifi.url) as (url, desk):
        snapshot = operator.compiled(EngineStories.text(oscar))
        operator.apply(snapshot)
        operator.start()
        oscar.status = 503
        operator.send(snapshot, "kept")
        eventually(lambda: oscar.asked)
        other = operator.compiled(EngineStories.text(oscar), "other")

        def die(said: str) -> None:
            if said.endswith("/process-groups/import"):
                nifi.stop(signal.SIGKILL)

        desk.refuse = die
        operator.make, direct = lambda: engine(url), operator.make
        with pytest.raises(Unreachable, match=r"the connection to NiFi at .* broke") as caught:
            operator.apply(other)
        assert "Making the parameters of other could not be undone" in " ".join(caught.value.__notes__)
        operator.make = direct
        with pytest.raises(Unreachable, match="connection refused"):
            operator.status()
        with asking(operator) as said:
            nifi.start()
        assert said
        assert all(isinstance(one, (Unreachable, TimedOut, UpstreamFailed)) and one.hint for one in said)

        assert operator.plan(snapshot).action is Action.NOTHING
        operator.apply(other)
        assert len(canvas.groups) == len(canvas.contexts) == 2
        oscar.status = 201
        operator.start()  # a NiFi that is killed may have forgotten that it was started
        eventually(lambda: oscar.bodies == ["kept"])
        assert operator.drain().state is FlowState.STOPPED
