"""A bucket of the sandbox as a page sees it through the server extension, for the tests that import this."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
import requests
from tornado.httpclient import HTTPClientError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path


@pytest.fixture
def jp_server_config(sandbox: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    for name in ("ENDPOINT", "USER", "PASSWORD", "TOKEN", "TOKEN_FILE"):
        monkeypatch.delenv(f"OSCAR_{name}", raising=False)
    file = tmp_path / "password"
    file.write_text(sandbox.password + "\n")
    named = {"box": {"endpoint": sandbox.endpoint, "user": sandbox.user, "password_file": str(file)}}
    return {
        "ServerApp": {"jpserver_extensions": {"jupyter_oscar": True}, "allow_unauthenticated_access": False},
        "JupyterOscarApp": {"clusters": named},
    }


class Bucket:
    """A bucket of this test, as the page sees it."""

    def __init__(self, fetch: Callable[..., Awaitable[Any]], name: str) -> None:
        self.fetch, self.name = fetch, name

    async def ask(
        self, method: str, what: str = "", *, data: bytes | None = None, body: Any = None, **query: Any
    ) -> Any:
        """The JSON of an answer, or the status and JSON of a refusal."""
        path = ("jupyter-oscar", "clusters", "box", "buckets", self.name, *([what] if what else []))
        return await said(self.fetch, path, method, data, body, query)

    async def put(self, key: str, data: bytes) -> Any:
        return await self.ask("PUT", "object", data=data, key=key)

    async def get(self, key: str, **headers: str) -> Any:
        path = ("jupyter-oscar", "clusters", "box", "buckets", self.name, "object")
        return await self.fetch(*path, params={"key": key}, headers=headers)

    async def names(self, prefix: str = "", **query: Any) -> list[str]:
        page = await self.ask("GET", "folder", prefix=prefix, **query)
        return [*page["folders"], *(found["key"] for found in page["objects"])]

    async def copy(self, source: str, target: str, *, move: bool = False, bucket: str | None = None) -> Any:
        """What the last line says."""
        places = {
            "source": {"bucket": self.name, "key": source},
            "target": {"bucket": bucket or self.name, "key": target},
        }
        path = ("jupyter-oscar", "clusters", "box", "copies")
        return await said(self.fetch, path, "POST", None, {**places, "move": move}, {})


async def said(fetch: Any, path: Any, method: str, data: bytes | None, body: Any, query: dict[str, Any]) -> Any:
    content = json.dumps(body) if body is not None else data
    if method in {"POST", "PUT"} and content is None:
        content = ""
    try:
        answer = await fetch(*path, method=method, body=content, params=query)
    except HTTPClientError as error:
        text = error.response.body if error.response else b""
        return error.code, json.loads(text) if text[:1] == b"{" else None
    lines = answer.body.decode().splitlines()
    return json.loads(lines[-1]) if lines else None


@pytest.fixture
def bucket(jp_fetch: Callable[..., Awaitable[Any]], sandbox: Any) -> Iterator[Bucket]:
    name, who = f"b-{uuid.uuid4().hex[:10]}", (sandbox.user, sandbox.password)
    buckets = f"{sandbox.endpoint}/system/buckets"
    assert requests.post(buckets, json={"bucket_name": name}, auth=who, timeout=30).ok
    yield Bucket(jp_fetch, name)
    requests.delete(f"{buckets}/{name}", auth=who, timeout=30)
