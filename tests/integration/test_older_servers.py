"""Calls on a server before 4.1, which names jobs itself and tells nobody how."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from jupyter_oscar.client import fdl
from jupyter_oscar.client.calls import Payload
from jupyter_oscar.client.cluster import Cluster
from jupyter_oscar.client.credentials import Credentials, Secret
from jupyter_oscar.client.errors import InvalidRequest, JobNotIdentified
from jupyter_oscar.client.jobs import State, state
from jupyter_oscar.client.maps import Map, Options
from jupyter_oscar.client.profiles import Profile

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.asyncio
FDL = """
functions:
  oscar:
    - c:
        name: {name}
        image: busybox
        script: script.sh
        labels: {{jupyter-oscar/tracked: "{tracked}"}}
        input: [{{path: {name}/in}}]
        output: [{{path: {name}/out}}]
"""


@pytest_asyncio.fixture(params=["3.6.5", "4.0"])
async def old(request: pytest.FixtureRequest, a_sandbox: Any) -> AsyncIterator[Cluster]:
    box = a_sandbox(extra=("--compat", request.param))
    async with Cluster(Profile("old", box.endpoint, Credentials(box.user, Secret(box.password)))) as cluster:
        yield cluster


async def deploy(cluster: Cluster, name: str, script: str) -> None:
    text = FDL.format(name=name, tracked="true" if name == "trk" else "false")
    await cluster.services.deploy(fdl.parse(text, {"script.sh": script}))


SCRIPT = '#!/bin/sh\necho "got $(cat "$INPUT_FILE_PATH")"\ncp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR/"\n'


async def test_a_tracked_call_ends_with_its_outputs_and_each_has_its_own_log(old: Cluster) -> None:
    await deploy(old, "trk", SCRIPT)
    calls = [await old.calls.submit("trk", Payload(f"{n}.txt", f"number {n}".encode())) for n in range(3)]
    for n, call in enumerate(calls):
        facts = await asyncio.wait_for(old.watch.until_ended(call), 60)
        assert state(facts) is State.DONE
        ((bucket, object_),) = await old.calls.outputs(call, facts)
        assert await old.store.get(bucket, object_.key) == f"number {n}".encode()
        assert f"got number {n}" in await old.calls.log(call)
        assert await old.names.of(call) != call.id


async def test_an_untracked_call_ends_with_its_log(old: Cluster) -> None:
    await deploy(old, "unt", SCRIPT)
    call = await old.calls.submit("unt", Payload("a.txt", b"words"))
    facts = await asyncio.wait_for(old.watch.until_ended(call), 60)
    assert state(facts) is State.DONE
    assert [object_.key for _, object_ in await old.calls.outputs(call)] == [f"out/a.{call.id}.txt"]


async def test_a_running_job_is_found_and_cancelled(old: Cluster) -> None:
    await deploy(old, "trk", "#!/bin/sh\nsleep 60\n")
    call = await old.calls.submit("trk", Payload("a.txt", b"words"))
    for _ in range(100):
        try:
            name = await old.names.of(call)
            break
        except JobNotIdentified as error:
            assert "OSCAR v" in str(error)  # noqa: PT017 - until it has begun
            old.names._due.clear()
            await asyncio.sleep(0.1)
    await old.calls.cancel(call)
    assert name not in await old.jobs.list("trk")


async def test_a_job_that_is_gone_is_not_taken_for_another(old: Cluster) -> None:
    await deploy(old, "trk", SCRIPT)
    first, second = [await old.calls.submit("trk", Payload(f"{n}.txt", b"x")) for n in range(2)]
    for call in (first, second):
        await asyncio.wait_for(old.watch.until_ended(call), 60)
    await old.jobs.delete("trk", await old.names.of(first))
    old.names._found.clear()
    old.names._due.clear()
    with pytest.raises(JobNotIdentified, match="cannot be told from others"):
        await old.calls.log(first)


async def test_a_map_ends_and_a_run_is_refused_with_a_sentence(old: Cluster) -> None:
    for name in ("trk", "unt"):
        await deploy(old, name, SCRIPT)
        payloads = [Payload(f"{n}.txt", f"number {n}".encode()) for n in range(8)]
        jobs = Map(old, name, payloads, Options())
        jobs.draw()
        await jobs.start()
        await asyncio.gather(jobs.send(), asyncio.wait_for(jobs.until_over(), 90))
        assert {jobs.state(item) for item in jobs.items} == {State.DONE}
        again = Map(old, name, payloads, Options(run="night"))
        again.draw()
        with pytest.raises(InvalidRequest, match=r"OSCAR v[34].* would run again"):
            await again.start()


async def test_cancelling_a_map_says_what_goes_on(old: Cluster) -> None:
    await deploy(old, "trk", "#!/bin/sh\nsleep 20\n")
    jobs = Map(old, "trk", [Payload(f"{n}.txt", b"x") for n in range(6)], Options())
    jobs.draw()
    await jobs.start()
    await asyncio.ensure_future(jobs.send())
    with pytest.raises(JobNotIdentified, match=r"of 6 jobs cannot be ended"):
        await jobs.cancel()
