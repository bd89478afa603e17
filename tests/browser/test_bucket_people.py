"""Buckets of people who are no admins: shared, used as input, copied from cluster to cluster, whatever a key is."""

import pytest
from playwright.sync_api import expect
from steps import eventually, execute, fdl, leave_dialog, open_dialog

from buckets import Bucket, drag

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

ALICE, BOB = ("alice1234567890@egi.eu", "bob1234567890@egi.eu")
LONG = "/".join(["k" * 254] * 4) + "/" + "z" * 4
ODD = (
    *("a b.txt", "plus+percent%20.txt", "hash#q?.txt", "semi;&=.txt", "d:colon.txt", "100%.txt"),
    *("caf\u00e9.txt", "cafe\u0301.txt", "Case.txt", "case.txt", "p%2Fq.txt", "\u2205.txt"),
)
# Core's files to a side.
MOVE = """side => {
    const { shell } = window.jupyterapp;
    const all = [...shell.widgets('left'), ...shell.widgets('right')];
    shell.add(all.find(one => one.id === 'filebrowser'), side);
    shell.activateById('filebrowser');
}"""


@pytest.fixture(scope="module")
def sandbox(server, issuer):
    """A sandbox that takes tokens, and two people of it as two clusters; the first is Alice's."""
    server.sandbox("start", "--oidc-issuer", issuer.url, "--oidc-group", "vo1")
    box = server.sandbox("status", "--json")
    endpoint = box.split('"endpoint": "')[1].split('"')[0]
    for name, sub in (("alice", ALICE), ("bob", BOB)):
        server.oscar("cluster", "add", name, endpoint, "--oidc-refresh-token-stdin", stdin=issuer.grant(sub) + "\n")
    server.oscar("bucket", "create", "theirs", "--cluster", "bob")
    yield server
    server.sandbox("stop")


@pytest.fixture
def bucket(shared_lab, sandbox, request):
    """A bucket of Alice's, filled as she."""
    name = request.node.name.replace("_", "-")[5:30].strip("-")
    one = Bucket(sandbox, shared_lab, name)
    yield one
    one.section()
    one.home()
    sandbox.oscar("bucket", "delete", name, "--yes", "--cluster", "alice")


def as_person(page, name):
    line = page.locator(".jp-OscarCluster-line")
    line.wait_for()
    if name not in line.inner_text():
        line.click()
        page.locator(".lm-Menu").get_by_text(name, exact=True).click()
    page.locator(".jp-OscarCluster-line", has_text=name).wait_for()


def test_whatever_a_key_is_called_it_is_opened_saved_and_renamed(bucket, page):
    bucket.fill({**{key: key.encode() for key in ODD}, LONG: b"far"})
    bucket.section()
    as_person(page, "alice")
    bucket.open()
    editor = page.locator(".jp-FileEditor:not(.lm-mod-hidden) .cm-content")
    shown = {key: key.replace("\u2205", "\u2205\u2205") for key in ODD}  # the mark of what a path cannot hold
    for key, name in shown.items():
        bucket.item(name).dblclick()
        expect(editor).to_have_text(key)
        bucket.edit(" new")
        page.evaluate("() => window.jupyterapp.shell.currentWidget.dispose()")
        if ":" not in key:  # core lets nobody type one
            bucket.menu(name, "Rename")
            page.keyboard.press("Control+a")
            page.keyboard.type(f"R{key}")
            page.keyboard.press("Enter")
            bucket.item(f"R{key}").wait_for()
    bucket.menu("Ra b.txt", "Rename")
    page.keyboard.press("Control+a")
    page.keyboard.type("..")
    page.keyboard.press("Enter")
    page.locator(".jp-Dialog button").last.click()
    for folder in LONG.split("/")[:-1]:
        bucket.item(folder).last.dblclick()
        bucket.panel.locator(".jp-DirListing-item:visible").first.wait_for()
    bucket.item("zzzz").dblclick()
    expect(editor).to_have_text("far")
    wanted = {key if ":" in key else f"R{key}": f"{key} new" for key in ODD} | {LONG: "far"}
    assert bucket.all() == wanted


def test_folders_are_made_moved_and_deleted_with_what_is_in_them(bucket, page):
    bucket.fill({"a/one.txt": b"1", "a/deep/two.txt": b"2", "a/three.txt": b"3", "b/x": b"x"})
    bucket.section()
    as_person(page, "alice")
    bucket.open()
    page.locator("#jupyter-oscar-sidebar").get_by_role("button", name="New bucket or folder").click()
    bucket.panel.locator("input.jp-DirListing-editor").wait_for()
    page.keyboard.type("fresh")
    page.keyboard.press("Enter")
    bucket.item("fresh").wait_for()
    drag(page, bucket.item("a"), bucket.item("fresh"))
    bucket.item("a").wait_for(state="detached")
    bucket.item("fresh").dblclick()
    bucket.item("a").dblclick()
    bucket.item("one.txt").click(button="right")
    page.get_by_role("menuitem", name="Cut").click()
    bucket.home()
    bucket.open("b")
    bucket.menu("x", "Paste")
    bucket.item("one.txt").wait_for()
    moved = {"fresh/": "", "fresh/a/deep/two.txt": "2", "fresh/a/three.txt": "3"}
    assert bucket.all() == {"b/one.txt": "1", "b/x": "x", **moved}
    bucket.home()
    bucket.open()
    bucket.menu("fresh", "Move to Trash")
    page.get_by_role("button", name="Move to Trash").click()
    page.get_by_text(f"Delete {bucket.name}/fresh/?").wait_for()
    page.get_by_role("button", name="Delete 2 objects").click()
    bucket.item("fresh").wait_for(state="detached")
    assert bucket.all() == {"b/one.txt": "1", "b/x": "x"}


