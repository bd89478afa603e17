"""What became of a call that has ended, as an error where it did not end well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .errors import JobCancelled, JobFailed, JobLost, JobNotFound, JobNotIdentified, OscarError
from .jobs import State, state

if TYPE_CHECKING:
    from .cluster import Cluster
    from .jobs import Facts
    from .records import Call

# Lines that are said, and kept with the error.
SAID: Final = 10
KEPT: Final = 20


async def bad_end(cluster: Cluster, call: Call, facts: Facts) -> OscarError | None:
    """The error of a call that was cancelled, lost or failed; None for one that goes on or ended well.

    Reads the log where nothing else tells.
    """
    now = state(facts)
    if now is State.DONE or not now.ended:
        return None
    if now is State.CANCELLED:
        msg = f"{call.reference} was cancelled."
        return JobCancelled(msg)
    if now is State.LOST:
        msg = f"The cluster lost the pod of {call.reference}."
        return JobLost(msg, hint="Submit it again.")
    return await _failure(cluster, call, facts, now)


async def _failure(cluster: Cluster, call: Call, facts: Facts, now: State) -> JobFailed:
    if facts.done is not None:
        lines = facts.done.lines.splitlines()
        what = f"{call.reference} failed: its script ended with exit code {facts.done.exit}"
        msg = f"{what} after printing:\n" + "\n".join(lines[-SAID:]) if lines else f"{what}."
        return JobFailed(msg, exit_code=facts.done.exit, lines=lines)
    try:
        text = await cluster.calls.log(call)
    except (JobNotFound, JobNotIdentified):
        text = ""
    lines = [line for line in text.splitlines() if line.strip()]
    if now is State.FAILED:
        why = "the cluster failed to carry it out, before or after its script ran"
        hint = "Its whole log may say more."
    else:
        why = "it is gone from the cluster, or ended without leaving a record, and how it ended cannot be told"
        hint = "Submit it again."
    last = f" Last words: {lines[-1]}" if lines else ""
    return JobFailed(f"{call.reference} failed: {why}.{last}", lines=lines[-KEPT:], hint=hint)
