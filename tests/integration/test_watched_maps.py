"""What a cluster is asked while many calls are waited for: next to nothing, and yet every end is learned."""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING, Any

import pytest

import jupyter_oscar as oscar
from jupyter_oscar.notebook.bridge import bridge

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 90
FDL = """
functions:
  oscar:
    - c:
        name: crowd
        image: busybox
        script: script.sh
        labels: {{jupyter-oscar/tracked: "{tracked}"}}
        input: [{{path: crowd/in}}]
        output: [{{path: crowd/out}}]
"""
# Waits for a file that the test makes; what is said to be slow waits for another one.
SCRIPT = """#!/bin/sh
case "$(cat "$INPUT_FILE_PATH")" in slow) gate={folder}/slow;; *) gate={folder}/gate;; esac
while [ ! -e "$gate" ]; do sleep 0.2; done
cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR/"
"""
LISTS, LOGS = "GET /system/logs/crowd", "GET /system/logs/crowd/.+"


@pytest.fixture
def counted(a_sandbox: Any, odd: Any) -> Iterator[tuple[Any, Any]]:
    """A cluster that runs sixty jobs at once, and what it was asked."""
    box = a_sandbox(jobs=60)
    with odd.counted(box.endpoint) as (url, desk):
        one = oscar.connect(endpoint=url, user=box.user, password=box.password)
        yield one, desk
        one.close()


def deploy(cluster: Any, folder: Path, *, tracked: bool = True) -> None:
    (folder / "script.sh").write_text(SCRIPT.format(folder=folder))
    (folder / "fdl.yaml").write_text(FDL.format(tracked=str(tracked).lower()))
    cluster.deploy(folder / "fdl.yaml")


def until(what: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline, "what the test waited for did not happen"
        time.sleep(0.05)


def test_a_map_costs_one_list_a_minute_and_no_log(counted: Any, tmp_path: Path) -> None:
    cluster, desk = counted
    deploy(cluster, tmp_path)
    began = time.monotonic()
    jobs = cluster.map("crowd", text=[str(number) for number in range(60)])
    until(lambda: jobs.counts.get("running") == 60)
    assert desk.count(LISTS) == 1, "running calls show in the list, read once"
    (tmp_path / "gate").touch()
    assert jobs.wait(PATIENCE).counts == {"done": 60}
    assert desk.count(LISTS) <= 1 + (time.monotonic() - began) // 60
    assert desk.count(LOGS) == 0
    assert desk.count("POST /job/crowd") == 60
    asked = [said for said in desk.asked if "/system/logs" in said or "/system/services/" in said]
    assert len(asked) <= 5, f"whatever else was asked does not grow with the calls: {asked}"


def test_a_call_that_was_lost_among_many_is_found_out(counted: Any, tmp_path: Path) -> None:
    cluster, desk = counted
    deploy(cluster, tmp_path)
    jobs = cluster.map("crowd", text=["slow"] * 20)
    gone = jobs[7].accepted()
    bridge.run(cluster.client.jobs.delete("crowd", gone.id))
    until(lambda: jobs.counts.get("unknown") == 1)
    assert [job.id for job in jobs.failed] == [gone.id]
    assert desk.count(LISTS) == 1
    assert desk.count(LOGS) == 0
    jobs.cancel()


def test_many_calls_of_an_untracked_service_are_told_by_their_outputs(counted: Any, tmp_path: Path) -> None:
    cluster, desk = counted
    deploy(cluster, tmp_path, tracked=False)
    (tmp_path / "gate").touch()
    jobs = cluster.map("crowd", text=[str(number) for number in range(30)])
    assert [result.text for result in jobs.results(timeout=PATIENCE)] == [str(number) for number in range(30)]
    assert desk.count(LISTS) <= 1


def test_a_call_that_ends_badly_before_its_script_is_told_soon(counted: Any, tmp_path: Path) -> None:
    """Its input is gone before its job can fetch it: nothing will ever show in the bucket."""
    cluster, desk = counted
    deploy(cluster, tmp_path)
    client = cluster.client
    call = bridge.run(client.calls.plan("crowd", "input.txt"))
    bridge.run(client.calls.post(call, client.services.peek("crowd")))
    from jupyter_oscar.notebook.handles import Job

    began = time.monotonic()
    with pytest.raises(oscar.errors.JobFailed, match="before or after its script"):
        Job(client, call).result(PATIENCE)
    # After five seconds, then at intervals that grow by half; and once more for its last words.
    looks = 1 + math.log(max(1.0, (time.monotonic() - began) / 5), 1.5)
    assert desk.count(LOGS) <= looks + 1


def test_however_many_show_the_services_their_list_is_read_once(counted: tuple[Any, Any]) -> None:
    cluster, desk = counted

    async def ten_tables() -> None:
        await asyncio.gather(*(cluster.client.watch.services() for _ in range(10)))

    bridge.run(ten_tables())
    bridge.run(ten_tables())
    assert desk.count("GET /system/services") == 1
    # What a cell asks for itself is new, and then also what the tables show.
    assert list(cluster.services) == []
    bridge.run(ten_tables())
    assert desk.count("GET /system/services") == 2
