"""The way to a long-lived service through the sandbox's prefix, as somebody who opens it sees it."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import os
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
import requests
from sandbox_user import NoAuth, eventually, new_name

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
    connection.request("GET", f"{page.prefix}/cookies", headers=page.headers())
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
    with page.ask(path="/stream", stream=True) as answer:
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
    with page.ask(path="/zeros?mib=200", stream=True) as answer:
        time.sleep(1)  # a slow reader
        for chunk in answer.iter_content(1 << 20):
            most = max(most, resident() if len(chunk) > 1000 else 0)
    assert page.ask("POST", "/drink", data=(bytes(1 << 20) for _ in range(200))).json() == 200 << 20
    assert max(most, resident()) - before < 32 << 20


def test_an_answer_that_breaks_off_does_not_look_whole(page):
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)) as caught:
        page.ask(path="/broken")
    assert "timed out" not in str(caught.value), "nor does it keep the caller waiting"


def test_when_the_caller_hangs_up_the_service_is_let_go(page):
    def connections():
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return [row for row in rows if row[3] == "01" and int(row[2].rpartition(":")[2], 16) == page.port]

    with page.ask(path="/stream", stream=True) as answer:
        lines = answer.iter_lines(chunk_size=1)
        assert next(lines) == b"first"
        assert connections()
    eventually(lambda: not connections())


def websocket(page, path="/echo", headers=None, **kwargs):
    kwargs["headers"] = page.headers() if headers is None else headers

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
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{page.url}/echo", headers=page.headers()) as ws,
        ):
            await ws.close(code=4002)

    asyncio.run(close())
    assert eventually(lambda: (page.folder / "closed").exists() and (page.folder / "closed").read_text()) == "4002"


def test_a_refused_websocket_is_refused(page):
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        websocket(page, "/echo?no")
    assert refused.value.status == 418


# who may enter


def test_one_without_a_login_lets_in_only_who_shows_what_opens_the_sandbox_or_the_service(page):
    def plain(path="/", method="GET", **kwargs):
        return requests.request(method, page.url + path, timeout=30, allow_redirects=False, **kwargs)

    token = page.user.token(page.name)
    for way in (
        {},
        {"method": "POST"},
        {"path": "/?token=" + "0" * 64},
        {"auth": ("oscar", "wrong")},
        {"auth": (page.name, token)},
        {"headers": {"Cookie": page.headers()["Cookie"][:-1] + "x"}},
    ):
        refused = plain(**way)
        assert refused.status_code == 401, way
        assert "open it from JupyterLab once more" in refused.text
    for way in (
        {"auth": page.user.auth},
        {"headers": {"Authorization": f"Bearer {token}"}},
        {"path": f"/?token={token}"},
        {"headers": page.headers()},
    ):
        assert plain(**way).json()["method"] == "GET", way
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        websocket(page, headers={})
    assert refused.value.status == 401
    for headers in (page.headers(), {"Authorization": f"Bearer {token}"}):
        assert websocket(page, headers=headers)[0][0] == "héllo"


def test_a_link_opens_it_once_within_a_minute_and_the_service_learns_nothing_of_it(page):
    browser, link = requests.Session(), page.link()
    seen = browser.get(f"{link}&a=%2F&oscar-ticket=", timeout=30)
    assert (seen.url, seen.json()["target"]) == (f"{page.url}/?a=%2F", "/?a=%2F")
    assert "Cookie" not in dict(seen.json()["headers"])
    browser.cookies.set("mine", "1", path="/")
    assert dict(browser.get(f"{page.url}/x", timeout=30).json()["headers"])["Cookie"] == "mine=1"
    (cookie,) = [cookie for cookie in browser.cookies if cookie.name != "mine"]
    assert cookie.path == page.prefix
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert browser.get(link, timeout=30).url == f"{page.url}/", "who is in already stays in"
    now = time.time()
    for stale in (
        link,
        page.link(made=now - 70),
        page.link(made=now + 70),
        page.link(name="other"),
        page.link(password="guess"),
        page.link(nonce="a.b"),
        f"{page.url}/?oscar-ticket=é.é.é",
    ):
        assert requests.get(stale, timeout=30).status_code == 401, stale
    assert requests.post(page.link(), timeout=30).status_code == 401


def test_the_cookie_of_one_service_does_not_open_another(page, a_page):
    other = a_page()
    other.becomes("ready")
    assert requests.get(f"{other.url}/", headers=page.headers(), timeout=30).status_code == 401


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
