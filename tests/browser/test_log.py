"""A log that is read in a real JupyterLab: followed, folded, searched, and gone through by key."""

import re

import pytest
from steps import call, deploy

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


@pytest.fixture
def log(open_lab):
    """The log of a call that counted to 3000 and failed, alone on the page."""
    page = open_lab
    deploy(
        page,
        "counts",
        """\
        #!/bin/sh
        seq 1 3000 | sed 's/^/number /'
        echo "a/b: not found"
        exit 2
        """,
    )
    call(page, "input.txt", "x")
    page.get_by_role("row", selected=True).get_by_text("failed").wait_for(timeout=30_000)
    page.get_by_role("tab", name="Log").click()
    page.locator(".jp-OscarLog-line:visible", has_text="a/b: not found").wait_for(timeout=30_000)
    return page


def test_a_log_is_searched_folded_and_gone_through_by_key(log):
    page = log
    lines = page.get_by_role("region", name="Lines of the log").locator("visible=true")
    # Of three thousand lines only those in sight are in the page.
    assert page.locator(".jp-OscarLog-line:visible").count() < 200

    lines.focus()
    page.keyboard.press("Home")
    page.get_by_role("button", name=re.compile("lines? of OSCAR")).locator("visible=true").first.wait_for()
    page.locator(".jp-OscarLog-line:visible", has_text=re.compile("number 1$")).wait_for()

    page.keyboard.press("/")
    page.keyboard.type("number 1500")
    # Once where the script said it, once where OSCAR repeats its answer.
    page.get_by_text("2 lines", exact=True).locator("visible=true").wait_for()
    page.keyboard.press("Enter")
    page.locator(".jp-OscarLog-line.jp-mod-current:visible", has_text="number 1500").wait_for()
    assert page.locator("mark:visible").inner_text() == "number 1500"

    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("a/b")
    page.keyboard.press("Enter")
    page.locator(".jp-OscarLog-line.jp-mod-current.jp-mod-failed:visible", has_text="a/b: not found").wait_for()

    page.keyboard.press("Escape")
    assert page.evaluate("() => document.activeElement.getAttribute('aria-label')") == "Lines of the log"
    fold = page.get_by_role("button", name=re.compile("lines? of OSCAR")).locator("visible=true").first
    page.keyboard.press("Home")
    before = page.locator(".jp-OscarLog-line.jp-mod-oscar:visible").count()
    fold.click()
    page.locator(".jp-OscarLog-line.jp-mod-oscar:visible").nth(before).wait_for()
    assert fold.get_attribute("aria-expanded") == "true"

    page.keyboard.press("Escape")
    page.get_by_role("button", name="Next line that failed").locator("visible=true").click()
    page.locator(".jp-OscarLog-line.jp-mod-current:visible", has_text="a/b: not found").wait_for()
