"""Signing in with an identity provider from the panel: what its one request tells, keeps and forgets."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from pytest_jupyter.jupyter_core import jp_asyncio_loop  # noqa: F401 - see tests/conftest.py
from pytest_jupyter.jupyter_server import jp_server_cleanup  # noqa: F401
from sandbox_user import eventually
from tornado.httpclient import HTTPClientError

from jupyter_oscar.client.credentials import TokenStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ALICE = "alice1234567890@egi.eu"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, issuer: Any) -> Iterator[Path]:
    for name in ("ENDPOINT", "USER", "PASSWORD", "TOKEN", "TOKEN_FILE"):
        monkeypatch.delenv(f"OSCAR_{name}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    yield tmp_path
    issuer.lifetime_s, issuer.device_s, issuer.down = 3600, 60.0, False


@pytest.fixture
def jp_server_config(box: Any, issuer: Any, request: pytest.FixtureRequest) -> dict[str, Any]:
    named = {"lab": {"endpoint": box.endpoint, "issuer": issuer.url, "client_id": "tests"}}
    return {
        "ServerApp": {"jpserver_extensions": {"jupyter_oscar": True}},
        "JupyterOscarApp": {"clusters": named, **getattr(request, "param", {})},
    }


class Asked:
    """One sign-in under way: its news as they come."""

    def __init__(self, jp_fetch: Any, *, request_timeout: float = 60.0, **body: Any) -> None:
        self.news: list[dict[str, Any]] = []
        self._rest = b""
        options = {"streaming_callback": self._hear, "request_timeout": request_timeout}
        sent = jp_fetch("jupyter-oscar", "sign-in", method="POST", body=json.dumps(body), **options)
        self.request = asyncio.ensure_future(sent)

    def _hear(self, piece: bytes) -> None:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        self.news += [json.loads(line) for line in lines]

    async def code(self) -> str:
        await eventually_async(lambda: self.news or self.request.done())
        return str(self.news[0]["code"])

    async def end(self) -> dict[str, Any]:
        await self.request
        return self.news[-1]


def renewed(home: Path) -> list[Path]:
    return list(home.rglob("*.renewed"))


def holding(home: Path, words: set[str]) -> list[Path]:
    """The files in which one of the words stands."""
    files = (path for path in home.rglob("*") if path.is_file())
    return [path for path in files if any(word in path.read_text(errors="replace") for word in words)]


async def eventually_async(true: Any) -> None:
    await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(None, lambda: eventually(true)), 60)


async def refused(jp_fetch: Any, **body: Any) -> str:
    with pytest.raises(HTTPClientError) as refusal:
        await jp_fetch("jupyter-oscar", "sign-in", method="POST", body=json.dumps(body))
    return str(json.loads(refusal.value.response.body)["code"])


async def test_a_person_agrees_and_is_signed_in(jp_fetch: Any, issuer: Any, box: Any) -> None:
    asked = Asked(jp_fetch, name="mine", endpoint=box.endpoint, issuer=issuer.url, client_id="tests")
    code = await asked.code()
    assert asked.news[0]["link"].startswith(issuer.url)
    issuer.agree(code, ALICE)
    end = await asked.end()
    assert [news["state"] for news in asked.news] == ["waiting", "agreed", "done"]
    assert (end["cluster"]["name"], end["cluster"]["state"]) == ("mine", "ok")
    assert (end["cluster"]["issuer"], end["cluster"]["client_id"]) == (issuer.url, "tests")
    (kept,) = TokenStore().all()
    secrets = [kept.credentials.grant.refresh_token, *TokenStore().renewed(kept.credentials.grant).values()]
    for word in (getattr(secret, "get_secret_value", lambda s=secret: s)() for secret in secrets):
        assert not isinstance(word, str) or word not in json.dumps(asked.news)


async def test_the_operators_identity_provider_needs_no_words(jp_fetch: Any, issuer: Any) -> None:
    asked = Asked(jp_fetch, name="lab")
    issuer.agree(await asked.code(), ALICE)
    assert (await asked.end())["cluster"]["state"] == "ok"


async def test_who_refuses_or_comes_too_late_keeps_nothing(jp_fetch: Any, issuer: Any) -> None:
    asked = Asked(jp_fetch, name="lab")
    issuer.agree(await asked.code(), None)
    end = await asked.end()
    assert (end["state"], "The user said no" in end["problem"]["message"]) == ("failed", True)
    issuer.device_s = 0.3
    assert (await Asked(jp_fetch, name="lab").end())["problem"]["code"] == "timed-out"
    assert TokenStore().all() == []


async def test_one_whom_the_cluster_does_not_take_is_not_kept(jp_fetch: Any, issuer: Any, home: Path) -> None:
    asked = Asked(jp_fetch, name="lab")
    code = await asked.code()
    issuer.roll()
    wrong = issuer.token

    def other(sub: str, **claims: Any) -> str:
        return wrong(sub, **{**claims, "groups": ["another-vo"]})

    issuer.token = other
    try:
        issuer.agree(code, ALICE)
        end = await asked.end()
    finally:
        issuer.token = wrong
    assert end["state"] == "failed"
    assert TokenStore().all() == []
    assert renewed(home) == []


async def test_who_hangs_up_ends_the_asking(jp_fetch: Any, issuer: Any) -> None:
    asked = Asked(jp_fetch, request_timeout=2.0, name="lab")
    code, polls = await asked.code(), issuer.polls
    with pytest.raises(HTTPClientError):  # the client gives up, and closes the connection
        await asked.end()
    while polls != issuer.polls:  # until ten times what lies between two polls has passed without one
        polls = issuer.polls
        await asyncio.sleep(0.5)
    issuer.agree(code, ALICE)
    assert TokenStore().all() == []


@pytest.mark.parametrize("jp_server_config", [{"allowed_hosts": ["oscar.example.org"]}], indirect=True)
async def test_an_operator_says_which_providers_are_asked(jp_fetch: Any, issuer: Any) -> None:
    asked = len(issuer.asked)
    assert await refused(jp_fetch, name="m", endpoint=issuer.url, issuer=issuer.url, client_id="x") == "not-allowed"
    far = {"name": "m", "endpoint": "https://oscar.example.org", "client_id": "tests"}
    assert await refused(jp_fetch, **far, issuer=issuer.url) == "not-allowed"
    assert await refused(jp_fetch, **far) == "invalid-request"
    assert len(issuer.asked) == asked


@pytest.mark.parametrize("jp_server_config", [{"persist_tokens": False}], indirect=True)
async def test_what_may_not_be_kept_is_nowhere_also_when_it_was_renewed(
    jp_fetch: Any, jp_serverapp: Any, issuer: Any, home: Path
) -> None:
    issuer.lifetime_s = 30  # shorter than the margin: every use renews
    asked = Asked(jp_fetch, name="lab")
    issuer.agree(await asked.code(), ALICE)
    assert (await asked.end())["cluster"]["state"] == "ok"
    before = issuer.renewals
    for _ in range(3):
        (row, *_) = json.loads((await jp_fetch("jupyter-oscar", "clusters")).body)
        assert row["state"] == "ok"
    assert issuer.renewals >= before + 3, "each token served once"
    words = set(issuer._refresh)
    assert words
    assert holding(home, words) == []
    assert renewed(home) == []
    pool = jp_serverapp.web_app.settings["jupyter_oscar_pool"]
    await jp_fetch("jupyter-oscar", "clusters", "lab", method="DELETE")
    assert pool._renewed._said == {}
