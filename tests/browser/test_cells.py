"""What a cell shows: a job that goes on and ends, a map with its failures, a form; and what a saved notebook keeps."""

import nbformat
import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180), pytest.mark.usefixtures("shared_lab")]

FDL = """
functions:
  oscar:
    - oscar-cluster:
        name: waits
        image: docker.io/library/busybox
        cpu: "0.1"
        memory: 64Mi
        labels: {jupyter-oscar/tracked: "true"}
        annotations: {annotations}
        environment: {variables: {LEVEL: "3"}, secrets: {KEY: a-secret-word}}
        script: script.sh
        input: [{storage_provider: minio.default, path: waits/in}]
        output: [{storage_provider: minio.default, path: waits/out}]
"""
SCHEMA = (
    '{"type": "object", "required": ["words", "seconds"], "properties": {"words": {"type": "string"},'
    ' "seconds": {"type": "integer", "minimum": 0, "maximum": 9, "default": 0}, "kind": {"enum": ["one", "two"]}}}'
)
# Waits until the file `go` is in the work folder, so that no test has to guess how long a job takes.
SCRIPT = """#!/bin/sh
said=$(cat "$INPUT_FILE_PATH")
echo "I heard <img src=x onerror=window.hit=true> $said"
case "$said" in bad*) exit 3;; wait*) while [ ! -e "{go}" ]; do sleep 0.1; done;; esac
printf 'gauge,level\\nA,<b>1.2</b>\\n' > "$TMP_OUTPUT_DIR/levels.csv"
"""


@pytest.fixture(scope="module")
def waits(sandbox):
    server = sandbox
    folder = server.work / "waits"
    folder.mkdir()
    annotations = f"{{jupyter-oscar/input-schema: '{SCHEMA}'}}"
    (folder / "fdl.yaml").write_text(FDL.replace("{annotations}", annotations))
    (folder / "script.sh").write_text(SCRIPT.replace("{go}", str(folder / "go")))
    server.python(f"import jupyter_oscar as oscar\noscar.connect('sandbox').deploy({str(folder / 'fdl.yaml')!r})")
    return folder


def run(server, page, *cells):
    """Open a notebook of these cells and run them all."""
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    head = "import jupyter_oscar as oscar\ncluster = oscar.connect('sandbox')"
    notebook = nbformat.v4.new_notebook(metadata=kernel)
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in (head, *cells)]
    (server.work / "cells.ipynb").write_text(nbformat.writes(notebook))
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:open', { path: 'cells.ipynb' }).then(() => 0)")
    page.locator(".jp-Notebook .jp-InputArea").nth(len(cells)).wait_for()
    page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
    )
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")


def saved(server, page):
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    return nbformat.read(server.work / "cells.ipynb", 4)


def test_a_job_is_a_live_line_and_then_the_line_that_a_saved_notebook_keeps(server, waits, page):
    run(server, page, "job = cluster.submit('waits', text='wait')\njob")
    line = page.locator(".jp-oscar-live-line")
    line.get_by_text("running").wait_for(timeout=30_000)
    page.get_by_role("button", name="log").click()
    page.locator(".jp-oscar-live-log").get_by_text("I heard <img src=x").wait_for(timeout=30_000)

    (waits / "go").touch()
    page.locator(".jp-OutputArea").get_by_text("→ levels.csv").wait_for(timeout=30_000)
    line.wait_for(state="detached", timeout=30_000)
    (waits / "go").unlink()

    assert page.evaluate("() => window.hit") is None
    (output,) = saved(server, page).cells[1].outputs
    assert "application/vnd.jupyter.widget-view+json" not in output.data
    assert "✓" in output.data["text/plain"]
    assert "&lt;img" in output.data["text/html"]


def test_what_was_saved_while_a_job_ran_is_a_line_without_buttons_where_its_kernel_is_gone(server, waits, page):
    run(server, page, "job = cluster.submit('waits', text='wait')\njob", "cluster.form('waits')")
    line = page.locator(".jp-oscar-live-line")
    line.get_by_text("running").wait_for(timeout=30_000)
    expect(page.locator(".jp-OscarView-written").first).to_be_hidden()
    (output,) = saved(server, page).cells[1].outputs
    assert "application/vnd.jupyter.widget-view+json" in output.data

    # The page is loaded anew: the view is there again, since its kernel is.
    page.reload()
    line.get_by_text("running").wait_for(timeout=30_000)

    page.evaluate("() => window.jupyterapp.commands.execute('notebook:shutdown-kernel')")
    page.evaluate("() => window.jupyterapp.serviceManager.sessions.shutdownAll()")
    (waits / "go").touch()
    page.goto(server.page.replace("/lab?", "/lab/tree/cells.ipynb?"))
    written = page.locator(".jp-OscarView-written")
    written.get_by_text("waits · input.txt").wait_for(timeout=30_000)
    page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
    )
    written.get_by_text("form of waits on sandbox").wait_for()
    # The widget manager looks for two seconds and then says that it has no model.
    page.wait_for_function(
        "() => [...document.querySelectorAll('.jp-OscarView-live')].some(one => one.textContent.includes('not found'))"
    )
    (waits / "go").unlink()
    expect(written.first).to_be_visible()
    expect(page.get_by_text("model not found").first).to_be_hidden()
    expect(page.locator(".jp-oscar-live-line")).to_have_count(0)


