"""What is full: queues and disks."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from engine_stories import EngineStories, Operator, eventually, service

from jupyter_oscar.flows.engines.base import FlowState

if TYPE_CHECKING:
    from nifi_canvas import Canvas
    from nifi_process import Process

pytestmark = [pytest.mark.real, pytest.mark.timeout(3600)]


def test_a_full_queue_is_said(operator: Operator, canvas: Canvas, nifi: Process) -> None:
    with service() as oscar:
        snapshot = operator.compiled(EngineStories.text(oscar))
        outcome = operator.apply(snapshot)
        flow = canvas.get(f"/flow/process-groups/{outcome.id}")["processGroupFlow"]["flow"]
        [between_groups] = flow["connections"]
        canvas.change("connections", between_groups["id"], backPressureObjectThreshold=1)
        [source] = [one for one in flow["processGroups"] if one["component"]["name"] == "incoming"]
        operator.do(lambda asked: asked.client.set_state(source["id"], "RUNNING"))
        operator.send(snapshot, "1")
        status = eventually(lambda: (one := operator.status()) and "is full" in str(one.warnings) and one)
        assert "is full (1 events)" in " ".join(status.warnings)
        assert status.state is FlowState.PARTLY


def test_a_full_disk_is_said_although_all_shows_as_running(nifi: Process, operator: Operator, canvas: Canvas) -> None:
    if not nifi.small:
        pytest.skip("its disk cannot be filled: only root may mount a small one")
    with service() as oscar, ThreadPoolExecutor(1) as pool:
        snapshot = operator.compiled(EngineStories.text(oscar))
        operator.apply(snapshot)
        operator.start()
        operator.send(snapshot, "before")
        eventually(lambda: oscar.bodies == ["before"])
        with nifi.full(70):
            status = eventually(lambda: (one := operator.status()) and one.warnings and one)
            assert status.state is FlowState.RUNNING
            assert re.search(r"disk for contents is \d\d % full\. Above 50 % NiFi blocks writes", str(status.warnings))
        with nifi.full(99):
            sending = pool.submit(operator.send, snapshot, "meanwhile")
            status = eventually(lambda: (one := operator.status()) and "block or fail" in str(one.warnings) and one)
            assert status.state is FlowState.RUNNING
            assert "for events is 9" in str(status.warnings)
        sending.result()
        eventually(lambda: oscar.bodies == ["before", "meanwhile"])
        assert operator.status().warnings == ()  # type: ignore[union-attr]
