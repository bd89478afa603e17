"""A form as a person fills it in: each kind of field and of input, run as a job or with an answer, outputs by kind."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import pytest
from sandbox_user import new_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from jupyter_oscar.notebook.cluster import Cluster
    from jupyter_oscar.notebook.forms import Form

PATIENCE = 60
SCHEMA = {
    "type": "object",
    "required": ["words", "count", "mode"],
    "properties": {
        "words": {"type": "string", "title": "Words", "description": "What to say."},
        "long": {"type": "string", "format": "textarea"},
        "count": {"type": "integer", "minimum": 1, "maximum": 9},
        "ratio": {"type": "number", "minimum": 0},
        "free": {"type": ["integer", "null"]},
        "scale": {"type": "number", "default": 2.5},
        "yes": {"type": "boolean", "default": True},
        "mode": {"enum": ["fast", "slow"]},
        "level": {"enum": [1, 2, 3]},
        "names": {"type": "array", "items": {"type": "string"}},
        "more": {"type": "object"},
        "odd": {"type": "integer", "minimum": 5, "maximum": 1, "default": "x"},
    },
}
TAKES, KINDS, ANSWERS = (new_name(stem) for stem in ("takes", "kinds", "answers"))
FDL = """
functions:
  oscar:
    - c: {{name: {takes}, image: busybox, script: copy.sh, labels: {{jupyter-oscar/tracked: "true"}},
        annotations: {{jupyter-oscar/input-schema: '{schema}'}},
        input: [{{storage_provider: minio.default, path: {takes}/in}}],
        output: [{{storage_provider: minio.default, path: {takes}/out}}]}}
    - c: {{name: {kinds}, image: busybox, script: kinds.sh, labels: {{jupyter-oscar/tracked: "true"}},
        input: [{{storage_provider: minio.default, path: {kinds}/in}}],
        output: [{{storage_provider: minio.default, path: {kinds}/out}}]}}
    - c: {{name: {answers}, image: busybox, script: answer.sh}}
