"""Clients that know nothing of the sandbox work on it unchanged: oscar-python, rclone, minio, s3fs, boto3."""

from __future__ import annotations

import base64
import os
import subprocess
import time

import pytest
import requests
import s3fs
from oscar_python.client import Client
from sandbox_user import SHOUT, eventually, new_name


@pytest.fixture
def oscar_python(sandbox):
    options = {"user": sandbox.user, "password": sandbox.password, "ssl": False}
    return Client(options={"cluster_id": "local", "endpoint": sandbox.endpoint, **options})


@pytest.fixture
def fdl(tmp_path):
    """An FDL file as in OSCAR's documentation, with its script beside it."""
    name = new_name("fdl")
    (tmp_path / "script.sh").write_text(SHOUT)
    (tmp_path / "fdl.yaml").write_text(
        f"""
functions:
  oscar:
  - local:
      name: {name}
      cpu: '0.5'
      memory: 256Mi
      image: debian
      script: {tmp_path}/script.sh
      log_level: CRITICAL
      input:
      - storage_provider: minio.default
        path: {name}/in
      output:
      - storage_provider: minio.default
        path: {name}/out
"""
    )
    return name, tmp_path / "fdl.yaml"


def test_oscar_python_lives_a_whole_day(oscar_python, fdl, tmp_path, user):
    name, file = fdl
    assert oscar_python.get_cluster_info().json()["version"] == "v4.1.2"
    oscar_python.create_service(str(file))
    assert oscar_python.get_service(name).json()["name"] == name
    assert name in [service["name"] for service in oscar_python.list_services().json()]

    answer = oscar_python.run_service(name, input="hello", output=str(tmp_path / "answer.txt"))
    assert answer.status_code == 200
    assert base64.b64decode(answer.text) == b"HELLO"
    assert (tmp_path / "answer.txt").read_bytes() == b"HELLO"

    assert oscar_python.run_service(name, input="hello", async_call=True).status_code == 201
    jobs = eventually(lambda: user.over(name))
    job = next(iter(oscar_python.list_jobs(name).json()["jobs"]))
    assert jobs[job]["status"] == "Succeeded"
    assert oscar_python.get_job_logs(name, job).text.strip() == base64.b64encode(b"HELLO").decode()

    (tmp_path / "cat.txt").write_text("miaow")
    storage = oscar_python.create_storage_client()
    storage.upload_file("minio.default", str(tmp_path / "cat.txt"), f"{name}/in")
    eventually(lambda: user.over(name, 2))
    assert "out/cat.txt" in [
        entry["Key"] for entry in storage.list_files_from_path("minio.default", f"{name}/out")["Contents"]
    ]
    storage.download_file("minio.default", str(tmp_path), f"{name}/out/cat.txt")
    assert (tmp_path / "cat.txt").read_text() == "MIAOW"

    assert oscar_python.remove_all_jobs(name).status_code == 204
    assert oscar_python.remove_service(name).status_code == 204
    assert (
        requests.get(user.sandbox.endpoint + f"/system/services/{name}", auth=user.auth, timeout=9).status_code == 404
    )


def test_s3fs_sees_what_minio_wrote(user, service):
    user.put(service, "data/a.txt", b"one")
    keys = {"key": user.provider["access_key"], "secret": user.provider["secret_key"]}
    files = s3fs.S3FileSystem(endpoint_url=user.provider["endpoint"], **keys)
    assert files.ls(f"{service}/data") == [f"{service}/data/a.txt"]
    assert files.cat(f"{service}/data/a.txt") == b"one"
    files.rm(f"{service}/data/a.txt")
    assert user.keys(service, "data/") == []


def test_rclone_copies_a_folder_there_and_back(user, service, tmp_path):
    (tmp_path / "here").mkdir()
    for number in range(3):
        (tmp_path / "here" / f"{number}.txt").write_text(f"text {number}")
    env = {
        **os.environ,
        "HOME": str(tmp_path),
        "RCLONE_CONFIG": os.devnull,
        "RCLONE_S3_PROVIDER": "Other",
        "RCLONE_S3_ENDPOINT": user.provider["endpoint"],
        "RCLONE_S3_ACCESS_KEY_ID": user.provider["access_key"],
        "RCLONE_S3_SECRET_ACCESS_KEY": user.provider["secret_key"],
    }
    subprocess.run(["rclone", "copy", str(tmp_path / "here"), f":s3:{service}/in"], env=env, check=True)
    eventually(lambda: user.over(service, 3))
    subprocess.run(["rclone", "copy", f":s3:{service}/out", str(tmp_path / "back")], env=env, check=True)
    assert (tmp_path / "back" / "2.txt").read_text() == "TEXT 2"


def test_a_presigned_address_takes_an_upload_and_gives_it_back(user, service):
    wanted = {"object_key": "in/über uns.txt", "operation": "upload", "content_type": "text/plain"}
    address = user.ask("POST", f"/system/buckets/{service}/presign", json=wanted).json()
    sent = requests.request(address["method"], address["url"], data=b"hi", headers=address["headers"], timeout=9)
    assert sent.status_code == 200, sent.text
    eventually(lambda: user.over(service))
    wanted = {"object_key": "out/über uns.txt", "operation": "download"}
    address = user.ask("POST", f"/system/buckets/{service}/presign", json=wanted).json()
    assert requests.get(address["url"], timeout=9).content == b"HI"
    assert requests.get(address["url"][:-4] + "0000", timeout=9).status_code == 403


def test_a_bucket_made_by_the_api_is_there_for_s3_at_once_and_gone_at_once(user):
    name = new_name("bucket")
    for _ in range(3):
        assert user.ask("POST", "/system/buckets", json={"bucket_name": name}).status_code == 201
        user.put(name, "a/b.txt")
        assert user.keys(name) == ["a/b.txt"]
        assert user.ask("DELETE", f"/system/buckets/{name}").status_code == 204
        assert name not in [bucket.name for bucket in user.s3.list_buckets()]


def test_a_call_by_reference_answers_within_a_moment(user, service):
    """The promise is a ratio, measured in bench; here only that nothing sleeps on the way."""
    from sandbox_user import reference

    user.put(service, ".oscar/in/warm.txt")
    token = user.token(service)
    times = []
    for number in range(5):
        job = f"{service}-quick{number}"
        began = time.monotonic()
        assert user.call(service, reference(service, ".oscar/in/warm.txt"), job, token).status_code == 201
        eventually(lambda job=job: user.jobs(service)[job]["status"] == "Succeeded")
        times.append(time.monotonic() - began)
    assert min(times) < 0.5
