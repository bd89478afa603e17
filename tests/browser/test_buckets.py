"""Buckets in the sidebar and as tables: files of a bucket opened, saved, copied and moved as any other."""

import hashlib
import json

import pytest
from playwright.sync_api import expect
from shots import show
from steps import eventually, layout_saved

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

SEED = """
import asyncio
from jupyter_oscar.client import profiles
from jupyter_oscar.client.cluster import Cluster

OBJECTS = {objects!r}

async def main():
    async with Cluster(next(iter(profiles.profiles()))) as cluster:
        if {bucket!r} not in [one.bucket_name for one in await cluster.buckets.list()]:
            await cluster.buckets.create({bucket!r})
        for key, content in OBJECTS.items():
            await cluster.objects.write({bucket!r}, key, content)
        for start in range(0, {many}, 50):
            keys = ["many/" + str(number).zfill(5) for number in range(start, start + 50)]
            await asyncio.gather(*(cluster.objects.write({bucket!r}, key, b"x") for key in keys))

asyncio.run(main())
"""
READ = """
import asyncio, sys
from jupyter_oscar.client import profiles
from jupyter_oscar.client.cluster import Cluster

async def main():
    async with Cluster(next(iter(profiles.profiles()))) as cluster:
        print([row.key async for row in cluster.buckets.objects({bucket!r}, "")])
        sys.stdout.flush()
        if {key!r}:
            sys.stdout.buffer.write(await cluster.store.get({bucket!r}, {key!r}))

asyncio.run(main())
"""
NOTEBOOK = json.dumps(
    {
        "cells": [
            {"cell_type": "code", "id": "a", "source": "1 + 1", "metadata": {}, "outputs": [], "execution_count": None}
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
).encode()


class Bucket:
    """A bucket of the sandbox and its part of the sidebar."""

    def __init__(self, lab, page, name):
        self.lab, self.page, self.name = lab, page, name
        self.panel = page.locator(".jp-OscarBuckets")

    def fill(self, objects, many=0):
        self.lab.python(SEED.format(bucket=self.name, objects=objects, many=many))

    def keys(self):
        return self.lab.python(READ.format(bucket=self.name, key="")).splitlines()[0]

    def text(self, key):
        return self.lab.python(READ.format(bucket=self.name, key=key)).split("\n", 1)[1]

    def section(self):
        show(self.page)
        title = self.page.locator("#jupyter-oscar-sidebar .jp-AccordionPanel-title", has_text="Buckets")
        title.wait_for()
        if "lm-mod-expanded" not in title.get_attribute("class"):
            title.click()

    def item(self, name):
        return self.panel.locator(".jp-DirListing-item", has=self.page.get_by_text(name, exact=True))

    def open(self, *folders):
        self.section()
        for folder in (self.name, *folders):
            self.item(folder).dblclick()
            self.page.wait_for_function(
                "name => document.querySelector('.jp-OscarBuckets .jp-BreadCrumbs').innerText.includes(name)",
                arg=folder,
            )

    def menu(self, name, *labels):
        self.item(name).click(button="right")
        for label in labels:
            self.page.get_by_role("menuitem", name=label).click()


@pytest.fixture
def bucket(open_lab, sandbox, request):
    name = request.node.name.replace("_", "-")[5:30].strip("-")
    one = Bucket(sandbox, open_lab, name)
    yield one
    sandbox.oscar("bucket", "delete", name, "--yes")


def test_a_text_is_opened_in_place_changed_and_saved(bucket, page):
    bucket.fill({"notes/readme.txt": b"hello\n"})
    bucket.open("notes")
    bucket.item("readme.txt").dblclick()
    editor = page.locator(".jp-FileEditor .cm-content")
    editor.wait_for()
    editor.click()
    page.keyboard.press("Control+End")
    page.keyboard.type("world")
    page.keyboard.press("Control+s")
    page.locator(".jp-mod-current.lm-TabBar-tab:not(.jp-mod-dirty)", has_text="readme.txt").wait_for()
    assert bucket.text("notes/readme.txt") == "hello\nworld"
    assert bucket.keys() == "['notes/readme.txt']", "no checkpoint, no other file"


def test_a_notebook_runs_is_saved_and_is_there_after_the_page_is_loaded_again(bucket, page, lab):
    bucket.fill({"work/a.ipynb": NOTEBOOK})
    bucket.open("work")
    with layout_saved(page, "work/a.ipynb"):
        bucket.item("a.ipynb").dblclick()
        page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.context.sessionContext.ready"
        ".then(() => void window.jupyterapp.commands.execute('notebook:run-all-cells'))"
    )
    page.locator(".jp-OutputArea-output", has_text="2").wait_for(timeout=60_000)
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save').then(() => null)")
    assert '"text/plain"' in bucket.text("work/a.ipynb")
    page.goto(lab.replace("&reset", ""))
    page.locator(".jp-OutputArea-output", has_text="2").wait_for(timeout=60_000)


def test_files_are_renamed_copied_and_deleted_and_nested_folders_follow(bucket, page):
    bucket.fill({"a/b/one.txt": b"1", "a/b/two.txt": b"2"})
    bucket.open("a", "b")
    bucket.menu("one.txt", "Rename")
    page.keyboard.press("Control+a")
    page.keyboard.type("first.txt")
    page.keyboard.press("Enter")
    bucket.item("first.txt").wait_for()
    bucket.item("one.txt").wait_for(state="detached")
    bucket.menu("first.txt", "Duplicate")
    bucket.item("first-Copy1.txt").wait_for()
    bucket.menu("two.txt", "Move to Trash")
    page.get_by_role("button", name="Move to Trash").click()
    page.get_by_text("A bucket has no trash").wait_for()
    page.get_by_role("button", name="Delete two.txt").click()
    bucket.item("two.txt").wait_for(state="detached")
    assert bucket.keys() == "['a/b/first-Copy1.txt', 'a/b/first.txt']"


def test_a_large_file_is_uploaded_in_parts_and_is_whole(bucket, page):
    bucket.fill({"in/x": b"x"})
    bucket.open("in")
    content = bytes(range(256)) * 4096 * 11  # 11 MiB: more than one part
    page.once("dialog", lambda dialog: dialog.accept())
    with page.expect_file_chooser() as chooser:
        page.locator("#jupyter-oscar-sidebar").get_by_role("button", name="Upload files").click()
    chooser.value.set_files({"name": "large.bin", "mimeType": "application/octet-stream", "buffer": content})
    bucket.item("large.bin").wait_for(timeout=60_000)
    where = f"{bucket.name}/in/large.bin"
    program = f"import jupyter_oscar as o, hashlib as h\nprint(h.sha256(o.connect().fs.cat({where!r})).hexdigest())"
    assert bucket.lab.python(program).strip() == hashlib.sha256(content).hexdigest()


def test_files_are_dragged_from_my_files_to_a_bucket_and_back(bucket, page):
    bucket.fill({"in/there.txt": b"from the bucket"})
    (bucket.lab.work / "mine.txt").write_text("from my files")
    bucket.open("in")
    bucket.item("there.txt").wait_for()
    page.evaluate(
        "() => { const { shell } = window.jupyterapp; const [files] = [...shell.widgets('left')]"
        ".filter(one => one.id === 'filebrowser'); shell.add(files, 'right'); shell.activateById('filebrowser'); }"
    )
    mine = page.locator("#filebrowser")
    mine.locator(".jp-DirListing-item", has_text="mine.txt").wait_for()
    drag(page, mine.locator(".jp-DirListing-item", has_text="mine.txt"), bucket.item("there.txt"))
    bucket.item("mine.txt").wait_for()
    assert bucket.text("in/mine.txt") == "from my files"
    drag(page, bucket.item("there.txt"), mine.locator(".jp-DirListing-item", has_text="mine.txt"))
    mine.locator(".jp-DirListing-item", has_text="there.txt").wait_for()
    assert (bucket.lab.work / "there.txt").read_text() == "from the bucket"


def drag(page, source, target):
    """As a person does: press, move, let go."""
    start, end = source.bounding_box(), target.bounding_box()
    page.mouse.move(start["x"] + 40, start["y"] + 8)
    page.mouse.down()
    page.mouse.move(start["x"] + 60, start["y"] + 20, steps=3)
    page.mouse.move(end["x"] + 40, end["y"] + 8, steps=8)
    page.mouse.up()


def test_an_object_that_somebody_writes_is_seen_without_a_refresh(bucket, page):
    bucket.fill({"in/a": b"x"})
    bucket.open("in")
    bucket.item("a").wait_for()
    bucket.fill({"in/b": b"x"})
    bucket.item("b").wait_for(timeout=10_000)


def test_of_a_large_folder_the_first_are_shown_the_rest_by_a_prefix_or_as_a_table(bucket, page):
    bucket.fill({}, many=1250)
    bucket.open("many")
    bucket.panel.get_by_text("The first 200 are shown.").wait_for()
    expect(bucket.panel.locator(".jp-DirListing-item")).to_have_count(200)
    title = page.locator("#jupyter-oscar-sidebar .jp-AccordionPanel-title", has_text="Buckets")
    title.get_by_role("button", name="Filter (/)").click()
    page.get_by_role("searchbox", name="Beginning of the name").fill("0123")
    page.wait_for_function("() => document.querySelectorAll('.jp-OscarBuckets .jp-DirListing-item').length === 10")
    title.get_by_role("button", name="Open as a table").click()
    table = page.get_by_role("grid", name="Objects")
    table.wait_for()
    expect(table, "more than is loaded").to_have_attribute("aria-rowcount", "-1")

    def all_loaded():
        page.keyboard.press("End")  # each time the next page
        return table.get_attribute("aria-rowcount") == "1251"

    eventually(page, all_loaded)
    page.keyboard.press("End")
    page.locator('.jp-OscarTable-row[aria-selected="true"]', has_text="01249").wait_for()
    assert page.locator(".jp-OscarTable-row").count() <= 300


def test_what_an_object_is_good_for_is_in_its_menu(bucket, page, sandbox):
    bucket.fill({"in/table.csv": b"a,b\n1,2\n"})
    (sandbox.work / "here.ipynb").write_bytes(NOTEBOOK)
    page.evaluate(
        "() => window.jupyterapp.commands.execute('docmanager:open', { path: 'here.ipynb' }).then(() => null)"
    )
    page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    bucket.open("in")
    bucket.menu("table.csv", "Link for Anybody")
    link = page.get_by_role("textbox", name="Link").input_value()
    page.get_by_text("without signing in").wait_for()
    assert page.evaluate("url => fetch(url, { mode: 'no-cors' }).then(() => true)", link)
    page.keyboard.press("Escape")
    bucket.menu("table.csv", "What Does a New File Here Start")
    page.get_by_text("It starts nothing").wait_for()
    page.keyboard.press("Escape")
    bucket.menu("table.csv", "Insert Cell That Reads It")
    cell = page.locator(".jp-Notebook .jp-mod-active .cm-content")
    expect(cell).to_contain_text(f'cluster.fs.open("{bucket.name}/in/table.csv", "rb")')
    expect(cell).to_contain_text("pd.read_csv(file)")
    bucket.menu("table.csv", "Copy to My Files")
    page.get_by_text("Copied to").first.wait_for()
    assert (sandbox.work / "table.csv").read_bytes() == b"a,b\n1,2\n"


def test_a_bucket_is_made_looked_at_and_deleted_with_what_is_in_it(bucket, page):
    bucket.section()
    page.locator("#jupyter-oscar-sidebar").get_by_role("button", name="New bucket or folder").click()
    page.get_by_role("textbox", name="Name").fill("No Bucket")
    page.get_by_role("button", name="Make Bucket").click()
    page.get_by_role("alert").wait_for()
    page.get_by_role("textbox", name="Name").fill(bucket.name)
    page.get_by_role("button", name="Make Bucket").click()
    bucket.item(bucket.name).wait_for()
    bucket.fill({"a": b"x" * 1000, "b/c": b"x"})
    bucket.menu(bucket.name, "Sharing and Usage")
    page.get_by_text("belongs to the admin").wait_for()
    page.get_by_role("button", name="Close").click()
    bucket.menu(bucket.name, "Move to Trash")
    page.get_by_role("button", name="Move to Trash").click()
    page.get_by_role("button", name=f"Delete {bucket.name} and 2 objects").click()
    bucket.item(bucket.name).wait_for(state="detached")
