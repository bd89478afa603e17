"""Why a call has not begun, in words, as far as OSCAR's API tells: quota, node, size, image, queue.

OSCAR gives a job's state and nothing of what Kubernetes says of its pod. But what the service asks for, what the
cluster has and what the caller may use can be asked, and most reasons follow from these.

What was seen of a real server: a row is Pending alike while an image cannot be fetched (wire E009), while it is fetched
(E011), where no node has the name (L702), and while a batch queue holds the job (L852). A job is Suspended that has no
pod (E015) or was put out (L505). Nodes and what is free on them are told as in A024 and L907, a virtual one only while
it is measured (L002); without any, an offloaded service runs on a machine of the cluster (L911). What is known from
OSCAR's source alone, since the recorded cluster had no Kueue: the quota of CPU and memory, and that a queue keeps a job
Suspended. That a pod larger than every machine waits is Kubernetes' own rule.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

from . import quantities
from .errors import InvalidRequest, NotAllowed, NotFound, NotOscar, UpstreamFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .cluster import Cluster
    from .service import Service
    from .status import Status


class Reason(NamedTuple):
    """``why`` is a sentence; ``never`` says that waiting is in vain.

    ``kind`` is quota, node, gpu, size, image or queue, or ``end`` for a call that has ended.
    """

    kind: str
    why: str
    never: bool = False

    def __str__(self) -> str:
        return self.why


async def why(cluster: Cluster, service: Service, status: str | None = None) -> list[Reason]:
    """The likely reasons why a job of a service waits, the likeliest first; ``status`` is its row in the list.

    At most three requests: the cluster's configuration (once), its status, the caller's quota.
    """
    flags = (await cluster.config()).config
    now: Status | None = None
    with contextlib.suppress(UpstreamFailed, NotOscar, NotAllowed):
        now = await cluster.status()
    quota: Mapping[str, Any] = {}
    if flags.get("kueue_enable") and not cluster.profile.credentials.is_admin:
        with contextlib.suppress(InvalidRequest, NotFound, NotOscar, NotAllowed, UpstreamFailed):
            quota = (await cluster.quotas.of()).get("resources") or {}
    return list(reasons(service, flags, now, quota, status))


def reasons(
    service: Service, flags: Mapping[str, Any], now: Status | None, quota: Mapping[str, Any], status: str | None
) -> Iterator[Reason]:
    """The same from what is known; asks nobody."""
    yield from _of_the_quota(service, quota)
    offloaded = bool(service.interlink_node_name and flags.get("interLink_available"))
    if offloaded:
        yield from _of_the_virtual_node(service.interlink_node_name, now)
    elif now is not None and now.measured:
        yield from _of_the_nodes(service, now)
    if service.enable_gpu and not offloaded and (flags.get("gpu_available") is False or (now and not now.gpus)):
        yield Reason("gpu", "It asks for a GPU, and the cluster shows none.", never=True)
    if status == "Suspended":
        if flags.get("kueue_enable"):
            yield Reason("queue", "The cluster's queue has not admitted it yet; others may be before it.")
        else:
            yield Reason("queue", "The cluster has not made its pod yet, or has put it out.")
    elif not offloaded:
        image = f'Its image "{service.image}" may still be fetched, which takes minutes the first time'
        yield Reason("image", f"{image}; if it does not exist or needs a login, it waits for ever.")


def _of_the_quota(service: Service, quota: Mapping[str, Any]) -> Iterator[Reason]:
    asks = (("cpu", "CPU", quantities.millicores(service.cpu)), ("memory", "memory", quantities.size(service.memory)))
    for key, word, wanted in asks:
        limit = quota.get(key) or {}
        most, used = int(limit.get("max") or 0), int(limit.get("used") or 0)
        if not most:
            continue
        said, of, taken = (_amount(key, number) for number in (wanted, most, used))
        if wanted > most:
            yield Reason("quota", f"It asks for {said} {word}, more than your whole quota of {of}.", never=True)
        elif used + wanted > most:
            yield Reason("quota", f"Your quota is used up: {taken} of {of} {word}, and it asks for {said} more.")


def _of_the_virtual_node(name: str, now: Status | None) -> Iterator[Reason]:
    node = now.node(name) if now else None
    if node is None:
        # One that measures nothing is not listed (oscar.md §0.3 point 13).
        yield Reason("node", f'It waits in the batch queue behind "{name}", or the cluster has no such node.')
    elif node.state not in {"", "Ready"}:
        yield Reason("node", f'The node "{name}" is {node.state}: its site does not answer.')
    else:
        yield Reason("node", f'It waits in the batch queue behind "{name}".')


def _of_the_nodes(service: Service, now: Status) -> Iterator[Reason]:
    machines = [node for node in now.nodes if not node.virtual]
    if machines and all(node.state not in {"", "Ready"} for node in machines):
        yield Reason("node", "No machine of the cluster is ready.")
        return
    asks = (("cpu", "CPU", quantities.millicores(service.cpu)), ("memory", "memory", quantities.size(service.memory)))
    for key, word, wanted in asks:
        largest = max((getattr(node, key) or 0 for node in machines), default=0)
        free = getattr(now, f"{key}_free_on_one")
        if largest and wanted > largest:
            said, most = _amount(key, wanted), _amount(key, largest)
            yield Reason("size", f"It asks for {said} {word}, and the largest machine has {most}.", never=True)
        elif wanted > free:
            said, left = _amount(key, wanted), _amount(key, free)
            yield Reason("node", f"It asks for {said} {word}, and no machine has more than {left} free now.")


def _amount(key: str, number: int) -> str:
    return f"{number / 1000:g}" if key == "cpu" else quantities.shown(number)
