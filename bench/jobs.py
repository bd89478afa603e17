"""The sandbox's own promises: jobs beside a plain pool, accepting them, waiting, starting, and a long history."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from .box import Box, sandbox
from .report import Line, alternate, at_least, at_most, count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

JOBS, AT_ONCE = 1000, 8
POSTS = 2000
IDLE_S = 10.0
MANY, FEW = 100_000, 100
SCRIPT = '#!/bin/sh\ntr a-z A-Z < "$INPUT_FILE_PATH" > "$TMP_OUTPUT_DIR/${INPUT_FILE_PATH##*/}"\n'
BODY = b"aGVsbG8gd29ybGQ="  # hello world
EMPTY_TORNADO = """
import asyncio, sys, tornado.web
class Empty(tornado.web.RequestHandler):
    def post(self): self.set_status(201)
async def main():
    server = tornado.web.Application([("/.*", Empty)]).listen(0, "127.0.0.1")
    print(list(server._sockets.values())[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


def admin(box: Box) -> httpx.Client:
    return httpx.Client(base_url=box.endpoint, auth=(box.user, box.password), timeout=120)


def service(api: httpx.Client, name: str) -> dict[str, str]:
    """A service with one line of script; what a call's header must be."""
    place = {"storage_provider": "minio.default"}
    io = {"input": [{**place, "path": f"{name}/in"}], "output": [{**place, "path": f"{name}/out"}]}
    body = {"name": name, "image": "busybox", "script": SCRIPT, "log_level": "CRITICAL", **io}
    api.post("/system/services", json=body).raise_for_status()
    return {"Authorization": f"Bearer {api.get(f'/system/services/{name}').json()['token']}"}


# jobs beside a pool


def ours() -> float:
    """Seconds for 1,000 jobs from the first call to the last end, of a sandbox that has done one and is ready."""
    with sandbox("--jobs", str(AT_ONCE)) as box, admin(box) as api:
        header = service(api, "line")
        asyncio.run(_posts(box.endpoint, "/job/line", header, 1))
        _until(api, 1)
        began = time.perf_counter()
        asyncio.run(_posts(box.endpoint, "/job/line", header, JOBS))
        _until(api, 1 + JOBS)
        return time.perf_counter() - began


def _until(api: httpx.Client, jobs: int) -> None:
    """So many have ended, and well. Asked ever sooner as the end comes near: each answer costs as much as a job."""
    began = time.perf_counter()
    while True:
        counts = api.get("/system/status").json()["oscar"]["pods"]["states"]
        ended = counts["Succeeded"] + counts["Failed"]
        if ended >= jobs:
            break
        left = (time.perf_counter() - began) * (jobs - ended) / max(ended, 1)
        time.sleep(min(max(left / 2, 0.02), 1))
    assert counts["Failed"] == 0


def theirs() -> float:
    """Seconds for a pool of eight that runs the script for each item.

    It reads and writes file for file what a job does: its own folder, with its state before and after and a log; the
    input; the output, which is read and written beside its place, then moved into it. Input and output are gone at the
    end. The script gets an environment of the same kind. Nothing is limited, watched, or served.
    """
    folder = Path(tempfile.mkdtemp())
    with ThreadPoolExecutor(AT_ONCE) as pool:
        (folder / "script.sh").write_text(SCRIPT)
        (outputs := folder / "outputs").mkdir()
        (objects := folder / "objects").mkdir()
        always = {"PATH": "/usr/bin:/bin", "LC_CTYPE": "C.UTF-8", "TMP_OUTPUT_DIR": str(outputs)}

        def item(number: int) -> None:
            (own := folder / str(number)).mkdir()
            given, made, part = own / f"item-{number}", outputs / f"item-{number}", objects / f"item-{number}.part"
            given.write_bytes(b"hello world")
            env = {**always, "INPUT_FILE_PATH": str(given)}
            with (own / "state").open("wb", 0) as state, (own / "log").open("wb", 0) as log:
                state.write(b"running\n")
                subprocess.run(["/bin/sh", str(folder / "script.sh")], env=env, stdout=log, stderr=log, check=True)
                part.write_bytes(made.read_bytes())
                part.replace(objects / made.name)
                state.write(b"done\n")
            given.unlink()
            made.unlink()

        began = time.perf_counter()
        list(pool.map(item, range(JOBS)))
        return time.perf_counter() - began


# accepting


async def _posts(url: str, path: str, header: dict[str, str], number: int) -> float:
    """Seconds for that many posts over eight connections, by a client that hardly costs anything itself."""
    address = url.removeprefix("http://")
    said = {"Host": address, **header, "Content-Length": str(len(BODY))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    request = f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + BODY
    left = iter(range(number))

    async def post() -> None:
        reader, writer = await asyncio.open_connection(*address.split(":"))
        for _ in left:
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")  # without a body
            assert answer.startswith(b"HTTP/1.1 201 "), answer
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(post() for _ in range(AT_ONCE)))
    return time.perf_counter() - began


@contextlib.contextmanager
def empty_tornado() -> Iterator[str]:
    with subprocess.Popen([sys.executable, "-c", EMPTY_TORNADO], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


# waiting


def _tree(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += _tree(int(child))
    return found


def _cpu(pids: list[int]) -> float:
    """Seconds of processor time."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(row[11]) + int(row[12]) for row in fields) / 100


def _pss(pids: list[int]) -> float:
    """MiB, shared pages counted once."""
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def idle() -> tuple[float, float]:
    """Percent of one processor, and MiB, of a sandbox with a service and nothing to do."""
    with sandbox() as box, admin(box) as api:
        header = service(api, "line")
        api.post("/job/line", content=BODY, headers=header, auth=None)
        time.sleep(6)  # until the processes that did the job have ended
        pids = _tree(box.pid)
        before = _cpu(pids)
        time.sleep(IDLE_S)
        return 100 * (_cpu(pids) - before) / IDLE_S, _pss(pids)


# starting, and a long history


def first_answer() -> float:
    """Seconds from nothing to the first answer; not those that our own client takes to get ready."""
    with httpx.Client() as client:
        began = time.perf_counter()
        with sandbox() as box:
            client.get(f"{box.endpoint}/health").raise_for_status()
            return time.perf_counter() - began


def an_import() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import tornado, pydantic"], check=True)
    return time.perf_counter() - began


def history(folder: str, jobs: int) -> None:
    """A data folder whose state holds that many finished jobs."""
    with sandbox(data=folder) as box, admin(box) as api:
        service(api, "line")
    with sqlite3.connect(f"{folder}/sandbox.db") as database:
        now = "2026-11-28T00:00:00Z"
        rows = ((f"line-{number:06}", "line", "Succeeded", b"aGk=", now, now, now) for number in range(jobs))
        columns = "name, service, state, event, created, started, finished"
        database.executemany(f"INSERT INTO jobs ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", rows)  # noqa: S608


def page(api: httpx.Client) -> float:
    """Seconds for the first page of the list, best of twenty."""
    times = []
    for _ in range(20):
        began = time.perf_counter()
        found = api.get("/system/logs/line").json()
        times.append(time.perf_counter() - began)
        assert len(found["jobs"]) == 70
    return min(times)


def start_on(folder: str) -> float:
    began = time.perf_counter()
    with sandbox(data=folder):
        return time.perf_counter() - began


def lines() -> Iterator[Line]:
    """The promises of this file."""
    yield at_most(f"{JOBS} one-line jobs, {AT_ONCE} at once", alternate(ours, theirs), 2, "sh in a pool, same files")
    with sandbox("--hold") as box, admin(box) as api, empty_tornado() as empty:
        header = service(api, "line")

        def posting(url: str) -> Callable[[], float]:
            return lambda: asyncio.run(_posts(url, "/job/line", header, POSTS))

        yield at_least(
            "POST /job, committed, job start held (x empty tornado)",
            alternate(posting(box.endpoint), posting(empty)),
            0.3,
        )
    percent, mib = idle()
    yield count("idle: processor time", round(percent, 2), 1, "% of one")
    yield count("idle: memory with S3", round(mib), 150, "MiB")
    yield at_most("first answer after start", alternate(first_answer, an_import), 3, "import tornado, pydantic")
    with tempfile.TemporaryDirectory() as many, tempfile.TemporaryDirectory() as few:
        history(many, MANY)
        history(few, FEW)
        with sandbox(data=many) as big, sandbox(data=few) as small, admin(big) as ours_, admin(small) as theirs_:
            pairs = alternate(lambda: page(ours_), lambda: page(theirs_))
        yield at_most(f"a page of jobs with {MANY:,} finished", pairs, 1.5, f"one with {FEW}")
        yield at_most(
            f"start with {MANY:,} finished jobs",
            alternate(lambda: start_on(many), lambda: start_on(few)),
            1.5,
            f"one with {FEW}",
        )
