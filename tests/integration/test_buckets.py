"""Buckets through the server extension: pages of folders, objects in and out, copies, links, and who may."""

from __future__ import annotations

import asyncio
import hashlib
import os
import resource
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from urllib.request import urlopen

import page_buckets
import pytest
from jupyter_server.auth.authorizer import Authorizer
from page_buckets import Bucket, said
from pytest_jupyter.jupyter_core import jp_asyncio_loop  # noqa: F401 - see tests/conftest.py
from pytest_jupyter.jupyter_server import jp_server_cleanup  # noqa: F401
from tornado.httpclient import HTTPClientError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

bucket, jp_server_config = page_buckets.bucket, page_buckets.jp_server_config
MIB = 1024 * 1024
ODD = ("with space/+x%#?&=.txt", "u\u0308.txt", "\u00fc.txt", "Case.txt", "case.txt", " spaces ", "k" * 200)


async def test_a_bucket_is_made_listed_and_deleted_and_a_second_of_its_name_is_refused(
    jp_fetch: Callable[..., Awaitable[Any]], bucket: Bucket
) -> None:
    path = ("jupyter-oscar", "clusters", "box", "buckets")
    assert (await said(jp_fetch, path, "POST", None, {"name": f"{bucket.name}-2"}, {}))["visibility"] == ""
    await Bucket(jp_fetch, f"{bucket.name}-2").ask("DELETE")
    rows = await said(jp_fetch, path, "GET", None, None, {})
    row = next(one for one in rows if one["name"] == bucket.name)
    assert (row["owner"], row["service"], row["bytes"]) == ("oscar", None, 0)
    status, refusal = await said(jp_fetch, path, "POST", None, {"name": bucket.name}, {})
    assert (status, refusal["code"]) == (409, "already-exists")
    status, refusal = await said(jp_fetch, path, "POST", None, {"name": "No Bucket"}, {})
    assert (status, refusal["code"]) == (400, "invalid-request")
    assert await bucket.ask("DELETE") is None
    status, refusal = await bucket.ask("GET")
    assert (status, refusal["code"]) == (404, "bucket-not-found")
    status, refusal = await bucket.ask("GET", "folder")
    assert (status, refusal["code"]) == (404, "bucket-not-found")


async def test_a_bucket_of_the_admin_cannot_be_shared_and_it_says_so(bucket: Bucket) -> None:
    status, refusal = await bucket.ask("PUT", body={"visibility": "public"})
    assert status == 403, refusal
    status, refusal = await bucket.ask("PUT", body={"visibility": "everybody"})
    assert (status, refusal["code"]) == (400, "invalid-request")


@pytest.mark.parametrize("key", ODD)
async def test_an_object_of_any_name_comes_back_as_it_was_and_no_browser_runs_it(bucket: Bucket, key: str) -> None:
    content = b"<script>alert(1)</script>" + os.urandom(1000)
    stored = await bucket.put(key, content)
    assert (stored["key"], stored["size"]) == (key, len(content))
    assert stored["etag"] == hashlib.md5(content).hexdigest()  # noqa: S324 - what S3 calls an object's ETag
    answer = await bucket.get(key)
    assert answer.body == content
    headers = answer.headers
    assert (headers["Content-Type"], headers["X-Content-Type-Options"]) == ("application/octet-stream", "nosniff")
    assert headers["Content-Security-Policy"] == "sandbox"
    assert headers["Content-Disposition"].startswith("attachment;")
    info = await bucket.ask("GET", "info", key=key)
    assert info == stored
    folder = key.rpartition("/")[0]
    assert await bucket.names(f"{folder}/" if folder else "") == [key]
    assert await bucket.ask("DELETE", "object", key=key) is None
    status, refusal = await bucket.ask("GET", "info", key=key)
    assert (status, refusal["code"]) == (404, "object-not-found")


@pytest.mark.parametrize("key", ["", "a//b", "../up", "a/../b", "/lead", "x" * 1025])
async def test_a_name_that_no_storage_takes_is_refused_before_a_byte_is_sent(bucket: Bucket, key: str) -> None:
    status, refusal = await bucket.put(key, b"content")
    assert (status, refusal["code"]) == (400, "invalid-request")
    assert refusal["hint"]


