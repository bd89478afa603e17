"""What the process that forks jobs has in memory before the first job, so that a start takes milliseconds.

Imported by that process only. Everything a job touches is touched once here: what is first used in a child is loaded
again in every child.
"""

from __future__ import annotations

import encodings.ascii
import encodings.idna  # noqa: F401
import gc
import json
import os

from . import events, joblock, keeper, supervisor, workers  # noqa: F401
from .access import Access
from .joblog import JobLog
from .staging import Store


def _rehearse() -> None:
    """One upload to where nobody listens: what it imports, compiles and caches, no job has to."""
    Store(Access("127.0.0.1:9", "none", "none")).put_once("nowhere", "nothing", b"")
    events.parse(json.dumps({"rehearsal": events.echo("x")}), JobLog(os.devnull, "CRITICAL"), {})


_rehearse()
gc.collect()
gc.freeze()  # the collector then leaves these pages alone, and children go on sharing them
