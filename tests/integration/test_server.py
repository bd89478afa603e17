"""The server extension: who may, what a browser learns, and news for as long as somebody looks."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pytest
from jupyter_server.auth.authorizer import Authorizer
from pytest_jupyter.jupyter_core import jp_asyncio_loop  # noqa: F401 - see tests/conftest.py
from pytest_jupyter.jupyter_server import jp_server_cleanup  # noqa: F401
from tornado.httpclient import HTTPClientError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

SCRIPT = '#!/bin/sh\necho "got $(cat "$INPUT_FILE_PATH")"\ncp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR/out.txt"\n'
FDL = """
functions:
  oscar:
    - c:
        name: {name}
        image: busybox
        script: script.sh
        labels: {{jupyter-oscar/tracked: "true"}}
        input: [{{path: {name}/in}}]
        output: [{{path: {name}/out}}]
"""


@pytest.fixture(autouse=True)
def nothing_of_the_persons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ENDPOINT", "USER", "PASSWORD", "TOKEN", "TOKEN_FILE"):
        monkeypatch.delenv(f"OSCAR_{name}", raising=False)


@pytest.fixture
def jp_server_config(sandbox: Any, tmp_path: Path) -> dict[str, Any]:
    file = tmp_path / "password"
    file.write_text(sandbox.password + "\n")
    named = {"box": {"endpoint": sandbox.endpoint, "user": sandbox.user, "password_file": str(file)}}
    return {
        "ServerApp": {"jpserver_extensions": {"jupyter_oscar": True}, "allow_unauthenticated_access": False},
        "JupyterOscarApp": {"clusters": named},
    }


@pytest.fixture
def ask(jp_fetch: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Ask a route and get its JSON, or the status and JSON of its refusal."""

    async def do(method: str, *path: str, body: Any = None, raw: bytes | None = None, **more: Any) -> Any:
        data = raw if raw is not None else json.dumps(body) if body is not None else None
        if method in {"POST", "PUT"} and data is None:
            data = ""
        try:
            answer = await jp_fetch("jupyter-oscar", *path, method=method, body=data, **more)
        except HTTPClientError as error:
            said = error.response.body if error.response else b""
            # A socket's refusal is a page.
            return error.code, json.loads(said) if said[:1] in {b"{", b"["} else None
        return json.loads(answer.body) if answer.body else None

    return do


async def deployed(ask: Any, name: str = "svc", script: str = SCRIPT) -> str:
    """A tracked service that copies its input."""
    body = {"fdl": FDL.format(name=name), "scripts": {"script.sh": script}}
    made = await ask("POST", "clusters", "box", "services", body=body)
    assert made[0]["name"] == name, made
    return name


async def test_it_says_what_it_is_and_what_it_allows(ask: Any) -> None:
    health = await ask("GET", "health")
    assert health["capabilities"] == {"sandbox": True, "user_clusters": True}
    assert health["version"]


async def test_clusters_are_shown_without_a_secret(ask: Any, sandbox: Any) -> None:
    rows = await ask("GET", "clusters")
    box = next(row for row in rows if row["name"] == "box")
    assert (box["state"], box["version"], box["user"]) == ("ok", "v4.1.2", "oscar")
    assert sandbox.password not in json.dumps(rows)


async def until(ask: Any, *path: str, state: str = "done") -> Any:
    """Ask for a call until it is in a state."""
    while True:
        row = await ask("GET", *path)
        if row["state"] == state:
            return row
        assert row["state"] in {"queued", "pending", "running"}, row
        await asyncio.sleep(0.05)


