"""What it costs to ask through the Jupyter server, and whether kernels feel it.

One server with the extension, one sandbox behind it. A proxied request is compared with the same one sent straight to
the sandbox and with the server's own ``GET /api/status``; a kernel's echo with itself while the routes are asked 100
times a second.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import websocket

from .box import Box, sandbox
from .report import REPEATS, Line, at_most

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = uuid.uuid4().hex
ASKED = 200
RATE = 100
ECHOES = 150


@contextlib.contextmanager
def server(box: Box) -> Iterator[tuple[str, int]]:
    """A Jupyter server that knows the sandbox as ``box``; yields its address and process id."""
    with tempfile.TemporaryDirectory(prefix="jupyter-oscar-bench-") as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        password = Path(folder, "password")
        password.write_text(box.password)
        named = {"endpoint": box.endpoint, "storage": box.s3_endpoint, "user": box.user, "password_file": str(password)}
        config = {
            "ServerApp": {
                "jpserver_extensions": {"jupyter_oscar": True},
                "allow_root": True,
                "port": port,
                "ip": "127.0.0.1",
            },
            "IdentityProvider": {"token": TOKEN},
            "JupyterOscarApp": {"clusters": {"box": named}},
        }
        Path(folder, "jupyter_server_config.json").write_text(json.dumps(config))
        env = {**os.environ, "JUPYTER_CONFIG_DIR": folder, "JUPYTER_RUNTIME_DIR": folder, "JUPYTER_DATA_DIR": folder}
        command = [sys.executable, "-m", "jupyter_server", "--no-browser", f"--ServerApp.root_dir={folder}"]
        with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                yield _answering(f"http://127.0.0.1:{port}", process), process.pid
            finally:
                process.terminate()


def _answering(url: str, process: subprocess.Popen[bytes]) -> str:
    for _ in range(200):
        with contextlib.suppress(httpx.TransportError):
            httpx.get(f"{url}/api/status", params={"token": TOKEN})
            return url
        assert process.poll() is None, "the server ended"
        time.sleep(0.05)
    sys.exit("the Jupyter server did not answer")


def median(client: httpx.Client, url: str) -> float:
    """Median seconds of a GET."""
    times = []
    for _ in range(ASKED):
        began = time.perf_counter()
        client.get(url).raise_for_status()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


class Kernel:
    """A kernel of the server, asked for its information again and again: the shortest way there and back."""

    def __init__(self, client: httpx.Client, url: str) -> None:
        self.id = client.post(f"{url}/api/kernels", json={"name": "python3"}).raise_for_status().json()["id"]
        there = f"{url.replace('http', 'ws')}/api/kernels/{self.id}/channels?token={TOKEN}"
        self.socket = websocket.create_connection(there, timeout=30)
        self.echoes(20)

    def echoes(self, count: int) -> float:
        """The 99th percentile of the seconds of an echo."""
        times = []
        for _ in range(count):
            header = {
                "msg_id": uuid.uuid4().hex,
                "msg_type": "kernel_info_request",
                "session": "bench",
                "username": "b",
            }
            message = {"header": {**header, "version": "5.3"}, "parent_header": {}, "metadata": {}, "content": {}}
            began = time.perf_counter()
            self.socket.send(json.dumps({**message, "channel": "shell", "buffers": []}))
            while json.loads(self.socket.recv()).get("msg_type") != "kernel_info_reply":
                pass
            times.append(time.perf_counter() - began)
        return statistics.quantiles(times, n=100)[98]


@contextlib.contextmanager
def busy(url: str) -> Iterator[None]:
    """A process of its own that asks a route 100 times a second."""
    program = f"""
import time, httpx
with httpx.Client(headers={{"Authorization": "token {TOKEN}"}}) as client:
    due = time.perf_counter()
    while True:
        client.get({url!r})
        due += 1 / {RATE}
        time.sleep(max(0.0, due - time.perf_counter()))
"""
    with subprocess.Popen([sys.executable, "-c", program]) as process:
        time.sleep(0.5)
        try:
            yield
        finally:
            process.terminate()


def lines() -> Iterator[Line]:
    """The promises of this file."""
    with sandbox() as box, server(box) as (url, _):
        headers = {"Authorization": f"token {TOKEN}"}
        route = f"{url}/jupyter-oscar/clusters/box/services"
        with httpx.Client(headers=headers, timeout=60) as client, httpx.Client(auth=(box.user, box.password)) as direct:
            pairs = []
            for _ in range(REPEATS + 1):
                proxied, straight = median(client, route), median(direct, f"{box.endpoint}/system/services")
                pairs.append((proxied - straight, median(client, f"{url}/api/status")))
            yield at_most("through the server: (proxied - direct) p50", pairs[1:], 2, "GET /api/status")
            kernel = Kernel(client, url)
            pairs = []
            for _ in range(REPEATS):
                idle = kernel.echoes(ECHOES)
                with busy(route):
                    pairs.append((kernel.echoes(ECHOES), idle))
            yield at_most("kernel echo p99 under 100 requests/s", pairs, 3, "idle")
            kernel.socket.close()
            client.delete(f"{url}/api/kernels/{kernel.id}")
