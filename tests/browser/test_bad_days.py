"""The sidebar when the cluster goes away, comes back, or cannot be reached: what it says by itself, and what helps."""

import json

import pytest
from playwright.sync_api import expect
from shots import show
from steps import leave_dialog
from test_sidebar import deploy

from jupyter_oscar.client.diagnosis import STEPS

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


@pytest.fixture
def sandbox(server):
    """A sandbox of this Lab's person."""
    server.sandbox("start")
    return server


@pytest.fixture
def looking(page, lab):
    """The sidebar is open, and nothing is pressed."""
    page.goto(lab)
    show(page)
    return page


def test_a_sandbox_that_was_killed_says_so_keeps_its_list_and_is_back_with_one_click(sandbox, looking):
    page = looking
    deploy(sandbox, "copy")
    row = page.locator(".jp-OscarServiceRow", has_text="copy")
    row.wait_for(timeout=30_000)

    sandbox.kill_sandbox()
    page.get_by_text("The local OSCAR has stopped").wait_for(timeout=10_000)
    page.get_by_text("The list is").first.wait_for(timeout=30_000)
    expect(row).to_be_visible()
    page.get_by_role("button", name="Start it").click()

    page.locator(".jp-OscarCluster-line .jp-mod-ok").wait_for(timeout=60_000)
    page.get_by_text("The list is").first.wait_for(state="hidden", timeout=10_000)
    row.wait_for(timeout=30_000)
    page.evaluate("() => void window.jupyterapp.commands.execute('jupyter-oscar:open-service', { name: 'copy' })")
    page.get_by_role("tab", name="Call", exact=True).wait_for()


def test_a_sandbox_started_and_stopped_on_the_command_line_comes_and_goes_by_itself(server, looking):
    page = looking
    server.sandbox("stop")
    page.get_by_role("button", name="Start a local OSCAR").wait_for(timeout=10_000)

    server.sandbox("start")
    page.locator(".jp-OscarCluster-line", has_text="sandbox").wait_for(timeout=10_000)
    page.locator(".jp-OscarServiceRow").or_(page.get_by_text("No services.")).first.wait_for(timeout=10_000)

    server.sandbox("stop")
    page.get_by_role("button", name="Start a local OSCAR").wait_for(timeout=10_000)


def test_a_cluster_that_is_not_reached_is_diagnosed_to_its_broken_part(sandbox, odd, page, lab):
    box = json.loads(sandbox.sandbox("status", "--json", "--credentials"))
    keep = (
        "from jupyter_oscar.client.credentials import Credentials, Kept, Secret, TokenStore\n"
        "TokenStore().save(Kept('site', {!r}, Credentials('oscar', Secret({!r}))))"
    )
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    with odd.between(box["endpoint"]) as url:
        sandbox.python(keep.format(url, box["password"]))
        page.goto(lab)
        show(page)
        page.locator(".jp-OscarCluster-line").wait_for()
        page.evaluate(
            "() => void window.jupyterapp.commands.execute('jupyter-oscar:select-cluster', { cluster: 'site' })"
        )
        page.locator(".jp-OscarCluster-line", has_text="site").locator(".jp-mod-ok").wait_for(timeout=30_000)
        page.evaluate("() => void window.jupyterapp.commands.execute('jupyter-oscar:diagnose')")
        dialog = page.locator(".jp-Dialog")
        dialog.get_by_text("All of it holds.").wait_for(timeout=30_000)
        leave_dialog(page)
    # Nobody listens there any more.
    page.get_by_role("button", name="Look again now").click()
    button = page.get_by_role("button", name="Diagnose")
    button.wait_for(timeout=60_000)
    button.focus()
    page.keyboard.press("Enter")

    dialog.get_by_text("Broken: connection.").wait_for(timeout=30_000)
    steps = dialog.locator(".jp-OscarDiagnosis-steps > li")
    expect(steps).to_have_count(len(STEPS))
    expect(steps.nth(2)).to_contain_text("refuses: connection refused")
    expect(steps.nth(2).get_by_label("broken")).to_be_visible()
    expect(steps.last).to_contain_text("not looked at")
    dialog.get_by_role("button", name="Copy as Text").click()
    page.wait_for_function("() => navigator.clipboard.readText().then(text => text.includes('Connection (broken)'))")
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert url in copied
    assert "Connection (broken)" in copied
    assert box["password"] not in copied + page.content()
    dialog.get_by_role("button", name="Look Again").click()
    dialog.get_by_text("Broken: connection.").wait_for(timeout=30_000)
    leave_dialog(page)
    dialog.wait_for(state="detached")
    page.wait_for_function("() => document.activeElement.textContent === 'Diagnose'")
    sandbox.python("from jupyter_oscar.client.credentials import TokenStore; TokenStore().forget('site')")
