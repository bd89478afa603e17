"""Clients that know nothing of the sandbox work on it unchanged: oscar-python, rclone, minio, s3fs, boto3."""

from __future__ import annotations

import base64
import io
import itertools
import json
import os
import shutil
import subprocess
import time

import boto3
import pytest
import requests
import s3fs
from botocore.config import Config
from oscar_python.client import Client
from oscar_python.client_anon import AnonymousClient
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
    token, numbers = user.token(service), itertools.count()

    def seconds():
        job = f"{service}-quick{next(numbers)}"
        began = time.monotonic()
        assert user.call(service, reference(service, ".oscar/in/warm.txt"), job, token).status_code == 201
        eventually(lambda: user.jobs(service)[job]["status"] == "Succeeded")
        return time.monotonic() - began

    eventually(lambda: seconds() < 0.5)  # some call is quick, however busy the machine


MEMBER = {"type": "oscar", "cluster_id": "far", "service_name": "x", "url": "https://far.example"}


def test_every_method_of_oscar_python_works(oscar_python, fdl, user, issuer):  # noqa: PLR0915 - there are so many
    """Those of the whole day above, and all the others; a method that a new release brings makes this fail."""
    name, file = fdl
    called = Called(oscar_python)
    assert called.health_check().text == "Ok"
    assert called.get_cluster_config().json()["minio_provider"]["access_key"]
    assert called.get_cluster_status().json()["cluster"]["nodes_count"] == 1
    called.create_service(str(file))
    called.update_service(name, called.get_service(name).json())
    assert called.get_deployment_status(name).json()["state"] == "ready"
    assert called.get_deployment_logs(name).json()["service_name"] == name
    called.run_service(name, input="hello", async_call=True)
    [job] = eventually(lambda: user.over(name))
    assert called.get_job_logs(name, job).status_code == 200
    assert called.remove_job(name, job).status_code == 204

    volume = new_name("vol")
    assert called.create_volume(volume, "1Gi").json()["name"] == volume
    assert volume in [row["name"] for row in called.list_volumes().json()]
    assert called.get_volume(volume).json()["size"] == "1Gi"
    assert called.delete_volume(volume).status_code == 204

    bucket = new_name("bucket")
    assert called.create_bucket(bucket).status_code == 201
    assert bucket in [row["bucket_name"] for row in called.list_buckets().json()]
    assert called.update_bucket(bucket, "restricted", ["somebody"]).status_code == 204
    url = called.presign_bucket(bucket, "a.txt", operation="upload").json()["url"]
    assert requests.put(url, data=b"presigned", timeout=9).status_code == 200
    assert called.get_bucket(bucket).json()["objects"][0]["object_name"] == "a.txt"
    assert called.delete_bucket(bucket).status_code == 204

    assert "logs" in called.get_system_logs(timestamps=True).json()
    assert called.get_metrics_summary().json()["totals"]["services_count_total"] >= 1
    assert called.get_metrics_breakdown("service").json()["group_by"] == "service"
    assert called.get_service_metrics(name).json()["service_name"] == name
    for refused in (called.get_own_quota, lambda: called.get_user_quota("nobody")):
        with pytest.raises(requests.HTTPError):  # the admin has none, and nobody is nobody (wire A030, A031)
            refused()
    with pytest.raises(requests.HTTPError):
        called.update_user_quota("nobody", "1", "1Gi")

    assert called.get_federation(name).json() == {"topology": "none", "members": None}
    called.add_federation_members(name, [MEMBER])
    called.update_federation_members(name, [MEMBER], [{**MEMBER, "priority": 3}])
    assert called.get_federation(name).json()["members"][0]["priority"] == 3
    called.remove_federation_members(name, [MEMBER])
    assert called.get_federation(name).json()["members"] is None

    anonymous = AnonymousClient({"cluster_id": "local", "endpoint": user.sandbox.endpoint, "ssl": False})
    assert anonymous.run_service(name, input="hello", token=user.token(name)).status_code == 200
    token = issuer.token("alice@egi.eu")
    options = {"cluster_id": "local", "endpoint": user.sandbox.endpoint, "ssl": False, "oidc_token": token}
    with pytest.raises(requests.HTTPError):  # this sandbox takes no tokens
        Client(options=options).list_services()
    called.remove_service(name)
    inner = {"set_auth_type", "basic_auth_client", "oidc_client", "oidc_agent_client", "get_access_token"}
    in_the_whole_day = {
        "get_cluster_info", "get_service", "list_services", "list_jobs", "create_storage_client", "remove_all_jobs",
    }  # fmt: skip
    known = {method for method in dir(Client) if not method.startswith("_") and callable(getattr(Client, method))}
    assert known - inner - in_the_whole_day - called.names == set()