async def test_a_definition_is_checked_planned_deployed_opened_and_deleted(ask: Any) -> None:
    wrong = {"fdl": FDL.format(name="svc").replace("image", "imag"), "scripts": {"script.sh": SCRIPT}}
    (problem,) = (await ask("POST", "clusters", "box", "check", body=wrong))["problems"]
    assert (problem["line"], problem["hint"]) == (6, "Did you mean `image`?")
    good = {"fdl": FDL.format(name="svc"), "scripts": {"script.sh": SCRIPT}}
    assert (await ask("POST", "clusters", "box", "check", body=good))["names"] == ["svc"]
    (change,) = (await ask("POST", "clusters", "box", "plan", body=good))["changes"]
    assert (change["action"], "+      image: busybox" in change["diff"]) == ("create", True)
    await deployed(ask)
    (change,) = (await ask("POST", "clusters", "box", "plan", body=good))["changes"]
    assert change == {"name": "svc", "action": "update", "diff": ""}, "deployed as it was written"
    status, refusal = await ask("POST", "clusters", "box", "services", body=good)
    assert (status, refusal["code"], refusal["line"]) == (400, "fdl-error", 5)
    assert len(await ask("POST", "clusters", "box", "services", body={**good, "update": True})) == 1
    opened = await ask("GET", "clusters", "box", "services", "svc")
    assert opened["script"] == SCRIPT, "without the prologue"
    assert (opened["kind"], opened["inputs"], opened["tracked"]) == ("async", ["svc/in"], True)
    assert await ask("GET", "clusters", "box", "services", "svc", "belongings") == [
        {"bucket": "svc", "objects": 0, "bytes": 0, "more": False, "others": []}
    ]
    assert await ask("DELETE", "clusters", "box", "services", "svc") is None
    status, refusal = await ask("GET", "clusters", "box", "services", "svc")
    assert (status, refusal["code"]) == (404, "service-not-found")


async def test_a_plan_says_what_oscar_would_ignore_and_what_deploying_costs(ask: Any) -> None:
    idle = "allowed_users: [somebody]\n        interlink_node_name: vega\n        image"
    said = {
        "fdl": FDL.format(name="svc").replace("image", idle, 1),
        "scripts": {"script.sh": "#!/usr/bin/env python3\n"},
    }
    plan = await ask("POST", "clusters", "box", "plan", body=said)
    assert [key["key"] for key in plan["ignored"]] == ["allowed_users", "interlink_node_name", "script"], plan
    assert "/bin/sh" in plan["ignored"][2]["why"]
    assert "7 s" in plan["cost"], "this server does not know that it is a sandbox"


async def test_calls_are_submitted_in_four_ways_and_their_outputs_come_back(ask: Any, jp_fetch: Any) -> None:
    await deployed(ask)
    here = ("clusters", "box", "services", "svc", "calls")
    text = await ask("POST", *here, body={"text": "words"})
    json_ = await ask("POST", *here, body={"json": {"a": 1}, "name": "a.json"})
    file = await ask("PUT", *here, quote("two words.bin", safe=""), raw=b"\x00\x01" * 1000)
    one = ("clusters", "box", "calls", "svc")
    for call in (text, json_, file):
        await until(ask, *one, call["id"])
    object_ = await ask("POST", *here, body={"object": f"svc/out/{text['id']}/out.txt"})
    await until(ask, *one, object_["id"])
    found = await ask("GET", *one, file["id"], "outputs")
    assert [(row["name"], row["size"], row["kind"]) for row in found] == [("out.txt", 2000, "text")]
    answer = await jp_fetch("jupyter-oscar", *one, file["id"], "outputs", "out.txt")
    assert answer.body == b"\x00\x01" * 1000
    assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''out.txt"
    assert (answer.headers["X-Content-Type-Options"], answer.headers["Content-Security-Policy"]) == (
        "nosniff",
        "sandbox",
    )
    assert (await jp_fetch("jupyter-oscar", *one, object_["id"], "outputs", "out.txt")).body == b"words"
    again = await ask("POST", *one, file["id"], "retry")
    assert again["id"] != file["id"]
    assert (await until(ask, *one, again["id"]))["size"] == 2000
    status, refusal = await ask("POST", *here, body={"text": "a", "object": "b/c"})
    assert (status, refusal["code"]) == (400, "invalid-request")
    status, refusal = await ask("POST", *here, body={"words": "a"})
    assert (status, refusal["message"]) == (400, "The request is wrong at words: Extra inputs are not permitted.")
    await ask("DELETE", "clusters", "box", "services", "svc")