async def test_a_folder_is_read_page_by_page_and_by_the_beginning_of_a_name(bucket: Bucket) -> None:
    await asyncio.gather(*(bucket.put(f"many/{number:03}.txt", b"x") for number in range(25)))
    await asyncio.gather(*(bucket.put(f"many/deep{number}/x.txt", b"x") for number in range(3)))
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        page = await bucket.ask("GET", "folder", prefix="many/", size=10, cursor=cursor)
        assert len(page["folders"]) + len(page["objects"]) <= 10
        seen += [*page["folders"], *(found["key"] for found in page["objects"])]
        cursor = page["cursor"]
    wanted = [f"many/{number:03}.txt" for number in range(25)] + [f"many/deep{number}/" for number in range(3)]
    assert sorted(seen) == wanted
    assert await bucket.names() == ["many/"]
    assert await bucket.names("many/01") == [f"many/{number:03}.txt" for number in range(10, 20)]
    assert await bucket.ask("GET", "amount", prefix="many/") == {"objects": 28, "bytes": 28, "more": False}
    status, refusal = await bucket.ask("GET", "folder", size="0")
    assert (status, refusal["code"]) == (400, "invalid-request")


async def test_a_part_of_an_object_is_read_and_the_whole_when_it_was_replaced(bucket: Bucket) -> None:
    stored = await bucket.put("o", bytes(range(100)))
    answer = await bucket.get("o", Range="bytes=10-19")
    assert (answer.code, answer.body, answer.headers["Content-Range"]) == (206, bytes(range(10, 20)), "bytes 10-19/100")
    await bucket.put("o", b"another")
    answer = await bucket.get("o", **{"Range": "bytes=3-", "If-Range": f'"{stored["etag"]}"'})
    assert (answer.code, answer.body) == (200, b"another")


