"""What a call wrote is opened in JupyterLab's own viewers, as a copy that nothing overwrites."""

import json

import pytest
from playwright.sync_api import expect
from steps import call, deploy

pytestmark = [pytest.mark.browser, pytest.mark.timeout(150)]

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
# It names a kernel, or JupyterLab would ask for one over what is looked at.
KERNEL = {"name": "python3", "display_name": "Python 3"}
NOTEBOOK = json.dumps({"cells": [], "metadata": {"kernelspec": KERNEL}, "nbformat": 4, "nbformat_minor": 5})
SCRIPT = f"""\
#!/bin/sh
cd "$TMP_OUTPUT_DIR"
printf 'a,b\\n1,2\\n' > rows.csv
echo '{{"a": 1}}' > data.json
echo {PNG} | base64 -d > dot.png
echo '<script>parent.ran = 1</script><h1 onclick=x>hi</h1>' > page.html
echo '{NOTEBOOK}' > made.ipynb
mkdir deep && echo below > deep/notes.txt
"""


@pytest.fixture
def outputs(open_lab):
    """The outputs of a call that wrote one file of each kind."""
    page = open_lab
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    deploy(page, "kinds", SCRIPT)
    call(page, "input.txt", "x")
    page.get_by_role("row", selected=True).get_by_text("done").wait_for(timeout=30_000)
    page.get_by_role("button", name="Open rows.csv").wait_for()
    return page


def current(page):
    """The path of the document that is shown, once there is one."""
    return page.evaluate(
        """async () => {
            for (let i = 0; i < 100; i++) {
                const shown = [...window.jupyterapp.shell.widgets('main')].find(it => it.isVisible && it.context);
                if (shown) {
                    return shown.context.path;
                }
                await new Promise(resolve => setTimeout(resolve, 100));
            }
        }"""
    )


def back(page):
    page.evaluate(
        "() => window.jupyterapp.commands.execute('jupyter-oscar:open-service', {cluster: 'sandbox', "
        "name: 'kinds', tab: 'calls'}).then(() => null)"
    )


def test_outputs_open_in_lab_s_own_viewers_and_are_never_overwritten(sandbox, outputs):
    page = outputs
    page.evaluate("() => { window.ran = 0; }")
    for name, viewer in (
        ("dot.png", ".jp-ImageViewer img"),
        ("data.json", ".jp-RenderedJSON"),
        ("made.ipynb", ".jp-NotebookPanel"),
        ("deep/notes.txt", ".jp-FileEditor"),
        # A page of somebody else's is read, not laid out.
        ("page.html", ".jp-FileEditor"),
        ("rows.csv", ".jp-CSVViewer"),
    ):
        page.get_by_role("button", name=f"Open {name}").click()
        page.locator(f"{viewer}:visible").first.wait_for()
        path = current(page)
        assert path.startswith("oscar/kinds-")
        assert path.endswith(f"/{name}")
        assert (sandbox.work / path).exists()
        back(page)
    assert page.evaluate("() => window.ran") == 0
    expect(page.locator(".jp-HTMLViewer")).to_have_count(0)

    # What was written into a copy stays.
    copy = sandbox.work / path
    assert copy.read_text() == "a,b\n1,2\n"
    copy.write_text("mine\n")
    page.get_by_role("button", name="Open rows.csv").click()
    page.locator(".jp-CSVViewer:visible").wait_for()
    back(page)
    assert copy.read_text() == "mine\n"

    page.get_by_role("button", name="Copy the path of deep/notes.txt").click()
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert copied.startswith("s3://kinds/out/")
    assert copied.endswith("/deep/notes.txt")

    with page.expect_download() as download:
        page.get_by_role("button", name="Save rows.csv").click()
    assert download.value.suggested_filename == "rows.csv"
    assert download.value.path().read_text() == "a,b\n1,2\n"
