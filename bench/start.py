"""From a fresh process to the list of services, beside oscar-python; and what importing us loads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from .box import sandbox
from .report import Line, alternate, at_most

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAVY = ("httpx", "pydantic", "ipywidgets", "obstore", "s3fs", "tornado")

OURS = """
import sys, jupyter_oscar as oscar
print(len(oscar.connect(endpoint=sys.argv[1], user=sys.argv[2], password=sys.argv[3]).services))
"""
THEIRS = """
import sys
from oscar_python.client import Client
client = Client({"cluster_id": "x", "endpoint": sys.argv[1], "user": sys.argv[2], "password": sys.argv[3], "ssl": 0})
print(len(client.list_services().json()))
"""
LOADED = f"""
import sys, json, jupyter_oscar
print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""


def run(code: str, *arguments: str) -> tuple[float, float]:
    """Seconds and peak megabytes of a fresh interpreter."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit("the measured program failed")
    return time.perf_counter() - began, usage.ru_maxrss / 1024


def lines() -> Iterator[Line]:
    """The promises of this file."""
    loaded = json.loads(subprocess.run([sys.executable, "-c", LOADED], check=True, capture_output=True).stdout)
    yield Line("import jupyter_oscar loads", ", ".join(loaded) or "none of them", "none of the heavy", not loaded)
    with sandbox() as box:
        given = (box.endpoint, box.user, box.password)
        yield at_most(
            "connect().services, fresh process: seconds",
            alternate(lambda: run(OURS, *given)[0], lambda: run(THEIRS, *given)[0]),
            0.6,
            "oscar-python",
        )
        yield at_most(
            "connect().services, fresh process: peak MB",
            alternate(lambda: run(OURS, *given)[1], lambda: run(THEIRS, *given)[1], 3),
            0.8,
            "oscar-python",
        )
