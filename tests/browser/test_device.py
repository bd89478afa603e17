"""Signing in with an identity provider: a code in the dialog, agreed to elsewhere, by keys and without a mouse."""

import json

import pytest
from playwright.sync_api import expect
from shots import show
from steps import connect_dialog, leave_dialog

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

ALICE = "alice1234567890@egi.eu"


@pytest.fixture(scope="module")
def far(sandbox, odd):
    """A cluster that takes tokens."""
    box = json.loads(sandbox.sandbox("status", "--json", "--credentials"))
    with odd.gated(box["endpoint"], box["user"], box["password"]) as (url, _):
        yield url


@pytest.fixture
def dialog(shared_lab, issuer, far):
    """The dialog at the moment when it shows a code."""
    page = shared_lab
    show(page)
    dialog = connect_dialog(page)
    dialog.get_by_label("Name").fill("far")
    dialog.get_by_label("Address").fill(far)
    dialog.get_by_label("Identity provider").check()
    dialog.get_by_role("textbox", name="Identity provider").fill(issuer.url)
    client = dialog.get_by_label("Client", exact=True)
    client.fill("tests")
    client.press("Enter")
    dialog.locator(".jp-OscarDevice-code").wait_for(timeout=30_000)
    yield dialog
    if dialog.is_visible():
        leave_dialog(page)


def code(dialog):
    return dialog.locator(".jp-OscarDevice-code").inner_text()


def test_a_code_is_shown_agreed_to_and_the_cluster_is_there(dialog, shared_lab, issuer, sandbox):
    page = shared_lab
    assert code(dialog) == issuer.codes[-1]
    expect(dialog.get_by_label("Code: " + " ".join(code(dialog))), "read letter by letter").to_have_count(1)
    link = dialog.get_by_role("link", name=f"{issuer.url}/go")
    expect(link).to_have_attribute("href", f"{issuer.url}/go")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    page.wait_for_function("() => document.activeElement.innerText === 'Open this page'")
    left = dialog.locator(".jp-OscarDevice-left")
    before = left.inner_text()
    page.wait_for_function("before => document.querySelector('.jp-OscarDevice-left').innerText !== before", arg=before)
    said = dialog.locator("span[role=status]")
    expect(said, "the countdown is not read out").to_have_text("Waiting for you to agree")
    expect(dialog.get_by_role("button", name="Connect"), "there is one next step").to_be_hidden()

    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    dialog.get_by_role("button", name="Copy code").click()
    dialog.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("() => navigator.clipboard.readText()") == code(dialog)

    with page.context.expect_page() as opened:
        page.keyboard.press("Shift+Tab")  # back to where the focus was at the start
        page.keyboard.press("Enter")
    assert opened.value.url == f"{issuer.url}/go?c={code(dialog)}"
    opened.value.close()

    issuer.agree(code(dialog), ALICE)
    dialog.wait_for(state="detached", timeout=30_000)
    page.locator(".jp-OscarCluster-line", has_text="far").wait_for(timeout=30_000)
    content = page.content()
    kept = sandbox.python(
        "from jupyter_oscar.client.credentials import TokenStore as S\n"
        "(k,) = [k for k in S().all() if k.name == 'far']; print(k.credentials.grant.refresh_token.get_secret_value())"
    ).strip()
    assert kept
    stored = page.evaluate("() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href])")
    assert kept not in content + stored + "".join(page.said)
    holding = [path for path in sandbox.home.rglob("*") if path.is_file() and kept.encode() in path.read_bytes()]
    assert {path.parent.name for path in holding} == {"profiles"}, (
        "in the store alone: no log, no workspace, no setting"
    )

    # Another day the dialog knows where one signs in.
    page.evaluate("() => void window.jupyterapp.commands.execute('jupyter-oscar:sign-in', { cluster: 'far' })")
    expect(dialog.get_by_role("textbox", name="Identity provider")).to_have_value(issuer.url)
    leave_dialog(page)
    sandbox.python("from jupyter_oscar.client.credentials import TokenStore; TokenStore().forget('far')")


def test_who_refuses_is_told_and_nothing_that_was_typed_is_lost(dialog, issuer):
    issuer.agree(code(dialog), None)
    dialog.get_by_text("The user said no").wait_for(timeout=30_000)
    expect(dialog.get_by_role("textbox", name="Identity provider")).to_have_value(issuer.url)
    expect(dialog.get_by_role("button", name="Connect"), "where the keys go next").to_be_focused()


def test_escape_cancels_and_the_provider_is_asked_no_more(dialog, shared_lab, issuer):
    leave_dialog(shared_lab)
    polls = 0
    while polls != issuer.polls:  # until ten times what lies between two polls has passed without one
        polls = issuer.polls
        shared_lab.wait_for_timeout(500)


def test_a_provider_that_is_not_there_is_named(shared_lab, far):
    page = shared_lab
    dialog = connect_dialog(page)
    dialog.get_by_label("Name").fill("far")
    dialog.get_by_label("Address").fill(far)
    dialog.get_by_label("Identity provider").check()
    page.keyboard.press("Enter")
    dialog.get_by_text("This is still empty.").wait_for()
    dialog.get_by_role("textbox", name="Identity provider").fill("http://127.0.0.1:1")
    client = dialog.get_by_label("Client", exact=True)
    client.fill("tests")
    client.press("Enter")
    dialog.get_by_text("does not answer").wait_for(timeout=30_000)
    leave_dialog(page)