async def test_a_service_without_buckets_is_listed_before_it_was_ever_called(ask: Any) -> None:
    """Its calls are kept in a bucket of one's own, which is made with the first call and not by looking."""
    fdl = "functions: {oscar: [{c: {name: bare, image: busybox, script: script.sh}}]}"
    await ask(
        "POST", "clusters", "box", "services", body={"fdl": fdl, "scripts": {"script.sh": "#!/bin/sh\necho hi\n"}}
    )
    said = await ask("GET", "poll", params={"topic": "calls/box"})
    assert "bare" not in [call["service"] for call in said["data"]]
    row = await ask("POST", "clusters", "box", "services", "bare", "calls", body={"text": "x"})
    assert row["service"] == "bare", row
    await ask("DELETE", "clusters", "box", "services", "bare")


async def test_a_failing_and_a_cancelled_call_say_so(ask: Any) -> None:
    await deployed(ask, "bad", "#!/bin/sh\necho nothing works\nexit 4\n")
    await deployed(ask, "slow", "#!/bin/sh\nsleep 60\n")
    bad = await ask("POST", "clusters", "box", "services", "bad", "calls", body={"text": "x"})
    slow = await ask("POST", "clusters", "box", "services", "slow", "calls", body={"text": "x"})
    row = await until(ask, "clusters", "box", "calls", "bad", bad["id"], state="failed")
    assert (row["exit_code"], row["lines"]) == (4, "nothing works")
    await until(ask, "clusters", "box", "calls", "slow", slow["id"], state="running")
    assert (await ask("POST", "clusters", "box", "calls", "slow", slow["id"], "cancel"))["state"] == "cancelled"
    for name in ("bad", "slow"):
        await ask("DELETE", "clusters", "box", "services", name)


