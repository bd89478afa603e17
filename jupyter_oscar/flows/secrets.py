"""Finds the values that a dataflow's file only names: references to secrets, a service's token, the keys for AWS.

The compiler gets a dataflow that this has completed. Values are held as secrets and are in no repr, log or error.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, SecretStr

from jupyter_oscar.client import references
from jupyter_oscar.client.cluster import Cluster
from jupyter_oscar.client.errors import InsecureEndpoint, SecretMissing, SecretsUnconfirmed
from jupyter_oscar.client.profiles import Profile, resolve

from . import model
from .errors import FlowError
from .findings import ERROR, Finding
from .snapshot.arrival import has_keystore

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

#: Asks a cluster for the token of a service.
Asks = Callable[[Profile, str], Awaitable[SecretStr]]

#: What becomes of a secret that stands at a path.
Values = Callable[[SecretStr, tuple[Any, ...]], SecretStr]
P = TypeVar("P", bound=BaseModel)


@dataclass(frozen=True)
class Elsewhere:
    """A secret that a file does not hold: whose it is, and where on this machine its value is said to be."""

    element: str
    key: str
    place: str
    line: int | None

    def __str__(self) -> str:
        return f"{self.key} from {self.place}" + (f" (line {self.line})" if self.line else "")


def elsewhere(flow: model.Flow, *, login: bool = False, bridged: Collection[str] = ()) -> list[Elsewhere]:
    """What would be read from this machine and sent to NiFi; with ``login`` also what the file says of NiFi itself.

    A file from somebody else could name any file or variable of whoever deploys it, and any NiFi. What the ``bridged``
    sources are read with stays here: NiFi does not get it.
    """
    found: list[Elsewhere] = []

    def note(secret: SecretStr, path: tuple[Any, ...]) -> SecretStr:
        place = secret.get_secret_value()
        if references.is_reference(place):
            found.append(Elsewhere(flow.owner(path), str(path[-1]), place, flow.line(path)))
        return secret

    if login:
        _head(flow, note)
    _elements(flow, _of_sent(flow, note, bridged))
    keys, lines = _keys(), flow.name_lines()
    for element in flow.elements.values():
        line = lines.get(element.name)
        if isinstance(element, model.AwsSource | model.S3Destination) and _with_keys(element, keys) is not element:
            found.append(Elsewhere(element.name, "AWS keys", "this machine's own", line))
        elif isinstance(element, model.OscarDestination) and _of_known_cluster(element):
            place = f"the cluster {element.extra.cluster}"
            found.append(Elsewhere(element.name, f"the token of {element.service}", place, line))
    return found


def unconfirmed(flow: model.Flow, places: Sequence[Elsewhere]) -> SecretsUnconfirmed:
    """Which secrets of this machine a file wants."""
    wanted = ", ".join(map(str, places))
    msg = f"{flow.path} takes secrets from this machine and sends them to NiFi: {wanted}. Nothing was read."
    return SecretsUnconfirmed(msg, hint="If that is right, say secrets=True.")


async def complete(flow: model.Flow, ask: Asks | None = None, bridged: Collection[str] = ()) -> model.Flow:
    """The same dataflow with every value in it that is sent; what ``bridged`` sources are read with is not.

    Raises:
        FlowError: there is nothing where a reference leads; the message has file and line.
        OscarError: a cluster does not give its service's token.

    """
    done = with_keys(follow(flow, bridged))
    destination = done.nifi.Destination
    oscar = [await _with_token(one, ask or _ask) for one in destination.OSCAR]
    destination = destination.model_copy(update={"OSCAR": oscar})
    return done.with_nifi(done.nifi.model_copy(update={"Destination": destination}))


def with_keys(flow: model.Flow) -> model.Flow:
    """The same dataflow with this machine's keys for AWS where the file has none."""
    keys, source, destination = _keys(), flow.nifi.Source, flow.nifi.Destination
    source = source.model_copy(
        update={kind: [_with_keys(one, keys) for one in getattr(source, kind)] for kind in ("GetSQS", "GetS3")}
    )
    destination = destination.model_copy(update={"PutS3": [_with_keys(one, keys) for one in destination.PutS3]})
    return flow.with_nifi(flow.nifi.model_copy(update={"Source": source, "Destination": destination}))


def follow(flow: model.Flow, bridged: Collection[str] = ()) -> model.Flow:
    """The same dataflow with the references in its elements followed; the network is not needed for it.

    What ``bridged`` sources are read with is left as it is.

    Raises:
        FlowError: there is nothing where a reference leads; the message has file and line.

    """
    return flow.with_nifi(_elements(flow, _of_sent(flow, _following(flow), bridged)))


def follow_aws(flow: model.Flow) -> model.Flow:
    """The same dataflow with the keys for AWS of its sources followed, and no other reference.

    Raises:
        FlowError: there is nothing where a reference leads; the message has file and line.

    """
    source, value = flow.nifi.Source, _following(flow)
    update = {kind: _new(getattr(source, kind), ("nifi", "Source", kind), value) for kind in ("GetSQS", "GetS3")}
    return with_keys(flow.with_nifi(flow.nifi.model_copy(update={"Source": source.model_copy(update=update)})))


def follow_head(flow: model.Flow) -> model.Nifi:
    """Only what is said of NiFi itself, with its references followed; its elements are as they are.

    Raises:
        FlowError: there is nothing where a reference leads; the message has file and line.

    """
    return _head(flow, _following(flow))


