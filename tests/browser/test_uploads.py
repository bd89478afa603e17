"""Files are sent into a bucket from the page: paused, gone on with after a reload, cancelled without a trace."""

import hashlib
import os

import pytest
from steps import eventually, execute, layout_saved

pytestmark = [pytest.mark.browser, pytest.mark.timeout(150)]

LARGE = 120_000_000


@pytest.fixture
def bucket(sandbox, request):
    name = f"up-{abs(hash(request.node.name)) % 10**8}"
    sandbox.oscar("bucket", "create", name)
    yield name
    sandbox.oscar("bucket", "delete", name, "--yes")


def upload(page, path, files, **args):
    with page.expect_file_chooser() as chooser:
        execute(page, "jupyter-oscar:upload", cluster="sandbox", path=path, **args)
    chooser.value.set_files(files)


def row(page, name):
    return page.get_by_role("treegrid", name="Uploads").get_by_role("row").filter(has_text=name)


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
    with layout_saved(page, "lake.bin"):
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
    page.get_by_text("No uploads.").wait_for()
    eventually(page, lambda: sandbox.oscar("bucket", "uploads", bucket) == "", "what was begun is given up")
    assert sandbox.oscar("bucket", "list", bucket) == ""