def test_folders_are_dragged_from_my_files_to_a_bucket_and_back(bucket, page, sandbox):
    bucket.fill({"there/deep/b #2.txt": b"from the bucket", "x": b"x"})
    (sandbox.work / "mine" / "deep").mkdir(parents=True)
    (sandbox.work / "mine" / "deep" / "a b.txt").write_text("from my files")
    bucket.section()
    as_person(page, "alice")
    bucket.open()
    page.evaluate(MOVE, "right")
    mine = page.locator("#filebrowser .jp-DirListing-item", has_text="mine")
    mine.wait_for()
    drag(page, mine, bucket.item("x"))
    bucket.item("mine").wait_for()
    eventually(page, lambda: bucket.all().get("mine/deep/a b.txt") == "from my files")
    drag(page, bucket.item("there"), mine)
    there = sandbox.work / "mine" / "there" / "deep" / "b #2.txt"
    eventually(page, lambda: there.exists() and there.read_text() == "from the bucket")
    page.evaluate(MOVE, "left")


def test_a_folder_is_copied_from_cluster_to_cluster(bucket, page, sandbox):
    bucket.fill({"out/a.txt": b"a", "out/deep/b.txt": b"b"})
    bucket.section()
    as_person(page, "alice")
    execute(page, "jupyter-oscar:open-folder", cluster="alice", path=bucket.name)
    as_person(page, "bob")
    page.locator(".jp-OscarObjectRow", has_text="out").click()
    page.evaluate("() => void window.jupyterapp.commands.execute('jupyter-oscar:copy-to-bucket')")
    open_dialog(page).locator("select").select_option("theirs")
    page.get_by_role("textbox", name="Folder").fill("from/alice")
    page.get_by_role("button", name="Copy", exact=True).click()
    page.get_by_text("Copied to theirs/from/alice.").first.wait_for()
    listed = sandbox.oscar("bucket", "list", "theirs", "--cluster", "bob").splitlines()
    assert [line.split("\t")[0] for line in listed] == ["from/alice/out/a.txt", "from/alice/out/deep/b.txt"]


def test_a_bucket_is_shared_by_its_owner_and_by_nobody_else(bucket, page):
    bucket.fill({"a": b"x" * 2000, "b": b"x"})
    bucket.section()
    as_person(page, "alice")
    bucket.menu(bucket.name, "Sharing and Usage")
    dialog = open_dialog(page)
    dialog.get_by_text("2.0 kB, 2 objects").wait_for()
    dialog.locator("select").select_option("restricted")
    dialog.get_by_role("textbox", name="People").fill(BOB)
    dialog.get_by_role("button", name="Share").click()
    dialog.wait_for(state="detached")
    as_person(page, "bob")

    def with_quota(route):
        route.fulfill(json=route.fetch().json() | {"quota": 20_000})

    page.route(f"**/buckets/{bucket.name}*", with_quota, times=1)
    bucket.menu(bucket.name, "Sharing and Usage")
    dialog.get_by_text("2.0 kB of 20 kB, 2 objects").wait_for()
    for fact in (ALICE, BOB):
        expect(dialog.get_by_title(fact)).to_be_visible()
    dialog.get_by_text("Only its owner decides who sees it.").wait_for()
    expect(dialog.locator("select")).to_have_count(0)
    dialog.get_by_role("button", name="Close").click()
    bucket.item(bucket.name).dblclick()
    bucket.item("a").wait_for()


def test_an_object_becomes_the_input_of_a_service(bucket, page, sandbox):
    bucket.fill({"in/words.txt": b"la la"})
    folder = sandbox.work / "loud"
    folder.mkdir()
    (folder / "fdl.yaml").write_text(fdl(loud="script.sh"))
    (folder / "script.sh").write_text('#!/bin/sh\ntr a-z A-Z < "$INPUT_FILE_PATH" > "$TMP_OUTPUT_DIR/loud.txt"\n')
    sandbox.oscar("apply", str(folder / "fdl.yaml"), "--yes", "--cluster", "alice")
    bucket.section()
    as_person(page, "alice")
    page.locator(".jp-OscarServiceRow", has_text="loud").wait_for()
    bucket.open("in")
    bucket.menu("words.txt", "Use as Input of")
    page.locator(".jp-Dialog select").select_option("loud")
    page.get_by_role("button", name="Go On").click()
    expect(page.get_by_role("radio", name="object")).to_be_checked()
    page.get_by_role("button", name="Run as a Job").click()
    page.locator(".jp-OscarOutputs").get_by_text("LA LA").wait_for(timeout=60_000)
    sandbox.oscar("delete", "loud", "--yes", "--cluster", "alice")


def test_a_link_says_until_when_anybody_may_use_it(bucket, page):
    bucket.fill({"a b.txt": b"x"})
    bucket.section()
    as_person(page, "alice")
    bucket.open()
    bucket.menu("a b.txt", "Link for Anybody")
    dialog = page.locator(".jp-Dialog")
    link = dialog.get_by_role("textbox", name="Link")
    assert "X-Amz-Expires=600" in link.input_value()
    until = dialog.get_by_text("without signing in").inner_text()
    dialog.locator("select").select_option("86400")
    expect(dialog.get_by_text("without signing in")).not_to_have_text(until)
    assert "X-Amz-Expires=86400" in link.input_value()
    leave_dialog(page)
