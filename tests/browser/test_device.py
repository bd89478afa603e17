"""Signing in with an identity provider: a code in the dialog, agreed to elsewhere, by keys and without a mouse."""

import json

import pytest
from shots import show

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

ALICE = "alice1234567890@egi.eu"


@pytest.fixture(scope="module")
def far(sandbox, odd):
    """A cluster that takes tokens."""
    box = json.loads(sandbox.sandbox("status", "--json", "--credentials"))
    with odd.gated(box["endpoint"], box["user"], box["password"]) as (url, _):
        yield url


@pytest.fixture
def dialog(open_lab, issuer, far):
    """The dialog at the moment when it shows a code."""
    page = open_lab
    show(page)
    page.evaluate("() => void window.jupyterapp.commands.execute('jupyter-oscar:add-cluster')")
    dialog = page.locator(".jp-Dialog")
    dialog.get_by_label("Name").fill("far")
    dialog.get_by_label("Address").fill(far)
    dialog.get_by_label("Identity provider").check()
    dialog.get_by_role("textbox", name="Identity provider").fill(issuer.url)
    client = dialog.get_by_label("Client", exact=True)
    client.fill("tests")
    client.press("Enter")
    dialog.locator(".jp-OscarDevice-code").wait_for(timeout=30_000)
    yield dialog
    page.keyboard.press("Escape")


def code(dialog):
    return dialog.locator(".jp-OscarDevice-code").inner_text()


def test_a_code_is_shown_agreed_to_and_the_cluster_is_there(dialog, open_lab, issuer, sandbox):
    page = open_lab
    assert code(dialog) == issuer.codes[-1]
    assert dialog.get_by_label("Code: " + " ".join(code(dialog))).count() == 1, "read letter by letter"
    link = dialog.get_by_role("link", name=f"{issuer.url}/go")
    assert (link.get_attribute("href"), link.get_attribute("rel")) == (f"{issuer.url}/go", "noopener noreferrer")
    page.wait_for_function("() => document.activeElement.innerText === 'Open this page'")
    left = dialog.locator(".jp-OscarDevice-left")
    before = left.inner_text()
    page.wait_for_function("before => document.querySelector('.jp-OscarDevice-left').innerText !== before", arg=before)
    assert dialog.locator("span[role=status]").inner_text() == "Waiting for you to agree", (
        "the countdown is not read out"
    )
    assert not dialog.get_by_role("button", name="Connect").is_visible(), "there is one next step"

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
    assert dialog.get_by_role("textbox", name="Identity provider").input_value() == issuer.url
    page.keyboard.press("Escape")
    sandbox.python("from jupyter_oscar.client.credentials import TokenStore; TokenStore().forget('far')")


def test_who_refuses_is_told_and_nothing_that_was_typed_is_lost(dialog, issuer):
    issuer.agree(code(dialog), None)
    dialog.get_by_text("The user said no").wait_for(timeout=30_000)
    assert dialog.get_by_role("textbox", name="Identity provider").input_value() == issuer.url
    assert dialog.get_by_role("button", name="Connect").is_visible()


def test_escape_cancels_and_the_provider_is_asked_no_more(dialog, open_lab, issuer):
    open_lab.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    open_lab.wait_for_timeout(500)
    polls = issuer.polls
    open_lab.wait_for_timeout(500)  # ten times what lies between two polls
    assert issuer.polls == polls


def test_a_provider_that_is_not_there_is_named(open_lab, far):
    page = open_lab
    page.evaluate("() => void window.jupyterapp.commands.execute('jupyter-oscar:add-cluster')")
    dialog = page.locator(".jp-Dialog")
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
    page.keyboard.press("Escape")
