"""A cluster whose storage is on another host: the panel says so, and one button lets keys and files go there."""

import json

import pytest
from playwright.sync_api import expect
from shots import show

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


@pytest.fixture
def far(sandbox, odd):
    box = json.loads(sandbox.sandbox("status", "--json", "--credentials"))
    with odd.elsewhere(box["endpoint"], box["s3_endpoint"], box["user"], box["password"]) as one:
        sandbox.oscar(
            "cluster", "add", "lab", one.endpoint, box["user"], "--password-stdin", "--default", stdin=box["password"]
        )
        yield one
        sandbox.oscar("cluster", "remove", "lab", "--yes")


def test_a_person_says_once_that_a_storage_elsewhere_is_right(far, sandbox, page):
    page.goto(sandbox.page)
    show(page)
    page.locator(".jp-OscarCluster-line", has_text="sandbox").or_(
        page.locator(".jp-OscarCluster-line", has_text="lab")
    ).wait_for(timeout=30_000)
    page.evaluate("() => window.jupyterapp.commands.execute('jupyter-oscar:select-cluster', { cluster: 'lab' })")
    notice = page.locator(".jp-OscarCluster .jp-OscarNotice")
    notice.get_by_text("on another host than its own").wait_for(timeout=30_000)
    expect(notice).to_contain_text(far.storage)
    expect(page.get_by_text("on another host than its own"), "the lists do not say it again").to_have_count(1)
    assert far.sent == []

    notice.get_by_role("button", name="Use this storage").focus()
    page.keyboard.press("Enter")
    notice.wait_for(state="detached", timeout=30_000)
    sandbox.oscar("bucket", "create", "elsewhere", "--cluster", "lab")
    assert far.sent == []
    sandbox.oscar("bucket", "list", "elsewhere", "--cluster", "lab")
    assert far.sent, "the command line knows it too"

    page.reload()
    show(page)
    page.locator(".jp-OscarCluster-line", has_text="lab").wait_for(timeout=30_000)
    page.locator(".jp-OscarCluster-line .jp-mod-ok").wait_for(timeout=30_000)
    expect(notice, "it is remembered").to_have_count(0)
