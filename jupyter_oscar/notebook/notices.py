"""A notice in JupyterLab when a job or a map has ended, also when its cell is long out of sight.

The kernel learns of the end from the one poller that everybody who waits shares, and tells the page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_oscar.client.errors import OscarError

from . import page, views
from .bridge import bridge

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from .handles import Job
    from .maps import Map


def watch(handle: Job | Map, cluster: str, ended: Coroutine[Any, Any, tuple[str, str]]) -> None:
    """Tell when ``ended`` gives how it ended: the state's word and a sentence."""

    async def tell() -> None:
        try:
            state, words = await ended
        except OscarError as error:
            state, words = "unknown", f"{handle.service}: {str(error).splitlines()[0]}"
        page.tell({"state": state, "message": words, "cluster": cluster, **_call(handle)})

    bridge.start(tell())


def _call(handle: Any) -> dict[str, str]:
    """What the page needs to open the log of a job."""
    return {"service": handle.service, "id": handle.id} if hasattr(handle, "id") else {"service": handle.service}


async def of_job(job: Job, ended: Coroutine[Any, Any, Any]) -> tuple[str, str]:
    """How a job ended, in words."""
    from jupyter_oscar.client.jobs import state

    facts = await ended
    now = state(facts)
    return str(now), f"{job.label}: {views.job_word(now, facts.done)}"


async def of_map(jobs: Map) -> tuple[str, str]:
    """How a map ended, in words."""
    now = jobs.progress
    async for told in jobs.changes():
        now = told
    return "failed" if now.failed else "done", f"{now.name}: {views.map_word(now)}"
