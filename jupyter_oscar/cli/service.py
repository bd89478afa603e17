"""``jupyter oscar service``: look at services, remove them, start and stop them.

Beside it are its other words: calling in ``invoking``, changing in ``changing``, jobs in ``logs``, files in ``files``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from . import changing, files, invoking
from .codes import EPILOG
from .logs import logs
from .names import buckets, services
from .terminal import as_json, confirm, on_cluster, out, say, size, table, yes
from .words import Noun, WithDefault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_oscar.client.belongings import Belonging
    from jupyter_oscar.client.cluster import Cluster

# What others' passwords may stand in, which a server gives back in clear (oscar.md §10.19).
_UNSHOWN = {"token", "storage_providers", "clusters", "kserve", "federation"}


@click.group(cls=Noun, epilog=EPILOG)
def service() -> None:
    """Services: list, look at, call, change, read logs, remove."""


_OTHERS = (logs, files.put_file, files.get_file, files.list_files, files.delete_file)
for _command in (*_OTHERS, invoking.run, invoking.job, changing.change):
    service.add_command(_command)


@service.command("list", epilog=EPILOG)
@as_json
@on_cluster
async def list_(cluster: Cluster, *, as_json: bool) -> None:
    """List the services you may see."""
    from jupyter_oscar.client.services import Summary

    found = [Summary.of(row) for row in await cluster.services.rows()]
    if as_json:
        out([one._asdict() for one in found])
    else:
        table(("NAME", "KIND", "VISIBILITY", "IMAGE", "OWNER"), found)


@service.command(epilog=EPILOG)
@click.argument("name", shell_complete=services)
@click.option("--script", is_flag=True, help="Print its script instead.")
@as_json
@on_cluster
async def get(cluster: Cluster, *, name: str, script: bool, as_json: bool) -> None:
    """Print a service as an FDL, as its author wrote it; no token and no secret."""
    from jupyter_oscar.client import fdl, prologue

    found = await cluster.services.get(name)
    if as_json:
        out(found.model_dump(mode="json", exclude=_UNSHOWN))
    else:
        click.echo(prologue.remove(found.script) if script else fdl.dump(found), nl=False)


@service.command(epilog=EPILOG)
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=services)
@click.option("--keep", metavar="BUCKET", shell_complete=buckets, help="First copy their objects into this bucket.")
@yes
@on_cluster
async def remove(cluster: Cluster, *, names: tuple[str, ...], keep: str | None, yes: bool) -> None:
    """Remove services WITH their input and output buckets and all objects in them.

    With --keep the objects are first copied into a bucket that stays, as BUCKET/<their bucket>/<their key>. It is made
    if need be. Where not everything arrives, nothing is removed.
    """
    for name in names:
        await removed(cluster, name, keep, sure=yes)


async def removed(cluster: Cluster, name: str, keep: str | None, *, sure: bool) -> None:
    """Remove a service, having said what goes with it."""
    goes = await cluster.services.belongings(name)
    confirm(f"Remove {name}{_with(goes, keep)}?", sure=sure)
    kept = await cluster.services.delete(name, keep=keep)
    click.echo(f"{name}: removed{_with(goes, keep)}")
    for one in kept:
        say(f"{_amount(one)} of {one.bucket} kept in {keep}/{one.bucket}/")


def _with(goes: Sequence[Belonging], keep: str | None) -> str:
    """What is destroyed with a service, in words."""
    if not goes:
        return ""
    named = ", ".join(f"{one.bucket} ({_amount(one)}{_users(one)})" for one in goes)
    rest = f"their objects are kept in {keep}" if keep else "all objects in them are lost"
    return f" with the buckets {named}: {rest}"


def _amount(one: Belonging) -> str:
    more = " or more" if one.more else ""
    return f"{one.objects} object{'s' * (one.objects != 1)}, {size(one.bytes)}{more}"


def _users(one: Belonging) -> str:
    return f"; used by {', '.join(one.others)} too" if one.others else ""


def _lifecycle(verb: str) -> None:
    @service.command(verb, epilog=EPILOG, help=f"{verb.capitalize()} an exposed service.")
    @click.argument("name", shell_complete=services)
    @on_cluster
    async def command(cluster: Cluster, *, name: str) -> None:
        await cluster.deployments.ask(name, verb)
        click.echo(f"{name}: {verb} asked for")


for _verb in ("start", "stop", "restart"):
    _lifecycle(_verb)


@service.group(cls=WithDefault, epilog=EPILOG)
def deployment() -> None:
    """How a service runs, and what its instances print: [status] NAME, logs NAME."""


@deployment.command(epilog=EPILOG)
@click.argument("name", shell_complete=services)
@as_json
@on_cluster
async def status(cluster: Cluster, *, name: str, as_json: bool) -> None:
    """Say how a service runs: state, why, instances."""
    found = await cluster.deployments.of(name)
    if as_json:
        out(found.model_dump(mode="json"))
    else:
        table(("WHAT", "VALUE"), [(key, "" if value is None else value) for key, value in found])


@deployment.command("logs", epilog=EPILOG)
@click.argument("name", shell_complete=services)
@click.option("--lines", "-n", type=click.IntRange(1, 1000), default=200, show_default=True, help="How many at most.")
@click.option("--show-timestamps", "-t", "timestamps", is_flag=True, help="Begin each line with its moment.")
@as_json
@on_cluster
async def deployment_logs(cluster: Cluster, *, name: str, lines: int, timestamps: bool, as_json: bool) -> None:
    """Print what the instances of a service printed last."""
    found = await cluster.deployments.log(name, lines=lines, timestamps=timestamps)
    if as_json:
        out(found.model_dump(mode="json"))
        return
    for line in found.lines:
        click.echo(line)
    if not found.lines and found.message:
        say(found.message)
