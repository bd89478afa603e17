"""What compiling a dataflow gives: one flow definition without any secret, and beside it what goes with it."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jupyter_oscar.client.credentials import Secret
    from jupyter_oscar.flows.engines.base import Bundle, Capabilities

#: Secrets beyond this number are told apart together, not one by one: a marker is read with every listing.
TOLD_APART: Final = 64
#: Of the word at the end of a listener's path.
WORD_BYTES: Final = 24


@dataclass(frozen=True)
class Queue:
    """A queue in SQS that must be there before its source can run.

    Its address, known only then, is the value of the plain parameter named ``parameter``. With a ``bucket``, that
    bucket's events are sent to it.
    """

    element: str
    name: str
    region: str
    parameter: str
    bucket: str | None = None
    #: For servers that speak SQS and S3 elsewhere than AWS.
    endpoint: str | None = None
    access_key: Secret | None = None
    secret_key: Secret | None = None
    #: The plain parameter that holds what this says as text.
    named: str = ""

    def __str__(self) -> str:
        return f"{self.name} in {self.region}" + (f" at {self.endpoint}" if self.endpoint else "")


@dataclass(frozen=True)
class Listener:
    """Where a bridge posts a source's events, on the engine's own machine.

    Whoever reaches the port could post there. So it wants a client certificate (``tls``), or its path ends in a word
    that is not to be guessed: the value of the plain parameter named ``parameter``, made when the dataflow is first
    deployed and kept by the engine (:meth:`Snapshot.path`).
    """

    element: str
    kind: str
    port: int
    #: With a leading slash.
    path: str
    #: Whether it wants a client certificate.
    tls: bool = False
    parameter: str = ""


@dataclass(frozen=True)
class Source:
    """How a source's events arrive: ``native`` by the engine's processors, or by ``bridge``; ``why`` is a clause."""

    element: str
    kind: str
    how: str
    why: str


@dataclass(frozen=True)
class Missing:
    """A component whose type this engine does not have, and the NAR that has it."""

    element: str
    type: str
    bundle: Bundle
    #: The NiFi that the element's own file is from, where that is one of another major version.
    made_for: str = ""

    def __str__(self) -> str:
        short = self.type.rpartition(".")[2]
        if self.made_for:
            return (
                f"{self.element}: this NiFi has no {short}, which its file has from NiFi {self.made_for}. Make the "
                f"group anew in this NiFi, or install {self.bundle.artifact} {self.bundle.version} if there is one."
            )
        return (
            f"{self.element}: this NiFi has no {short}. Install {self.bundle.artifact} {self.bundle.version} there "
            "(its file goes to NiFi's extensions folder)."
        )


@dataclass(frozen=True)
class Snapshot:
    """A dataflow compiled for one engine. ``flow`` is a NiFi flow definition: one group that holds everything.

    Its parameter context has the dataflow's name and is bound on every group; ``flow`` names the parameters, with the
    values of the plain ones. Those of the sensitive ones are in ``secrets`` alone. Group, processor, port, connection
    and service have a UUID made from names as ``identifier``, so the same file gives the same identifiers.
    """

    name: str
    flow: Mapping[str, Any] = field(repr=False)
    parameters: Mapping[str, str] = field(repr=False)
    secrets: Mapping[str, Secret] = field(repr=False)
    sources: Sequence[Source] = ()
    listeners: Sequence[Listener] = ()
    queues: Sequence[Queue] = ()
    missing: Sequence[Missing] = ()
    #: Sentences for a person: what has no effect here, what to look after.
    notes: Sequence[str] = ()
    #: Identifiers of parts whose properties may hold what is not to be shown, so that no difference of them is.
    private: frozenset[str] = frozenset()
    capabilities: Capabilities | None = field(default=None, repr=False)

    @property
    def identifier(self) -> str:
        """Of the one group."""
        return str(self.flow["flowContents"]["identifier"])

    @property
    def context(self) -> str:
        """The name of its parameter context."""
        return self.name

    def path(self, listener: Listener) -> str:
        """Where exactly a bridge posts; known of a snapshot that was planned (``plan.Plan.snapshot``)."""
        return f"{listener.path}/{self.parameters[listener.parameter]}" if listener.parameter else listener.path

    def with_words(self, kept: Mapping[str, Any]) -> Snapshot:
        """With the ends of its listeners' paths: those that are ``kept`` by parameter, or new ones."""
        names = [listener.parameter for listener in self.listeners if listener.parameter]
        words = {name: kept.get(name) or secrets.token_urlsafe(WORD_BYTES) for name in names}
        if not words:
            return self
        contexts = {
            name: {
                **context,
                "parameters": [
                    {**one, "value": words[one["name"]]} if one["name"] in words else one
                    for one in context["parameters"]
                ],
            }
            for name, context in self.flow["parameterContexts"].items()
        }
        flow = {**self.flow, "parameterContexts": contexts}
        return replace(self, flow=flow, parameters={**self.parameters, **words})

    @cached_property
    def digest(self) -> str:
        """Tells this definition from any other; the same for the same file and engine. Holds no secret."""
        text = json.dumps([self.flow, dict(self.parameters)], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def seals(self, key: Secret) -> dict[str, str]:
        """What tells each secret from its next value to who has ``key``, and nothing to anybody else."""
        seals = {name: _seal(key, name, secret.get_secret_value()) for name, secret in self.secrets.items()}
        if len(seals) > TOLD_APART:
            return {"*": _seal(key, "*", json.dumps(seals, sort_keys=True))}
        return seals


def _seal(key: Secret, name: str, word: str) -> str:
    message = f"{name}\0{word}".encode()
    return hmac.new(key.get_secret_value().encode(), message, hashlib.sha256).hexdigest()[:16]
