"""Small servers that behave as badly as real ones sometimes do. Each serves on a free loopback port."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import socket
import threading
import time
import urllib.error
import urllib.request
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator


class Answer(BaseHTTPRequestHandler):
    """Answers every request with what it was made with."""

    status, headers_, body = 200, {}, b""

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer_with()

    def _answer_with(self) -> None:
        self.send_response(self.status)
        for name, value in {"Content-Length": str(len(self.body)), **self.headers_}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.body)

    do_GET = do_POST = do_PUT = do_DELETE = do_CONNECT = do_OPTIONS = _answer  # noqa: N815 - http.server looks them up

    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def answering(status: int = 200, body: bytes = b"", **headers: str) -> Iterator[str]:
    """A server that says the same to everything."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    kind = type("Kind", (Answer,), {"status": status, "body": body, "headers_": named})
    with serving(kind) as url:
        yield url


@contextlib.contextmanager
def saying_json(content: Callable[[str], Any]) -> Iterator[str]:
    """A server that says the same JSON to everything, made with its own address."""
    kind = type("Kind", (Answer,), {"headers_": {"Content-Type": "application/json"}})
    with serving(kind) as url:
        kind.body = json.dumps(content(url)).encode()
        yield url


class Quiet(ThreadingHTTPServer):
    """Says nothing of callers that hang up; at its end the connections that callers keep end too."""

    daemon_threads = True

    def __init__(self, *given: Any) -> None:
        self.kept: set[Any] = set()
        super().__init__(*given)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.kept.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.kept.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        for request in list(self.kept):
            with contextlib.suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def serving(
    kind: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> Iterator[str]:
    """Serve a handler class; with ``tls`` by https, as ``localhost``."""
    server = Quiet((host, 0), kind)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"{'https://localhost' if tls else f'http://{host}'}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def hanging_up() -> Iterator[str]:
    """A server that takes every connection and says nothing."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.close()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


@contextlib.contextmanager
def losing_answers(  # noqa: C901 - three threads a connection, each a few lines
    upstream: str, when: Callable[[bytes], bool], tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """A proxy that passes everything on, but hangs up instead of answering the requests ``when`` picks, once each.

    With ``tls`` it is reached by https alone, as ``localhost``.
    """
    host, port = urlsplit(upstream).hostname, urlsplit(upstream).port
    listener = socket.create_server(("127.0.0.1", 0))
    lost: set[bytes] = set()

    def back(far: socket.socket, near: socket.socket, hang_up: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while answer := far.recv(1 << 20):
                if hang_up.is_set():
                    near.shutdown(socket.SHUT_RDWR)
                    return
                near.sendall(answer)

    def serve_one(near: socket.socket) -> None:
        hang_up = threading.Event()
        if tls:
            try:
                near = tls.wrap_socket(near, server_side=True)
            except OSError:
                return  # it did not like our certificate
        with near, socket.create_connection((host, port)) as far, contextlib.suppress(OSError):
            threading.Thread(target=back, args=(far, near, hang_up), daemon=True).start()
            while request := near.recv(1 << 20):
                head = request.split(b"\r\n\r\n")[0]
                if when(request) and head not in lost:
                    lost.add(head)
                    hang_up.set()
                far.sendall(request)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve_one, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"{'https://localhost' if tls else 'http://127.0.0.1'}:{listener.getsockname()[1]}"
    finally:
        listener.close()


class Passing(BaseHTTPRequestHandler):
    """Passes everything on to another server; what comes back may be changed."""

    protocol_version = "HTTP/1.1"
    upstream = ""
    dropped = frozenset({"host", "content-length", "accept-encoding"})

    def changed(self, status: int, said: bytes) -> tuple[int, bytes]:
        """What is answered in place of an answer."""
        return status, said

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in self.dropped}
        address = urlsplit(self.upstream)
        connection = HTTPConnection(address.hostname or "", address.port, timeout=60)
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        status, said = self.changed(answer.status, answer.read())
        self.send_response(status)
        self.send_header("Content-Type", answer.headers.get("Content-Type") or "text/plain")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)
        connection.close()

    do_GET = do_POST = do_PUT = do_DELETE = _pass  # noqa: N815 - http.server looks them up

    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def between(
    upstream_: str, answers: dict[str, tuple[int, bytes]] | None = None, *, apart: float = 0.0, tls: Any = None
) -> Iterator[str]:
    """A server before another that answers some paths itself, whose clock is so many seconds ahead."""

    class Between(Passing):
        upstream = upstream_

        def changed(self, status: int, said: bytes) -> tuple[int, bytes]:
            return (answers or {}).get(self.path, (status, said))

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string((timestamp or time.time()) + apart)

    with serving(Between, tls) as url:
        yield url


@contextlib.contextmanager
def silent() -> Iterator[str]:
    """A server that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextlib.contextmanager
def refusing() -> Iterator[str]:
    """An address where nobody listens, kept from others for as long as it is used."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{kept.getsockname()[1]}"


@contextlib.contextmanager
def tunnelling() -> Iterator[str]:
    """A proxy that passes connections on."""

    class Tunnel(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            host, _, port = self.path.rpartition(":")
            with socket.create_connection((host, int(port))) as far:
                self.send_response(200)
                self.end_headers()
                back = threading.Thread(target=self._pump, args=(far, self.connection), daemon=True)
                back.start()
                self._pump(self.connection, far)
                back.join()

        @staticmethod
        def _pump(source: socket.socket, target: socket.socket) -> None:
            with contextlib.suppress(OSError):
                while said := source.recv(1 << 16):
                    target.sendall(said)
                target.shutdown(socket.SHUT_WR)

        def log_message(self, *_: Any) -> None:
            pass

    with serving(Tunnel) as url:
        yield url


class Gate:
    """What a :func:`gated` cluster lets in: whether it is busy, and what it was asked."""

    busy = False
    asked = 0


@contextlib.contextmanager
def gated(upstream: str, user: str, password: str) -> Iterator[tuple[str, Gate]]:
    """A cluster that knows JSON Web Tokens by their ``exp`` alone, before a sandbox that knows user and password."""
    gate = Gate()
    basic = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    class Kind(Answer):
        def _answer(self) -> None:
            gate.asked += 1
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            said = self.headers.get("Authorization", "")
            self.headers_ = {}
            if gate.busy:
                self.status, self.body = 429, b"slow down"
            elif said.startswith("Bearer ey") and _expired(said):
                self.status, self.body = 401, b""
            else:
                kept = {"Content-Type": self.headers.get("Content-Type", "")}
                # A service's own token is no JSON Web Token and goes on as it is.
                kept["Authorization"] = basic if said.startswith("Bearer ey") else said
                asked = urllib.request.Request(upstream + self.path, body or None, kept, method=self.command)  # noqa: S310
                try:
                    with urllib.request.urlopen(asked) as far:  # noqa: S310
                        self.status, self.body = far.status, far.read()
                        self.headers_ = {"Content-Type": far.headers.get("Content-Type", "")}
                except urllib.error.HTTPError as error:
                    self.status, self.body = error.code, error.read()
            self._answer_with()

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - http.server looks them up

    with serving(Kind) as url:
        yield url, gate


def web_token(ends: float) -> str:
    """A JSON Web Token that ends then; nobody's signature is on it."""

    def part(said: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none'})}.{part({'sub': 'ada', 'exp': ends})}.nobody"


def _expired(header: str) -> bool:
    payload = header.split(".")[1]
    return bool(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["exp"] < time.time())


class Desk:
    """What a :func:`counted` cluster was asked, as ``GET /system/logs/maps``, and what it fails at."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        #: Says with which status a request is refused before anybody has seen it, or nothing.
        self.refuse: Callable[[str], int | None] = lambda _: None

    def count(self, pattern: str) -> int:
        """How often something was asked."""
        return sum(re.fullmatch(pattern, said) is not None for said in list(self.asked))


@contextlib.contextmanager
def counted(upstream: str) -> Iterator[tuple[str, Desk]]:
    """A proxy that passes everything on, and writes down what it was asked."""
    desk = Desk()
    address = urlsplit(upstream)

    class Counted(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            said = f"{self.command} {urlsplit(self.path).path}"
            desk.asked.append(said)
            if (status := desk.refuse(said)) is not None:
                self._say(status, "text/plain", b"not now")
                return
            dropped = {"host", "content-length", "accept-encoding"}
            headers = {name: value for name, value in self.headers.items() if name.lower() not in dropped}
            connection = HTTPConnection(address.hostname or "", address.port, timeout=60)
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            self._say(answer.status, answer.headers.get("Content-Type") or "text/plain", answer.read())
            connection.close()

        def _say(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = _pass  # noqa: N815 - http.server looks them up

        def log_message(self, *_: Any) -> None:
            pass

    with serving(Counted) as url:
        yield url, desk


class Wire:
    """The line to a :func:`cut` server."""

    def __init__(self) -> None:
        self.up = True
        self.open: set[socket.socket] = set()

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """For so long every connection breaks."""
        self.up = False
        for one in list(self.open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        try:
            yield
        finally:
            self.up = True


@contextlib.contextmanager
def cut(upstream: str) -> Iterator[tuple[str, Wire]]:
    """A line that passes bytes on as they are, and can be cut."""
    host, port = urlsplit(upstream).hostname, urlsplit(upstream).port
    listener = socket.create_server(("127.0.0.1", 0))
    wire = Wire()

    def carry(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 18):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    def connect(near: socket.socket) -> None:
        with near, socket.create_connection((host, port)) as far:
            wire.open |= {near, far}
            back = threading.Thread(target=carry, args=(far, near), daemon=True)
            back.start()
            carry(near, far)
            back.join()
            wire.open -= {near, far}

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                near = listener.accept()[0]
                if wire.up:
                    threading.Thread(target=connect, args=(near,), daemon=True).start()
                else:
                    near.close()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", wire
    finally:
        listener.close()


class Elsewhere:
    """A cluster that says of its storage what one likes, and what was sent to that storage."""

    def __init__(self, endpoint: str, storage: str, say: Callable[[str], None]) -> None:
        self.endpoint = endpoint
        self.storage = storage
        self.say = say
        self.sent: list[bytes] = []


@contextlib.contextmanager
def elsewhere(upstream: str, storage: str, user: str, password: str) -> Iterator[Elsewhere]:
    """A sandbox at 127.0.0.1 that says that its storage is at localhost, which is another host by name."""
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    asked = urllib.request.Request(f"{upstream}/system/config", headers={"Authorization": f"Basic {pair}"})  # noqa: S310
    with urllib.request.urlopen(asked) as answer:  # noqa: S310
        config = json.load(answer)
    answers: dict[str, tuple[int, bytes]] = {}

    def say(address: str) -> None:
        config["minio_provider"]["endpoint"] = address
        answers["/system/config"] = (200, json.dumps(config).encode())

    made: list[Elsewhere] = []
    note = lambda request: bool(made[0].sent.append(request))  # noqa: E731
    with losing_answers(storage, note) as behind, between(upstream, answers) as url:
        made.append(Elsewhere(url, behind.replace("127.0.0.1", "localhost"), say))
        say(made[0].storage)
        yield made[0]
