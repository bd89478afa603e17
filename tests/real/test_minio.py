"""Our storage code on a real MinIO: bytes, listings, pages and presigned URLs."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from jupyter_oscar.client.calls import Call
from jupyter_oscar.client.changes import Changes
from jupyter_oscar.client.cluster import Cluster
from jupyter_oscar.client.errors import BucketNotFound, InvalidRequest, NotAllowed, ObjectNotFound, StorageFailed
from jupyter_oscar.client.jobs import State, state
from jupyter_oscar.client.profiles import resolve

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.real, pytest.mark.timeout(3600)]

USER, SECRET = "real-user", "real-secret-0123"


@pytest.fixture(scope="session")
def minio(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address."""
    top = tmp_path_factory.mktemp("minio")
    ports = []
    for _ in range(2):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            ports.append(probe.getsockname()[1])
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(top),
        "MINIO_ROOT_USER": USER,
        "MINIO_ROOT_PASSWORD": SECRET,
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
        "MINIO_CI_CD": "1",
        "MINIO_NOTIFY_WEBHOOK_ENABLE_oscar": "on",
        "MINIO_NOTIFY_WEBHOOK_ENDPOINT_oscar": "http://127.0.0.1:1/job/svc",
    }
    address = [f"127.0.0.1:{port}" for port in ports]
    command = [str(program), "server", "--address", address[0], "--console-address", address[1], str(top / "data")]
    with (top / "log").open("wb") as log, subprocess.Popen(command, env=env, stdout=log, stderr=log) as process:
        url = f"http://{address[0]}"
        while True:
            assert process.poll() is None, (top / "log").read_text()
            try:
                if httpx.get(f"{url}/minio/health/ready").status_code == 200:
                    break
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        for bucket in ("real", "large"):
            make_bucket(url, bucket)
        yield url
        process.terminate()


def make_bucket(url: str, name: str) -> None:
    from minio import Minio

    Minio(url.removeprefix("http://"), USER, SECRET, secure=False).make_bucket(name)


def config_of(url: str, secret: str = SECRET) -> bytes:
    provider = {"endpoint": url, "verify": False, "access_key": USER, "secret_key": secret, "region": "us-east-1"}
    return json.dumps({"config": {}, "minio_provider": provider}).encode()


@pytest.fixture
def run(odd: Any, minio: str) -> Iterator[Callable[[Callable[[Cluster], Awaitable[Any]]], Any]]:
    """Run a story on a cluster whose storage is this MinIO; of OSCAR only its configuration is there."""
    with odd.answering(body=config_of(minio)) as oscar:

        def do(story: Callable[[Cluster], Awaitable[Any]]) -> Any:
            async def whole() -> Any:
                async with Cluster(resolve(endpoint=oscar, user="oscar", password="x")) as cluster:
                    return await story(cluster)

            return asyncio.run(whole())

        yield do


ODD_KEYS = ["plain.txt", "two  spaces #1 ?.txt", "ü/a%20b+c=d.txt", ".oscar/in/x/it's.txt", "[1]{2}*'\"|<>^`.txt"]


def test_bytes_go_and_come_under_odd_keys(run: Any) -> None:
    async def story(cluster: Cluster) -> list[bytes]:
        for key in ODD_KEYS:
            await cluster.store.put("real", f"odd/{key}", key.encode())
        listed = [row.key async for row in cluster.store.list("real", "odd")]
        assert sorted(listed) == sorted(f"odd/{key}" for key in ODD_KEYS)
        return [await cluster.store.get("real", f"odd/{key}") for key in ODD_KEYS]

    assert run(story) == [key.encode() for key in ODD_KEYS]


def test_a_large_file_goes_in_parts_and_comes_back_whole(run: Any, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(40_000_000))

    async def story(cluster: Cluster) -> None:
        sent = await cluster.store.put("large", "file", source)
        await cluster.store.download("large", "file", tmp_path / "copy")
        assert sent.size == 40_000_000

    run(story)
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()


