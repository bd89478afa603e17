"""What a person does on the pages of services."""

import textwrap

FDL = """\
functions:
  oscar:
    - oscar-cluster:
        name: {name}
        image: docker.io/library/python:3.12-slim
        script: script.sh
        labels:
          jupyter-oscar/tracked: "true"
        input:
          - storage_provider: minio.default
            path: {name}/in
        output:
          - storage_provider: minio.default
            path: {name}/out
"""


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
        fdl=FDL.format(name=name),
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
