"""Long-lived services behind the sandbox's prefix, as somebody who opens, watches, stops and breaks them sees it."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import os
import signal
import socket
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
import requests
import yaml
from sandbox_user import NoAuth, User, eventually, new_name

ROOT = Path(__file__).parents[2]

# A server that tells what it was asked, with a few doors of its own.
MIRROR = """#!/bin/sh
echo "starting at $OSCAR_SERVICE_BASE_PATH"
exec python3 - <<'PYTHON'
import asyncio, gzip, json, os, pathlib, sys
from aiohttp import web

FOLDER = pathlib.Path(os.environ["FOLDER"])
AT = os.environ.get("AT", "")

async def tell(request):
    body = await request.read()
    seen = {"method": request.method, "target": request.raw_path, "headers": list(request.headers.items()),
            "body": body.decode(), "environment": dict(os.environ), "pid": os.getpid()}
    return web.json_response(seen)

async def cookies(request):
    headers = [("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2; Path=/deep"), ("Location", "/elsewhere"),
               ("Keep-Alive", "timeout=5"), ("Server", "mine"), ("Content-Encoding", "gzip")]
    from multidict import CIMultiDict
    return web.Response(status=302, headers=CIMultiDict(headers), body=gzip.compress(b"packed"))

async def health(request):
    return web.Response(status=500 if (FOLDER / "ill").exists() else 200)

async def stream(request):
    answer = web.StreamResponse()
    await answer.prepare(request)
    await answer.write(b"first\\n")
    while not (FOLDER / "go").exists():
        await asyncio.sleep(0.02)
    await answer.write(b"last\\n")
    return answer

async def zeros(request):
    answer = web.StreamResponse()
    await answer.prepare(request)
    for _ in range(int(request.query["mib"])):
        await answer.write(bytes(1 << 20))
    return answer

async def broken(request):
    answer = web.StreamResponse(headers={"Content-Length": "100"})
    await answer.prepare(request)
    await answer.write(b"half")
    request.transport.abort()
    return answer

async def drink(request):
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        (FOLDER / "drunk").write_text(str(size))
    return web.json_response(size)

async def echo(request):
    if "no" in request.query:
        return web.Response(status=418)
    ws = web.WebSocketResponse(protocols=["words"])
    await ws.prepare(request)
    async for message in ws:
        if message.data == "bye":
            await ws.close(code=4001, message=b"as you wish")
        elif isinstance(message.data, str):
            await ws.send_str(message.data)
        else:
            await ws.send_bytes(message.data)
    (FOLDER / "closed").write_text(str(ws.close_code))
    return ws

async def end(request):
    os._exit(int(request.query["code"]))

async def deaf(request):
    await SITE.stop()
    return web.Response()

