"""``jupyter oscar watch``: one line for each change of each call, until all have ended."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

import click

from .codes import EPILOG, SCRIPT
from .names import references
from .terminal import as_json, on_cluster, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_oscar.client.cluster import Cluster
    from jupyter_oscar.client.records import Call

# Seconds between looks at what the poller already knows; nobody is asked for it.
_LOOK: Final = 0.2
_UNITS: Final = {"m": 60, "h": 3600, "d": 86400}


def _seconds(_: click.Context, __: click.Parameter, said: str) -> int:
    if not (found := re.fullmatch(r"(\d{1,6})([mhd])", said)):
        msg = f'"{said}" is no time: write 30m, 6h or 2d.'
        raise click.BadParameter(msg)
    return int(found[1]) * _UNITS[found[2]]


@click.command(epilog=f"{EPILOG} Here 6: one of the calls did not end well.")
@click.argument("jobs", nargs=-1, metavar="[SERVICE/ID]...", shell_complete=references)
@click.option("--since", default="1d", callback=_seconds, help="Without names: how far back to look [default: 1d].")
@as_json
@on_cluster
async def watch(cluster: Cluster, *, jobs: tuple[str, ...], since: int, as_json: bool) -> None:
    """Follow calls until they have ended [default: all of yours that are under way].

    With --json one object a line.
    """
    if jobs:
        calls = [await cluster.calls.find(reference) for reference in jobs]
    else:
        after = datetime.now(timezone.utc) - timedelta(seconds=since)
        recorded = await cluster.calls.recorded(after, known={})
        calls = await _under_way(cluster, list(recorded.values()))
        if not calls:
            say("No call is under way.")
    if not await _follow(cluster, calls, as_json=as_json):
        raise SystemExit(SCRIPT)


async def _under_way(cluster: Cluster, calls: Sequence[Call]) -> list[Call]:
    from jupyter_oscar.client.jobs import state

    ended = {name for name, facts in (await cluster.calls.look_in_buckets(calls)).items() if state(facts).ended}
    return [call for call in calls if call.id not in ended and call.cancelled is None]


async def _follow(cluster: Cluster, calls: Sequence[Call], *, as_json: bool) -> bool:
    """Whether all ended well."""
    from jupyter_oscar.client.jobs import State, state

    waits = {call.id: cluster.watch.enter(call) for call in calls}
    shown: dict[str, State] = {}
    while True:
        over = all(wait.done() for wait in waits.values())
        for call in calls:
            wait = waits[call.id]
            facts = wait.result() if wait.done() else cluster.watch.known(call)
            now = state(facts) if facts else State.UNKNOWN
            if shown.get(call.id) is not now:
                shown[call.id] = now
                _line(call, now, as_json=as_json)
        if over:
            return all(now is State.DONE for now in shown.values())
        await asyncio.wait([wait for wait in waits.values() if not wait.done()], timeout=_LOOK)


def _line(call: Call, now: object, *, as_json: bool) -> None:
    moment = datetime.now(timezone.utc).isoformat(timespec="seconds")
    if as_json:
        click.echo(json.dumps({"time": moment, "job": call.reference, "state": str(now)}))
    else:
        click.echo(f"{moment}\t{call.reference}\t{now}")
