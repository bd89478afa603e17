"""What was found in a dataflow's file: each with its line, its key, why, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .errors import FlowError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .model import Flow

ERROR: Final = "error"
WARNING: Final = "warning"


@dataclass(frozen=True)
class Finding:
    """One mistake, or one thing to know. ``line`` counts from 1; ``key`` is a path: ``nifi.Source.Kafka.0.topic``."""

    level: str
    line: int | None
    key: str
    problem: str
    fix: str = ""

    def __str__(self) -> str:
        said = f"{self.line or 1}: {self.level}: {self.problem} {self.fix}".rstrip()
        # A name may hold what moves a terminal's cursor, or turns its writing round.
        return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in said)


@dataclass(frozen=True)
class Report:
    """All that was found, in the file's order, and the dataflow unless there is an error."""

    path: Path
    findings: Sequence[Finding]
    flow: Flow | None

    @property
    def errors(self) -> list[Finding]:
        """What has to be mended."""
        return [one for one in self.findings if one.level == ERROR]

    @property
    def warnings(self) -> list[Finding]:
        """What works, and is worth a look."""
        return [one for one in self.findings if one.level == WARNING]

    def __str__(self) -> str:
        if not self.findings:
            return f"{self.path}: nothing to say"
        return "\n".join(f"{self.path}:{one}" for one in self.findings)

    def sound(self) -> Flow:
        """The dataflow.

        Raises:
            FlowError: there are errors.

        """
        if self.flow is not None:
            return self.flow
        first, *others = self.errors
        more = f" ({len(others)} more: jupyter oscar flow lint {self.path})" if others else ""
        message = f"{self.path}:{first.line or 1}: {first.problem}"
        raise FlowError(message, findings=self.findings, hint=f"{first.fix}{more}".strip())
