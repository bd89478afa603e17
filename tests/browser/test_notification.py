"""What the storage tells of new files is OSCAR's alone: whatever is done in the page, it stays byte for byte."""

import json
import shutil

import pytest
from steps import open_dialog
from test_straight import MINIO, sandbox
from test_uploads import upload
from test_working_directory import FDL, SCRIPT, needs_fuse

from buckets import Bucket

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        not MINIO, reason="MinIO is neither named by $MINIO nor on PATH: rclone's S3 tells nobody of new files"
    ),
]
__all__ = ["needs_fuse", "sandbox"]


@pytest.fixture
def told(sandbox, notifications):
    """Asks MinIO whom it tells of new files in the service's bucket."""
    (sandbox.work / "fdl.yaml").write_text(FDL)
    (sandbox.work / "script.sh").write_text(SCRIPT)
    sandbox.oscar("apply", str(sandbox.work / "fdl.yaml"))
    box = json.loads(sandbox.sandbox("status", "--json", "--credentials"))
    return lambda: notifications.as_bytes("loud", box["endpoint"], box["user"], box["password"])


@pytest.mark.usefixtures("needs_fuse")
def test_a_watched_bucket_is_uploaded_to_edited_mounted_and_emptied(sandbox, open_lab, told, tmp_path):
    page, before = open_lab, told()
    assert b"in/" in before
    (tmp_path / "song.txt").write_text("la la\n")
    bucket = Bucket(sandbox, page, "loud")
    bucket.open("in")
    upload(page, "loud/in/", [tmp_path / "song.txt"])
    landed = bucket.panel.get_by_role("list", name="Just landed")
    landed.get_by_text("is newer than it").wait_for(timeout=60_000)

    bucket.item("song.txt").dblclick()
    bucket.edit("and more")

    bucket.home()
    page.get_by_role("button", name="Mount a bucket as a folder").click()
    open_dialog(page).get_by_role("textbox", name="Folder in it").fill("in")
    page.get_by_role("textbox", name="As").fill("work")
    page.get_by_role("button", name="Mount", exact=True).click()
    row = bucket.panel.get_by_role("region", name="work")
    row.get_by_text("all is written back").wait_for(timeout=30_000)
    assert (sandbox.work / "work" / "song.txt").read_text() == "la la\nand more"
    shutil.copy(tmp_path / "song.txt", sandbox.work / "work" / "by-mount.txt")
    row.get_by_role("button", name="Unmount").click()
    row.wait_for(state="detached", timeout=30_000)

    bucket.open("in")
    for name in ("song.txt", "by-mount.txt"):
        bucket.menu(name, "Move to Trash")
        page.get_by_role("button", name="Move to Trash").click()
        page.get_by_role("button", name=f"Delete {name}").click()
        bucket.item(name).wait_for(state="detached")
    assert {key for key in bucket.all() if key.startswith("in/")} <= {"in/"}
    assert told() == before
