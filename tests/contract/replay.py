"""One phase of the recordings against one sandbox: the same requests in the same order, byte for byte.

Only what the sandbox made itself is put in the place of what the real server made: tokens, keys, addresses, names of
jobs. Answers are told in recorded names before they are compared.
"""

from __future__ import annotations

import base64
import http.client
import io
import json
import re
import sqlite3
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from minio import Minio
from recordings import BASIC, ISSUER, ROOT_KEYS, S3, Answer, Exchange, claims, plain, service_tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    Differing = dict[str, tuple[Any, Any]]

PATIENCE_S = 15.0
_PAUSE_S = 0.02
_RANDOM = re.compile(r".*-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass
class Replay:
    sandbox: Any
    recorded: list[Exchange]
    steps: list[dict[str, Any]]
    jobs: dict[str, str]  # what a POST made: code → recorded name
    issuer: Any = None
    names: dict[str, str] = field(default_factory=dict)  # recorded → ours
    bound: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.names[BASIC] = "Basic " + base64.b64encode(f"oscar:{self.sandbox.password}".encode()).decode()
        provider = self._provider(self.names[BASIC])
        self.names[S3] = provider["endpoint"]
        self.names[ROOT_KEYS[1]] = provider["secret_key"]
        self.root = (provider["access_key"], provider["secret_key"])
        self.tokens = service_tokens(self.recorded)
        if self.issuer is not None:
            self.names[ISSUER] = self.issuer.url
            for bearer in {one.bearer for one in self.recorded}:
                said = claims(bearer)
                if said is not None and said["iss"] == ISSUER:
                    self.names[bearer] = self._minted(said)

    def _minted(self, said: dict[str, Any]) -> str:
        """The same claims, as old or as young as they were when they were sent."""
        ends = time.time() + said["exp"] - said["iat"]
        return str(self.issuer.token(said["sub"], name=said["name"], groups=said["g"], exp=ends))

    def _provider(self, authorization: str) -> dict[str, str]:
        config = json.loads(self.ask("GET", "/system/config", {"Authorization": authorization}).body)
        provider: dict[str, str] = config["minio_provider"]
        return provider

    # sending

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, body: str | None = None) -> Answer:
        connection = http.client.HTTPConnection(urlsplit(self.sandbox.endpoint).netloc, timeout=60)
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in (headers or {"Authorization": self.names[BASIC]}).items():
            connection.putheader(name, value)
        data = (body or "").encode()
        if body is not None or method in ("POST", "PUT"):
            connection.putheader("Content-Length", str(len(data)))
        connection.endheaders(data or None)
        answer = connection.getresponse()
        read = {name.title(): value for name, value in answer.getheaders()}
        found = Answer(answer.status, read, answer.read().decode("utf-8", "replace"))
        connection.close()
        return found

    def _ours(self, text: str) -> str:
        for recorded, own in self.names.items():
            text = text.replace(recorded, own)
        return text

    def _send(self, one: Exchange) -> Answer:
        headers = {name: self._ours(value) for name, value in one.headers.items()}
        return self.ask(one.method, self._ours(one.path), headers, None if one.body is None else self._ours(one.body))

    # what happened beside the exchanges

    def _before(self, code: str) -> None:
        for step in self.steps:
            if step["before"] == code:
                for what, value in step.items():
                    if what not in ("before", "by", "why"):
                        getattr(self, f"_do_{what}")(value, step)

    def _s3(self, step: dict[str, Any]) -> Minio:
        """As the admin, or as the user whose recorded token stands in the exchange ``by``."""
        keys = self.root
        if "by" in step:
            bearer = next(one.bearer for one in self.recorded if one.code == step["by"])
            provider = self._provider(f"Bearer {self.names[bearer]}")
            keys = (provider["access_key"], provider["secret_key"])
        return Minio(urlsplit(self.names[S3]).netloc, *keys, secure=False, region="us-east-1")

    def _do_put(self, contents: dict[str, str], step: dict[str, Any]) -> None:
        store = self._s3(step)
        for place, content in contents.items():
            bucket, _, key = place.partition("/")
            data = content.encode()
            store.put_object(
                bucket,
                key,
                io.BytesIO(data),
                len(data),
                content_type="binary/octet-stream" if key.endswith("/") else "text/plain",
            )

    def _do_series(self, series: dict[str, Any], step: dict[str, Any]) -> None:
        self._do_put({f"{series['bucket']}/{series['key'] % i}": "x" * i for i in range(series["count"])}, step)

    def _do_job(self, recorded: str, _: dict[str, Any]) -> None:
        self._bind([recorded])

    def _do_jobs(self, names: list[str], _: dict[str, Any]) -> None:
        """As many plain calls as the recorded server had jobs."""
        service = names[0].rsplit("-", 5)[0]
        token = json.loads(self.ask("GET", f"/system/services/{service}").body)["token"]
        for _name in names:
            assert self.ask("POST", f"/job/{service}", {"Authorization": f"Bearer {token}"}, "aGk=").status == 201
        self._bind(names)

    def _do_suspended(self, name: str, _: dict[str, Any]) -> None:
        """A job without a pod was made by hand in Kubernetes, so this one is made by hand in the sandbox's memory."""
        with sqlite3.connect(self.sandbox.data / "sandbox.db", timeout=PATIENCE_S) as database:
            sql = "INSERT INTO jobs (name, service, state, event, created) VALUES (?, ?, 'Suspended', '', '')"
            database.execute(sql, (name, name.split("-", maxsplit=1)[0]))
        database.close()

    def _do_restart(self, options: list[str], _: dict[str, Any]) -> None:
        self.sandbox.options = options
        self.sandbox.restart()

    def _bind(self, recorded: list[str], service: str = "") -> None:
        """Learn how we call the jobs that were recorded under other names: they are the new ones in the list."""
        service = service or recorded[0].rsplit("-", 5)[0]
        new: list[str] = []

        def all_there() -> bool:
            new[:] = [name for name in self._listed(service) if _RANDOM.fullmatch(name) and name not in self.bound]
            return len(new) >= len(recorded)

        eventually(all_there, f"no job for {recorded}")
        for theirs, own in zip(sorted(recorded), sorted(new), strict=False):
            self.names[theirs] = own
            self.bound.add(own)

    def _listed(self, service: str) -> list[str]:
        names: list[str] = []
        page = ""
        while True:
            body = json.loads(self.ask("GET", f"/system/logs/{service}{page}").body)
            names += body["jobs"]
            if "next_page" not in body:
                return names
            page = f"?page={body['next_page']}"

    def _after(self, one: Exchange, answer: Answer) -> None:
        if one.code in self.jobs:
            self._bind([self.jobs[one.code]], one.path.removeprefix("/job/"))
        if one.created and answer.status == 201 and (token := self.tokens.get((one.phase, one.created))):
            self.names[token] = json.loads(self.ask("GET", f"/system/services/{one.created}").body)["token"]

    def _learn(self, one: Exchange, answer: Answer) -> None:
        """What an answer hands out for later requests."""
        for key in ("next_page", "secret_key"):
            shown = [re.search(rf'"{key}":"([^"]+)"', body) for body in (one.answer.body, answer.body)]
            if shown[0] and shown[1] and shown[0][1] != "hidden":
                self.names[shown[0][1]] = shown[1][1]

    # comparing

    def _told(self, answer: Answer) -> Answer:
        """Our answer in recorded names."""
        body, headers = answer.body, answer.headers
        for recorded, own in sorted(self.names.items(), key=lambda pair: -len(pair[1])):
            body = body.replace(own, recorded)
            headers = {name: value.replace(own, recorded) for name, value in headers.items()}
        for before, after in (("'", "'"), ('"access_key":"', '"'), ('"user":"', '"'), (" | ", '"')):
            body = body.replace(f"{before}{self.root[0]}{after}", f"{before}{ROOT_KEYS[0]}{after}")
        return Answer(answer.status, headers, body)

    def exchange(self, one: Exchange, fits: Callable[[Differing], bool]) -> Differing:
        """The parts that differ: what was recorded and what came. What takes time is asked again until it fits."""
        self._before(one.code)
        patient = one.method == "GET" and ("/system/logs/" in one.path or "deployment" in one.path)
        deadline = time.monotonic() + (PATIENCE_S if patient else 0)
        wanted = plain(one.answer)
        while True:
            answer = self._send(one)
            self._learn(one, answer)
            found = plain(self._told(answer))
            differing = {part: (wanted[part], found[part]) for part in wanted if wanted[part] != found[part]}
            if fits(differing) or time.monotonic() >= deadline:
                break
            time.sleep(_PAUSE_S)
        self._after(one, answer)
        return differing


def eventually(condition: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(_PAUSE_S)
