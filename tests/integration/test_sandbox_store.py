"""The sandbox's object storage, as S3's own clients find it: folder markers, parts, conditions, bytes, bad days."""

from __future__ import annotations

import io
import random
import socket
import threading
import time
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest
import requests
import s3fs
from botocore.config import Config
from botocore.exceptions import ClientError
from minio import Minio
from minio.error import S3Error
from sandbox_user import User, eventually, new_name

MIB = 1 << 20


def boto(user, **more):
    keys = {"aws_access_key_id": user.provider["access_key"], "aws_secret_access_key": user.provider["secret_key"]}
    config = Config(s3={"addressing_style": "path"}, signature_version="s3v4", retries={"total_max_attempts": 1})
    return boto3.client(
        "s3", endpoint_url=user.provider["endpoint"], region_name="us-east-1", config=config, **keys, **more
    )


@pytest.fixture
def bucket(user):
    name = new_name("bucket")
    assert user.ask("POST", "/system/buckets", json={"bucket_name": name}).status_code == 201
    yield name
    user.ask("DELETE", f"/system/buckets/{name}")


def keys(s3, bucket, **asked):
    """Keys and common prefixes, page by page."""
    found = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, **asked):
        found += [entry["Key"] for entry in page.get("Contents", ())]
        found += [entry["Prefix"] for entry in page.get("CommonPrefixes", ())]
        assert page["KeyCount"] == len(page.get("Contents", ())) + len(page.get("CommonPrefixes", ()))
    return found


def refused(call, **asked):
    with pytest.raises(ClientError) as error:
        call(**asked)
    return error.value.response["ResponseMetadata"]["HTTPStatusCode"], error.value.response["Error"]["Code"]


# folder markers


def test_a_folder_marker_is_an_object_of_its_own(user, bucket):
    s3 = boto(user)
    s3.put_object(Bucket=bucket, Key="in/sub/", Body=b"")
    s3.put_object(Bucket=bucket, Key="in/sub/a b.txt", Body=b"below")
    s3.put_object(Bucket=bucket, Key="in/é/", Body=b"")
    every = ["in/sub/", "in/sub/a b.txt", "in/é/"]
    assert keys(s3, bucket) == every
    assert keys(s3, bucket, Prefix="in/", Delimiter="/") == ["in/sub/", "in/é/"]
    assert keys(s3, bucket, Prefix="in/sub/", Delimiter="/") == ["in/sub/", "in/sub/a b.txt"]
    assert keys(s3, bucket, Delimiter="/") == ["in/"]
    assert keys(s3, bucket, StartAfter="in/sub/") == every[1:]
    for size in (1, 2):
        assert keys(s3, bucket, PaginationConfig={"PageSize": size}) == every
        pages = s3.get_paginator("list_objects").paginate(Bucket=bucket, PaginationConfig={"PageSize": size})
        assert [entry["Key"] for page in pages for entry in page.get("Contents", ())] == every
    found = s3.head_object(Bucket=bucket, Key="in/sub/")
    assert (found["ContentLength"], found["ETag"]) == (0, '"d41d8cd98f00b204e9800998ecf8427e"')
    assert s3.get_object(Bucket=bucket, Key="in/sub/")["Body"].read() == b""
    shown = user.ask("GET", f"/system/buckets/{bucket}").json()["objects"]
    assert [row["object_name"] for row in shown] == every


def test_the_folders_that_oscar_makes_for_a_service_are_markers_too(user, service):
    s3 = boto(user)
    assert keys(s3, service) == ["in/", "out/"]
    user.put(service, "in/x.txt")
    eventually(lambda: user.over(service))
    assert keys(s3, service) == ["in/", "in/x.txt", "out/", "out/x.txt"]
    assert len(user.jobs(service)) == 1


def test_a_marker_is_deleted_alone(user, bucket):
    s3 = boto(user)
    for key in ("a/", "b/", "c/", "a/x", "b/x"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    s3.delete_object(Bucket=bucket, Key="a/")
    told = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "b/"}, {"Key": "c/"}, {"Key": "none/"}]})
    assert "Errors" not in told
    assert keys(s3, bucket) == ["a/x", "b/x"]
    assert refused(s3.head_object, Bucket=bucket, Key="b/")[0] == 404


