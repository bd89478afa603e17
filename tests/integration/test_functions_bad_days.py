"""Functions that print without end, leave something running, or whose runner is taken away."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

import jupyter_oscar as oscar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_oscar.notebook.cluster import Cluster

PATIENCE = 60
pytestmark = pytest.mark.skipif(
    bool(os.environ.get("JUPYTER_OSCAR_TEST_CLUSTER")), reason="needs an interpreter of this machine"
)


@pytest.fixture(autouse=True)
def at_home(sandbox: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", sandbox.env["JUPYTER_RUNTIME_DIR"])
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))


@pytest.fixture
def box(sandbox: Any) -> Iterator[Cluster]:
    """The sandbox as a cell on the same machine sees it, without runners afterwards."""
    one = oscar.connect(endpoint=sandbox.endpoint, user=sandbox.user, password=sandbox.password)
    yield one
    oscar.runners(one).remove()
    one.close()


def test_a_hundred_megabytes_of_prints_leave_a_log_that_can_be_read(box: Cluster) -> None:
    def shout() -> str:
        print("first words")  # noqa: T201
        for _ in range(100):
            os.write(1, b"x" * 999_999 + b"\n")
        return "done"

    job = oscar.function(cluster=box)(shout).submit()
    assert job.result(PATIENCE) == "done"
    log = str(job.log(raw=True))
    assert "first words" in log
    assert "bytes more were printed and are left out" in log
    assert len(log) < 4_000_000


def test_a_thread_or_a_process_left_behind_does_not_keep_the_job(box: Cluster) -> None:
    def thread() -> str:
        threading.Thread(target=time.sleep, args=(600,)).start()
        return "thread"

    def process() -> str:
        subprocess.Popen(["sleep", "600"])
        return "process"

    assert oscar.function(cluster=box)(thread).submit().result(PATIENCE) == "thread"
    assert oscar.function(cluster=box)(process).submit().result(PATIENCE) == "process"


def test_a_runner_that_somebody_removed_is_made_again(box: Cluster, sandbox: Any) -> None:
    function = oscar.function(cluster=box)(lambda x: x + 1)
    assert function.submit(1).result(PATIENCE) == 2
    other = oscar.connect(endpoint=sandbox.endpoint, user=sandbox.user, password=sandbox.password)
    oscar.runners(other).remove()
    other.close()
    # What is known of a service is not asked for again before each call, so one call may find it gone.
    with pytest.raises(oscar.errors.NotFound):
        function.submit(1).result(PATIENCE)
    assert function.submit(1).result(PATIENCE) == 2
    oscar.runners(box).remove()
    assert function.map([1, 2], batch=1).results(timeout=PATIENCE) == [2, 3]
