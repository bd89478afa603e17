"""What axe finds in our own parts of the page, in three themes: nothing."""

import json

import pytest
from shots import said, show
from shots_clusters import elsewhere, ended
from shots_sidebar import DIAGNOSIS, line
from shots_words import CLUSTER, SERVICES, calls
from steps import leave_dialog
from test_sidebar import deploy

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

THEMES = ["JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"]
WANTED = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]},
    "resultTypes": ["violations"],  # to describe all that is well takes three times as long
}
# Core's own toolbar button says aria-pressed="false" on a role that has none.
CORES = "jp-button"


def findings(page, where):
    """``rule: element`` for each thing that axe finds below ``where``, in each theme."""
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe is not installed: pip install axe-playwright-python"
    ).Axe()
    found = []
    for theme in THEMES:
        page.evaluate(
            "theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme }).then(() => null)", theme
        )
        page.wait_for_timeout(300)
        said = axe.run(page, context={"include": [[where]], "exclude": [[CORES]]}, options=WANTED).response
        found += [
            f"{theme}: {rule['id']}: {node['html'][:200]}" for rule in said["violations"] for node in rule["nodes"]
        ]
    return found


def execute(page, command, **args):
    page.evaluate(
        "([command, args]) => void window.jupyterapp.commands.execute(command, args)",
        [f"jupyter-oscar:{command}", args],
    )


def test_the_sidebar_with_services_and_calls_and_when_something_is_wrong(lab, page):
    sockets = []
    said(page, CLUSTER, SERVICES, calls(20), sockets)
    page.goto(lab)
    show(page)
    page.locator(".jp-OscarCallRow").first.wait_for()
    page.locator(".jp-OscarServiceRow").first.focus()
    page.keyboard.press("ArrowRight")
    assert findings(page, ".jp-OscarSidebar") == []
    for state in ("unreachable", "unauthorised", "expired"):
        problem = {"code": state, "message": f"It is {state}.", "hint": "Ask.", "upstream_status": 401, "line": None}
        now = {**CLUSTER, "state": state, "problem": problem, "expires_at": 1.0}
        sockets[-1].send(json.dumps({"topic": "clusters", "cursor": state, "data": [now]}))
        page.locator(
            ".jp-OscarNotice", has_text="Your sign-in" if state == "expired" else problem["message"]
        ).wait_for()
        assert findings(page, ".jp-OscarSidebar") == [], state


def test_the_dialogs_and_tables_that_the_sidebar_opens(lab, page):
    said(page, CLUSTER, SERVICES, calls(20))
    page.route("**/diagnosis*", lambda route: route.fulfill(body="".join(map(line, DIAGNOSIS))))
    page.goto(lab)
    show(page)
    page.locator(".jp-OscarCluster-line").wait_for()
    execute(page, "add-cluster")
    page.locator(".jp-Dialog").wait_for()
    assert findings(page, ".jp-Dialog-body") == []
    leave_dialog(page)
    page.locator(".jp-Dialog").wait_for(state="detached")
    execute(page, "diagnose")
    page.get_by_text("Broken: certificate.").wait_for()
    assert findings(page, ".jp-OscarDiagnosis .jp-Dialog-body") == []
    leave_dialog(page)
    page.locator(".jp-Dialog").wait_for(state="detached")
    for kind in ("services", "calls"):
        execute(page, "open-table", kind=kind)
        page.locator(".jp-OscarTable-row").first.click()
        assert findings(page, ".jp-OscarTableView") == [], kind
        page.evaluate("() => window.jupyterapp.shell.currentWidget.dispose()")


def test_the_dialog_with_a_code(lab, page):
    ended(page)
    page.goto(lab)
    show(page)
    page.click(".jp-OscarStep >> text=Sign in")
    page.locator(".jp-Dialog").wait_for()
    assert findings(page, ".jp-Dialog-body") == []
    page.click(".jp-Dialog-button.jp-mod-accept")
    page.locator(".jp-OscarDevice-code").wait_for()
    assert findings(page, ".jp-Dialog-body") == []


def test_a_storage_that_waits_to_be_confirmed(lab, page):
    where, waiting = elsewhere()
    said(page, waiting, SERVICES, where)
    page.goto(lab)
    show(page)
    page.get_by_role("button", name="Use this storage").wait_for()
    assert findings(page, ".jp-OscarSidebar") == []


def test_the_parts_of_a_service_s_page(server, lab, page):
    server.sandbox("start")
    deploy(server, "copy", script="echo hello; cp $INPUT_FILE_PATH $TMP_OUTPUT_DIR/")
    server.python("import jupyter_oscar as o\no.connect('sandbox').submit('copy', text='hello').result()")
    page.goto(lab)
    show(page)
    page.locator(".jp-OscarServiceRow", has_text="copy").wait_for()
    for tab, there in (
        ("call", ".jp-OscarPage-call input"),
        ("calls", ".jp-OscarCalls-row"),
        ("log", ".jp-OscarLogPanel .jp-OscarLog"),
        ("definition", ".cm-content"),
    ):
        execute(page, "open-service", cluster="sandbox", name="copy", tab=tab)
        page.locator(f".jp-OscarPage {there}:visible").first.wait_for(timeout=30_000)
        assert findings(page, ".jp-OscarPage") == [], tab


def test_the_buckets_their_table_and_their_dialogs(server, lab, page):
    server.sandbox("start")
    server.oscar("bucket", "create", "scenes")
    page.goto(lab)
    show(page)
    title = page.locator("#jupyter-oscar-sidebar .jp-AccordionPanel-title", has_text="Buckets")
    title.click()
    page.locator(".jp-OscarBuckets .jp-DirListing-item", has_text="scenes").wait_for()
    title.get_by_role("button", name="Filter (/)").click()
    # The list itself is core's own.
    assert findings(page, ".jp-OscarBuckets-head") == []
    execute(page, "open-folder", cluster="sandbox", path="")
    page.locator(".jp-OscarTable-row").first.click()
    assert findings(page, ".jp-OscarFolderView") == []
    execute(page, "new-bucket", cluster="sandbox")
    page.locator(".jp-Dialog").wait_for()
    assert findings(page, ".jp-Dialog-body") == []
