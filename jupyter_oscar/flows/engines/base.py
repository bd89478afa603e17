"""What every engine of dataflows can do, and the words in which it is asked and answers.

The order of a deployment: :meth:`Engine.capabilities` → ``snapshot.compile`` → :meth:`Engine.read` → ``plan.make`` →
:meth:`Engine.apply`. Nothing is compared or decided in an engine that the plan has not said before.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jupyter_oscar.flows.marker import Marker
    from jupyter_oscar.flows.plan import Plan
    from jupyter_oscar.flows.snapshot.made import Queue

#: Takes one sentence for each thing done, as it is done.
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Bundle:
    """Where a type of component comes from: a NAR."""

    group: str
    artifact: str
    version: str


@dataclass(frozen=True)
class Kind:
    """A type of processor or controller service that an engine has."""

    type: str
    bundle: Bundle
    #: The names of its properties as this engine spells them; None where it does not tell.
    properties: frozenset[str] | None = None


@dataclass(frozen=True)
class Capabilities:
    """What an engine has. A NiFi lists it; without one, :func:`without_engine` assumes a complete NiFi."""

    version: str
    processors: Mapping[str, Kind] = field(repr=False)
    services: Mapping[str, Kind] = field(repr=False)
    #: Whether every type is assumed to be there, since there is nobody to ask.
    assumed: bool = False

    @property
    def major(self) -> int:
        """1 or 2."""
        return self.numbers[0]

    @property
    def numbers(self) -> tuple[int, ...]:
        """The version for comparison; ``2.0.0-M4`` is (2, 0, 0)."""
        numbers = []
        for part in self.version.partition("-")[0].split("."):
            if not part.isdigit():
                break
            numbers.append(int(part))
        return tuple(numbers) or (0,)

    def has(self, type_: str) -> bool:
        """Whether it has a processor or service of that type."""
        return self.assumed or type_ in self.processors or type_ in self.services

    def kind(self, type_: str) -> Kind | None:
        """What it says of that type."""
        return self.processors.get(type_) or self.services.get(type_)


NEWEST: Final = "2.3.0"


def without_engine(version: str = NEWEST) -> Capabilities:
    """A NiFi of that version which has everything: for a look at a file when there is none at hand."""
    return Capabilities(version, {}, {}, assumed=True)


class FlowState(str, Enum):
    """How a dataflow is."""

    RUNNING = "running"
    STOPPED = "stopped"
    #: Some of it runs.
    PARTLY = "partly running"
    #: Something in it cannot run as it is configured.
    INVALID = "invalid"
    #: It runs, and a source of it gets its events from a bridge that has not sent any.
    WAITING = "waiting for its bridge"
    UNKNOWN = "unknown"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class FlowStatus:
    """One dataflow as it is now. ``invalid`` are sentences: which component, and why."""

    name: str
    state: FlowState
    queued: int = 0
    queued_bytes: int = 0
    running: int = 0
    stopped: int = 0
    invalid: Sequence[str] = ()
    #: The engine's newest complaint, and its time as the engine says it.
    last_error: str = ""
    last_error_at: str = ""
    #: Events that were refused for good and wait to be looked at.
    dead: int = 0
    #: Elements whose events come by bridge.
    bridged: Sequence[str] = ()
    #: Where a person sees it on the engine's own page.
    url: str | None = None
    id: str = ""
    #: What keeps it, or soon will keep it, from going on although it runs.
    warnings: Sequence[str] = ()
    #: What was made for it in AWS and goes with it, in words.
    made: Sequence[str] = ()


@dataclass(frozen=True)
class Deployed:
    """What stands in an engine under a dataflow's name.

    Without a ``marker`` it is somebody else's: never touched unless adopted. ``flow`` is its definition as the engine
    gives it back (``GET …/download`` of a NiFi), where it was read, so that what a person changed there can be told.
    """

    name: str
    id: str
    marker: Marker | None
    flow: Mapping[str, Any] | None = field(default=None, repr=False)
    #: How many groups of that name there are; more than one is refused.
    count: int = 1
    #: What only the engine understands: revisions, ids by identifier.
    inner: Any = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Outcome:
    """What :meth:`Engine.apply` did, one sentence for each thing; ``notes`` are for a person to act upon."""

    name: str
    id: str
    done: Sequence[str] = ()
    notes: Sequence[str] = ()
    url: str | None = None


class Engine(ABC):
    """One place where dataflows run. Its methods raise ``OscarError`` with what, where, why and what to do."""

    @abstractmethod
    async def capabilities(self) -> Capabilities:
        """What it has; asked once."""

    @abstractmethod
    async def read(self, name: str) -> Deployed | None:
        """What stands there under that name, ours or not; None where there is nothing."""

    @abstractmethod
    async def apply(self, plan: Plan, progress: Progress | None = None) -> Outcome:
        """Carry a plan out, step by step; on failure what this call made is undone. Does not start anything new.

        Raises:
            FlowRefused: the plan holds a step that refuses; nothing was done.

        """

    @abstractmethod
    async def status(self, names: Sequence[str] | None = None) -> list[FlowStatus]:
        """Our dataflows, by name; all without names. As many requests for fifty as for five."""

    @abstractmethod
    async def start(self, name: str) -> FlowStatus:
        """Start all of it, destinations before sources."""

    @abstractmethod
    async def stop(self, name: str) -> FlowStatus:
        """Stop all of it, sources before destinations. What is queued stays queued."""

    @abstractmethod
    async def drain(self, name: str, *, seconds: float = 60) -> FlowStatus:
        """Stop the sources, wait until nothing is queued, then stop the rest.

        Raises:
            TimedOut: something was still queued after ``seconds``; the sources stay stopped, the rest runs.

        """

    @abstractmethod
    async def delete(
        self,
        name: str,
        *,
        empty: bool = False,
        queues: Sequence[Queue] = (),
        keep_queues: bool = False,
        progress: Progress | None = None,
    ) -> None:
        """Remove it with everything of it. What is queued is thrown away with ``empty``, else it is a reason to refuse.

        What was made for it in AWS goes too, with the keys of its file's ``queues`` where those are given and else this
        machine's; with ``keep_queues`` it stays.

        Raises:
            FlowRefused: it is not ours, or events are queued; nothing was done.

        """

    @abstractmethod
    async def aclose(self) -> None:
        """Close the connections."""
