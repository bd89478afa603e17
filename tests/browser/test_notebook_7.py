"""Notebook 7, which has no place beside the notebook: live views and forms are there all the same."""

import nbformat
import pytest
from lab import Lab
from steps import complaints

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

FDL = """
functions: {oscar: [{c: {name: echoes, image: busybox, script: script.sh, labels: {jupyter-oscar/tracked: "true"},
  environment: {variables: {LEVEL: "3"}}, input: [{path: echoes/in}], output: [{path: echoes/out}]}}]}
"""
# Waits until the file `go` is in the work folder.
SCRIPT = """#!/bin/sh
echo "I heard $(cat "$INPUT_FILE_PATH")"
while [ ! -e "{go}" ]; do sleep 0.1; done
cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR/"
"""
CELLS = (
    "import jupyter_oscar as oscar\ncluster = oscar.connect('sandbox')",
    "cluster.submit('echoes', text='a job')",
    "cluster.map('echoes', text=['a', 'b', 'c'], run='three')",
    "cluster.services",
    "cluster.form('echoes')",
    "cluster.services['echoes']",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    one = Lab(tmp_path_factory.mktemp("notebook"), program="jupyter-notebook")
    if not one.program.exists():
        pytest.skip("Notebook 7 is not in this environment: pip install notebook")
    one.start("--JupyterNotebookApp.expose_app_in_browser=True")
    one.sandbox("start")
    (one.work / "fdl.yaml").write_text(FDL)
    (one.work / "script.sh").write_text(SCRIPT.format(go=one.work / "go"))
    one.python("import jupyter_oscar as oscar\noscar.connect('sandbox').deploy('fdl.yaml')")
    yield one
    one.stop()


def test_it_is_there_without_complaint(server, page):
    page.goto(f"{server.address}/tree?token={server.token}")
    page.wait_for_function("() => window.jupyterapp")
    page.evaluate("() => window.jupyterapp.restored")
    assert page.evaluate("() => window.jupyterapp.isPluginActivated('jupyter-oscar:plugin')")
    assert complaints(page) == []


def test_everything_that_lives_in_a_cell_lives_here(server, page):
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = nbformat.v4.new_notebook(metadata=kernel, cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    (server.work / "cells.ipynb").write_text(nbformat.writes(notebook))
    page.set_viewport_size({"width": 1280, "height": 2400})  # what is out of sight is not kept current
    page.goto(f"{server.address}/notebooks/cells.ipynb?token={server.token}")
    page.wait_for_function(
        "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
    )
    # What Notebook 7 says of itself while it opens (7.6: an error about a schema, also without us) is its own business.
    of_its_own = {line for line in page.said if "oscar" not in line.lower()}
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
    live = page.locator(".jp-oscar-live")

    live.get_by_text("echoes · input.txt").wait_for(timeout=60_000)
    live.get_by_role("button", name="log").first.click()
    page.locator(".jp-oscar-live-log").get_by_text("I heard a job").wait_for(timeout=30_000)
    live.get_by_role("progressbar", name="three").wait_for()
    live.get_by_role("cell", name="echoes").wait_for()
    page.get_by_text("in echoes/in → out echoes/out").wait_for()

    form = page.locator(".jp-OutputArea").filter(has=page.get_by_role("button", name="Run", exact=True))
    form.get_by_role("button", name="text", exact=True).click()
    form.get_by_placeholder("words").fill("from the form")
    form.get_by_role("button", name="Run", exact=True).click()
    form.locator(".jp-oscar-live-line").wait_for(timeout=30_000)
    form.get_by_text("Environment").click()
    form.get_by_role("button", name="edit service…").click()
    form.get_by_text("edit echoes in OSCAR's sidebar, or its FDL").wait_for()

    (server.work / "go").touch()
    form.get_by_text("from the form").last.wait_for(timeout=60_000)
    page.get_by_text("3 of 3").first.wait_for(timeout=60_000)
    page.locator(".jp-OutputArea").get_by_text("→ input.txt").first.wait_for(timeout=60_000)
    wrong = [*(line for line in page.said if line.startswith("error")), *complaints(page)]
    assert not [line for line in wrong if line not in of_its_own]
