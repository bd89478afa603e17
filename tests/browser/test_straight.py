"""On a storage that lets pages, bytes go there past the Jupyter server, also when it restarts meanwhile."""

import contextlib
import hashlib
import os
import shutil
import signal
from pathlib import Path

import pytest
from playwright.sync_api import expect
from test_downloads import NO_CHOOSING, SAVED, begun, choosing, download, put
from test_uploads import row, upload

MINIO = os.environ.get("MINIO") or shutil.which("minio")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        not MINIO, reason="MinIO is neither named by $MINIO nor on PATH: what goes past the server is tried on it"
    ),
]


@pytest.fixture(scope="module")
def sandbox(server):
    server.sandbox("start", "--store", "minio", "--minio", MINIO)
    yield server
    server.sandbox("stop")


def kill_minio(home):
    """End the MinIO whose data is below a folder; the sandbox starts it again."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if any(str(home).encode() in word for word in words) and b"minio" in words[0] and b"server" in words:
                os.kill(int(entry.name), signal.SIGKILL)
                return True
    return False


def test_a_file_goes_there_past_the_server_though_the_storage_restarts(sandbox, open_lab, tmp_path):
    page = open_lab
    sandbox.oscar("bucket", "create", "straight")
    content = os.urandom(100_000_000)
    (tmp_path / "lake.bin").write_bytes(content)
    sent = []
    page.on("request", lambda one: sent.append(one.url) if one.method == "PUT" else None)
    upload(page, "straight", [tmp_path / "lake.bin"])
    line = row(page, "lake.bin")
    page.wait_for_function("() => Number(document.querySelector('.jp-OscarTransferRow-bar')?.ariaValueNow) > 0")
    line.get_by_text("straight", exact=True).wait_for()
    assert kill_minio(sandbox.home)
    page.get_by_text("1 of 1 there").wait_for(timeout=90_000)
    parts = [url for url in sent if "partNumber=" in url]
    assert len(parts) > 1
    sandbox.oscar("bucket", "get", "straight/lake.bin", str(tmp_path / "back.bin"))
    assert hashlib.sha256((tmp_path / "back.bin").read_bytes()).digest() == hashlib.sha256(content).digest()
    assert sandbox.oscar("bucket", "uploads", "straight") == ""


def test_an_object_comes_past_the_server_though_the_storage_restarts(sandbox, open_lab, tmp_path):
    page = open_lab
    sandbox.oscar("bucket", "create", "straight-down")
    digest = put(sandbox, "straight-down", "out/lake ü.bin", os.urandom(60_000_000), tmp_path)
    limit = choosing(page)
    limit(10_000_000)
    asked = []
    page.on("request", lambda one: asked.append(one.url) if one.method == "GET" and "lake" in one.url else None)
    download(page, "straight-down/out/lake ü.bin")
    line = row(page, "lake ü.bin")
    begun(page)
    line.get_by_text("straight", exact=True).wait_for()
    assert kill_minio(sandbox.home)
    limit(-1)
    page.get_by_text("1 of 1 there").wait_for(timeout=90_000)
    assert page.evaluate(SAVED, "lake ü.bin") == digest
    assert [url for url in asked if "X-Amz-Signature" in url and "response-content-disposition=attachment" in url]


def test_the_browser_saves_it_straight_and_a_link_that_is_refused_takes_nobodys_page_away(sandbox, open_lab, tmp_path):
    page = open_lab
    sandbox.oscar("bucket", "create", "straight-own")
    digest = put(sandbox, "straight-own", "out/page.html", b"<script>document.title = 'run'</script>", tmp_path)
    page.evaluate(NO_CHOOSING)
    with page.expect_download() as saved:
        download(page, "straight-own/out/page.html")
    assert (saved.value.suggested_filename, "X-Amz-Signature" in saved.value.url) == ("page.html", True)
    assert hashlib.sha256(Path(saved.value.path()).read_bytes()).hexdigest() == digest
    line = row(page, "page.html")
    line.get_by_text("straight", exact=True).wait_for()
    # By the time that the browser follows the next one it has expired.
    address = page.url
    page.route(
        lambda url: "X-Amz-Signature" in url,
        lambda route: (
            route.continue_(url=route.request.url.replace("X-Amz-Expires=600", "X-Amz-Expires=1"))
            if route.request.resource_type == "document"
            else route.continue_()
        ),
    )
    download(page, "straight-own/out/page.html")
    line.get_by_text("The storage did not give it.").wait_for()
    assert page.url == address
    page.unroute_all()
    with page.expect_download() as saved:
        line.press("Enter")
    assert hashlib.sha256(Path(saved.value.path()).read_bytes()).hexdigest() == digest
    expect(line.get_by_text("in the browser’s downloads")).to_be_visible()