def test_a_bucket_made_anew_has_no_marker_of_the_old_one(user, bucket):
    s3 = boto(user)
    s3.put_object(Bucket=bucket, Key="old/", Body=b"")
    user.ask("DELETE", f"/system/buckets/{bucket}")
    user.ask("POST", "/system/buckets", json={"bucket_name": bucket})
    s3.put_object(Bucket=bucket, Key="old/x", Body=b"")
    assert keys(s3, bucket) == ["old/x"]


@pytest.mark.usefixtures("objects_are_files")
def test_what_cannot_be_a_marker_is_refused_in_minios_words(user, bucket):
    s3 = boto(user)
    s3.put_object(Bucket=bucket, Key="file", Body=b"")
    put = s3.put_object
    assert refused(put, Bucket=bucket, Key="file/", Body=b"") == (400, "XMinioParentIsObject")
    assert refused(put, Bucket=bucket, Key="full/", Body=b"x") == (400, "XMinioInvalidObjectName")
    assert refused(put, Bucket=bucket, Key="a/../b/", Body=b"") == (400, "XMinioInvalidObjectName")
    assert refused(put, Bucket="no-such-bucket", Key="a/", Body=b"") == (404, "NoSuchBucket")
    assert keys(s3, bucket) == ["file"]


def test_only_who_has_a_key_makes_and_deletes_markers(user, bucket):
    boto(user).put_object(Bucket=bucket, Key="mine/", Body=b"")
    at = f"{user.provider['endpoint']}/{bucket}"
    assert requests.put(f"{at}/theirs/", timeout=9).status_code >= 400
    assert requests.delete(f"{at}/mine/", timeout=9).status_code >= 400
    stranger = boto3.client(
        "s3", endpoint_url=user.provider["endpoint"], region_name="us-east-1",
        aws_access_key_id=user.provider["access_key"], aws_secret_access_key="guessed",
    )  # fmt: skip
    for call in (stranger.put_object, stranger.delete_object):
        assert refused(call, Bucket=bucket, Key="mine/")[0] == 403
    assert keys(boto(user), bucket) == ["mine/"]


def test_a_marker_under_an_input_path_makes_one_job_which_fails_as_on_a_cluster(user, service):
    s3 = boto(user)
    s3.put_object(Bucket=service, Key="in/sub/", Body=b"")
    s3.put_object(Bucket=service, Key="elsewhere/", Body=b"")
    ((name, job),) = eventually(lambda: user.over(service)).items()
    assert job["status"] == "Failed"
    assert "IsADirectoryError" in user.log(service, name)
    user.put(service, "in/sub/x.txt")
    user.put(service, "in/sub/y.txt")
    jobs = eventually(lambda: user.over(service, 3))
    assert sorted(job["status"] for job in jobs.values()) == ["Failed", "Succeeded", "Succeeded"]


def test_markers_are_there_after_a_restart_and_make_no_second_job(a_sandbox):
    sandbox = a_sandbox()
    user = User(sandbox)
    user.create("svc")
    boto(user).put_object(Bucket="svc", Key="in/sub/", Body=b"")
    eventually(lambda: user.over("svc"))
    sandbox.kill()
    sandbox.start()
    user = User(sandbox)
    assert "in/sub/" in keys(boto(user), "svc")
    user.put("svc", "in/after.txt")
    assert len(eventually(lambda: user.over("svc", 2))) == 2


def test_a_presigned_address_and_minios_client_make_markers_too(user, bucket):
    user.s3.put_object(bucket, "by-minio/", io.BytesIO(), 0)
    link = user.s3.get_presigned_url("PUT", bucket, "by-link/", expires=timedelta(minutes=5))
    assert requests.put(link, timeout=9).status_code == 200
    assert user.keys(bucket) == ["by-link/", "by-minio/"]


# parts and conditions


