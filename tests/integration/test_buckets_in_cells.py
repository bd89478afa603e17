"""A bucket in a cell: list, upload, download, sign, copy, delete, and follow what changes."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import unicodedata

import pytest
import requests
from sandbox_user import eventually, new_name

from jupyter_oscar import errors

# MinIO refuses to those who are no admins what is not there.
GONE = (errors.BucketNotFound, errors.NotAllowed)
ODD_KEYS = [
    "two  spaces +%20#1 ?.txt",
    unicodedata.normalize("NFC", "é.txt"),
    unicodedata.normalize("NFD", "é.txt"),
    "K.txt",
    "k.txt",
    "deep/er/and/deeper.txt",
    "[1]{2}*'\"|<>^`&.txt",
    "😀.txt",
]


@pytest.fixture
def bucket(cluster, request):
    import re

    name = new_name(re.sub(r"[^a-z0-9]+", "-", request.node.name.lower().removeprefix("test_"))[:50].strip("-"))
    bridge_run(cluster.client.buckets.create(name))
    yield cluster.bucket(name)
    bridge_run(cluster.client.buckets.delete(name))


def bridge_run(coroutine):
    from jupyter_oscar.notebook.bridge import bridge

    return bridge.run(coroutine)


def test_bytes_go_and_come_under_odd_keys(bucket, tmp_path):
    for key in ODD_KEYS:
        assert bucket.upload(key.encode(), f"odd/{key}").content == key.encode()
    assert sorted(one.key for one in bucket.list("odd/", recursive=True)) == sorted(f"odd/{key}" for key in ODD_KEYS)
    assert len(bucket.download("odd/", tmp_path)) == len(ODD_KEYS)
    for key in ODD_KEYS:
        assert (tmp_path / key).read_bytes() == key.encode()
    assert bucket.delete("odd/", recursive=True) == len(ODD_KEYS)
    assert not bucket.list()


def test_a_key_of_1024_bytes_is_told_apart_from_one_too_long(bucket):
    longest = "/".join(["d" * 100] * 10) + "/" + "f" * 14
    assert len(longest) == 1024
    assert bucket.upload(b"x", longest).content == b"x"
    with pytest.raises(errors.InvalidRequest, match="1024"):
        bucket.upload(b"x", longest + "f")


def test_a_key_that_a_store_would_take_for_another_is_refused(bucket):
    for key in ("/a", "a//b", "a/../b", "./a", "a/..", ""):
        with pytest.raises(errors.InvalidRequest):
            bucket.upload(b"x", key)
    assert not bucket.list()


def test_a_large_file_goes_in_parts_and_comes_back_whole(bucket, tmp_path):
    source = tmp_path / "lake.bin"
    source.write_bytes(os.urandom(30_000_000))
    stored = bucket.upload(source)
    assert (stored.key, stored.size) == ("lake.bin", 30_000_000)
    assert bucket.download(stored, tmp_path / "copy.bin").read_bytes() == source.read_bytes()


def test_a_file_that_grows_while_it_is_sent_is_refused_and_leaves_nothing(bucket, cluster, tmp_path, monkeypatch):
    from jupyter_oscar.client.transfers import PART

    source = tmp_path / "log.txt"
    source.write_bytes(os.urandom(3 * PART))
    from jupyter_oscar.notebook.progress import Progress

    def add(self, count):
        with source.open("ab") as file:
            file.write(b"more")

    monkeypatch.setattr(Progress, "add", add)
    with pytest.raises(errors.FileMissing, match="longer or shorter"):
        bucket.upload(source)
    assert not bucket.list()
    assert unfinished(cluster, bucket) == []


def unfinished(cluster, bucket):
    async def all_of_them():
        return [one.key async for one in cluster.client.uploads.unfinished(bucket.name)]

    return bridge_run(all_of_them())


def test_an_interrupted_upload_leaves_nothing(bucket, cluster, tmp_path):
    import _thread

    source = tmp_path / "lake.bin"
    source.write_bytes(os.urandom(200_000_000))

    def interrupt_when_it_has_begun():
        while not unfinished(cluster, bucket):
            pass
        _thread.interrupt_main()

    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        pytest.skip("this shell keeps Ctrl-C from what it starts")
    threading.Thread(target=interrupt_when_it_has_begun, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        bucket.upload(source)
    assert not bucket.list()
    assert unfinished(cluster, bucket) == []


def test_a_folder_goes_with_all_in_it_and_comes_back_the_same(bucket, tmp_path):
    top = tmp_path / "tiles"
    for number in range(300):
        file = top / f"row{number % 7}" / f"{number}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(number))
    assert len(bucket.upload(top, "in/")) == 300
    assert bucket.list("in/tiles/").folders == [f"in/tiles/row{number}/" for number in range(7)]
    bucket.download("in/tiles/", tmp_path / "back")
    assert {p.relative_to(top): p.read_text() for p in top.rglob("*.txt")} == {
        p.relative_to(tmp_path / "back"): p.read_text() for p in (tmp_path / "back").rglob("*.txt")
    }


def test_a_long_folder_is_shown_by_its_first_page_and_walked_through_to_its_end(bucket, tmp_path):
    top = tmp_path / "many"
    top.mkdir()
    for number in range(2500):
        (top / f"{number:04}").write_bytes(b"")
    bucket.upload(top)
    listing = bucket.list("many/")
    assert listing.more
    assert repr(listing).splitlines()[-1] == "and more: walk through it"
    assert "and more" in listing._repr_mimebundle_()["text/html"]
    assert [one.key for one in listing] == [f"many/{number:04}" for number in range(2500)]
    assert [one.key for one in bucket.list("many/24")] == [f"many/{number}" for number in range(2400, 2500)]


def test_a_key_that_leads_out_of_the_folder_is_not_written(bucket, tmp_path):
    from jupyter_oscar.client.folders import inside

    for key in ("../escaped", "a/../../escaped", "nul\0"):
        with pytest.raises(errors.NotSaved):
            inside(tmp_path, key)


def test_what_is_not_there_is_said(bucket, cluster, tmp_path):
    with pytest.raises(errors.ObjectNotFound, match="no object"):
        bucket.object("gone")
    with pytest.raises(errors.ObjectNotFound):
        bucket.download("gone/", tmp_path)
    with pytest.raises(errors.FileMissing, match="no file"):
        bucket.upload(tmp_path / "gone")
    with pytest.raises(GONE):
        cluster.bucket("nosuchbucket").list()
    with pytest.raises(GONE):
        cluster.bucket("nosuchbucket").watch()


def test_a_link_opens_one_object_and_is_not_kept_in_the_notebook(bucket):
    bucket.upload(b"hello", "a b.txt")
    link = bucket.presign("a b.txt")
    assert requests.get(link, timeout=60).content == b"hello"
    assert "X-Amz" not in repr(link)
    assert "GET" in repr(link)


def test_a_copy_stays_in_the_storage(bucket):
    bucket.upload(b"hello", "a.txt")
    assert bucket.copy("a.txt", "old/") == f"s3://{bucket.name}/old/a.txt"
    assert bucket.object("old/a.txt").text == "hello"
    with pytest.raises(errors.InvalidRequest, match="folder"):
        bucket.delete("old/")
    assert bucket.delete("old/", "a.txt", recursive=True) == 2


def test_a_bucket_says_what_it_is_in_a_cell(bucket, cluster):
    assert repr(bucket).startswith(f"s3://{bucket.name}")
    assert bucket.name in cluster.buckets
    assert bucket.name in repr(cluster.buckets)
    assert bucket.name in cluster.buckets._repr_mimebundle_()["text/html"]


def test_changes_are_told_once_each_and_in_order(bucket):
    bucket.upload(b"here before", "in/old.txt")
    with bucket.watch("in/") as changes:
        bucket.upload(b"1", "in/new.txt")
        assert repr(next(changes)) == "created in/new.txt 1 B"
        bucket.upload(b"22", "in/new.txt")
        change = next(changes)
        assert (change.kind, change.key, change.object.content) == ("replaced", "in/new.txt", b"22")
        bucket.upload(b"elsewhere", "out/x.txt")
        bucket.delete("in/old.txt")
        assert repr(next(changes)) == "removed in/old.txt"


def test_what_is_seen_while_it_is_written_anew_is_told_when_it_is_whole(bucket, cluster):
    from jupyter_oscar.client.changes import compare, settled

    store, rows = cluster.client.store, cluster.client.buckets.under

    async def listed():
        return {row.key: row async for row in rows(bucket.name, "in/")}

    async def follow(before, told):
        while True:
            now = settled(before, await listed())
            told += compare(before, now)
            before = now

    async def story():
        told = []
        await store.put(bucket.name, "in/a", b"")
        following = asyncio.create_task(follow(await listed(), told))
        for number in range(1, 80):
            await store.put(bucket.name, "in/a", b"x" * number)
            await asyncio.sleep(0)
        while not told:  # on a busy machine a listing may take as long as all that
            assert not following.done()
            await asyncio.sleep(0.01)
        following.cancel()
        return told

    # rclone has no ETag to tell while it writes, and may then tell of the version before.
    assert all(change.object.etag for change in bridge_run(story()))


def test_changes_are_followed_with_async_for_and_a_wait_given_up_loses_none(bucket):
    async def story():
        seen = []
        async with bucket.watch() as changes:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(anext(changes), 0.3)
            await asyncio.to_thread(bucket.upload, b"x", "a")
            await asyncio.to_thread(bucket.upload, b"x", "b")
            async for change in changes:
                seen.append(change.key)
                if len(seen) == 2:
                    break
        return sorted(seen)

    assert asyncio.run(story()) == ["a", "b"]


def test_what_is_there_already_is_told_when_asked_for(bucket):
    bucket.upload(b"x", "a")
    with bucket.watch(existing=True) as changes:
        assert next(changes).key == "a"


def test_who_follows_a_bucket_learns_that_it_was_deleted(cluster):
    name = new_name("followed")
    bridge_run(cluster.client.buckets.create(name))
    with cluster.bucket(name).watch() as changes:
        bridge_run(cluster.client.buckets.delete(name))
        with pytest.raises(GONE):
            for _ in changes:
                pass


def test_a_folder_is_listed_once_for_all_who_follow_it_until_nobody_does_any_more(bucket):
    from jupyter_oscar.notebook.bridge import bridge

    def looking():
        async def tasks():
            return [task for task in asyncio.all_tasks() if task.get_name() == "jupyter-oscar changes"]

        return bridge.run(tasks())

    before = len(looking())
    first = bucket.watch()
    bucket.upload(b"x", "a")
    assert next(first).key == "a"
    second, third = bucket.watch(), bucket.watch(existing=True)
    assert len(looking()) == before + 1
    assert next(third).key == "a"
    bucket.upload(b"x", "b")
    assert [next(one).key for one in (first, second, third)] == ["b", "b", "b"]
    second.close()
    del third
    bucket.upload(b"x", "c")
    assert next(first).key == "c"
    assert len(looking()) == before + 1
    del first
    assert eventually(lambda: len(looking()) == before)
