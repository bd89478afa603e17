"""An FDL that is loaded and saved again loses nothing, and of what was changed only that differs."""

from __future__ import annotations

import difflib
import json
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from jupyter_oscar.client import fdl, fdl_saving, prologue
from jupyter_oscar.client.errors import NotSaved
from jupyter_oscar.client.service import RESPONSE_ONLY, Service

HERE = Path(__file__).parents[2]
RICH = """\
# Two services, written by hand.
functions:
    oscar:
    -   my-cluster:   # where
            name: cow
            image: 'grycap/cowsay'     # quoted
            cpu: 1.0
            memory: 1Gi
            script: script.sh
            input:
            -   path: cow/in
            output:
            -   {path: out, suffix: [.txt]}   # in one line
            environment:
                Variables: &shared
                    A: "1"
                    B: two   # the second
                secrets: {KEY: "env:MY_KEY"}
            annotations: {long: "a line that is much longer than most writers of YAML let a line be"}

    -   other:
            name: dog
            image: busybox
            script: deep/dog.sh
            environment: {variables: *shared}
            labels:
                # why
                mine: "yes"
storage_providers:
    s3: {far: {access_key: a, secret_key: b, region: x}}
"""


def written(folder: Path, text: str = RICH) -> Path:
    (folder / "deep").mkdir()
    (folder / "script.sh").write_text("#!/bin/sh\necho cow\n")
    (folder / "deep" / "dog.sh").write_text("#!/bin/sh\necho dog\n")
    (folder / "fdl.yaml").write_text(text)
    return folder / "fdl.yaml"


def difference(before: str, after: str) -> list[str]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return [line for line in lines if line[:3] not in {"---", "+++"} and line[:2] != "@@"]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "MARKER")


@pytest.mark.parametrize("file", sorted((HERE / "examples").glob("*/fdl.yaml")), ids=lambda file: file.parent.name)
def test_every_example_comes_back_as_it_was(file: Path, tmp_path: Path) -> None:
    for one in file.parent.iterdir():
        if one.is_file():
            (tmp_path / one.name).write_bytes(one.read_bytes())
    fdl_saving.save(fdl.load(tmp_path / "fdl.yaml"))
    for one in tmp_path.iterdir():
        assert one.read_bytes() == (file.parent / one.name).read_bytes()


def test_a_file_from_which_nothing_was_changed_is_not_written(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.chmod(0o400)
    before = path.stat()
    fdl_saving.save(fdl.load(path))
    assert path.stat() == before
    assert path.read_text() == RICH


def test_only_what_was_changed_differs(tmp_path: Path) -> None:
    path = written(tmp_path)
    file = fdl.load(path)
    cow, dog = file.services
    cow.memory = "2Gi"
    dog.labels["mine"] = "no"
    dog.labels["more"] = "x"
    fdl_saving.save(file)
    assert difference(RICH, path.read_text()) == [
        "-            memory: 1Gi",
        "+            memory: 2Gi",
        '-                mine: "yes"',
        '+                mine: "no"',
        "+                more: x",
    ]
    again = fdl.filled(fdl.load(path))
    assert again.services[0].environment.secrets["KEY"].get_secret_value() == "MARKER"
    assert "env:MY_KEY" in path.read_text()
    assert "MARKER" not in path.read_text()


def test_a_changed_script_goes_to_its_own_file_without_our_prologue(tmp_path: Path) -> None:
    path = written(tmp_path)
    file = fdl.load(path)
    file.services[1].script = "#!/bin/sh\necho cat\n"
    labels = {"jupyter-oscar/tracked": "true"}
    plain = file.services[0].model_copy(update={"labels": labels, "output": file.services[0].output[:0]})
    plain = Service.model_validate({**plain.model_dump(exclude_unset=True), "output": [{"path": "cow/out"}]})
    file.services[0] = prologue.track(plain)
    fdl_saving.save(file)
    assert (tmp_path / "deep" / "dog.sh").read_text() == "#!/bin/sh\necho cat\n"
    assert (tmp_path / "script.sh").read_text() == "#!/bin/sh\necho cow\n"
    assert fdl.load(path).services[0].tracked


def test_services_come_and_go(tmp_path: Path) -> None:
    path = written(tmp_path)
    file = fdl.load(path)
    file.services[:] = [file.services[1], Service(name="new", image="busybox", script="#!/bin/sh\ntrue\n")]
    fdl_saving.save(file)
    again = fdl.load(path)
    assert [service.name for service in again.services] == ["dog", "new"]
    assert (tmp_path / "new.sh").read_text() == "#!/bin/sh\ntrue\n"
    assert "# why" in path.read_text()


def test_what_cannot_be_written_leaves_everything_as_it_was(tmp_path: Path) -> None:
    path = written(tmp_path)
    file = fdl.load(path)
    file.services[0].script = "#!/bin/sh\necho other\n"
    file.services[0].memory = "2Gi"
    path.unlink()
    path.mkdir()
    with pytest.raises(NotSaved, match="cannot be written: is a directory"):
        fdl_saving.save(file)
    assert (tmp_path / "script.sh").read_text() == "#!/bin/sh\necho cow\n"
    file.services[1].script, file.scripts["dog"] = "#!/bin/sh\n", file.scripts["cow"]
    with pytest.raises(NotSaved, match=r"Two services name script\.sh"):
        fdl_saving.save(file)


words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12)


@settings(max_examples=60, derandomize=True, database=None, deadline=None, phases=[Phase.generate])
@given(
    memory=st.sampled_from(["1Gi", "2Gi", "512Mi"]),
    notes=st.dictionaries(st.sampled_from(["long", "a", "x.y/z"]), words, max_size=3),
    variables=st.dictionaries(st.sampled_from(["A", "B", "C"]), words, max_size=3),
    users=st.lists(words, max_size=3),
)
def test_whatever_is_changed_is_read_again(
    memory: str, notes: dict[str, str], variables: dict[str, str], users: list[str]
) -> None:
    file = fdl.parse(RICH.replace("env:MY_KEY", "secret"), {"script.sh": "#", "deep/dog.sh": "#"})
    cow = file.services[0]
    cow.memory, cow.annotations, cow.environment.variables, cow.allowed_users = memory, notes, variables, users
    again = fdl.parse(fdl_saving.rewritten(file), {"script.sh": "#", "deep/dog.sh": "#"}).services
    assert (again[0].memory, again[0].annotations, again[0].allowed_users) == (memory, notes, users)
    assert again[0].environment.variables == variables
    assert again[1].environment.variables == {"A": "1", "B": "two"}, "the other one shares the anchor, and is as it was"


WIRE = HERE / "tests" / "contract" / "wire"
STORED = [
    file
    for file in sorted(WIRE.glob("*.json"))
    if json.loads(file.read_text())["request"]["method"] == "GET"
    and '"oscar_service"' in str(json.loads(file.read_text())["response"].get("body"))
]


def test_a_service_of_a_real_server_is_sent_back_without_loss() -> None:
    count = 0
    for file in STORED:
        body = json.loads(json.loads(file.read_text())["response"]["body"])
        for said in body if isinstance(body, list) else [body]:
            wire = Service.model_validate(said).to_wire()
            own = {key: value for key, value in said.items() if key not in RESPONSE_ONLY and value is not None}
            assert wire == own, file.name
            count += 1
    assert count > 20