async def test_the_link_to_an_exposed_service_is_made_when_it_is_asked_for(
    ask: Any, sandbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", sandbox.env["JUPYTER_RUNTIME_DIR"])
    fdl = FDL.format(name="web") + "        expose: {api_port: [8011], min_scale: 1, max_scale: 1, cpu_threshold: 80}\n"
    await ask("POST", "clusters", "box", "services", body={"fdl": fdl, "scripts": {"script.sh": "sleep 300"}})
    links = [(await ask("POST", "clusters", "box", "services", "web", "open"))["url"] for _ in range(2)]
    for link in links:
        address, _, ticket = link.partition("?oscar-ticket=")
        assert address == f"{sandbox.endpoint}/system/services/web/exposed/"
        assert sandbox.password not in link
        assert ticket
    assert links[0] != links[1]
    assert links[0] not in json.dumps(await ask("GET", "clusters", "box", "services", "web"))
    assert (await ask("POST", "clusters", "box", "services", "none", "open"))[0] == 404
    await ask("DELETE", "clusters", "box", "services", "web")


async def test_a_synchronous_call_answers_by_kind(ask: Any) -> None:
    await deployed(ask, "echo", '#!/bin/sh\ncat "$INPUT_FILE_PATH"\n')
    run = ("clusters", "box", "services", "echo", "run")
    assert await ask("POST", *run, body={"text": "some words"}) == {
        "kind": "text",
        "size": 10,
        "text": "some words",
        "data": None,
    }
    assert (await ask("POST", *run, body={"json": [1, 2]}))["kind"] == "json"
    await ask("DELETE", "clusters", "box", "services", "echo")


ROUTES = [
    ("GET", "health", "health"),
    ("GET", "clusters", "clusters"),
    ("POST", "clusters", "credentials"),
    ("PUT", "clusters/box", "credentials"),
    ("DELETE", "clusters/box", "credentials"),
    ("GET", "sandbox", "processes"),
    ("POST", "sandbox", "processes"),
    ("DELETE", "sandbox", "processes"),
    ("GET", "clusters/box/services", "services"),
    ("POST", "clusters/box/services", "services"),
    ("POST", "clusters/box/check", "services"),
    ("POST", "clusters/box/plan", "services"),
    ("GET", "clusters/box/services/svc", "services"),
    ("DELETE", "clusters/box/services/svc", "services"),
    ("GET", "clusters/box/services/svc/belongings", "services"),
    ("POST", "clusters/box/services/svc/belongings", "storage"),
    ("POST", "clusters/box/services/svc/stop", "services"),
    ("POST", "clusters/box/services/svc/calls", "jobs"),
    ("POST", "clusters/box/services/svc/run", "jobs"),
    ("PUT", "clusters/box/services/svc/calls/a.txt", "jobs"),
    ("GET", "clusters/box/calls/svc/svc-1", "jobs"),
    ("POST", "clusters/box/calls/svc/svc-1/cancel", "jobs"),
    ("GET", "clusters/box/calls/svc/svc-1/outputs", "storage"),
    ("GET", "clusters/box/calls/svc/svc-1/outputs/a", "storage"),
    ("GET", "poll", "channel"),
    ("PUT", "clusters/box/storage", "credentials"),
    ("POST", "sign-in", "credentials"),
]


async def test_nobody_gets_in_without_signing_in(ask: Any) -> None:
    for method, path, _ in ROUTES:
        status, _ = await ask(method, path, headers={"Authorization": "token wrong"}, params={"topic": "clusters"})
        assert status == 403, path


class Denying(Authorizer):
    """Lets everything pass but one resource."""

    denied: str = ""
    asked: list[tuple[str, str]] = []  # noqa: RUF012 - one for the test

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        del handler, user
        self.asked.append((action, resource))
        return resource != f"jupyter_oscar:{self.denied}"


async def test_an_operators_authorizer_is_asked_for_each_thing(ask: Any, jp_serverapp: Any) -> None:
    authorizer = Denying(parent=jp_serverapp)
    jp_serverapp.web_app.settings["authorizer"] = authorizer
    for method, path, resource in ROUTES:
        authorizer.denied = resource
        status, _ = await ask(method, path, params={"topic": "clusters"})
        assert status == 403, path
    actions = {resource: action for action, resource in authorizer.asked}
    assert ("execute", "jupyter_oscar:jobs") in authorizer.asked
    assert ("execute", "jupyter_oscar:processes") in authorizer.asked
    assert ("read", "jupyter_oscar:services") in authorizer.asked
    assert ("write", "jupyter_oscar:credentials") in authorizer.asked
    assert set(actions) >= {f"jupyter_oscar:{resource}" for _, _, resource in ROUTES}


def every_verb(app: Any) -> list[tuple[str, str]]:
    """Each verb that each of our routes has, with a path that leads to it: found in the code, not listed by hand."""
    found = []
    (extension,) = app.extension_manager.extension_apps["jupyter_oscar"]
    for pattern, route, *_ in extension.handlers:
        if not pattern.startswith("/jupyter-oscar/"):
            continue  # an extension's own static files
        path = re.sub(
            r"\(([^)|]+\|)*([^)|]+)\)", lambda match: "a" if "." in match[2] or "^" in match[2] else match[2], pattern
        )
        verbs = [verb for verb in ("get", "post", "put", "delete", "patch", "head") if verb in vars(route)]
        assert verbs, route
        found += [(verb.upper(), path.removeprefix("/jupyter-oscar/")) for verb in verbs]
    return found


async def test_no_verb_of_any_route_lets_one_in_whom_the_authorizer_does_not(ask: Any, jp_serverapp: Any) -> None:
    class Nobody(Denying):
        def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
            del handler, user
            self.asked.append((action, resource))
            return False

    authorizer = Nobody(parent=jp_serverapp)
    jp_serverapp.web_app.settings["authorizer"] = authorizer
    verbs = every_verb(jp_serverapp)
    assert len(verbs) >= len(ROUTES)
    for method, path in verbs:
        authorizer.asked.clear()
        status, _ = await ask(method, path, params={"topic": "clusters"})
        assert status == 403, (method, path)
        assert [resource.split(":")[0] for _, resource in authorizer.asked] == ["jupyter_oscar"], (method, path)
        status, _ = await ask(method, path, headers={"Authorization": "token wrong"}, params={"topic": "clusters"})
        assert status == 403, (method, path)


async def test_what_a_site_forbids_is_not_even_asked(ask: Any, jp_serverapp: Any, odd: Any) -> None:
    asked: list[bytes] = []
    jp_serverapp.web_app.settings["jupyter_oscar_pool"]._allowed_hosts = ("oscar.example.org",)
    with odd.losing_answers("http://127.0.0.1:1", lambda request: bool(asked.append(request))) as url:
        body = {"name": "mine", "endpoint": url, "user": "oscar", "password": "x"}
        assert (await ask("POST", "clusters", body=body))[1]["code"] == "not-allowed"
    assert asked == []


async def test_a_body_that_is_no_file_is_bounded(ask: Any) -> None:
    status, refusal = await ask("POST", "clusters", "box", "services", "svc", "calls", body={"text": "x" * 16_000_001})
    assert (status, refusal["message"]) == (400, "The request is larger than 16 MB.")


async def said_on(socket: Any, topic: str, wanted: Callable[[Any], bool] = lambda _: True) -> Any:
    """The next thing said of a topic that is wanted."""
    while True:
        said = json.loads(await asyncio.wait_for(socket.read_message(), 20))
        if said["topic"] == topic and wanted(said):
            return said


async def test_news_come_over_one_socket_and_resume_by_cursor(ask: Any, jp_ws_fetch: Any) -> None:
    socket = await jp_ws_fetch("jupyter-oscar", "channel")
    await socket.write_message(json.dumps({"subscribe": "services/box"}))
    first = await said_on(socket, "services/box")
    await deployed(ask)
    await socket.write_message(json.dumps({"refresh": "services/box"}))
    now = await said_on(socket, "services/box", lambda said: "svc" in [row["name"] for row in said["data"]])
    await socket.write_message(json.dumps({"subscribe": "calls/box"}))
    await said_on(socket, "calls/box")
    call = await ask("POST", "clusters", "box", "services", "svc", "calls", body={"text": "hello"})
    row = await said_on(socket, "calls/box", lambda said: said["data"][0]["state"] == "done" if said["data"] else False)
    assert row["data"][0]["outputs"] == ["out.txt"]
    topic = f"log/box/svc/{call['id']}"
    await socket.write_message(json.dumps({"subscribe": topic}))
    log = await said_on(socket, topic, lambda said: said["data"]["over"])
    assert "got hello" in log["data"]["text"]
    socket.close()
    again = await jp_ws_fetch("jupyter-oscar", "channel")
    await again.write_message(json.dumps({"subscribe": topic, "cursor": str(int(log["cursor"]) - 4)}))
    rest = await said_on(again, topic)
    assert rest["data"] == {"text": log["data"]["text"][-4:], "over": True}
    await again.write_message(json.dumps({"subscribe": "services/box", "cursor": now["cursor"]}))
    await again.write_message(json.dumps({"subscribe": "clusters"}))
    said = json.loads(await asyncio.wait_for(again.read_message(), 20))
    assert said["topic"] == "clusters", "nothing is said of services: they are as they were"
    assert first["cursor"] != now["cursor"]
    again.close()
    await ask("DELETE", "clusters", "box", "services", "svc")


async def test_a_running_call_is_told_from_a_queued_one(ask: Any, jp_ws_fetch: Any) -> None:
    await deployed(ask, "slow", "#!/bin/sh\nsleep 60\n")
    call = await ask("POST", "clusters", "box", "services", "slow", "calls", body={"text": "x"})
    socket = await jp_ws_fetch("jupyter-oscar", "channel")
    await socket.write_message(json.dumps({"subscribe": "calls/box"}))

    def running(said: Any) -> bool:
        return any(row["id"] == call["id"] and row["state"] == "running" for row in said["data"])

    await said_on(socket, "calls/box", running)
    socket.close()
    await ask("POST", "clusters", "box", "calls", "slow", call["id"], "cancel")
    await ask("DELETE", "clusters", "box", "services", "slow")


async def test_a_call_whose_service_was_deleted_meanwhile_does_not_hide_the_others(ask: Any, jp_ws_fetch: Any) -> None:
    for name in ("gone", "kept"):
        await deployed(ask, name, "#!/bin/sh\nsleep 60\n")
        await ask("POST", "clusters", "box", "services", name, "calls", body={"text": "x"})
    socket = await jp_ws_fetch("jupyter-oscar", "channel")
    await socket.write_message(json.dumps({"subscribe": "calls/box"}))

    def states(said: Any) -> dict[str, str]:
        return {row["service"]: row["state"] for row in said["data"]}

    await said_on(socket, "calls/box", lambda said: set(states(said)) >= {"gone", "kept"})
    await ask("DELETE", "clusters", "box", "services", "gone")
    said = await said_on(socket, "calls/box", lambda said: "problem" in said or states(said)["gone"] == "unknown")
    assert states(said)["kept"] in {"queued", "running"}
    socket.close()
    await ask("DELETE", "clusters", "box", "services", "kept")


async def test_what_one_may_not_see_or_what_is_not_there_is_not_told(jp_ws_fetch: Any, jp_serverapp: Any) -> None:
    authorizer = Denying(parent=jp_serverapp)
    authorizer.denied = "jobs"
    jp_serverapp.web_app.settings["authorizer"] = authorizer
    socket = await jp_ws_fetch("jupyter-oscar", "channel")
    for topic in ("calls/box", "log/box/svc/svc-1", "secrets", "services", "log/box"):
        await socket.write_message(json.dumps({"subscribe": topic}))
        assert (await said_on(socket, topic))["problem"]["code"] == "not-allowed"
    await socket.write_message("not json")
    await socket.write_message(json.dumps({"subscribe": "services/nosuch"}))
    assert (await said_on(socket, "services/nosuch"))["problem"]["code"] == "profile-not-found"
    socket.close()


async def test_a_page_of_another_origin_gets_no_socket(
    jp_fetch: Any, jp_ws_fetch: Any, jp_serverapp: Any, jp_http_port: int
) -> None:
    """A signed-in person's browser sends the cookie along wherever a page points it to."""
    no_token = {"Authorization": "none"}
    signed_in = await jp_fetch(
        "api", "status", params={"token": jp_serverapp.identity_provider.token}, headers=no_token
    )
    cookie = "; ".join(value.split(";")[0] for value in signed_in.headers.get_list("Set-Cookie"))
    assert "username" in cookie
    cookies = {**no_token, "Cookie": cookie, "Host": f"127.0.0.1:{jp_http_port}"}
    with pytest.raises(HTTPClientError) as caught:
        await jp_ws_fetch("jupyter-oscar", "channel", headers={**cookies, "Origin": "https://evil.example.org"})
    assert caught.value.code == 403
    socket = await jp_ws_fetch("jupyter-oscar", "channel", headers=dict(cookies))
    socket.close()


async def test_where_sockets_are_blocked_polling_does_the_same(ask: Any) -> None:
    said = await ask("GET", "poll", params={"topic": "clusters"})
    assert said["data"][0]["name"] == "box"
    assert (await ask("GET", "poll", params={"topic": "secrets"}))[0] == 400


async def test_twenty_tabs_cost_what_one_costs_and_none_costs_nothing(
    odd: Any, sandbox: Any, jp_ws_fetch: Any, jp_serverapp: Any, tmp_path: Path
) -> None:
    asked: list[bytes] = []

    def note(request: bytes) -> bool:
        asked.extend([request] if b" HTTP/1.1" in request else [])
        return False

    pool = jp_serverapp.web_app.settings["jupyter_oscar_pool"]
    news = jp_serverapp.web_app.settings["jupyter_oscar_news"]
    with odd.losing_answers(sandbox.endpoint, note) as url:
        pool._named = {"far": {**pool._named["box"], "endpoint": url}}
        sockets = [await jp_ws_fetch("jupyter-oscar", "channel") for _ in range(20)]
        for socket in sockets:
            await socket.write_message(json.dumps({"subscribe": "services/far"}))
            await said_on(socket, "services/far")
        assert len(asked) <= 2
        assert news.asking == 1
        for socket in sockets:
            socket.close()
        while news.asking:  # noqa: ASYNC110 - the server's side of closing has no event to wait for
            await asyncio.sleep(0.02)
        count = len(asked)
        news.soon("services/far")
        await asyncio.sleep(0.3)
        assert len(asked) == count, "nobody looks, nobody asks"


async def test_why_a_cluster_does_not_answer_is_told_step_by_step(
    jp_fetch: Any, jp_serverapp: Any, ask: Any, odd: Any, sandbox: Any
) -> None:
    async def diagnosed() -> list[dict[str, str]]:
        answer = await jp_fetch("jupyter-oscar", "clusters", "box", "diagnosis")
        assert sandbox.password not in answer.body.decode()
        return [json.loads(line) for line in answer.body.splitlines()]

    assert "bad" not in {step["state"] for step in await diagnosed()}
    pool = jp_serverapp.web_app.settings["jupyter_oscar_pool"]
    with odd.refusing() as url:
        pool._named = {"box": {**pool._named["box"], "endpoint": url}}
        (bad,) = [step for step in await diagnosed() if step["state"] == "bad"]
    assert bad["name"] == "connection"
    assert "refused" in bad["seen"]
    assert (await ask("GET", "clusters", "nowhere", "diagnosis"))[1]["code"] == "profile-not-found"


async def test_a_killed_sandbox_is_asked_nothing_though_another_has_its_port(
    ask: Any, a_sandbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = a_sandbox()
    box.kill()
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", box.env["JUPYTER_RUNTIME_DIR"])
    with socket.create_server(("127.0.0.1", urlsplit(box.endpoint).port or 0)) as another:
        (row,) = [one for one in await ask("GET", "clusters") if one["name"] == "sandbox"]
        assert (row["state"], row["problem"]["code"]) == ("unreachable", "unreachable")
        status, said = await ask("GET", "clusters", "sandbox", "services", "cow")
        assert (status, said["code"]) == (502, "unreachable")
        another.setblocking(False)
        with pytest.raises(BlockingIOError):
            another.accept()


async def test_a_wrong_password_is_not_kept_and_a_right_one_is_forgotten_on_request(
    ask: Any, sandbox: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    new = {"name": "mine", "endpoint": sandbox.endpoint, "user": "oscar", "password": "MARKER-wrong"}
    status, refusal = await ask("POST", "clusters", body=new)
    assert (status, refusal["code"]) == (403, "not-authenticated")
    assert [row["name"] for row in await ask("GET", "clusters")] == ["box"]
    made = await ask("POST", "clusters", body={**new, "password": sandbox.password})
    assert (made["state"], made["removable"]) == ("ok", True)
    rows = json.dumps(await ask("GET", "clusters"))
    assert sandbox.password not in rows + caplog.text
    assert "MARKER" not in rows + caplog.text
    assert await ask("PUT", "clusters", "mine", body={"user": "oscar", "password": sandbox.password})
    assert await ask("DELETE", "clusters", "mine") is None
    assert (await ask("DELETE", "clusters", "mine"))[0] == 404
    assert (await ask("POST", "clusters", body={**new, "endpoint": "http://far.example.org"}))[1][
        "code"
    ] == "insecure-endpoint"
    assert (await ask("POST", "clusters", body={**new, "name": "box", "endpoint": "https://x.invalid"}))[0] in {
        403,
        502,
    }


async def test_the_sandbox_is_started_and_stopped_by_a_button(ask: Any) -> None:
    assert (await ask("GET", "sandbox"))["running"] is False
    started = await ask("POST", "sandbox")
    assert started["running"]
    assert any(row["sandbox"] for row in await ask("GET", "clusters"))
    assert await ask("DELETE", "sandbox") is None
    assert (await ask("GET", "sandbox"))["running"] is False


async def test_a_site_may_forbid_processes_and_clusters_of_ones_own(ask: Any, jp_serverapp: Any, sandbox: Any) -> None:
    settings = jp_serverapp.web_app.settings
    settings["jupyter_oscar_processes"].allowed = False
    settings["jupyter_oscar_pool"].allow_user_clusters = False
    assert (await ask("POST", "sandbox"))[1]["code"] == "not-allowed"
    body = {"name": "mine", "endpoint": sandbox.endpoint, "user": "oscar", "password": sandbox.password}
    assert (await ask("POST", "clusters", body=body))[1]["code"] == "not-allowed"
    assert (await ask("GET", "health"))["capabilities"] == {"sandbox": False, "user_clusters": False}


async def test_nothing_counts_as_activity(ask: Any, jp_serverapp: Any) -> None:
    settings = jp_serverapp.web_app.settings
    before = settings.get("api_last_activity")
    for path in ("health", "clusters", "clusters/box/services"):
        await ask("GET", path)
    assert settings.get("api_last_activity") == before
