"""Several events become one, a line each: as many as the file says, or what has come when its time is up.

DCNiOS gives the time as a schedule and lets one event make a bin, so it passes on less; this keeps both words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_oscar.flows.snapshot import delivery
from jupyter_oscar.flows.snapshot.parts import Runs
from jupyter_oscar.flows.snapshot.types import MERGE_CONTENT

if TYPE_CHECKING:
    from jupyter_oscar.flows.model import Component, Merge
    from jupyter_oscar.flows.snapshot.parts import Group


def place(alteration: Merge, group: Group, scheduled: Component | None = None) -> None:
    """Its group."""
    made = group.processor(
        "MergeContent",
        MERGE_CONTENT,
        {
            "Merge Strategy": "Bin-Packing Algorithm",
            "Merge Format": "Binary Concatenation",
            "Minimum Number of Entries": str(alteration.maxMessages),
            "Maximum Number of Entries": str(alteration.maxMessages),
            "Max Bin Age": f"{alteration.windowSeconds} sec",
            "Maximum number of Bins": "10",
            "Delimiter Strategy": "Text",
            "Demarcator File": "\n",
        },
        # How often it runs is how exactly its time is kept.
        Runs(every="1 sec", ends=("original",)).scheduled(scheduled),
    )
    group.connect(group.port("in"), made)
    group.connect(made, group.port("out"), ["merged"])
    delivery.dead_letters(group, made, ["failure"])
