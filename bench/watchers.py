"""What it costs a cluster when several look at it at once: a Jupyter server with its panel open, and kernels that wait.

All wait for the same calls, none of which ever starts. Requests to the API and to the storage are counted by proxies.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import websocket

from .box import Box, sandbox
from .proxy import Proxy
from .report import Line, count
from .server import TOKEN, server
from .submits import EXAMPLE, far_cluster

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

KERNELS = 5
CALLS = 3
# As long as the list of a panel at rest takes to come three times.
SECONDS = 60
WAIT = """
import json, sys, threading
import jupyter_oscar as oscar
said = json.loads(sys.stdin.readline())
calls = said.pop("calls")
cluster = oscar.connect(**said)
jobs = [cluster.job(call) for call in calls]
for job in jobs:
    threading.Thread(target=job.result, daemon=True).start()
print("waiting", flush=True)
sys.stdin.readline()
"""


def lines() -> Iterator[Line]:
    """The promise of this file."""
    with sandbox("--hold") as box, Proxy(box.endpoint) as api, Proxy(box.s3_endpoint) as store:
        near = replace(box, endpoint=api.url, s3_endpoint=store.url)
        cluster = far_cluster(box, api.url, store.url)
        cluster.deploy(EXAMPLE)
        jobs = [cluster.submit("gauges", text=f"gauge,date,level_m\nx,2024-01-01,{i}\n") for i in range(CALLS)]
        references = [job.accepted().reference for job in jobs]
        cluster.close()
        alone = {}
        for who, panels, kernels in (("a server", 1, 0), ("a kernel", 0, 1), ("all", 1, KERNELS)):
            with looking(near, references, panels, kernels):
                time.sleep(SECONDS / 4)  # what each asks at first is not what watching costs
                before = sum(api.requests.values()) + sum(store.requests.values())
                time.sleep(SECONDS)
                alone[who] = sum(api.requests.values()) + sum(store.requests.values()) - before
        one = max(alone["a server"], alone["a kernel"])
        name = f"1 server + {KERNELS} kernels, {SECONDS} s (server {alone['a server']}, kernel {alone['a kernel']})"
        yield count(name, alone["all"], 6 * one, "requests")


@contextlib.contextmanager
def looking(box: Box, calls: Sequence[str], panels: int, kernels: int) -> Iterator[None]:
    """So many panels and kernels look at the cluster."""
    with contextlib.ExitStack() as stack:
        if panels:
            url, _ = stack.enter_context(server(box))
            there = f"{url.replace('http', 'ws')}/jupyter-oscar/channel?token={TOKEN}"
            panel = stack.enter_context(contextlib.closing(websocket.create_connection(there, timeout=30)))
            for topic in ("clusters", "services/box", "calls/box"):
                panel.send(json.dumps({"subscribe": topic}))
            panel.recv()
        said = {"endpoint": box.endpoint, "user": box.user, "password": box.password, "storage": box.s3_endpoint}
        for _ in range(kernels):
            kernel = subprocess.Popen([sys.executable, "-c", WAIT], stdin=-1, stdout=-1, text=True)
            stack.callback(kernel.wait)
            stack.callback(kernel.terminate)
            assert kernel.stdin is not None
            assert kernel.stdout is not None
            kernel.stdin.write(json.dumps({**said, "calls": list(calls)}) + "\n")
            kernel.stdin.flush()
            assert kernel.stdout.readline() == "waiting\n"
        yield
