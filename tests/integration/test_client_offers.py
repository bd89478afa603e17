"""Everything that OSCAR offers its users and its operator, asked through the typed client: oscar.md §1, row by row."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import pytest_asyncio

from jupyter_oscar.client.cluster import Cluster
from jupyter_oscar.client.credentials import Credentials, Secret
from jupyter_oscar.client.errors import (
    AlreadyExists,
    BucketNotFound,
    InvalidRequest,
    NotAllowed,
    ServiceNotFound,
    UpstreamFailed,
)
from jupyter_oscar.client.profiles import Profile
from jupyter_oscar.client.quotas import Limits, VolumeLimits
from jupyter_oscar.client.service import Service
from jupyter_oscar.client.status import Status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ALICE, BOB, OLGA = ("alice1234567890@egi.eu", "bob1234567890@egi.eu", "olga1234567890@egi.eu")
WEB = {"api_port": [8080], "min_scale": 1, "max_scale": 1, "cpu_threshold": 80}
SERVE = "#!/bin/sh\necho serving\nexec python3 -m http.server 8080 --bind 127.0.0.1\n"


def service(name: str, **more: Any) -> Service:
    return Service.model_validate({"name": name, "image": "busybox", "script": "#!/bin/sh\ntrue\n", **more})


@pytest_asyncio.fixture
async def admin(shared_box: Any) -> AsyncIterator[Cluster]:
    credentials = Credentials(shared_box.user, Secret(shared_box.password))
    async with Cluster(Profile("admin", shared_box.endpoint, credentials)) as cluster:
        yield cluster
        for one in await cluster.services.list():
            await cluster.services.delete(one.name)
        for bucket in await cluster.buckets.list():
            await cluster.buckets.delete(bucket.bucket_name)


def person(sub: str) -> Any:
    @pytest_asyncio.fixture
    async def one(shared_box: Any, issuer: Any) -> AsyncIterator[Cluster]:
        credentials = Credentials(token=Secret(issuer.token(sub, groups=["vo1"])))
        async with Cluster(Profile(sub.partition("1")[0], shared_box.endpoint, credentials)) as cluster:
            await cluster.config()
            yield cluster

    return one


alice, bob, olga = person(ALICE), person(BOB), person(OLGA)


# the cluster


@pytest.mark.asyncio
async def test_it_says_how_it_is(admin: Cluster) -> None:
    now = await admin.status()
    assert now.measured
    node = now.nodes[0]
    assert node.state == "Ready"
    assert (node.cpu or 0) >= 1000, "millicores"
    assert now.jobs is not None, "an admin is told"
    assert now.node(node.name) == node
    assert now.node("elsewhere") is None


@pytest.mark.asyncio
async def test_users_are_not_told_what_is_the_admins(alice: Cluster) -> None:
    assert (await alice.status()).nodes


def test_a_status_of_an_older_release_is_read_too() -> None:
    """The flat shape of 3.1 to 3.6, and one without a metrics server (wire A023)."""
    node = {"nodeName": "n1", "cpuCapacity": "2000", "cpuUsage": "350", "memoryCapacity": "25769803776"}
    old = {"numberNodes": 1, "cpuFreeTotal": 1650, "cpuMaxFree": 1650, "memoryFreeTotal": 7, "detail": [node]}
    read = Status.read(old)
    assert (read.nodes[0].cpu, read.cpu_free_on_one, read.nodes[0].state) == (2000, 1650, "")
    assert not Status.read({"cluster": {"nodes_count": 0, "metrics": {}, "nodes": None}}).measured


@pytest.mark.asyncio
async def test_the_operator_says_which_images_are_allowed(admin: Cluster, alice: Cluster) -> None:
    try:
        assert await admin.operation.allow_images(["docker.io/library"]) == ["docker.io/library"]
        assert await alice.operation.allowed_images() == ["docker.io/library"]
        with pytest.raises(NotAllowed, match=r"evil\.example.* is not allowed"):
            await admin.services.create(service("nope", image="evil.example/x"))
        with pytest.raises(NotAllowed, match="only the cluster's admin may"):
            await alice.operation.allow_images([])
    finally:
        await admin.operation.allow_images([])
    assert await admin.operation.allowed_images() == ()


@pytest.mark.asyncio
async def test_the_operator_sees_who_called_what(admin: Cluster, alice: Cluster, olga: Cluster) -> None:
    await admin.services.create(service("seen"))
    with pytest.raises(UpstreamFailed):
        await admin.request("POST", "/job", "seen", what="x", headers={"Authorization": "Bearer not-a-token"})
    for one in (admin, olga):
        last = (await one.operation.requests())[-1]
        assert (last.method, last.path, last.status >= 400) == ("POST", "/job/seen", True)
        assert " " not in last.timestamp
    with pytest.raises(NotAllowed):
        await alice.operation.requests()


# how services run


@pytest.mark.asyncio
async def test_a_service_is_stopped_started_and_restarted_without_an_update(admin: Cluster, odd: Any) -> None:
    """An update would blank its secrets, so no PUT is ever sent for it."""
    secret = {"secrets": {"KEY": "MARKER"}}
    await admin.services.create(service("web", script=SERVE, expose=WEB, environment=secret))
    with odd.counted(admin.profile.endpoint) as (near, desk):
        async with Cluster(Profile("near", near, admin.profile.credentials)) as one:
            assert (await one.deployments.ask("web", "stop")).state == "stopped"
            assert (await one.deployments.of("web")).state == "stopped"
            await one.deployments.ask("web", "start")
            await one.deployments.ask("web", "restart")
        assert desk.count(r"PUT .*") == 0
        assert desk.count(r"POST /system/services/web/\w+") == 3
    assert "KEY" in (await admin.services.get("web")).environment.secrets


@pytest.mark.asyncio
async def test_a_service_says_how_it_runs_and_what_it_printed(admin: Cluster) -> None:
    await admin.services.create(service("web", script=SERVE, expose=WEB))
    while not (log := await admin.deployments.log("web")).lines:
        assert (await admin.deployments.of("web")).state in {"pending", "ready", "degraded"}
    assert log.available
    assert log.lines[0].endswith("Z serving")
    assert (await admin.deployments.log("web", lines=1, timestamps=False)).lines[0] != log.lines[0]
    shown = {one.name: one.deployment for one in await admin.services.list(deployments=True)}
    assert shown["web"].resource_kind == "exposed_service"
    assert (await admin.services.list())[0].deployment is None


@pytest.mark.asyncio
async def test_what_cannot_be_stopped_says_why(admin: Cluster, alice: Cluster) -> None:
    await admin.services.create(service("jobs", visibility="public"))
    assert (await admin.deployments.of("jobs")).reason
    with pytest.raises(InvalidRequest, match="not exposed"):
        await admin.deployments.ask("jobs", "stop")
    with pytest.raises(ServiceNotFound):
        await admin.deployments.ask("gone", "stop")
    with pytest.raises(NotAllowed, match='no service "gone", or it belongs to somebody else'):
        await admin.deployments.of("gone")
    with pytest.raises(NotAllowed, match="permission to manage"):
        await alice.deployments.ask("jobs", "stop")


@pytest.mark.asyncio
async def test_it_is_known_who_is_let_in(admin: Cluster, alice: Cluster) -> None:
    made = await admin.services.create(service("web", script=SERVE, expose=WEB))
    assert await admin.deployments.admits("web")
    assert await admin.deployments.admits("web", made.token.get_secret_value())
    assert not await admin.deployments.admits("web", "0" * 64)
    assert not await alice.deployments.admits("web")


@pytest.mark.parametrize("compat", ["3.6.5", "4.0"])
@pytest.mark.asyncio
async def test_an_older_cluster_says_that_it_cannot(a_sandbox: Any, compat: str) -> None:
    box = a_sandbox(extra=("--compat", compat))
    async with Cluster(Profile("old", box.endpoint, Credentials(box.user, Secret(box.password)))) as cluster:
        with pytest.raises(InvalidRequest, match=r"OSCAR v?\d.* cannot; that came with 4\.1"):
            await cluster.deployments.ask("web", "restart")


# who shares a service


@pytest.mark.asyncio
async def test_members_of_a_federation_are_read(admin: Cluster) -> None:
    await admin.services.create(service("alone"))
    assert (await admin.federation("alone")).members == []
    member = {"type": "oscar", "cluster_id": "far", "service_name": "twin", "headers": {"Authorization": "MARKER"}}
    await admin.json("POST", "/system/federation", "alone", what="x", json={"members": [member]})
    found = await admin.federation("alone")
    assert (found.topology, found.members[0].cluster_id) == ("star", "far")
    assert "MARKER" not in repr(found)
    with pytest.raises(ServiceNotFound):
        await admin.federation("gone")


# buckets


@pytest.mark.asyncio
async def test_a_bucket_is_shared_and_made_private_again(alice: Cluster, bob: Cluster) -> None:
    await alice.buckets.create("alices-own")
    try:
        assert "alices-own" not in [one.bucket_name for one in await bob.buckets.list()]
        shared = await alice.buckets.update("alices-own", visibility="restricted", allowed_users=(BOB,))
        assert (shared.visibility, shared.allowed_users) == ("restricted", [BOB])
        assert "alices-own" in [one.bucket_name for one in await bob.buckets.list()]
        with pytest.raises(NotAllowed, match="still restricted; only its owner"):
            await bob.buckets.update("alices-own", visibility="public")
        assert (await alice.buckets.update("alices-own", visibility="private")).visibility == "private"
        with pytest.raises(InvalidRequest, match='"open" is no visibility'):
            await alice.buckets.update("alices-own", visibility="open")
        with pytest.raises(AlreadyExists):
            await bob.buckets.create("alices-own")
    finally:
        await alice.buckets.delete("alices-own")
    with pytest.raises(BucketNotFound):
        await alice.buckets.delete("alices-own")


@pytest.mark.asyncio
async def test_oscars_own_listing_is_read_over_its_pages(admin: Cluster) -> None:
    await admin.buckets.create("many")
    for n in range(75):
        await admin.store.put("many", f"d/{n:03}.txt", b"x" * n)
    first = await admin.buckets.get("many")
    assert len(first.objects) == 70
    second = await admin.buckets.get("many", page=first.next_page)
    assert [one.size_bytes for one in second.objects] == [70, 71, 72, 73, 74]
    assert not second.next_page
    age = dt.datetime.now(dt.timezone.utc) - second.objects[0].last_modified
    assert age < dt.timedelta(minutes=5)
    with pytest.raises(BucketNotFound):
        await admin.buckets.get("nothing-here")
    with pytest.raises(BucketNotFound):
        await admin.buckets.update("nothing-here", visibility="private")


@pytest.mark.asyncio
async def test_oscar_signs_an_upload_and_a_download(admin: Cluster) -> None:
    await admin.buckets.create("signed")
    up = await admin.buckets.sign("signed", "a b.txt", upload=True, seconds=60, content_type="text/plain")
    assert "X-Amz" not in repr(up)
    down = await admin.buckets.sign("signed", "a b.txt")
    async with httpx.AsyncClient() as anybody:
        headers = {"Content-Type": "text/plain", **up.headers}
        assert (await anybody.request(up.method, up.url, content=b"hello", headers=headers)).is_success
        assert (await anybody.request(down.method, down.url)).content == b"hello"
    with pytest.raises(InvalidRequest, match="1-604800"):
        await admin.buckets.sign("signed", "k", seconds=604801)
    with pytest.raises(BucketNotFound):
        await admin.buckets.sign("nothing-here", "k")


# what may be used, and was


@pytest.mark.asyncio
async def test_the_operator_raises_a_users_quota(admin: Cluster, alice: Cluster) -> None:
    before = {one.what: one.most for one in await alice.quotas.limits()}
    told = await admin.quotas.set(ALICE, Limits(volumes=VolumeLimits(disk="20Gi")))
    assert told["volumes"]["disk"]["max"] == "20Gi"
    now = {one.what: one.most for one in await alice.quotas.limits()}
    assert now == {**before, "volumes disk": "20Gi"}
    with pytest.raises(NotAllowed):
        await alice.quotas.set(ALICE, Limits(volumes=VolumeLimits(disk="40Gi")))
    with pytest.raises(UpstreamFailed, match="kueue is not enabled"):
        await admin.quotas.set(ALICE, Limits(cpu="4"))
    with pytest.raises(InvalidRequest, match="no quota"):
        await admin.quotas.of()


@pytest.mark.asyncio
async def test_metrics_count_what_was_called(admin: Cluster, alice: Cluster) -> None:
    made = await admin.services.create(service("counted"))
    await admin.request(
        "POST",
        "/run",
        "counted",
        what="x",
        content=b"aGk=",
        headers={"Authorization": f"Bearer {made.token.get_secret_value()}"},
    )
    total = await admin.metrics.summary()
    assert total.totals.requests_count_sync >= 1
    assert total.end - total.start == dt.timedelta(hours=24)
    rows = {row.key: row for row in await admin.metrics.breakdown("service")}
    assert rows["counted"].requests_count_sync == 1
    assert "counted" in await admin.metrics.breakdown_csv("service")
    values = {one.metric: one.value for one in await admin.metrics.of("counted")}
    assert values["requests-sync-per-service"] == 1
    assert (await admin.metrics.value("counted", "requests-sync-per-service")).value == 1
    past = dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)
    assert (await admin.metrics.summary(past, past + dt.timedelta(days=1))).totals.requests_count_total == 0
    with pytest.raises(InvalidRequest, match="no metric of a service"):
        await admin.metrics.value("counted", "happiness")
    with pytest.raises(ServiceNotFound):
        await admin.metrics.of("gone")
    with pytest.raises(NotAllowed):
        await alice.metrics.of("counted")
