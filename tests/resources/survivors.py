"""Ends what a killed pytest leaves running: sandboxes that a JupyterLab started, kernels, browsers.

A process of its own waits until pytest is gone, however it went, and then ends whatever was started with the mark that
pytest put into its environment; a daemon leaves its group and its parent, but not that.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

MARK = "PYTEST_LEFT_BY"
# Seconds for a clean end, in which a sandbox ends its own.
PATIENCE_S = 10.0


def pytest_configure(config: pytest.Config) -> None:
    mark = secrets.token_hex(8)
    command = [sys.executable, "-I", "-S", __file__, mark]
    # pytest alone holds the other end of its stdin. The watcher itself has no mark.
    watcher = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True)
    os.environ[MARK] = f"{os.environ.get(MARK, '')} {mark}"
    config.add_cleanup(watcher.communicate)


def left(mark: bytes) -> Iterator[int]:
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # somebody else's, or gone
            variables = (process / "environ").read_bytes().split(b"\0")
            if any(mark in one for one in variables if one.startswith(MARK.encode())):
                yield int(process.name)


def end(mark: bytes) -> None:
    until = time.monotonic() + PATIENCE_S
    asked: set[int] = set()
    while found := set(left(mark)):
        late = time.monotonic() > until
        for pid in found if late else found - asked:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL if late else signal.SIGTERM)
        asked |= found
        time.sleep(0.1)


if __name__ == "__main__":
    sys.stdin.buffer.read()
    end(sys.argv[1].encode())
