"""A wrong FDL says file, line and fix."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jupyter_oscar.client import fdl, prologue
from jupyter_oscar.client.errors import FdlError, FileMissing
from jupyter_oscar.client.service import Service

GOOD = """\
functions:
  oscar:
    - my-cluster:
        name: cow
        image: grycap/cowsay
        cpu: 1.0
        memory: 1Gi
        script: script.sh
        input:
          - path: cow/in
        output:
          - path: out
        environment:
          Variables:
            A: "1"
"""


def load(folder: Path, text: str) -> fdl.Fdl:
    (folder / "script.sh").write_text("#!/bin/sh\r\necho hi\r\n")
    file = folder / "fdl.yaml"
    file.write_text(text)
    return fdl.load(file)


def refused(folder: Path, text: str) -> FdlError:
    with pytest.raises(FdlError) as caught:
        load(folder, text)
    return caught.value


def test_a_good_file_becomes_a_service(tmp_path: Path) -> None:
    service = load(tmp_path, GOOD).services[0]
    assert service.script == "#!/bin/sh\necho hi\n"
    assert service.cpu == "1.0"
    assert service.output[0].path == "cow/out"
    assert service.environment.variables == {"A": "1"}
    wire = service.to_wire()
    assert wire["environment"] == {"variables": {"A": "1"}}
    assert "token" not in wire


def test_a_tracked_service_gets_the_prologue_and_a_live_log(tmp_path: Path) -> None:
    service = load(tmp_path, GOOD + '        labels: {jupyter-oscar/tracked: "true"}\n').services[0]
    assert prologue.remove(service.script) == "#!/bin/sh\necho hi\n" != service.script
    assert service.log_level == "DEBUG"


def test_several_services_of_one_file_keep_their_order(tmp_path: Path) -> None:
    second = GOOD.partition("    - my-cluster:")[2].replace("cow", "dog")
    assert [s.name for s in load(tmp_path, GOOD + "    - my-cluster:" + second).services] == ["cow", "dog"]


@pytest.mark.parametrize(
    ("change", "line", "problem", "fix"),
    [
        (("        image: grycap/cowsay", "        image: [unclosed"), 6, "not valid YAML", "indentation"),
        (("script: script.sh", "script: gone.sh"), 8, "no such file", "relative to the FDL's folder"),
        (("        script: script.sh\n", ""), 4, "names no script", "Add `script:"),
        (("        memory: 1Gi", "        memry: 1Gi"), 7, 'unknown key "memry"', "`memory`"),
        (("          - path: cow/in", "          - pth: cow/in"), 10, 'unknown key "pth"', "`path`"),
        (("        image: grycap/cowsay\n", ""), 4, '"image" is missing', "Add `image:`"),
        (("        image: grycap/cowsay", "        image: [1, 2]"), 5, '"image" is text, not [1, 2]', "quotes"),
        (("          - path: cow/in", "          path: cow/in"), 10, '"input" is a list', ""),
        (('            A: "1"', "            A: 1"), 15, '"environment.variables.A" is text, not 1', "quotes"),
        (('            A: "1"', '            A: "a\\tb"'), 15, "TAB", "spaces"),
        (("        name: cow", "        name: Cow_1"), 4, "not a name OSCAR takes", "lower-case"),
        (("cow/in", "il/in"), 10, '"il" is not a name for a bucket', "3 to 63"),
        (("        cpu: 1.0\n", "        cpu: 1.0\n        cpu: 2.0\n"), 7, "twice (first on line 6)", "Keep one"),
        (("functions:", "function:"), 1, 'unknown key "function"', "`functions`"),
        (("    - my-cluster:\n", "    - my-cluster: {}\n      x:\n"), 3, "one map below the name", "<cluster>"),
        (("  oscar:", "  oscar: []\n  other:"), 2, "no list of services", "functions:"),
        (("        cpu: 1.0", "        enable_gpu: maybe"), 6, '"enable_gpu" is true or false', ""),
        (
            ("        cpu: 1.0", '        labels: {jupyter-oscar/tracked: "true"}'),
            6,
            "filters",
            "Remove the filter",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line_and_its_fix(
    tmp_path: Path, change: tuple[str, str], line: int, problem: str, fix: str
) -> None:
    text = GOOD.replace(*change)
    if problem == "filters":
        text = text.replace("          - path: out", "          - {path: out, suffix: [.png]}")
    assert text != GOOD
    error = refused(tmp_path, text)
    assert problem in error.problem
    assert fix in error.fix
    assert error.line == line
    assert str(error).startswith(f"{tmp_path / 'fdl.yaml'}:{line}: ")


def test_two_services_of_one_name_are_refused(tmp_path: Path) -> None:
    second = GOOD.partition("    - my-cluster:")[2]
    error = refused(tmp_path, GOOD + "    - my-cluster:" + second)
    assert 'two services are named "cow"' in error.problem
    assert error.line == 17


def test_an_empty_file_a_list_and_a_missing_file(tmp_path: Path) -> None:
    for text in ("", "- a\n", "just words\n"):
        assert "no functions" in refused(tmp_path, text).problem
    with pytest.raises(FileMissing, match="no such file"):
        fdl.load(tmp_path / "gone.yaml")
    (tmp_path / "latin.yaml").write_bytes("name: caf\xe9".encode("latin-1"))
    with pytest.raises(FdlError, match="UTF-8"):
        fdl.load(tmp_path / "latin.yaml")


@pytest.mark.parametrize("name", ["grayify", "wordcount", "gauges"])
def test_our_own_examples_are_right(name: str) -> None:
    assert fdl.load(Path(__file__).parents[2] / "examples" / name / "fdl.yaml").services[0].name == name


def test_a_stored_service_becomes_the_text_its_author_wrote() -> None:
    """A real server's answer (wire C002) holds much that it made up itself."""
    recorded = Path(__file__).parents[1] / "contract" / "wire" / "C002-get-cow.json"
    stored = Service.model_validate(json.loads(json.loads(recorded.read_text())["response"]["body"]))
    text = fdl.dump(stored)
    assert "9a677a73" not in text, "no token"
    for made_up in ("namespace", "owner", "queue", "hidden", "mount", "synchronous"):
        assert made_up not in text
    again = fdl.parse(text, {"script.sh": stored.script}).services[0]
    assert again.input == stored.input
    assert again.environment.variables == {"A": "1"}
    assert (again.labels, again.annotations) == ({"mine": "yes"}, {"note": "hi"})
    assert fdl.dump(again) == text


def test_a_text_that_is_no_file_names_its_scripts(tmp_path: Path) -> None:
    assert fdl.parse(GOOD, {"script.sh": "echo hi"}).services[0].script == "echo hi"
    with pytest.raises(FdlError, match=r'fdl\.yaml:8: there is no script "script\.sh"'):
        fdl.parse(GOOD, {"other.sh": ""})
