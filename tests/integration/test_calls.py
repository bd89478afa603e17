"""Calls from a cell, on a sandbox: submitted, watched, found again, cancelled, failed."""

from __future__ import annotations

import asyncio
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from sandbox_user import new_name

import jupyter_oscar as oscar
from jupyter_oscar.client.errors import (
    FileMissing,
    InvalidRequest,
    JobCancelled,
    JobFailed,
    JobNotFound,
    ObjectNotFound,
    OutputsNotAttributable,
    ServiceNotFound,
    TimedOut,
    TrackingRefused,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_oscar.notebook.cluster import Cluster

# A real cluster pulls images first.
PATIENCE = 300 if os.environ.get("JUPYTER_OSCAR_TEST_CLUSTER") else 60
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def deploy(cluster: Cluster, tmp_path: Path) -> Callable[..., str]:
    """Deploy a script as a service and return its name."""

    def make(script: str, *, tracked: bool = True, more: str = "") -> str:
        name = new_name()
        folder = tmp_path / f"fdl-{name}"
        folder.mkdir()
        (folder / "script.sh").write_text("#!/bin/sh\n" + textwrap.dedent(script))
        label = 'labels: {jupyter-oscar/tracked: "true"}' if tracked else ""
        (folder / "fdl.yaml").write_text(
            f"functions: {{oscar: [{{c: {{name: {name}, image: busybox, script: script.sh,"
            f" input: [{{path: {name}/in}}],"
            f" output: [{{path: {name}/out}}], {label or 'labels: {}'} {more}}}}}]}}\n"
        )
        cluster.deploy(folder / "fdl.yaml")
        return name

    return make


@pytest.fixture
def example(cluster: Cluster, tmp_path: Path) -> Callable[[str], str]:
    """Deploy an example under a name of its own and return that."""

    def make(stem: str) -> str:
        name = new_name(stem)
        folder = shutil.copytree(EXAMPLES / stem, tmp_path / name)
        file = folder / "fdl.yaml"
        file.write_text(re.sub(rf"(name|path): {stem}\b", rf"\1: {name}", file.read_text()))
        cluster.deploy(file)
        return name

    return make


COPY = 'cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR/"\necho copied\n'


def test_a_picture_is_sent_and_its_grey_twin_comes_back(
    cluster: Cluster, example: Callable[..., str], tmp_path: Path
) -> None:
    job = cluster.submit(example("grayify"), EXAMPLES / "inputs" / "lake.png")
    result = job.result(PATIENCE)
    assert [output.name for output in result] == ["lake_gray.png"]
    assert Image.open(io.BytesIO(result.content)).mode == "L"
    assert Image.open(result.save(tmp_path)[0]).size == (720, 480)
    assert job.log() == "lake.png: PNG, 720 x 480\nwrote lake_gray.png"
    assert job.status == "done"
    assert "image/png" in result._repr_mimebundle_()


def test_a_table_is_sent_and_two_outputs_come_back(cluster: Cluster, example: Callable[..., str]) -> None:
    result = cluster.submit(example("gauges"), EXAMPLES / "inputs" / "levels.csv").result(PATIENCE)
    assert [output.name for output in result] == ["monthly.csv", "summary.json"]
    assert result["summary.json"].json()["Old Ferry"]["days"] == 730
    assert result["monthly.csv"].text.startswith("gauge,month,days,mean_m,max_m\n")
    with pytest.raises(ObjectNotFound, match="2 outputs"):
        _ = result.content


def test_a_text_is_counted_at_once(cluster: Cluster, example: Callable[..., str]) -> None:
    name = example("wordcount")
    assert cluster.run(name, EXAMPLES / "inputs" / "ferry.txt").json()["words"] == 84
    assert cluster.run(name, "Größe zählt. Wirklich!").json()["sentences"] == 2


def test_a_call_is_found_again_on_another_day(cluster: Cluster, deploy: Callable[..., str], sandbox: Any) -> None:
    job = cluster.submit(deploy(COPY), text="hello").wait(PATIENCE)
    program = f"""
        import jupyter_oscar as oscar
        cluster = oscar.connect(endpoint={sandbox.endpoint!r}, user={sandbox.user!r}, password={sandbox.password!r})
        job = cluster.job({job.reference!r})
        print(job.status, job.input, job.result().text, job.log())
    """
    said = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True, timeout=60
    )
    assert said.stdout.split() == ["done", "input.txt", "hello", "copied"]


def test_calls_that_write_the_same_name_do_not_mix(cluster: Cluster, deploy: Callable[..., str]) -> None:
    name = deploy('cat "$INPUT_FILE_PATH" >"$TMP_OUTPUT_DIR/out.txt"\n')
    jobs = [cluster.submit(name, text=f"call {i}") for i in range(6)]
    assert [job.result(PATIENCE).text for job in jobs] == [f"call {i}" for i in range(6)]


