"""A tracked service keeps the outputs of calls apart, in whatever shell a container has."""

from __future__ import annotations

import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from jupyter_oscar.client import prologue
from jupyter_oscar.client.errors import TrackingRefused
from jupyter_oscar.client.service import Service

if TYPE_CHECKING:
    from pathlib import Path

SHELLS = {"dash": ["dash"], "busybox": ["busybox", "sh"], "bash": ["bash", "--posix"]}


# Where programs are looked up: the machine's, or busybox's own in its place, as in an Alpine container.
PATHS = {"dash": "/usr/bin:/bin", "bash": "/usr/bin:/bin"}


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    command = SHELLS[request.param]
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed: apt-get install {command[0]}")
    if command[0] == "busybox" and "busybox" not in PATHS:
        programs = tmp_path_factory.mktemp("busybox")
        subprocess.run(["busybox", "--install", "-s", str(programs)], check=True)
        PATHS["busybox"] = str(programs)
    return command


def full(shell: list[str]) -> list[str]:
    """The shell by its whole path: the script's own PATH may be another."""
    return [shutil.which(shell[0]) or "", *shell[1:]]


def run(
    shell: list[str],
    folder: Path,
    script: str,
    *,
    key: str | None = ".oscar/in/svc-1/cat.png",
    job: str | None = "svc-1",
) -> subprocess.CompletedProcess[str]:
    """Run a tracked script as a supervisor does: ``sh script.sh`` with its variables."""
    out = folder / "out"
    out.mkdir(exist_ok=True)
    file = folder / "script.sh"
    file.write_text(prologue.add(script))
    # The script inside runs under /bin/sh; make that the shell under test.
    inner = " ".join(full(shell))
    file.write_text(file.read_text().replace("/bin/sh", inner))
    env = {"PATH": PATHS[shell[0]], "TMP_OUTPUT_DIR": str(out), "TMPDIR": str(folder), "LC_ALL": "C"}
    env |= {"STORAGE_OBJECT_KEY": key} if key else {}
    env |= {"JOB_UUID": job} if job else {}
    return subprocess.run(
        [*full(shell), str(file)],
        env=env,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=20,
        check=False,
    )


def done(folder: Path) -> prologue.Done:
    return prologue.parse_done((folder / "out/svc-1/.done").read_bytes())


def test_outputs_go_to_the_calls_own_folder_and_done_lists_them(shell: list[str], tmp_path: Path) -> None:
    odd = "sub dir/ü 'q' " + '\\\\\\"b.txt'
    script = f"""#!/bin/sh
mkdir "$TMP_OUTPUT_DIR/sub dir"
printf 12345 >"$TMP_OUTPUT_DIR/a.txt"
printf x >"$TMP_OUTPUT_DIR/{odd}"
echo said
"""
    assert run(shell, tmp_path, script).stdout == "said\n"
    record = done(tmp_path)
    assert record.exit == 0
    assert {output.name: output.size for output in record.outputs} == {"a.txt": 5, "sub dir/ü 'q' \\\"b.txt": 1}
    assert record.lines == "said"
    assert 0 <= record.ended - record.began < 5
    assert abs(record.ended - time.time()) < 60
    assert (tmp_path / "out/svc-1/a.txt").read_text() == "12345"


def test_the_exit_code_survives(shell: list[str], tmp_path: Path) -> None:
    result = run(shell, tmp_path, "echo before\nexit 7\n")
    assert (result.returncode, done(tmp_path).exit) == (7, 7)


def test_a_script_killed_by_a_signal_is_seen_to_have_failed(shell: list[str], tmp_path: Path) -> None:
    run(shell, tmp_path, "kill -9 $$\n")
    assert done(tmp_path).exit == 137


def test_odd_words_of_a_script_do_not_break_the_record(shell: list[str], tmp_path: Path) -> None:
    run(shell, tmp_path, "printf 'tab\\there \"quote\" back\\\\slash \\033[31mred\\033[0m\\nbad \\377 byte\\n'\n")
    lines = done(tmp_path).lines.splitlines()
    assert lines[0].startswith('tab\there "quote" back\\slash')
    assert "bad" in lines[1]


def test_only_the_last_lines_are_kept(shell: list[str], tmp_path: Path) -> None:
    run(shell, tmp_path, "i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done\n")
    lines = done(tmp_path).lines.splitlines()
    assert lines[1:] == [f"line {i}" for i in range(5001 - len(lines), 5000)]
    assert 3000 < sum(map(len, lines)) < 4000


def test_words_pass_through_as_they_come(shell: list[str], tmp_path: Path) -> None:
    """Each line is read before the script is allowed to go on."""
    out = tmp_path / "out"
    out.mkdir()
    gate = tmp_path / "gate"
    file = tmp_path / "script.sh"
    file.write_text(prologue.add(f"#!/bin/sh\necho first\nwhile [ ! -e {gate} ]; do sleep 0.05; done\necho second\n"))
    env = {"PATH": PATHS[shell[0]], "TMP_OUTPUT_DIR": str(out), "TMPDIR": str(tmp_path)}
    env |= {"JOB_UUID": "svc-1", "STORAGE_OBJECT_KEY": ".oscar/in/svc-1/a"}
    with subprocess.Popen([*full(shell), str(file)], env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "first\n"
        gate.touch()
        assert process.stdout.readline() == "second\n"


@pytest.mark.parametrize(
    ("key", "job"),
    [(None, "svc-1"), ("in/cat.png", "svc-1"), (".oscar/in/svc-1/cat.png", None), ("x/.oscar/in/cat.png", "svc-1")],
    ids=["a plain body", "somebody's upload", "a synchronous call", "another folder of that name"],
)
def test_other_calls_run_the_script_as_it_is(
    shell: list[str], tmp_path: Path, key: str | None, job: str | None
) -> None:
    result = run(shell, tmp_path, 'printf x >"$TMP_OUTPUT_DIR/a.txt"\nexit 3\n', key=key, job=job)
    assert result.returncode == 3
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.txt"]


def test_it_is_added_once_and_comes_out_without_a_trace() -> None:
    for script in ("#!/bin/sh\necho hi\n", "echo hi\n", "#!/bin/sh\n"):
        assert prologue.remove(prologue.add(prologue.add(script))) == script
        assert prologue.add(script).count(prologue.OPENS) == 1


@pytest.mark.parametrize(
    ("output", "why"),
    [
        ([], "no output"),
        ([{"storage_provider": "webdav.x", "path": "a/b"}], "no output"),
        ([{"path": "a/b", "suffix": [".png"]}], "filters"),
    ],
)
def test_it_is_refused_where_outputs_cannot_be_kept_apart(output: list[dict[str, object]], why: str) -> None:
    service = Service.model_validate({"name": "svc", "image": "x", "script": "true", "output": output})
    with pytest.raises(TrackingRefused, match=why):
        prologue.track(service)
