"""What NiFi says, in our words: what it has, how dataflows are, what ails it."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from jupyter_oscar.flows import aws
from jupyter_oscar.flows.engines.base import Bundle, Capabilities, FlowState, FlowStatus, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from jupyter_oscar.flows.marker import Marker

#: The connection that keeps what a destination refused for good; its events wait for a person.
DEAD_LETTERS: Final = "dead letters"
#: Above this a NiFi that keeps an archive blocks every write, as it is shipped (flows.md §0.1).
ARCHIVE_LIMIT: Final = 50
FULL: Final = 95
_STANDARD: Final = "org.apache.nifi.processors.standard"
#: What NiFi has without listing it, and what it lists from the same bundle (seen on a real 1.18.0).
UNLISTED: Final = {f"{_STANDARD}.EncodeContent": f"{_STANDARD}.Base64EncodeContent"}
FULL_QUEUE: Final = 100
#: How NiFi names a processor in what it complains of.
SOURCE: Final = re.compile(r"^\w+\[id=[^\]]*\] ?")


def capabilities(manifest: Mapping[str, Any]) -> Capabilities:
    """From ``/flow/runtime-manifest``. Of a type in several versions of a bundle the newest counts."""
    processors: dict[str, Kind] = {}
    services: dict[str, Kind] = {}
    for bundle in manifest.get("bundles") or ():
        where = Bundle(bundle.get("group", ""), bundle.get("artifact", ""), bundle.get("version", ""))
        said = bundle.get("componentManifest") or {}
        for into, key in ((processors, "processors"), (services, "controllerServices")):
            for one in said.get(key) or ():
                known = into.get(one["type"])
                if known is None or _number(known.bundle.version) < _number(where.version):
                    into[one["type"]] = Kind(one["type"], where, frozenset(one.get("propertyDescriptors") or ()))
    for type_, beside in UNLISTED.items():
        if beside in processors and type_ not in processors:
            processors[type_] = Kind(type_, processors[beside].bundle)
    version = str((manifest.get("buildInfo") or {}).get("version") or manifest.get("version") or "")
    return Capabilities(version, processors, services)


def _number(version: str) -> list[int]:
    return [int(part) for part in version.partition("-")[0].split(".") if part.isdigit()]


def writable(entity: Mapping[str, Any]) -> bool:
    """Whether whoever asked may change this part, as NiFi says."""
    return bool((entity.get("permissions") or {}).get("canWrite", True))


@dataclass
class Seen:
    """A dataflow's figures, added up over the groups in it."""

    #: By state as NiFi words it.
    processors: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    groups: set[str] = field(default_factory=set)
    #: Processors with threads, by id, and how many in all.
    busy: dict[str, str] = field(default_factory=dict)
    threads: int = 0
    queued: int = 0
    queued_bytes: int = 0
    dead: int = 0
    full: list[str] = field(default_factory=list)
    #: Where events wait, but for dead letters.
    waiting: list[str] = field(default_factory=list)
    #: By element: what its listeners took in within the last five minutes.
    heard: dict[str, int] = field(default_factory=dict)

    def count(self, *states: str) -> int:
        """How many processors are in one of these states."""
        return sum(len(self.processors[state]) for state in states)


def seen(snapshot: Mapping[str, Any]) -> Seen:
    """From the ``aggregateSnapshot`` of one group, with all groups in it."""
    found = Seen(queued=snapshot.get("flowFilesQueued", 0), queued_bytes=snapshot.get("bytesQueued", 0))
    found.threads = snapshot.get("activeThreadCount", 0)
    for group in _groups(snapshot):
        found.groups.add(group["id"])
        for one in _each(group, "processor"):
            where = f"{one['name']} in {group['name']}"
            found.processors[one.get("runStatus", "")].append(where)
            if one.get("activeThreadCount"):
                found.busy[one["id"]] = where
            if one.get("type") in {"ListenHTTP", "HandleHttpRequest"}:
                heard = one.get("flowFilesOut", 0) + one.get("bytesRead", 0) + one.get("bytesWritten", 0)
                found.heard[group["name"]] = found.heard.get(group["name"], 0) + heard
        for one in _each(group, "connection"):
            _queue(found, one)
    return found


def _queue(found: Seen, one: Mapping[str, Any]) -> None:
    count = one.get("flowFilesQueued", 0)
    ends = f"{one.get('sourceName') or '?'} → {one.get('destinationName') or '?'}"
    if one.get("name") == DEAD_LETTERS:
        found.dead += count
    elif count:
        found.waiting.append(f"{count} in {ends}")
    if max(one.get("percentUseCount", 0), one.get("percentUseBytes", 0)) >= FULL_QUEUE:
        found.full.append(f"The queue {ends} is full ({count} events): what comes before it has to wait.")


