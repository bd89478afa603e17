"""What travels between a function and its runner, without a cluster."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from jupyter_oscar.client import prologue, remote, runners
from jupyter_oscar.client.errors import InvalidRequest, NotSaved, ResultRefused, VersionMismatch
from jupyter_oscar.client.keys import MachineKey
from jupyter_oscar.client.runners import HERE, Spec
from jupyter_oscar.notebook import values

KEY = b"k" * 32


def test_a_key_is_made_once_by_whoever_comes_first_and_is_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "functions.key"
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: MachineKey(path).fingerprint(), range(32)))
    assert len(found) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["functions.key"]
    path.chmod(0o644)
    assert MachineKey(path).fingerprint() in found
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_damaged_key_is_said_and_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "functions.key"
    path.write_text("half")
    with pytest.raises(NotSaved, match="damaged"):
        MachineKey(path).fingerprint()
    assert path.read_text() == "half"


def test_each_runner_has_a_key_of_its_own(tmp_path: Path) -> None:
    key = MachineKey(tmp_path / "functions.key")
    assert key.derive("a") is None
    assert key.fingerprint(make=False) is None
    key.fingerprint()
    one, other = key.derive("a"), key.derive("b")
    assert one is not None
    assert one != other
    assert one.get_secret_value() not in repr(one)


def test_a_runner_is_named_after_what_it_is() -> None:
    names = [
        spec.name(user, key)
        for spec, user, key in [
            (Spec("python:3"), "ann", "f"),
            (Spec("python:3", ("numpy",)), "ann", "f"),
            (Spec("python:3", cpu="2"), "ann", "f"),
            (Spec("python:3"), "bob", "f"),
            (Spec("python:3"), "ann", "g"),
        ]
    ]
    assert len(set(names)) == 5
    assert all(len(name) <= 39 for name in names)
    assert names[0] == Spec("python:3").name("ann", "f")


def test_an_image_that_says_another_python_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(VersionMismatch, match=r"Python 3\.99"):
        Spec("quay.io/jupyter/scipy-notebook:python-3.99").checked(sandbox=False)
    with pytest.raises(InvalidRequest, match=f"python:{HERE}-slim"):
        Spec().checked(sandbox=False)
    assert Spec(f"python:{HERE}.2-slim").checked(sandbox=False).interpreter == ""
    assert Spec().checked(sandbox=True).interpreter == sys.executable


def test_the_script_fits_where_a_cluster_keeps_it() -> None:
    """A service lives in a ConfigMap, which holds a mebibyte."""
    assert len(runners.script("")) < 64 * 1024


def run_script(
    tmp_path: Path, content: bytes, *options: str, **call: str
) -> tuple[subprocess.CompletedProcess[str], bytes]:
    """A runner's script as a container would run it."""
    (tmp_path / "input").write_bytes(content)
    (tmp_path / "script.sh").write_text(runners.script(""))
    (tmp_path / "bin").mkdir()
    (tmp_path / "a-call").mkdir()
    python = tmp_path / "bin" / "python3"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} {" ".join(options)} "$@"\n')
    python.chmod(0o755)
    said = subprocess.run(
        ["/bin/sh", str(tmp_path / "script.sh")],
        env={
            "PATH": f"{tmp_path}/bin:{os.defpath}",
            "TMPDIR": str(tmp_path),
            "INPUT_FILE_PATH": str(tmp_path / "input"),
            "TMP_OUTPUT_DIR": str(tmp_path / "a-call"),
            **(call or {"JUPYTER_OSCAR_TRACKED": "1"}),
            remote.KEY: KEY.hex(),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    result = tmp_path / "a-call" / remote.RESULT
    return said, result.read_bytes() if result.exists() else b""


def packed(function: Any, *args: Any, **header: Any) -> bytes:
    frames = [values.pickled(function), values.pickled_arguments(function, (args, {}))]
    return remote.pack(KEY, {**values.header(function, [], many=False), **header}, frames)


def test_a_bare_python_image_is_enough(tmp_path: Path) -> None:
    """``-S`` leaves out everything that is installed, our cloudpickle too."""
    said, result = run_script(tmp_path, packed(lambda n: {n}, 3), "-S")
    assert said.returncode == 0, said.stderr
    assert values.outcomes(result, "a-call", KEY, "f")[0].value == {3}


CALL = {"JOB_UUID": "fn-1", "STORAGE_OBJECT_KEY": ".oscar/in/fn-1/a.call"}


def ended(tmp_path: Path) -> prologue.Done:
    """What was noted of the end."""
    return prologue.parse_done((tmp_path / "a-call" / "fn-1" / prologue.DONE).read_bytes())


def test_a_call_is_recorded_with_its_outputs_and_last_words(tmp_path: Path) -> None:
    def work() -> int:
        Path(os.environ["TMP_OUTPUT_DIR"], 'a "b".txt').write_text("12345")
        Path(os.environ["TMP_OUTPUT_DIR"], "link").symlink_to("/etc/passwd")
        print("said\t\x1b[1m" + "x" * 5000 + "\nlast \u00e9")  # noqa: T201
        return 3

    said, _ = run_script(tmp_path, packed(work), **CALL)
    done = ended(tmp_path)
    assert said.returncode == done.exit == 0
    assert {(output.name, output.size) for output in done.outputs} >= {('a "b".txt', 5)}
    assert {output.name for output in done.outputs} == {'a "b".txt', remote.RESULT}
    assert done.lines.endswith("x\nlast \u00e9")
    assert len(done.lines) < 4001
    assert 0 < done.began <= done.ended


@pytest.mark.parametrize(("end", "code"), [("os._exit(3)", 3), ("os.kill(os.getpid(), 9)", 137), ("1/0", 1)])
def test_however_a_function_ends_its_end_is_recorded(tmp_path: Path, end: str, code: int) -> None:
    said, _ = run_script(tmp_path, packed(lambda: exec(end, {"os": os})), **CALL)  # noqa: S102
    assert said.returncode == ended(tmp_path).exit == code


LEFT = """
import ctypes, os, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: what the script leaves behind is ours
subprocess.run(["/bin/sh", sys.argv[1]], check=True)
try:
    sys.exit(f"left behind: {os.waitpid(-1, 0)}")
except ChildProcessError:
    pass
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands a process what its children leave behind")
def test_nothing_is_left_behind_a_function(tmp_path: Path) -> None:
    run_script(tmp_path, packed(lambda: 1), **CALL)
    env = {"PATH": f"{tmp_path}/bin:{os.defpath}", "TMPDIR": str(tmp_path), "INPUT_FILE_PATH": str(tmp_path / "input")}
    env |= {"TMP_OUTPUT_DIR": str(tmp_path / "a-call"), remote.KEY: KEY.hex(), **CALL}
    command = [sys.executable, "-c", LEFT, str(tmp_path / "script.sh")]
    said = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert (said.returncode, said.stderr) == (0, "")


def test_an_image_without_python_says_so_and_that_is_recorded(tmp_path: Path) -> None:
    (tmp_path / "script.sh").write_text(runners.script("").replace("python3", "no-such-python"))
    (tmp_path / "a-call").mkdir()
    env = {"PATH": os.defpath, "TMPDIR": str(tmp_path), "TMP_OUTPUT_DIR": str(tmp_path / "a-call"), **CALL}
    said = subprocess.run(["/bin/sh", str(tmp_path / "script.sh")], env=env, capture_output=True, check=False)
    assert said.returncode == ended(tmp_path).exit == 127
    assert "choose an image= that has one" in ended(tmp_path).lines


def test_anybody_elses_call_of_a_runner_runs_nothing(tmp_path: Path) -> None:
    said, result = run_script(tmp_path, packed(lambda: 1), STORAGE_OBJECT_KEY="in/a.call", JOB_UUID="fn-1")
    assert said.returncode == 3
    assert "called by jobs only" in said.stdout
    assert result == b""


def test_a_package_that_cannot_be_had_is_said(tmp_path: Path) -> None:
    said, result = run_script(tmp_path, packed(lambda: 1, packages=["no-such-package-anywhere>=1"]), "-S", "-I")
    assert said.returncode == 3
    assert "no-such-package-anywhere>=1 could not be installed" in said.stdout
    assert result == b""


def sealed(value: Any) -> bytes:
    return remote.results(KEY, "a-call", [remote.encode(value)], many=False)


def test_a_result_is_believed_only_under_its_seal() -> None:
    good = sealed({1})
    assert values.outcomes(good, "a-call", KEY, "f")[0].value == {1}
    for content, call, key in [
        (good, "another", KEY),
        (good, "a-call", b"x" * 32),
        (good + b"more", "a-call", KEY),
        (good[:-1], "a-call", KEY),
        (b'{"entries": []}\n', "a-call", KEY),
        (b'{"entries": [["{\\"at\\": 0, \\"of\\": 1}", -1, "\\ud800"]]}\n', "a-call", KEY),
        (b'{"entries": [["{\\"at\\": 0, \\"of\\": 1}", 0, "\\ud800"]]}\n', "a-call", KEY),
        (b"[" * 100_000, "a-call", KEY),
    ]:
        with pytest.raises(ResultRefused):
            values.outcomes(content, call, key, "f")


def test_without_the_key_a_pickle_stays_shut() -> None:
    assert values.outcomes(sealed([1]), "a-call", None, "f")[0].value == [1]
    shut = values.outcomes(sealed({1}), "a-call", None, "f")[0].error
    assert isinstance(shut, ResultRefused)
    # Nor does one that says it is something else.
    head, _, body = sealed({1}).partition(b"\n")
    said = json.loads(head)
    said["entries"][0][0] = said["entries"][0][0].replace("pickle", "npy")
    disguised = json.dumps(said).encode() + b"\n" + body
    assert values.outcomes(disguised, "a-call", None, "f")[0].value is None
    assert pickle.loads(body) == {1}  # noqa: S301 - to show that it was one


def test_tables_travel_as_arrow_where_both_sides_know_it(tmp_path: Path) -> None:
    pandas, arrow = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")

    def table() -> Any:
        import pandas as pd

        return pd.DataFrame({"a": [1, 2], "b": ["x", None]}, index=pd.Index([5, 6], name="gauge"))

    for knows, kind in ((True, "arrow"), (False, "pickle")):
        (tmp_path / kind).mkdir()
        _, result = run_script(tmp_path / kind, packed(table, arrow=knows))
        assert json.loads(json.loads(result.partition(b"\n")[0])["entries"][0][0])["kind"] == kind
        pandas.testing.assert_frame_equal(values.outcomes(result, "a-call", KEY, "f")[0].value, table())
    plain = arrow.table({"a": [1, 2]})
    assert values.outcomes(sealed(plain), "a-call", None, "f")[0].value == plain


def test_a_table_that_arrow_would_change_is_pickled() -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    objects = pandas.DataFrame({"a": [object, {1}]})
    named = pandas.DataFrame({"a": [1]})
    named.attrs["unit"] = {1}
    for table in (objects, named):
        back = values.outcomes(sealed(table), "a-call", KEY, "f")[0].value
        assert b"pickle" in sealed(table).partition(b"\n")[0]
        assert back.equals(table)
        assert back.attrs == table.attrs