def test_a_failing_script_says_so_although_oscar_says_succeeded(
    cluster: Cluster, deploy: Callable[..., str], sandbox: Any
) -> None:
    name = deploy("echo so far so good\necho and then not >&2\nexit 7\n")
    job = cluster.submit(name, text="x")
    with pytest.raises(JobFailed, match="exit code 7") as caught:
        job.result(PATIENCE)
    assert caught.value.exit_code == 7
    assert caught.value.lines[-2:] == ("so far so good", "and then not")
    assert job.status == "failed"
    run = oscar.notebook.bridge.bridge.run
    while (status := run(cluster.client.jobs.list(name))[job.id].status) == "Running":
        time.sleep(0.02)
    assert status == "Succeeded"


def test_odd_names_of_files_survive(cluster: Cluster, deploy: Callable[..., str], tmp_path: Path) -> None:
    name = deploy(COPY)
    for odd_name in (
        "two  spaces & ümlaut #1.txt",
        "a%20b+c=d.tar.gz",
        "-dash",
        "'quote' \"double\" [1]{2}*?.txt",
        "x" * 200,
    ):
        file = tmp_path / odd_name
        file.write_text(odd_name)
        result = cluster.submit(name, file).result(PATIENCE)
        assert result.text == odd_name


def test_an_untracked_service_keeps_outputs_apart_by_the_inputs_name(
    cluster: Cluster, deploy: Callable[..., str]
) -> None:
    name = deploy('cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR/up-$(basename "$INPUT_FILE_PATH")"\n', tracked=False)
    jobs = [cluster.submit(name, text=f"call {i}") for i in range(3)]
    for i, job in enumerate(jobs):
        assert job.result(PATIENCE).text == f"call {i}"
        assert job.status == "done"


def test_an_untracked_output_that_could_be_anybodys_is_not_guessed(
    cluster: Cluster, deploy: Callable[..., str]
) -> None:
    name = deploy('cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR/out.txt"\n', tracked=False)
    job = cluster.submit(name, text="x")
    with pytest.raises(OutputsNotAttributable, match="jupyter-oscar/tracked") as caught:
        job.result(PATIENCE)
    assert caught.value.candidates == (f"{name}/out/out.txt",)


def test_a_label_without_the_prologue_is_refused(cluster: Cluster, deploy: Callable[..., str]) -> None:
    name = deploy(COPY, tracked=False)
    run = oscar.notebook.bridge.bridge.run
    service = run(cluster.client.services.get(name))
    run(cluster.client.services.update(service.model_copy(update={"labels": {"jupyter-oscar/tracked": "true"}})))
    with pytest.raises(TrackingRefused, match="Deploy it again"):
        cluster.submit(name, text="x")


def test_a_service_without_buckets_is_called_through_a_bucket_of_the_callers(
    cluster: Cluster, example: Callable[..., str]
) -> None:
    job = cluster.submit(example("wordcount"), text="one two").wait(PATIENCE)
    assert len(job.result()) == 0
    assert '"words": 2' in (job.log() or "")
    assert cluster.job(job.reference).input == "input.txt"


