"""A small oidc-agent: a Unix socket that gives tokens of the accounts it has loaded.

It speaks as oidc-agent does to applications: keys are exchanged, then one encrypted request in JSON is answered by one
in JSON. ``with Agent(folder) as agent: agent.load("egi", lambda: token)`` and set ``OIDC_SOCK`` to ``agent.socket``;
``agent.asked`` has the requests. With ``encrypted = False`` it answers in clear, as an agent does that cannot decrypt;
with ``talks.clear()`` it says nothing.
"""

from __future__ import annotations

import base64
import json
import socketserver
import threading
import time
from typing import TYPE_CHECKING, Any

from nacl.encoding import Base64Encoder
from nacl.public import Box, PrivateKey, PublicKey

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Agent:
    def __init__(self, folder: Path) -> None:
        self.socket = str(folder / "agent.sock")
        self.asked: list[dict[str, Any]] = []
        self.encrypted = True
        #: Cleared, it takes connections and says nothing until it is set again, or ends.
        self.talks = threading.Event()
        self.talks.set()
        self._accounts: dict[str, Callable[[], str]] = {}
        self._server = socketserver.ThreadingUnixStreamServer(self.socket, _handler(self))
        self._server.daemon_threads = True

    def load(self, account: str, token: Callable[[], str]) -> None:
        self._accounts[account] = token

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(request)
        token = self._accounts.get(request.get("account", ""))
        if request.get("request") != "access_token" or token is None:
            return {"status": "failure", "error": "No account configured with that short name"}
        ends = int(time.time()) + 3600
        return {"status": "success", "access_token": token(), "issuer": "https://id.example.org", "expires_at": ends}

    def __enter__(self) -> Agent:  # noqa: PYI034 - Self is not in Python 3.10
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.talks.set()
        self._server.shutdown()
        self._server.server_close()


def _handler(agent: Agent) -> type[socketserver.BaseRequestHandler]:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            first = self.request.recv(65536)
            agent.talks.wait()
            if first.lstrip().startswith(b"{"):
                self._say(agent.answer(json.loads(first)))
                return
            key = PrivateKey.generate()
            box = Box(key, PublicKey(base64.b64decode(first)))
            self.request.sendall(key.public_key.encode(Base64Encoder))
            _, nonce, cipher = self.request.recv(65536).split(b":")
            said = json.loads(box.decrypt(base64.b64decode(cipher), base64.b64decode(nonce)))
            answer = agent.answer(said)
            if not agent.encrypted:
                self._say(answer)
                return
            plain = json.dumps(answer).encode()
            sealed = box.encrypt(plain, encoder=Base64Encoder)
            self.request.sendall(b":".join((str(len(plain)).encode(), sealed.nonce, sealed.ciphertext)))

        def _say(self, answer: dict[str, Any]) -> None:
            self.request.sendall(json.dumps(answer).encode())

    return Handler
