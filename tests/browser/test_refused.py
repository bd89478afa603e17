"""What a person is told before something is lost or refused: a bucket that others use, an unencrypted cluster."""

import json

import pytest
from playwright.sync_api import expect
from shots import show
from steps import fdl, focus, open_dialog

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def test_deleting_a_service_says_what_else_loses_its_bucket(sandbox, page):
    two = fdl(first="script.sh", next="script.sh").replace("path: next/out", "path: first/more")
    (sandbox.work / "fdl.yaml").write_text(two)
    (sandbox.work / "script.sh").write_text("#!/bin/sh\ncat $INPUT_FILE_PATH\n")
    sandbox.oscar("apply", "fdl.yaml", "--yes")
    page.goto(sandbox.page)
    show(page)
    row = page.locator(".jp-OscarServiceRow", has_text="first")
    row.wait_for(timeout=30_000)
    focus(page, row)
    page.keyboard.press("Delete")
    dialog = page.locator(".jp-Dialog")
    dialog.get_by_text("next uses first too and loses it.").wait_for(timeout=30_000)
    expect(dialog.get_by_role("checkbox"), "there is nothing to keep").to_have_count(0)
    dialog.get_by_role("button", name="Cancel").click()
    dialog.wait_for(state="detached")


def test_what_a_deleted_service_held_is_kept_in_another_bucket(sandbox, page):
    (sandbox.work / "fdl.yaml").write_text(fdl(first="script.sh"))
    (sandbox.work / "script.sh").write_text("#!/bin/sh\ncat $INPUT_FILE_PATH\n")
    (sandbox.work / "lake.txt").write_text("a lake")
    sandbox.oscar("apply", "fdl.yaml", "--yes")
    sandbox.oscar("bucket", "put", "lake.txt", "first/kept/lake.txt")
    page.goto(sandbox.page)
    show(page)
    row = page.locator(".jp-OscarServiceRow", has_text="first")
    row.wait_for(timeout=30_000)
    focus(page, row)
    page.keyboard.press("Delete")
    dialog = open_dialog(page)
    dialog.get_by_label("Keep a copy of what is in them").check(timeout=30_000)
    dialog.get_by_label("In the bucket").fill("first")
    dialog.get_by_role("button", name="Delete first and 1 bucket").click()
    expect(dialog.get_by_role("alert")).to_contain_text("is deleted with the service")
    dialog.get_by_label("In the bucket").fill("shelf")
    dialog.get_by_role("button", name="Delete first and 1 bucket").click()
    dialog.wait_for(state="detached")
    row.wait_for(state="detached")
    sandbox.oscar("bucket", "get", "shelf/first/kept/lake.txt", "back.txt")
    assert (sandbox.work / "back.txt").read_text() == "a lake"


def test_a_cluster_that_would_get_the_password_unencrypted_is_shown_with_the_reason(sandbox, page):
    path = sandbox.home / ".oscar-cli" / "config.yaml"
    path.parent.mkdir(exist_ok=True)
    entry = {"endpoint": "http://ada:MARKER@oscar.example.org", "auth_user": "ada", "auth_password": "MARKER"}
    plain = {**entry, "endpoint": "http://oscar.example.org"}
    path.write_text(json.dumps({"oscar": {"plain": plain, "odd": entry}}))
    page.goto(sandbox.page)
    show(page)
    line = page.locator(".jp-OscarCluster-line")
    line.get_by_text("sandbox", exact=True).wait_for(timeout=30_000)
    line.click()
    page.locator(".lm-Menu").get_by_text("plain", exact=True).click()
    notice = page.locator(".jp-OscarCluster .jp-OscarNotice")
    notice.get_by_text("would receive the credentials unencrypted").wait_for(timeout=30_000)
    notice.get_by_text(str(path)).wait_for()
    expect(notice.get_by_role("button")).to_have_text(["Look again"])
    expect(page.get_by_text("would receive the credentials unencrypted"), "the lists do not say it").to_have_count(1)
    assert "MARKER" not in page.content()

    path.write_text(json.dumps({"oscar": {}}))  # seen without a click too
    line.get_by_text("sandbox", exact=True).wait_for(timeout=30_000)
    path.unlink()
