"""A map's bad days: killed, interrupted, taken away under its feet, fed and answered with nonsense.

Each script writes down the inputs that it is run for, so that whatever was lost or done twice shows.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
import time
import traceback
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from sandbox_user import new_name

import jupyter_oscar as oscar
from jupyter_oscar.client import errors
from jupyter_oscar.notebook.bridge import bridge

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PATIENCE = 90
ROUGH = new_name("rough")
FDL = """
functions:
  oscar:
    - c:
        name: {name}
        image: busybox
        script: script.sh
        labels: {{jupyter-oscar/tracked: "true"}}
        environment: {{variables: {{TURN: "{turn}"}}}}
        input: [{{path: {name}/in}}]
        output: [{{path: {name}/out}}]
"""
# Waits at a gate, if there is one; fails while there is a file "bad" and it was sent a word that begins so.
SCRIPT = """#!/bin/sh
said=$(cat "$INPUT_FILE_PATH")
echo "$said" >> "{folder}/ran"
while [ -e "{folder}/gate" ]; do sleep 0.1; done
case "$said" in bad*) [ ! -e "{folder}/bad" ] || exit 3;; esac
cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR/out.txt"
"""


class Ground:
    """A service of its own for each test, and what its jobs wrote down."""

    def __init__(self, cluster: Any, folder: Path, name: str = ROUGH) -> None:
        self.cluster, self.folder, self.name = cluster, folder, name
        self.gate, self.bad = folder / "gate", folder / "bad"
        self.deploy()

    def deploy(self, script: str = SCRIPT, turn: int = 1) -> None:
        (self.folder / "script.sh").write_text(script.format(folder=self.folder))
        (self.folder / "fdl.yaml").write_text(FDL.format(name=self.name, turn=turn))
        self.cluster.deploy(self.folder / "fdl.yaml", update=True)

    @property
    def ran(self) -> Counter[str]:
        """Which inputs were run, and how often."""
        file = self.folder / "ran"
        return Counter(file.read_text().split() if file.exists() else ())

    @property
    def jobs(self) -> dict[str, Any]:
        """The jobs that the cluster itself has."""
        found: dict[str, Any] = bridge.run(self.cluster.client.jobs.list(self.name))
        return found


@pytest.fixture
def ground(cluster: Any, tmp_path: Path) -> Ground:
    # A gate stays closed afterwards: the pod of a job that was removed lives on for a while, and must write nothing.
    return Ground(cluster, tmp_path)


def until(what: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline, "what the test waited for did not happen"
        time.sleep(0.02)


def kernel(sandbox: Any, program: str, *arguments: str) -> subprocess.Popen[str]:
    """Another kernel, which knows ``cluster``, ``ROUGH`` and its arguments as ``given``."""
    preamble = """
    import signal, sys, threading, time, os
    import jupyter_oscar as oscar
    cluster = oscar.connect(endpoint=sys.argv[1], user=sys.argv[2], password=sys.argv[3])
    ROUGH, *given = sys.argv[4:]
    """
    code = textwrap.dedent(preamble) + textwrap.dedent(program)
    command = [sys.executable, "-c", code, sandbox.endpoint, sandbox.user, sandbox.password, ROUGH, *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def said(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=PATIENCE)
    assert not process.returncode, err
    return out


def once(count: int) -> Counter[str]:
    """Each of the inputs 0, 1 … run exactly once."""
    return Counter({str(number): 1 for number in range(count)})


MAP_OF_200 = """
jobs = cluster.map(ROUGH, text=[str(number) for number in range(200)], run="night")
print("started", flush=True)
print([result.text.strip() for result in jobs.results(timeout=120)] == [str(number) for number in range(200)])
"""


def test_a_kernel_killed_in_a_map_of_200_leaves_exactly_the_missing_to_the_next(sandbox: Any, ground: Ground) -> None:
    first = kernel(sandbox, MAP_OF_200)
    assert first.stdout
    assert first.stdout.readline() == "started\n"
    until(lambda: len(ground.ran) >= 20)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert said(kernel(sandbox, MAP_OF_200)).split() == ["started", "True"]
    assert ground.ran == once(200)


INTERRUPTED = """
texts = [str(number) for number in range(60)]
def begin():
    return cluster.map(ROUGH, text=texts, run="night")
def fetch():
    while True:
        jobs.results()
