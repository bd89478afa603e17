"""Everything that OSCAR offers its users and its operator, asked through the typed client: oscar.md §1, row by row."""

from __future__ import annotations

import datetime as dt
from typing import Any

import httpx
import pytest
from client_people import ALICE, BOB, SERVE, WEB, service
from sandbox_user import new_name

from jupyter_oscar.client.cluster import Cluster
from jupyter_oscar.client.credentials import Credentials, Secret
from jupyter_oscar.client.errors import (
    AlreadyExists,
    BucketNotFound,
    InvalidRequest,
    NotAllowed,
    NotAuthenticated,
    ServiceNotFound,
    UpstreamFailed,
)
from jupyter_oscar.client.profiles import Profile
from jupyter_oscar.client.quotas import Limits, VolumeLimits
from jupyter_oscar.client.status import Status

# the cluster


@pytest.mark.asyncio
async def test_it_says_how_it_is(admin_client: Cluster) -> None:
    now = await admin_client.status()
    assert now.measured
    node = now.nodes[0]
    assert node.state == "Ready"
    assert (node.cpu or 0) >= 1000, "millicores"
    assert now.jobs is not None, "an admin is told"
    assert now.node(node.name) == node
    assert now.node("elsewhere") is None


@pytest.mark.asyncio
async def test_users_are_not_told_what_is_the_admins(alice_client: Cluster) -> None:
    assert (await alice_client.status()).nodes


def test_a_status_of_an_older_release_is_read_too() -> None:
    """The flat shape of 3.1 to 3.6, and one without a metrics server (wire A023)."""
    node = {"nodeName": "n1", "cpuCapacity": "2000", "cpuUsage": "350", "memoryCapacity": "25769803776"}
    old = {"numberNodes": 1, "cpuFreeTotal": 1650, "cpuMaxFree": 1650, "memoryFreeTotal": 7, "detail": [node]}
    read = Status.read(old)
    assert (read.nodes[0].cpu, read.cpu_free_on_one, read.nodes[0].state) == (2000, 1650, "")
    assert not Status.read({"cluster": {"nodes_count": 0, "metrics": {}, "nodes": None}}).measured


@pytest.mark.asyncio
async def test_the_operator_says_which_images_are_allowed(admin_client: Cluster, alice_client: Cluster) -> None:
    try:
        assert await admin_client.operation.allow_images(["docker.io/library"]) == ["docker.io/library"]
        assert await alice_client.operation.allowed_images() == ["docker.io/library"]
        with pytest.raises(NotAllowed, match=r"evil\.example.* is not allowed"):
            await admin_client.services.create(service("nope", image="evil.example/x"))
        with pytest.raises(NotAllowed, match="only the cluster's admin may"):
            await alice_client.operation.allow_images([])
    finally:
        await admin_client.operation.allow_images([])
    assert await admin_client.operation.allowed_images() == ()


@pytest.mark.asyncio
async def test_the_operator_sees_who_called_what(
    admin_client: Cluster, alice_client: Cluster, olga_client: Cluster
) -> None:
    await admin_client.services.create(service("seen"))
    with pytest.raises(NotAuthenticated, match="each service has its own"):
        await admin_client.request("POST", "/job", "seen", what="x", headers={"Authorization": "Bearer not-a-token"})
    for one in (admin_client, olga_client):
        last = (await one.operation.requests())[-1]
        assert (last.method, last.path, last.status >= 400) == ("POST", "/job/seen", True)
        assert " " not in last.timestamp
    with pytest.raises(NotAllowed):
        await alice_client.operation.requests()


# how services run


@pytest.mark.asyncio
async def test_a_service_is_stopped_started_and_restarted_without_an_update(admin_client: Cluster, odd: Any) -> None:
    """An update would blank its secrets, so no PUT is ever sent for it."""
    name = new_name("web")
    secret = {"secrets": {"KEY": "MARKER"}}
    await admin_client.services.create(service(name, script=SERVE, expose=WEB, environment=secret))
    with odd.counted(admin_client.profile.endpoint) as (near, desk):
        async with Cluster(Profile("near", near, admin_client.profile.credentials)) as one:
            assert (await one.deployments.ask(name, "stop")).state == "stopped"
            assert (await one.deployments.of(name)).state == "stopped"
            await one.deployments.ask(name, "start")
            await one.deployments.ask(name, "restart")
        assert desk.count(r"PUT .*") == 0
        assert desk.count(rf"POST /system/services/{name}/\w+") == 3
    assert "KEY" in (await admin_client.services.get(name)).environment.secrets


