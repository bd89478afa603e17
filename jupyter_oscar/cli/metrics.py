"""``jupyter oscar metrics``: how much services were used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .codes import EPILOG
from .names import services
from .terminal import as_json, on_cluster, out, say, table
from .words import WithDefault

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from jupyter_oscar.client.cluster import Cluster


@click.group(cls=WithDefault, epilog=EPILOG)
def metrics() -> None:
    """How much services were used: [summary], breakdown, service NAME."""


def _span(function: Callable[..., Any]) -> Callable[..., Any]:
    function = click.option("--end", type=click.DateTime(), help="Until [default: now].")(function)
    return click.option("--start", type=click.DateTime(), help="Since [default: a day ago].")(function)


@metrics.command(epilog=EPILOG)
@_span
@as_json
@on_cluster
async def summary(cluster: Cluster, *, start: datetime | None, end: datetime | None, as_json: bool) -> None:
    """Totals of all services that you may see."""
    found = await cluster.metrics.summary(start, end)
    if as_json:
        out(found.model_dump(mode="json"))
        return
    totals = found.totals.model_dump(exclude={"countries", "users"})
    table(("WHAT", "VALUE"), [("start", found.start), ("end", found.end), *totals.items()])
    if found.uncounted:
        say(f"Not counted in full: {', '.join(found.uncounted)}.")


@metrics.command(epilog=EPILOG)
@click.option("--group-by", "by", type=click.Choice(["service", "user", "country"]), default="service")
@_span
@as_json
@on_cluster
async def breakdown(cluster: Cluster, *, by: Any, start: datetime | None, end: datetime | None, as_json: bool) -> None:
    """The same by service, user or country."""
    found = await cluster.metrics.breakdown(by, start, end)
    if as_json:
        out([one.model_dump(mode="json") for one in found])
        return
    rows = [(one.key, one.requests_count_total, one.requests_count_sync, one.requests_count_async) for one in found]
    table((by.upper(), "REQUESTS", "SYNC", "ASYNC"), [["" if cell is None else cell for cell in row] for row in rows])


@metrics.command(epilog=EPILOG)
@click.argument("name", shell_complete=services)
@_span
@as_json
@on_cluster
async def service(cluster: Cluster, *, name: str, start: datetime | None, end: datetime | None, as_json: bool) -> None:
    """All numbers of one service."""
    found = await cluster.metrics.of(name, start, end)
    if as_json:
        out([one.model_dump(mode="json") for one in found])
    else:
        table(("METRIC", "VALUE", "UNIT"), [(one.metric, one.value, one.unit) for one in found])
