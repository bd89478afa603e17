"""``jupyter oscar doctor``: every part of the way to a cluster, up to the first that is broken."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from jupyter_oscar.client.diagnosis import Step
    from jupyter_oscar.client.profiles import Profile

_SIGNS = {"ok": "✓", "bad": "✕", "skipped": "–"}


@click.command(epilog="Exit code 0: all is well. 1: something is broken, or there is no such cluster. 2: wrong usage.")
@click.argument("profile", required=False)
@click.option("--json", "as_json", is_flag=True, help="For programs: a list of steps.")
def doctor(*, profile: str | None, as_json: bool) -> None:
    """Say what is wrong on the way to a cluster, and what to do.

    PROFILE is the name of a cluster [default: the one that connect() takes].
    """
    from jupyter_oscar.client.errors import OscarError

    try:
        steps = asyncio.run(_look(_profile(profile), quiet=as_json))
    except OscarError as error:
        click.echo(str(error), err=True)
        raise SystemExit(1) from None
    if as_json:
        click.echo(json.dumps([asdict(step) for step in steps], indent=1))
    raise SystemExit(any(step.state == "bad" for step in steps))


def _profile(name: str | None) -> Profile:
    from jupyter_oscar.client.errors import NoCluster, ProfileNotFound
    from jupyter_oscar.client.profiles import SANDBOX, fallen_sandbox, resolve

    try:
        return resolve(name)
    except (NoCluster, ProfileNotFound):
        fallen = fallen_sandbox() if name in {None, SANDBOX} else None
        if fallen is None:
            raise
        return fallen


async def _look(profile: Profile, *, quiet: bool) -> list[Step]:
    from jupyter_oscar.client.cluster import Cluster
    from jupyter_oscar.client.diagnosis import STEPS, diagnose

    steps, width = [], max(map(len, STEPS))
    async with Cluster(profile) as cluster:
        async for step in diagnose(cluster):
            steps.append(step)
            if not quiet:
                click.echo(f"{_SIGNS[step.state]} {step.name:{width}}  {step.seen or 'not looked at'}")
                if step.todo:
                    click.echo(f"  {'':{width}}  {step.todo}")
    return steps
