"""The 492 recorded exchanges with a real OSCAR 4.1.2, and what must be made equal before two answers are compared.

They were recorded against a server that no longer exists: its passwords, keys and tokens open nothing.
"""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WIRE = Path(__file__).parent / "wire"
READ_BY_CLIENTS = ("Content-Type", "Location", "Www-Authenticate", "Set-Cookie", "X-Duration-Seconds")
S3, ROOT_KEYS = "http://127.0.0.1:18201", ("minio", "minio12345")
BASIC = "Basic " + base64.b64encode(b"oscar:oscar123").decode()
ISSUER = "http://127.0.0.1:18230/realms/egi"

_TIMES = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}", "<time>"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,3})? \+0000 UTC", "<time>"),
    (r"X-Amz-Date=\w+", "X-Amz-Date=<time>"),
)
_PLACES = (
    (r"/t[m]p/tmp\w{8}|/[^' \n]*/tmp[0-9a-f]{8}(?=[/' \n])", "<temp>"),
    (r"'[^']*/script\.sh'", "'<script>'"),
    (r"event-file-[0-9a-f-]{36}", "event-file-<id>"),
)
_IDS = (
    (r"request id: \w+, host id: \w+", "<request>"),
    (r"X-Amz-Credential=\w+%2F\d+", "X-Amz-Credential=<key>"),
    (r"X-Amz-Signature=\w+", "X-Amz-Signature=<signature>"),
    (r"'x-amz-id-2': '\w+'", "'x-amz-id-2': '<id>'"),
    (r"'x-amz-request-id': '\w+'", "'x-amz-request-id': '<id>'"),
    (r"'x-minio-deployment-id': '[\w-]+'", "'x-minio-deployment-id': '<id>'"),
    (r"'sequencer': '[0-9A-F]{8,}'", "'sequencer': '<number>'"),
    (r"'userAgent': '[^']{2,}'", "'userAgent': '<agent>'"),
    (r'"next_page":"[^"]+"', '"next_page":"<token>"'),
    (r'(?m)^  File "[^\n]*\n', ""),  # the frames of a traceback: ours is other code
    (r'"latency":"[^"]*"', '"latency":"<duration>"'),
    (r"(\| \d{3} \|) +[\d.]+[µmn]?s \|", r"\1 <duration> |"),
    (r"\[minio_cache:v2,return:\]", ""),
)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: str


@dataclass(frozen=True)
class Exchange:
    """``C002``: phase C, the second of it."""

    code: str
    method: str
    path: str
    headers: dict[str, str]
    body: str | None
    answer: Answer

    @property
    def phase(self) -> str:
        return self.code[0]

    @property
    def bearer(self) -> str:
        given = self.headers.get("Authorization", "")
        return given.removeprefix("Bearer ") if given.startswith("Bearer ") else ""

    @property
    def created(self) -> str:
        """The service that this exchange made; "" when it made none."""
        made = self.method == "POST" and self.path == "/system/services" and self.answer.status == 201
        return str(json.loads(self.body or "{}")["name"]) if made else ""


def _exchange(path: Path) -> Exchange:
    read = json.loads(path.read_text(encoding="utf-8"))
    request, response = read["request"], read["response"]
    headers = {name.title(): value for name, value in response["headers"]}
    answer = Answer(response["status"], headers, response["body"] or "")
    return Exchange(path.name[:4], request["method"], request["path"], request["headers"], request["body"], answer)


def exchanges() -> list[Exchange]:
    return [_exchange(path) for path in sorted(WIRE.glob("*.json"))]


def service_tokens(recorded: list[Exchange]) -> dict[tuple[str, str], str]:
    """By phase and service: shown in an answer, or else carried by a call."""
    found: dict[tuple[str, str], str] = {}
    for one in recorded:
        if one.answer.body.startswith('{"name":') and '"token":' in one.answer.body:
            service = json.loads(one.answer.body)
            found.setdefault((one.phase, service["name"]), service["token"])
    for one in recorded:
        name = re.fullmatch(r"/(?:job|run)/(\w+)", one.path)
        if name and re.fullmatch(r"(?!0{64})[0-9a-f]{64}", one.bearer):
            found.setdefault((one.phase, name[1]), one.bearer)
    return found


def claims(bearer: str) -> dict[str, Any] | None:
    """What a recorded JWT says; None when it is none."""
    try:
        _, payload, _ = bearer.split(".")
        read = json.loads(base64.urlsafe_b64decode(payload + "=="))
    except ValueError:
        return None
    return read if isinstance(read, dict) else None


def plain(answer: Answer) -> dict[str, Any]:
    """The parts of an answer that a client can tell apart, without what must differ from run to run."""
    body = answer.body
    for pattern, word in (*_TIMES, *_PLACES, *_IDS):
        body = re.sub(pattern, word, body)
    headers = {name: answer.headers.get(name) for name in READ_BY_CLIENTS}
    if headers["X-Duration-Seconds"]:
        headers["X-Duration-Seconds"] = "<duration>"
    return {"status": answer.status, "headers": headers, "body": _sorted_uploads(_unzipped(_sorted_jobs(body)))}


def _sorted_jobs(body: str) -> str:
    """A list of jobs is in the order of their random names."""
    if not body.startswith('{"jobs":'):
        return body
    listed = json.loads(body)
    return json.dumps({**listed, "jobs": dict(sorted(listed["jobs"].items()))})


def _unzipped(body: str) -> str:
    if not body.startswith("UEsDB"):
        return body
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(body))) as archive:
        return repr(sorted((name, archive.read(name)) for name in archive.namelist()))


def _sorted_uploads(body: str) -> str:
    """The order of uploads is the file system's."""
    lines = body.splitlines(keepends=True)
    uploads = [number for number, line in enumerate(lines) if "Uploading file" in line]
    for number, line in zip(uploads, sorted(lines[number] for number in uploads), strict=True):
        lines[number] = line
    return "".join(lines)


def differing_paths(one: Any, other: Any, path: str = "") -> list[str]:
    """Where two JSON values differ: ``cluster.nodes.0.name``; also a member that only one of them has."""
    if isinstance(one, dict) and isinstance(other, dict):
        both = [key for key in one if key in other]
        if both != [key for key in other if key in one]:
            return [path]  # in another order
        lone = [f"{path}.{key}" if path else key for key in (*one, *other) if key not in both]
        pairs = [(key, one[key], other[key]) for key in both]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        lone, pairs = [], [(str(at), *pair) for at, pair in enumerate(zip(one, other, strict=True))]
    else:
        return [] if one == other else [path]
    return lone + [found for key, *pair in pairs for found in differing_paths(*pair, f"{path}.{key}" if path else key)]
