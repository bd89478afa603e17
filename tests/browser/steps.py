"""What a person does on the pages of services."""

import contextlib
import textwrap

import pytest

SERVICE = """\
    - oscar-cluster:
        name: {name}
        image: docker.io/library/python:3.12-slim
        script: {script}
        labels:
          jupyter-oscar/tracked: "true"
        input:
          - storage_provider: minio.default
            path: {name}/in
        output:
          - storage_provider: minio.default
            path: {name}/out
"""


def fdl(**scripts):
    """An FDL of services: name to script."""
    services = [SERVICE.format(name=name, script=script) for name, script in scripts.items()]
    return "functions:\n  oscar:\n" + "".join(services)


def eventually(page, what, why=""):
    """Wait until ``what()`` is true; for what Playwright's own ``expect`` has no words."""
    for _ in range(300):
        if what():
            return
        page.wait_for_timeout(100)
    pytest.fail(why or "what the test waited for did not happen")


@contextlib.contextmanager
def layout_saved(page, what):
    """Do what is inside, and wait until Lab has saved a layout that holds ``what``: it does so a while later."""

    def holds(answer):
        asked = answer.request
        return "/api/workspaces/" in answer.url and asked.method == "PUT" and what in asked.post_data

    with page.expect_response(holds):
        yield


def open_dialog(page):
    """The dialog, once the keys go to it: it takes the focus when what is in it was drawn, also from what is typed."""
    page.wait_for_function("() => document.activeElement?.closest('.jp-Dialog')")
    return page.locator(".jp-Dialog")


def connect_dialog(page):
    """The dialog in which a cluster is named."""
    page.evaluate("() => void window.jupyterapp.commands.execute('jupyter-oscar:add-cluster')")
    return open_dialog(page)


def leave_dialog(page):
    """Escape, and wait until the dialog is gone."""
    open_dialog(page)
    page.keyboard.press("Escape")
    page.locator(".jp-Dialog").wait_for(state="detached")


def focus(page, row):
    """Give a row the focus so that it stays there: Lab's launcher takes it when it opens."""
    page.locator(".jp-Launcher").wait_for()
    row.evaluate(
        """async row => {
            for (let frames = 0; frames < 15; frames++) {
                if (document.activeElement !== row) {
                    row.focus();
                    frames = 0;
                }
                await new Promise(requestAnimationFrame);
            }
        }"""
    )


def complaints(page):
    """What the console said of us; that a start takes long on a busy machine is none."""
    return [line for line in page.said if "oscar" in line.lower() and "taking too long to activate" not in line]


def images_failed(page):
    """Wait until an image that is not there has said so, as one in markup would have."""
    page.evaluate(
        "() => new Promise(done => { const one = new Image(); one.onerror = () => setTimeout(done); one.src = 'x'; })"
    )


def execute(page, command, **args):
    page.evaluate(
        "([command, args]) => window.jupyterapp.commands.execute(command, args).then(() => null)", [command, args]
    )


def deploy(page, name, script):
    """Deploy a service through the page, from the template that the command is given."""
    execute(
        page,
        "jupyter-oscar:deploy-service",
        cluster="sandbox",
        fdl=fdl(**{name: "script.sh"}),
        script=textwrap.dedent(script),
    )
    page.get_by_role("button", name="Review").click()
    page.get_by_role("region", name="Review").get_by_text(f"{name} is new").wait_for()
    page.get_by_role("button", name="Deploy", exact=True).click()
    page.get_by_role("heading", name=name, exact=True).wait_for(timeout=30_000)


def call(page, name, text):
    """Give it a file, as a job; the page then shows its calls."""
    with page.expect_file_chooser() as chooser:
        page.get_by_text("Drop a file here, or pick one").click()
    chooser.value.set_files({"name": name, "mimeType": "text/plain", "buffer": text.encode()})
    page.get_by_role("button", name="Run as a Job").click()