def test_a_map_shows_how_far_it_is_and_what_failed_and_sends_it_again(server, waits, page):
    run(server, page, "jobs = cluster.map('waits', text=['a', 'bad', 'b'])\njobs")
    page.locator(".jp-oscar-live-count", has_text="3 of 3 · 1 failed").wait_for(timeout=30_000)
    expect(page.get_by_role("progressbar", name="waits")).to_have_attribute("aria-valuenow", "3")

    page.locator(".jp-oscar-live").get_by_role("button", name="failed", exact=False).first.click()
    page.get_by_role("cell", name="00001.txt").wait_for()
    page.get_by_role("cell", name="exit 3: I heard").wait_for()
    page.get_by_role("button", name="retry failed").click()
    page.locator(".jp-oscar-live-count", has_text="3 of 3 · 1 failed").wait_for(timeout=30_000)


def test_nobody_looking_stops_the_asking(server, waits, page):
    run(server, page, "table = cluster.services\ntable", *["1"] * 30)
    page.locator(".jp-oscar-live").get_by_role("cell", name="waits").wait_for(timeout=30_000)
    page.evaluate("() => document.querySelector('.jp-oscar-live').setAttribute('data-seen', 'yes')")
    page.locator(".jp-Notebook .jp-InputArea").last.scroll_into_view_if_needed()
    page.wait_for_timeout(1500)
    page.keyboard.press("Escape")
    page.evaluate(
        """() => {
            const panel = window.jupyterapp.shell.currentWidget;
            panel.content.model.sharedModel.insertCell(31, {
                cell_type: 'code',
                source: 'import gc\\nfrom jupyter_oscar.notebook.live.services import ServicesView\\n'
                    + '[view._looked_at for view in gc.get_objects() if isinstance(view, ServicesView)]'
            });
            panel.content.activeCellIndex = 31;
            return window.jupyterapp.commands.execute('notebook:run-cell');
        }"""
    )
    page.locator(".jp-OutputArea-output", has_text="[False]").wait_for(timeout=20_000)


def test_a_form_asks_for_what_the_service_takes_and_shows_what_it_gives(server, waits, page):
    run(server, page, "cluster.form('waits')")
    button = page.locator(".jp-OutputArea").get_by_role("button", name="Run", exact=True)
    button.wait_for(timeout=30_000)

    button.click()
    page.get_by_text("'words' is a required property").wait_for()
    page.get_by_label("words *").fill("hello")
    page.get_by_label("seconds *").fill("4")
    page.get_by_label("seconds *").press("Tab")
    button.click()

    page.locator(".jp-oscar-live-line").get_by_text("→ levels.csv").wait_for(timeout=30_000)
    page.get_by_role("cell", name="<b>1.2</b>").wait_for()
    page.get_by_text("Environment").click()
    page.get_by_role("cell", name="LEVEL").wait_for()
    expect(page.locator(".jp-Notebook")).not_to_contain_text("a-secret-word")
    assert page.evaluate("() => window.hit") is None


def test_an_interrupt_stops_the_waiting_and_nothing_else(server, waits, page):
    run(server, page, "cluster.form('waits')", "job = cluster.submit('waits', text='wait')\njob", "job.wait()", "1 + 1")
    line = page.locator(".jp-oscar-live-line")
    line.get_by_text("running").wait_for(timeout=30_000)
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:interrupt-kernel')")
    page.locator(".jp-OutputArea").get_by_text("KeyboardInterrupt").first.wait_for(timeout=30_000)
    expect(line.get_by_text("running")).to_be_visible()

    page.get_by_label("words *").fill("hello")
    page.get_by_label("words *").press("Tab")
    page.locator(".jp-OutputArea").get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("cell", name="<b>1.2</b>").wait_for(timeout=30_000)
    (waits / "go").touch()
    page.locator(".jp-OutputArea").get_by_text("waits · input.txt → levels.csv").wait_for(timeout=30_000)
    (waits / "go").unlink()


def test_the_definition_of_a_service_is_opened_from_its_form(server, waits, page):
    run(server, page, "cluster.form('waits')")
    page.locator(".jp-Notebook").get_by_text("Environment").click()
    page.get_by_role("button", name="edit service…").click()
    page.locator(".jp-OscarService, .jp-OscarPage").get_by_role("tab", name="Definition", selected=True).wait_for()


def test_a_job_that_a_console_watches_says_that_it_ended(server, waits, page):
    page.evaluate("() => window.jupyterapp.commands.execute('console:create', {kernelPreference: {name: 'python3'}})")
    page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
    )
    code = "import jupyter_oscar as o; c = o.connect('sandbox'); c.watch(c.submit('waits', text='bad'))"
    page.evaluate("code => window.jupyterapp.shell.currentWidget.console.inject(code)", code)
    page.get_by_text("waits · input.txt: exit 3").first.wait_for(timeout=60_000)


def test_a_watched_job_says_that_it_ended_although_its_cell_did_not_wait(server, waits, page):
    run(
        server,
        page,
        "job = cluster.submit('waits', text='bad <img src=x onerror=window.hit=true>')\ncluster.watch(job)",
    )
    notice = page.locator(".Toastify__toast, .jp-Notification-Toast").filter(has_text="waits · input.txt: exit 3")
    notice.first.wait_for(timeout=60_000)
    page.get_by_role("button", name="Open log").first.click()
    page.locator(".jp-OscarLog").get_by_text("I heard").wait_for(timeout=30_000)
    assert page.evaluate("() => window.hit") is None