def _elements(flow: model.Flow, value: Values) -> model.Nifi:
    nifi = flow.nifi
    update = {key: _new(getattr(nifi, key), ("nifi", key), value) for key in ("Source", "Destination", "generic")}
    return nifi.model_copy(update=update)


def _of_sent(flow: model.Flow, value: Values, bridged: Collection[str]) -> Values:
    """``value`` for what is sent, and the secret itself for what a bridged source is read with.

    Sent are the keys for AWS, by which its queue is made, and what its bridge's end shows its certificate with.
    """
    elements = flow.elements

    def of(secret: SecretStr, path: tuple[Any, ...]) -> SecretStr:
        element = elements.get(flow.owner(path)) if bridged else None
        if isinstance(element, model.Source) and element.name in bridged:
            listens = "ssl_context" in path and has_keystore(element)
            return value(secret, path) if listens or str(path[-1]).startswith("AWS_") else secret
        return value(secret, path)

    return of


def _head(flow: model.Flow, value: Values) -> model.Nifi:
    nifi = flow.nifi
    update: dict[str, Any] = {"extra": _each(nifi.extra, ("nifi", model.EXTRA), value)}
    if nifi.password is not None:
        update["password"] = value(nifi.password, ("nifi", "password"))
    return nifi.model_copy(update=update)


def _following(flow: model.Flow) -> Values:
    def value(secret: SecretStr, path: tuple[Any, ...]) -> SecretStr:
        try:
            return SecretStr(references.follow(secret.get_secret_value(), flow.path.parent))
        except SecretMissing as error:
            line = flow.line(path)
            problem = f"`{path[-1]}`: {error.message}"
            finding = Finding(ERROR, line, ".".join(map(str, path)), problem, error.hint)
            raise FlowError(f"{flow.path}:{line or 1}: {problem}", findings=[finding], hint=error.hint) from error

    return value


def _each(part: P, path: tuple[Any, ...], value: Values) -> P:
    """A copy in which each secret is what ``value`` says; what holds none is taken as it is."""
    update = {}
    for name, info in type(part).model_fields.items():
        old = getattr(part, name)
        new = _new(old, (*path, info.alias or name), value)
        if new is not old:
            update[name] = new
    return part.model_copy(update=update) if update else part


def _new(old: Any, path: tuple[Any, ...], value: Values) -> Any:
    if isinstance(old, SecretStr):
        return value(old, path)
    if isinstance(old, BaseModel):
        return _each(old, path, value)
    if isinstance(old, list):
        return [_new(item, (*path, index), value) for index, item in enumerate(old)] if old else old
    if isinstance(old, dict):
        return {key: _new(item, (*path, key), value) for key, item in old.items()} if old else old
    return old


async def _with_token(element: model.OscarDestination, ask: Asks) -> model.OscarDestination:
    """The token of its service: asked for with user and password, which win, or of a cluster that is known here."""
    user, password, cluster = element.user, element.password, element.extra.cluster
    if user is not None and password is not None:
        profile = resolve(endpoint=element.endpoint, user=user, password=password.get_secret_value())
    elif cluster is not None and _of_known_cluster(element):
        profile = resolve(cluster)
        if profile.endpoint != element.endpoint.rstrip("/"):
            msg = f"{element.name}: the cluster {cluster} is at {profile.endpoint}, not at {element.endpoint}."
            raise InsecureEndpoint(msg, hint="The token would go elsewhere. Name the cluster that has this endpoint.")
    else:
        return element
    return element.model_copy(update={"token": await ask(profile, element.service)})


def _of_known_cluster(element: model.OscarDestination) -> bool:
    said = element.token is not None or (element.user is not None and element.password is not None)
    return element.extra.cluster is not None and not said


async def _ask(profile: Profile, service: str) -> SecretStr:
    async with Cluster(profile) as cluster:
        return (await cluster.services.get(service)).token


Keys = tuple[str, str] | None


def _with_keys(element: Any, keys: Keys) -> Any:
    """With this machine's keys where the file has none. A MinIO's keys are only ever the file's.

    DCNiOS looks in the file last; here what is written is what counts.
    """
    elsewhere = element.MinIO_Endpoint if isinstance(element, model.S3Destination) else element.extra.endpoint
    if element.AWS_ACCESS_KEY_ID is not None or elsewhere or keys is None:
        return element
    update = {"AWS_ACCESS_KEY_ID": SecretStr(keys[0]), "AWS_SECRET_ACCESS_KEY": SecretStr(keys[1])}
    return element.model_copy(update=update)


def _keys() -> Keys:
    """The keys of this machine for AWS: the environment's, else those of the shared credentials' default profile."""
    access, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if not (access and secret):
        access, secret = _shared()
    return (access, secret) if access and secret else None


def _shared() -> tuple[str | None, str | None]:
    """The keys of the default profile in AWS's own file."""
    import configparser
    from pathlib import Path

    file = Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or Path.home() / ".aws" / "credentials")
    parser = configparser.RawConfigParser()
    try:
        parser.read(file, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError, OSError):
        return None, None
    return tuple(parser.get("default", key, fallback=None) for key in ("aws_access_key_id", "aws_secret_access_key"))  # type: ignore[return-value]