def test_a_part_is_given_as_a_part_and_clients_that_check_sums_take_it(user, bucket):
    s3 = boto(user)
    s3.put_object(Bucket=bucket, Key="x", Body=b"0123456789")
    part = s3.get_object(Bucket=bucket, Key="x", Range="bytes=2-4")
    assert part["Body"].read() == b"234"
    assert (part["ResponseMetadata"]["HTTPStatusCode"], part["ContentRange"]) == (206, "bytes 2-4/10")
    assert s3.get_object(Bucket=bucket, Key="x")["Body"].read() == b"0123456789"
    files = s3fs.S3FileSystem(
        key=user.provider["access_key"],
        secret=user.provider["secret_key"],
        endpoint_url=user.provider["endpoint"],
        skip_instance_cache=True,
    )
    assert files.cat_file(f"{bucket}/x", start=3, end=5) == b"34"
    assert user.s3.get_object(bucket, "x", offset=8).read() == b"89"


def test_a_write_under_a_condition_is_done_only_if_it_holds(user, bucket):
    put = boto(user).put_object
    tag = put(Bucket=bucket, Key="x", Body=b"1", IfNoneMatch="*")["ETag"]
    assert refused(put, Bucket=bucket, Key="x", Body=b"2", IfNoneMatch="*") == (412, "PreconditionFailed")
    put(Bucket=bucket, Key="x", Body=b"3", IfMatch=tag)
    assert refused(put, Bucket=bucket, Key="x", Body=b"4", IfMatch=tag) == (412, "PreconditionFailed")
    assert refused(put, Bucket=bucket, Key="none", Body=b"5", IfMatch=tag) == (404, "NoSuchKey")
    assert user.get(bucket, "x") == b"3"
    at = f"{user.provider['endpoint']}/{bucket}/x"
    assert requests.put(at, headers={"If-None-Match": "*"}, timeout=9).status_code not in (200, 412)


def test_of_many_that_want_to_be_first_one_is(user, bucket):
    won, lost = [], []

    def write(number):
        try:
            boto(user).put_object(Bucket=bucket, Key="first", Body=str(number).encode() * 1000, IfNoneMatch="*")
            won.append(number)
        except ClientError as error:
            lost.append(error.response["Error"]["Code"])

    writers = [threading.Thread(target=write, args=(number,)) for number in range(1, 9)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert lost == ["PreconditionFailed"] * 7
    assert user.get(bucket, "first") == str(won[0]).encode() * 1000


def test_of_many_that_write_at_once_none_fails_and_one_is_last(user, bucket):
    data = [bytes([65 + number]) * 200_000 for number in range(8)]
    lines, failed = [boto(user) for _ in data], []

    def write(number):
        for _ in range(5):
            try:
                lines[number].put_object(Bucket=bucket, Key="same", Body=data[number])
            except ClientError as error:
                failed.append(error)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(len(data))]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert failed == []
    assert user.get(bucket, "same") in data


def test_a_key_is_its_bytes_also_where_two_of_them_look_alike(user, bucket):
    one, two = "gr\u00fcn.txt", "gru\u0308n.txt"
    user.put(bucket, one, b"one letter")
    user.put(bucket, two, b"a letter and its dots")
    assert user.get(bucket, one) == b"one letter"
    assert sorted(keys(boto(user), bucket)) == sorted((one, two))


