"""A job as the server knows it, and what is to be believed of it.

:func:`state` is the only place that turns what is known of a job into one of the eight states a person sees (DESIGN
§6). :func:`script_lines` tells the script's own lines from the supervisor's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - pydantic reads the fields of a row at run time
from enum import Enum
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from .errors import JobNotFound, NotAllowed, NotOscar, ServiceNotFound, UpstreamFailed
from .policy import patiently

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .cluster import Cluster
    from .prologue import Done


class State(str, Enum):
    """The eight states, in the words of the screen."""

    QUEUED = "queued"
    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    UNKNOWN = "unknown"

    def __str__(self) -> str:
        return self.value

    @property
    def mark(self) -> str:
        """The sign that goes with the word."""
        return "○◔●✓✕⊘?◌"[list(State).index(self)]

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self not in {State.QUEUED, State.PENDING, State.RUNNING}


# A script may print without end; what is kept of its log in memory, in bytes.
LOG_BEGIN: Final = 64 * 1024
LOG_END: Final = 8 * 1024 * 1024
CHUNK: Final = 256 * 1024
LINE: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - supervisor - ([A-Z]+) - (.*)")
ENDED: Final = "Creating response"
FAILED: Final = "Traceback (most recent call last):"


@dataclass(frozen=True)
class Facts:
    """What is known of one job. ``row`` is the server's word, None when its list was not read."""

    row: str | None = None
    row_gone: bool = False
    done: Done | None = None
    outputs_complete: bool = False
    has_outputs: bool = False
    has_log: bool = False
    log_end: str | None = None
    seen_running: bool = False
    cancelled: bool = False
    tracked: bool = True


def state(facts: Facts) -> State:  # noqa: PLR0911 - a table, one line a row
    """The one table. ``Succeeded`` alone is never success: the supervisor ignores exit codes (oscar.md §4.1)."""
    if facts.done is not None:
        # The supervisor uploads in no order we may rely on (wire P018): all outputs must be there.
        # (A name with a line break in it is never found, so the server's word that the pod has ended counts too.)
        arrived = facts.outputs_complete or facts.log_end == ENDED or facts.row in {"Succeeded", "Failed"}
        ended = State.DONE if facts.done.exit == 0 else State.FAILED
        return ended if arrived else State.RUNNING
    if facts.row_gone:
        return State.CANCELLED if facts.cancelled else State.UNKNOWN
    if facts.row == "Succeeded":
        return _succeeded(facts)
    if facts.row == "Suspended":
        # No pod: not admitted yet, or evicted (oscar.md §0.3 point 19).
        return State.LOST if facts.seen_running or facts.has_log or facts.has_outputs else State.QUEUED
    if facts.row == "Failed" or facts.log_end == FAILED:
        return State.FAILED
    if facts.log_end == ENDED:
        return _succeeded(facts)
    if facts.row in _ROWS:
        return _ROWS[facts.row]
    return State.RUNNING if facts.has_log or facts.seen_running else State.QUEUED


_ROWS: Final = {"Pending": State.PENDING, "Running": State.RUNNING, "Unknown": State.UNKNOWN}


def _succeeded(facts: Facts) -> State:
    """The pod ended well, which says nothing of the script."""
    if facts.tracked:
        return State.UNKNOWN
    # A log or outputs beside it are the most an untracked service ever tells (at CRITICAL its log shows no end).
    return State.DONE if facts.has_log or facts.has_outputs else State.UNKNOWN


@dataclass(slots=True)
class Row:
    """A job in the server's list; any time may be absent or null (oscar.md §0.3 point 19).

    Plain and small, since there may be tens of thousands.
    """

    status: str = "Unknown"
    creation_time: datetime | None = None
    start_time: datetime | None = None
    finish_time: datetime | None = None


class Page(BaseModel):
    """A page of the list, and what to ask the next one with."""

    model_config = ConfigDict(extra="ignore")
    jobs: dict[str, Row] | None
    next_page: str | None = None

    @classmethod
    def read(cls, content: bytes) -> Page:
        """Both shapes: the bare map before 3.6.4, ``{jobs, next_page}`` since. At one go, for there may be thousands.

        Raises:
            ValueError: it is neither.

        """
        try:
            return cls.model_validate_json(content)
        except ValidationError:
            # A bare map, in which a job may even be called "jobs".
            return cls(jobs=_BARE.validate_json(content))


_BARE: Final = TypeAdapter(dict[str, Row])