def test_the_calls_of_a_folder_are_seen_with_one_listing(run: Any) -> None:
    """Only those between the oldest and the newest: MinIO lists from a key on, as the clusters' own does."""

    async def story(cluster: Cluster) -> dict[str, State]:
        made = [
            Call(
                id=f"svc-{number:011x}{'0' * 10}",
                service="svc",
                created=datetime.now(timezone.utc),
                bucket="real",
                tracked=True,
                outputs=("real/out",),
            )
            for number in range(1500)
        ]
        gate = asyncio.Semaphore(32)

        async def end(call: Call, code: int) -> None:
            async with gate:
                done = {"exit": code, "outputs": [{"name": "a", "size": 1}]}
                await cluster.store.put("real", f"out/{call.id}/a", b"x")
                await cluster.store.put("real", f"out/{call.id}/.done", json.dumps(done).encode())

        await asyncio.gather(*(end(call, number % 2) for number, call in enumerate(made) if number != 1400))
        wanted = made[1200:1402]
        seen = await cluster.calls.look_in_buckets(wanted)
        return {call.id: state(seen[call.id]) for call in (made[1200], made[1201], made[1400])}

    assert list(run(story).values()) == [State.DONE, State.FAILED, State.QUEUED]


def test_folders_are_read_page_by_page(run: Any) -> None:
    async def story(cluster: Cluster) -> None:
        for number in range(7):
            await cluster.store.put("real", f"pages/{number}.txt", b"x")
        await cluster.store.put("real", "pages/sub/deep.txt", b"x")
        keys: list[str] = []
        folders: list[str] = []
        token = None
        while True:
            page = await cluster.buckets.page("real", "pages/", size=3, token=token)
            keys += [row.key for row in page.objects]
            folders += page.folders
            token = page.next
            if not token:
                break
        assert keys == [f"pages/{number}.txt" for number in range(7)]
        assert folders == ["pages/sub/"]

    run(story)


def test_a_presigned_url_opens_one_object_for_one_verb(run: Any) -> None:
    async def story(cluster: Cluster) -> tuple[str, str]:
        await cluster.store.put("real", "signed/a b.txt", b"hello")
        read = await cluster.buckets.presign("real", "signed/a b.txt")
        return read, await cluster.buckets.presign("real", "signed/new.txt", verb="PUT")

    read, write = run(story)
    assert httpx.get(read).text == "hello"
    assert httpx.put(read, content=b"no").status_code == 403
    assert httpx.put(write, content=b"new").status_code == 200
    assert httpx.get(read.replace("a%20b", "new")).status_code == 403


def test_what_fails_is_said_in_words(run: Any, odd: Any, minio: str) -> None:
    async def story(cluster: Cluster) -> None:
        with pytest.raises(ObjectNotFound, match="there is no such object"):
            await cluster.store.get("real", "gone")
        with pytest.raises(ObjectNotFound):
            await cluster.store.put("nosuchbucket", "a", b"x")
        with pytest.raises(BucketNotFound):
            await cluster.buckets.page("nosuchbucket")

    run(story)

    async def refused(oscar: str) -> None:
        async with Cluster(resolve(endpoint=oscar, user="oscar", password="x")) as cluster:
            with pytest.raises((NotAllowed, StorageFailed)) as caught:
                await cluster.store.get("real", "a")
            assert "wrong-secret" not in str(caught.value)

    with odd.answering(body=config_of(minio, "wrong-secret-0123")) as oscar:
        asyncio.run(refused(oscar))


