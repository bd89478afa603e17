"""A bucket as a folder: mounted, used, undone cleanly whatever ends first, and recognised where others mounted it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from sandbox_user import eventually

from jupyter_oscar.client.profiles import resolve
from jupyter_oscar.deploy import keeper, mounts
from jupyter_oscar.notebook.bridge import bridge

fuse = pytest.mark.usefixtures("needs_fuse")


@pytest.fixture
def needs_fuse():
    try:
        keeper.check_fuse()
    except mounts.CannotMount as error:
        pytest.skip(str(error))


@pytest.fixture
def bucket(cluster):
    name = f"m-{uuid.uuid4().hex[:10]}"
    bridge.run(cluster.client.buckets.create(name))
    yield cluster.bucket(name)
    bridge.run(cluster.client.buckets.delete(name))


@pytest.fixture
def oscar(sandbox, tmp_path):
    """The command line of somebody to whom the sandbox is a cluster like any other."""
    env = {
        **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
        "HOME": str(tmp_path / "home"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "OSCAR_ENDPOINT": sandbox.endpoint,
        "OSCAR_USER": sandbox.user,
        "OSCAR_PASSWORD": sandbox.password,
    }

    def run(*words, **more):
        command = [sys.executable, "-m", "jupyter_oscar", *map(str, words)]
        return subprocess.run(command, env={**env, **more}, capture_output=True, text=True, timeout=60, check=False)

    yield run
    for one in mounts.mounted():
        if one.point.is_relative_to(tmp_path):
            run("umount", one.point)
            keeper.clear(one.point)


def mounted_at(point):
    return [one for one in mounts.mounted() if one.point == point]


def keeper_of(tmp_path):
    (file,) = (tmp_path / "runtime").glob("jupyter-oscar-mount-*.json")
    return json.loads(file.read_text())["pid"]


def child_of(pid):
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


@fuse
def test_what_is_written_to_the_folder_is_in_the_bucket_and_the_other_way(oscar, bucket, tmp_path):
    point = tmp_path / "work"
    bucket.upload(b"from a cell", "in/a b.txt")
    done = oscar("mount", f"{bucket.name}/in", point)
    assert done.returncode == 0, done.stderr
    assert (point / "a b.txt").read_text() == "from a cell"
    (found,) = mounted_at(point)
    assert found.place == f"{bucket.name}/in"
    assert f"{point}\t{bucket.name}/in" in oscar("mount").stdout
    listed = {row["folder"]: row["bucket"] for row in json.loads(oscar("mount", "--json").stdout)}
    assert listed[str(point)] == f"{bucket.name}/in"
    (point / "new.txt").write_text("from the folder")
    assert eventually(lambda: [one.key for one in bucket.list("in/new")]) == ["in/new.txt"]
    assert bucket.object("in/new.txt").text == "from the folder"
    assert oscar("umount", point).returncode == 0
    assert not point.exists()


@fuse
def test_undoing_it_waits_until_all_is_written_back(oscar, bucket, tmp_path):
    point = tmp_path / "work"
    assert oscar("mount", bucket.name, point).returncode == 0
    content = os.urandom(20_000_000)
    (point / "large.bin").write_bytes(content)
    assert oscar("umount", point).returncode == 0
    assert not mounted_at(point)
    assert bucket.object("large.bin").content == content


@fuse
@pytest.mark.parametrize("victim", ["keeper", "rclone"])
def test_a_killed_mount_leaves_no_dead_folder(oscar, bucket, tmp_path, victim):
    point = tmp_path / "work"
    assert oscar("mount", bucket.name, point).returncode == 0
    pid = keeper_of(tmp_path)
    os.kill(pid if victim == "keeper" else child_of(pid), signal.SIGKILL)
    assert eventually(lambda: not mounted_at(point))
    assert not point.exists() or list(point.iterdir()) == []


@fuse
def test_a_dead_folder_is_mounted_anew(oscar, bucket, tmp_path):
    point = tmp_path / "work"
    assert oscar("mount", bucket.name, point).returncode == 0
    pid = keeper_of(tmp_path)
    child = child_of(pid)
    os.kill(pid, signal.SIGSTOP)  # so that it cannot clear away
    os.kill(child, signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: keeper.is_dead(point))
    assert oscar("mount", bucket.name, point).returncode == 0
    (point / "a.txt").write_text("x")
    assert oscar("umount", point).returncode == 0


@fuse
def test_what_is_not_yet_written_back_is_told(oscar, bucket, cluster, tmp_path):
    point = tmp_path / "work"
    assert oscar("mount", bucket.name, point).returncode == 0
    (found,) = mounted_at(point)
    with (point / "a.txt").open("w") as file:
        file.write("held back while it is open")
        file.flush()
        waiting = bridge.run(mounts.waiting(found, cluster.client))
    assert [(one.key, one.size) for one in waiting] == [("a.txt", 26)]
    assert eventually(lambda: not bridge.run(mounts.waiting(found, cluster.client)))


def test_where_there_is_no_fuse_it_says_so_and_offers_the_drive(oscar, bucket, tmp_path):
    done = oscar("mount", bucket.name, tmp_path / "work", PATH=str(tmp_path))
    assert done.returncode == 1
    assert "cannot be mounted here" in done.stderr
    assert "drive" in done.stderr
    assert not (tmp_path / "work").exists()


@fuse
def test_a_folder_with_something_in_it_and_a_bucket_that_is_not_there_are_refused(oscar, bucket, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("x")
    done = oscar("mount", bucket.name, tmp_path / "full")
    assert (done.returncode, "not empty" in done.stderr) == (1, True)
    done = oscar("mount", "nosuchbucket", tmp_path / "work")
    assert done.returncode == 3, done.stderr
    assert not (tmp_path / "work").exists()
    done = oscar("umount", tmp_path / "full")
    assert (done.returncode, "no folder that" in done.stderr) == (1, True)


@pytest.mark.usefixtures("objects_are_files")
def test_in_the_sandbox_it_is_the_folder_itself(oscar, bucket, sandbox, tmp_path):
    runtime = str(sandbox.announcement.parent)
    point = tmp_path / "work"
    done = oscar("mount", bucket.name, point, JUPYTER_RUNTIME_DIR=runtime)
    assert done.returncode == 0, done.stderr
    (point / "a.txt").write_text("x")
    assert eventually(lambda: [one.key for one in bucket.list()]) == ["a.txt"]
    assert oscar("umount", point, JUPYTER_RUNTIME_DIR=runtime).returncode == 0
    assert not point.exists()
    assert bucket.object("a.txt").text == "x"


def test_a_pods_mount_is_recognised(tmp_path):
    """As the sidecar of a pod makes it, and as rclone names remotes that come from its environment."""
    table = tmp_path / "mountinfo"
    table.write_text(
        "21 1 254:1 / / rw - ext4 /dev/vda rw\n"
        "75 27 0:63 / /mnt/home/my\\040data rw,nosuid - fuse.rclone minio{x1}:home/my\\040data rw,user_id=0\n"
        "76 27 0:64 / /mnt/other rw,nosuid - fuse.rclone :s3: rw,user_id=0\n"
    )
    one, two = mounts.mounted(table)
    assert (str(one.point), one.bucket, one.folder) == ("/mnt/home/my data", "home", "my data")
    assert (str(two.point), two.bucket, two.folder) == ("/mnt/other", "other", "")
    assert one.key(Path("/mnt/home/my data/sub/a.txt")) == "my data/sub/a.txt"
    assert mounts.holding(Path("/mnt/other/deep"), table=table) == two
    assert mounts.holding(Path("/tmp"), table=table) is None  # noqa: S108 - any folder that is none


@pytest.mark.usefixtures("objects_are_files")
def test_the_sandboxes_own_folders_are_recognised(sandbox, bucket, monkeypatch):
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(sandbox.announcement.parent))
    profile = resolve(endpoint=sandbox.endpoint, user=sandbox.user, password=sandbox.password)
    found = mounts.holding(sandbox.data / "buckets" / bucket.name, profile)
    assert found is not None
    assert (found.bucket, found.direct) == (bucket.name, True)
