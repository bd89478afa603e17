"""The sandbox answers what a real OSCAR 4.1.2 answered: recorded requests go out byte for byte, answers are compared.

Only what must differ from run to run is made equal first: names of jobs, tokens, keys, addresses, times, temp folders.
"""

from __future__ import annotations

import base64
import http.client
import io
import json
import re
import sys
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from minio import Minio

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

HERE = Path(__file__).parent
PLAN = tomllib.loads((HERE / "phases.toml").read_text(encoding="utf-8"))
READ_BY_CLIENTS = ("Content-Type", "Location", "Www-Authenticate", "Set-Cookie")
PATIENCE_S = 12.0
RECORDED_S3, RECORDED_KEYS = "127.0.0.1:18201", ("minio", "minio12345")
RECORDED_BASIC = "Basic " + base64.b64encode(b"oscar:oscar123").decode()

TIMES = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}", "<time>"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,3})? \+0000 UTC", "<time>"),
    (r"X-Amz-Date=\w+", "X-Amz-Date=<time>"),
)
PLACES = (
    (r"/t[m]p/tmp\w{8}|/[^' \n]*/tmp[0-9a-f]{8}(?=[/' \n])", "<temp>"),
    (r"'[^']*/script\.sh'", "'<script>'"),
    (r"event-file-[0-9a-f-]{36}", "event-file-<id>"),
)
NOISE = (
    (r"request id: \w+, host id: \w+", "<request>"),
    (r"X-Amz-Credential=\w+%2F\d+", "X-Amz-Credential=<key>"),
    (r"X-Amz-Signature=\w+", "X-Amz-Signature=<signature>"),
    (r"'x-amz-id-2': '\w+'", "'x-amz-id-2': '<id>'"),
    (r"'x-amz-request-id': '\w+'", "'x-amz-request-id': '<id>'"),
    (r"'x-minio-deployment-id': '[\w-]+'", "'x-minio-deployment-id': '<id>'"),
    (r"'sequencer': '[0-9A-F]{8,}'", "'sequencer': '<number>'"),
    (r"'userAgent': '[^']{2,}'", "'userAgent': '<agent>'"),
    (r'(?m)^  File "[^\n]*\n', ""),  # the frames of a traceback: ours is other code
    (r"\[minio_cache:v2,return:\]", ""),
)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: str


@dataclass
class Replay:
    """One phase against one sandbox: what is recorded on the left, what is ours on the right."""

    sandbox: object
    names: dict[str, str] = field(default_factory=dict)  # recorded → ours
    bound: set[str] = field(default_factory=set)
    outcome: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        basic = base64.b64encode(f"{self.sandbox.user}:{self.sandbox.password}".encode()).decode()
        self.names[RECORDED_BASIC] = f"Basic {basic}"
        config = json.loads(self.ask("GET", "/system/config").body)["minio_provider"]
        self.keys = (config["access_key"], config["secret_key"])
        self.names["http://" + RECORDED_S3] = config["endpoint"]
        self.names[RECORDED_KEYS[1]] = self.keys[1]
        self.s3 = Minio(urlsplit(config["endpoint"]).netloc, *self.keys, secure=False, region="us-east-1")

    # sending

    def ask(self, method, path, headers=None, body=None):
        connection = http.client.HTTPConnection(urlsplit(self.sandbox.endpoint).netloc, timeout=60)
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in (headers or {"Authorization": self.names[RECORDED_BASIC]}).items():
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

    def ours(self, text):
        for recorded, own in self.names.items():
            text = text.replace(recorded, own)
        return text

    def send(self, exchange):
        request = exchange["request"]
        headers = {name: self.ours(value) for name, value in request["headers"].items()}
        body = None if request["body"] is None else self.ours(request["body"])
        return self.ask(request["method"], self.ours(request["path"]), headers, body)

    # what happened beside the exchanges

    def before(self, code):
        for step in PLAN["step"]:
            if step["before"] == code:
                self.do(step)

    def do(self, step):
        contents = dict(step.get("put", {}))
        if series := step.get("series"):
            contents |= {f"{series['bucket']}/{series['key'] % i}": "x" * i for i in range(series["count"])}
        for place, content in contents.items():
            bucket, _, key = place.partition("/")
            data = content.encode()
            self.s3.put_object(bucket, key, io.BytesIO(data), len(data), content_type="text/plain")
        if "job" in step:
            self.bind(step["job"])

    def bind(self, recorded):
        """Learn how we call the job that was recorded under another name: it is the new one in the list."""
        service = recorded.rsplit("-", 5)[0]
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            jobs = json.loads(self.ask("GET", f"/system/logs/{service}").body)["jobs"]
            new = [name for name in jobs if re.fullmatch(r".*-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", name)]
            new = [name for name in new if name not in self.bound]
            if new:
                self.names[recorded] = new[0]
                self.bound.add(new[0])
                return
            time.sleep(0.01)
        pytest.fail(f"no job for {recorded}")

    def after(self, code, exchange):
        request = exchange["request"]
        if code in PLAN["jobs"]:
            self.bind(PLAN["jobs"][code])
        if (
            request["method"] == "POST"
            and request["path"] == "/system/services"
            and exchange["response"]["status"] == 201
        ):
            name = json.loads(request["body"])["name"]
            token = json.loads(self.ask("GET", f"/system/services/{name}").body)["token"]
            if recorded := recorded_tokens().get((code[0], name)):
                self.names[recorded] = token

    # comparing

    def normal(self, answer, code):
        """Both sides through the same mill; ours is first told in recorded names."""
        body = answer.body
        for recorded, own in sorted(self.names.items(), key=lambda pair: -len(pair[1])):
            body = body.replace(own, recorded)
        body = body.replace(f"'{self.keys[0]}'", f"'{RECORDED_KEYS[0]}'")
        body = body.replace(f'"access_key":"{self.keys[0]}"', f'"access_key":"{RECORDED_KEYS[0]}"')
        for pattern, plain in (*TIMES, *PLACES, *NOISE):
            body = re.sub(pattern, plain, body)
        body = unzipped(without_absent(body))
        if '"next_page":' in body and code[0] == "G":
            body = re.sub(r'"next_page":"[^"]+"', '"next_page":"<token>"', body)
        headers = {name: answer.headers.get(name) for name in READ_BY_CLIENTS}
        for recorded, own in self.names.items():
            headers = {name: value and value.replace(own, recorded) for name, value in headers.items()}
        return {"status": answer.status, "headers": headers, "body": sorted_uploads(body)}

    def differing(self, code, exchange, answer):
        response = exchange["response"]
        recorded = Answer(response["status"], {k.title(): v for k, v in response["headers"]}, response["body"] or "")
        wanted, found = self.normal(recorded, code), self.normal(answer, code)
        return {part: (wanted[part], found[part]) for part in wanted if wanted[part] != found[part]}

    def exchange(self, code, exchange):
        self.before(code)
        allowed = set(PLAN["different"].get(code, {}).get("parts", ()))
        asked = exchange["request"]["path"]
        patient = exchange["request"]["method"] == "GET" and ("/system/logs/" in asked or "deployment" in asked)
        deadline = time.monotonic() + (PATIENCE_S if patient else 0)
        while True:
            answer = self.send(exchange)
            differing = self.differing(code, exchange, answer)
            if set(differing) <= allowed or time.monotonic() >= deadline:
                break
            time.sleep(0.02)
        self.after(code, exchange)
        if code == "G010":
            self.names[json.loads(exchange["response"]["body"])["next_page"]] = json.loads(answer.body)["next_page"]
        return differing, allowed


