"""What is on its way waits, says why, and goes on: a sign-in that ends, a storage that is away, a closed tab."""

import contextlib
import hashlib
import json
import os
import time

import pytest
from playwright.sync_api import expect
from steps import eventually, execute, leave_dialog
from test_uploads import bucket, row, upload

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
__all__ = ["bucket"]

LARGE = 40_000_000
SIGN_IN = """
from pathlib import Path
from jupyter_oscar.client.credentials import Credentials, Kept, TokenStore
TokenStore().save(Kept("site", {url!r}, Credentials(token_file=Path({file!r})), storage={storage!r}))
"""


class Site:
    """A cluster whose tokens end, before a storage whose line can be cut."""

    def __init__(self, server, odd, url, storage, wire):
        self.server, self.odd, self.url, self.storage, self.wire = server, odd, url, storage, wire

    def token(self, name, *, seconds):
        """A file with a token that ends so many seconds from now."""
        (self.server.home / name).write_text(self.odd.web_token(time.time() + seconds))
        return self.server.home / name

    def sign_in(self, file):
        """The person's sign-in is this file from now on, for whoever looks."""
        self.server.python(SIGN_IN.format(url=self.url, file=str(file), storage=self.storage))


@pytest.fixture
def site(sandbox, odd):
    box = json.loads(sandbox.oscar("sandbox", "status", "--json", "--credentials"))
    store = json.loads(
        sandbox.python("""
import asyncio, json
from jupyter_oscar.client import profiles
from jupyter_oscar.client.cluster import Cluster
async def main():
    async with Cluster(next(iter(profiles.profiles()))) as one:
        print(json.dumps((await one.storage()).endpoint))
asyncio.run(main())
""")
    )
    with contextlib.ExitStack() as stack:
        url, _ = stack.enter_context(odd.gated(box["endpoint"], box["user"], box["password"]))
        storage, wire = stack.enter_context(odd.cut(store))
        yield Site(sandbox, odd, url, storage, wire)
    sandbox.python("from jupyter_oscar.client.credentials import TokenStore; TokenStore().forget('site')")


def same(sandbox, bucket, name, content, tmp_path):
    sandbox.oscar("bucket", "get", f"{bucket}/{name}", str(tmp_path / "back"))
    return hashlib.sha256((tmp_path / "back").read_bytes()).digest() == hashlib.sha256(content).digest()


def slowly(page, speed):
    """A line that takes so many bytes a second; returns what makes it fast again."""
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1}
    line.send("Network.emulateNetworkConditions", {**limits, "uploadThroughput": speed})
    return lambda: line.send("Network.emulateNetworkConditions", {**limits, "uploadThroughput": -1})


def begun(page):
    page.wait_for_function("() => Number(document.querySelector('.jp-OscarTransferRow-bar')?.ariaValueNow) > 5")


def test_an_upload_goes_on_by_itself_after_the_sign_in_had_ended_and_the_storage_was_away(
    sandbox, site, open_lab, bucket, tmp_path
):
    page, content = open_lab, os.urandom(LARGE)
    (tmp_path / "lake.bin").write_bytes(content)
    site.sign_in(site.token("token", seconds=3600))
    fast = slowly(page, 4_000_000)
    upload(page, bucket, [tmp_path / "lake.bin"], cluster="site")
    line = row(page, "lake.bin")
    begun(page)
    with site.wire.away():
        line.get_by_text("It goes on by itself when that has passed.").wait_for(timeout=120_000)
    expect(line.get_by_text("It goes on by itself when that has passed.")).to_have_count(0, timeout=90_000)
    fresh = site.token("other", seconds=-60)
    site.sign_in(fresh)
    line.get_by_text("Your sign-in to site has ended.").wait_for(timeout=60_000)
    # The person looks at the dialog, and leaves it.
    line.press("Enter")
    page.get_by_role("dialog").get_by_text("Sign In to site").wait_for()
    leave_dialog(page)
    expect(line.get_by_text("waiting")).to_be_visible()
    fast()
    site.token("other", seconds=3600)
    page.get_by_text("1 of 1 there").wait_for(timeout=90_000)
    assert same(sandbox, bucket, "lake.bin", content, tmp_path)
    eventually(page, lambda: sandbox.oscar("bucket", "uploads", bucket) == "", "nothing is left behind")


