"""``jupyter oscar diff``: what applying a file would change; nothing is written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .codes import DIFFERENT, EPILOG
from .terminal import as_json, on_cluster, out, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_oscar.client.cluster import Cluster
    from jupyter_oscar.client.fdl import Fdl
    from jupyter_oscar.client.plan import Change


def _in_folder(_: click.Context, __: click.Parameter, path: Path) -> Path:
    """Of a folder, as those of OSCAR's hub are, the FDL in it."""
    if not path.is_dir():
        return path
    found = next((path / one for one in ("fdl.yaml", "fdl.yml") if (path / one).is_file()), None)
    if found is None:
        msg = f"{path} holds no fdl.yaml and no fdl.yml."
        raise click.UsageError(msg)
    return found


file = click.argument("file", type=click.Path(path_type=Path), callback=_in_folder)
name = click.option("--name", "-n", metavar="NAME", help="Call its one service, and the bucket of that name, so.")
env_file = click.option(
    "--env-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="KEY=value lines, in place of what FILE says of variables and secrets it names.",
)


@click.command(epilog=f"{EPILOG} With --exit-code 7: there is a difference.")
@file
@name
@env_file
@click.option("--exit-code", "as_code", is_flag=True, help="End with 7 where something differs.")
@as_json
@on_cluster
async def diff(
    cluster: Cluster, *, file: Path, name: str | None, env_file: Path | None, as_code: bool, as_json: bool
) -> None:
    """Show what applying the FDL FILE would change. Of secrets only the names are looked at."""
    changes = await planned(cluster, read(file, name, env_file))
    if as_json:
        out([{**change._asdict(), "action": change.action if change.diff else "nothing"} for change in changes])
    else:
        show(changes)
    if as_code and any(change.diff for change in changes):
        raise SystemExit(DIFFERENT)


def read(file: Path, name: str | None, env_file: Path | None) -> Fdl:
    """The file, with what is said beside it."""
    from jupyter_oscar.client import fdl

    from . import dotenv

    return fdl.load(file, name=name, values=dotenv.read(env_file) if env_file else None)


async def planned(cluster: Cluster, found: Fdl) -> Sequence[Change]:
    """What would become of each service; says what this cluster would ignore, and what cannot be known."""
    from jupyter_oscar.client import plan, review

    for key in await review.of(cluster, found.services):
        say(str(key))
    changes = [await plan.change(cluster, service) for service in found.services]
    for change, service in zip(changes, found.services, strict=True):
        if keys := not change.diff and sorted(service.environment.secrets):
            anew = " ".join(f"environment.secrets.{key}=env:NAME" for key in keys)
            say(
                f"{change.name}: a cluster tells no secret, so {', '.join(keys)} could not be compared. "
                f"To send anew: jupyter oscar service change {change.name} {anew}"
            )
    return changes


def show(changes: Sequence[Change]) -> None:
    """For a person: one paragraph for each service, coloured on a terminal."""
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for change in changes:
        if not change.diff:
            click.echo(f"{change.name}: as deployed")
            continue
        click.echo(f"{change.name}: {change.action}")
        for line in change.diff.splitlines():
            click.secho(f"  {line}", fg=colours.get(line[:1]))