class Jobs:
    """The jobs of one cluster. A list costs the server one request per job: read it seldom (oscar.md §0.3 point 1)."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def list(self, service: str) -> dict[str, Row]:
        """Every job of a service by name, over all pages."""
        found: dict[str, Row] = {}
        async for rows in self.pages(service):
            found |= rows
        return found

    async def pages(self, service: str) -> AsyncIterator[dict[str, Row]]:
        """The same, page by page as they come; never two at once."""
        token: str | None = None
        while True:
            page = await self._page(service, token)
            yield page.jobs or {}
            if not (token := page.next_page):
                return

    async def _page(self, service: str, token: str | None) -> Page:
        what = f'Listing the jobs of "{service}"'
        params = {"page": token} if token else None
        response = await self._cluster.request(
            "GET", "/system/logs", service, what=what, missing=ServiceNotFound, params=params
        )
        if not response.content:
            # 200 with nothing is how servers since 4.0 say no (oscar.md §1.4).
            msg = f'{what} failed: you may not see them; "{service}" belongs to somebody else.'
            raise NotAllowed(msg)
        try:
            return Page.read(response.content)
        except ValueError as error:
            msg = f"{self._cluster.profile.endpoint} answered with something else than a list of jobs."
            raise NotOscar(msg) from error

    async def log(self, service: str, job: str, *, timestamps: bool = False) -> str:
        """The log of a job so far; of one over 16 MiB the beginning and the last 8 MiB, and how much is between.

        Raises:
            JobNotFound: it has no log yet, or there is no such job. A server cannot tell them apart: 404 before the
                container starts, 500 without text for a job without pod or of an unknown name (oscar.md §0.3 point 4).

        """
        params = {"timestamps": "true"} if timestamps else None
        what = f'Reading the log of "{job}"'

        async def read() -> bytes:
            path = ("/system/logs", service, job)
            async with self._cluster.stream(*path, what=what, missing=JobNotFound, params=params) as response:
                return await _bounded(response.aiter_bytes(CHUNK))

        try:
            return (await patiently(read, again=True)).decode("utf-8", "replace")
        except UpstreamFailed as error:
            if error.upstream:
                raise
            msg = f'"{job}" has no log: it has not started, or there is no such job.'
            raise JobNotFound(msg, status=error.status) from error

    async def has_log(self, service: str, job: str) -> bool:
        """Whether the job's container has started; reads no more than the answer's head."""
        try:
            async with self._cluster.stream("/system/logs", service, job, what="Looking", missing=JobNotFound):
                return True
        except (JobNotFound, UpstreamFailed):
            return False

    async def delete(self, service: str, job: str) -> None:
        """Remove a job, ending it if it runs. Its log goes with it."""
        what = f'Removing job "{job}"'
        await self._cluster.request("DELETE", "/system/logs", service, job, what=what, missing=JobNotFound)

    async def delete_all(self, service: str, *, only_succeeded: bool = False) -> None:
        """Remove the jobs of a service, **everybody's** (oscar.md §1.4)."""
        params = None if only_succeeded else {"all": "true"}
        what = f'Removing the jobs of "{service}"'
        await self._cluster.request(
            "DELETE", "/system/logs", service, what=what, missing=ServiceNotFound, params=params
        )


async def _bounded(chunks: AsyncIterator[bytes]) -> bytes:
    """All of it, or its first 64 KiB and at least its last 8 MiB, in whole lines."""
    begin, end, left_out = bytearray(), bytearray(), 0
    async for chunk in chunks:
        end += chunk
        if len(end) > 2 * LOG_END:
            if not begin:
                begin = end[: end.rfind(b"\n", 0, LOG_BEGIN) + 1]
                del end[: len(begin)]
            cut = end.find(b"\n", len(end) - LOG_END) + 1 or len(end) - LOG_END
            left_out += cut
            del end[:cut]
    if not left_out:
        return bytes(begin + end)
    return bytes(begin) + f"… {left_out:,} bytes of this log are left out here …\n".encode() + bytes(end)


def script_lines(log: str) -> list[str]:
    """What the script itself printed, out of a job's log (wire D017, E014).

    At DEBUG a supervisor logs each line as it comes, after ``CONTAINER OUTPUT``, and prints the whole once more at its
    end; at INFO it prints it only at the end, after ``Creating response``. At other levels the log is the script's own.
    """
    lines = log.splitlines()
    marks = [LINE.fullmatch(line) for line in lines]
    if not any(marks):
        return _trimmed(lines)
    live = _live(lines, marks)
    if live is not None:
        return live
    last = max((i for i, mark in enumerate(marks) if mark and mark[2] == ENDED), default=None)
    return [] if last is None else _trimmed(lines[last + 1 :])


def _live(lines: list[str], marks: list[re.Match[str] | None]) -> list[str] | None:
    """The lines between ``CONTAINER OUTPUT`` and the supervisor's next word, or None where there is no such part."""
    starts = [
        i for i, mark in enumerate(marks) if mark and mark[1] == "DEBUG" and mark[2].startswith("CONTAINER OUTPUT")
    ]
    if not starts:
        return None
    found: list[str] = []
    for line, mark in zip(lines[starts[0] + 1 :], marks[starts[0] + 1 :], strict=True):
        if mark and mark[1] != "DEBUG":
            break
        if mark:
            found.append(mark[2])
        elif line.strip() or found:
            found.append(line)
    return found


def _trimmed(lines: list[str]) -> list[str]:
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return lines


def log_end(log: str) -> str | None:
    """``ENDED`` or ``FAILED`` where the log shows that its supervisor came to its end, well or badly.

    A script's own traceback is no such sign: at DEBUG its lines are prefixed, at INFO they follow ``Creating
    response``.
    """
    for line in log.splitlines():
        if line == FAILED or ((mark := LINE.fullmatch(line)) and mark[2] == ENDED):
            return FAILED if line == FAILED else ENDED
    return None
