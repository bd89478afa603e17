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
    """One run: the folder at ``folder`` has its lock and gets its log; it works at ``temp``, which goes with it."""

    plan: Plan
    name: str
    event: bytes | Path
    """A long body of a sync call is in a file."""
    folder: str
    temp: str
    sync: bool = False

    def __repr__(self) -> str:
        return f"<Task {self.name}>"

    @property
    def log(self) -> str:
        return f"{self.folder}/log"

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


_PATH = f"{Path(sys.executable).parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def bare_environment(home: str) -> dict[str, str]:
    """What every script gets besides what its service says: programs, a home, an encoding, and nothing of ours.

    Letters are all that C.UTF-8 has of its own: for ``LANG`` each program would read eleven more files of it.
    """
    return {"PATH": _PATH, "HOME": home, "TMPDIR": home, "LC_CTYPE": "C.UTF-8"}
