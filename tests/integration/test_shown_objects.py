"""What a cell shows when it ends with one of our objects: a short line, static HTML, and never a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import jupyter_oscar as oscar
from jupyter_oscar.notebook.bridge import bridge

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 60
MARKER = "MARKER-of-a-secret"
EVIL = "<img src=x>"
FDL = f"""
functions:
  oscar:
    - c:
        name: grayify
        image: ghcr.io/a/b:1
        script: script.sh
        labels: {{jupyter-oscar/tracked: "true"}}
        environment: {{variables: {{LEVEL: "{EVIL}"}}, secrets: {{KEY: {MARKER}}}}}
        input: [{{path: grayify/in}}]
        output: [{{path: grayify/out}}]
    - c: {{name: cowsay, image: "{EVIL}", script: script.sh}}
"""


@pytest.fixture(scope="module")
def box(sandbox: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A cluster with two services, on the machine of its cells."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_RUNTIME_DIR", sandbox.env["JUPYTER_RUNTIME_DIR"])
        patch.setenv("JUPYTER_DATA_DIR", str(tmp_path_factory.mktemp("data")))
        one = oscar.connect(endpoint=sandbox.endpoint, user=sandbox.user, password=sandbox.password)
        yield one
        oscar.runners(one).remove()
        for name in one.services:
            one.delete(name)
        one.close()


@pytest.fixture(scope="module")
def things(box: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Everything of ours that a cell can end with, by what the cell says."""
    folder: Path = tmp_path_factory.mktemp("fdl")
    (folder / "script.sh").write_text(
        '#!/bin/sh\ncat "$INPUT_FILE_PATH" > "$TMP_OUTPUT_DIR/said.txt"; echo "<img src=x>"\n'
    )
    (folder / "fdl.yaml").write_text(FDL)
    deployed = box.deploy(folder / "fdl.yaml")
    function = oscar.function(cpu=2, memory="2Gi", cluster=box)(lambda password=MARKER: len(password))
    job = box.submit("grayify", text="hello").wait(PATIENCE)
    jobs = box.map("grayify", text=["a", "b"], run="two").wait(PATIENCE)
    call = function.submit("four").wait(PATIENCE)
    calls = function.map(["a", "b"]).wait(PATIENCE)
    result = job.result()
    return {
        "cluster": box,
        "cluster.info": box.info,
        "cluster.services": box.services,
        "cluster.services[name]": box.services["grayify"],
        "cluster.services[name].environment": box.services["grayify"].environment,
        "cluster.deploy(file)": deployed,
        "cluster.deploy(file)[0]": deployed[0],
        "cluster.submit(…)": job,
        "job.result()": result,
        "job.result().one": result.one,
        "job.log()": job.log(raw=True),
        "cluster.map(…)": jobs,
        "cluster.map(…)[0]": jobs[0],
        "cluster.map(…).progress": jobs.progress,
        "cluster.jobs": box.jobs,
        "cluster.maps": box.maps,
        "cluster.runs": box.runs,
        "cluster.run(…)": box.run("cowsay", "hello"),
        "cluster.form(name)": box.form("grayify"),
        "cluster.fs": box.fs,
        "cluster.minio": box.minio,
        "cluster.oscar_python": box.oscar_python,
        "cluster.client": box.client,
        "cluster.client.profile": box.client.profile,
        "the definition": bridge.run(box.client.services.get("grayify")),
        "@oscar.function": function,
        "function.submit(…)": call,
        "function.map(…)": calls,
        "oscar.runners()": oscar.runners(box),
        "cluster.volumes": box.volumes,
        "cluster.nodes": box.nodes,
        "cluster.belongings(name)": box.belongings("grayify"),
        "cluster.diff(file)": box.diff(folder / "fdl.yaml"),
        "cluster.update(…)": box.update("cowsay", annotations={"note": EVIL}),
        "cluster.deployment(name)": box.deployment("grayify"),
        "cluster.prune()": box.prune(dry=True),
        "job.why": job.why,
    }


THEIRS = frozenset({"cluster.info", "cluster.minio", "cluster.oscar_python", "cluster.client"})


def shown(thing: Any) -> dict[str, str]:
    """Each form in which a notebook shows it and keeps it."""
    forms = {"repr": repr(thing), "str": str(thing)}
    if hasattr(thing, "_repr_html_"):
        forms["html"] = thing._repr_html_()
    if hasattr(thing, "_repr_mimebundle_"):
        forms |= {kind: str(said) for kind, said in thing._repr_mimebundle_().items()}
    if hasattr(thing, "static"):
        forms |= {f"static {kind}": said for kind, said in thing.static().items()}
    return forms


def test_no_object_shows_a_secret(box: Any, things: dict[str, Any], sandbox: Any) -> None:
    config = bridge.run(box.client.config())
    secrets = {MARKER, sandbox.password, config.minio_provider.secret_key.get_secret_value()}
    secrets |= {box.services[name].token.get_secret_value() for name in box.services}
    assert all(secrets)
    for cell, thing in things.items():
        for form, said in shown(thing).items():
            assert not [secret for secret in secrets if secret in said], f"{cell}: {form}"


def test_every_object_of_ours_says_in_words_what_it_is(things: dict[str, Any]) -> None:
    for cell in things.keys() - THEIRS - {"job.log()", "job.why"}:
        said = repr(things[cell])
        assert " object at 0x" not in said, cell
        assert len(said) < 2000, cell


def test_html_of_every_object_holds_what_servers_said_as_text(things: dict[str, Any]) -> None:
    for cell, thing in things.items():
        for form, said in shown(thing).items():
            if "html" in form:
                assert "<img" not in said, f"{cell}: {form}"
                assert "<script" not in said, f"{cell}: {form}"


def test_a_service_is_a_line_and_says_where_it_reads_and_writes(things: dict[str, Any]) -> None:
    service = things["cluster.services[name]"]
    assert repr(service) == "grayify  async · private · ghcr.io/a/b:1"
    assert repr(things["cluster.deploy(file)"]).splitlines()[0] == repr(service)
    html = service._repr_html_()
    assert "in grayify/in → out grayify/out" in html
    assert "environment LEVEL, KEY (secret)" in html


def test_a_function_says_how_it_is_called_and_where_it_runs(things: dict[str, Any], box: Any) -> None:
    where = f"runs here; submit() and map() run it on {box.name} (2 CPU, 2Gi)"
    assert repr(things["@oscar.function"]).endswith(f"(password)  {where}")
