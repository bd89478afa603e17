"""Calls on later days: why one waits, what an index of this machine is good for, and clearing what is old."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import os
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from client_people import admin_at, service
from sandbox_user import new_name

from jupyter_oscar.client import fdl
from jupyter_oscar.client.calls import Payload
from jupyter_oscar.client.index import Index
from jupyter_oscar.client.jobs import State, state
from jupyter_oscar.client.maps import Map, Options
from jupyter_oscar.client.pending import reasons
from jupyter_oscar.client.profiles import resolve
from jupyter_oscar.client.status import Node, Status

if TYPE_CHECKING:
    from pathlib import Path

    from jupyter_oscar.client.cluster import Cluster

PATIENCE = 60
TRACKED = (
    "functions: {oscar: [{c: {name: %s, image: busybox, script: s, labels: {jupyter-oscar/tracked: 'true'},"
    " input: [{path: %s/in}], output: [{path: %s/out}]}}]}"
)
COPY = '#!/bin/sh\ncp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR/"\n'


async def tracked(cluster: Cluster, name: str, script: str = COPY) -> None:
    await cluster.services.deploy(fdl.parse(TRACKED % (name, name, name), {"s": script}))


# why a call waits


BIG = Status(
    nodes=(Node(name="n1", cpu=4000, memory=8 << 30, state="Ready"), Node(name="vk", virtual=True, state="NotReady")),
    cpu_free=500,
    cpu_free_on_one=500,
    memory_free=8 << 30,
    memory_free_on_one=8 << 30,
)
KUEUE = {"kueue_enable": True, "interLink_available": True, "gpu_available": False}
QUOTA = {"cpu": {"max": 2000, "used": 1800}, "memory": {"max": 4 << 30, "used": 0}}


@pytest.mark.parametrize(
    ("more", "status", "kind", "said", "never"),
    [
        ({"cpu": "0.3"}, "Suspended", "quota", "used up: 1.8 of 2 CPU, and it asks for 0.3 more", False),
        ({"cpu": "3"}, "Suspended", "quota", "asks for 3 CPU, more than your whole quota of 2", True),
        ({"memory": "5Gi"}, "Suspended", "quota", "asks for 5Gi memory, more than your whole quota of 4Gi", True),
        ({"cpu": "0.1"}, "Suspended", "queue", "queue has not admitted it yet", False),
        ({"cpu": "0.1"}, "Pending", "image", 'image "busybox" may still be fetched', False),
        ({"enable_gpu": True}, "Pending", "gpu", "asks for a GPU, and the cluster shows none", True),
        ({"interlink_node_name": "vk"}, "Pending", "node", '"vk" is NotReady: its site does not answer', False),
        ({"interlink_node_name": "far"}, "Pending", "node", 'batch queue behind "far", or the cluster has no', False),
    ],
)
def test_a_pending_job_is_explained(more: dict[str, Any], status: str, kind: str, said: str, *, never: bool) -> None:
    found = list(reasons(service("svc", **{"cpu": "0.1", "memory": "64Mi", **more}), KUEUE, BIG, QUOTA, status))
    assert (found[0].kind, found[0].never) == (kind, never)
    assert said in str(found[0])


@pytest.mark.parametrize(
    ("more", "kind", "said"),
    [
        ({"cpu": "8"}, "size", "asks for 8 CPU, and the largest machine has 4"),
        ({"cpu": "2"}, "node", "asks for 2 CPU, and no machine has more than 0.5 free now"),
        ({"memory": "9Gi"}, "size", "asks for 9Gi memory, and the largest machine has 8Gi"),
    ],
)
def test_what_no_machine_has_is_said(more: dict[str, Any], kind: str, said: str) -> None:
    (found, *_) = reasons(service("svc", **{"cpu": "0.1", "memory": "64Mi", **more}), {}, BIG, {}, "Pending")
    assert (found.kind, said in str(found)) == (kind, True)


@pytest.mark.asyncio
async def test_a_call_that_waits_says_why_and_so_does_one_that_was_cancelled(a_sandbox: Any) -> None:
    box = a_sandbox(hold=True)
    async with admin_at(box) as cluster:
        await tracked(cluster, "svc")
        call = await cluster.calls.submit("svc", Payload("a.txt", b"x"))
        assert await cluster.calls.why(call)
        await cluster.calls.cancel(call)
        (reason,) = await cluster.calls.why(await cluster.calls.find(call.reference))
        assert str(reason) == f"{call.reference} was cancelled."


# records, found again


@pytest.fixture
def here(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of its own: Jupyter's data folder."""
    conftest: Any = request.config.pluginmanager.getplugin(str(request.config.rootpath / "tests" / "conftest.py"))
    if conftest.ELSEWHERE and resolve(conftest.ELSEWHERE).credentials.grant:
        pytest.skip(f"{conftest.ELSEWHERE}'s sign-in is renewed with what lies in the data folder that this replaces")
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "here"))
    return tmp_path / "here"


async def ended(cluster: Cluster, name: str, count: int) -> list[Any]:
    calls = [await cluster.calls.submit(name, Payload(f"{n}.txt", b"x" * n)) for n in range(count)]
    for call in calls:
        facts = await asyncio.wait_for(cluster.watch.until_ended(call), PATIENCE)
        assert state(facts) is State.DONE
    return calls


