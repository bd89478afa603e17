"""The sidebar as a person uses it: from nothing to a call, by mouse and by keyboard, when things go wrong."""

import json
import textwrap

import pytest
from playwright.sync_api import expect
from shots import said, show
from shots_words import CLUSTER, SERVICES, calls
from steps import connect_dialog, focus, images_failed, leave_dialog

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

SERVICE = """
functions:
  oscar:
    - oscar-cluster:
        name: {name}
        image: docker.io/library/busybox
        cpu: "0.1"
        memory: 64Mi
        script: script.sh
        input: [{{storage_provider: minio.default, path: {name}/in}}]
        output: [{{storage_provider: minio.default, path: {name}/out}}]
"""


def python(server, code):
    """Run Python as the person of this Lab would in a cell, with ``cluster`` connected."""
    head = "import jupyter_oscar as oscar\ncluster = oscar.connect('sandbox')\n"
    return server.python(head + textwrap.dedent(code))


def deploy(server, name, script="cp $INPUT_FILE_PATH $TMP_OUTPUT_DIR/"):
    folder = server.work / name
    folder.mkdir(exist_ok=True)
    (folder / "fdl.yaml").write_text(SERVICE.format(name=name))
    (folder / "script.sh").write_text(f"#!/bin/sh\n{script}\n")
    python(server, f"cluster.deploy({str(folder / 'fdl.yaml')!r}, update=True)")


@pytest.fixture
def sandbox(server):
    """A sandbox of this Lab's person."""
    server.sandbox("start")
    return server


def open_sidebar(page, lab):
    page.goto(lab)
    show(page)


def open_notebook(page):
    """A fresh notebook whose one cell holds ``1 + 1``."""
    page.evaluate(
        """async () => {
            const { commands } = window.jupyterapp;
            const panel = await commands.execute('notebook:create-new', { kernelName: 'python3' });
            await panel.context.ready;
            panel.content.activeCell.model.sharedModel.setSource('1 + 1');
        }"""
    )


def test_from_nothing_a_local_oscar_is_one_click_away(server, lab, page):
    server.sandbox("stop")
    open_sidebar(page, lab)

    page.get_by_role("button", name="Start a local OSCAR").click()

    page.get_by_text("No services.").wait_for(timeout=60_000)
    line = page.locator(".jp-OscarCluster-line")
    expect(line).to_contain_text("sandbox")
    expect(line).to_contain_text("local")
    expect(page.get_by_text("no containers")).to_be_visible()


def test_what_is_deployed_and_called_elsewhere_appears_by_itself(sandbox, lab, page):
    open_sidebar(page, lab)
    page.wait_for_selector(".jp-OscarCluster")

    deploy(sandbox, "copy")
    python(sandbox, "cluster.submit('copy', text='hello').result()")

    row = page.get_by_role("row", name="copy").first
    row.wait_for(timeout=30_000)
    call = page.locator(".jp-OscarCallRow", has_text="copy")
    call.first.wait_for(timeout=30_000)
    call.get_by_label("done").first.wait_for(timeout=30_000)


def test_a_wrong_password_is_said_in_the_dialog_and_nothing_typed_is_lost(sandbox, lab, page):
    endpoint = json.loads(sandbox.sandbox("status", "--json"))["endpoint"]
    open_sidebar(page, lab)
    dialog = connect_dialog(page)

    dialog.get_by_label("Name").fill("mine")
    dialog.get_by_label("Address").fill(endpoint)
    dialog.get_by_label("User", exact=True).fill("oscar")
    dialog.get_by_label("Password", exact=True).fill("wrong-marker")
    page.keyboard.press("Enter")

    dialog.locator(".jp-mod-error").wait_for()
    expect(dialog.get_by_label("Address")).to_have_value(endpoint)
    expect(dialog.get_by_label("Password", exact=True)).to_have_value("wrong-marker")
    leave_dialog(page)
    dialog.wait_for(state="detached")
    assert "mine" not in page.evaluate("() => document.body.innerText")
    assert "wrong-marker" not in page.evaluate("() => JSON.stringify({ ...localStorage, ...sessionStorage })")


