"""A sign-in that ends while one looks, and a cluster that is busy: seen through a proxy before a sandbox."""

import json
import time

import pytest
from playwright.sync_api import expect
from shots import show
from steps import connect_dialog

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


@pytest.fixture
def gated(server, odd):
    server.sandbox("start")
    box = json.loads(server.sandbox("status", "--json", "--credentials"))
    with odd.gated(box["endpoint"], box["user"], box["password"]) as (url, gate):
        yield url, gate


def look_again(page):
    page.get_by_role("button", name="Look again now").click()


def connect(server, page, lab, url, name):
    """Sign in with a token file, in the dialog."""
    page.goto(lab)
    show(page)
    page.locator(".jp-OscarCluster-line").wait_for()
    dialog = connect_dialog(page)
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("Address").fill(url)
    dialog.get_by_label("Token file").check()
    dialog.get_by_label("File", exact=True).fill(str(server.home / "token"))
    page.keyboard.press("Enter")
    dialog.wait_for(state="detached")
    page.locator(".jp-OscarCluster-line", has_text=name).wait_for(timeout=30_000)


def test_minutes_left_are_shown_then_that_it_ended_and_a_new_token_in_the_file_is_enough(server, lab, page, gated, odd):
    url, _ = gated
    token = server.home / "token"
    token.write_text(odd.web_token(time.time() + 43 * 60 + 30))
    connect(server, page, lab, url, "site")
    page.get_by_text("43 min left").wait_for(timeout=30_000)

    token.write_text(odd.web_token(time.time() - 4 * 60 - 10))
    page.wait_for_timeout(1100)  # profiles are looked at once a second
    look_again(page)
    page.get_by_text("Your sign-in to site ended 4 min ago.").wait_for(timeout=30_000)
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()

    token.write_text(odd.web_token(time.time() + 3600))
    page.wait_for_timeout(1100)
    look_again(page)
    page.locator(".jp-OscarCluster-line .jp-mod-ok").wait_for(timeout=30_000)
    assert "nobody" not in page.content(), "the token is not in the page"
    server.python("from jupyter_oscar.client.credentials import TokenStore; TokenStore().forget('site')")


def test_a_busy_cluster_keeps_its_list_and_says_how_old_it_is(server, lab, page, gated, odd):
    url, gate = gated
    (server.home / "token").write_text(odd.web_token(time.time() + 3600))
    connect(server, page, lab, url, "busy")
    page.get_by_text("No services.").or_(page.locator(".jp-OscarServiceRow")).first.wait_for(timeout=30_000)

    gate.busy = True
    look_again(page)
    page.get_by_text("The list is").first.wait_for(timeout=60_000)
    gate.busy = False
    look_again(page)
    page.get_by_text("The list is").first.wait_for(state="hidden", timeout=60_000)
    server.python("from jupyter_oscar.client.credentials import TokenStore; TokenStore().forget('busy')")
