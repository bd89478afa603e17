"""The server extension: who may, what a browser learns, and news for as long as somebody looks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tornado.httpclient import HTTPClientError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

EXAMPLES = Path(__file__).parents[2] / "examples"
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
            return error.code, json.loads(error.response.body) if error.response and error.response.body else None
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