def _groups(snapshot: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield snapshot
    for below in _each(snapshot, "processGroup"):
        yield from _groups(below)


def _each(snapshot: Mapping[str, Any], kind: str) -> Iterator[Mapping[str, Any]]:
    for row in snapshot.get(f"{kind}StatusSnapshots") or ():
        if one := row.get(f"{kind}StatusSnapshot"):
            yield one


def state(figures: Seen, marker: Marker | None) -> FlowState:
    """The one word for a dataflow."""
    running, stopped = figures.count("Running"), figures.count("Stopped", "Disabled")
    if figures.count("Invalid"):
        return FlowState.INVALID
    if not running:
        return FlowState.STOPPED if stopped or not figures.count("Validating") else FlowState.UNKNOWN
    if stopped:
        return FlowState.PARTLY
    bridged = marker.bridged if marker else ()
    if bridged and not all(figures.heard.get(element) for element in bridged) and not figures.queued:
        return FlowState.WAITING
    return FlowState.RUNNING


def status(
    group: Mapping[str, Any],
    snapshot: Mapping[str, Any],
    marker: Marker | None,
    bulletins: Iterable[Mapping[str, Any]],
    canvas: str,
) -> FlowStatus:
    """One dataflow: its entity in the root listing, its figures, and the complaints of its parts."""
    figures = seen(snapshot)
    complaint = last(row for row in bulletins if row.get("groupId") in figures.groups)
    return FlowStatus(
        name=str(group["component"]["name"]),
        state=state(figures, marker),
        queued=figures.queued,
        queued_bytes=figures.queued_bytes,
        running=figures.count("Running"),
        stopped=figures.count("Stopped", "Disabled"),
        invalid=tuple(f"{where} is not valid." for where in figures.processors["Invalid"]),
        last_error=_said(complaint),
        last_error_at=str(complaint.get("timestamp") or ""),
        dead=figures.dead,
        bridged=marker.bridged if marker else (),
        url=f"{canvas}?processGroupId={group['id']}",
        id=str(group["id"]),
        warnings=tuple(figures.full),
        made=tuple(aws.said(marker)),
    )


def _said(complaint: Mapping[str, Any]) -> str:
    """A bulletin's text with the processor's name in the place of its type and identifier."""
    name = complaint.get("sourceName")
    return SOURCE.sub(lambda _: f"{name}: " if name else "", str(complaint.get("message") or ""))


def last(bulletins: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The newest error, or the newest warning where there is no error."""
    rows = list(bulletins)
    errors = [row for row in rows if row.get("level") == "ERROR"]
    return max(errors or rows, key=lambda row: int(row.get("id") or 0), default={})


def disks(diagnostics: Mapping[str, Any]) -> list[str]:
    """Sentences about NiFi's disks that are, or soon will be, a reason for it to stand still."""
    found = []
    kinds = {"flowFileRepositoryStorageUsage": "events", "contentRepositoryStorageUsage": "contents"}
    for key, what in kinds.items():
        said = diagnostics.get(key) or ()
        for one in said if isinstance(said, (list, tuple)) else [said]:
            used, total = one.get("usedSpaceBytes") or 0, one.get("totalSpaceBytes") or 0
            percent = 100 * used // total if total else 0
            if percent >= FULL:
                found.append(f"NiFi's disk for {what} is {percent} % full: writes block or fail until there is room.")
            elif percent > ARCHIVE_LIMIT and what == "contents":
                found.append(
                    f"NiFi's disk for contents is {percent} % full. Above {ARCHIVE_LIMIT} % NiFi blocks writes while "
                    "it keeps an archive, although all shows as running: make room, or set "
                    "nifi.content.repository.archive.enabled=false there."
                )
    return found


def wrong(processors: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[str], bool]:
    """Of entities: ghosts by type, what is invalid in sentences, and whether NiFi is still looking."""
    ghosts, invalid, looking = [], [], False
    for entity in processors:
        one = entity.get("component") or {}
        if one.get("extensionMissing"):
            ghosts.append(str(one.get("type")))
        elif one.get("validationStatus") == "VALIDATING":
            looking = True
        elif one.get("validationStatus") == "INVALID":
            why = "; ".join(one.get("validationErrors") or ()) or "NiFi does not say why"
            invalid.append(f"{one.get('name')}: {why}")
    return ghosts, invalid, looking
