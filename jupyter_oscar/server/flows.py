"""Dataflows: how those of every known NiFi are. They are changed in cells and on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from jupyter_oscar.client.errors import OscarError

from .route import Message, Problem, Route, may, problem

if TYPE_CHECKING:
    from .engines import Engines


class FlowRow(Message):
    """A dataflow in the list; without a ``name``, a NiFi that cannot be asked, and why.

    ``queued`` counts events that wait, ``dead`` those of them that were refused for good. ``canvas`` is the NiFi's own
    page for it. ``warnings`` are sentences: what is not valid, or keeps it from going on.
    """

    nifi: str
    name: str = ""
    state: Literal["running", "stopped", "partly", "invalid", "waiting", "unknown"] = "unknown"
    queued: int = 0
    dead: int = 0
    last_error: str = ""
    last_error_at: str = ""
    warnings: tuple[str, ...] = ()
    bridged: tuple[str, ...] = ()
    canvas: str = ""
    problem: Problem | None = None


async def rows(engines: Engines) -> list[FlowRow]:
    """By NiFi, then by name."""
    found: list[FlowRow] = []
    for nifi, canvas, said in await engines.status():
        if isinstance(said, OscarError):
            found.append(FlowRow(nifi=nifi, canvas=canvas, problem=problem(said)))
            continue
        for one in said:
            state: Any = one.state.name.lower()
            row = FlowRow(
                nifi=nifi,
                name=one.name,
                state=state,
                queued=one.queued,
                dead=one.dead,
                last_error=one.last_error,
                last_error_at=one.last_error_at,
                warnings=(*one.invalid, *one.warnings),
                bridged=tuple(one.bridged),
                canvas=one.url or canvas,
            )
            found.append(row)
    return found


class FlowsRoute(Route):
    """``GET /jupyter-oscar/flows``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:flows"

    @may()
    async def get(self) -> None:
        """The list."""
        self.reply(await rows(self.pool.engines))
