"""What is sent when a service is updated.

OSCAR's update is a full replacement: what a body leaves out goes back to its default, the owner becomes what the body
says, and secrets that it does not tell are blanked (oscar.md §1.2, §10.8). So it starts from what is stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr, ValidationError

from . import prologue
from .errors import InvalidRequest, SecretWouldBeBlanked
from .references import follow
from .service import SERVER_LABELS, Service

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

#: What an FDL seldom says and a server knows: kept unless the new definition has its own word.
KEPT: Final = ("cluster_id", "vo", "storage_providers", "clusters", "volume")


def replacing(old: Service, new: Service, dropped: Collection[str] = ()) -> Service:
    """``new`` in place of ``old``: with its owner, with what the server made itself, with what was not said again.

    ``dropped`` are secrets that shall go.

    Raises:
        SecretWouldBeBlanked: ``old`` has a secret that ``new`` gives no value for.
        InvalidRequest: it has another volume; a server takes none with an update.

    """
    _keep_secrets(old, new, dropped)
    _same_volume(old, new)
    body = kept(old, new).model_dump(exclude_unset=True, exclude={"volume"})
    return Service.model_validate({**body, "owner": old.owner})


def kept(old: Service, new: Service) -> Service:
    """``new`` with what it does not say and an update keeps: a volume among it (wire F008)."""
    said = new.model_fields_set
    more: dict[str, Any] = {key: getattr(old, key) for key in KEPT if key not in said and getattr(old, key)}
    if made := {key: value for key, value in old.labels.items() if key in SERVER_LABELS}:
        more["labels"] = {**made, **new.labels}
    return new.model_copy(update=more)


def changing(old: Service, changes: Mapping[str, Any]) -> Service:
    """What is sent to change some of a stored service; raises what :func:`changed` and :func:`replacing` do."""
    secrets = (changes.get("environment") or {}).get("secrets") or {}
    return replacing(old, changed(old, changes), [key for key, value in secrets.items() if value is None])


def changed(old: Service, changes: Mapping[str, Any]) -> Service:
    """A stored service with some of it changed; tracked or not, as its label then says.

    Maps are changed key by key, where None takes a key out; anything else is replaced. Secrets may be references
    (``env:NAME`` …).

    Raises:
        InvalidRequest: there is no such field, or the value is of another kind.
        SecretMissing: a reference leads nowhere.
        TrackingRefused: its outputs cannot be kept apart.

    """
    unknown = sorted(set(changes) - set(Service.model_fields))
    if unknown:
        msg = f'A service has no field "{unknown[0]}".'
        raise InvalidRequest(msg, hint=f"There are {', '.join(sorted(Service.model_fields))}.")
    if changes.get("name", old.name) != old.name:
        msg = f'"{old.name}" cannot be renamed.'
        raise InvalidRequest(msg, hint="Deploy it under the other name, and delete this one.")
    body = old.model_dump(exclude={"environment": {"secrets"}}, exclude_unset=True)
    body["environment"] = {**body.get("environment", {}), "secrets": dict.fromkeys(old.environment.secrets, "")}
    merged = _merged(body, changes)
    secrets = merged["environment"]["secrets"]
    merged["environment"]["secrets"] = {key: follow(_clear(value)) for key, value in secrets.items()}
    try:
        new = Service.model_validate(merged)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        msg = f"{'.'.join(map(str, first['loc']))}: {first['msg']}."
        raise InvalidRequest(msg) from None  # its own words would show the values
    return prologue.track(new) if new.tracked else new.model_copy(update={"script": prologue.remove(new.script)})


def _merged(old: Any, new: Any) -> Any:
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    both = {**old, **{key: _merged(old.get(key), value) for key, value in new.items()}}
    return {key: value for key, value in both.items() if value is not None}


def _clear(value: Any) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def _keep_secrets(old: Service, new: Service, dropped: Collection[str]) -> None:
    given = {key for key, value in new.environment.secrets.items() if value.get_secret_value()}
    blanked = sorted(set(old.environment.secrets) - given - set(dropped))
    if blanked:
        names = ", ".join(blanked)
        msg = f'Updating service "{new.name}" would blank its secrets: {names}.'
        hint = (
            "A server never tells them: give each a value again under environment.secrets, or say where it is "
            "(env:NAME, file:PATH, keyring:SERVICE/USER)."
        )
        raise SecretWouldBeBlanked(msg, hint=hint)


def _same_volume(old: Service, new: Service) -> None:
    if new.volume is None:
        return
    there = old.volume.model_dump() if old.volume else {}
    said = {key: value for key, value in new.volume.model_dump(exclude_unset=True).items() if value}
    if any(there.get(key) != value for key, value in said.items()):
        msg = f'The volume of "{new.name}" cannot be changed.'
        hint = "Delete the service and deploy it again; a volume with lifecycle_policy: retain outlives it."
        raise InvalidRequest(msg, hint=hint)
