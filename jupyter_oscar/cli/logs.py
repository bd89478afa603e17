"""``jupyter oscar service logs``: the jobs of a service and what they printed."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from . import names
from .codes import EPILOG
from .names import services
from .terminal import as_json, confirm, on_cluster, out, table, yes
from .words import Noun

if TYPE_CHECKING:
    from jupyter_oscar.client.cluster import Cluster
    from jupyter_oscar.client.jobs import Row


@click.group(cls=Noun, epilog=EPILOG)
def logs() -> None:
    """The jobs of a service and their logs."""


@logs.command("list", epilog=EPILOG)
@click.argument("service", shell_complete=services)
@click.option("--status", "-s", multiple=True, help="Only these: Pending, Running, Succeeded, Failed, Suspended.")
@as_json
@on_cluster
async def list_(cluster: Cluster, *, service: str, status: tuple[str, ...], as_json: bool) -> None:
    """List the jobs of SERVICE, newest first, with the server's own word for their state.

    A server says Succeeded whatever the script's exit code; `watch` tells more. Listing costs the server one request
    for each job.
    """
    wanted = {word.lower() for word in status}
    rows = {
        name: row
        for name, row in (await cluster.jobs.list(service)).items()
        if not wanted or row.status.lower() in wanted
    }
    newest = sorted(rows.items(), key=_begun, reverse=True)
    if as_json:
        out([{"name": name, **asdict(row)} for name, row in newest])
        return
    times = [(name, row.status, row.creation_time, row.start_time, row.finish_time) for name, row in newest]
    table(("NAME", "STATUS", "CREATED", "STARTED", "FINISHED"), [[cell or "" for cell in row] for row in times])


def _begun(pair: tuple[str, Row]) -> str:
    return str(pair[1].creation_time or pair[1].start_time or "")


async def _newest(cluster: Cluster, service: str) -> str:
    rows = await cluster.jobs.list(service)
    if not rows:
        from jupyter_oscar.client.errors import JobNotFound

        msg = f"{service} has no jobs."
        raise JobNotFound(msg)
    return max(rows.items(), key=_begun)[0]


async def _log(cluster: Cluster, service: str, job: str, *, timestamps: bool) -> str:
    """What the server has, or what was kept of a job that was cancelled."""
    from jupyter_oscar.client.errors import JobNotFound, JobNotIdentified

    try:
        return await cluster.jobs.log(service, job, timestamps=timestamps)
    except JobNotFound as gone:
        try:
            return await cluster.calls.log(await cluster.calls.find(f"{service}/{job}"))
        except (JobNotFound, JobNotIdentified):
            raise gone from None


@logs.command(epilog=EPILOG)
@click.argument("service", shell_complete=services)
@click.argument("job", required=False, shell_complete=names.jobs)
@click.option("--latest", "-l", is_flag=True, help="Of the newest job, in place of JOB.")
@click.option("--show-timestamps", "-t", "timestamps", is_flag=True, help="Begin each line with its moment.")
@click.option("--script", is_flag=True, help="Only what the script printed, without the supervisor's lines.")
@on_cluster
async def get(cluster: Cluster, *, service: str, job: str | None, latest: bool, timestamps: bool, script: bool) -> None:
    """Print the log of JOB; of one that was cancelled what was kept of it."""
    if (job is None) != latest:
        msg = "Name a job, or say --latest."
        raise click.UsageError(msg)
    if timestamps and script:
        msg = "--script and --show-timestamps cannot be had together."
        raise click.UsageError(msg)
    from jupyter_oscar.client.jobs import script_lines

    job = job or await _newest(cluster, service)
    text = await _log(cluster, service, job.rpartition("/")[2], timestamps=timestamps)
    text = "".join(f"{line}\n" for line in script_lines(text)) if script else text
    click.echo(text, nl=bool(text) and not text.endswith("\n"))


@logs.command(epilog=EPILOG)
@click.argument("service", shell_complete=services)
@click.argument("jobs", nargs=-1, metavar="[JOB]...", shell_complete=names.jobs)
@click.option("--succeeded", is_flag=True, help="All that the server calls Succeeded, everybody's.")
@click.option("--all", "every", is_flag=True, help="All, everybody's; those that run are ended.")
@yes
@on_cluster
async def remove(
    cluster: Cluster, *, service: str, jobs: tuple[str, ...], succeeded: bool, every: bool, yes: bool
) -> None:
    """Remove jobs of SERVICE with their logs; a running one is ended."""
    if sum((bool(jobs), succeeded, every)) != 1:
        msg = "Name the jobs, or say --succeeded or --all, one of the three."
        raise click.UsageError(msg)
    if jobs:
        for job in jobs:
            await cluster.jobs.delete(service, job.rpartition("/")[2])
            click.echo(f"{job}: removed")
        return
    which = "that succeeded" if succeeded else "there are, running ones too"
    confirm(f"Remove all jobs of {service} {which}, everybody's?", sure=yes)
    await cluster.jobs.delete_all(service, only_succeeded=succeeded)
    click.echo(f"{service}: jobs removed")