def test_the_log_of_a_tracked_job_comes_line_by_line(
    sandbox: Any, cluster: Cluster, deploy: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gate = tmp_path / "gate"
    job = cluster.submit(deploy(f"echo first\nwhile [ ! -e {gate} ]; do sleep 0.05; done\necho second\n"), text="x")
    lines = oscar.notebook.bridge.bridge.iterate(lambda: job._follow(raw=False))
    assert next(lines) == "first"
    assert job.status == "running"
    gate.touch()
    assert list(lines) == ["second"]
    capsys.readouterr()
    job.log(follow=True)
    assert capsys.readouterr().out == "first\nsecond\n"


def test_a_running_job_is_cancelled_and_keeps_its_log(cluster: Cluster, deploy: Callable[..., str]) -> None:
    job = cluster.submit(deploy("echo begun\nsleep 60\n"), text="x")
    while "begun" not in (job.log() or ""):
        time.sleep(0.05)
    job.cancel()
    assert job.status == "cancelled"
    assert job.log() == "begun"
    with pytest.raises(JobCancelled):
        job.result()
    again = cluster.job(job.reference)
    del cluster._jobs[job.id]
    again = cluster.job(job.reference)
    assert again.log() == "begun"
    with pytest.raises(JobCancelled):
        again.result(PATIENCE)
    job.cancel()


def test_cancelling_one_that_has_ended_changes_nothing(cluster: Cluster, deploy: Callable[..., str]) -> None:
    job = cluster.submit(deploy(COPY), text="kept").wait(PATIENCE)
    assert job.cancel().status == "done"
    assert job.result().text == "kept"


def test_waiting_gives_up_and_the_job_goes_on(
    sandbox: Any, cluster: Cluster, deploy: Callable[..., str], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    job = cluster.submit(deploy(f"while [ ! -e {gate} ]; do sleep 0.05; done\n"), text="x")
    with pytest.raises(TimedOut, match=r"not ended after 0\.3 s"):
        job.wait(timeout=0.3)
    gate.touch()
    assert job.wait(PATIENCE).status == "done"


def test_handles_are_awaitable(cluster: Cluster, deploy: Callable[..., str]) -> None:
    name = deploy(COPY)

    async def cell() -> list[str]:
        jobs = [cluster.submit(name, text=str(i)) for i in range(4)]
        return [result.text for result in await asyncio.gather(*jobs)]

    assert asyncio.run(cell()) == ["0", "1", "2", "3"]


def test_a_lost_answer_does_not_make_a_second_job(
    odd: Any, deploy: Callable[..., str], cluster: Cluster, sandbox: Any
) -> None:
    """The cluster took the job, but its answer never came: sent again under the same id, it is the same job."""
    name = deploy(COPY)
    with odd.losing_answers(sandbox.endpoint, lambda request: request.startswith(b"POST /job/")) as url:
        far = oscar.connect(endpoint=url, user=sandbox.user, password=sandbox.password)
        assert far.submit(name, text="once").result(PATIENCE).text == "once"
        far.close()
    rows = oscar.notebook.bridge.bridge.run(cluster.client.jobs.list(name))
    assert len(rows) == 1


def test_a_service_made_anew_is_called_with_its_new_token(
    cluster: Cluster, deploy: Callable[..., str], sandbox: Any, tmp_path: Path
) -> None:
    name = deploy(COPY)
    other = oscar.connect(endpoint=sandbox.endpoint, user=sandbox.user, password=sandbox.password)
    assert other.submit(name, text="a").result(PATIENCE).text == "a"
    cluster.delete(name)
    cluster.deploy(a_copying_service(tmp_path, name))
    assert other.submit(name, text="b").result(PATIENCE).text == "b"
    other.close()


def a_copying_service(folder: Path, name: str = "svc") -> Path:
    """The FDL of a tracked service that copies its input."""
    (folder / "script.sh").write_text("#!/bin/sh\n" + COPY)
    (folder / "fdl.yaml").write_text(
        f"functions: {{oscar: [{{c: {{name: {name}, image: busybox, script: script.sh, input: [{{path: {name}/in}}],"
        f' output: [{{path: {name}/out}}], labels: {{jupyter-oscar/tracked: "true"}}}}}}]}}\n'
    )
    return folder / "fdl.yaml"


def test_what_is_not_there_is_said_at_once(cluster: Cluster, deploy: Callable[..., str], tmp_path: Path) -> None:
    name = deploy(COPY)
    with pytest.raises(FileMissing, match=r"no file .*gone\.png"):
        cluster.submit(name, tmp_path / "gone.png")
    with pytest.raises(FileMissing, match="is a folder"):
        cluster.submit(name, tmp_path)
    with pytest.raises(ServiceNotFound, match="nosuch"):
        cluster.submit("nosuch", text="x")
    with pytest.raises(ServiceNotFound, match="nosuch"):
        cluster.run("nosuch", "x")
    with pytest.raises(JobNotFound, match="nosuch-1"):
        cluster.job(f"{name}/nosuch-1")
    with pytest.raises(JobNotFound, match="service/id"):
        cluster.job(name)
    with pytest.raises(InvalidRequest, match="more than once"):
        cluster.submit(name, text="x", data=b"y")
    assert oscar.notebook.bridge.bridge.run(cluster.client.jobs.list(name)) == {}


def test_a_string_that_is_also_a_file_is_not_guessed(
    cluster: Cluster, example: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = example("wordcount")
    monkeypatch.chdir(tmp_path)
    Path("cat.txt").write_text("a b c")
    with pytest.raises(InvalidRequest, match=r'Path\("cat\.txt"\)'):
        cluster.run(name, "cat.txt")
    assert cluster.run(name, Path("cat.txt")).json()["words"] == 3


INTERRUPTED = """
import _thread, sys, threading, time
import jupyter_oscar as oscar
cluster = oscar.connect(endpoint=sys.argv[1], user=sys.argv[2], password=sys.argv[3])
job = cluster.submit(sys.argv[4], text="x")
while job.status != "running":
    time.sleep(0.05)
for wait in (job.wait, job.result, lambda: job.log(follow=True), lambda: cluster.run(sys.argv[4], "x")):
    threading.Timer(0.6, _thread.interrupt_main).start()
    try:
        wait()
    except KeyboardInterrupt:
        print("interrupted")
print(job.status, len(cluster.jobs), cluster.jobs[0].reference == job.reference)
job.cancel()
"""


def test_ctrl_c_stops_the_waiting_and_nothing_else(cluster: Cluster, deploy: Callable[..., str], sandbox: Any) -> None:
    name = deploy("sleep 600\n")
    said = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, sandbox.endpoint, sandbox.user, sandbox.password, name],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert said.stdout.splitlines() == ["interrupted"] * 4 + ["running 1 True"], said.stderr


HAMMERED = """
import os, random, signal, sys, threading, time
import jupyter_oscar as oscar
cluster = oscar.connect(endpoint=sys.argv[1], user=sys.argv[2], password=sys.argv[3])
cluster.submit("svc", text="first").accepted()
over = armed = False
def interrupt(*_):  # once each time that it is waited for: one more would come while the first is being counted
    global armed
    if armed:
        armed = False
        raise KeyboardInterrupt
signal.signal(signal.SIGINT, interrupt)
def hammer():
    while not over:
        time.sleep(random.uniform(0.0005, 0.005))
        os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=hammer, daemon=True).start()
kept, hits = [], 0
while hits < 60:
    try:
        armed = True
        while True:
            kept.append(cluster.submit("svc", text="x"))
            time.sleep(0.001)
    except KeyboardInterrupt:
        hits += 1
signal.signal(signal.SIGINT, signal.SIG_IGN)
over = True
for job in cluster.jobs:
    job.accepted()
print(len(cluster.jobs), {job.id for job in kept} <= {job.id for job in cluster.jobs})
"""


def test_ctrl_c_in_the_middle_of_submitting_loses_no_handle(a_sandbox: Any, tmp_path: Path) -> None:
    """Whatever the moment of the interrupt: what the cluster took has a handle, and every handle was taken."""
    box = a_sandbox(hold=True)
    one = oscar.connect(endpoint=box.endpoint, user=box.user, password=box.password)
    one.deploy(a_copying_service(tmp_path))
    said = subprocess.run(
        [sys.executable, "-c", HAMMERED, box.endpoint, box.user, box.password],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    rows = oscar.notebook.bridge.bridge.run(one.client.jobs.list("svc"))
    assert said.stdout.split() == [str(len(rows)), "True"], said.stderr
    assert len(rows) > 20


HASTY = """
import sys
import jupyter_oscar as oscar
cluster = oscar.connect(endpoint=sys.argv[1], user=sys.argv[2], password=sys.argv[3])
for i in range(200):
    cluster.submit("svc", text=str(i))
"""


def test_a_script_that_ends_right_after_submitting_loses_no_call(a_sandbox: Any, tmp_path: Path) -> None:
    box = a_sandbox(hold=True)
    one = oscar.connect(endpoint=box.endpoint, user=box.user, password=box.password)
    one.deploy(a_copying_service(tmp_path))
    said = subprocess.run(
        [sys.executable, "-c", HASTY, box.endpoint, box.user, box.password],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    rows = oscar.notebook.bridge.bridge.run(one.client.jobs.list("svc"))
    assert len(rows) == 200, "over all pages of 70"
    assert {row.status for row in rows.values()} <= {"Pending", "Suspended"}
    assert one.job(f"svc/{min(rows)}").status in {"queued", "pending"}


def test_a_wait_survives_the_cluster_being_killed(a_sandbox: Any, tmp_path: Path) -> None:
    box = a_sandbox()
    one = oscar.connect(endpoint=box.endpoint, user=box.user, password=box.password)
    fdl = a_copying_service(tmp_path)
    (tmp_path / "script.sh").write_text(f"#!/bin/sh\nwhile [ ! -e {tmp_path}/gate ]; do sleep 0.05; done\n{COPY}")
    one.deploy(fdl)
    job = one.submit("svc", text="still here")
    while job.status != "running":
        time.sleep(0.05)
    waiting = oscar.notebook.bridge.bridge.start(job._result(60))
    box.kill()
    box.start()
    (tmp_path / "gate").touch()
    assert waiting.result(PATIENCE).text == "still here"


def test_signals_are_free_for_others() -> None:
    """Our loop thread installs no signal handler."""
    inherited = {signal.default_int_handler, signal.SIG_IGN}  # the latter from a shell that keeps Ctrl-C to itself
    assert signal.getsignal(signal.SIGINT) in inherited or os.environ.get("PYTEST_XDIST_WORKER")