class Called:
    """An oscar-python client that remembers what was asked of it."""

    def __init__(self, client):
        self._client, self.names = client, set()

    def __getattr__(self, name):
        self.names.add(name)
        return getattr(self._client, name)


def test_boto3_in_the_ways_that_people_use_it(user, service):
    keys = {"aws_access_key_id": user.provider["access_key"], "aws_secret_access_key": user.provider["secret_key"]}
    config = Config(s3={"addressing_style": "path"}, signature_version="s3v4")  # as MinIO's documentation has it
    s3 = boto3.client("s3", endpoint_url=user.provider["endpoint"], region_name="us-east-1", config=config, **keys)
    s3.upload_fileobj(io.BytesIO(b"one"), service, "data/a.txt")
    s3.put_object(Bucket=service, Key="data/b.txt", Body=b"two", ContentType="text/plain")
    s3.copy_object(Bucket=service, Key="data/c.txt", CopySource={"Bucket": service, "Key": "data/b.txt"})
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=service, Prefix="data/", PaginationConfig={"PageSize": 2}
    )
    assert [entry["Key"] for page in pages for entry in page["Contents"]] == ["data/a.txt", "data/b.txt", "data/c.txt"]
    assert s3.get_object(Bucket=service, Key="data/b.txt", Range="bytes=1-2")["Body"].read() == b"wo"
    assert s3.head_object(Bucket=service, Key="data/a.txt")["ContentLength"] == 3
    url = s3.generate_presigned_url("get_object", Params={"Bucket": service, "Key": "data/a.txt"})
    assert requests.get(url, timeout=9).content == b"one"
    s3.delete_objects(Bucket=service, Delete={"Objects": [{"Key": f"data/{name}.txt"} for name in "abc"]})
    assert "Contents" not in s3.list_objects_v2(Bucket=service, Prefix="data/")


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
def test_the_lines_of_curl_that_oscars_documentation_shows(user, tmp_path):
    """Create, call, read and delete; the password is in a file, as on any machine that others share."""
    name = new_name("curl")
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login {user.sandbox.user} password {user.sandbox.password}\n")
    body = {"name": name, "image": "ghcr.io/grycap/cowsay", "script": SHOUT, "log_level": "CRITICAL"}
    (tmp_path / "service.json").write_text(json.dumps(body))
    login = ["--netrc-file", str(tmp_path / "netrc")]

    def curl(*words):
        command = ["curl", "-s", "-S", "--fail-with-body", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    api = user.sandbox.endpoint
    data = ["-X", "POST", "-H", "Content-Type: application/json", "-d", f"@{tmp_path}/service.json"]
    assert curl(*login, *data, f"{api}/system/services") == ""
    token = json.loads(curl(*login, f"{api}/system/services/{name}"))["token"]
    (tmp_path / "header").write_text(f"Authorization: Bearer {token}\n")
    header = ["-H", f"@{tmp_path}/header"]
    answer = curl(*header, "-X", "POST", "-d", "aGVsbG8=", f"{api}/run/{name}")
    assert base64.b64decode(answer) == b"HELLO"
    assert curl(*header, "-X", "POST", "-d", "aGVsbG8=", f"{api}/job/{name}") == ""
    [job] = eventually(lambda: user.over(name))
    assert job in curl(*login, f"{api}/system/logs/{name}")
    assert curl(*login, f"{api}/system/logs/{name}/{job}?timestamps=true")
    assert curl(*login, "-L", f"{api}/system/config/").startswith("{")
    assert curl(*login, "-X", "DELETE", f"{api}/system/services/{name}") == ""


SHAPES = {
    "cowsay": {"image": "ghcr.io/grycap/cowsay", "cpu": "0.2", "memory": "256Mi", "log_level": "CRITICAL"},
    "grayify": {"image": "ghcr.io/grycap/imagemagick", "cpu": "1.0", "memory": "1Gi", "in": "input", "out": "output"},
    "text-to-speech": {"image": "ghcr.io/grycap/text-to-speech-coqui", "cpu": "2.0", "memory": "4Gi", "in": "input",
                       "out": "output", "environment": {"variables": {"LANGUAGE": "en"}}},
    "plants": {"image": "ghcr.io/grycap/oscar-theano-plants", "cpu": "1.0", "memory": "2Gi", "in": "input",
               "out": "output", "suffix": ["json"], "enable_gpu": False, "total_cpu": "4", "total_memory": "8Gi"},
    "mask": {"image": "ghcr.io/grycap/blurry-faces", "cpu": "1.0", "memory": "1Gi", "in": "input", "out": "output",
             "labels": {"team": "x"}, "annotations": {"a": "b"}, "image_pull_secrets": ["s"], "alpine": False},
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_services_of_the_shapes_that_oscar_publishes_deploy_with_their_image_named(user, shape):
    fields = dict(SHAPES[shape])
    name = new_name(shape[:20])
    places = [fields.pop(side, None) for side in ("in", "out")]
    suffix = fields.pop("suffix", None)
    for side, folder in zip(("input", "output"), places, strict=True):
        place = {"storage_provider": "minio.default", "path": f"{name}/{folder}"}
        fields[side] = [{**place, **({"suffix": suffix} if suffix and side == "output" else {})}] if folder else []
    user.create(name, SHOUT, **fields)
    seen = user.ask("GET", f"/system/services/{name}").json()
    assert seen["image"] == fields["image"]
    if places[0]:
        user.put(name, f"{places[0]}/a.json")
        eventually(lambda: user.over(name))
        assert user.get(name, f"{places[1]}/a.json") == b"HELLO"
    user.delete(name)


def test_what_oscars_dashboard_asks_from_login_to_log_out(user, service):
    """Its panels in their order: each request as the dashboard sends it, each answer with what the panel shows."""

    def ask(path, method="GET", **kwargs):
        answer = user.ask(method, path, headers={"Accept": "application/json, text/plain, */*"}, **kwargs)
        assert answer.status_code < 300, (path, answer.status_code, answer.text)
        return answer.json() if answer.content and answer.content[:1] in b"[{n" else answer.text

    assert ask("/system/info")["version"].startswith("v4.1")
    config = ask("/system/config")
    assert {"name", "gpu_available", "interLink_available", "yunikorn_enable", "oidc_groups"} <= set(config["config"])
    rows = {row["name"]: row for row in ask("/system/services?include=deployment")}
    assert {"owner", "visibility", "image", "cpu", "memory", "labels"} <= set(rows[service])
    assert rows[service]["deployment"]["state"] in ("ready", "unavailable")
    body = {
        key: value for key, value in rows[service].items() if key not in ("deployment", "volume_status", "namespace")
    }
    ask("/system/services", "PUT", json={**body, "memory": "512Mi"})
    assert ask(f"/system/services/{service}")["memory"] == "512Mi"
    assert base64.b64decode(user.run(service, b"aGVsbG8=").text.strip().splitlines()[-1]) == b"HELLO"
    user.call(service, b"aGVsbG8=")
    [job] = eventually(lambda: user.over(service))
    listed = ask(f"/system/logs/{service}?page=")
    assert set(listed["jobs"][job]) == {"status", "creation_time", "start_time", "finish_time"}
    assert "supervisor" in ask(f"/system/logs/{service}/{job}?timestamps=true")
    ask(f"/system/logs/{service}/{job}", "DELETE")
    assert ask(f"/system/services/{service}/deployment")["service_name"] == service
    assert "entries" in ask(f"/system/services/{service}/deployment/logs?tailLines=100&timestamps=true")

    bucket = new_name("bucket")
    ask("/system/buckets", "POST", json={"bucket_name": bucket, "visibility": "private", "allowed_users": []})
    assert bucket in [row["bucket_name"] for row in ask("/system/buckets")]
    user.put(bucket, "folder/a.txt")
    assert user.keys(bucket) == ["folder/a.txt"]
    share = {"object_key": "folder/a.txt", "operation": "download", "expires_in": 600}
    assert (
        requests.get(ask(f"/system/buckets/{bucket}/presign", "POST", json=share)["url"], timeout=9).content == b"hello"
    )
    ask("/system/buckets", "PUT", json={"bucket_name": bucket, "visibility": "public", "allowed_users": []})
    ask(f"/system/buckets/{bucket}", "DELETE")

    volume = new_name("vol")
    ask("/system/volumes", "POST", json={"name": volume, "size": "1Gi"})
    assert {"name", "size", "status", "creation_mode"} <= set(ask(f"/system/volumes/{volume}"))
    ask(f"/system/volumes/{volume}", "DELETE")
    status = ask("/system/status")
    assert {"cluster", "oscar", "minio"} <= set(status)
    assert {"capacity_cores", "usage_cores"} <= set(status["cluster"]["nodes"][0]["cpu"])
    assert "logs" in ask("/system/logs")
    assert "totals" in ask("/system/metrics?start=2026-01-01T00:00:00Z&end=2027-01-01T00:00:00Z")
    for group in ("service", "user", "country"):
        assert ask(f"/system/metrics/breakdown?group_by={group}&include_users=true")["group_by"] == group
    assert ask(f"/system/metrics/{service}")["service_name"] == service