@pytest.mark.asyncio
async def test_a_service_says_how_it_runs_and_what_it_printed(admin_client: Cluster) -> None:
    name = new_name("web")
    await admin_client.services.create(service(name, script=SERVE, expose=WEB))
    while not (log := await admin_client.deployments.log(name)).lines:
        assert (await admin_client.deployments.of(name)).state in {"pending", "ready", "degraded"}
    assert log.available
    assert log.lines[0].endswith("Z serving")
    assert (await admin_client.deployments.log(name, lines=1, timestamps=False)).lines[0] != log.lines[0]
    shown = {one.name: one.deployment for one in await admin_client.services.list(deployments=True)}
    assert shown[name].resource_kind == "exposed_service"
    assert all(one.deployment is None for one in await admin_client.services.list())


@pytest.mark.asyncio
async def test_what_cannot_be_stopped_says_why(admin_client: Cluster, alice_client: Cluster) -> None:
    await admin_client.services.create(service("jobs", visibility="public"))
    assert (await admin_client.deployments.of("jobs")).reason
    with pytest.raises(InvalidRequest, match="not exposed"):
        await admin_client.deployments.ask("jobs", "stop")
    with pytest.raises(ServiceNotFound):
        await admin_client.deployments.ask("gone", "stop")
    with pytest.raises(NotAllowed, match='no service "gone", or it belongs to somebody else'):
        await admin_client.deployments.of("gone")
    with pytest.raises(NotAllowed, match="permission to manage"):
        await alice_client.deployments.ask("jobs", "stop")


@pytest.mark.asyncio
async def test_it_is_known_who_is_let_in(admin_client: Cluster, alice_client: Cluster) -> None:
    made = await admin_client.services.create(service("web", script=SERVE, expose=WEB))
    assert await admin_client.deployments.admits("web")
    assert await admin_client.deployments.admits("web", made.token.get_secret_value())
    assert not await admin_client.deployments.admits("web", "0" * 64)
    assert not await alice_client.deployments.admits("web")


@pytest.mark.parametrize("compat", ["3.6.5", "4.0"])
@pytest.mark.asyncio
async def test_an_older_cluster_says_that_it_cannot(a_sandbox: Any, compat: str) -> None:
    box = a_sandbox(extra=("--compat", compat))
    async with Cluster(Profile("old", box.endpoint, Credentials(box.user, Secret(box.password)))) as cluster:
        with pytest.raises(InvalidRequest, match=r"OSCAR v?\d.* cannot; that came with 4\.1"):
            await cluster.deployments.ask("web", "restart")


# who shares a service


@pytest.mark.asyncio
async def test_members_of_a_federation_are_read(admin_client: Cluster) -> None:
    name = new_name("alone")
    await admin_client.services.create(service(name))
    assert (await admin_client.federation(name)).members == []
    member = {"type": "oscar", "cluster_id": "far", "service_name": "twin", "headers": {"Authorization": "MARKER"}}
    await admin_client.json("POST", "/system/federation", name, what="x", json={"members": [member]})
    found = await admin_client.federation(name)
    assert (found.topology, found.members[0].cluster_id) == ("star", "far")
    assert "MARKER" not in repr(found)
    with pytest.raises(ServiceNotFound):
        await admin_client.federation("gone")


# buckets


@pytest.mark.asyncio
async def test_a_bucket_is_shared_and_made_private_again(alice_client: Cluster, bob_client: Cluster) -> None:
    await alice_client.buckets.create("alices-own")
    try:
        assert "alices-own" not in [one.bucket_name for one in await bob_client.buckets.list()]
        shared = await alice_client.buckets.update("alices-own", visibility="restricted", allowed_users=(BOB,))
        assert (shared.visibility, shared.allowed_users) == ("restricted", [BOB])
        assert "alices-own" in [one.bucket_name for one in await bob_client.buckets.list()]
        with pytest.raises(NotAllowed, match="still restricted; only its owner"):
            await bob_client.buckets.update("alices-own", visibility="public")
        assert (await alice_client.buckets.update("alices-own", visibility="private")).visibility == "private"
        with pytest.raises(InvalidRequest, match='"open" is no visibility'):
            await alice_client.buckets.update("alices-own", visibility="open")
        with pytest.raises(AlreadyExists):
            await bob_client.buckets.create("alices-own")
    finally:
        await alice_client.buckets.delete("alices-own")
    with pytest.raises(BucketNotFound):
        await alice_client.buckets.delete("alices-own")


