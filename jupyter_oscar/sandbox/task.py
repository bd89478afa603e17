"""What is to run: the plan that all runs of a service share, and the one run. Both travel to processes of their own.

The server makes them and runs nothing: what runs them (``supervisor``) is not loaded here.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .runtimes import Processes

if TYPE_CHECKING:
    from .access import Access
    from .attached import Attached

ARGUMENT_LIMIT = 131_072
"""The longest ``EVENT=…`` string that Linux hands to a process: above it the shell cannot start (wire D019, D027)."""
NODE = "sandbox"


class Plan(NamedTuple):
    """How the scripts of one version of a service run; it travels over a pipe, never by environment or command line."""

    service: dict[str, Any]
    environment: dict[str, str]
    script: Path
    access: Access
    inner: str = ""
    """Where the store itself listens, behind what clients are told: ``unix://…``, ``host:port``, or nothing to know."""
    friendly: bool = False
    runtime: str = Processes.NAME
    scratch: int = 0  # bytes; 0 is no limit
    seconds: float = 0.0  # 0 is no limit
    attached: tuple[Attached, ...] = ()

    def __repr__(self) -> str:
        return f"<Plan of {self.script}>"  # secrets are among the rest


class Task(NamedTuple):
    """One run: ``folder`` has its lock and gets its log; ``temp`` is where it works and goes with it."""

    plan: Plan
    name: str
    event: bytes | Path
    """A long body of a sync call is in a file."""
    folder: Path
    temp: Path
    sync: bool = False

    def __repr__(self) -> str:
        return f"<Task {self.name}>"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def attached(self) -> tuple[Attached, ...]:
        return () if self.sync else self.plan.attached  # a sync pod has none (oscar.md §2.7)

    def variables(self, body: bytes) -> dict[str, str]:
        """What a job's pod knows of itself, and a sync pod does not."""
        if self.sync:
            return {}
        known = {"JOB_UUID": self.name, "RESOURCE_ID": NODE}
        if len(body) < ARGUMENT_LIMIT:
            known["EVENT"] = body.decode("utf-8", "surrogateescape")
        return known


def bare_environment(home: Path) -> dict[str, str]:
    """What every script gets besides what its service says: programs, a home, a language, and nothing of ours."""
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
    }