def test_the_last_list_of_a_cluster_that_does_not_answer_stays_and_says_how_old_it_is(lab, page):
    sockets = []
    said(page, CLUSTER, SERVICES, calls(3), sockets=sockets)
    open_sidebar(page, lab)
    page.locator(".jp-OscarServiceRow").first.wait_for()

    message = "oscar.example.org does not answer (timed out after 10 s)."
    problem = {"code": "unreachable", "message": message, "hint": "", "upstream_status": None, "line": None}
    down = {**CLUSTER, "state": "unreachable", "problem": problem}
    sockets[-1].send(json.dumps({"topic": "clusters", "cursor": "2", "data": [down]}))
    sockets[-1].send(json.dumps({"topic": "services/vega", "problem": problem}))
    page.get_by_text(message).wait_for()
    page.get_by_text("The list is").wait_for()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    expect(page.locator(".jp-OscarServiceRow")).to_have_count(len(SERVICES))

    sockets[-1].send(json.dumps({"topic": "clusters", "cursor": "1", "data": [CLUSTER]}))
    sockets[-1].send(json.dumps({"topic": "services/vega", "cursor": "1", "data": SERVICES}))
    page.get_by_text(message).wait_for(state="hidden")
    page.get_by_text("The list is").wait_for(state="hidden")


def test_a_cell_that_calls_a_service_is_put_below_the_active_one(sandbox, lab, page):
    deploy(sandbox, "copy")
    open_sidebar(page, lab)
    open_notebook(page)
    page.locator(".jp-OscarServiceRow").first.click(button="right")
    page.get_by_role("menuitem", name="Insert Cell").click()

    page.locator(".jp-Notebook .jp-Cell").nth(1).wait_for()
    cells = page.evaluate(
        """() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells.map(cell => cell.getSource())"""
    )
    assert cells[0] == "1 + 1"
    assert 'oscar.connect("sandbox")' in cells[1]
    assert 'cluster.submit("copy"' in cells[1]


def test_what_a_server_says_is_shown_as_text(lab, page):
    evil = '<img src=x onerror="window.hit = true"><script>window.hit = true</script>'
    rows = [{**SERVICES[0], "image": evil, "owner": evil, "inputs": [evil], "outputs": [evil]}]
    cluster = {**CLUSTER, "user": evil}
    ran = [{**row, "name": evil, "service": evil} for row in calls(3)]
    said(page, cluster, rows, ran)
    open_sidebar(page, lab)
    page.locator(".jp-OscarServiceRow").first.focus()
    page.keyboard.press("ArrowRight")
    page.locator(".jp-OscarRow-detail").wait_for()
    expect(page.locator(".jp-OscarRow-detail")).to_contain_text("onerror")
    expect(page.locator(".jp-OscarSidebar img")).to_have_count(0)
    images_failed(page)
    assert page.evaluate("() => window.hit") is None


def test_everything_can_be_done_without_a_mouse(lab, page):
    said(page, CLUSTER, SERVICES, calls(300))
    open_sidebar(page, lab)
    page.locator(".jp-OscarCallRow").first.wait_for()
    focus(page, page.locator(".jp-OscarCluster-line"))

    def at():
        return page.evaluate("() => document.activeElement.dataset.oscarKey ?? document.activeElement.className")

    def on(key):
        """The focus comes to a row; a frame may pass before it does."""
        page.wait_for_function("key => document.activeElement.dataset.oscarKey === key", arg=key)

    for _ in range(6):  # the section's title and its buttons
        page.keyboard.press("Tab")
        if at() == SERVICES[0]["name"]:
            break
    on(SERVICES[0]["name"])
    page.keyboard.press("ArrowDown")
    on(SERVICES[1]["name"])
    page.keyboard.press("End")
    on(SERVICES[-1]["name"])
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".jp-OscarRow-detail")).to_have_count(1)
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".jp-OscarRow-detail")).to_have_count(0)
    page.keyboard.press("Space")
    expect(page.locator('.jp-OscarServiceRow[aria-selected="true"]')).to_have_count(1)

    page.keyboard.press("/")
    page.wait_for_function("() => document.activeElement.matches('input')")
    page.keyboard.type("cows")
    expect(page.locator(".jp-OscarServiceRow")).to_have_count(1)
    expect(page.get_by_text("1 of 4")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".jp-OscarServiceRow")).to_have_count(len(SERVICES))
    page.wait_for_function(
        "names => names.includes(document.activeElement.dataset.oscarKey)", arg=[row["name"] for row in SERVICES]
    )

    page.keyboard.press("Home")
    page.keyboard.press("ContextMenu")
    page.get_by_role("menuitem", name="Delete").wait_for()
    page.keyboard.press("Escape")
    on(SERVICES[0]["name"])

    page.locator(".jp-OscarCallRow").first.focus()
    page.keyboard.press("End")
    on("00299")


