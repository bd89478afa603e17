"""What can go wrong with a dataflow, beside what ``client.errors`` names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_oscar.client.errors import NotFound, OscarError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .findings import Finding

__all__ = ["FlowError", "FlowNotFound", "FlowRefused"]


class FlowError(OscarError):
    """A dataflow's file is wrong; ``findings`` has every mistake with its line and fix, the message the first."""

    code = "flow-error"

    def __init__(self, message: str, *, findings: Sequence[Finding] = (), hint: str | None = None) -> None:
        self.findings = tuple(findings)
        super().__init__(message, hint=hint)


class FlowRefused(OscarError):
    """It was not done, since it would harm something; nothing was changed."""

    code = "flow-refused"


class FlowNotFound(NotFound):
    """No dataflow of that name in the engine."""

    code = "flow-not-found"
