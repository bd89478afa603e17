"""What the sandbox tests do as users: make a service, upload, call, look at jobs and logs."""

from __future__ import annotations

import io
import json
import time
import uuid
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote_plus, urlsplit

import requests
from minio import Minio

SHOUT = '#!/bin/sh\ntr a-z A-Z < "$INPUT_FILE_PATH" > "$TMP_OUTPUT_DIR/$(basename "$INPUT_FILE_PATH")"\necho shouted\n'
PATIENCE_S = 30.0
OVER = ("Succeeded", "Failed")


def eventually(what, seconds=PATIENCE_S):
    """The first true answer; a test waits for what it wants, never for luck."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "what the test waited for did not happen"
        time.sleep(0.01)
    return found


@dataclass
class User:
    """One user of one sandbox."""

    sandbox: object

    @property
    def auth(self):
        return (self.sandbox.user, self.sandbox.password)

    def ask(self, method, path, **kwargs):
        kwargs.setdefault("auth", self.auth)
        timeout = kwargs.pop("timeout", 60)
        return requests.request(method, self.sandbox.endpoint + path, timeout=timeout, **kwargs)

    @cached_property
    def provider(self):
        return self.ask("GET", "/system/config").json()["minio_provider"]

    @cached_property
    def s3(self):
        netloc = urlsplit(self.provider["endpoint"]).netloc
        keys = (self.provider["access_key"], self.provider["secret_key"])
        return Minio(netloc, *keys, secure=False, region="us-east-1")

    def create(self, name, script=SHOUT, **fields):
        service = {
            "name": name,
            "image": "debian",
            "script": script,
            "input": [{"storage_provider": "minio.default", "path": f"{name}/in"}],
            "output": [{"storage_provider": "minio.default", "path": f"{name}/out"}],
            **fields,
        }
        answer = self.ask("POST", "/system/services", json=service)
        assert answer.status_code == 201, answer.text
        return self.token(name)

    def token(self, name):
        return self.ask("GET", f"/system/services/{name}").json()["token"]

    def delete(self, name):
        assert self.ask("DELETE", f"/system/services/{name}").status_code == 204

    def put(self, bucket, key, data=b"hello"):
        self.s3.put_object(bucket, key, io.BytesIO(data), len(data))

    def get(self, bucket, key):
        return self.s3.get_object(bucket, key).read()

    def keys(self, bucket, prefix=""):
        """What is below the prefix; a marker of that folder itself is not."""
        found = (entry.object_name for entry in self.s3.list_objects(bucket, prefix, recursive=True))
        return sorted(key for key in found if key != prefix)

    def call(self, name, body=b"", job=None, token=None):
        headers = {"Authorization": f"Bearer {token or self.token(name)}"}
        if job:
            headers["X-Delegated-Job-ID"] = job
        return self.ask("POST", f"/job/{name}", data=body, headers=headers, auth=NoAuth())

    def run(self, name, body=b"", **kwargs):
        headers = {"Authorization": f"Bearer {self.token(name)}", **kwargs.pop("headers", {})}
        return self.ask("POST", f"/run/{name}", data=body, headers=headers, auth=NoAuth(), **kwargs)

    def jobs(self, name):
        found, page = {}, None
        while True:
            answer = self.ask("GET", f"/system/logs/{name}", params={"page": page} if page else None).json()
            found.update(answer["jobs"])
            page = answer.get("next_page")
            if page is None:
                return found

    def over(self, name, count=1):
        """All jobs, once that many are there and none is under way."""
        jobs = self.jobs(name)
        return jobs if len(jobs) >= count and all(job["status"] in OVER for job in jobs.values()) else None

    def log(self, name, job):
        return self.ask("GET", f"/system/logs/{name}/{job}").text


class NoAuth(requests.auth.AuthBase):
    """Keeps requests from replacing the header by something of its own."""

    def __call__(self, request):
        return request


class Person(User):
    """A user who comes with a token instead of the password."""

    def __init__(self, sandbox, token):
        super().__init__(sandbox)
        self.jwt = token

    def ask(self, method, path, **kwargs):
        headers = {"Authorization": f"Bearer {self.jwt}", **kwargs.pop("headers", {})}
        return super().ask(method, path, **{**kwargs, "headers": headers, "auth": NoAuth()})


def new_name(stem="svc"):
    return f"{stem}-{uuid.uuid4().hex[:8]}"


def reference(bucket, key):
    """A call by reference: the event that MinIO would have sent."""
    record = {
        "eventVersion": "2.0",
        "eventSource": "minio:s3",
        "eventTime": "2026-11-23T01:00:00.000Z",
        "eventName": "s3:ObjectCreated:Put",
        "requestParameters": {"principalId": "somebody", "sourceIPAddress": "127.0.0.1"},
        "s3": {"bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"}, "object": {"key": quote_plus(key)}},
    }
    return json.dumps({"EventName": "s3:ObjectCreated:Put", "Key": f"{bucket}/{key}", "Records": [record]})
