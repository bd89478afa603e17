"""Functions on a sandbox: there and back, errors, forgeries, batches, another day, another machine."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import jupyter_oscar as oscar
from jupyter_oscar.client import remote
from jupyter_oscar.client.errors import (
    FunctionFailed,
    InvalidRequest,
    JobFailed,
    MapFailed,
    NotPicklable,
    OffloadUnavailable,
    ResultRefused,
    ServiceNotFound,
    VersionMismatch,
)
from jupyter_oscar.client.keys import MachineKey
from jupyter_oscar.notebook.bridge import bridge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_oscar.notebook.cluster import Cluster

PATIENCE = 60
pytestmark = pytest.mark.skipif(
    bool(os.environ.get("JUPYTER_OSCAR_TEST_CLUSTER")), reason="needs an interpreter of this machine"
)


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Jupyter's data folder of one person; runners are shared by these tests, as they are between cells."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(autouse=True)
def at_home(sandbox: Any, data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", sandbox.env["JUPYTER_RUNTIME_DIR"])
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(data_folder))


@pytest.fixture
def box(sandbox: Any) -> Iterator[Cluster]:
    """The sandbox as a cell on the same machine sees it; its runners stay for the next test."""
    one = oscar.connect(endpoint=sandbox.endpoint, user=sandbox.user, password=sandbox.password)
    yield one
    one.close()


def test_a_function_runs_here_when_called_and_there_when_submitted(box: Cluster) -> None:
    @oscar.function(cluster=box)
    def where(*parts: int, scale: int = 1) -> dict[str, Any]:
        return {"sum": sum(parts) * scale, "job": os.environ.get("JOB_UUID", "here")}

    assert where(1, 2, scale=3) == {"sum": 9, "job": "here"}
    job = where.submit(1, 2, scale=3)
    assert job.result(PATIENCE) == {"sum": 9, "job": job.id}
    assert job.status == "done"
    assert repr(job) == f"✓ where  done  {job.id}"


@pytest.mark.parametrize(
    "value",
    [
        None,
        [1, 2.5, "ä\ud800", {"a": [True, None]}, 10**400],
        (1, {2, 3}, b"\0\xff", float("nan"), 1j),
        {1: "number", (2, 3): "pair"},
        np.arange(12, dtype="<f4").reshape(3, 4).T,
        np.float32(1.5),
        np.array(["2024-01-01"], dtype="M8[D]"),
        np.array([{"an": "object"}], dtype=object),
        ValueError("a value, not a failure"),
    ],
    ids=repr,
)
def test_values_come_back_as_they_are(box: Cluster, value: Any) -> None:
    back = oscar.function(lambda given: given, cluster=box).submit(value).result(PATIENCE)
    assert type(back) is type(value)
    if isinstance(value, np.ndarray):
        assert back.dtype == value.dtype
        np.testing.assert_array_equal(back, value)
    else:
        assert repr(back) == repr(value)


def test_a_function_may_call_itself_and_others(box: Cluster) -> None:
    @oscar.function(cluster=box)
    def double(value: int) -> int:
        return 2 * value

    @oscar.function(cluster=box)
    def countdown(value: int) -> list[int]:
        return [double(value), *countdown(value - 1)] if value else []

    assert countdown.submit(3).result(PATIENCE) == [6, 4, 2]


def test_a_file_of_ones_own_goes_along(box: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scientist's ``tools.py`` beside the notebook is not installed where the function runs."""
    (tmp_path / "my_tools.py").write_text(
        "import jupyter_oscar as oscar\n"
        "class Level:\n    def __init__(self, m): self.m = m\n"
        "def double(level): return Level(level.m * 2)\n"
        "@oscar.function\ndef twice(level): return double(double(level))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import my_tools  # type: ignore[import-not-found]

    back = oscar.function(my_tools.twice.function, cluster=box).submit(my_tools.Level(2)).result(PATIENCE)
    assert back.m == 8


def test_what_it_raises_is_raised_here_with_its_lines(box: Cluster) -> None:
    class Dry(Exception):
        def __init__(self, level: float) -> None:
            self.level = level
            super().__init__(f"dry at {level}")

    @oscar.function(cluster=box)
    def read(level: float) -> float:
        if level < 0:
            raise Dry(level)
        return 1 / level

    with pytest.raises(ZeroDivisionError) as caught:
        read.submit(0).result(PATIENCE)
    assert "return 1 / level" in caught.value.__notes__[0]
    job = read.submit(-1.5)
    with pytest.raises(Dry, match=r"dry at -1\.5") as mine:
        job.result(PATIENCE)
    assert mine.value.level == -1.5
    assert job.status == "failed"
    assert "raise Dry(level)" in (job.log() or "")


def test_an_error_that_cannot_travel_comes_as_words(box: Cluster) -> None:
    @oscar.function(cluster=box)
    def awkward() -> None:
        import threading

        class Locked(Exception):
            def __init__(self) -> None:
                super().__init__("stuck")
                self.lock = threading.Lock()

        raise Locked

    with pytest.raises(FunctionFailed, match=r"awkward failed: .*stuck") as caught:
        awkward.submit().result(PATIENCE)
    assert "raise Locked" in caught.value.traceback


def test_leaving_python_is_a_failure_and_not_the_end_of_the_kernel(box: Cluster) -> None:
    with pytest.raises(FunctionFailed, match="SystemExit: 4"):
        oscar.function(lambda: sys.exit(4), cluster=box).submit().result(PATIENCE)


def test_a_crash_says_what_the_job_said(box: Cluster) -> None:
    @oscar.function(cluster=box)
    def crash() -> None:
        print("about to go")  # noqa: T201
        os._exit(9)

    with pytest.raises(JobFailed, match="exit code 9") as caught:
        crash.submit().result(PATIENCE)
    assert "about to go" in str(caught.value)


def test_what_cannot_travel_is_named_before_anything_is_sent(box: Cluster) -> None:
    lock = threading.Lock()

    @oscar.function(cluster=box)
    def guarded(value: Any) -> Any:
        with lock:
            return value

    @oscar.function(cluster=box)
    def echo(*values: Any, **named: Any) -> Any:
        return values, named

    @oscar.function(cluster=box)
    def numbers() -> Any:
        yield 1

    with pytest.raises(NotPicklable, match="guarded cannot be sent: it uses lock"):
        guarded.submit(1)
    with pytest.raises(NotPicklable, match=r"argument 2 \(lock\), gate \(lock\) cannot be pickled"):
        echo.submit(1, threading.Lock(), gate=threading.Lock())
    with pytest.raises(NotPicklable, match=r"(?s)numbers returns a generator.*list"):
        numbers.submit()
    assert box.jobs == []


def test_a_value_that_cannot_travel_is_named(box: Cluster) -> None:
    with pytest.raises(NotPicklable, match=r"returns a generator"):
        oscar.function(lambda: (n for n in range(3)), cluster=box).submit().result(PATIENCE)
    with pytest.raises(NotPicklable, match=r"its value \(lock\) cannot travel"):
        oscar.function(lambda: __import__("threading").Lock(), cluster=box).submit().result(PATIENCE)


def test_a_function_that_forks_answers_once(box: Cluster) -> None:
    @oscar.function(cluster=box)
    def forks() -> str:
        child = os.fork()
        if child:
            os.waitpid(child, 0)
        return "parent" if child else "child"

    assert forks.submit().result(PATIENCE) == "parent"


def test_a_function_that_prints_a_lot_does_not_fill_the_kernel(box: Cluster) -> None:
    @oscar.function(cluster=box)
    def chatty() -> int:
        for _ in range(100):
            print("x" * 1_000_000)  # noqa: T201
        return 7

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert chatty.submit().result(PATIENCE) == 7
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_a_large_argument_travels_and_that_is_said(box: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    @oscar.function(cluster=box)
    def total(values: Any) -> int:
        return int(values.sum())

    assert total.submit(np.ones(1_200_000)).result(PATIENCE) == 1_200_000
    assert "Arguments of total: 9.6 MB travel with every call." in capsys.readouterr().err


def test_handles_are_awaitable(box: Cluster) -> None:
    square = oscar.function(lambda n: n * n, cluster=box)

    async def cell() -> list[int]:
        return list(await asyncio.gather(*(square.submit(n) for n in range(3))))

    assert asyncio.run(cell()) == [0, 1, 4]


# -- trust


def tamper(box: Cluster, job: Any, change: Any) -> None:
    """Write to the runner's bucket what somebody else would."""
    bucket, folder = job.place
    key = f"{folder}/{remote.RESULT}"
    content = bridge.run(box.client.store.get(bucket, key))
    bridge.run(box.client.store.put(bucket, key, change(content)))


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "opened"


class Bomb:
    """A pickle that leaves a trace when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> Any:
        return Path.touch, (Path(self.path),)


def planted(job: Any, value: Any, key: bytes = b"wrong") -> bytes:
    return remote.results(key, job.id, [remote._encoded(value)], many=False)


def test_a_planted_result_is_refused_unopened(box: Cluster, marker: Path) -> None:
    job = oscar.function(lambda: 1, cluster=box).submit().wait(PATIENCE)
    tamper(box, job, lambda _: planted(job, Bomb(marker)))
    with pytest.raises(ResultRefused, match="not sealed by our runner"):
        job.result()
    assert not marker.exists()


@pytest.mark.parametrize(
    "change", [lambda c: c.replace(b"41", b"42"), lambda c: c[:-1], lambda _: b"", lambda _: b"[]"]
)
def test_an_edited_result_is_refused(box: Cluster, change: Any) -> None:
    job = oscar.function(lambda: [41], cluster=box).submit().wait(PATIENCE)
    tamper(box, job, change)
    with pytest.raises(ResultRefused):
        job.result()


def test_another_calls_result_is_refused(box: Cluster) -> None:
    first, second = (oscar.function(lambda: 1, cluster=box).submit().wait(PATIENCE) for _ in range(2))
    taken = bridge.run(box.client.store.get(first.place[0], f"{first.place[1]}/{remote.RESULT}"))
    tamper(box, second, lambda _: taken)
    with pytest.raises(ResultRefused, match="for this call"):
        second.result()
    assert first.result() == 1


def test_the_runner_runs_nothing_that_we_did_not_send(box: Cluster, marker: Path) -> None:
    job = oscar.function(lambda: 1, cluster=box).submit()
    job.result(PATIENCE)
    import cloudpickle

    forged = remote.pack(b"wrong", {"python": "3.11"}, [cloudpickle.dumps(Bomb(marker)), b""])
    odd = box.submit(job.service, data=forged).wait(PATIENCE)
    assert odd.status == "failed"
    assert "seal" in (odd.log() or "")
    assert not marker.exists()


def test_on_another_machine_plain_values_are_read_and_pickles_refused(
    box: Cluster, sandbox: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    echo = oscar.function(lambda value: value, cluster=box)
    plain, array, pickled = (echo.submit(value).wait(PATIENCE) for value in ([1], np.arange(3), {1, 2}))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    there = oscar.connect(endpoint=sandbox.endpoint, user=sandbox.user, password=sandbox.password)
    assert there.job(plain.reference).result() == [1]
    assert there.job(array.reference).result().tolist() == [0, 1, 2]
    with pytest.raises(ResultRefused, match="the key that shows who wrote it is not on this machine"):
        there.job(pickled.reference).result()
    assert not MachineKey().path.exists()
    there.close()


def test_another_day_the_value_is_there_again(box: Cluster, sandbox: Any) -> None:
    job = oscar.function(lambda: {1, 2}, cluster=box).submit().wait(PATIENCE)
    later = oscar.connect(endpoint=sandbox.endpoint, user=sandbox.user, password=sandbox.password)
    assert later.job(job.reference).result() == {1, 2}
    later.close()


def test_the_key_shows_nowhere(box: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    seen = oscar.function(lambda: dict(os.environ), cluster=box)
    job = seen.submit()
    environment = job.result(PATIENCE)
    assert remote.KEY not in environment
    service = box.services[job.service]
    key = MachineKey().derive(service.annotations["jupyter-oscar/key"].partition(".")[2])
    assert key is not None
    words = [
        repr(service),
        repr(job),
        repr(seen),
        repr(oscar.runners(box)),
        oscar.runners(box)._repr_html_(),
        repr(key),
        job.log(raw=True),
        json.dumps(bridge.run(box.client.services.rows())),
        "".join(capsys.readouterr()),
    ]
    for secret in (key.get_secret_value(), MachineKey().path.read_text().strip()):
        assert not [word for word in words if secret in str(word)]
    assert MachineKey().path.stat().st_mode & 0o777 == 0o600


# -- runners


def test_a_runner_is_announced_made_once_listed_and_removed(box: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    small = oscar.function(lambda: 1, cluster=box, memory="300Mi")
    job = small.submit()
    assert f"Making a runner for Python {sys.version_info[0]}.{sys.version_info[1]}" in capsys.readouterr().err
    small.submit().result(PATIENCE)
    job.result(PATIENCE)
    assert "Making" not in capsys.readouterr().err
    service = box.services[job.service]
    assert (service.memory, service.visibility, len(service.name)) == ("300Mi", "private", 22)
    runners = oscar.runners(box)
    assert job.service in repr(runners)
    assert "this machine" in runners._repr_html_()
    runners.remove(job.service)
    assert f"with its bucket {job.service}" in capsys.readouterr().out
    assert job.service not in oscar.runners(box)
    # And again, as if nothing had been.
    assert small.submit().result(PATIENCE) == 1


def test_a_runner_that_somebody_removed_is_made_anew(box: Cluster, sandbox: Any) -> None:
    one = oscar.function(lambda: 1, cluster=box, memory="310Mi")
    first = one.submit()
    assert first.result(PATIENCE) == 1
    other = oscar.connect(endpoint=sandbox.endpoint, user=sandbox.user, password=sandbox.password)
    oscar.runners(other).remove(first.service)
    with pytest.raises(ServiceNotFound, match="removed after it was last used"):
        one.submit().result(PATIENCE)
    assert one.submit().result(PATIENCE) == 1
    other.close()


def test_a_real_cluster_needs_an_image_with_this_python(
    sandbox: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cluster that is not known as a sandbox of this machine is taken for a real one."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    far = oscar.connect(endpoint=sandbox.endpoint, user=sandbox.user, password=sandbox.password)
    with pytest.raises(InvalidRequest, match="image="):
        oscar.function(lambda: 1, cluster=far).submit()
    with pytest.raises(VersionMismatch, match=r"python:2?3\.99-slim holds Python 3\.99, and this is Python 3\."):
        oscar.function(lambda: 1, cluster=far, image="docker.io/python:3.99-slim").submit()
    assert oscar.function(lambda: 1, cluster=far, image="somebody/tools:1").submit().result(PATIENCE) == 1
    far.close()


def test_hpc_is_refused_and_never_run_elsewhere(box: Cluster) -> None:
    there = oscar.function(lambda: 1, cluster=box).on(node="vega-new-vk", time="00:30:00", gpus=1)
    assert there() == 1
    with pytest.raises(OffloadUnavailable, match="vega-new-vk"):
        there.submit()
    with pytest.raises(OffloadUnavailable):
        there.map([1])
    assert box.jobs == []


def test_another_python_is_told_with_both_versions(box: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    from jupyter_oscar.notebook import values

    told = values.header
    monkeypatch.setattr(values, "header", lambda *args, **more: {**told(*args, **more), "python": "3.9"})
    with pytest.raises(VersionMismatch, match=r"written with Python 3\.9, and its runner has 3\.\d+"):
        oscar.function(lambda: 1, cluster=box).submit().result(PATIENCE)


# -- maps


def test_a_map_shares_jobs_and_keeps_the_order(box: Cluster) -> None:
    jobs = oscar.function(lambda a, b: a * b, cluster=box).map(range(23), range(23), batch=10)
    assert jobs.results(timeout=PATIENCE) == [n * n for n in range(23)]
    assert len(jobs) == 23
    assert len(jobs.jobs) == 3


def test_one_that_fails_in_a_batch_fails_alone(box: Cluster) -> None:
    @oscar.function(cluster=box)
    def invert(value: Any) -> float:
        return 1 / value

    jobs = invert.map([1, 0, 4, None, 5], batch=5)
    found = jobs.results("return", PATIENCE)
    assert [found[0], found[2], found[4]] == [1, 0.25, 0.2]
    assert [type(found[1]), type(found[3])] == [ZeroDivisionError, TypeError]
    assert jobs.results("skip") == [1, 0.25, 0.2]
    with pytest.raises(MapFailed, match=r"2 of 5 calls of invert failed") as caught:
        jobs.results()
    assert list(caught.value.errors) == ["1", "3"]


def test_a_job_that_dies_fails_only_its_own_calls(box: Cluster) -> None:
    jobs = oscar.function(lambda n: os._exit(3) if n == 2 else n, cluster=box).map(range(6), batch=2)
    found = jobs.results("return", PATIENCE)
    assert found[:2] + found[4:] == [0, 1, 4, 5]
    assert [type(one) for one in found[2:4]] == [JobFailed, JobFailed]
    with pytest.raises(MapFailed, match="2 of 6") as caught:
        jobs.results()
    assert list(caught.value.errors) == ["2", "3"]


def test_packages_that_are_there_are_not_installed_again(box: Cluster) -> None:
    import_numpy = oscar.function(lambda: __import__("numpy").__version__, cluster=box, packages=["numpy>=1", "numpy"])
    job = import_numpy.submit()
    assert job.result(PATIENCE) == np.__version__
    assert job.log() == ""


def test_a_batch_is_chosen_from_measured_times(box: Cluster) -> None:
    quick = oscar.function(lambda n: n, cluster=box)
    first = quick.map(range(100))
    assert first.results(timeout=PATIENCE) == list(range(100))
    assert len(first.jobs) == 3, "one that is measured, and two that share the rest"
    assert len(quick.map(range(100)).wait(PATIENCE).jobs) == 2


def test_what_cannot_be_measured_is_cut_in_many(box: Cluster) -> None:
    def odd(n: int) -> int:
        if not n:
            os._exit(3)
        return n

    jobs = oscar.function(odd, cluster=box).map(range(81))
    found = jobs.results(errors="return", timeout=PATIENCE)
    assert isinstance(found[0], Exception)
    assert found[1:] == list(range(1, 81))
    assert len(jobs.jobs) == 41


RUN = """
import sys
import jupyter_oscar as oscar
cluster = oscar.connect(endpoint=sys.argv[1], user=sys.argv[2], password=sys.argv[3])
@oscar.function(cluster=cluster)
def add(a, b):
    with open(FILE, "a") as file:
        file.write(f"{a}\\n")
    return WHAT
jobs = add.map(range(50), range(50), run="sums")
print(jobs.results(timeout=60) == [2 * n for n in range(50)], len(jobs.jobs), flush=True)
"""


def test_a_named_run_of_a_function_is_gone_on_with_by_another_kernel(box: Cluster, sandbox: Any, tmp_path: Any) -> None:
    """The batches are those that the first kernel chose, though it measured and the other did not."""
    file = tmp_path / "ran"

    def kernel(what: str) -> subprocess.CompletedProcess[str]:
        program = RUN.replace("FILE", repr(str(file))).replace("WHAT", what)
        command = [sys.executable, "-c", program, sandbox.endpoint, sandbox.user, sandbox.password]
        return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)

    assert kernel("a + b").stdout.split() == ["True", "3"]
    again = kernel("a + b")
    assert again.stdout.split() == ["True", "3"], again.stderr
    assert sorted(map(int, file.read_text().split())) == list(range(50)), "each was run once"
    assert "RunChanged" in kernel("a - b").stderr


AGAIN = """
import sys
import jupyter_oscar as oscar
cluster = oscar.connect(endpoint=sys.argv[1], user=sys.argv[2], password=sys.argv[3])
print(cluster.job(sys.argv[4]).result(30))
"""


def test_a_kernel_that_was_restarted_finds_the_values_of_a_batch(box: Cluster, sandbox: Any) -> None:
    jobs = oscar.function(lambda n: {n}, cluster=box).map([1, 2], batch=2)
    jobs.wait(PATIENCE)
    command = [sys.executable, "-c", AGAIN, sandbox.endpoint, sandbox.user, sandbox.password, jobs.jobs[0].reference]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert said.stdout.strip() == "[{1}, {2}]", said.stderr