async def test_a_large_object_passes_through_in_bounded_memory(bucket: Bucket) -> None:
    size = 96 * MIB
    piece = os.urandom(MIB)
    await bucket.put("warm", piece * 20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    digest = hashlib.sha256()

    async def body(write: Callable[[bytes], Awaitable[None]]) -> None:
        for _ in range(size // MIB):
            digest.update(piece)
            await write(piece)

    path = ("jupyter-oscar", "clusters", "box", "buckets", bucket.name, "object")
    await bucket.fetch(
        *path,
        method="PUT",
        params={"key": "large"},
        body_producer=body,
        headers={"Content-Length": str(size)},
        request_timeout=120,
    )
    back = hashlib.sha256()
    await bucket.fetch(*path, params={"key": "large"}, streaming_callback=back.update, request_timeout=120)
    assert back.hexdigest() == digest.hexdigest()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 48 * 1024, "kibibytes"


async def test_an_object_is_sent_in_parts_and_is_not_there_before_it_is_complete(bucket: Bucket) -> None:
    parts = [os.urandom(5 * MIB), os.urandom(5 * MIB), b"the end"]
    upload = (await bucket.ask("POST", "uploads", key="large"))["id"]
    for number, data in enumerate(parts, 1):
        await bucket.ask("PUT", "upload", data=data, key="large", id=upload, number=number)
    assert await bucket.names() == []
    stored = await bucket.ask("POST", "upload/finish", key="large", id=upload, body={"size": 10 * MIB + 7})
    assert stored["size"] == 10 * MIB + 7
    assert (await bucket.get("large")).body == b"".join(parts)
    upload = (await bucket.ask("POST", "uploads", key="other"))["id"]
    await bucket.ask("PUT", "upload", data=parts[0], key="other", id=upload, number=1)
    assert await bucket.ask("DELETE", "upload", key="other", id=upload) is None
    assert await bucket.names() == ["large"]


async def test_objects_and_folders_are_copied_moved_and_removed_and_nothing_is_replaced(bucket: Bucket) -> None:
    for number in range(12):
        await bucket.put(f"in/{number:02}.txt", str(number).encode())
    await bucket.put("in/deep/x.txt", b"x")
    assert await bucket.copy("in/00.txt", "one.txt") == {"done": 0, "ended": True, "problem": None}
    status, refusal = await bucket.copy("in/01.txt", "one.txt")
    assert (status, refusal["code"]) == (409, "already-exists")
    assert (await bucket.get("one.txt")).body == b"0"
    status, refusal = await bucket.copy("nothing", "two.txt")
    assert (status, refusal["code"]) == (404, "object-not-found")
    await bucket.copy("one.txt", "moved.txt", move=True)
    assert await bucket.names() == ["in/", "moved.txt"]

    assert await bucket.copy("in/", "out/", move=True) == {"done": 13, "ended": True, "problem": None}
    assert await bucket.names() == ["out/", "moved.txt"]
    assert (await bucket.get("out/deep/x.txt")).body == b"x"
    for target, status, code in (("out/in/", 400, "invalid-request"), ("x", 400, "invalid-request")):
        answer, refusal = await bucket.copy("out/", target)
        assert (answer, refusal["code"]) == (status, code)
    await bucket.put("full/x", b"x")
    status, refusal = await bucket.copy("out/", "full/")
    assert (status, refusal["code"]) == (409, "already-exists")

    status, refusal = await bucket.ask("DELETE", "folder", prefix="ou")
    assert (status, refusal["code"]) == (400, "invalid-request")
    assert (await bucket.ask("DELETE", "folder", prefix="out/"))["done"] == 13
    assert await bucket.names() == ["full/", "moved.txt"]


async def test_a_link_gives_one_object_to_anybody_for_a_while(bucket: Bucket) -> None:
    await bucket.put("a b.txt", b"for you")
    link = await bucket.ask("POST", "link", body={"key": "a b.txt", "seconds": 60})
    content = await asyncio.to_thread(lambda: urlopen(link["url"], timeout=10).read())  # noqa: S310
    assert content == b"for you"
    status, refusal = await bucket.ask("POST", "link", body={"key": "nothing"})
    assert (status, refusal["code"]) == (404, "object-not-found")
    status, refusal = await bucket.ask("POST", "link", body={"key": "a b.txt", "seconds": 10**7})
    assert (status, refusal["code"]) == (400, "invalid-request")


class Refuses(Authorizer):
    """Nobody touches the storage; whoever is told so did not get there first."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:  # noqa: ARG002
        return resource != "jupyter_oscar:storage"


async def test_who_may_not_touch_the_storage_reaches_none_of_it(
    bucket: Bucket, jp_serverapp: Any, jp_web_app: Any
) -> None:
    await bucket.put("there", b"x")
    own = jp_serverapp.authorizer
    jp_web_app.settings["authorizer"] = Refuses(parent=jp_serverapp)
    try:
        for method, what, query in (
            ("GET", "", {}),
            ("PUT", "", {}),
            ("DELETE", "", {}),
            ("GET", "folder", {"prefix": ""}),
            ("POST", "folder", {"prefix": "new/"}),
            ("DELETE", "folder", {"prefix": "there/"}),
            ("GET", "amount", {"prefix": ""}),
            ("GET", "info", {"key": "there"}),
            ("GET", "object", {"key": "there"}),
            ("PUT", "object", {"key": "there"}),
            ("DELETE", "object", {"key": "there"}),
            ("POST", "link", {}),
            ("POST", "uploads", {"key": "there"}),
            ("PUT", "upload", {"key": "there", "id": "x", "number": 1}),
            ("DELETE", "upload", {"key": "there", "id": "x"}),
        ):
            status, _ = await bucket.ask(method, what, **query)
            assert status == 403, (method, what)
        assert (await bucket.copy("there", "elsewhere"))[0] == 403
    finally:
        jp_web_app.settings["authorizer"] = own
    assert await bucket.names() == ["there"]


async def test_nobody_gets_in_without_a_token(bucket: Bucket, http_server_client: Any, jp_base_url: str) -> None:
    url = f"{jp_base_url}jupyter-oscar/clusters/box/buckets/{bucket.name}/object?" + urlencode({"key": "x"})
    with pytest.raises(HTTPClientError) as refused:
        await http_server_client.fetch(url, method="PUT", body=b"x")
    assert refused.value.code == 403
    assert await bucket.names() == []