for moment in ("sending", "waiting", "fetching"):
    for delay in (0.002, 0.02, 0.2):
        try:
            if moment != "sending":
                jobs = begin()
            if moment == "fetching":
                jobs.wait()
            threading.Timer(delay, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
            if moment == "sending":
                jobs = begin()
            fetch()
        except KeyboardInterrupt:
            print(moment, flush=True)
print([result.text.strip() for result in begin().results(timeout=120)] == texts)
"""


def test_an_interrupt_at_any_moment_leaves_a_run_that_goes_on(sandbox: Any, ground: Ground) -> None:
    """While it is begun, while it sends and waits, while it fetches."""
    words = said(kernel(sandbox, INTERRUPTED)).split()
    assert words == ["sending"] * 3 + ["waiting"] * 3 + ["fetching"] * 3 + ["True"]
    assert ground.ran == once(60)


TWO_HANDS = """
from pathlib import Path
folder, first, last = Path(given[0]), int(given[1]), int(given[2])
files = [folder / f"{number:03d}.txt" for number in range(first, last)]
print("ready", flush=True)
sys.stdin.readline()
jobs = cluster.map(ROUGH, files, run="both")
print([result.text for result in jobs.results(timeout=120)] == [file.read_text() for file in files])
"""


@pytest.mark.parametrize("begun", [False, True], ids=["a new run", "one that is there"])
def test_two_kernels_that_add_to_one_run_at_one_moment_lose_and_double_nothing(
    sandbox: Any, ground: Ground, tmp_path: Path, *, begun: bool
) -> None:
    """Some inputs only one of them has, some both."""
    folder = tmp_path / "inputs"
    folder.mkdir()
    for number in range(60):
        (folder / f"{number:03d}.txt").write_text(str(number))
    if begun:
        ground.cluster.map(ROUGH, [folder / "000.txt", folder / "001.txt"], run="both").wait(PATIENCE)
    both = [kernel(sandbox, TWO_HANDS, str(folder), *ends) for ends in (("0", "40"), ("20", "60"))]
    for one in both:
        assert one.stdout
        assert one.stdout.readline() == "ready\n"
    for one in both:
        assert one.stdin
        one.stdin.write("go\n")
        one.stdin.flush()
    assert [said(one).split()[-1] for one in both] == ["True", "True"]
    assert ground.ran == once(60)
    jobs = ground.cluster.runs["both"]
    assert sorted(int(result.text) for result in jobs.results(timeout=PATIENCE)) == list(range(60))


def test_a_service_deleted_under_a_map_is_named_soon(sandbox: Any, ground: Ground) -> None:
    ground.gate.touch()
    jobs = ground.cluster.map(ROUGH, text=[str(number) for number in range(30)])
    until(lambda: ground.ran)
    elsewhere = oscar.connect(endpoint=sandbox.endpoint, user=sandbox.user, password=sandbox.password)
    elsewhere.delete(ROUGH)
    began = time.monotonic()
    with pytest.raises(errors.ServiceNotFound, match=rf'"{ROUGH}" was deleted'):
        jobs.results(timeout=PATIENCE)
    assert time.monotonic() - began < 20
    with pytest.raises(errors.ServiceNotFound):
        jobs.wait(timeout=PATIENCE)
    assert jobs.counts == {"failed": 30}
    elsewhere.close()


def test_other_maps_do_not_care_that_a_service_was_deleted(sandbox: Any, ground: Ground, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    other = Ground(ground.cluster, folder, "other")
    ground.gate.touch()
    other.gate.touch()
    jobs = ground.cluster.map(ROUGH, text=["1"])
    others = ground.cluster.map("other", text=["1"])
    until(lambda: ground.ran and other.ran)
    elsewhere = oscar.connect(endpoint=sandbox.endpoint, user=sandbox.user, password=sandbox.password)
    elsewhere.delete(ROUGH)
    elsewhere.close()
    with pytest.raises(errors.ServiceNotFound):
        jobs.wait(PATIENCE)
    other.gate.unlink()
    assert others.wait(PATIENCE).counts == {"done": 1}


def test_a_service_changed_under_a_map_ends_the_sending(odd: Any, sandbox: Any, ground: Ground) -> None:
    """By another kernel, between two calls: what was taken goes on, and that not all ran the same is said."""
    go = threading.Event()
    with odd.counted(sandbox.endpoint) as (url, desk):
        far = oscar.connect(endpoint=url, user=sandbox.user, password=sandbox.password)

        def held(asked: str) -> None:
            if asked == f"POST /job/{ROUGH}" and desk.count(asked) > 10:
                go.wait(PATIENCE)

        desk.refuse = held
        jobs = far.map(ROUGH, text=[str(number) for number in range(20)])
        until(lambda: len(ground.ran) == 10)
        began = time.monotonic()
        ground.deploy(turn=2)
        go.set()
        with pytest.raises(errors.RunChanged, match=f'"{ROUGH}" was changed'):
            jobs.wait(PATIENCE)
        assert time.monotonic() - began < 20
        assert jobs.counts == {"done": 20}
        assert desk.count(f"GET /system/services/{ROUGH}") == 2
        far.close()


def test_a_service_changed_in_the_same_kernel_takes_no_more(sandbox: Any, ground: Ground) -> None:
    ground.gate.touch()
    jobs = ground.cluster.map(ROUGH, text=[str(number) for number in range(1000)])
    until(lambda: ground.ran)
    ground.deploy(turn=2)
    with pytest.raises(errors.RunChanged, match="was changed while"):
        jobs.cancel().wait(PATIENCE)
    assert len(ground.jobs) < 1000


def test_names_that_point_elsewhere_stay_in_the_folder(ground: Ground, tmp_path: Path) -> None:
    ground.deploy(
        """#!/bin/sh
cd "$TMP_OUTPUT_DIR"
mkdir -p a/b etc "..." "a..b"
for name in "a/b/deep" "etc/passwd" "two
lines" "-rf" ".hidden" "back\\\\slash" "...''/x" "a..b/..c" "~" "C:x"; do echo inside > "$name"; done
ln -s /etc/passwd link
""".replace("''", "")
    )
    target = tmp_path / "here" / "results"
    paths = ground.cluster.map(ROUGH, text=["1"]).save(target)
    assert len(paths) >= 9
    for path in paths:
        assert target.resolve() in path.resolve().parents, path
        assert path.read_text() == "inside\n"
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["results"]


def test_whatever_a_store_calls_an_output_its_name_stays_below(tmp_path: Path) -> None:
    from jupyter_oscar.notebook import views

    for name in ("../x", "/etc/x", "a/../../x", "..", "", "a\nb", "..\\x", "./../x", "C:\\x", "\0"):
        assert (tmp_path / "in" / views.safe_name(name)).resolve().is_relative_to((tmp_path / "in").resolve()), name


FULL = """
import resource
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
jobs = cluster.map(ROUGH, text=["x" * size for size in (10, 20, 3_000_000, 40)]).wait(120)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
try:
    jobs.save(given[0])
except oscar.errors.NotSaved as error:
    print(str(error).replace(chr(10), " "))
print(sorted(str(path.relative_to(given[0])) for path in Path(given[0]).rglob("*") if path.is_file()))
"""


def test_a_disk_that_is_full_leaves_whole_files_and_says_so(sandbox: Any, ground: Ground, tmp_path: Path) -> None:
    ground.deploy('#!/bin/sh\ncp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR/"\n')
    words, there = said(kernel(sandbox, FULL, str(tmp_path / "results"))).splitlines()
    assert "could not be saved" in words
    assert str(tmp_path / "results") in words
    assert "of 4 are there" in words
    assert "Make room" in words
    assert "00002.txt" not in there
    assert ".part" not in there


def test_storage_that_goes_away_for_a_moment_is_borne(odd: Any, sandbox: Any, ground: Ground) -> None:
    with odd.cut(sandbox.s3_endpoint) as (url, line):
        far = oscar.connect(endpoint=sandbox.endpoint, user=sandbox.user, password=sandbox.password, storage=url)
        jobs = far.map(ROUGH, text=[str(number) for number in range(60)])
        until(lambda: len(ground.ran) >= 10)
        with line.away():
            time.sleep(2)
        assert len(jobs.results(timeout=PATIENCE)) == 60
        far.close()
    assert ground.ran == once(60)


def test_a_cluster_that_answers_500_once_is_asked_again_only_where_that_was_said(
    odd: Any, sandbox: Any, ground: Ground
) -> None:
    with odd.counted(sandbox.endpoint) as (url, desk):
        far = oscar.connect(endpoint=url, user=sandbox.user, password=sandbox.password)
        refused: list[str] = []

        def refuse_one(asked: str) -> int | None:
            if asked.startswith("POST /job/") and not refused:
                refused.append(asked)
                return 500
            return None

        desk.refuse = refuse_one
        jobs = far.map(ROUGH, text=["1", "2", "3"]).wait(PATIENCE)
        assert jobs.counts == {"done": 2, "failed": 1}
        refused.clear()
        jobs = far.map(ROUGH, text=["4", "5", "6"], retries=1).wait(PATIENCE)
        assert jobs.counts == {"done": 3}
        assert refused
        far.close()
    assert set(ground.ran.values()) == {1}


def test_what_the_cluster_fails_is_sent_again_and_what_the_script_fails_is_not(a_sandbox: Any, tmp_path: Path) -> None:
    """A job that is removed from the cluster is nobody's fault; an exit code is."""
    box = a_sandbox(jobs=8)
    ground = Ground(oscar.connect(endpoint=box.endpoint, user=box.user, password=box.password), tmp_path)
    ground.gate.touch()
    ground.bad.touch()
    jobs = ground.cluster.map(ROUGH, text=["bad", "good", "lost", *map(str, range(5))], retries=1)
    until(lambda: len(ground.ran) == 8)
    bridge.run(ground.cluster.client.jobs.delete(ROUGH, jobs[2].id))
    until(lambda: ground.ran["lost"] == 2)
    ground.gate.unlink()
    assert jobs.wait(PATIENCE).counts == {"done": 7, "failed": 1}
    assert ground.ran["bad"] == 1
    ground.bad.unlink()
    assert jobs.retry().wait(PATIENCE).counts == {"done": 8}
    ground.cluster.close()


def test_cancelling_ends_all_and_nothing_runs_on(ground: Ground) -> None:
    ground.gate.touch()
    jobs = ground.cluster.map(ROUGH, text=[str(number) for number in range(60)], run="stopped")
    until(lambda: ground.ran)
    jobs.cancel()
    assert set(jobs.wait(PATIENCE).counts) == {"cancelled"}
    assert not [row for row in ground.jobs.values() if row.status in {"Pending", "Running", "Suspended"}]
    ground.gate.unlink()
    before = sum(ground.ran.values())
    assert before < 60
    assert ground.cluster.map(ROUGH, text=[str(number) for number in range(60)], run="stopped").wait(
        PATIENCE
    ).counts == {"done": 60}


def test_wrong_inputs_are_refused_before_anything_is_sent(ground: Ground, tmp_path: Path) -> None:
    (tmp_path / "here.txt").write_text("here")
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"files": [tmp_path / "here.txt", tmp_path / "gone.txt"]}, "no file"),
        ({"files": [tmp_path]}, "is a folder"),
        ({"files": ["words"]}, "could be a file or words"),
        ({"files": [f"s3://{ROUGH}"]}, "names no object"),
        ({"files": "abc"}, "several inputs"),
        ({"files": 3}, "several inputs"),
        ({"files": {"a": 1}}, "several inputs"),
        ({"files": [object()]}, "cannot be sent"),
        ({"text": ["1", 2]}, "no text but int"),
        ({"data": [{1, 2}]}, "cannot be sent"),
        ({}, "no inputs"),
        ({"text": ["1"], "data": [1]}, "more than once"),
        ({"text": ["1"], "run": "a/b"}, "cannot name a run"),
        ({"text": ["1"], "run": ""}, "cannot name a run"),
        ({"text": ["1"], "retries": -1}, "sent again"),
        ({"text": ["1"], "retries": 99}, "sent again"),
    ]
    for given, words in wrong:
        with pytest.raises((errors.InvalidRequest, errors.FileMissing), match=words):
            ground.cluster.map(ROUGH, given.pop("files", None), **given)
    with pytest.raises(errors.ServiceNotFound):
        ground.cluster.map("nosuch", text=["1"])
    assert not ground.jobs
    assert len(ground.cluster.map(ROUGH, text=[])) == 0
    assert ground.cluster.map(ROUGH, text=[]).results() == []


def test_no_secret_is_in_what_a_map_shows(sandbox: Any, ground: Ground) -> None:
    ground.bad.touch()
    cluster = ground.cluster
    keys = bridge.run(cluster.client.config()).minio_provider
    token = bridge.run(cluster.client.services.get(ROUGH)).token.get_secret_value()
    secrets = {sandbox.password, keys.secret_key.get_secret_value(), token}
    jobs = cluster.map(ROUGH, text=["bad", "1"], run="told").wait(PATIENCE)
    shown = [repr(jobs), jobs._repr_html_(), str(jobs.static()), repr(cluster.runs), repr(jobs[0]), repr(vars(jobs))]
    shown += [repr(jobs._engine.items), repr(jobs._engine.manifest), repr(jobs._engine.options)]
    for bad in (jobs.results, jobs[0].result, lambda: cluster.map("nosuch", text=["1"])):
        try:
            bad()
        except errors.OscarError as error:
            # With what every frame below this one holds, as IPython's verbose mode shows it.
            below = error.__traceback__ and error.__traceback__.tb_next
            told = traceback.TracebackException(type(error), error, below, capture_locals=True)
            shown.append("".join(told.format()))
    assert len(shown) > 9
    for secret in secrets:
        assert not [words for words in shown if secret in words]
