"""What the process that forks jobs has in memory before the first job, so that a start takes milliseconds.

Imported by that process only. Everything a job touches is touched once here: what is first used in a child is loaded
again in every child.
"""

from __future__ import annotations

import gc

from . import joblock, keeper, supervisor  # noqa: F401
from .staging import Access, Store

Store(Access("127.0.0.1:9", "none", "none"))
gc.collect()
gc.freeze()  # the collector then leaves these pages alone, and children go on sharing them