def test_unfinished_uploads_are_listed_also_where_there_are_none(user, bucket):
    s3 = boto(user)
    assert s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []
    begun = s3.create_multipart_upload(Bucket=bucket, Key="x")["UploadId"]
    assert [row["UploadId"] for row in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [begun]
    s3.abort_multipart_upload(Bucket=bucket, Key="x", UploadId=begun)
    assert s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []


def test_links_that_boto3_writes_by_default_work(user, bucket):
    """Signature 2, from before there were regions."""
    s3 = boto3.client(
        "s3", endpoint_url=user.provider["endpoint"], region_name="us-east-1",
        aws_access_key_id=user.provider["access_key"], aws_secret_access_key=user.provider["secret_key"],
    )  # fmt: skip
    key = {"Bucket": bucket, "Key": "a é+b.txt"}
    put = s3.generate_presigned_url("put_object", Params={**key, "ContentType": "text/plain"})
    get = s3.generate_presigned_url("get_object", Params={**key, "ResponseContentDisposition": 'inline; filename="x"'})
    assert "AWSAccessKeyId=" in put, "else this test tests nothing"
    assert requests.put(put, data=b"hello", headers={"Content-Type": "text/plain"}, timeout=9).status_code == 200
    assert requests.get(get, timeout=9).content == b"hello"
    assert requests.get(get, headers={"Range": "bytes=1-2"}, timeout=9).content == b"el"
    old = s3.generate_presigned_url("get_object", Params=key, ExpiresIn=-1)
    for bad in (get.replace("Signature=", "Signature=x"), get.replace("b.txt", "c.txt"), put, old):
        assert requests.get(bad, timeout=9).status_code == 403


def test_errors_are_told_as_minio_tells_them(user, bucket):
    for call in (lambda: user.s3.get_object(bucket, "none"), lambda: user.s3.get_object(f"no-{bucket}", "none")):
        with pytest.raises(S3Error) as error:
            call()
        assert error.value.code in ("NoSuchKey", "NoSuchBucket")


# bytes on the way


def a_line(user):
    """A connection of our own."""
    host = urlsplit(user.provider["endpoint"])
    return socket.create_connection((host.hostname, host.port), timeout=30)


def test_big_objects_go_both_ways_and_stay_out_of_memory(user, bucket, sandbox):
    def resident():
        with open(f"/proc/{sandbox.pid}/statm", encoding="ascii") as file:  # noqa: PTH123
            return int(file.read().split()[1]) * 4096

    data = random.Random(3).randbytes(200 * MIB)
    before = resident()
    user.s3.put_object(bucket, "big", io.BytesIO(data), len(data), part_size=64 * MIB)
    answer = user.s3.get_object(bucket, "big")
    time.sleep(0.5)  # a slow reader
    got, most = bytearray(), 0
    for piece in answer.stream(MIB):
        got += piece
        most = max(most, resident())
    assert bytes(got) == data
    assert most - before < 32 * MIB


def test_a_client_that_asks_first_is_told_to_go_on(user, bucket):
    url = urlsplit(user.s3.presigned_put_object(bucket, "asked", expires=timedelta(minutes=5)))
    with a_line(user) as line:
        line.sendall(
            f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: 5\r\n"
            "Expect: 100-continue\r\n\r\n".encode()
        )
        assert line.recv(1000).startswith(b"HTTP/1.1 100 ")
        line.sendall(b"hello")
        assert line.recv(1000).startswith(b"HTTP/1.1 200 ")
        read = urlsplit(user.s3.presigned_get_object(bucket, "asked"))
        line.sendall(f"HEAD {read.path}?{read.query} HTTP/1.1\r\nHost: {read.netloc}\r\n\r\n".encode())
        assert line.recv(5000).startswith(b"HTTP/1.1 4"), "signed for GET; the line goes on all the same"
        line.sendall(f"GET {read.path}?{read.query} HTTP/1.1\r\nHost: {read.netloc}\r\n\r\n".encode())
        assert b"hello" in line.recv(5000)


def test_half_an_upload_is_none_and_its_line_is_given_up(user, bucket, sandbox):
    user.put(bucket, "whole")
    url = urlsplit(user.s3.presigned_put_object(bucket, "half", expires=timedelta(minutes=5)))
    head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: 1000000\r\n\r\n"
    open_files = Path(f"/proc/{sandbox.pid}/fd")
    before = len(list(open_files.iterdir()))
    for sent in (0, 1, 100_000, 500_000, 999_999) * 4:
        with a_line(user) as line:
            line.sendall(head.encode() + bytes(sent))
    eventually(lambda: len(list(open_files.iterdir())) <= before)
    assert user.keys(bucket) == ["whole"]


def test_who_is_refused_in_the_middle_of_an_upload_learns_why(user, bucket):
    stranger = Minio(
        urlsplit(user.provider["endpoint"]).netloc, user.provider["access_key"], "guessed-by-chance",
        secure=False, region="us-east-1",
    )  # fmt: skip
    with pytest.raises(S3Error) as refused:
        stranger.put_object(bucket, "x", io.BytesIO(bytes(30 * MIB)), 30 * MIB, part_size=64 * MIB)
    assert refused.value.code == "SignatureDoesNotMatch"
    assert user.keys(bucket) == []


@pytest.mark.parametrize(
    "said",
    [
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"PUT /b/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"PUT /b/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: many\r\n\r\n",
        b"PUT /b/k HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        b"A" * 400_000,
    ],
    ids=["nothing", "a word", "no header", "two lengths", "no number", "no chunk", "no end"],
)
def test_what_is_no_http_ends_the_line_and_nothing_else(user, said):
    with a_line(user) as line:
        line.sendall(said)
        line.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while piece := line.recv(10000):
                answer += piece
        except ConnectionResetError:
            pass
        assert not answer.startswith(b"HTTP/1.1 200")
    assert user.s3.list_buckets() is not None


def test_it_answers_only_to_names_of_this_machine(user, bucket, sandbox):
    """MinIO looks at the name as a part of the signature, and gives nothing without one."""
    url = user.s3.presigned_get_object(bucket, "x")
    refused = requests.get(url, headers={"Host": "elsewhere.example"}, timeout=9)
    assert refused.status_code == 403
    assert {"rclone": "loopback names", "minio": "SignatureDoesNotMatch"}[sandbox.content["store"]] in refused.text


# on purpose


@pytest.fixture
def faulty(a_sandbox, tmp_path):
    def make(text, *extra):
        (tmp_path / "faults.yaml").write_text(text)
        user = User(a_sandbox(extra=("--faults", str(tmp_path / "faults.yaml"), *extra)))
        user.ask("POST", "/system/buckets", json={"bucket_name": "bucket"})
        return user

    return make


def test_each_fault_over_s3_does_what_it_says(faulty):
    user = faulty(
        """
        - {route: "s3 PUT /bucket/k", calls: [1], do: "500"}
        - {route: "s3 PUT /bucket/k", calls: [2], do: "503"}
        - {route: "s3 PUT /bucket/k", calls: [3], do: disk full}
        - {route: "s3 PUT /bucket/k", calls: [4], do: expired}
        - {route: "s3 PUT /bucket/k", calls: [5], do: 500 after}
        - {route: "s3 GET /bucket/k", calls: [1], do: truncated}
        - {route: "s3 GET /bucket/k", calls: [2], do: cut}
        - {route: "s3 GET /bucket/k", calls: [3], do: html}
        - {route: "s3 GET /bucket/k", calls: [4], do: slow, seconds: 0.5}
        - {route: "s3 GET /bucket?*list-type=2*", calls: [1], do: "503"}
        """
    )
    s3 = boto(user)
    told = [refused(s3.put_object, Bucket="bucket", Key="k", Body=b"0123456789") for _ in range(4)]
    assert told == [(500, "InternalError"), (503, "SlowDown"), (507, "XMinioStorageFull"), (403, "AccessDenied")]
    assert refused(s3.head_object, Bucket="bucket", Key="other")[0] == 404
    assert refused(s3.put_object, Bucket="bucket", Key="k", Body=b"0123456789") == (500, "InternalError")
    link = user.s3.presigned_get_object("bucket", "k")
    for _ in range(2):
        with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            requests.get(link, timeout=9)
    assert "<html>" in requests.get(link, timeout=9).text
    before = time.monotonic()
    assert requests.get(link, timeout=9).content == b"0123456789", "what a lost answer was about was done"
    assert time.monotonic() - before >= 0.5
    assert refused(s3.list_objects_v2, Bucket="bucket") == (503, "SlowDown")
    assert keys(s3, "bucket") == ["k"]
    assert user.ask("GET", "/system/info").status_code == 200, "a route of the store is none of the API"


def test_the_store_restarts_under_a_request_and_is_back(faulty):
    user = faulty('- {route: "s3 GET /bucket/k", calls: [1], do: storage restart}')
    user.put("bucket", "k")
    patient = Minio(
        urlsplit(user.provider["endpoint"]).netloc, user.provider["access_key"], user.provider["secret_key"],
        secure=False, region="us-east-1",
    )  # fmt: skip
    assert patient.get_object("bucket", "k").read() == b"hello"


def test_latency_is_before_every_answer_of_the_store(a_sandbox):
    user = User(a_sandbox(extra=("--latency", "0.2")))
    user.s3.list_buckets()
    before = time.monotonic()
    for _ in range(3):
        user.s3.list_buckets()
    assert time.monotonic() - before >= 0.6
