"""Many inputs to one service: in order, resumed by name, never twice, and honest about what failed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
import time
from typing import TYPE_CHECKING, Any

import pytest
from sandbox_user import new_name

from jupyter_oscar.client.errors import InvalidRequest, MapFailed, ObjectNotFound, OscarError
from jupyter_oscar.notebook import inputs
from jupyter_oscar.notebook.bridge import bridge
from jupyter_oscar.notebook.maps import Map

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FDL = """\
functions:
  oscar:
    - oscar-cluster:
        name: {name}
        image: docker.io/library/busybox
        cpu: "0.1"
        memory: 64Mi
        labels: {{jupyter-oscar/tracked: "true"}}
        script: script.sh
        input: [{{storage_provider: minio.default, path: {name}/in}}]
        output: [{{storage_provider: minio.default, path: {name}/out}}]
"""
# A word that is no number ends with exit 3; a flag beside the input's number makes it end well.
SCRIPT = """#!/bin/sh
said=$(cat "$INPUT_FILE_PATH")
echo "said $said"
case "$said" in bad*) [ -e "{flag}" ] || exit 3;; esac
echo "$said" > "$TMP_OUTPUT_DIR/out.txt"
"""


@pytest.fixture
def twice(cluster: Any, tmp_path: Path) -> str:
    """A tracked service that copies what it is sent."""
    return deployed(cluster, tmp_path, new_name("maps"))


def deployed(cluster: Any, folder: Path, name: str, script: str = SCRIPT) -> str:
    (folder / "fdl.yaml").write_text(FDL.format(name=name))
    (folder / "script.sh").write_text(script.format(flag=folder / "flag"))
    cluster.deploy(folder / "fdl.yaml", update=True)
    return name


def jobs_of(cluster: Any, service: str) -> dict[str, Any]:
    """The jobs that the cluster itself has."""
    found: dict[str, Any] = bridge.run(cluster.client.jobs.list(service))
    return found


def test_results_come_in_the_order_of_the_inputs_and_jobs_by_number_and_name(cluster: Any, twice: str) -> None:
    jobs = cluster.map(twice, text=[str(number) for number in range(30)])
    assert [result.text.strip() for result in jobs.results()] == [str(number) for number in range(30)]
    assert len(jobs) == 30
    assert jobs[3].result().text.strip() == "3"
    assert jobs["00004.txt"].input == "00004.txt"
    assert jobs.counts == {"done": 30}
    assert repr(jobs).endswith("30 of 30")
    assert cluster.job(jobs[7].reference).result().text.strip() == "7", "found again by its reference"
    assert len(jobs_of(cluster, twice)) == 30
    with pytest.raises(ObjectNotFound, match="no input"):
        jobs["nobody.txt"]


def test_they_come_as_they_end_for_loops_of_both_kinds(cluster: Any, twice: str) -> None:
    jobs = cluster.map(twice, text=["1", "2", "3"])
    assert {job.input for job in jobs.as_completed()} == {"00000.txt", "00001.txt", "00002.txt"}

    async def all_of_them() -> set[str]:
        return {job.input async for job in jobs.as_completed()}

    assert asyncio.run(all_of_them()) == {"00000.txt", "00001.txt", "00002.txt"}


def test_files_objects_and_values_are_inputs_and_a_string_is_not_guessed(
    cluster: Any, twice: str, tmp_path: Path
) -> None:
    file = tmp_path / "one.txt"
    file.write_text("from a file")
    first = cluster.map(twice, [file])[0].result()
    again = cluster.map(twice, [first[0], first[0].path, {"a": 1}]).results()
    assert [result.text.strip() for result in again] == ["from a file", "from a file", '{"a": 1}']
    with pytest.raises(InvalidRequest, match="could be a file or words"):
        cluster.map(twice, ["one.txt"])
    with pytest.raises(InvalidRequest, match="several inputs"):
        cluster.map(twice, "abc")


def test_what_failed_is_named_left_out_or_sent_again(cluster: Any, twice: str, tmp_path: Path) -> None:
    jobs = cluster.map(twice, text=["1", "bad", "3"])
    with pytest.raises(MapFailed, match="1 of 3 calls") as failed:
        jobs.results()
    assert "exit code 3" in str(failed.value)
    assert list(failed.value.errors) == ["00001.txt"]
    assert [result.text.strip() for result in jobs.results(errors="skip")] == ["1", "3"]
    assert isinstance(jobs.results(errors="return")[1], OscarError)
    assert [job.input for job in jobs.failed] == ["00001.txt"]

    (tmp_path / "flag").touch()
    assert [result.text.strip() for result in jobs.retry().results()] == ["1", "bad", "3"]


def test_a_script_that_ends_badly_is_sent_again_only_when_that_is_asked_for(
    cluster: Any, twice: str, tmp_path: Path
) -> None:
    assert cluster.map(twice, text=["bad"], retries=2).wait().counts == {"failed": 1}
    assert len(jobs_of(cluster, twice)) == 1
    assert cluster.map(twice, text=["bad"], script_retries=1).wait().counts == {"failed": 1}
    assert len(jobs_of(cluster, twice)) == 3


def test_inputs_that_come_slowly_are_sent_as_they_come(cluster: Any, twice: str) -> None:
    """The second waits for what came of the first."""
    begun: list[Any] = []

    def texts() -> Iterator[str]:
        yield "1"
        while not begun:
            time.sleep(0.01)
        yield begun[0][0].result().text.strip() + "1"

    engine = Map.start(cluster, twice, inputs.many(None, texts(), None), first=1)
    begun.append(engine)
    assert [result.text.strip() for result in engine.results(timeout=60)] == ["1", "11"]


def test_outputs_of_the_same_name_do_not_overwrite_each_other(cluster: Any, twice: str, tmp_path: Path) -> None:
    paths = cluster.map(twice, text=["1", "2"]).save(tmp_path / "results")
    assert sorted(path.read_text().strip() for path in paths) == ["1", "2"]
    assert all(tmp_path / "results" in path.parents for path in paths)


def test_cancelling_ends_what_runs_and_sends_nothing_more(cluster: Any, tmp_path: Path) -> None:
    name = deployed(cluster, tmp_path, new_name("sleeps"), "#!/bin/sh\nsleep 600\n")
    jobs = cluster.map(name, text=[str(number) for number in range(20)])
    jobs[0].accepted()
    jobs.cancel().wait(timeout=60)
    assert set(jobs.counts) <= {"cancelled"}


def test_the_same_run_again_sends_nothing_and_knows_the_ends_and_what_changed_is_refused(
    cluster: Any, twice: str, tmp_path: Path
) -> None:
    files = [tmp_path / f"{number}.txt" for number in range(5)]
    for file in files:
        file.write_text(file.stem)
    cluster.map(twice, files, run="cats").wait()
    again = cluster.map(twice, files, run="cats")
    assert [result.text.strip() for result in again.results()] == ["0", "1", "2", "3", "4"]
    assert len(jobs_of(cluster, twice)) == 5

    more = tmp_path / "5.txt"
    more.write_text("5")
    assert len(cluster.map(twice, [*files, more], run="cats").results()) == 6
    assert len(jobs_of(cluster, twice)) == 6
    assert "cats" in repr(cluster.runs)

    files[2].write_text("another")
    with pytest.raises(OscarError, match=r"2\.txt"):
        cluster.map(twice, [*files, more], run="cats").wait()
    files[2].write_text("2")
    deployed(cluster, tmp_path, twice, SCRIPT + "# changed\n")
    with pytest.raises(OscarError, match="cats"):
        cluster.map(twice, [*files, more], run="cats").wait()


PROGRAM = """
import sys
import jupyter_oscar as oscar
cluster = oscar.connect(endpoint=sys.argv[1], user=sys.argv[2], password=sys.argv[3])
jobs = cluster.map(sys.argv[4], text=[str(number) for number in range(60)], run="two")
print("started", flush=True)
jobs.wait(120)
print(jobs.counts, flush=True)
"""


def kernel(sandbox: Any, service: str) -> subprocess.Popen[str]:
    arguments = [sandbox.endpoint, sandbox.user, sandbox.password, service]
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), *arguments], stdout=subprocess.PIPE, text=True
    )


def test_two_kernels_on_one_run_send_no_call_twice(sandbox: Any, cluster: Any, twice: str) -> None:
    both = [kernel(sandbox, twice), kernel(sandbox, twice)]
    said = [one.communicate(timeout=150)[0] for one in both]
    assert all("{'done': 60}" in words for words in said), said
    assert len(jobs_of(cluster, twice)) == 60
