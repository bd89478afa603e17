"""Uploads in parts through the server extension: they go on after a reload, are whole or not there, and are found."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import os
import zipfile
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import page_buckets
import pytest
import requests
from jupyter_server.auth.authorizer import Authorizer
from pytest_jupyter.jupyter_core import jp_asyncio_loop  # noqa: F401 - see tests/conftest.py
from pytest_jupyter.jupyter_server import jp_server_cleanup  # noqa: F401
from tornado.httpclient import HTTPClientError

if TYPE_CHECKING:
    from page_buckets import Bucket

MIB = 1024 * 1024
ON_MINIO = os.environ.get("JUPYTER_OSCAR_TEST_STORE") == "minio"
LONGEST = "/".join(["d" * 100] * 10) + "/" + "\u00fc" * 7
ODD = (
    *("in/with  space +%20%#1 ?&=;.bin", "in/[1]{2}*'\"<>^`|.bin", " spaces ", "in/\U0001f600.bin"),
    *("in/\u00fc.bin", "in/u\u0308.bin", "in/Case.bin", "in/case.bin", LONGEST),
)
bucket, jp_server_config = page_buckets.bucket, page_buckets.jp_server_config


async def begin(bucket: Bucket, key: str, content: bytes) -> dict[str, Any]:
    begun = await bucket.ask("POST", "uploads", key=key, size=len(content))
    return {"key": key, "id": begun["id"]}


def parts_of(content: bytes, size: int = 8 * MIB) -> list[bytes]:
    return [content[at : at + size] for at in range(0, len(content), size)]


async def test_an_upload_goes_on_after_a_reload_with_the_parts_that_are_missing(bucket: Bucket) -> None:
    content = os.urandom(20 * MIB)
    where, parts = await begin(bucket, "in/a b+ü.bin", content), parts_of(content)
    await bucket.ask("PUT", "upload", data=parts[0], number=1, **where)
    await bucket.ask("PUT", "upload", data=parts[2], number=3, **where)
    # The page is loaded anew: all it knows is what the storage has.
    (found,) = await bucket.ask("GET", "uploads")
    assert (found["key"], found["id"]) == (where["key"], where["id"])
    arrived = await bucket.ask("GET", "upload", **where)
    assert [(part["number"], part["size"]) for part in arrived] == [(1, 8 * MIB), (3, 4 * MIB)]
    status, refusal = await bucket.ask("POST", "upload/finish", body={"size": len(content)}, **where)
    assert (status, refusal["code"]) == (400, "invalid-request")
    assert "12582912 of 20971520 bytes" in refusal["message"]
    await bucket.ask("PUT", "upload", data=parts[1], number=2, **where)
    stored = await bucket.ask("POST", "upload/finish", body={"size": len(content)}, **where)
    assert stored["size"] == len(content)
    assert hashlib.sha256((await bucket.get(where["key"])).body).digest() == hashlib.sha256(content).digest()
    assert await bucket.ask("GET", "uploads") == []


async def test_what_is_sent_under_odd_names_comes_back_by_every_way(bucket: Bucket) -> None:
    """A part through the server, one straight; back through the server, by a link that a browser saves, as a ZIP."""
    digests = {}
    for key in ODD:
        content = os.urandom(8 * MIB + 1000)
        where, parts = await begin(bucket, key, content), parts_of(content)
        await bucket.ask("PUT", "upload", data=parts[0], number=1, **where)
        digest = base64.b64encode(hashlib.sha256(parts[1]).digest()).decode()
        link = await bucket.ask("POST", "upload/link", body={"number": 2, "sha256": digest}, **where)
        put = await asyncio.to_thread(requests.put, link["url"], data=parts[1], headers=link["headers"], timeout=30)
        assert put.ok, (key, put.text)
        stored = await bucket.ask("POST", "upload/finish", body={"size": len(content)}, **where)
        assert (stored["key"], stored["size"]) == (key, len(content))
        digests[key] = hashlib.sha256(content).hexdigest()
    for key, whole in digests.items():
        assert hashlib.sha256((await bucket.get(key)).body).hexdigest() == whole, key
        link = await bucket.ask("POST", "link", body={"key": key, "attachment": True})
        found = await asyncio.to_thread(requests.get, link["url"], timeout=30)
        assert hashlib.sha256(found.content).hexdigest() == whole, key
        if ON_MINIO:  # rclone gives no headers that a link asks for; a page asks it through the server
            name = quote(key.rpartition("/")[2], safe="")
            assert found.headers["Content-Disposition"] == f"attachment; filename*=UTF-8''{name}"
            assert found.headers["Content-Type"] == "application/octet-stream"
    path = ("jupyter-oscar", "clusters", "box", "buckets", bucket.name, "archive")
    answer = await bucket.fetch(*path, params={"prefix": "in/"})
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        packed = {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}
    assert packed == {key[3:]: whole for key, whole in digests.items() if key.startswith("in/")}


@pytest.mark.parametrize("key", ["", "a//b", "../up", "a/../b", "a/./b", "/lead", LONGEST + "x"])
async def test_nothing_is_begun_under_a_name_that_no_storage_takes(bucket: Bucket, key: str) -> None:
    status, refusal = await bucket.ask("POST", "uploads", key=key, size=20 * MIB)
    assert (status, refusal["code"]) == (400, "invalid-request")
    assert await bucket.ask("GET", "uploads") == []


async def test_an_abandoned_upload_is_found_by_its_prefix_and_given_up(bucket: Bucket) -> None:
    where = await begin(bucket, "in/left.bin", b"")
    await bucket.ask("PUT", "upload", data=os.urandom(5 * MIB), number=1, **where)
    assert [one["key"] for one in await bucket.ask("GET", "uploads", prefix="in/")] == ["in/left.bin"]
    assert await bucket.ask("GET", "uploads", prefix="out/") == []
    assert await bucket.ask("DELETE", "upload", **where) is None
    assert await bucket.ask("GET", "uploads") == []
    status, refusal = await bucket.ask("GET", "upload", **where)
    assert (status, refusal["code"]) == (404, "object-not-found")
    assert "in/left.bin" not in await bucket.names("in/")


async def test_a_part_that_was_changed_on_its_way_is_refused(bucket: Bucket) -> None:
    where, data = await begin(bucket, "x.bin", b""), os.urandom(5 * MIB)
    digest = base64.b64encode(hashlib.sha256(data).digest()).decode()

    async def put(sent: bytes) -> int:
        path = ("jupyter-oscar", "clusters", "box", "buckets", bucket.name, "upload")
        headers = {"Content-Digest": f"sha-256=:{digest}:"}
        params = {**where, "number": 1}
        try:
            answer = await bucket.fetch(*path, method="PUT", body=sent, params=params, headers=headers)
        except HTTPClientError as error:
            return error.code
        return int(answer.code)

    assert await put(b"?" + data[1:]) == 502
    assert await bucket.ask("GET", "upload", **where) == []
    assert await put(data) == 201


async def test_a_part_goes_straight_to_the_storage_by_a_link_for_it_alone(bucket: Bucket) -> None:
    content = os.urandom(6 * MIB)
    where = await begin(bucket, "straight.bin", content)
    link = (await bucket.ask("POST", "upload/link", body={"number": 1}, **where))["url"]
    put = await asyncio.to_thread(requests.put, link, data=content, timeout=30)
    assert put.ok
    other = link.replace("partNumber=1", "partNumber=2")
    assert other != link
    assert not (await asyncio.to_thread(requests.put, other, data=content, timeout=30)).ok
    stored = await bucket.ask("POST", "upload/finish", body={"size": len(content)}, **where)
    assert stored["size"] == len(content)


async def test_the_parts_of_the_largest_object_are_few_enough_and_a_larger_one_is_refused(bucket: Bucket) -> None:
    begun = await bucket.ask("POST", "uploads", key="huge", size=5 * 1024**4)
    assert begun["part_size"] * 10_000 >= 5 * 1024**4
    await bucket.ask("DELETE", "upload", key="huge", id=begun["id"])
    status, refusal = await bucket.ask("POST", "uploads", key="huge", size=6 * 1024**4)
    assert (status, refusal["code"]) == (400, "invalid-request")


async def test_a_folder_is_saved_as_one_archive_that_no_browser_runs(bucket: Bucket) -> None:
    files = {"a.txt": b"one", "sub/ü b.bin": os.urandom(2 * MIB), "sub/deep/empty": b""}
    for name, content in files.items():
        await bucket.put(f"out/run 1/{name}", content)
    path = ("jupyter-oscar", "clusters", "box", "buckets", bucket.name, "archive")
    answer = await bucket.fetch(*path, params={"prefix": "out/run 1/"})
    assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''run%201.zip"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox"
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        assert archive.testzip() is None
        assert {entry.filename: archive.read(entry) for entry in archive.infolist() if not entry.is_dir()} == files
    status, refusal = await bucket.ask("GET", "archive", prefix="gone/")
    assert (status, refusal["code"]) == (404, "object-not-found")


async def test_who_may_only_read_sends_and_gives_up_nothing(bucket: Bucket, jp_serverapp: Any, jp_web_app: Any) -> None:
    where = await begin(bucket, "x.bin", b"")

    class ReadsOnly(Authorizer):
        def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
            del handler, user, resource
            return action == "read"

    jp_web_app.settings["authorizer"] = ReadsOnly(parent=jp_serverapp)
    refused = [
        await bucket.ask("POST", "uploads", key="y"),
        await bucket.ask("PUT", "upload", data=b"x", number=1, **where),
        await bucket.ask("POST", "upload/link", body={"number": 1}, **where),
        await bucket.ask("POST", "upload/finish", body={"size": 1}, **where),
        await bucket.ask("DELETE", "upload", **where),
    ]
    assert [status for status, _ in refused] == [403] * 5


@pytest.mark.parametrize("size", [0, 1, 8 * MIB, 8 * MIB + 1])
async def test_an_object_of_any_size_is_whole(bucket: Bucket, size: int) -> None:
    content = os.urandom(size)
    where = await begin(bucket, "x", content)
    for number, part in enumerate(parts_of(content), 1):
        await bucket.ask("PUT", "upload", data=part, number=number, **where)
    assert (await bucket.ask("POST", "upload/finish", body={"size": size}, **where))["size"] == size
    assert (await bucket.get("x")).body == content
    assert await bucket.ask("GET", "uploads") == []
