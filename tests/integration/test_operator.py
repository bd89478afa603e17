"""What an operator decides for a server: whom it trusts, how much it asks of a cluster. And that it never blocks."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from pytest_jupyter.jupyter_core import jp_asyncio_loop  # noqa: F401 - see tests/conftest.py
from pytest_jupyter.jupyter_server import jp_server_cleanup  # noqa: F401
from tornado.httpclient import HTTPClientError

from jupyter_oscar.client.cluster import Cluster
from jupyter_oscar.client.credentials import Credentials, Secret
from jupyter_oscar.client.errors import OscarError
from jupyter_oscar.client.profiles import Profile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETTINGS: dict[str, Any] = {}


@pytest.fixture
def settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    return getattr(request, "param", {})


@pytest.fixture
def far(odd: Any, sandbox: Any) -> Iterator[tuple[str, list[float]]]:
    """The sandbox behind a proxy that notes when it is asked."""
    times: list[float] = []

    def note(request: bytes) -> bool:
        times.extend([time.monotonic()] if b" HTTP/1.1" in request else [])
        return False

    with odd.losing_answers(sandbox.endpoint, note) as url:
        yield url, times


@pytest.fixture
def authority(tmp_path: Path) -> tuple[str, ssl.SSLContext]:
    """A file with an authority nobody knows, and a server's side of what it certified."""
    made, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.issue_cert("localhost").configure_cert(context)
    made.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    return str(tmp_path / "authority.pem"), context


@pytest.fixture
def jp_server_config(
    far: Any, sandbox: Any, tmp_path: Path, settings: dict[str, Any], authority: tuple[str, Any]
) -> dict[str, Any]:
    (tmp_path / "password").write_text(sandbox.password)
    (tmp_path / "nonsense.pem").write_text("no certificate\n")
    named = {"box": {"endpoint": far[0], "user": sandbox.user, "password_file": str(tmp_path / "password")}}
    said = {key: value.format(folder=tmp_path) if isinstance(value, str) else value for key, value in settings.items()}
    return {
        "ServerApp": {"jpserver_extensions": {"jupyter_oscar": True}},
        "JupyterOscarApp": {"clusters": named, **said},
    }


async def all_ways(cluster: Cluster, bucket: str) -> list[str]:
    """Which of the three libraries that speak to a cluster gets through."""
    through = []
    for name, way in {
        "httpx": cluster.info,
        "obstore": lambda: cluster.store.put(bucket, "a.txt", b"words"),
        "aiobotocore": lambda: cluster.buckets.page(bucket),
    }.items():
        try:
            await way()
        except OscarError:
            continue
        through.append(name)
    return through


@pytest.mark.asyncio
async def test_an_authority_of_ones_own_is_trusted_for_the_cluster_and_its_storage(
    odd: Any, sandbox: Any, authority: tuple[str, ssl.SSLContext], service: str
) -> None:
    bundle, context = authority
    who = Credentials(sandbox.user, Secret(sandbox.password))
    with (
        odd.losing_answers(sandbox.endpoint, lambda _: False, context) as url,
        odd.losing_answers(sandbox.s3_endpoint, lambda _: False, context) as storage,
    ):
        async with Cluster(Profile("far", url, who, storage=storage, ca_bundle=bundle)) as knowing:
            await knowing.config()
            knowing._config.minio_provider.verify_tls = True  # the sandbox's own word is of its plain http
            assert await all_ways(knowing, service) == ["httpx", "obstore", "aiobotocore"]
            config = knowing._config
        async with Cluster(Profile("far", url, who, storage=storage)) as unknowing:
            unknowing._config = config
            assert await all_ways(unknowing, service) == []
        async with Cluster(Profile("far", url, who, storage=storage, verify=False)) as careless:
            assert await all_ways(careless, service) == ["httpx", "obstore", "aiobotocore"]
            assert (await careless.config()).minio_provider.verify_tls is False


