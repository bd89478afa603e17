"""Buckets as folders of the server: mounted from the page, seen as what they are, undone; and what ends by itself."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import page_buckets
import pytest
import requests
from pytest_jupyter.jupyter_core import jp_asyncio_loop  # noqa: F401 - see tests/conftest.py
from pytest_jupyter.jupyter_server import jp_server_cleanup  # noqa: F401

from jupyter_oscar.deploy import keeper, mounts, notes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from page_buckets import Bucket

jp_server_config, bucket = page_buckets.jp_server_config, page_buckets.bucket
fuse = pytest.mark.usefixtures("needs_fuse")


@pytest.fixture
def needs_fuse() -> None:
    try:
        keeper.check_fuse()
    except mounts.CannotMount as error:
        pytest.skip(str(error))


class Page:
    """The working directory as the page asks for it."""

    def __init__(self, fetch: Callable[..., Awaitable[Any]], top: Path) -> None:
        self.fetch, self.top = fetch, top

    async def ask(self, method: str = "GET", body: Any = None, **query: str) -> Any:
        path = ("jupyter-oscar", "clusters", "box", "working-directory")
        return await page_buckets.said(self.fetch, path, method, None, body, query)

    async def mount(self, bucket: Bucket, path: str, **more: Any) -> Any:
        return await self.ask("POST", {"bucket": bucket.name, "path": path, **more})

    async def until(self, what: Callable[[Any], Any]) -> Any:
        """What is mounted, once it is like that."""
        deadline = asyncio.get_running_loop().time() + 60
        while not what(found := (await self.ask())["mounts"]):
            assert asyncio.get_running_loop().time() < deadline, found
            await asyncio.sleep(0.1)
        return found


@pytest.fixture
def page(jp_fetch: Callable[..., Awaitable[Any]], jp_root_dir: Path, jp_serverapp: Any) -> Iterator[Page]:
    del jp_serverapp
    yield Page(jp_fetch, jp_root_dir)
    for note in notes.notes():
        keeper.undo(note.point, lambda _: None)


@pytest.fixture
def at_home(sandbox: Any, jp_web_app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Known to be the sandbox of this machine, not a cluster as any other."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(sandbox.announcement.parent))
    del jp_web_app


@fuse
async def test_a_bucket_is_mounted_and_is_unmounted_when_all_is_written_back(page: Page, bucket: Bucket) -> None:
    await bucket.put("in/there.txt", b"x")
    assert await page.ask() == {"mounts": [], "cannot": None}
    (row,) = (await page.mount(bucket, "work", folder="in"))["mounts"]
    assert (row["path"], row["bucket"], row["folder"], row["state"]) == ("work", bucket.name, "in", "mounted")
    assert (row["ours"], row["waiting"], row["watched_by"], row["problem"]) == (True, 0, [], None)
    assert (page.top / "work" / "there.txt").read_text() == "x"
    (page.top / "work" / "new.txt").write_text("held")
    assert (await page.ask("DELETE", point=str(page.top / "work")))["mounts"] == []
    assert not (page.top / "work").exists()
    assert (await bucket.get("in/new.txt")).body == b"held"


@fuse
async def test_a_mount_that_ends_by_itself_is_said_to_be_gone_and_is_mounted_again(page: Page, bucket: Bucket) -> None:
    await page.mount(bucket, "work")
    (note,) = notes.notes()
    os.kill(child_of(note.pid), signal.SIGKILL)
    (row,) = await page.until(lambda rows: rows[0]["state"] == "gone")
    assert (row["path"], row["bucket"], row["ours"]) == ("work", bucket.name, True)
    assert not (page.top / "work").exists(), "what is saved now fails rather than lie beside the bucket"
    (row,) = (await page.mount(bucket, "work"))["mounts"]
    assert row["state"] == "mounted"
    os.kill(notes.notes()[0].pid, signal.SIGKILL)
    await page.until(lambda rows: rows[0]["state"] == "gone")
    assert (await page.ask("DELETE", point=str(page.top / "work")))["mounts"] == [], "or forgotten"


@fuse
async def test_in_a_pod_the_sidecars_mount_is_the_working_directory(
    page: Page, bucket: Bucket, jp_web_app: Any, sandbox: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """rclone as the sidecar runs it (oscar.md §2.7): nobody here can ask it what it holds."""
    point = tmp_path / "mnt"
    point.mkdir()
    storage = {"TYPE": "s3", "PROVIDER": "Minio", "FORCE_PATH_STYLE": "true", **_storage(sandbox)}
    env = {"PATH": os.environ["PATH"], **{f"RCLONE_CONFIG_MINIO_{name}": value for name, value in storage.items()}}
    command = [keeper.rclone(), "mount", f"minio:{bucket.name}", str(point), "--config", os.devnull]
    command += ["--vfs-cache-mode", "writes", "--vfs-write-back", "1h", "--cache-dir", str(tmp_path / "cache")]
    process = subprocess.Popen(command, env=env)  # noqa: ASYNC220 - it is at once
    try:
        monkeypatch.setitem(jp_web_app.settings, "server_root_dir", str(point))
        (row,) = await page.until(lambda rows: rows)
        assert (row["path"], row["bucket"], row["state"], row["ours"]) == ("", bucket.name, "mounted", False)
        (point / "a.txt").write_text("not yet there")
        (row,) = await page.until(lambda rows: rows[0]["waiting"])
        assert row["files"] == [{"key": "a.txt", "size": 13, "errors": False}]
        await bucket.put("a.txt", b"not yet there")
        await page.until(lambda rows: not rows[0]["waiting"])
        process.kill()
        (row,) = await page.until(lambda rows: rows[0]["state"] == "gone")
        assert (row["path"], row["problem"]) == ("", None)
    finally:
        process.kill()
        process.wait()
        keeper.clear(point)


def child_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def _storage(sandbox: Any) -> dict[str, str]:
    who = (sandbox.user, sandbox.password)
    said = requests.get(f"{sandbox.endpoint}/system/config", auth=who, timeout=30).json()["minio_provider"]
    return {"ENDPOINT": said["endpoint"], "ACCESS_KEY_ID": said["access_key"], "SECRET_ACCESS_KEY": said["secret_key"]}


@pytest.mark.usefixtures("at_home", "objects_are_files")
async def test_in_the_sandbox_it_is_the_folder_itself(page: Page, bucket: Bucket) -> None:
    (row,) = (await page.mount(bucket, "deep/work"))["mounts"]
    assert (row["path"], row["bucket"], row["state"]) == ("deep/work", bucket.name, "direct")
    (page.top / "deep" / "work" / "a.txt").write_text("at once")
    while await bucket.names() != ["a.txt"]:  # noqa: ASYNC110 - the folder tells nobody
        await asyncio.sleep(0.1)
    assert (await page.ask("DELETE", point=str(page.top / "deep" / "work")))["mounts"] == []
    assert (await bucket.get("a.txt")).body == b"at once"


@pytest.fixture
def service(jp_fetch: Callable[..., Awaitable[Any]], sandbox: Any) -> Iterator[Bucket]:
    """The bucket of a service that is started by what lands in ``in``."""
    name, who = f"seen-{uuid.uuid4().hex[:8]}", (sandbox.user, sandbox.password)
    said = {"name": name, "image": "alpine", "memory": "64Mi", "cpu": "0.1", "script": "#!/bin/sh\ntrue\n"}
    said["input"] = [{"storage_provider": "minio.default", "path": f"{name}/in"}]
    services = f"{sandbox.endpoint}/system/services"
    assert requests.post(services, json=said, auth=who, timeout=30).ok
    yield page_buckets.Bucket(jp_fetch, name)
    requests.delete(f"{services}/{name}", auth=who, timeout=30)


@pytest.mark.usefixtures("at_home", "objects_are_files")
async def test_the_servers_own_folder_says_which_bucket_it_is_and_who_watches_it(
    page: Page, service: Bucket, jp_web_app: Any, sandbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(jp_web_app.settings, "server_root_dir", str(sandbox.data / "buckets" / service.name))
    (row,) = (await page.ask())["mounts"]
    assert (row["path"], row["bucket"], row["state"], row["ours"]) == ("", service.name, "direct", False)
    assert [(one["service"], one["folder"]) for one in row["watched_by"]] == [(service.name, f"{service.name}/in")]


async def test_what_cannot_be_mounted_is_said_and_leaves_nothing(
    page: Page, bucket: Bucket, jp_web_app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in ("", "../out", "a/../../out", ".hidden"):
        status, refusal = await page.mount(bucket, path)
        assert (status, refusal["code"]) == (400, "invalid-request")
    status, refusal = await page.ask("POST", {"bucket": "no-such-bucket", "path": "work"})
    assert (status, refusal["code"]) == (404, "bucket-not-found")
    status, refusal = await page.ask("DELETE", point=str(page.top / "work"))
    assert (status, refusal["code"]) == (502, "cannot-mount")
    with monkeypatch.context() as without:
        without.setenv("PATH", str(page.top))
        without.setattr(sys, "platform", "darwin")
        assert "cannot be mounted here" in (await page.ask())["cannot"]["message"]
        status, refusal = await page.mount(bucket, "work")
        assert (status, "drive" in refusal["hint"]) == (502, True)
    jp_web_app.settings["jupyter_oscar_processes"].allowed = False
    status, refusal = await page.mount(bucket, "work")
    assert (status, refusal["code"]) == (403, "not-allowed")
    assert not (page.top / "work").exists()
