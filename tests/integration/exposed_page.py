"""A long-lived service behind the sandbox's prefix, and what somebody who opens and watches it does."""

from __future__ import annotations

import hmac
import secrets
import socket
import time
from pathlib import Path

import requests
from sandbox_user import eventually, new_name

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
        self.user, self.folder, self.cookie = user, folder, ""
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

    def link(self, made=None, name=None, password=None, nonce=None):
        """What the sandbox's user opens in a browser: a ticket for one visit, within a minute."""
        made, nonce = str(int(time.time() if made is None else made)), nonce or secrets.token_hex(8)
        told, password = f"{name or self.name}\n{made}\n{nonce}", password or self.user.sandbox.password
        mac = hmac.digest(password.encode(), told.encode(), "sha256").hex()
        return f"{self.url}/?oscar-ticket={made}.{nonce}.{mac}"

    def headers(self, **headers):
        """With the cookie that a browser got by such a link, if one is given out, before those of the caller's own."""
        if not self.cookie:
            answer = requests.get(self.link(), timeout=30, allow_redirects=False)
            self.cookie = answer.headers["Set-Cookie"].partition(";")[0] if answer.status_code == 303 else ""
        kept = [cookie for cookie in (self.cookie, headers.pop("Cookie", "")) if cookie]
        return {**headers, "Cookie": "; ".join(kept)} if kept else headers

    def ask(self, method="GET", path="/", headers=None, **kwargs):
        """As a browser that has been let in; whether the service exists or has its own login makes no difference."""
        return requests.request(
            method, self.url + path, timeout=30, allow_redirects=False, headers=self.headers(**headers or {}), **kwargs
        )

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