@pytest.mark.parametrize("settings", [{"ca_bundle": "{folder}/authority.pem"}], indirect=True)
async def test_the_servers_authorities_reach_every_client(
    jp_fetch: Any, jp_serverapp: Any, odd: Any, sandbox: Any, authority: tuple[str, ssl.SSLContext]
) -> None:
    with odd.losing_answers(sandbox.endpoint, lambda _: False, authority[1]) as url:
        pool = jp_serverapp.web_app.settings["jupyter_oscar_pool"]
        pool._named = {"box": {**pool._named["box"], "endpoint": url}}
        (box, *_) = json.loads((await jp_fetch("jupyter-oscar", "clusters")).body)
        assert (box["endpoint"], box["state"]) == (url, "ok")
        # A sign-in is tried with the same trust.
        body = {"name": "mine", "endpoint": url, "user": sandbox.user, "password": sandbox.password}
        made = await jp_fetch("jupyter-oscar", "clusters", method="POST", body=json.dumps(body))
        assert json.loads(made.body)["state"] == "ok"
        await jp_fetch("jupyter-oscar", "clusters", "mine", method="DELETE")


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"ca_bundle": "{folder}/missing.pem"}, "missing.pem cannot be read: no such file or directory"),
        ({"ca_bundle": "{folder}/nonsense.pem"}, "nonsense.pem holds no certificate in PEM format"),
    ],
    indirect=["settings"],
)
async def test_a_file_of_authorities_that_is_none_is_said_at_once(jp_fetch: Any, why: str) -> None:
    (problem,) = json.loads((await jp_fetch("jupyter-oscar", "health")).body)["problems"]
    assert problem["code"] == "ca-bundle"
    assert why in problem["message"]
    (box, *_) = json.loads((await jp_fetch("jupyter-oscar", "clusters")).body)
    assert box["state"] == "ok", "what needs no such file works"


@pytest.fixture
def neighbour(odd: Any, sandbox: Any) -> Iterator[dict[str, str]]:
    """The sandbox as it is reached from a pod beside it: by plain http, not on a loopback that we know as one."""

    class Inside(odd.Passing):
        upstream = sandbox.endpoint

    with odd.serving(Inside, host="127.0.0.2") as url:
        yield {"endpoint": url, "user": sandbox.user}


@pytest.mark.parametrize("inside", [False, True])
async def test_a_cluster_by_plain_http_is_used_only_inside_a_pod_and_else_shown_with_the_reason(
    jp_fetch: Any,
    jp_serverapp: Any,
    neighbour: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    inside: bool,
) -> None:
    if inside:
        monkeypatch.setenv("OSCAR_ENDPOINT", neighbour["endpoint"])
    pool = jp_serverapp.web_app.settings["jupyter_oscar_pool"]
    pool._named = {"plain": {**neighbour, "password_file": str(tmp_path / "password")}}
    clusters = json.loads((await jp_fetch("jupyter-oscar", "clusters")).body)
    (plain,) = (one for one in clusters if one["name"] == "plain")
    if inside:
        assert (plain["state"], plain["endpoint"]) == ("ok", neighbour["endpoint"])
        assert (await jp_fetch("jupyter-oscar", "clusters", "plain", "services")).code == 200
        return
    assert plain["state"] == "refused"
    assert plain["problem"]["message"] == f"{neighbour['endpoint']} would receive the credentials unencrypted."
    assert plain["problem"]["hint"].endswith("It stands in the operator's configuration.")
    with pytest.raises(HTTPClientError) as refusal:
        await jp_fetch("jupyter-oscar", "clusters", "plain", "services")
    assert refusal.value.code == 400
    assert json.loads(refusal.value.response.body)["code"] == "insecure-endpoint"


@pytest.mark.parametrize("settings", [{"request_budget": 5}], indirect=True)
async def test_no_more_is_asked_than_the_budget_by_clicks_and_polls_together(
    jp_fetch: Any, jp_serverapp: Any, far: tuple[str, list[float]]
) -> None:
    news = jp_serverapp.web_app.settings["jupyter_oscar_news"]
    heard: list[Any] = []
    _, times = far
    before, began = len(times), time.monotonic()
    for topic in ("clusters", "services/box", "calls/box"):
        news.feed(topic).subscribe(heard.append, "")
    while len(times) - before < 20:
        for topic in ("clusters", "services/box", "calls/box"):
            news.soon(topic)
        await asyncio.gather(*(jp_fetch("jupyter-oscar", "clusters", "box", "services") for _ in range(3)))
    for topic in ("clusters", "services/box", "calls/box"):
        news.feed(topic).unsubscribe(heard.append)
    assert len(times) - before <= 5 * (time.monotonic() - began + 1)
    assert not [said for said in heard if "problem" in said], "rows are not old yet"


class Opened:
    """Notes the files that a thread opens. An audit hook cannot be removed, so it can be silenced."""

    def __init__(self) -> None:
        self.thread, self.paths = 0, []
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.thread == threading.get_ident() and event in {"open", "os.listdir", "os.scandir"}:
            self.paths.append(str(arguments[0]))


async def test_no_file_is_read_on_the_loop_for_a_request(jp_fetch: Any, tmp_path: Path) -> None:
    async def everything() -> None:
        for path in ("clusters", "clusters/box/services", "health"):
            await jp_fetch("jupyter-oscar", path)

    await everything()  # imports read files
    opened = Opened()
    opened.thread = threading.get_ident()
    await everything()
    opened.thread = 0
    assert opened.paths == []
