"""1,000 submissions beside oscar-python's loop, and how many requests one takes."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import jupyter_oscar as oscar

from .box import Box, sandbox
from .proxy import Proxy
from .report import Line, alternate, at_least, count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from jupyter_oscar.notebook.cluster import Cluster

CALLS = 1000
# oscar-python sends one after the other, so its time is in proportion; it is measured on fewer and scaled.
THEIRS_FAR, THEIRS_NEAR = 20, 200
FAR = 0.05
EXAMPLE = Path(__file__).parents[1] / "examples" / "gauges" / "fdl.yaml"


def far_cluster(box: Box, api: str, store: str) -> Cluster:
    """The sandbox as seen from two other addresses: its API and its storage."""
    return oscar.connect(endpoint=api, user=box.user, password=box.password, storage=store)


def ours(box: Box, api: str, store: str) -> float:
    """Seconds until the cluster has accepted 1,000 calls, each with its input staged and recorded."""
    cluster = far_cluster(box, api, store)
    began = time.perf_counter()
    jobs = [cluster.submit("gauges", text=f"gauge,date,level_m\nx,2024-01-01,{i}\n") for i in range(CALLS)]
    for job in jobs:
        job.accepted()
    seconds = time.perf_counter() - began
    cluster.close()
    return seconds


def theirs(box: Box, api: str, calls: int) -> float:
    """Seconds oscar-python would take for 1,000 of its own, which stage nothing."""
    from oscar_python.client import Client as Other

    other = Other({"cluster_id": "x", "endpoint": api, "user": box.user, "password": box.password, "ssl": False})
    began = time.perf_counter()
    for i in range(calls):
        other.run_service("gauges", input=f"gauge,date,level_m\nx,2024-01-01,{i}\n", async_call=True)
    return (time.perf_counter() - began) * CALLS / calls


def lines() -> Iterator[Line]:
    """The promises of this file."""
    with sandbox("--hold") as box, Proxy(box.endpoint) as api, Proxy(box.s3_endpoint) as store:
        cluster = far_cluster(box, api.url, store.url)
        cluster.deploy(EXAMPLE)
        cluster.submit("gauges", text="warm").accepted()
        api.clear()
        store.clear()
        cluster.submit("gauges", text="one").accepted()
        yield count("one submit: PUTs", store.requests["PUT"], 2, "PUT")
        yield count("one submit: requests to OSCAR", api.requests.total(), 1, "POST")
    # A store of its own for each repeat: rclone grows slower with what lies in a folder, whoever put it there.
    pairs = alternate(lambda: fresh(ours, FAR), lambda: fresh(lambda box, api, _: theirs(box, api, THEIRS_FAR), FAR))
    tell(pairs)
    yield at_least(f"{CALLS} submits, 50 ms away (theirs: {THEIRS_FAR}, scaled)", pairs, 20)
    pairs = alternate(lambda: fresh(ours), lambda: fresh(lambda box, api, _: theirs(box, api, THEIRS_NEAR)))
    tell(pairs)
    yield at_least(f"{CALLS} submits, loopback (theirs: {THEIRS_NEAR}, scaled)", pairs, 1)


def tell(pairs: Sequence[tuple[float, float]]) -> None:
    """Where a spread comes from: the seconds of both in each repeat."""
    sys.stderr.write("  ".join(f"{ours:.2f} : {theirs:.2f} s" for ours, theirs in pairs) + "\n")


def fresh(measure: Callable[[Box, str, str], float], latency: float = 0.0) -> float:
    """Measure on a sandbox made for it, which has taken one call before; with a latency, through proxies."""
    with sandbox("--hold") as box:
        cluster = far_cluster(box, box.endpoint, box.s3_endpoint)
        cluster.deploy(EXAMPLE)
        cluster.submit("gauges", text="warm").accepted()
        if not latency:
            return measure(box, box.endpoint, box.s3_endpoint)
        with Proxy(box.endpoint, latency) as api, Proxy(box.s3_endpoint, latency) as store:
            return measure(box, api.url, store.url)
