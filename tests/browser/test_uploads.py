"""Files are sent into a bucket from the page: paused, gone on with after a reload, cancelled without a trace."""

import hashlib
import os
import re
import zipfile

import pytest
from playwright.sync_api import expect
from steps import eventually, execute
from test_axe import findings

pytestmark = [pytest.mark.browser, pytest.mark.timeout(150)]

LARGE = 120_000_000
FULL = {
    "code": "storage-full",
    "message": "There is no room.",
    "hint": "Make some.",
    "upstream_status": 507,
    "line": None,
}


@pytest.fixture
def bucket(sandbox, request):
    name = f"up-{abs(hash(request.node.name)) % 10**8}"
    sandbox.oscar("bucket", "create", name)
    yield name
    sandbox.oscar("bucket", "delete", name, "--yes")


def upload(page, path, files, **args):
    with page.expect_file_chooser() as chooser:
        execute(page, "jupyter-oscar:upload", **{"cluster": "sandbox", "path": path, **args})
    chooser.value.set_files(files)


def row(page, name):
    return page.get_by_role("treegrid", name="Transfers").get_by_role("row").filter(has_text=name)


def test_files_are_sent_and_nothing_is_replaced_unasked(sandbox, open_lab, bucket, tmp_path):
    page = open_lab
    (tmp_path / "a b.txt").write_text("one")
    (tmp_path / "ü.txt").write_text("two")
    upload(page, f"{bucket}/in/", [tmp_path / "a b.txt", tmp_path / "ü.txt"])
    page.get_by_text("2 of 2 there").wait_for()
    listed = sandbox.oscar("bucket", "list", bucket)
    assert {line.split("\t")[0] for line in listed.splitlines()} == {"in/a b.txt", "in/ü.txt"}
    (tmp_path / "a b.txt").write_text("another")
    upload(page, f"{bucket}/in/", [tmp_path / "a b.txt"])
    page.get_by_role("dialog").get_by_text("a b.txt is there already").wait_for()
    page.get_by_role("button", name="Cancel", exact=True).click()
    assert sandbox.oscar("bucket", "get", f"{bucket}/in/a b.txt", "-") == "one"
    upload(page, f"{bucket}/in/", [tmp_path / "a b.txt"])
    page.get_by_role("button", name="Replace a b.txt").click()
    row(page, "a b.txt").get_by_text("7 B").wait_for()
    assert sandbox.oscar("bucket", "get", f"{bucket}/in/a b.txt", "-") == "another"


def test_a_folder_goes_with_its_folders(sandbox, open_lab, bucket, tmp_path):
    page = open_lab
    (tmp_path / "tiles" / "deep").mkdir(parents=True)
    (tmp_path / "tiles" / "a.txt").write_text("a")
    (tmp_path / "tiles" / "deep" / "b.txt").write_text("b")
    upload(page, bucket, tmp_path / "tiles", folder=True)
    page.get_by_text("2 of 2 there").wait_for()
    listed = sandbox.oscar("bucket", "list", bucket)
    assert {line.split("\t")[0] for line in listed.splitlines()} == {"tiles/a.txt", "tiles/deep/b.txt"}


def test_an_upload_is_paused_and_goes_on_after_a_reload(sandbox, open_lab, bucket, tmp_path):
    page = open_lab
    content = os.urandom(LARGE)
    (tmp_path / "lake.bin").write_bytes(content)
    upload(page, bucket, [tmp_path / "lake.bin"])
    line = row(page, "lake.bin")
    page.wait_for_function("() => Number(document.querySelector('.jp-OscarTransferRow-bar')?.ariaValueNow) > 5")
    line.press("Enter")
    line.get_by_text("paused").wait_for()
    page.goto(sandbox.page.replace("&reset", ""))
    page.wait_for_function("() => window.jupyterapp")
    page.evaluate("() => window.jupyterapp.restored")  # until then the focus moves
    line = row(page, "lake.bin")
    line.get_by_text("unfinished").wait_for()
    done = int(line.get_by_role("progressbar").get_attribute("aria-valuenow"))
    assert done > 0
    with page.expect_file_chooser() as chooser:
        line.press("Enter")
    chooser.value.set_files(tmp_path / "lake.bin")
    page.get_by_text("1 of 1 there").wait_for(timeout=60_000)
    sandbox.oscar("bucket", "get", f"{bucket}/lake.bin", str(tmp_path / "back.bin"))
    assert hashlib.sha256((tmp_path / "back.bin").read_bytes()).digest() == hashlib.sha256(content).digest()
    assert sandbox.oscar("bucket", "uploads", bucket) == ""


def test_a_cancelled_upload_leaves_nothing(sandbox, open_lab, bucket, tmp_path):
    page = open_lab
    (tmp_path / "lake.bin").write_bytes(os.urandom(LARGE))
    upload(page, bucket, [tmp_path / "lake.bin"])
    line = row(page, "lake.bin")
    page.wait_for_function("() => Number(document.querySelector('.jp-OscarTransferRow-bar')?.ariaValueNow) > 0")
    line.press("Delete")
    page.get_by_role("button", name="Cancel lake.bin").last.click()
    page.get_by_text("No transfers.").wait_for()
    eventually(page, lambda: sandbox.oscar("bucket", "uploads", bucket) == "", "what was begun is given up")
    assert sandbox.oscar("bucket", "list", bucket) == ""