async def main():
    global SITE
    app = web.Application(client_max_size=1 << 30)
    for path, handler in {"cookies": cookies, "health": health, "stream": stream, "zeros": zeros, "broken": broken,
                          "drink": drink, "echo": echo, "end": end, "deaf": deaf}.items():
        app.router.add_route("*", f"{AT}/{path}", handler)
    app.router.add_route("*", "/{path:.*}", tell)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    SITE = web.TCPSite(runner, "127.0.0.1", int(os.environ["PORT"]))
    await SITE.start()
    print("listening", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
PYTHON
"""


def a_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Page:
    """One exposed service and its user."""

    def __init__(
        self, user, folder, script=MIRROR, name=None, port=None, variables=None, secrets=None, inputs=(), **expose
    ):
        self.user, self.folder = user, folder
        self.name, self.port = name or new_name("page"), port or a_port()
        environment = {"FOLDER": str(folder), "PORT": str(self.port), **(variables or {})}
        self.spec = {
            "name": self.name,
            "image": "debian",
            "script": script,
            "input": list(inputs),
            "expose": {"api_port": [self.port], "min_scale": 1, "max_scale": 1, "cpu_threshold": 80, **expose},
            "environment": {"variables": environment, "secrets": secrets or {}},
        }

    def create(self):
        answer = self.user.ask("POST", "/system/services", json=self.spec)
        assert answer.status_code == 201, answer.text
        return self

    def update(self, **changes):
        self.spec.update(changes)
        assert self.user.ask("PUT", "/system/services", json={**self.spec, "owner": "cluster_admin"}).status_code == 204

    def delete(self):
        self.user.delete(self.name)

    @property
    def prefix(self):
        return f"/system/services/{self.name}/exposed"

    @property
    def url(self):
        return self.user.sandbox.endpoint + self.prefix

    def ask(self, method="GET", path="/", **kwargs):
        return requests.request(method, self.url + path, timeout=30, allow_redirects=False, **kwargs)

    def told(self, path="/", **kwargs):
        return self.ask(path=path, **kwargs).json()

    def deployment(self):
        return self.user.ask("GET", f"/system/services/{self.name}/deployment").json()

    def is_(self, state, words=""):
        found = self.deployment()
        return found if found["state"] == state and words in found["reason"] else None

    def becomes(self, state, words=""):
        return eventually(lambda: self.is_(state, words))

    def lifecycle(self, verb):
        return self.user.ask("POST", f"/system/services/{self.name}/{verb}")

    def log(self, **query):
        answer = self.user.ask("GET", f"/system/services/{self.name}/deployment/logs", params=query).json()
        return [entry["message"] for entry in answer["entries"]]

    def processes(self):
        """Everything that was started for it, however far it went."""
        mark = f"OSCAR_SERVICE_BASE_PATH={self.prefix}".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (process / "environ").read_bytes().split(b"\0") and alive(process.name):
                    found.append(int(process.name))
            except OSError:
                continue
        return found


@pytest.fixture
def page(user, tmp_path):
    """A ready one on the shared sandbox."""
    made = Page(user, tmp_path, variables={"WHO": "me"}, secrets={"PW": "hidden"}).create()
    made.becomes("ready")
    yield made
    made.delete()
    assert made.processes() == []


@pytest.fixture
def a_page(user, tmp_path):
    """Makes pages on the shared sandbox; they are gone after the test, and so is all they started."""
    made = []

    def make(*args, **kwargs):
        made.append(Page(user, tmp_path, *args, **kwargs))
        return made[-1].create()

    yield make
    for each in made:
        if user.ask("GET", f"/system/services/{each.name}").status_code == 200:
            each.delete()
        assert each.processes() == []


# what the service gets


def test_it_runs_from_its_creation_in_a_clean_world_with_what_it_was_given(page):
    environment = page.told()["environment"]
    assert environment["OSCAR_SERVICE_BASE_PATH"] == page.prefix
    assert environment["OSCAR_SERVICE_NAME"] == page.name
    assert (environment["WHO"], environment["PW"]) == ("me", "hidden")
    assert not {"JUPYTER_RUNTIME_DIR", "PYTHONPATH", "JOB_UUID"} & set(environment)
    assert environment["HOME"] != page.user.sandbox.env["HOME"]
    assert page.deployment()["active_instances"] == 1


def test_the_prefix_is_stripped_and_the_rest_stays_as_it_was_written(page):
    for path, wanted in (
        ("", "/"),
        ("/", "/"),
        ("/a/b?c=d&e=%2F", "/a/b?c=d&e=%2F"),
        ("/%C3%A9%2F%20", "/%C3%A9%2F%20"),
    ):
        assert page.told(path)["target"] == wanted
    assert page.ask(path="where").status_code == 404


def test_with_rewrite_target_the_whole_path_arrives(a_page):
    page = a_page(rewrite_target=True)
    page.becomes("ready")
    assert page.told("/a?b=c")["target"] == f"{page.prefix}/a?b=c"


@pytest.mark.parametrize(("probe", "prefixed"), [("legacy", True), ("direct", False)])
def test_the_probe_of_such_a_service_asks_behind_the_prefix_unless_told_otherwise(a_page, tmp_path, probe, prefixed):
    name = new_name("page")
    at = f"/system/services/{name}/exposed" if prefixed else ""
    (tmp_path / "ill").touch()
    page = a_page(name=name, variables={"AT": at}, rewrite_target=True, health_path="/health", probe_mode=probe)
    page.becomes("pending", f"GET {at}/health on port {page.port} answers 500.")
    (tmp_path / "ill").unlink()
    page.becomes("ready")


def test_every_method_arrives_with_its_body(page):
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"):
        seen = page.ask(method, "/x", data=b"body of it").json()
        assert (seen["method"], seen["body"]) == (method, "body of it")
    head = page.ask("HEAD", "/x")
    assert head.status_code == 200
    assert int(head.headers["Content-Length"]) > 0


def test_headers_go_through_except_those_of_one_connection(page):
    sent = {"Connection": "X-Mine", "X-Mine": "1", "TE": "trailers", "Cookie": "c=1", "X-Other": "2", "Accept": "a/b"}
    seen = {name.lower(): value for name, value in page.told("/", headers=sent)["headers"]}
    assert not {"x-mine", "te", "upgrade"} & set(seen)
    assert seen.get("connection", "close") == "close"
    assert (seen["cookie"], seen["x-other"], seen["accept"]) == ("c=1", "2", "a/b")
    host = urlsplit(page.url)
    assert seen["host"] == seen["x-forwarded-host"] == host.netloc
    assert (seen["x-forwarded-port"], seen["x-forwarded-proto"]) == (str(host.port), "http")
    assert seen["x-forwarded-for"] == seen["x-real-ip"] == "127.0.0.1"


def test_the_answer_comes_back_as_the_ingress_leaves_it(page):
    connection = http.client.HTTPConnection(urlsplit(page.url).netloc, timeout=30)
    connection.request("GET", f"{page.prefix}/cookies")
    answer = connection.getresponse()
    headers = answer.getheaders()
    assert answer.status == 302
    assert [value for name, value in headers if name == "Set-Cookie"] == ["a=1; Path=/", "b=2; Path=/deep"]
    assert dict(headers)["Location"] == "/elsewhere"
    assert not {"Keep-Alive", "Server"} & set(dict(headers))
    assert gzip.decompress(answer.read()) == b"packed"
    connection.close()


# streams


def test_the_first_bytes_arrive_before_the_last_are_made(page):
    with requests.get(f"{page.url}/stream", stream=True, timeout=30) as answer:
        lines = answer.iter_lines(chunk_size=1)
        assert next(lines) == b"first"
        (page.folder / "go").touch()
        assert next(lines) == b"last"


def test_an_upload_arrives_while_it_is_being_sent(page):
    drunk, done = page.folder / "drunk", threading.Event()

    def body():
        yield b"x" * 1000
        eventually(lambda: drunk.exists() and drunk.read_text() == "1000")
        done.set()
        yield b"y" * 500

    assert page.ask("POST", "/drink", data=body()).json() == 1500
    assert done.is_set()


def test_big_bodies_do_not_stay_in_memory(page):
    def resident():
        fields = Path(f"/proc/{page.user.sandbox.pid}/statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")

    before, most = resident(), 0
    with requests.get(f"{page.url}/zeros?mib=200", stream=True, timeout=60) as answer:
        time.sleep(1)  # a slow reader
        for chunk in answer.iter_content(1 << 20):
            most = max(most, resident() if len(chunk) > 1000 else 0)
    assert page.ask("POST", "/drink", data=(bytes(1 << 20) for _ in range(200))).json() == 200 << 20
    assert max(most, resident()) - before < 32 << 20


def test_an_answer_that_breaks_off_does_not_look_whole(page):
    began = time.monotonic()
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        page.ask(path="/broken")
    assert time.monotonic() - began < 10  # nor does it keep the caller waiting


def test_when_the_caller_hangs_up_the_service_is_let_go(page):
    def connections():
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return [row for row in rows if row[3] == "01" and int(row[2].rpartition(":")[2], 16) == page.port]

    with requests.get(f"{page.url}/stream", stream=True, timeout=30) as answer:
        lines = answer.iter_lines(chunk_size=1)
        assert next(lines) == b"first"
        assert connections()
    eventually(lambda: not connections())


def websocket(page, path="/echo", **kwargs):
    async def talk():
        async with aiohttp.ClientSession() as session, session.ws_connect(page.url + path, **kwargs) as ws:
            await ws.send_str("héllo")
            await ws.send_bytes(b"\0\1")
            await ws.send_bytes(bytes(3 << 20))
            answers = [(await ws.receive()).data for _ in range(3)]
            await ws.send_str("bye")
            last = await ws.receive()
            return answers, ws.protocol, last.data, last.extra

    return asyncio.run(asyncio.wait_for(talk(), 30))


def test_a_websocket_echoes_with_its_subprotocol_and_its_last_words(page):
    answers, protocol, code, words = websocket(page, protocols=("other", "words"))
    assert answers == ["héllo", b"\0\1", bytes(3 << 20)]
    assert (protocol, code, words) == ("words", 4001, "as you wish")


def test_the_service_learns_how_the_caller_closed(page):
    async def close():
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{page.url}/echo") as ws:
            await ws.close(code=4002)

    asyncio.run(close())
    assert eventually(lambda: (page.folder / "closed").exists() and (page.folder / "closed").read_text()) == "4002"


def test_a_refused_websocket_is_refused(page):
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        websocket(page, "/echo?no")
    assert refused.value.status == 418


# who may enter


def test_with_set_auth_the_service_and_its_token_are_the_login(a_page):
    page = a_page(set_auth=True)
    page.becomes("ready")
    token = page.user.token(page.name)
    assert page.told(auth=(page.name, token))["method"] == "GET"
    for auth in (None, (page.name, "wrong"), page.user.auth):
        refused = page.ask(auth=auth)
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"].startswith("Basic")
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        websocket(page)
    assert refused.value.status == 401
    assert websocket(page, headers={"Authorization": requests.auth._basic_auth_str(page.name, token)})[0][0] == "héllo"


def test_with_forward_a_link_with_the_token_logs_in_once(a_page):
    page = a_page(set_auth=True, auth_type="forward")
    page.becomes("ready")
    token = page.user.token(page.name)
    assert page.ask().status_code == 401
    assert page.ask(path=f"/?token={'0' * 64}").status_code == 401
    browser = requests.Session()
    assert browser.get(f"{page.url}/?token={token}", timeout=30).status_code == 200
    (cookie,) = browser.cookies
    assert (cookie.name, cookie.path) == (f"oscar_service_{page.name.replace('-', '_')}_auth", page.prefix)
    assert browser.get(f"{page.url}/", timeout=30).status_code == 200
    assert page.ask(headers={"Authorization": f"Bearer {token}"}, auth=NoAuth()).status_code == 200
    uri = {"X-Forwarded-Uri": f"{page.prefix}/?token={token}"}
    answer = page.user.ask("GET", f"/system/services/{page.name}/auth", headers=uri, auth=NoAuth())
    assert answer.status_code == 200


# stop, start, restart


def test_a_stopped_service_is_gone_and_says_so_until_it_is_started(page):
    pid = page.told()["pid"]
    stopped = page.lifecycle("stop").json()
    assert (stopped["state"], stopped["active_instances"]) == ("stopped", 1)
    eventually(lambda: not page.processes() and not alive(pid))
    assert page.deployment()["active_instances"] == 0
    refused = page.ask()
    assert refused.status_code == 503
    assert "is not ready (stopped)" in refused.text
    assert page.lifecycle("start").json()["state"] == "pending"
    page.becomes("ready")
    assert page.told()["pid"] != pid
    assert [line for line in page.log() if not line.startswith("The script")] == [
        f"starting at {page.prefix}", "listening"] * 2  # fmt: skip


def test_a_restart_is_another_process(page):
    pid = page.told()["pid"]
    assert page.lifecycle("restart").json()["state"] == "ready"
    eventually(lambda: not alive(pid))
    page.becomes("ready")
    assert page.told()["pid"] != pid


def test_only_exposed_services_are_stopped(user, service):
    refused = user.ask("POST", f"/system/services/{service}/stop")
    assert (refused.status_code, refused.text) == (400, f'service "{service}" is not exposed')


def test_an_update_replaces_what_runs(page):
    page.update(script=MIRROR.replace("starting at", "second edition at"))
    eventually(lambda: f"second edition at {page.prefix}" in page.log())
    page.becomes("ready")
    assert len({page.told()["pid"] for _ in range(5)}) == 1
    page.update(expose={})
    assert page.processes() == []
    assert page.ask().status_code == 404
    assert page.user.ask("GET", f"/system/services/{page.name}").status_code == 200


def test_an_update_without_a_change_starts_it_anew_even_if_it_was_stopped(page):
    pids = {page.told()["pid"]}
    for _ in range(2):  # the first drops a label that only a create sets
        page.update()
        eventually(lambda: page.ask().status_code == 200 and page.told()["pid"] not in pids)
        pids.add(page.told()["pid"])
    page.lifecycle("stop")
    eventually(lambda: not page.processes())
    page.update()
    page.becomes("ready")


def test_a_deleted_service_leaves_nothing(a_page):
    page = a_page()
    page.becomes("ready")
    page.delete()
    assert page.processes() == []
    assert page.ask().status_code == 404
    assert not (page.user.sandbox.data / "exposed" / page.name).exists()


def test_one_that_does_not_want_to_end_is_ended(a_page, tmp_path):
    page = a_page(f"#!/bin/sh\ntrap '' TERM\ntouch {tmp_path}/run\nwhile true; do sleep 1; done\n")
    eventually((tmp_path / "run").exists)
    page.delete()
    assert page.processes() == []


def test_a_delete_whose_caller_hangs_up_can_be_repeated(a_page, tmp_path):
    page = a_page(f"#!/bin/sh\ntrap '' TERM\ntouch {tmp_path}/run\nwhile true; do sleep 1; done\n")
    eventually((tmp_path / "run").exists)
    with pytest.raises(requests.Timeout):
        page.user.ask("DELETE", f"/system/services/{page.name}", timeout=0.5)
    eventually(lambda: not page.processes())
    assert page.deployment()["state"] in ("pending", "unavailable")
    eventually(lambda: page.is_("unavailable"))
    page.delete()
    assert page.user.ask("GET", f"/system/services/{page.name}").status_code == 404


def test_daemons_that_left_the_group_end_too(a_page, tmp_path):
    page = a_page(f"#!/bin/sh\nsetsid sleep 300 &\nsetsid setsid sleep 300 &\ntouch {tmp_path}/run\nsleep 300\n")
    eventually((tmp_path / "run").exists)
    eventually(lambda: len([pid for pid in page.processes() if "sleep" in Path(f"/proc/{pid}/comm").read_text()]) == 3)
    page.lifecycle("stop")
    eventually(lambda: not page.processes())


# when it breaks


def test_a_crash_is_followed_by_a_new_start(page):
    pid = page.told()["pid"]
    assert page.ask(path="/end?code=3").status_code == 502
    eventually(lambda: page.ask().status_code == 200 and page.told()["pid"] != pid)
    page.becomes("ready")
    assert "The script ended with exit code 3; it is started again in 0.5 s." in page.log()


def test_a_script_that_always_ends_is_failed_and_says_how(a_page):
    page = a_page("#!/bin/sh\necho no such module\nexit 7\n")
    found = page.becomes(
        "failed", "The script ended with exit code 7, 3 times in a row, and is started again after 2 s"
    )
    assert found["resource_kind"] == "exposed_service"
    assert page.log()[:2] == ["no such module", "The script ended with exit code 7; it is started again in 0.5 s."]
    assert page.ask().status_code == 503


def test_a_script_that_cannot_be_started_is_not_tried_all_the_time(a_page):
    page = a_page("#!/bin/sh\ntrue\n", variables={"BAD": "a\0b"})
    eventually(lambda: len(page.log()) >= 4)
    assert page.log()[0].startswith("The script could not be started (")
    page.becomes("failed", "with exit code 126")


def test_a_pipe_ends_as_in_any_shell(a_page):
    page = a_page("#!/bin/sh\nyes | head -n 1\necho end\nsleep 300\n")
    eventually(lambda: page.log()[-1:] == ["end"])
    assert page.log() == ["y", "end"]


def test_the_first_line_of_the_script_names_its_interpreter(a_page):
    page = a_page("#!/usr/bin/env python3\nimport time\nprint('from python', flush=True)\ntime.sleep(300)\n")
    assert eventually(page.log)[0] == "from python"


def test_unwell_after_well_is_degraded_and_a_closed_door_is_502(a_page, tmp_path):
    page = a_page(health_path="/health")
    page.becomes("ready")
    (tmp_path / "ill").touch()
    page.becomes("degraded", f"1 of 1 instances are affected: GET /health on port {page.port} answers 500.")
    assert page.ask().status_code == 503
    (tmp_path / "ill").unlink()
    page.becomes("ready")
    page.ask(path="/deaf")
    eventually(lambda: page.ask().status_code in (502, 503))
    page.becomes("degraded", f"nothing listens on port {page.port}")


def test_a_script_that_listens_elsewhere_stays_pending_in_words(a_page):
    page = a_page("#!/bin/sh\nsleep 300\n")
    page.becomes("pending", f"The script runs, but nothing listens on port {page.port}.")


def test_an_images_own_command_cannot_run_here(a_page):
    page = a_page(default_command=True)
    reason = page.becomes("failed")["reason"]
    assert "image's own command" in reason
    assert page.log() == [reason]
    assert page.processes() == []


def test_two_services_cannot_share_a_port(a_page):
    first = a_page()
    first.becomes("ready")
    second = a_page(port=first.port)
    second.becomes("failed", f'Port {first.port} is used by the service "{first.name}"')
    assert second.processes() == []
    assert first.told()["environment"]["OSCAR_SERVICE_NAME"] == first.name
    first.lifecycle("restart")
    first.becomes("ready")
    assert second.is_("failed")
    first.lifecycle("stop")
    second.becomes("ready")
    assert second.told()["environment"]["OSCAR_SERVICE_NAME"] == second.name


def test_a_port_that_another_program_has_is_named_with_it(a_page):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        page = a_page(port=taken.getsockname()[1])
        reason = page.becomes("failed")["reason"]
        assert f"Port {page.port} is used by process {os.getpid()} (" in reason
        assert page.ask().status_code == 503
    page.becomes("ready")


def test_scales_that_a_cluster_refuses_are_refused_and_leave_nothing(user, tmp_path):
    page = Page(user, tmp_path, max_scale=0)
    answer = user.ask("POST", "/system/services", json=page.spec)
    assert answer.status_code == 500
    assert "spec.maxReplicas: Invalid value: 0: must be greater than 0" in answer.text
    assert user.ask("GET", f"/system/services/{page.name}").status_code == 404


def test_a_node_port_has_no_route(a_page):
    page = a_page(nodePort=[31000])
    page.becomes("ready")
    assert page.ask().status_code == 404


# its log


def test_the_log_shows_the_last_lines_with_their_times_when_asked(a_page):
    page = a_page("#!/bin/sh\nfor i in $(seq 1 2500); do echo line $i; done\nprintf 'no end'\nsleep 300\n")
    eventually(lambda: page.log() and page.log()[-1] == "line 2500")
    assert page.log() == [f"line {i}" for i in range(2301, 2501)]
    assert page.log(tailLines=3) == ["line 2498", "line 2499", "line 2500"]
    assert len(page.log(tailLines=0)) == 200
    assert len(page.log(tailLines=5000)) == 1000
    path = f"/system/services/{page.name}/deployment/logs?timestamps=true&tailLines=1"
    (entry,) = page.user.ask("GET", path).json()["entries"]
    assert time.strptime(entry["timestamp"], "%Y-%m-%dT%H:%M:%SZ")
    page.lifecycle("stop")
    eventually(lambda: page.log()[-2:] == ["The script is told to end.", "no end"] or page.log()[-2] == "no end")


def test_a_chatty_service_does_not_fill_the_disk(a_page, tmp_path):
    chatter = "head -c 20000000 /dev/zero | tr '\\0' x\necho\nyes | head -n 500000"
    page = a_page(f"#!/bin/sh\n{chatter}\ntouch {tmp_path}/end\nsleep 300\n")
    eventually((tmp_path / "end").exists)
    eventually(lambda: page.log(tailLines=1) == ["y"])
    kept = list((page.user.sandbox.data / "exposed" / page.name).glob("log*"))
    assert sum(path.stat().st_size for path in kept) < 9 << 20
    assert len(page.log(tailLines=1000)) == 1000


# the sandbox ends, well or badly


def test_kill_9_of_the_sandbox_and_the_service_is_found_again(a_sandbox, tmp_path):
    sandbox = a_sandbox()
    page = Page(User(sandbox), tmp_path).create()
    page.becomes("ready")
    pid = page.told()["pid"]
    sandbox.kill()
    assert alive(pid)
    sandbox.start()
    page.becomes("ready")
    assert page.told()["pid"] == pid
    page.ask(path="/end?code=1")
    eventually(lambda: page.ask().status_code == 200 and page.told()["pid"] != pid)
    assert sandbox.stop() == 0
    assert page.processes() == []
    sandbox.start()
    page.becomes("ready")
    assert sandbox.stop() == 0
    assert page.processes() == []


def test_kill_9_of_its_keeper_and_there_is_one_again(a_sandbox, tmp_path):
    sandbox = a_sandbox()
    page = Page(User(sandbox), tmp_path, "#!/bin/sh\nsetsid sleep 300 &\n" + MIRROR).create()
    page.becomes("ready")
    before = page.processes()
    os.kill(int((sandbox.data / "exposed" / page.name / "lock").read_text()), signal.SIGKILL)
    eventually(lambda: not set(page.processes()) & set(before))
    page.becomes("ready")
    assert len(page.processes()) == len(before)


def test_keeper_and_sandbox_killed_together_and_there_is_one_again(a_sandbox, tmp_path):
    sandbox = a_sandbox()
    page = Page(User(sandbox), tmp_path, "#!/bin/sh\nsetsid sleep 300 &\n" + MIRROR).create()
    page.becomes("ready")
    before = page.processes()
    keeper = int((sandbox.data / "exposed" / page.name / "lock").read_text())
    sandbox.kill()
    os.kill(keeper, signal.SIGKILL)
    sandbox.start()
    page.becomes("ready")
    assert not set(page.processes()) & set(before)
    assert len(page.processes()) == len(before)


def test_who_had_the_port_before_a_kill_has_it_after(a_sandbox, tmp_path):
    sandbox = a_sandbox()
    second = Page(User(sandbox), tmp_path, name="zz-first").create()
    second.becomes("ready")
    first = Page(User(sandbox), tmp_path, name="aa-second", port=second.port).create()
    first.becomes("failed")
    sandbox.kill()
    sandbox.start()
    second.becomes("ready")
    first.becomes("failed", 'is used by the service "zz-first"')
    pid = second.told()["pid"]
    second.lifecycle("restart")
    eventually(lambda: second.ask().status_code == 200 and second.told()["pid"] != pid)
    assert second.told()["environment"]["OSCAR_SERVICE_NAME"] == "zz-first"


def test_a_stopped_service_stays_stopped_over_restarts(a_sandbox, tmp_path):
    sandbox = a_sandbox()
    page = Page(User(sandbox), tmp_path).create()
    page.becomes("ready")
    page.lifecycle("stop")
    sandbox.kill()
    sandbox.start()
    assert page.deployment()["state"] == "stopped"
    eventually(lambda: not page.processes())
    sandbox.restart()
    assert page.deployment()["state"] == "stopped"
    assert page.processes() == []


def test_a_service_that_no_sandbox_comes_back_for_ends(a_sandbox, tmp_path):
    sandbox = a_sandbox()
    page = Page(User(sandbox), tmp_path).create()
    page.becomes("ready")
    sandbox.kill()
    os.utime(sandbox.data / "exposed" / page.name / "lease", (1, 1))
    eventually(lambda: not page.processes())
    sandbox.start()
    page.becomes("ready")
    assert "No sandbox looks after this service any more." in page.log()


def test_no_secret_of_a_service_is_in_a_process_list(page):
    token = page.user.token(page.name).encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            shown = (process / "cmdline").read_bytes()
        except OSError:
            continue
        assert token not in shown
        assert page.user.sandbox.password.encode() not in shown


# and it is still a service


def test_files_still_start_jobs_beside_it(user, a_page):
    name = new_name("page")
    place = {"storage_provider": "minio.default", "path": f"{name}/in"}
    script = '#!/bin/sh\necho "job:${JOB_UUID:-none} at:$OSCAR_SERVICE_BASE_PATH"\nsleep 2\n'
    page = a_page(script, name=name, inputs=[place])
    user.put(page.name, "in/a.txt")
    (job,) = eventually(lambda: user.over(page.name))
    assert f"job:{job} at:\n" in user.log(page.name, job)
    assert f"job:none at:{page.prefix}" in page.log()


def test_the_example_page_greets_behind_its_prefix(user, tmp_path):
    folder = ROOT / "examples" / "hello-page"
    (named,) = yaml.safe_load((folder / "fdl.yaml").read_text(encoding="utf-8"))["functions"]["oscar"]
    (spec,) = named.values()
    page = Page(user, tmp_path, name=spec["name"], port=spec["expose"]["api_port"][0])
    page.spec = {**spec, "script": (folder / spec["script"]).read_text(encoding="utf-8")}
    page.create()
    try:
        page.becomes("ready")
        shown = page.ask()
        assert shown.headers["Content-Type"] == "text/html; charset=utf-8"
        assert page.prefix in shown.text
        assert page.ask(path="/visits").json()["visits"] == 1
        assert page.ask("POST", "/visits").json()["visits"] == 2
        assert page.ask(path="/visits").json()["visits"] == 2
        assert page.ask(path="/nothing").status_code == 404
    finally:
        page.delete()
