"""``jupyter oscar service change``: an update that starts from what is stored."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import diff as differences
from .codes import EPILOG
from .names import services
from .terminal import as_json, on_cluster, out, say, yes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_oscar.client.cluster import Cluster


def _changes(words: Sequence[str]) -> dict[str, Any]:
    """``a.b=value`` as nested maps."""
    found: dict[str, Any] = {}
    for word in words:
        field, sign, text = word.partition("=")
        keys = field.split(".", 2)
        if not sign or not all(keys):
            msg = f'"{word}" is no change: write FIELD=VALUE, such as cpu=2 or labels.team=sea.'
            raise click.UsageError(msg)
        place = found
        for key in keys[:-1]:
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                msg = f'"{word}" changes a part of what another change replaces.'
                raise click.UsageError(msg)
        place[keys[-1]] = _value(keys, text) if text else None
    return found


def _value(keys: Sequence[str], text: str) -> Any:
    """Text where the field holds text; anything else is said as YAML: lists, numbers, truths."""
    import yaml

    from jupyter_oscar.client.service import Service

    field = Service.model_fields.get(keys[0])
    if keys[0] == "environment" or (field and field.annotation in (str, dict[str, str])):
        return text
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        msg = f'{".".join(keys)}: "{text}" cannot be read as YAML.'
        raise click.UsageError(msg) from error


def _refuse_literal_secrets(changes: dict[str, Any]) -> None:
    from jupyter_oscar.client.references import is_reference

    secrets = (changes.get("environment") or {}).get("secrets") or {}
    for name, value in secrets.items():
        if value and not is_reference(value):
            msg = (
                f"Everybody on this machine can see arguments: write environment.secrets.{name}=env:NAME or file:PATH."
            )
            raise click.UsageError(msg)


@click.command(epilog=EPILOG)
@click.argument("name", shell_complete=services)
@click.argument("words", nargs=-1, metavar="FIELD=VALUE...")
@click.option("--script", type=click.Path(dir_okay=False, path_type=Path), help="Its new script.")
@yes
@as_json
@on_cluster
async def change(
    cluster: Cluster, *, name: str, words: tuple[str, ...], script: Path | None, yes: bool, as_json: bool
) -> None:
    """Change fields of a deployed service and leave the rest as it is.

    A part of a map is FIELD.KEY, as in labels.team=sea or environment.variables.LEVEL=3; nothing after the = takes it
    out. Every secret needs its value again, since a server never tells it: say where it is, as in
    environment.secrets.KEY=env:KEY (or file:PATH, or keyring:SERVICE/USER). On a terminal the difference is shown and
    you are asked.
    """
    from jupyter_oscar.client import plan, review

    changes = _changes(words)
    _refuse_literal_secrets(changes)
    if script is not None:
        changes["script"] = _read(script)
    if not changes:
        msg = "Say what to change: FIELD=VALUE, or --script FILE."
        raise click.UsageError(msg)
    change = await plan.changing(cluster, name, changes)
    if not as_json:
        differences.show([change])
    if change.diff and not yes and sys.stdin.isatty():
        click.confirm(f"Update {name} on {cluster.profile.name}?", abort=True, err=True)
    stored = await cluster.services.change(name, **changes)
    for key in await review.of_changes(cluster, stored, changes):
        say(str(key))
    if as_json:
        out({"name": name, "done": "update"})
    else:
        click.echo(f"{name}: updated")


def _read(script: Path) -> str:
    from jupyter_oscar.client.errors import FileMissing

    try:
        return script.read_text(encoding="utf-8").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        msg = f"The script {script} cannot be read: {(why or 'unknown reason').lower()}."
        raise FileMissing(msg, hint="Check the path.") from error
