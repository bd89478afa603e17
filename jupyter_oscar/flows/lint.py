"""What is wrong with a dataflow's file, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ERROR: Final = "error"
WARNING: Final = "warning"


@dataclass(frozen=True)
class Finding:
    """One mistake or warning: line (from 1), the key's path, what is wrong and why, and what to do."""

    level: str
    line: int | None
    key: str
    problem: str
    fix: str = ""
