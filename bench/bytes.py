"""Bytes: two gibibytes between a cell and the storage beside rclone, many small files, and uploads through the server.

On the sandbox's own store, and on MinIO where it is named by ``$MINIO`` or on PATH. ``BENCH_BYTES`` makes the large
file smaller, for trying this out: what is promised is promised of two gibibytes.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import hashlib
import http.server
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

import jupyter_oscar as oscar

from .box import Box, sandbox
from .report import REPEATS, Line, count
from .server import TOKEN, server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jupyter_oscar.notebook.cluster import Cluster

GIB = 1024**3
SIZE = int(os.environ.get("BENCH_BYTES", 2 * GIB))
FILES = 10_000
MIB = 1024 * 1024


def at_least_of(name: str, pairs: list[tuple[float, float]], limit: float) -> Line:
    """Ours is at least ``limit`` times as fast as rclone in every repeat; pairs of seconds, ours and theirs."""
    ratios = sorted(theirs / ours for ours, theirs in pairs)
    middle = ratios[len(ratios) // 2]
    ours, theirs = (sorted(pair[side] for pair in pairs)[len(pairs) // 2] for side in (0, 1))
    said = f"{middle:.2f} x ({ratios[0]:.2f}-{ratios[-1]:.2f}; {ours:.1f} s : {theirs:.1f} s)"
    return Line(name, said, f">= {limit:g} x rclone", ratios[0] >= limit)


class Rclone:
    """The neighbour: one process for each transfer, as one would call it."""

    def __init__(self, cluster: Cluster, kind: str) -> None:
        from jupyter_oscar.notebook.bridge import bridge

        where = bridge.run(cluster.client.storage())
        self._env = {
            **os.environ,
            "RCLONE_CONFIG": os.devnull,
            "RCLONE_CONFIG_S_TYPE": "s3",
            "RCLONE_CONFIG_S_PROVIDER": kind,
            "RCLONE_CONFIG_S_ENDPOINT": where.endpoint,
            "RCLONE_CONFIG_S_ACCESS_KEY_ID": where.access_key,
            "RCLONE_CONFIG_S_SECRET_ACCESS_KEY": where.secret_key.get_secret_value(),
            "RCLONE_CONFIG_S_FORCE_PATH_STYLE": "true",
        }
        program = Path(sys.executable).with_name("rclone")
        self._program = str(program) if program.exists() else "rclone"

    def __call__(self, *words: str) -> None:
        """Run it."""
        subprocess.run([self._program, *words], env=self._env, check=True)


def seconds(do: Callable[[], Any]) -> float:
    """How long something takes."""
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    whole = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(MIB):
            whole.update(piece)
    return whole.hexdigest()


def measure(cluster: Cluster, kind: str, name: str, folder: Path) -> Iterator[Line]:
    """Between a cell and the storage."""
    rclone, bucket = Rclone(cluster, kind), cluster.bucket("bench")
    source, ours, theirs = folder / "source", folder / "ours", folder / "theirs"
    up, down = [], []
    for _ in range(REPEATS + 1):
        mine = seconds(lambda: bucket.upload(source, "ours"))
        up.append((mine, seconds(lambda: rclone("copyto", "--ignore-times", str(source), "s:bench/theirs"))))
        mine = seconds(lambda: bucket.download("ours", ours))
        down.append((mine, seconds(lambda: rclone("copyto", "--ignore-times", "s:bench/theirs", str(theirs)))))
    equal = digest(ours) == digest(source)
    size = f"{SIZE / GIB:g} GiB"
    for way, pairs in (("cell to store", up), ("store to cell", down)):
        line = at_least_of(f"{size}, {way}, {name}, hash {'equal' if equal else 'DIFFERS'}", pairs[1:], 0.8)
        yield Line(line.name, line.measured, line.promise, line.ok and equal)
    pairs = []
    for turn in range(REPEATS):
        mine = seconds(lambda turn=turn: bucket.upload(folder / "small", f"mine{turn}/"))  # type: ignore[misc]
        pairs.append((mine, seconds(lambda turn=turn: rclone("copy", str(folder / "small"), f"s:bench/its{turn}"))))  # type: ignore[misc]
    yield at_least_of(f"{FILES:,} small files from a cell, {name}", pairs, 0.8)


def send(url: str, bucket: str, key: str, source: Path, direct: httpx.Client | None = None) -> None:
    """Upload as the page does: parts, two at a time, through the server or by links straight to the storage."""
    headers = {"Authorization": f"token {TOKEN}"}
    base = f"{url}/jupyter-oscar/clusters/box/buckets/{bucket}"
    with httpx.Client(headers=headers, timeout=120) as client:
        upload = client.post(f"{base}/uploads", params={"key": key}).raise_for_status().json()["id"]
        where = {"key": key, "id": upload}

        def part(number: int) -> None:
            with source.open("rb") as file:
                file.seek((number - 1) * 8 * MIB)
                data = file.read(8 * MIB)
            if direct is None:
                client.put(f"{base}/upload", params={**where, "number": number}, content=data).raise_for_status()
                return
            signed = client.post(f"{base}/upload/link", params=where, json={"number": number}).raise_for_status()
            direct.put(signed.json()["url"], content=data).raise_for_status()

        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(part, range(1, -(-SIZE // (8 * MIB)) + 1)))
        client.post(f"{base}/upload/finish", params=where, json={"size": SIZE}).raise_for_status()


def through_server(url: str, pid: int, cluster: Cluster, kind: str, name: str, folder: Path) -> Iterator[Line]:
    """Through the server, and straight to the storage where that is MinIO."""
    rclone, source = Rclone(cluster, kind), folder / "source"
    pairs, straight = [], []
    with httpx.Client(timeout=120) as direct:
        for _ in range(REPEATS):
            theirs = seconds(lambda: rclone("copyto", "--ignore-times", str(source), "s:bench/theirs"))
            pairs.append((seconds(lambda: send(url, "bench", "page", source)), theirs))
            if kind == "Minio":
                straight.append((seconds(lambda: send(url, "bench", "page", source, direct)), theirs))
    yield at_least_of(f"{SIZE / GIB:g} GiB, page to server to {name}", pairs, 0.35)
    if straight:
        yield at_least_of(f"{SIZE / GIB:g} GiB, page straight to {name}", straight, 0.7)
    before = memory(pid)
    with watched(pid) as most, concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda key: send(url, "bench", key, source), ("one", "two")))
    yield count(f"growth of the server for two uploads at once, {name}", round((most[0] - before) / MIB), 64, "MiB")


def memory(pid: int) -> int:
    """Bytes that a process holds."""
    words = Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()
    return int(words[0]) * 1024


@contextlib.contextmanager
def watched(pid: int) -> Iterator[list[int]]:
    """The most that a process held meanwhile."""
    most, over = [memory(pid)], threading.Event()

    def look() -> None:
        while not over.wait(0.05):
            most[0] = max(most[0], memory(pid))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield most
    finally:
        over.set()
        thread.join()


@contextlib.contextmanager
def minio() -> Iterator[str | None]:
    """The address of something that says, as OSCAR does, where a MinIO is and what its keys are."""
    program = os.environ.get("MINIO") or shutil.which("minio")
    if not program:
        yield None
        return
    user, secret = "bench-user", "bench-secret-0123"
    with tempfile.TemporaryDirectory(prefix="jupyter-oscar-bench-") as folder:
        address, console = (f"127.0.0.1:{port}" for port in free(2))
        env = {**os.environ, "HOME": folder, "MINIO_ROOT_USER": user, "MINIO_ROOT_PASSWORD": secret}
        env |= {"MINIO_BROWSER": "off", "MINIO_UPDATE": "off", "MINIO_CI_CD": "1"}
        command = [program, "server", "--address", address, "--console-address", console, f"{folder}/data"]
        provider = {"endpoint": f"http://{address}", "verify": False, "access_key": user, "secret_key": secret}
        body = json.dumps({"config": {}, "minio_provider": {**provider, "region": "us-east-1"}}).encode()

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        with (
            subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process,
            http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as stub,
        ):
            threading.Thread(target=stub.serve_forever, daemon=True).start()
            while True:
                with contextlib.suppress(httpx.TransportError):
                    if httpx.get(f"http://{address}/minio/health/ready").status_code == httpx.codes.OK:
                        break
                time.sleep(0.1)
            try:
                yield f"http://127.0.0.1:{stub.server_port}"
            finally:
                stub.shutdown()
                process.terminate()


def free(many: int) -> list[int]:
    """Ports that nobody uses."""
    probes = [socket.socket() for _ in range(many)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def prepare(folder: Path) -> None:
    """A large file that nobody can compress, and many small ones."""
    block = os.urandom(MIB)
    with (folder / "source").open("wb") as file:
        for number in range(SIZE // MIB):
            file.write(number.to_bytes(8, "big") + block[8:])
    (folder / "small").mkdir()
    for number in range(FILES):
        (folder / "small" / f"{number:05}").write_bytes(block[:1000])


def lines() -> Iterator[Line]:
    """The promises of this file."""
    with tempfile.TemporaryDirectory(prefix="jupyter-oscar-bench-") as top:
        folder = Path(top)
        prepare(folder)
        with sandbox(data=f"{top}/data") as box, server(box) as (url, pid):  # gigabytes, so they go at once
            cluster = oscar.connect(endpoint=box.endpoint, user=box.user, password=box.password)
            cluster.minio.make_bucket("bench")
            yield from measure(cluster, "Rclone", "the sandbox's store", folder)
            yield from through_server(url, pid, cluster, "Rclone", "the sandbox's store", folder)
            cluster.close()
        with minio() as stub:
            if stub is None:
                print("MinIO is not measured: it is neither named by $MINIO nor on PATH", file=sys.stderr)
                return
            box = Box(stub, "", "oscar", "x", 0)
            with server(box) as (url, pid):
                cluster = oscar.connect(endpoint=stub, user=box.user, password=box.password)
                cluster.minio.make_bucket("bench")
                yield from measure(cluster, "Minio", "MinIO", folder)
                yield from through_server(url, pid, cluster, "Minio", "MinIO", folder)
                cluster.close()