@pytest.mark.asyncio
async def test_calls_are_found_from_another_machine(admin_client: Cluster, shared_box: Any, here: Path) -> None:
    await tracked(admin_client, "far")
    (call,) = await ended(admin_client, "far", 1)
    async with admin_at(shared_box) as other:  # it knows nothing but the reference
        again = await other.calls.find(call.reference)
        ((bucket, row),) = await other.calls.outputs(again)
        assert (row.key, again.name) == (f"out/{call.id}/0.txt", "0.txt")
        assert bucket == "far"


@pytest.mark.asyncio
async def test_a_record_is_read_once_on_a_machine_and_again_when_it_changed(
    admin_client: Cluster, shared_box: Any, here: Path
) -> None:
    """What the machine keeps is altered here, so that it shows where a record was read."""
    await tracked(admin_client, "idx", "#!/bin/sh\nsleep 30\n")
    calls = [await admin_client.calls.submit("idx", Payload(f"{n}.txt", b"x")) for n in range(3)]
    since = calls[0].created - dt.timedelta(hours=1)

    async def names() -> dict[str, str]:
        async with admin_at(shared_box) as fresh:
            return {name: call.name for name, call in (await fresh.calls.recorded(since, known={})).items()}

    assert sorted((await names()).values()) == ["0.txt", "1.txt", "2.txt"]
    file = here / "jupyter-oscar" / "records-1.sqlite3"
    assert os.stat(file).st_mode & 0o077 == 0  # noqa: PTH116 - in a coroutine
    with contextlib.closing(sqlite3.connect(file)) as table, table:
        table.execute("UPDATE records SET body = replace(body, '.txt', '.kept')")
    assert sorted((await names()).values()) == ["0.kept", "1.kept", "2.kept"]
    await admin_client.calls.cancel(calls[0])
    assert (await names())[calls[0].id] == "0.txt", "it was written anew, so it was read anew"
    for call in calls[1:]:
        await admin_client.calls.cancel(call)


@pytest.mark.asyncio
@pytest.mark.parametrize("trouble", ["damaged", "no folder", "full", "newer"])
async def test_without_its_index_a_machine_finds_calls_all_the_same(
    admin_client: Cluster, here: Path, trouble: str
) -> None:
    name = new_name("bad")
    await tracked(admin_client, name)
    (call,) = await ended(admin_client, name, 1)
    since = call.created - dt.timedelta(minutes=1)
    file = here / "jupyter-oscar" / "records-1.sqlite3"
    if trouble == "no folder":
        here.write_text("a file where the folder would be")  # noqa: ASYNC240
    elif trouble == "full":
        file.parent.mkdir(parents=True)
        file.symlink_to("/dev/full")
    elif trouble == "damaged":
        file.parent.mkdir(parents=True)
        file.write_bytes(b"not a database" * 1000)
    else:
        file.parent.mkdir(parents=True)
        with contextlib.closing(sqlite3.connect(file)) as table, table:
            table.execute("CREATE TABLE records (something TEXT)")
    for _ in range(2):
        assert call.id in await admin_client.calls.recorded(since, known={})
    if trouble == "damaged":

        async def kept() -> dict[str, bytes]:
            rows = [row async for row in admin_client.store.list(name, ".oscar/calls")]
            caller = (await admin_client.config()).minio_provider.access_key
            return await Index(admin_client.profile.endpoint, caller).read(name, rows)

        assert json.loads(next(iter((await kept()).values())))["id"] == call.id, "it was made anew"


# clearing what is old


@pytest.mark.asyncio
async def test_what_is_old_is_cleared_and_what_is_of_use_stays(
    admin_client: Cluster, alone: None, here: Path, tmp_path: Path
) -> None:
    await tracked(admin_client, "old")
    await ended(admin_client, "old", 3)
    jobs = Map(admin_client, "old", [Payload("r.txt", b"r")], Options(run="kept"))
    jobs.draw()
    await jobs.start()
    await asyncio.gather(jobs.send(), asyncio.wait_for(jobs.until_over(), PATIENCE))

    async def keys(folder: str) -> list[str]:
        return [row.key async for row in admin_client.store.list("old", folder)]

    outputs = await keys("out")
    assert (await admin_client.calls.prune(dt.timedelta(hours=1))).objects == 0, "they are young"
    would = await admin_client.calls.prune(dt.timedelta(0), dry=True)
    assert (would.calls, would.objects, would.kept) == (3, 6, 1)
    assert len(await keys(".oscar/calls")) == 4
    done = await admin_client.calls.prune(dt.timedelta(0))
    assert (done.calls, done.objects, done.bytes) == (would.calls, would.objects, would.bytes)
    assert len(await keys(".oscar/calls")) == len(await keys(".oscar/in")) == 1
    assert await keys("out") == outputs, "outputs are their owner's"
    await admin_client.runs.forget("kept", "old")
    assert (await admin_client.calls.prune(dt.timedelta(0))).kept == 0
    assert await keys(".oscar/calls") == []


@pytest.mark.asyncio
async def test_a_call_that_goes_on_is_not_cleared(admin_client: Cluster, alone: None, here: Path) -> None:
    await tracked(admin_client, "slow", "#!/bin/sh\nsleep 60\n")
    call = await admin_client.calls.submit("slow", Payload("a.txt", b"x"))
    assert (await admin_client.calls.prune(dt.timedelta(0))).kept == 1
    await admin_client.calls.cancel(call)
    assert (await admin_client.calls.prune(dt.timedelta(0))).calls == 1
