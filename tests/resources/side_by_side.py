"""Tests in two processes at once (``-n 2``, pytest-xdist): what goes to which, and what has the machine to itself.

A file stays in one process. Files that need a browser are run by one process at a time, because two of those with
their servers are more than two processors do in the time that a test has; only when nothing else is left does the
other process take some of them, too. Quick files come last, so that both end together. A test that is marked ``alone``
waits until no other runs, and others wait for it; the time limit of a test does not count the wait.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

BROWSERS = "tests/browser/"
QUICK = ("tests/unit/", "tests/contract/")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadFileScheduling

    class OneBrowser(LoadFileScheduling):
        def _assign_work_unit(self, node: Any) -> None:
            browsing = any(
                file.startswith(BROWSERS) and not all(tests.values())
                for other, files in self.assigned_work.items()
                if other is not node
                for file, tests in files.items()
            )
            # Of the kind that is wanted, or else any; of those the first: files with many tests lead the queue.
            first = min(
                self.workqueue, key=lambda file: (file.startswith(BROWSERS) is browsing, file.startswith(QUICK))
            )
            self.workqueue.move_to_end(first, last=False)
            super()._assign_work_unit(node)

    return OneBrowser(config, log)


class Turns:
    """The room is shared, or one's own. The gate before it is held by who waits for the room to be empty."""

    def __init__(self, run: str) -> None:
        self.files = [Path(tempfile.gettempdir(), f"jupyter-oscar-tests-{run}.{name}") for name in ("gate", "room")]
        self._gate, self._room = (file.open("w") for file in self.files)

    @contextmanager
    def shared(self) -> Iterator[None]:
        with self._held(self._gate, fcntl.LOCK_EX):
            fcntl.flock(self._room, fcntl.LOCK_SH)
        try:
            yield
        finally:
            fcntl.flock(self._room, fcntl.LOCK_UN)

    @contextmanager
    def alone(self) -> Iterator[None]:
        with self._held(self._gate, fcntl.LOCK_EX), self._held(self._room, fcntl.LOCK_EX):
            yield

    @staticmethod
    @contextmanager
    def _held(file: TextIO, how: int) -> Iterator[None]:
        fcntl.flock(file, how)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)


TURNS = pytest.StashKey[Turns]()


def pytest_configure(config: pytest.Config) -> None:
    if run := os.environ.get("PYTEST_XDIST_TESTRUNUID"):
        config.stash[TURNS] = Turns(run)


def pytest_unconfigure(config: pytest.Config) -> None:
    if TURNS in config.stash:
        for file in config.stash[TURNS].files:
            file.unlink(missing_ok=True)  # who has it open keeps it


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    turns = item.config.stash.get(TURNS, None)
    if turns is None:
        return (yield)
    with turns.alone() if item.get_closest_marker("alone") else turns.shared():
        return (yield)
