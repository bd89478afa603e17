"""Objects are saved from the page: to a file that was chosen, or by the browser itself where a page may write none."""

import hashlib
import os
from pathlib import Path

import pytest
from playwright.sync_api import expect
from steps import eventually, execute
from test_uploads import bucket, row

from buckets import Bucket

pytestmark = [pytest.mark.browser, pytest.mark.timeout(150)]
__all__ = ["bucket"]

LARGE = 20_000_000

# The system's own dialog cannot be used from here: the file that is chosen is one of the page's own.
CHOOSING = """() => {
    window.showSaveFilePicker = async ({ suggestedName }) =>
        (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true });
}"""
CHOOSING_FOLDERS = """() => {
    window.showDirectoryPicker = async () =>
        (await navigator.storage.getDirectory()).getDirectoryHandle('chosen', { create: true });
}"""
NO_CHOOSING = "() => { window.showSaveFilePicker = window.showDirectoryPicker = undefined; }"
IN_FOLDER = """async () => {
    const found = {};
    const look = async (folder, above) => {
        for await (const [name, one] of folder.entries()) {
            await (one.kind === 'directory'
                ? look(one, `${above}${name}/`)
                : one.getFile().then(async file => { found[above + name] = await file.text(); }));
        }
    };
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('chosen');
    return look(folder, '').then(() => found, () => 'a file that was written beside has just got its name');
}"""
SAVED = """async name => {
    const files = await navigator.storage.getDirectory();
    const handle = await files.getFileHandle(name).catch(() => null);
    if (!handle) {
        return null;
    }
    const digest = await crypto.subtle.digest('SHA-256', await (await handle.getFile()).arrayBuffer());
    return [...new Uint8Array(digest)].map(byte => byte.toString(16).padStart(2, '0')).join('');
}"""


def download(page, path):
    execute(page, "jupyter-oscar:download", cluster="sandbox", path=path)


def put(sandbox, bucket, key, content, tmp_path):
    """Bytes under a key; their digest."""
    (tmp_path / "put").write_bytes(content)
    sandbox.oscar("bucket", "put", str(tmp_path / "put"), f"{bucket}/{key}")
    return hashlib.sha256(content).hexdigest()


def choosing(page):
    """A person whose browser lets a page write a file that was chosen, on a line of so many bytes a second."""
    page.evaluate(CHOOSING)
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")

    def limit(speed):
        given = {"offline": False, "latency": 0, "uploadThroughput": -1, "downloadThroughput": speed}
        line.send("Network.emulateNetworkConditions", given)

    limit.line = line
    return limit


def begun(page):
    page.wait_for_function("() => Number(document.querySelector('.jp-OscarTransferRow-bar')?.ariaValueNow) > 0")


