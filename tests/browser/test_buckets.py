"""Buckets in the sidebar and as tables: files of a bucket opened, saved, copied and moved as any other."""

import hashlib
import re

import pytest
from playwright.sync_api import expect
from steps import eventually, layout_saved, leave_dialog

from buckets import NOTEBOOK, Bucket, drag

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


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
    bucket.edit("world")
    assert bucket.text("notes/readme.txt") == "hello\nworld"
    assert bucket.keys() == "['notes/readme.txt']", "no checkpoint, no other file"


def test_a_notebook_runs_is_saved_and_is_there_after_the_page_is_loaded_again(bucket, page, lab):
    bucket.fill({"work/a.ipynb": NOTEBOOK})
    bucket.open("work")
    with layout_saved(page, "work/a.ipynb"):
        bucket.item("a.ipynb").dblclick()
        page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    page.get_by_text("Its kernel runs in your own files").first.wait_for()
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


# A drop of files of the machine; a folder comes as the browser tells one, by a handle of the page's own files.
DROP = """async ([list, large]) => {
    const top = await navigator.storage.getDirectory();
    const folder = await top.getDirectoryHandle('mine', { create: true });
    const deep = await folder.getDirectoryHandle('deep', { create: true });
    const file = await deep.getFileHandle('a b.txt', { create: true });
    const writing = await file.createWritable();
    await writing.write('from my machine');
    await writing.close();
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(large)], 'large.bin'));
    data.items.add(new File(['no file'], 'mine'));
    data.items[1].constructor.prototype.getAsFileSystemHandle = async function () {
        return this.getAsFile()?.name === 'mine' ? folder : null;
    };
    const drop = new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true });
    document.querySelector(list).dispatchEvent(drop);
}"""


def test_files_and_folders_of_the_machine_are_dropped_and_sent_as_transfers(bucket, page):
    bucket.fill({"in/there.txt": b"x"})
    bucket.open("in")
    page.evaluate(DROP, [".jp-OscarFiles:not(.lm-mod-hidden) .jp-DirListing-content", 11 * 2**20])
    page.get_by_role("treegrid", name="Transfers").get_by_text("large.bin").wait_for()
    page.get_by_text("2 of 2 there").wait_for(timeout=60_000)
    bucket.item("mine").wait_for()
    assert bucket.keys() == "['in/large.bin', 'in/mine/deep/a b.txt', 'in/there.txt']", "no folder's marker"
    assert bucket.text("in/mine/deep/a b.txt") == "from my machine"


def test_an_object_that_somebody_writes_is_seen_without_a_refresh(bucket, page):
    bucket.fill({"in/a": b"x"})
    bucket.open("in")
    bucket.item("a").wait_for()
    bucket.fill({"in/b": b"x"})
    bucket.item("b").wait_for(timeout=10_000)


def test_of_a_large_folder_the_first_are_shown_the_rest_by_a_prefix_or_as_a_table(bucket, page):
    bucket.fill({}, many=1250)
    asked = []
    page.on("request", lambda one: asked.append(one.url) if f"/buckets/{bucket.name}/" in one.url else None)
    bucket.open("many")
    bucket.panel.get_by_text("The first 200 are shown.").wait_for()
    assert all("/folder?" in url for url in asked), "no entry is asked about"
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
    bucket.item("table.csv").click(button="right")
    items = page.get_by_role("menuitem")
    expect(items.filter(has_text="Save to My Computer")).to_be_visible()
    expect(items.filter(has_text=re.compile(r"^(Download|Copy Download Link|Copy Shareable Link)$"))).to_have_count(0)
    page.keyboard.press("Escape")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    bucket.menu("table.csv", "Copy s3:// Path")
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert copied == f"s3://{bucket.name}/in/table.csv"
    bucket.menu("table.csv", "Link for Anybody")
    link = page.get_by_role("textbox", name="Link").input_value()
    page.get_by_text("without signing in").wait_for()
    assert page.evaluate("url => fetch(url, { mode: 'no-cors' }).then(() => true)", link)
    leave_dialog(page)
    bucket.menu("table.csv", "What Does a New File Here Start")
    page.get_by_text("It starts nothing").wait_for()
    leave_dialog(page)
    cell = page.locator(".jp-Notebook .jp-mod-active .cm-content")
    for reader, line in (
        ("pandas", "pd.read_csv(file)"),
        ("xarray", "xr.open_dataset(file)"),
        ("bytes", "file.read()"),
    ):
        bucket.item("table.csv").click(button="right")
        page.locator(".lm-Menu-item", has_text="Insert Cell That Reads It").click()
        page.get_by_role("menuitem", name=reader).click()
        expect(cell).to_contain_text(f'cluster.fs.open("{bucket.name}/in/table.csv", "rb")')
        expect(cell).to_contain_text(line)
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
    bucket.item(bucket.name).click(button="right")
    expect(page.get_by_role("menuitem", name="Open in Terminal")).to_have_count(0)
    expect(page.get_by_role("menuitem", name="Rename"), "a bucket keeps its name").to_have_count(0)
    page.get_by_role("menuitem", name="Sharing and Usage").click()
    page.get_by_text("belongs to the admin").wait_for()
    page.get_by_role("button", name="Close").click()
    bucket.menu(bucket.name, "Move to Trash")
    page.get_by_role("button", name="Move to Trash").click()
    page.get_by_role("button", name=f"Delete {bucket.name} and 2 objects").click()
    bucket.item(bucket.name).wait_for(state="detached")