def test_deleting_asks_with_the_names_and_the_focus_on_cancel(lab, page):
    said(page, CLUSTER, SERVICES, [])
    belongings = [{"bucket": "grayify", "objects": 118, "bytes": 46_000_000, "more": False, "others": []}]
    page.route("**/belongings*", lambda route: route.fulfill(json=belongings))
    open_sidebar(page, lab)
    focus(page, page.locator(".jp-OscarServiceRow").first)
    page.keyboard.press("Delete")

    page.get_by_role("button", name="Delete grayify and 1 bucket").wait_for()
    expect(page.get_by_text("118 objects")).to_be_visible()
    page.wait_for_function("() => document.activeElement.textContent === 'Cancel'")
    page.keyboard.press("Enter")
    page.locator(".jp-Dialog").wait_for(state="detached")
    page.wait_for_function("() => document.activeElement.dataset.oscarKey === 'grayify'")


def test_a_refresh_moves_nothing(lab, page):
    """The same list with one more row on top: focus, selection and open rows stay with their things."""
    sockets = []
    said(page, CLUSTER, SERVICES, calls(40), sockets=sockets)
    open_sidebar(page, lab)
    focus(page, page.locator(".jp-OscarServiceRow").nth(1))
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    expect(page.locator('[aria-expanded="true"].jp-OscarRow')).to_have_count(1)
    more = [{**SERVICES[0], "name": "aaa"}, *SERVICES]
    sockets[-1].send(json.dumps({"topic": "services/vega", "cursor": "2", "data": more}))
    page.get_by_role("row", name="aaa").wait_for()

    page.wait_for_function("key => document.activeElement.dataset.oscarKey === key", arg=SERVICES[1]["name"])
    for mark in ('[aria-selected="true"]', '[aria-expanded="true"]'):
        expect(page.locator(f".jp-OscarRow{mark}")).to_have_attribute("data-oscar-key", SERVICES[1]["name"])


def test_nobody_looking_costs_nothing(lab, page):
    opened = []
    page.on("websocket", lambda socket: opened.append(socket.url) if "jupyter-oscar" in socket.url else None)
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "prefix/jupyter-oscar/" in request.url else None)
    page.goto(lab)
    page.wait_for_function("() => window.jupyterapp")
    page.evaluate("() => window.jupyterapp.restored")
    page.wait_for_timeout(1500)

    assert not opened
    assert not asked


def test_without_the_server_half_it_says_which_command_helps(lab, page):
    page.route("**/jupyter-oscar/health*", lambda route: route.fulfill(status=404, json={"message": "Not Found"}))
    open_sidebar(page, lab)

    page.get_by_text("pip install jupyter-oscar").wait_for()
    expect(page.get_by_role("button", name="Copy command")).to_be_visible()
    page.unroute("**/jupyter-oscar/health*")
    page.get_by_role("button", name="Try again").click()
    page.get_by_text("pip install jupyter-oscar").wait_for(state="hidden")


def test_where_sockets_are_blocked_news_come_by_long_polls(sandbox, lab, page):
    page.route_web_socket("**/jupyter-oscar/channel*", lambda socket: socket.close())
    open_sidebar(page, lab)

    page.locator(".jp-OscarCluster-line").wait_for(timeout=30_000)


def test_where_there_is_no_server_at_all_nothing_is_asked_to_be_installed(lab, page):
    """What a page of JupyterLite says of itself, in a page of JupyterLab."""

    def as_lite(route):
        answer = route.fetch()
        route.fulfill(
            response=answer, body=answer.text().replace('"appName": "JupyterLab"', '"appName": "JupyterLite"')
        )

    page.route("**/lab?**", as_lite)
    page.route("**/jupyter-oscar/health*", lambda route: route.fulfill(status=404, body="File not found"))
    open_sidebar(page, lab)

    page.get_by_text("OSCAR needs a Jupyter server, and JupyterLite has none.").wait_for()
    expect(page.get_by_text("pip install")).to_have_count(0)