def test_an_object_is_saved_where_it_was_chosen_to_be_and_never_half_or_of_two_versions(
    sandbox, open_lab, bucket, tmp_path
):
    page, key = open_lab, "out/a b+ü.bin"
    digest = put(sandbox, bucket, key, os.urandom(LARGE), tmp_path)
    limit = choosing(page)
    limit(2_000_000)
    download(page, f"{bucket}/{key}")
    line = row(page, "a b+ü.bin")
    begun(page)
    line.press("Enter")
    line.get_by_text("paused").wait_for()
    assert page.evaluate(SAVED, "a b+ü.bin") == hashlib.sha256(b"").hexdigest(), "nothing half stands under its name"
    limit(-1)
    with page.expect_request(lambda one: (one.headers.get("range") or "").startswith("bytes=")):
        line.press("Enter")
    page.get_by_text("1 of 1 there").wait_for(timeout=60_000)
    assert page.evaluate(SAVED, "a b+ü.bin") == digest
    # Another object stands there when it is gone on with.
    limit(2_000_000)
    download(page, f"{bucket}/{key}")
    begun(page)
    line.press("Enter")
    line.get_by_text("paused").wait_for()
    digest = put(sandbox, bucket, key, os.urandom(LARGE), tmp_path)
    limit(-1)
    line.press("Enter")
    line.get_by_text("was replaced in the bucket while it was fetched.").wait_for()
    line.press("Enter")
    page.get_by_text("1 of 1 there").wait_for(timeout=60_000)
    assert page.evaluate(SAVED, "a b+ü.bin") == digest
    # There is no room on the machine, then there is.
    limit.line.send("Storage.overrideQuotaForOrigin", {"origin": page.evaluate("origin"), "quotaSize": 1_000_000})
    download(page, f"{bucket}/{key}")
    line.get_by_text("There is no room for it on this machine.").wait_for()
    limit.line.send("Storage.overrideQuotaForOrigin", {"origin": page.evaluate("origin")})
    line.press("Enter")
    page.get_by_text("1 of 1 there").wait_for(timeout=60_000)
    # One that is cancelled leaves nothing.
    limit(1_000_000)
    page.evaluate("async () => (await navigator.storage.getDirectory()).removeEntry('a b+ü.bin')")
    download(page, f"{bucket}/{key}")
    begun(page)
    line.press("Delete")
    page.get_by_role("button", name="Cancel a b+ü.bin").last.click()
    page.get_by_text("No transfers.").wait_for()
    page.wait_for_function(f"async () => (await ({SAVED})('a b+ü.bin')) === null")


def test_a_browser_that_lets_no_page_write_saves_it_by_its_own_means(sandbox, open_lab, bucket, tmp_path):
    page = open_lab
    digest = put(sandbox, bucket, "out/page.html", b"<script>document.title = 'run'</script>", tmp_path)
    page.evaluate(NO_CHOOSING)
    with page.expect_download() as saved:
        download(page, f"{bucket}/out/page.html")
    # The sandbox's store gives no headers that a link asks for: what is an attachment comes through the server.
    assert saved.value.suggested_filename == "page.html"
    assert saved.value.url.startswith(sandbox.address)
    assert hashlib.sha256(Path(saved.value.path()).read_bytes()).hexdigest() == digest
    row(page, "page.html").get_by_text("in the browser’s downloads").wait_for()
    page.get_by_role("button", name="Clear what has ended").click()
    page.get_by_text("No transfers.").wait_for()
    page.evaluate(
        "path => void window.jupyterapp.commands.execute('jupyter-oscar:download', { cluster: 'sandbox', path })",
        f"{bucket}/out/gone.html",
    )
    page.get_by_role("dialog").get_by_text("is not there any more").wait_for()
    page.get_by_role("dialog").get_by_role("button").last.click()
    expect(page.locator(".jp-LabShell")).to_be_visible()


def test_what_is_selected_is_saved_into_a_folder_with_all_that_is_in_it(sandbox, open_lab, request):
    page = open_lab
    one = Bucket(sandbox, page, "selected")
    request.addfinalizer(lambda: sandbox.oscar("bucket", "delete", one.name, "--yes"))
    files = {"a.txt": "a", "b #2.txt": "b", "deep/c.txt": "c", "deep/er/d.txt": "d"}
    one.fill({**{f"out/{name}": text.encode() for name, text in files.items()}, "out/not.txt": b"not selected"})
    page.evaluate(CHOOSING_FOLDERS)
    one.open("out")

    def save_selected():
        one.item("a.txt").click()
        for name in ("b #2.txt", "deep"):
            one.item(name).click(modifiers=["Control"])
        one.menu("deep", "Save to My Computer")

    save_selected()
    page.get_by_text("4 of 4 there").wait_for()
    assert page.evaluate(IN_FOLDER) == files
    one.fill({"out/a.txt": b"a anew"})
    save_selected()
    page.get_by_text("4 of these files are there already").wait_for()
    page.get_by_role("button", name="Replace 4 files").click()
    eventually(page, lambda: page.evaluate(IN_FOLDER) == {**files, "a.txt": "a anew"})