def test_a_proxy_gets_smaller_parts_and_a_sign_in_that_ended_is_told(open_lab, bucket, tmp_path):
    """The storage does not answer the page, and a proxy takes no part of 8 MiB; then the person's sign-in ends."""
    page = open_lab
    page.route("**/lake.bin?uploadId=*", lambda route: route.abort())
    (tmp_path / "lake.bin").write_bytes(os.urandom(9_000_000))
    begun = []
    page.on("request", lambda request: begun.append(request.url) if "/uploads?" in request.url else None)
    said = {"code": "not-authenticated", "message": "No.", "hint": "", "upstream_status": 401, "line": None}

    def proxy(route):
        if "part=8388608" in begun[-1]:
            route.fulfill(status=413, body="<html>413 Request Entity Too Large</html>")
        else:
            route.fulfill(status=403, json=said)

    page.route("**/upload?*number=*", proxy)
    upload(page, bucket, [tmp_path / "lake.bin"])
    line = row(page, "lake.bin")
    line.get_by_text("Your sign-in to sandbox has ended.").wait_for()
    assert "part=5242880" in begun[-1]
    line.get_by_role("button", name="Sign in to sandbox").wait_for(state="attached")


def test_a_file_goes_straight_to_a_storage_that_lets_no_part_be_replaced(sandbox, open_lab, bucket, tmp_path):
    """As rclone does since 1.75; it answers pages whose browser does not ask first, as this one where it is watched."""
    page = open_lab
    page.route("**/lake.bin?uploadId=*", lambda route: route.continue_())
    sent = []
    page.on("request", lambda one: sent.append(one.url) if one.method == "PUT" else None)
    content = os.urandom(9_000_000)
    (tmp_path / "lake.bin").write_bytes(content)
    upload(page, bucket, [tmp_path / "lake.bin"])
    page.get_by_text("1 of 1 there").wait_for()
    assert not [url for url in sent if "/upload?" in url], "nothing went through the server"
    parts = [re.search("uploadId=([^&]+).*partNumber=(\\d+)", url) for url in sent]
    assert sorted(part[2] for part in parts if part and part[1] != "none") == ["1", "2"], "each once"
    sandbox.oscar("bucket", "get", f"{bucket}/lake.bin", str(tmp_path / "back.bin"))
    assert (tmp_path / "back.bin").read_bytes() == content


def test_what_was_left_behind_is_found_and_removed_and_a_folder_is_saved_as_one_file(
    sandbox, open_lab, bucket, tmp_path
):
    page = open_lab
    begin = (
        "import asyncio\nfrom jupyter_oscar.client import profiles\nfrom jupyter_oscar.client.cluster import Cluster\n"
        "async def main():\n    async with Cluster(next(iter(profiles.profiles()))) as one:\n"
        f"        upload = await one.objects.begin({bucket!r}, 'in/left.bin')\n"
        f"        await one.objects.part({bucket!r}, 'in/left.bin', upload, 1, b'x' * 6_000_000)\n"
        f"        await one.objects.write({bucket!r}, 'in/\\u00fc b.txt', b'one')\n"
        "asyncio.run(main())"
    )
    sandbox.python(begin)
    page.evaluate(
        "path => void window.jupyterapp.commands.execute('jupyter-oscar:unfinished-uploads',"
        " { cluster: 'sandbox', path })",
        bucket,
    )
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("checkbox", name="in/left.bin").check()
    dialog.get_by_role("button", name="Remove what is chosen").click()
    expect(dialog).to_have_count(0)
    with page.expect_download() as download:
        execute(page, "jupyter-oscar:save-folder", cluster="sandbox", path=f"{bucket}/in/")
    with zipfile.ZipFile(download.value.path()) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {"ü b.txt": b"one"}
    assert sandbox.oscar("bucket", "uploads", bucket) == ""


def test_the_list_can_be_used_by_everybody_and_at_200_pixels(open_lab, bucket, tmp_path):
    page = open_lab
    for name in ("a-file-with-a-long-name-of-its-own.bin", "b.bin"):
        (tmp_path / name).write_bytes(os.urandom(1000))
    page.route(
        "**/object?*",
        lambda route: route.fulfill(status=507, json=FULL) if "b.bin" in route.request.url else route.continue_(),
    )
    upload(page, f"{bucket}/in/", [tmp_path / "a-file-with-a-long-name-of-its-own.bin", tmp_path / "b.bin"])
    row(page, "b.bin").get_by_text("There is no room.").wait_for()
    page.get_by_text("1 of 2 there").wait_for()
    assert findings(page, ".jp-OscarTransfers") == []
    page.set_viewport_size({"width": 200, "height": 700})
    for line in page.locator(".jp-OscarTransferRow").all():
        box = line.bounding_box()
        for button in line.get_by_role("button").all():
            edge = button.bounding_box()
            assert edge["x"] + edge["width"] <= box["x"] + box["width"] + 1
