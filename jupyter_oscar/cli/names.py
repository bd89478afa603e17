"""Names for shell completion: of clusters from files, of services and buckets from the cluster, asked once a minute.

A shell waits while one presses Tab, so a cluster gets two seconds; what was known before is said when it does not
answer, and nothing is ever said in place of names. Only names are kept, in Jupyter's runtime folder. Calls are those
that we recorded, by one listing of their records: the server's own list costs it a request for each job.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

if TYPE_CHECKING:
    import click

    from jupyter_oscar.client.profiles import Profile

FRESH: Final = 60.0
PATIENCE: Final = 2.0
# Seconds for which a cluster that did not answer is not asked again.
AGAIN: Final = 15.0
MOST_CALLS: Final = 100


def clusters(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Asks no server."""
    try:
        from jupyter_oscar.client.profiles import profiles

        names = {profile.name for profile in profiles()}
    except Exception:  # noqa: BLE001 - a shell shows whatever is raised
        return []
    return sorted(name for name in names if name.startswith(incomplete))


def nifis(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Asks no server."""
    try:
        from jupyter_oscar.client.nifis import all_

        return sorted(one.name for one in all_() if one.name.startswith(incomplete))
    except Exception:  # noqa: BLE001 - a shell shows whatever is raised
        return []


def services(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Of the services one may see."""
    return _beginning("services", context, incomplete)


def buckets(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Of one's buckets."""
    return _beginning("buckets", context, incomplete)


def jobs(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The newest calls of the service that was named."""
    return _calls(context, str(context.params.get("service") or ""), incomplete)


def references(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The same as ``service/id``, once the service is told from others."""
    name, sign, identity = incomplete.partition("/")
    if sign:
        return [f"{name}/{one}" for one in _calls(context, name, identity)]
    found = _beginning("services", context, name)
    if len(found) != 1:
        return [f"{one}/" for one in found]
    return [f"{found[0]}/{one}" for one in _calls(context, found[0], "")] or [f"{found[0]}/"]


def _calls(context: click.Context, service: str, incomplete: str) -> list[str]:
    import asyncio

    async def ask() -> list[str]:
        from jupyter_oscar.client.cluster import Cluster
        from jupyter_oscar.client.profiles import resolve

        async with Cluster(resolve(context.params.get("on"))) as cluster:
            return await cluster.calls.newest(service, MOST_CALLS)

    try:
        found = asyncio.run(asyncio.wait_for(ask(), PATIENCE))
    except Exception:  # noqa: BLE001 - a shell shows whatever is raised
        return []
    return [name for name in found if name.startswith(incomplete)]


def _beginning(kind: str, context: click.Context, incomplete: str) -> list[str]:
    try:
        from jupyter_oscar.client.profiles import resolve

        profile = resolve(context.params.get("on"))
        known = _cached(profile)
        if known is None or time.time() - known["at"] > FRESH:
            known = _asked(profile, known or {})
        return [name for name in known.get(kind, ()) if name.startswith(incomplete)]
    except Exception:  # noqa: BLE001 - a shell shows whatever is raised
        return []


def _path(profile: Profile) -> Path:
    from jupyter_core.paths import jupyter_runtime_dir

    return Path(jupyter_runtime_dir()) / f"jupyter-oscar-names-{quote(profile.name, safe='')}.json"


def _cached(profile: Profile) -> dict[str, Any] | None:
    try:
        known = json.loads(_path(profile).read_text(encoding="utf-8"))
        fits = known["endpoint"] == profile.endpoint and known["user"] == profile.credentials.user
        return {**known, "at": float(known["at"])} if fits else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _asked(profile: Profile, known: dict[str, Any]) -> dict[str, Any]:
    """Ask the cluster, and keep what it says; where it says nothing, what was known serves for a while longer."""
    import asyncio

    from jupyter_oscar.client.cluster import Cluster

    async def ask() -> dict[str, Any]:
        async with Cluster(profile) as cluster:
            rows, own = await asyncio.gather(cluster.services.rows(), cluster.buckets.list())
        return {"services": [str(row["name"]) for row in rows], "buckets": sorted(one.bucket_name for one in own)}

    now = time.time()
    try:
        names = {**asyncio.run(asyncio.wait_for(ask(), PATIENCE)), "at": now}
    except Exception:  # noqa: BLE001 - whatever it is, there are no new names
        names = {**known, "at": now - FRESH + AGAIN}
    names |= {"endpoint": profile.endpoint, "user": profile.credentials.user}
    path = _path(profile)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh.write_text(json.dumps(names), encoding="utf-8")
        fresh.chmod(0o600)
        fresh.replace(path)
    except OSError:
        pass  # asked again the next time
    return names