def another_tab(page, lab, name):
    """With a workspace of its own: of two with one Lab loads the second anew."""
    tab = page.context.new_page()
    tab.goto(lab.page.replace("/lab?", f"/lab/workspaces/{name}?"))
    tab.wait_for_function("() => window.jupyterapp")
    tab.evaluate("() => window.jupyterapp.restored")  # until then the focus moves
    return tab


# The system's own dialog cannot be used from here: the file that is chosen is one of the page's own.
CHOOSING = """async size => {
    const file = await (await navigator.storage.getDirectory()).getFileHandle('lake.bin', { create: true });
    const writing = await file.createWritable();
    await writing.write(new Uint8Array(size).map((_, at) => at % 251));
    await writing.close();
    window.showOpenFilePicker = async () => [file];
}"""


def test_an_upload_goes_on_with_one_click_after_a_reload_where_a_browser_lets_its_file_be_read_again(
    sandbox, open_lab, bucket, tmp_path
):
    page = open_lab
    page.evaluate(CHOOSING, LARGE)
    slowly(page, 4_000_000)
    execute(page, "jupyter-oscar:upload", cluster="sandbox", path=bucket)
    begun(page)
    page.close(run_before_unload=False)
    page = another_tab(page, sandbox, "third")
    line = row(page, "lake.bin")
    line.get_by_text("unfinished").wait_for()
    line.hover()
    line.get_by_role("button", name="Go on with lake.bin").click()
    page.get_by_text("1 of 1 there").wait_for(timeout=90_000)
    content = (bytes(range(251)) * (LARGE // 251 + 1))[:LARGE]
    assert same(sandbox, bucket, "lake.bin", content, tmp_path)


def test_uploads_of_two_tabs_go_on_with_their_own_files_alone_after_both_were_closed(
    sandbox, open_lab, bucket, tmp_path
):
    page, content = open_lab, os.urandom(LARGE)
    for folder, what in (("mine", content), ("changed", content[1:])):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "lake.bin").write_bytes(what)
    (tmp_path / "other.bin").write_bytes(content)
    (tmp_path / "sea.bin").write_bytes(content)
    slowly(page, 4_000_000)
    upload(page, bucket, [tmp_path / "mine" / "lake.bin"])
    begun(page)
    row(page, "lake.bin").press("Enter")
    row(page, "lake.bin").get_by_text("paused").wait_for()
    second = another_tab(page, sandbox, "second")
    slowly(second, 4_000_000)
    upload(second, bucket, [tmp_path / "sea.bin"])
    begun(second)
    expect(row(second, "lake.bin"), "it is the first tab's").to_have_count(0)
    for tab in (page, second):
        tab.close(run_before_unload=False)
    page = another_tab(page, sandbox, "third")
    row(page, "sea.bin").get_by_text("unfinished").wait_for()
    line = row(page, "lake.bin")
    line.get_by_text("unfinished").wait_for()

    def choose(path):
        with page.expect_file_chooser() as chooser:
            line.press("Enter")
        chooser.value.set_files(path)

    choose(tmp_path / "other.bin")
    line.get_by_role("alert").get_by_text("other.bin is another file than lake.bin.").wait_for()
    choose(tmp_path / "changed" / "lake.bin")
    line.get_by_role("alert").get_by_text("lake.bin was changed since its upload began.").wait_for()
    sent = []
    page.on("request", lambda one: sent.append(one.url) if one.method == "PUT" and "number=" in one.url else None)
    choose(tmp_path / "mine" / "lake.bin")
    page.get_by_text("1 of 2 there").wait_for(timeout=90_000)
    assert 0 < len(sent) < -(-LARGE // (8 * 1024 * 1024)), "what had arrived is not sent again"
    assert same(sandbox, bucket, "lake.bin", content, tmp_path)
