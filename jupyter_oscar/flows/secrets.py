"""Finds the values that a dataflow's file only names: references to secrets, a service's token, the keys for AWS.

The compiler gets a dataflow that this has completed. Values are held as secrets and are in no repr, log or error.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr

from jupyter_oscar.client import references
from jupyter_oscar.client.cluster import Cluster
from jupyter_oscar.client.errors import InsecureEndpoint, SecretMissing
from jupyter_oscar.client.profiles import Profile, resolve

from . import model
from .errors import FlowError
from .findings import ERROR, Finding

#: Asks a cluster for the token of a service.
Asks = Callable[[Profile, str], Awaitable[SecretStr]]

P = TypeVar("P", bound=BaseModel)


async def complete(flow: model.Flow, ask: Asks | None = None) -> model.Flow:
    """The same dataflow with every value in it.

    Raises:
        FlowError: there is nothing where a reference leads; the message has file and line.
        OscarError: a cluster does not give its service's token.

    """
    done = follow(flow)
    oscar = [await _with_token(one, ask or _ask) for one in done.nifi.Destination.OSCAR]
    destination = done.nifi.Destination.model_copy(
        update={"OSCAR": oscar, "PutS3": [_with_keys(one) for one in done.nifi.Destination.PutS3]}
    )
    source = done.nifi.Source.model_copy(
        update={kind: [_with_keys(one) for one in getattr(done.nifi.Source, kind)] for kind in ("GetSQS", "GetS3")}
    )
    return done.with_nifi(done.nifi.model_copy(update={"Source": source, "Destination": destination}))


def follow(flow: model.Flow) -> model.Flow:
    """The same dataflow with the references in its elements followed; the network is not needed for it.

    Raises:
        FlowError: there is nothing where a reference leads; the message has file and line.

    """
    nifi, value = flow.nifi, _following(flow)
    update = {key: _new(getattr(nifi, key), ("nifi", key), value) for key in ("Source", "Destination", "generic")}
    return flow.with_nifi(nifi.model_copy(update=update))


def follow_head(flow: model.Flow) -> model.Nifi:
    """Only what is said of NiFi itself, with its references followed; its elements are as they are.

    Raises:
        FlowError: there is nothing where a reference leads; the message has file and line.

    """
    nifi, value = flow.nifi, _following(flow)
    update: dict[str, Any] = {"extra": _each(nifi.extra, ("nifi", model.EXTRA), value)}
    if nifi.password is not None:
        update["password"] = value(nifi.password, ("nifi", "password"))
    return nifi.model_copy(update=update)


def _following(flow: model.Flow) -> Callable[[SecretStr, tuple[Any, ...]], SecretStr]:
    def value(secret: SecretStr, path: tuple[Any, ...]) -> SecretStr:
        try:
            return SecretStr(references.follow(secret.get_secret_value(), flow.path.parent))
        except SecretMissing as error:
            line = flow.line(path)
            problem = f"`{path[-1]}`: {error.message}"
            finding = Finding(ERROR, line, ".".join(map(str, path)), problem, error.hint)
            raise FlowError(f"{flow.path}:{line or 1}: {problem}", findings=[finding], hint=error.hint) from error

    return value


def _each(part: P, path: tuple[Any, ...], value: Callable[[SecretStr, tuple[Any, ...]], SecretStr]) -> P:
    """A copy in which each secret is what ``value`` says; what holds none is taken as it is."""
    update = {}
    for name, info in type(part).model_fields.items():
        old = getattr(part, name)
        new = _new(old, (*path, info.alias or name), value)
        if new is not old:
            update[name] = new
    return part.model_copy(update=update) if update else part


def _new(old: Any, path: tuple[Any, ...], value: Callable[[SecretStr, tuple[Any, ...]], SecretStr]) -> Any:
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
    elif cluster is not None and element.token is None:
        profile = resolve(cluster)
        if profile.endpoint != element.endpoint.rstrip("/"):
            msg = f"{element.name}: the cluster {cluster} is at {profile.endpoint}, not at {element.endpoint}."
            raise InsecureEndpoint(msg, hint="The token would go elsewhere. Name the cluster that has this endpoint.")
    else:
        return element
    return element.model_copy(update={"token": await ask(profile, element.service)})


async def _ask(profile: Profile, service: str) -> SecretStr:
    async with Cluster(profile) as cluster:
        return (await cluster.services.get(service)).token


def _with_keys(element: Any) -> Any:
    """The keys for AWS: the file's, else the environment's, else those of the shared credentials' default profile.

    DCNiOS looks in the file last; here what is written is what counts. A MinIO's keys are only ever the file's.
    """
    elsewhere = element.MinIO_Endpoint if isinstance(element, model.S3Destination) else element.extra.endpoint
    if element.AWS_ACCESS_KEY_ID is not None or elsewhere:
        return element
    access, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if not (access and secret):
        access, secret = _shared()
    if not (access and secret):
        return element
    keys = {"AWS_ACCESS_KEY_ID": SecretStr(access), "AWS_SECRET_ACCESS_KEY": SecretStr(secret)}
    return element.model_copy(update=keys)


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