def recorded_tokens():
    found = {}
    for code, exchange in exchanges().items():
        body = exchange["response"]["body"] or ""
        if body.startswith('{"name":'):
            service = json.loads(body)
            found.setdefault((code[0], service["name"]), service["token"])
    for code, exchange in exchanges().items():  # services whose token shows only in a call
        header = exchange["request"]["headers"].get("Authorization", "")
        name = re.fullmatch(r"/(?:job|run)/(\w+)", exchange["request"]["path"])
        if name and re.fullmatch(r"Bearer (?!0{64})[0-9a-f]{64}", header):
            found.setdefault((code[0], name[1]), header.removeprefix("Bearer "))
    return found


def exchanges():
    return {path.name[:4]: json.loads(path.read_text(encoding="utf-8")) for path in sorted((HERE / "wire").iterdir())}


def without_absent(body):
    if not body.startswith('{"jobs":'):
        return body
    listed = json.loads(body)
    listed["jobs"] = {name: job for name, job in sorted(listed["jobs"].items()) if name not in PLAN["absent"]}
    return json.dumps(listed)


def unzipped(body):
    if not body.startswith("UEsDB"):
        return body
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(body))) as archive:
        return repr(sorted((name, archive.read(name)) for name in archive.namelist()))


def sorted_uploads(body):
    """The order of uploads is the file system's."""
    lines = body.splitlines(keepends=True)
    uploads = [number for number, line in enumerate(lines) if "Uploading file" in line]
    for number, line in zip(uploads, sorted(lines[number] for number in uploads), strict=True):
        lines[number] = line
    return "".join(lines)


def report(letters, counts, problems):
    equal = counts["equal"] - problems
    first = f"\n{letters}: {equal} equal, {counts['different']} different, {counts['not yet']} not yet"
    lines = [f"  {code} different: {entry['why']}" for code, entry in PLAN["different"].items() if code[0] in letters]
    lines += [f"  {code} not yet: {why}" for code, why in PLAN["not_yet"].items() if code[0] in letters]
    return "\n".join((first, *lines, ""))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("phase", PLAN["phase"], ids=lambda phase: phase["letters"])
def test_the_sandbox_answers_as_the_real_server_did(phase, a_sandbox, capsys):
    replay = Replay(a_sandbox(serverless=phase["serverless"], jobs=4))
    recorded = exchanges()
    counts = {"equal": 0, "different": 0, "not yet": 0}
    problems = []
    for code in (code for letter in phase["letters"] for code in recorded if code[0] == letter):
        if code in PLAN["not_yet"]:
            counts["not yet"] += 1
            continue
        differing, allowed = replay.exchange(code, recorded[code])
        counts["different" if allowed else "equal"] += 1
        problems += [
            f"{code} {part}:\n  real {want!r}\n  ours {got!r}"
            for part, (want, got) in differing.items()
            if part not in allowed
        ]
        if allowed and not differing and not PLAN["different"][code].get("racy"):
            problems.append(f"{code} is equal now: take it out of the list of differences")
    with capsys.disabled():
        sys.stdout.write(report(phase["letters"], counts, len(problems)))
    assert not problems, "\n".join(problems)
