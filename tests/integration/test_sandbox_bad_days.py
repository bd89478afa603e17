"""Big bodies, crowds, and kill -9 of everything at any moment: what was acknowledged is there afterwards."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import random
import resource
import signal
import socket
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from sandbox_user import SHOUT, User, eventually, new_name

KILLS = int(os.environ.get("JUPYTER_OSCAR_KILLS", "6"))  # a hundred by JUPYTER_OSCAR_KILLS=100
MIB = 1 << 20


def memory(pid):
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


class Memory:
    """How far the sandbox grows while something big passes."""

    def __init__(self, sandbox):
        self.pid, self.most = sandbox.pid, 0

    def __enter__(self):
        self.before, self.over = memory(self.pid), threading.Event()
        self.looking = threading.Thread(target=self.look)
        self.looking.start()
        return self

    def look(self):
        while not self.over.wait(0.02):
            self.most = max(self.most, memory(self.pid) - self.before)

    def __exit__(self, *_):
        self.over.set()
        self.looking.join()


def test_a_synchronous_call_takes_and_gives_100_mb(user, sandbox):
    name = new_name()
    user.create(name, '#!/bin/sh\ncp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR/out"\n', memory="2Gi")
    body = base64.b64encode(random.Random(2).randbytes(75 * MIB))
    with Memory(sandbox) as grown:
        answer = user.run(name, body, timeout=120)
    assert answer.status_code == 200
    assert answer.content.splitlines()[-1] == body
    assert grown.most < 32 * MIB
    assert not list(sandbox.data.glob("**/run-*"))
    user.delete(name)


def test_a_body_of_100_mb_cannot_become_a_job_and_is_not_kept(user, sandbox, service):
    with Memory(sandbox) as grown:
        refused = user.call(service, bytes(100 * MIB))
    assert (refused.status_code, refused.text) == (500, "Request entity too large: limit is 3145728")
    assert grown.most < 32 * MIB
    refused = user.call(service, bytes(2 * MIB))
    assert (refused.status_code, refused.text) == (500, "etcdserver: request is too large")
    assert user.jobs(service) == {}


@pytest.mark.parametrize("size", [100, 2])
def test_a_service_that_no_config_map_can_hold_is_refused_and_leaves_nothing(user, sandbox, size):
    spec = {"name": new_name(), "image": "debian", "script": "#" * (size * MIB)}
    spec["input"] = [{"storage_provider": "minio.default", "path": f"{spec['name']}/in"}]
    body = json.dumps(spec)
    with Memory(sandbox) as grown:
        refused = user.ask("POST", "/system/services", data=body)
    assert refused.status_code == 500
    assert refused.text == "Error creating the service: " + (
        f'ConfigMap "{spec["name"]}" is invalid: []: Too long: may not be more than 1048576 bytes'
        if size == 2
        else "Request entity too large: limit is 3145728"
    )
    assert grown.most < 64 * MIB
    assert user.ask("GET", f"/system/services/{spec['name']}").status_code == 404
    assert not user.s3.bucket_exists(spec["name"])


def test_100_mb_of_something_else_are_read_as_far_as_they_make_sense(user, sandbox):
    with Memory(sandbox) as grown:
        for path in ("/system/services", "/system/buckets"):
            refused = user.ask("POST", path, data=bytes(100 * MIB))
            assert refused.status_code == 400
            assert "invalid character '\\x00' looking for beginning of value" in refused.text
        name = f'{{"bucket_name": "{"x" * 100 * MIB}"}}'
        assert user.ask("POST", "/system/buckets", data=name).status_code == 413
    assert user.ask("GET", "/health").text == "Ok"
    assert grown.most < 64 * MIB


def test_an_object_of_100_mb_goes_through_a_job(user):
    name = new_name()
    user.create(name, '#!/bin/sh\ncp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR/"\n')
    data = random.Random(1).randbytes(100 * MIB)
    user.put(name, "in/big.bin", data)
    eventually(lambda: user.over(name), 60)
    assert user.get(name, "out/big.bin") == data
    user.delete(name)


@pytest.mark.parametrize("door", ["endpoint", "s3_endpoint"])
def test_a_thousand_connections_are_served(sandbox, user, door):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2100:
        pytest.skip(f"this machine lets a process open {hard} files; 2100 are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2100), hard))
    at = urlsplit(getattr(sandbox, door))
    wanted = b"HTTP/1.1 200" if door == "endpoint" else b"HTTP/1.1 4"  # not signed, and so refused
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(socket.create_connection((at.hostname, at.port), timeout=30)) for _ in range(1000)]
        assert user.ask("GET", "/health").text == "Ok"
        assert user.s3.list_buckets() is not None
        for one in crowd:
            one.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert all(one.recv(4096).startswith(wanted) for one in crowd)
    assert user.ask("GET", "/system/info").status_code == 200
    assert user.s3.list_buckets() is not None


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"GET / HTTP/9\r\n\r\n",
        b"A" * 70_000,
        b"POST /job/x HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    ],
)
def test_garbage_on_the_socket_harms_nobody(sandbox, user, garbage):
    address = (sandbox.endpoint.rpartition(":")[0].removeprefix("http://"), int(sandbox.endpoint.rpartition(":")[2]))
    with socket.create_connection(address, timeout=10) as one, contextlib.suppress(OSError):
        one.sendall(garbage)
        one.shutdown(socket.SHUT_WR)
        while one.recv(4096):
            pass
    assert user.ask("GET", "/health").text == "Ok"


@pytest.mark.parametrize("body", ["[" * 100_000, '{"a":' * 20_000, '{"name": "\\ud800"}', "\x00", '{"name": 1e999}'])
def test_hostile_json_is_refused(user, body):
    answer = user.ask("POST", "/system/services", data=body)
    assert answer.status_code == 400
    assert "not valid" in answer.text


# kill -9 at any moment


class Life:
    """People at work: they create services, upload and call, and remember what was acknowledged."""

    def __init__(self, box):
        self.user, self.over = User(box), threading.Event()
        self.services, self.objects, self.calls = ["first"], {}, []
        self.user.create("first", SHOUT)
        self.token = self.user.token("first")
        work = (self._create, self._upload, self._call)
        self.threads = [threading.Thread(target=self._repeat, args=(do,), daemon=True) for do in work]
        for thread in self.threads:
            thread.start()

    def _repeat(self, do):
        for number in itertools.count():
            if self.over.is_set():
                return
            with contextlib.suppress(requests.RequestException, OSError, Exception):
                do(number)
            time.sleep(0.002)

    def _create(self, number):
        name = f"s{number}"
        body = {"name": name, "image": "i", "script": "#!/bin/sh\n"}
        if self.user.ask("POST", "/system/services", json=body, timeout=5).status_code == 201:
            self.services.append(name)
        time.sleep(0.05)

    def _upload(self, number):
        key, data = f"in/{number}.txt", f"text {number} {'x' * (number % 7000)}".encode()
        self.user.put("first", key, data)
        self.objects[key] = data
        time.sleep(0.1)

    def _call(self, number):
        job = f"call-{number}"
        if self.user.call("first", b"aGk=", job, self.token).status_code == 201:
            self.calls.append(job)
        time.sleep(0.02)

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join(30)


def processes(marks):
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if any(mark in (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes() for mark in marks):
                    found.append(int(entry.name))
    return found


def store(box):
    return processes([f"--no-cleanup\0{box.data / 'buckets'}".encode(), f"\0{box.data / 'minio' / 'drive'}\0".encode()])


def a_job(box):
    """The process group of some job that runs."""
    for lock in (box.data / "jobs").glob("*/*/lock"):
        with contextlib.suppress(OSError, ValueError):
            (pid,) = lock.read_text().split()  # after its end more stands there
            if Path(f"/proc/{pid}").exists():
                return [int(pid)]
    return []


@pytest.mark.timeout(240 + 6 * KILLS)
def test_kill_9_of_sandbox_store_and_jobs_at_random_moments_loses_nothing(a_sandbox):
    chance = random.Random(os.environ.get("JUPYTER_OSCAR_SEED", str(time.time_ns())))
    box = a_sandbox(jobs=4)
    assert len(store(box)) == 1
    life = Life(box)
    killed = {"sandbox": 0, "store": 0, "job": 0}
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.05, 0.8))
        victim = chance.choice(list(killed))
        killed[victim] += 1
        if victim == "sandbox":
            box.kill()
            box.start()
        else:
            for pid in store(box) if victim == "store" else a_job(box):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
    life.end()
    print(f"\nkilled {killed}: {len(life.services)} services, {len(life.objects)} objects, {len(life.calls)} calls")  # noqa: T201
    user = life.user
    assert set(life.services) <= {service["name"] for service in user.ask("GET", "/system/services").json()}
    for key, data in life.objects.items():
        assert eventually(lambda key=key: read(user, key)) == data
    jobs = eventually(lambda: user.over("first", len(life.objects) + len(life.calls)), 120 + 3 * KILLS)
    assert set(life.calls) <= set(jobs)
    for job, row in jobs.items():
        if row["status"] == "Failed":
            assert user.log("first", job).strip(), f"{job} failed without a reason"
    succeeded = {name for name in user.keys("first", "out/") if name.endswith(".txt")}
    lost = [key for key in life.objects if key.replace("in/", "out/") not in succeeded]
    assert len(lost) <= killed["job"] + killed["sandbox"], lost
    box.stop()
    eventually(lambda: not processes([str(box.data).encode(), f"OSCAR_SERVICE_TOKEN={life.token}".encode()]))


def read(user, key):
    with contextlib.suppress(Exception):
        return user.get("first", key)
    return None
