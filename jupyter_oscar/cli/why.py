"""``jupyter oscar why``: why a call waits, or did not end well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .codes import EPILOG
from .names import references
from .terminal import as_json, on_cluster, out

if TYPE_CHECKING:
    from jupyter_oscar.client.cluster import Cluster


@click.command(epilog=EPILOG)
@click.argument("job", metavar="SERVICE/ID", shell_complete=references)
@as_json
@on_cluster
async def why(cluster: Cluster, *, job: str, as_json: bool) -> None:
    """Say in words how a call is: why it has not begun, or why it did not end well.

    OSCAR tells nothing of what Kubernetes says of a job. Why one waits follows from what its service asks for, what the
    cluster has and what you may use, the likeliest first.
    """
    from jupyter_oscar.client.jobs import state

    call = await cluster.calls.find(job)
    facts = await cluster.calls.look(call)
    reasons = await cluster.calls.why(call, facts)
    now = state(facts)
    if as_json:
        out({"job": call.reference, "state": str(now), "reasons": [reason._asdict() for reason in reasons]})
        return
    click.echo(f"{call.reference}\t{now}")
    for reason in reasons:
        click.echo(f"{reason}{' Waiting is in vain.' if reason.never else ''}")