@pytest.mark.asyncio
async def test_oscars_own_listing_is_read_over_its_pages(admin_client: Cluster) -> None:
    name = new_name("many")
    await admin_client.buckets.create(name)
    for n in range(75):
        await admin_client.store.put(name, f"d/{n:03}.txt", b"x" * n)
    first = await admin_client.buckets.get(name)
    assert len(first.objects) == 70
    second = await admin_client.buckets.get(name, page=first.next_page)
    assert [one.size_bytes for one in second.objects] == [70, 71, 72, 73, 74]
    assert not second.next_page
    age = dt.datetime.now(dt.timezone.utc) - second.objects[0].last_modified
    assert age < dt.timedelta(minutes=5)
    with pytest.raises(BucketNotFound):
        await admin_client.buckets.get("nothing-here")
    with pytest.raises(BucketNotFound):
        await admin_client.buckets.update("nothing-here", visibility="private")


@pytest.mark.asyncio
async def test_oscar_signs_an_upload_and_a_download(admin_client: Cluster) -> None:
    name = new_name("signed")
    await admin_client.buckets.create(name)
    up = await admin_client.buckets.sign(name, "a b.txt", upload=True, seconds=60, content_type="text/plain")
    assert "X-Amz" not in repr(up)
    down = await admin_client.buckets.sign(name, "a b.txt")
    async with httpx.AsyncClient() as anybody:
        headers = {"Content-Type": "text/plain", **up.headers}
        assert (await anybody.request(up.method, up.url, content=b"hello", headers=headers)).is_success
        assert (await anybody.request(down.method, down.url)).content == b"hello"
    with pytest.raises(InvalidRequest, match="1-604800"):
        await admin_client.buckets.sign(name, "k", seconds=604801)
    with pytest.raises(BucketNotFound):
        await admin_client.buckets.sign("nothing-here", "k")


# what may be used, and was


@pytest.mark.asyncio
async def test_the_operator_raises_a_users_quota(admin_client: Cluster, alice_client: Cluster) -> None:
    before = {one.what: one.most for one in await alice_client.quotas.limits()}
    told = await admin_client.quotas.set(ALICE, Limits(volumes=VolumeLimits(disk="20Gi")))
    assert told["volumes"]["disk"]["max"] == "20Gi"
    now = {one.what: one.most for one in await alice_client.quotas.limits()}
    assert now == {**before, "volumes disk": "20Gi"}
    with pytest.raises(NotAllowed):
        await alice_client.quotas.set(ALICE, Limits(volumes=VolumeLimits(disk="40Gi")))
    with pytest.raises(UpstreamFailed, match="kueue is not enabled"):
        await admin_client.quotas.set(ALICE, Limits(cpu="4"))
    with pytest.raises(InvalidRequest, match="no quota"):
        await admin_client.quotas.of()


@pytest.mark.asyncio
async def test_metrics_count_what_was_called(admin_client: Cluster, alice_client: Cluster) -> None:
    made = await admin_client.services.create(service("counted"))
    await admin_client.request(
        "POST",
        "/run",
        "counted",
        what="x",
        content=b"aGk=",
        headers={"Authorization": f"Bearer {made.token.get_secret_value()}"},
    )
    total = await admin_client.metrics.summary()
    assert total.totals.requests_count_sync >= 1
    assert total.end - total.start == dt.timedelta(hours=24)
    rows = {row.key: row for row in await admin_client.metrics.breakdown("service")}
    assert rows["counted"].requests_count_sync == 1
    assert "counted" in await admin_client.metrics.breakdown_csv("service")
    values = {one.metric: one.value for one in await admin_client.metrics.of("counted")}
    assert values["requests-sync-per-service"] == 1
    assert (await admin_client.metrics.value("counted", "requests-sync-per-service")).value == 1
    past = dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)
    assert (await admin_client.metrics.summary(past, past + dt.timedelta(days=1))).totals.requests_count_total == 0
    with pytest.raises(InvalidRequest, match="no metric of a service"):
        await admin_client.metrics.value("counted", "happiness")
    with pytest.raises(ServiceNotFound):
        await admin_client.metrics.of("gone")
    with pytest.raises(NotAllowed):
        await alice_client.metrics.of("counted")
