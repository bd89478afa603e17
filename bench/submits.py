"""1,000 submissions beside oscar-python's loop, and how many requests one takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from jupyter_oscar.client.cluster import Cluster as Client
from jupyter_oscar.client.profiles import resolve
from jupyter_oscar.notebook.bridge import bridge
from jupyter_oscar.notebook.cluster import Cluster

from .box import Box, sandbox
from .proxy import Proxy
from .report import Line, alternate, at_least, count

CALLS = 1000
# oscar-python sends one after the other, so its time is in proportion; it is measured on fewer and scaled.
THEIRS_FAR, THEIRS_NEAR = 20, 200
FAR = 0.05
EXAMPLE = Path(__file__).parents[1] / "examples" / "gauges" / "fdl.yaml"


def far_cluster(box: Box, api: Proxy, store: Proxy) -> Cluster:
    """The sandbox as seen through two proxies: its API and its storage."""
    client = Client(resolve(endpoint=api.url, user=box.user, password=box.password))
    config = bridge.run(client.config())
    mapped = config.minio_provider.model_copy(update={"endpoint": store.url})
    client._config = config.model_copy(update={"minio_provider": mapped})
    return Cluster(client)


def ours(box: Box, api: Proxy, store: Proxy) -> float:
    """Seconds until the cluster has accepted 1,000 calls, each with its input staged and recorded."""
    cluster = far_cluster(box, api, store)
    began = time.perf_counter()
    jobs = [cluster.submit("gauges", text=f"gauge,date,level_m\nx,2024-01-01,{i}\n") for i in range(CALLS)]
    for job in jobs:
        bridge.run(job._accepted())
    seconds = time.perf_counter() - began
    cluster.close()
    return seconds


def theirs(box: Box, api: Proxy, calls: int) -> float:
    """Seconds oscar-python would take for 1,000 of its own, which stage nothing."""
    from oscar_python.client import Client as Other

    other = Other({"cluster_id": "x", "endpoint": api.url, "user": box.user, "password": box.password, "ssl": False})
    began = time.perf_counter()
    for i in range(calls):
        other.run_service("gauges", input=f"gauge,date,level_m\nx,2024-01-01,{i}\n", async_call=True)
    return (time.perf_counter() - began) * CALLS / calls


def lines() -> Iterator[Line]:
    """The promises of this file."""
    with sandbox("--hold") as box, Proxy(box.endpoint) as api, Proxy(box.s3_endpoint) as store:
        cluster = far_cluster(box, api, store)
        cluster.deploy(EXAMPLE)
        cluster.submit("gauges", text="warm").cancel()
        api.requests.clear()
        store.requests.clear()
        job = cluster.submit("gauges", text="one")
        bridge.run(job._accepted())
        yield count("one submit: PUTs", store.requests["PUT"], 2, "PUT")
        yield count("one submit: requests to OSCAR", api.requests.total(), 1, "POST")
        api.latency = store.latency = FAR
        pairs = alternate(lambda: ours(box, api, store), lambda: theirs(box, api, THEIRS_FAR))
        yield at_least(f"{CALLS} submits, 50 ms away", pairs, 20, f"oscar-python (on {THEIRS_FAR}, scaled)")
        api.latency = store.latency = 0
        near, straight = Proxy(box.endpoint), Proxy(box.s3_endpoint)
        near.url, straight.url = box.endpoint, box.s3_endpoint
        pairs = alternate(lambda: ours(box, near, straight), lambda: theirs(box, near, THEIRS_NEAR))
        yield at_least(f"{CALLS} submits, loopback", pairs, 1, f"oscar-python (on {THEIRS_NEAR}, scaled)")