def test_an_upload_goes_on_with_the_parts_that_have_arrived_and_links_take_parts_from_any_page(run: Any) -> None:
    content = os.urandom(20 * 1024 * 1024)
    parts = [content[at : at + 8 * 1024 * 1024] for at in range(0, len(content), 8 * 1024 * 1024)]
    page = {"Origin": "https://lab.example.org"}

    async def story(cluster: Cluster) -> bytes:
        upload = await cluster.objects.begin("real", "parts/a b.bin")
        await cluster.objects.part("real", "parts/a b.bin", upload, 1, parts[0])
        link = await cluster.uploads.sign("real", "parts/a b.bin", upload, 3)
        asking = {**page, "Access-Control-Request-Method": "PUT"}
        asked = await asyncio.to_thread(httpx.options, link, headers=asking)
        assert asked.headers["access-control-allow-origin"] in {"*", page["Origin"]}
        sent = await asyncio.to_thread(httpx.put, link, content=parts[2], headers=page, timeout=60)
        assert (sent.status_code, "access-control-allow-origin" in sent.headers) == (200, True)
        assert [(one.key, one.id) async for one in cluster.uploads.unfinished("real", "parts/")] == [
            ("parts/a b.bin", upload)
        ]
        assert [part.number for part in await cluster.uploads.parts("real", "parts/a b.bin", upload)] == [1, 3]
        with pytest.raises(InvalidRequest, match="12582912 of 20971520"):
            await cluster.uploads.finish("real", "parts/a b.bin", upload, len(content))
        await cluster.objects.part("real", "parts/a b.bin", upload, 2, parts[1])
        await cluster.uploads.finish("real", "parts/a b.bin", upload, len(content))
        left = await cluster.objects.begin("real", "parts/left")
        await cluster.objects.abort("real", "parts/left", left)
        assert [one async for one in cluster.uploads.unfinished("real")] == []
        return await cluster.store.get("real", "parts/a b.bin")

    assert run(story) == content


def test_keys_that_obstore_would_change_stay_what_they_are(run: Any, tmp_path: Path) -> None:
    async def story(cluster: Cluster) -> None:
        for key in ("tab\there.txt", "line\nbreak.txt"):
            await cluster.store.put("real", f"kept/{key}", key.encode())
            await cluster.store.download("real", f"kept/{key}", tmp_path / "one")
            assert (tmp_path / "one").read_bytes() == key.encode()
        listed = [row.key async for row in cluster.buckets.under("real", "kept/")]
        assert listed == ["kept/line\nbreak.txt", "kept/tab\there.txt"]
        await cluster.objects.make_folder("real", "marked/")
        assert [row.key async for row in cluster.buckets.under("real", "marked")] == ["marked/"]
        await cluster.store.delete("real", ["marked/", *listed])
        assert [row.key async for row in cluster.buckets.under("real", "marked")] == []

    run(story)


def test_changes_are_told_once_and_no_notification_is_touched(run: Any, minio: str) -> None:
    import boto3
    from botocore.config import Config

    keys = {"aws_access_key_id": USER, "aws_secret_access_key": SECRET, "region_name": "us-east-1"}
    admin = boto3.client("s3", endpoint_url=minio, config=Config(signature_version="s3v4"), **keys)
    arn = "arn:minio:sqs::oscar:webhook"
    rule = {"Key": {"FilterRules": [{"Name": "prefix", "Value": "in/"}]}}
    created = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"], "Filter": rule}
    admin.put_bucket_notification_configuration(
        Bucket="real", NotificationConfiguration={"QueueConfigurations": [created]}
    )
    link = admin.generate_presigned_url("get_bucket_notification_configuration", Params={"Bucket": "real"})

    def notification() -> bytes:
        return httpx.get(link).content

    before = notification()
    assert arn.encode() in before

    async def story(cluster: Cluster) -> list[tuple[str, str]]:
        changes = Changes(cluster, "real", "in/")
        await changes.begun()
        seen = []
        try:
            for act in (
                cluster.store.put("real", "in/a.txt", b"1"),
                cluster.store.put("real", "in/a.txt", b"1"),
                cluster.store.copy("real", "in/a.txt", "real", "in/b.txt"),
                cluster.store.delete("real", ["in/a.txt"]),
            ):
                await act
                assert await changes.ready()
                change = changes.take()
                assert change is not None
                seen.append((change.kind, change.key))
            return seen
        finally:
            await changes.aclose()

    assert run(story) == [
        ("created", "in/a.txt"),
        ("replaced", "in/a.txt"),
        ("created", "in/b.txt"),
        ("removed", "in/a.txt"),
    ]
    assert notification() == before
