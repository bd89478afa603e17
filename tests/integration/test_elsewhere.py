"""These tests on somebody's cluster: they leave what was there as it was, byte for byte, and nothing of their own."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from client_people import admin_at, service
from sandbox_user import User

from jupyter_oscar.client.credentials import Credentials, Secret
from jupyter_oscar.client.profiles import Profile

pytestmark = pytest.mark.asyncio
HERE = Path(__file__).parent
# A story of each kind; all of those that make sense on a real cluster are in these files.
SOME = (
    "grey or mix or cancelled or callers or same_name or feed_one or goes_with or kept or single_fields or volume_stays"
)


@pytest_asyncio.fixture
async def theirs(a_sandbox: Any) -> Any:
    """Another sandbox with services, buckets, objects and a volume of other people."""
    box = a_sandbox()
    async with admin_at(box) as cluster:
        await cluster.services.create(
            service("theirs", input=[{"path": "theirs/in"}], output=[{"path": "theirs/out"}], labels={"a": "b"})
        )
        # Named as the stories name theirs, were they not to make up new names.
        await cluster.services.create(service("svc", input=[{"path": "svc/in"}], output=[{"path": "results/out"}]))
        await cluster.buckets.create("their-data")
        await cluster.volumes.create("their-volume", "1Gi")
        await cluster.store.put("their-data", "deep/a.bin", bytes(range(256)) * 100)
        await cluster.store.put("theirs", "out/result.txt", b"months of work")
        own = await cluster.calls.records.own_bucket()
        await cluster.store.put(own, ".oscar/calls/older.json", b"{}")
    return box


def state(box: Any) -> dict[str, Any]:
    """All that can be seen of it."""
    user = User(box)
    kinds = {kind: user.ask("GET", f"/system/{kind}").json() for kind in ("services", "volumes", "buckets")}
    buckets = [row["bucket_name"] for row in kinds["buckets"]]
    kinds["buckets"] = [
        {key: row[key] for key in ("bucket_name", "visibility", "metadata")} for row in kinds["buckets"]
    ]
    objects = {
        f"{bucket}/{row.object_name}": (row.size, row.last_modified, _digest(user, bucket, row))
        for bucket in buckets
        for row in user.s3.list_objects(bucket, recursive=True)
    }
    return {**kinds, "objects": objects, "config": user.ask("GET", "/system/config").json()}


def _digest(user: User, bucket: str, row: Any) -> str:
    return "" if row.is_dir else hashlib.sha256(user.get(bucket, row.object_name)).hexdigest()


def run_some_at_the_site(home: Path) -> subprocess.CompletedProcess[str]:
    files = [str(HERE / f"test_{name}.py") for name in ("calls", "client_changes")]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:warnings", "-q", "-k", SOME, *files],
        env={**os.environ, "HOME": str(home), "JUPYTER_OSCAR_TEST_CLUSTER": "site"},
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )


async def test_what_others_have_stays_as_it_was(theirs: Any, tmp_path: Path) -> None:
    before = state(theirs)
    assert len(before["objects"]) >= 3
    config = tmp_path / ".oscar-cli" / "config.yaml"
    config.parent.mkdir()
    config.write_text(
        f"oscar:\n  site:\n    endpoint: {theirs.endpoint}\n    auth_user: {theirs.user}\n"
        f"    auth_password: {theirs.password}\n    ssl_verify: false\n"
    )
    done = await asyncio.to_thread(run_some_at_the_site, tmp_path)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout.splitlines()[-1]
    assert state(theirs) == before


async def test_a_test_that_would_touch_it_is_stopped(theirs: Any, request: pytest.FixtureRequest) -> None:
    conftest: Any = request.config.pluginmanager.getplugin(str(request.config.rootpath / "tests" / "conftest.py"))
    careful = conftest._resource("careful")
    before = state(theirs)
    profile = Profile("site", theirs.endpoint, Credentials(theirs.user, Secret(theirs.password)))
    async with careful.Careful(profile) as one:
        for attempt in (
            one.services.create(service("theirs")),
            one.services.create(service("new", input=[{"path": "their-data/in"}])),
            one.services.create(service("new", mount={"storage_provider": "minio.default", "path": "their-data"})),
            one.services.delete("theirs"),
            one.services.change("theirs", cpu="2"),
            one.jobs.delete_all("theirs"),
            one.buckets.delete("their-data"),
            one.buckets.update("their-data", visibility="public"),
            one.volumes.delete("their-volume"),
            one.operation.allow_images(["x"]),
            one.store.put("their-data", "new", b"x"),
            one.store.delete("theirs", ["out/result.txt"]),
            one.store.copy("theirs", "out/result.txt", "their-data", "copy"),
        ):
            with pytest.raises(careful.Touched):
                await attempt
        await one.tidy()
    assert state(theirs) == before
