"""What deploying a dataflow would change: the compiled one beside what stands in the engine, one sentence a step.

Pure but for the machine's key, by which a changed secret is recognised without anybody being able to read it, and for
the words that nobody is to guess.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final

from jupyter_oscar.client.keys import MachineKey

from . import changes, checks, model
from . import secrets as finding
from .marker import Marker
from .snapshot.compile import compile_flow
from .snapshot.elements import bridged

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from .changes import Change
    from .engines.base import Capabilities, Deployed, Engine
    from .model import Flow
    from .secrets import Asks
    from .snapshot.made import Queue, Snapshot

#: A sentence names this many things at most.
_NAMED: Final = 6


class Action(str, Enum):
    """What becomes of a thing, or of the whole."""

    CREATE = "create"
    CHANGE = "change"
    NOTHING = "nothing"
    REFUSE = "refuse"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Step:
    """One thing that would be done.

    ``what``: group, parameters, processor, connection, listener, queue, bundle, value.
    """

    action: Action
    what: str
    name: str
    sentence: str

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True)
class Plan:
    """All that would be done, in order.

    An engine acts upon ``action``: *create* makes parameter context and group; *change* sets the parameters named in
    ``parameters`` anew, then, where there are ``changes``, makes the group as the snapshot says, keeping what is the
    same; both end with :attr:`marker` in the group's comments.
    """

    name: str
    snapshot: Snapshot
    deployed: Deployed | None
    steps: Sequence[Step]
    #: Parameters to be set anew, plain and secret ones.
    parameters: Sequence[str] = ()
    #: Parameters that nothing refers to any more.
    forgotten: Sequence[str] = ()
    changes: Sequence[Change] = ()
    #: A group that is not ours is taken over.
    adopts: bool = False
    #: Whether it has the values of all secrets; else it can only be looked at.
    whole: bool = True
    marker: Marker = field(default_factory=lambda: Marker("", ""), repr=False)

    @property
    def action(self) -> Action:
        """The heaviest of its steps."""
        order = (Action.REFUSE, Action.CREATE, Action.CHANGE)
        found = {step.action for step in self.steps}
        if self.deployed is not None:
            order = (Action.REFUSE, Action.CHANGE, Action.CREATE)
        return next((action for action in order if action in found), Action.NOTHING)

    @property
    def refusals(self) -> list[str]:
        """Why it may not be done."""
        said = [step.sentence for step in self.steps if step.action is Action.REFUSE]
        return said if self.whole else [*said, f"{self.name} was planned without the values of its secrets."]

    @property
    def bridges(self) -> list[str]:
        """Which processes must stay alive for events to arrive, one sentence each."""
        return [
            f"{listener.element} is waiting for its bridge: a process that reads {listener.kind} and posts events to "
            f"port {listener.port} of NiFi's machine at {listener.path}{'/…' if listener.parameter else ''}. It has to "
            "stay alive for events to arrive."
            for listener in self.snapshot.listeners
        ]

    def __str__(self) -> str:
        words = {Action.NOTHING: "nothing to change", Action.REFUSE: "refused"}
        lines = [f"{self.name}: {words.get(self.action, self.action)}"]
        lines += [f"  {'refused: ' if step.action is Action.REFUSE else ''}{step}" for step in self.steps]
        if self.snapshot.sources:
            lines.append("How events arrive")
        lines += [f"  {source.element}: {source.how}, {source.why}" for source in self.snapshot.sources]
        unread = "" if self.whole else "The secrets that the file refers to were not read, so they were not compared."
        if notes := [*filter(None, [unread]), *self.bridges, *self.snapshot.notes]:
            lines += ["To keep in mind", *(f"  {note}" for note in notes)]
        return "\n".join(lines)


def look(flow: Flow, capabilities: Capabilities, *, allow_missing: bool = False) -> Plan:
    """What would be made on an engine with these capabilities that has nothing yet; nobody is asked for anything."""
    stays = bridged(flow, capabilities)
    snapshot = compile_flow(finding.with_keys(flow), capabilities)
    whole = not finding.elsewhere(flow, bridged=stays)
    return make(snapshot, None, allow_missing=allow_missing, whole=whole, unfilled=list(_unfilled(flow, stays)))


async def prepare(
    flow: Flow,
    engine: Engine,
    *,
    secrets: bool = False,
    look: bool = False,
    adopt: bool = False,
    allow_missing: bool = False,
    ask: Asks | None = None,
) -> Plan:
    """The whole way from a dataflow to its plan: its secrets found, compiled for that engine, beside what stands there.

    With ``secrets`` those that the file only refers to are read from this machine, to be sent to NiFi; a person says
    so. To ``look`` they are not needed: such a plan cannot be carried out, and does not say whether one has changed.
    Nor are those that a source is read with whose events come by bridge. ``ask`` gives the token of a service in OSCAR.

    Raises:
        SecretsUnconfirmed: the file refers to secrets of this machine that would be sent; nothing was read.
        FlowError: there is nothing where a reference to a secret leads.
        OscarError: the engine, or the cluster that has the service, does not answer or refuses.

    """
    capabilities = await engine.capabilities()
    stays = bridged(flow, capabilities)
    places = [] if secrets else finding.elsewhere(flow, bridged=stays)
    if places and not look:
        raise finding.unconfirmed(flow, places)
    complete = await finding.complete(flow, ask, stays) if not places else finding.with_keys(flow)
    snapshot = compile_flow(complete, capabilities)
    there = await engine.read(snapshot.name)
    unfilled = list(_unfilled(flow, stays))
    return make(snapshot, there, adopt=adopt, allow_missing=allow_missing, whole=not places, unfilled=unfilled)


def make(
    snapshot: Snapshot,
    deployed: Deployed | None,
    *,
    adopt: bool = False,
    allow_missing: bool = False,
    whole: bool = True,
    unfilled: Sequence[Step] = (),
    key: MachineKey | None = None,
) -> Plan:
    """The plan that makes what is ``deployed`` what the ``snapshot`` says.

    A group of the same name that is not ours is refused unless it is to be adopted; a type that the engine lacks is
    refused unless its processors may stand there as ghosts until their NAR is installed. A plan that is not ``whole``
    was made without the values of secrets. ``unfilled`` refuses what a template left open.
    """
    snapshot = snapshot.with_words(changes.kept(snapshot, deployed))
    key = key or MachineKey()
    fingerprint = key.fingerprint() or ""
    word = key.derive("flows")
    seals = snapshot.seals(word) if word and whole else {}
    marker = Marker(
        snapshot.name,
        snapshot.digest,
        seals=seals,
        sealed_by=fingerprint,
        bridged=tuple(listener.element for listener in snapshot.listeners),
    )
    steps = [*unfilled, *_refusals(snapshot, deployed, adopt=adopt, allow_missing=allow_missing)]
    adopts = adopt and deployed is not None and deployed.marker is None
    if deployed is None:
        steps += _creation(snapshot)
        return Plan(snapshot.name, snapshot, None, steps, tuple(_all(snapshot)), whole=whole, marker=marker)
    found = changes.between(snapshot, deployed)
    again = _parameters(snapshot, deployed, marker)
    forgotten = changes.forgotten(snapshot, deployed)
    if adopts:
        sentence = f"Take over the group {snapshot.name}, which was not made from here: it becomes what the file says."
        steps.append(Step(Action.CHANGE, "group", snapshot.name, sentence))
    steps += [_queue(one) for one in snapshot.queues if one.named in again]
    steps += [Step(Action.CHANGE, "parameters", name, sentence) for name, sentence in again.items()]
    steps += [Step(Action.CHANGE, "parameters", name, f"Forget the parameter {name}.") for name in forgotten]
    steps += [Step(Action.CHANGE, change.what, change.name, str(change)) for change in found]
    return Plan(snapshot.name, snapshot, deployed, steps, tuple(again), forgotten, found, adopts, whole, marker)


def _unfilled(flow: Flow, bridged: Collection[str]) -> Iterator[Step]:
    """Placeholders where something would be sent: to NiFi, or to AWS, where the queue is also made for a bridge."""
    for path, element in checks.elements(flow.nifi).items():
        if element.name in bridged and not isinstance(element, model.AwsSource):
            continue
        for key in checks.unfilled(element, path):
            at = f"{flow.path}:{flow.line(key) or 1}"
            sentence = f"{at}: {element.name}: {checks.unfilled_words(key)} Fill it in."
            yield Step(Action.REFUSE, "value", element.name, sentence)


def _refusals(snapshot: Snapshot, deployed: Deployed | None, *, adopt: bool, allow_missing: bool) -> Iterator[Step]:
    name = snapshot.name
    if deployed is not None and deployed.count > 1:
        sentence = f"There are {deployed.count} groups named {name}: rename or remove all but one on NiFi's canvas."
        yield Step(Action.REFUSE, "group", name, sentence)
    elif deployed is not None and deployed.marker is None and not adopt:
        sentence = (
            f"A group named {name} is there that was not made from here. Give the dataflow another name, "
            "or take that group over with --adopt (adopt=True)."
        )
        yield Step(Action.REFUSE, "group", name, sentence)
    elif deployed is not None and not adopt and (others := _others(snapshot, deployed)):
        sentence = (
            f"The dataflow {name} that is there has other elements, {_listed(others)}, and none of these. "
            "Name this one (`x-oscar: {name: …}` below `nifi`), or replace that one with --adopt (adopt=True)."
        )
        yield Step(Action.REFUSE, "group", name, sentence)
    if not allow_missing:
        yield from (Step(Action.REFUSE, "bundle", one.element, str(one)) for one in snapshot.missing)


def _others(snapshot: Snapshot, deployed: Deployed) -> list[str]:
    """The elements of what is there, if it shares none with this dataflow."""
    if deployed.flow is None:
        return []
    there, here = (
        [str(group.get("name")) for group in flow["flowContents"].get("processGroups") or ()]
        for flow in (deployed.flow, snapshot.flow)
    )
    return [] if set(there) & set(here) else there


def _creation(snapshot: Snapshot) -> Iterator[Step]:
    groups = [group["name"] for group in snapshot.flow["flowContents"]["processGroups"]]
    sentence = f"Create the group {snapshot.name} with {_listed(groups)}."
    yield Step(Action.CREATE, "group", snapshot.name, sentence)
    if names := list(_all(snapshot)):
        few = f"parameter{'s' if len(names) > 1 else ''}"
        sentence = (
            f"Create its {few} {_listed(names)}: {len(snapshot.secrets)} secret, {len(snapshot.parameters)} plain."
        )
        yield Step(Action.CREATE, "parameters", snapshot.context, sentence)
    yield from map(_queue, snapshot.queues)


def _queue(queue: Queue) -> Step:
    at = queue.endpoint or f"AWS, {queue.region}"
    sentence = f"Make the queue {queue.name} ({at}) unless it is there"
    if queue.bucket:
        sentence += f", and add it to the notifications of the bucket {queue.bucket}"
    return Step(Action.CREATE, "queue", queue.name, f"{sentence}.")


def _parameters(snapshot: Snapshot, deployed: Deployed, marker: Marker) -> dict[str, str]:
    """What is to be set anew, and the sentence for it."""
    again = {name: f"Set {name} anew: {what}." for name, what in changes.parameters(snapshot, deployed).items()}
    old = deployed.marker
    known = old.seals if old is not None and old.sealed_by == marker.sealed_by else {}
    if not marker.seals:
        return again
    if "*" in marker.seals:
        changed = list(snapshot.secrets) if known != marker.seals else []
    else:
        changed = [name for name, seal in marker.seals.items() if known.get(name) != seal]
    why = "the secret has another value"
    if old is None or not known:
        why = "whether the secret has changed cannot be told from this machine"
    again |= {name: f"Set {name} anew: {why}." for name in changed}
    return again


def _all(snapshot: Snapshot) -> Iterator[str]:
    yield from snapshot.parameters
    yield from snapshot.secrets


def _listed(names: Sequence[str]) -> str:
    shown = list(names[:_NAMED])
    if len(names) > _NAMED:
        shown[-1:] = [f"{len(names) - _NAMED + 1} more"]
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))
