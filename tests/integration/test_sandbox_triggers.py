"""Uploads make jobs: each exactly one, however they come."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
from urllib.parse import unquote_plus

import boto3
import pytest
import s3fs
from boto3.s3.transfer import TransferConfig
from minio.commonconfig import CopySource
from sandbox_user import User, eventually


def test_an_uploaded_file_makes_exactly_one_job_and_its_output(user, service):
    user.put(service, "in/a b+ü.txt", b"hello")
    jobs = eventually(lambda: user.over(service))
    assert [job["status"] for job in jobs.values()] == ["Succeeded"]
    assert user.get(service, "out/a b+ü.txt") == b"HELLO"


def test_each_overwrite_makes_one_more_job(user, service):
    for text in (b"one", b"two", b"three"):
        user.put(service, "in/same.txt", text)
    assert len(eventually(lambda: user.over(service, 3))) == 3


def test_a_hundred_quick_overwrites_make_a_hundred_jobs(user, service):
    for number in range(100):
        user.put(service, "in/same.txt", str(number).encode())
    assert len(eventually(lambda: user.over(service, 100))) == 100


def test_a_hundred_quick_uploads_make_a_hundred_jobs(user, service):
    for number in range(100):
        user.put(service, f"in/{number}.txt")
    assert len(eventually(lambda: user.over(service, 100))) == 100


def test_a_file_in_a_new_sub_folder_makes_one_job(user, service):
    user.put(service, "in/deep/deeper/a.txt")
    user.put(service, "in/deep/b.txt")
    jobs = eventually(lambda: user.over(service, 2))
    assert len(jobs) == 2
    user.put(service, "in/deep/deeper/c.txt")
    assert len(eventually(lambda: user.over(service, 3))) == 3


def test_a_multipart_upload_makes_one_job(user, service):
    client = boto3.client(
        "s3",
        endpoint_url=user.provider["endpoint"],
        aws_access_key_id=user.provider["access_key"],
        aws_secret_access_key=user.provider["secret_key"],
        region_name="us-east-1",
    )
    parts = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
    client.upload_fileobj(io.BytesIO(b"x" * (12 << 20)), service, "in/big.txt", Config=parts)
    jobs = eventually(lambda: user.over(service))
    assert len(jobs) == 1
    assert user.get(service, "out/big.txt") == b"X" * (12 << 20)


def test_s3fs_writes_in_parts_make_one_job(user, service):
    keys = {"key": user.provider["access_key"], "secret": user.provider["secret_key"]}
    files = s3fs.S3FileSystem(endpoint_url=user.provider["endpoint"], **keys, default_block_size=5 << 20)
    with files.open(f"{service}/in/big.txt", "wb") as file:
        for _ in range(3):
            file.write(b"y" * (5 << 20))
    assert len(eventually(lambda: user.over(service))) == 1


def test_a_copy_that_keeps_times_makes_one_job_for_each_file(user, service, tmp_path):
    """rclone sets the time of each object after it is there, in folders that are new."""
    for number in range(20):
        (tmp_path / "tree" / f"new{number}" / "deep").mkdir(parents=True)
        file = tmp_path / "tree" / f"new{number}" / "deep" / "a.txt"
        file.write_text("same size")
        os.utime(file, (1_000_000, 1_000_000))
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "RCLONE_CONFIG": os.devnull,
        "RCLONE_S3_PROVIDER": "Other",
        "RCLONE_S3_ENDPOINT": user.provider["endpoint"],
        "RCLONE_S3_ACCESS_KEY_ID": user.provider["access_key"],
        "RCLONE_S3_SECRET_ACCESS_KEY": user.provider["secret_key"],
    }
    for count in (20, 40):
        copy = ["rclone", "copy", "--ignore-times", str(tmp_path / "tree"), f":s3:{service}/in"]
        subprocess.run(copy, env=env, check=True)
        assert len(eventually(lambda count=count: user.over(service, count))) == count


def test_uploads_still_make_jobs_after_all_inputs_were_deleted(user, service):
    keys = {"key": user.provider["access_key"], "secret": user.provider["secret_key"]}
    files = s3fs.S3FileSystem(endpoint_url=user.provider["endpoint"], **keys)
    for count in (1, 2, 3):
        user.put(service, "in/sub/a.txt")
        assert len(eventually(lambda count=count: user.over(service, count))) == count
        files.rm(f"{service}/in", recursive=True)
        assert user.keys(service, "in/a") == []


@pytest.mark.usefixtures("objects_are_files")
def test_a_file_dropped_into_the_folder_makes_one_job(user, service, sandbox, tmp_path):
    folder = sandbox.data / "buckets" / service / "in"
    (tmp_path / "copied.txt").write_text("copied")
    shutil.copy(tmp_path / "copied.txt", folder)
    shutil.move(tmp_path / "copied.txt", folder / "moved.txt")
    jobs = eventually(lambda: user.over(service, 2))
    assert [job["status"] for job in jobs.values()] == ["Succeeded", "Succeeded"]
    assert user.get(service, "out/moved.txt") == b"COPIED"


@pytest.mark.usefixtures("objects_are_files")
def test_a_folder_tree_copied_in_makes_one_job_for_each_file(user, service, sandbox, tmp_path):
    """New folders are looked through while files still arrive in them."""
    for folder in range(10):
        (tmp_path / "tree" / str(folder)).mkdir(parents=True)
        for number in range(20):
            (tmp_path / "tree" / str(folder) / f"{number}.txt").write_text("text")
    shutil.copytree(tmp_path / "tree", sandbox.data / "buckets" / service / "in" / "tree")
    assert len(eventually(lambda: user.over(service, 200))) == 200


@pytest.mark.usefixtures("objects_are_files")
def test_the_halves_of_an_upload_make_no_job(user, service, sandbox):
    for name in (".rclone_temp_put_1", ".rclone_temp_multipart_1", "a.txt.partial"):
        (sandbox.data / "buckets" / service / "in" / name).write_text("half")
    user.put(service, "in/whole.txt")
    assert len(eventually(lambda: user.over(service))) == 1


@pytest.mark.usefixtures("objects_are_files")
def test_a_file_is_not_taken_while_somebody_still_writes_it(user, service, sandbox):
    folder = sandbox.data / "buckets" / service / "in" / "slow"
    folder.mkdir()
    with (folder / "slow.txt").open("w") as file:
        file.write("first half, ")
        file.flush()
        user.put(service, "in/other.txt")
        eventually(lambda: user.over(service))
        file.write("second half")
    eventually(lambda: user.over(service, 2))
    assert user.get(service, "out/slow.txt") == b"FIRST HALF, SECOND HALF"


@pytest.mark.parametrize("key", ["elsewhere/a.txt", "out/a.txt", ".oscar/in/a.txt"])
def test_a_file_elsewhere_makes_no_job(user, service, key):
    user.put(service, key)
    user.put(service, "in/last.txt")  # the one that does, so that there is something to wait for
    assert len(eventually(lambda: user.over(service))) == 1


def test_the_event_is_shaped_as_minio_sends_it(user, service):
    recorded = json.loads((sandbox_wire() / "D017-log-of-bucket-job.json").read_text())["response"]["body"]
    recorded = shape(event_in(recorded))
    user.put(service, "in/my file.txt")
    job = next(iter(eventually(lambda: user.over(service))))
    event = event_in(user.log(service, job))
    assert shape(event) == recorded
    assert event["s3"]["object"]["key"] == "in%2Fmy+file.txt"
    assert event["requestParameters"]["principalId"] == user.provider["access_key"]


def sandbox_wire():
    from pathlib import Path

    return Path(__file__).parents[1] / "contract" / "wire"


def event_in(log):
    import ast

    line = next(line for line in log.splitlines() if "event_records = " in line)
    return ast.literal_eval(line.split("event_records = ", 1)[1].strip())


def shape(value):
    return {key: shape(inner) for key, inner in value.items()} if isinstance(value, dict) else type(value).__name__


ODD = [
    "a b.txt", "a+b.txt", "a%20b.txt", "ünï/ç.txt", "q?x=1&y.txt", "#hash.txt", "'quote\".txt", " lead.txt",
    "trail .txt ", ".hidden", "~tilde", "*star", "a:b", "smile😀.txt", "<x>.txt", "{a}.txt", "[b].txt", "$HOME.txt",
    "`c`.txt", ";.txt", ",.txt", "=.txt", "@.txt", "!.txt", "|.txt", "^.txt", "-dash.txt", "n" * 200,
]  # fmt: skip
# These stand in the event's JSON with a backslash, which the shell's echo resolves: they fail, as on a real server.
BROKEN = ["new\nline.txt", "tab\t.txt", "back\\slash.txt"]


def test_every_odd_key_makes_its_one_job(user, service):
    for key in (*ODD, *BROKEN):
        user.put(service, f"in/{key}", key.encode())
    jobs = eventually(lambda: user.over(service, len(ODD) + len(BROKEN)), 90)
    states = [job["status"] for job in jobs.values()]
    assert (states.count("Succeeded"), states.count("Failed")) == (len(ODD), len(BROKEN))
    keys = [
        event_in(user.log(service, job))["s3"]["object"]["key"]
        for job, row in jobs.items()
        if row["status"] == "Succeeded"
    ]
    assert sorted(unquote_plus(key) for key in keys) == sorted(f"in/{key}" for key in ODD)


def test_a_copy_within_the_store_makes_one_job(user, service):
    user.put(service, "elsewhere/a.txt", b"copied")
    user.s3.copy_object(service, "in/copy.txt", CopySource(service, "elsewhere/a.txt"))
    assert len(eventually(lambda: user.over(service))) == 1
    assert user.get(service, "out/copy.txt") == b"COPIED"


@pytest.mark.usefixtures("objects_are_files")
def test_each_way_to_replace_a_file_in_the_folder_makes_one_job(user, service, sandbox, tmp_path):
    folder = sandbox.data / "buckets" / service / "in"
    (folder / "a.txt").write_text("written")
    eventually(lambda: user.over(service, 1))
    (tmp_path / "a.txt").write_text("moved over it")
    shutil.move(tmp_path / "a.txt", folder / "a.txt")
    eventually(lambda: user.over(service, 2))
    (folder / "a.txt").write_text("written again")
    eventually(lambda: user.over(service, 3))
    (folder / "a.txt").rename(folder / "b.txt")
    eventually(lambda: user.over(service, 4))
    assert user.get(service, "out/b.txt") == b"WRITTEN AGAIN"
    (folder / "b.txt").unlink()
    (folder / "b.txt").mkdir()
    user.put(service, "in/last.txt")
    assert len(eventually(lambda: user.over(service, 5))) == 5


@pytest.mark.usefixtures("objects_are_files")
def test_a_folder_that_gets_another_name_makes_one_job_for_each_of_its_files(user, service, sandbox):
    folder = sandbox.data / "buckets" / service / "in"
    (folder / "one" / "deep").mkdir(parents=True)
    (folder / "one" / "deep" / "a.txt").write_text("moved along")
    eventually(lambda: user.over(service, 1))
    (folder / "one").rename(folder / "two")
    jobs = eventually(lambda: user.over(service, 2))
    assert [job["status"] for job in jobs.values()] == ["Succeeded"] * 2
    (folder / "two" / "deep" / "b.txt").write_text("under its new name")
    eventually(lambda: user.over(service, 3))
    (folder / "one" / "deep").mkdir(parents=True)
    (folder / "one" / "deep" / "c.txt").write_text("where the old one was")
    eventually(lambda: user.over(service, 4))
    (folder / "two").rename(sandbox.data / "elsewhere")
    (sandbox.data / "elsewhere" / "deep" / "d.txt").write_text("no more an object")
    (folder / "one" / "deep" / "e.txt").write_text("last")
    jobs = eventually(lambda: user.over(service, 5))
    assert [job["status"] for job in jobs.values()] == ["Succeeded"] * 5


@pytest.mark.usefixtures("objects_are_files")
def test_what_has_no_name_in_text_is_no_object_and_in_nobodys_way(a_sandbox):
    sandbox = a_sandbox()
    user = User(sandbox)
    user.create("plain")
    folder = sandbox.data / "buckets" / "plain" / "in"
    (folder / os.fsdecode(b"caf\xe9")).mkdir()
    for name in (b"caf\xe9/a.txt", b"na\xefve.txt", b"naive.txt"):
        (folder / os.fsdecode(name)).write_text("hello")
    assert len(eventually(lambda: user.over("plain", 1))) == 1
    assert user.get("plain", "out/naive.txt") == b"HELLO"
    objects = user.ask("GET", "/system/buckets/plain").json()["objects"]
    assert [found["object_name"] for found in objects] == ["in/", "in/naive.txt", "out/", "out/naive.txt"]
    sandbox.restart()
    user.put("plain", "in/later.txt")
    assert len(eventually(lambda: user.over("plain", 2))) == 2