"""
COPY = '#!/bin/sh\ncp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR/"\n'
WRITE = """#!/bin/sh
cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR/given"
cd "$TMP_OUTPUT_DIR"
printf 'gauge,level\\nA,<b>1.2</b>\\n' > levels.csv
echo '{"a": [1, 2]}' > said.json
python3 -c "import numpy as n; n.save('field.npy', n.arange(6.).reshape(2, 3))"
printf '\\211PNG\\r\\n\\032\\n' > dot.png
"""


@pytest.fixture
def deployed(cluster: Cluster, tmp_path: Path) -> Cluster:
    scripts = {"copy.sh": COPY, "kinds.sh": WRITE, "answer.sh": '#!/bin/sh\necho "heard $(cat "$INPUT_FILE_PATH")"\n'}
    for name, script in scripts.items():
        (tmp_path / name).write_text(script)
    (tmp_path / "fdl.yaml").write_text(FDL.format(schema=json.dumps(SCHEMA), takes=TAKES, kinds=KINDS, answers=ANSWERS))
    cluster.deploy(tmp_path / "fdl.yaml")
    return cluster


def all_of(box: Any) -> Iterator[Any]:
    """A widget and everything in it."""
    yield box
    for child in getattr(box, "children", ()):
        yield from all_of(child)


def field(form: Form, label: str) -> Any:
    """The widget of that label, or of that placeholder."""
    found = [
        one
        for one in all_of(form.box)
        if label in (getattr(one, "description", None), getattr(one, "placeholder", None))
    ]
    assert len(found) == 1, label
    return found[0]


def fill(form: Form, **values: Any) -> None:
    for label, value in values.items():
        field(form, label.replace("_", " *")).value = value


def press(form: Form, label: str = "Run") -> None:
    field(form, label).click()


def words(form: Form) -> str:
    """What the form says in its own words."""
    return " ".join(str(one.value) for one in all_of(form.box) if isinstance(one, (widgets.HTML, widgets.Label)))


def choose(form: Form, what: str) -> None:
    """Choose a kind of input, or a way to run it."""

    def labels(one: Any) -> list[str]:
        return [option if isinstance(option, str) else str(option[0]) for option in one.options]

    choices = [one for one in all_of(form.box) if isinstance(one, (widgets.ToggleButtons, widgets.Dropdown))]
    (found,) = (one for one in choices if what in labels(one))
    found.index = labels(found).index(what)


def shown(form: Form) -> list[dict[str, Any]]:
    """What stands below the newest run."""
    (place, *_) = (one for one in all_of(form.box) if isinstance(one, widgets.Output))
    return [output["data"] for output in place.outputs]


def until(what: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline, "what the test waited for did not happen"
        time.sleep(0.05)


def test_every_kind_of_field_arrives_as_the_schema_says(deployed: Cluster) -> None:
    form = deployed.form(TAKES)
    fill(form, Words_="hello", count_=3, ratio="0.5", level=2, names='["a", "b"]', more='{"k": 1}', long="1\n2")
    press(form)
    assert form.runs[0].result(PATIENCE).json() == {
        "words": "hello",
        "long": "1\n2",
        "count": 3,
        "ratio": 0.5,
        "scale": 2.5,
        "yes": True,
        "mode": "fast",
        "level": 2,
        "names": ["a", "b"],
        "more": {"k": 1},
    }


@pytest.mark.parametrize(
    ("label", "value", "says"),
    [
        ("Words *", "", "'words' is a required property"),
        ("ratio", "-1", "ratio: -1 is less than the minimum of 0"),
        ("ratio", "much", 'ratio is no number: "much"'),
        ("free", "1.5", "free: 1.5 is not of type 'integer', 'null'"),
        ("names", "[1]", "names.0: 1 is not of type 'string'"),
        ("names", "a, b", "names is no JSON"),
    ],
)
def test_what_a_field_does_not_take_is_said_and_nothing_is_sent(
    deployed: Cluster, label: str, value: str, says: str
) -> None:
    form = deployed.form(TAKES)
    fill(form, Words_="hello")
    field(form, label).value = value
    press(form)
    assert says.replace("'", "&#x27;").replace('"', "&quot;") in words(form)
    assert form.runs == []
    fill(form, Words_="hello", ratio="", free="", names="")
    press(form)
    assert "&quot;" not in words(form)
    assert form.runs[0].result(PATIENCE).json()["words"] == "hello"


def test_outputs_are_shown_by_their_kind(deployed: Cluster) -> None:
    form = deployed.form(KINDS)
    choose(form, "text")
    fill(form, words="hello")
    press(form)
    until(lambda: len(shown(form)) == 10)
    captions, things = shown(form)[::2], shown(form)[1::2]
    assert [one["text/plain"].split()[0] for one in captions] == [
        "dot.png",
        "field.npy",
        "given",
        "levels.csv",
        "said.json",
    ]
    picture, array, text, table, said = things
    assert "image/png" in picture
    assert array["text/plain"].startswith("float64 array of 2 × 3")
    assert "hello" in text["text/html"]
    assert "&lt;b&gt;1.2&lt;/b&gt;" in table["text/html"]
    assert '"a": [' in said["text/plain"]


def test_a_file_many_files_and_an_object_are_inputs(deployed: Cluster, tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(name)
    form = deployed.form(KINDS)
    choose(form, "file")
    path = field(form, "path of a file here")
    path.value = f"{tmp_path}/a"
    assert f"{tmp_path}/a.txt" in path.options
    path.value = f"{tmp_path}/a.txt"
    press(form)
    first = form.runs[0].result(PATIENCE)["given"]
    assert first.text == "a.txt"

    choose(form, "several files")
    fill(form, **{"in/*.png": f"{tmp_path}/?.txt"})
    assert "2 files" in words(form)
    press(form)
    assert [result["given"].text for result in form.runs[0].results(timeout=PATIENCE)] == ["a.txt", "b.txt"]

    choose(form, "object")
    key = field(form, "bucket/key")
    until(lambda: f"{KINDS}/" in key.options)
    key.value = f"{first.path.removeprefix('s3://').rpartition('/')[0]}/"
    until(lambda: any(option.endswith("given") for option in key.options))
    key.value = first.path
    press(form)
    assert form.runs[0].result(PATIENCE)["given"].text == "a.txt"


def test_what_is_missing_is_said(deployed: Cluster) -> None:
    form = deployed.form(KINDS)
    for kind, says in (
        ("file", "Name a file"),
        ("object", "Name an object: bucket/key"),
        ("several files", "No file here is called"),
    ):
        choose(form, kind)
        press(form)
        assert says in words(form)
    assert form.runs == []


def test_a_service_without_inputs_answers_in_its_place(deployed: Cluster) -> None:
    form = deployed.form(ANSWERS)
    fill(form, words="<b>hello</b>")
    choose(form, "and wait for the answer")
    press(form)
    until(lambda: form.runs)
    assert shown(form)[0]["text/plain"] == "heard <b>hello</b>"
    assert "<b>hello" not in shown(form)[0]["text/html"]


def test_a_service_that_has_gone_is_said_and_the_form_stays(deployed: Cluster) -> None:
    form = deployed.form(ANSWERS)
    deployed.delete(ANSWERS)
    fill(form, words="hello")
    press(form)
    until(lambda: ANSWERS in words(form).partition(ANSWERS)[2])
    assert not field(form, "Run").disabled
