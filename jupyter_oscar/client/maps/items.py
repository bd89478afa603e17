"""One input of a map and what became of it, and how far a map is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from jupyter_oscar.client.calls import Payload, Reference, with_digest
from jupyter_oscar.client.jobs import Facts, State
from jupyter_oscar.client.records import Place

if TYPE_CHECKING:
    from jupyter_oscar.client.records import Call

# Bytes that a file or an object counts for before it is sent: it is read only then.
LIGHT: Final = 500


@dataclass(slots=True, eq=False)
class Item:
    """One input and what became of it."""

    index: int
    name: str
    payload: Payload | None
    number: int = -1
    attempt: int = 0
    call: Call | None = None
    #: The cluster has taken it.
    accepted: bool = False
    #: It was submitted, though we may not have heard that it was taken.
    submitted: bool = False
    #: How it ended, for good.
    facts: Facts | None = None
    error: Exception | None = None
    retries: int = 0
    script_retries: int = 0

    @property
    def planned(self) -> Call:
        """The call, of an item that has one."""
        if self.call is None:
            msg = f"{self.name} has not been staged."
            raise RuntimeError(msg)
        return self.call

    @property
    def over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.facts is not None or self.error is not None


class Progress(NamedTuple):
    """How far a map is. ``total`` is None while inputs are still being drawn; ``seconds_left`` where it can be told."""

    name: str
    service: str
    total: int | None
    known: int
    ended: int
    counts: dict[State, int]
    seconds_left: float | None

    @property
    def failed(self) -> int:
        """How many ended badly, cancelled ones not counted."""
        return sum(self.counts.get(one, 0) for one in (State.FAILED, State.LOST, State.UNKNOWN))

    @property
    def cancelled(self) -> int:
        """How many we ended ourselves."""
        return self.counts.get(State.CANCELLED, 0)

    @property
    def over(self) -> bool:
        """Whether all have ended."""
        return self.total is not None and self.ended >= self.total


@dataclass
class Options:
    """How a map is carried out."""

    run: str | None = None
    retries: int = 0
    script_retries: int = 0


def place_of(call: Call) -> Place:
    place = Place.of(call.id)
    if place is None:
        msg = f"{call.id} is no call of a map."
        raise RuntimeError(msg)
    return place


def weight(payload: Payload) -> int:
    """Bytes of memory that an input takes until it is stored."""
    return LIGHT + (len(payload.data) if isinstance(payload.data, bytes) else 0)


async def modified(payload: Payload) -> int | None:
    """When a file was changed, in nanoseconds since 1970."""
    if isinstance(payload.data, (bytes, Reference)):
        return None
    try:
        return (await asyncio.to_thread(payload.data.stat)).st_mtime_ns
    except OSError:
        return None


async def same(payload: Payload, call: Call) -> bool:
    """Whether an input is the one that was recorded; a file is read only where its time says it was written anew."""
    if isinstance(payload.data, Reference) or payload.source is not None:
        return call.source == (payload.source or str(payload.data))
    if isinstance(payload.data, bytes):
        return with_digest(call, payload.data).sha256 == call.sha256
    import hashlib

    try:
        known = await asyncio.to_thread(payload.data.stat)
        if known.st_size != call.size:
            return False
        if known.st_mtime_ns == call.modified:
            return True
        with payload.data.open("rb") as file:
            digest = hashlib.sha256()
            while chunk := await asyncio.to_thread(file.read, 1024 * 1024):
                digest.update(chunk)
            return digest.hexdigest() == call.sha256
    except OSError:
        # It was sent before; that it has gone since does not matter.
        return True
