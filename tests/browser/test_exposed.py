"""An exposed service in the sidebar and on its page: its state, its log, stopped, started and opened."""

from pathlib import Path

import pytest
from playwright.sync_api import expect
from shots import show

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

FDL = Path(__file__).parents[2] / "examples" / "hello-page" / "fdl.yaml"


def test_it_is_stopped_and_started_and_opened_and_its_log_read(server, lab, page):
    server.sandbox("start")
    server.python(f"import jupyter_oscar as oscar\noscar.connect('sandbox').deploy({str(FDL)!r})")
    page.goto(lab)
    show(page)
    row = page.locator(".jp-OscarServiceRow", has_text="hello-page")
    row.get_by_text("running").wait_for(timeout=30_000)

    row.dblclick()
    about = page.locator(".jp-OscarPage-kind")
    about.get_by_text("running").wait_for()
    expect(page.get_by_role("tab").filter(has_text="Calls"), "it is opened, not called").to_have_count(0)
    page.locator(".jp-OscarLog").get_by_text("serving /system/services/hello-page/exposed/").wait_for()

    page.get_by_role("button", name="Stop", exact=True).click()
    about.get_by_text("stopped").wait_for(timeout=30_000)
    row.get_by_text("stopped").wait_for()
    expect(page.get_by_role("button", name="Open", exact=True)).to_be_disabled()

    row.click(button="right")
    page.get_by_role("menuitem", name="Start", exact=True).click()
    about.get_by_text("running").wait_for(timeout=30_000)
    with page.context.expect_page() as opened:
        page.get_by_role("button", name="Open", exact=True).click()
    opened.value.get_by_text("Hello from an exposed service").wait_for()
    assert opened.value.url.endswith("/system/services/hello-page/exposed/")
    page.locator(".jp-OscarLog").get_by_text('"GET / HTTP/1.1" 200').wait_for(timeout=30_000)


def test_a_restart_begins_a_new_instance_and_the_page_follows(server, lab, page):
    server.sandbox("start")
    server.python(f"import jupyter_oscar as oscar\noscar.connect('sandbox').deploy({str(FDL)!r}, update=True)")
    page.goto(lab)
    show(page)
    row = page.locator(".jp-OscarServiceRow", has_text="hello-page")
    row.get_by_text("running").wait_for(timeout=30_000)
    row.dblclick()
    log = page.locator(".jp-OscarLog")
    begun = log.get_by_text("serving /system/services/hello-page/exposed/")
    begun.first.wait_for()
    before = begun.count()

    page.get_by_role("button", name="More for hello-page").click()
    page.get_by_role("menuitem", name="Restart", exact=True).click()
    begun.nth(before).wait_for(timeout=60_000)
    page.locator(".jp-OscarPage-kind").get_by_text("running").wait_for(timeout=30_000)

    row.click(button="right")
    page.get_by_role("menuitem", name="Restart", exact=True).click()
    begun.nth(before + 1).wait_for(timeout=60_000)
    row.get_by_text("running").wait_for(timeout=30_000)
    with page.context.expect_page() as opened:
        page.get_by_role("button", name="Open", exact=True).click()
    opened.value.get_by_text("Hello from an exposed service").wait_for()
