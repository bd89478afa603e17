"""A cluster whose storage is on another host: nothing goes there before somebody has said that it is right."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from pytest_jupyter.jupyter_core import jp_asyncio_loop  # noqa: F401 - see tests/conftest.py
from pytest_jupyter.jupyter_server import jp_server_cleanup  # noqa: F401
from tornado.httpclient import HTTPClientError

import jupyter_oscar as oscar
from jupyter_oscar.client import storage
from jupyter_oscar.client.errors import InsecureEndpoint, InvalidRequest, StorageUnconfirmed
from jupyter_oscar.client.profiles import Profile, Trust
from jupyter_oscar.notebook.bridge import bridge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def far(odd: Any, sandbox: Any) -> Iterator[Any]:
    with odd.elsewhere(sandbox.endpoint, sandbox.s3_endpoint, sandbox.user, sandbox.password) as one:
        yield one


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("ENDPOINT", "USER", "PASSWORD", "TOKEN", "TOKEN_FILE"):
        monkeypatch.delenv(f"OSCAR_{name}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    return tmp_path


@pytest.fixture
def connect(far: Any, sandbox: Any) -> Callable[..., Any]:
    return lambda **more: oscar.connect(endpoint=far.endpoint, user=sandbox.user, password=sandbox.password, **more)


def ways(one: Any, bucket: str) -> dict[str, Callable[[], Any]]:
    """Everything in a cell that would send the keys, or give them to who does."""
    client = one.client
    return {
        "put": lambda: bridge.run(client.store.put(bucket, "a", b"words")),
        "get": lambda: bridge.run(client.store.get(bucket, "a")),
        "page": lambda: bridge.run(client.buckets.page(bucket)),
        "presign": lambda: bridge.run(client.buckets.presign(bucket, "a")),
        "s3fs": lambda: one.fs.ls(bucket),
        "minio": lambda: list(one.minio.list_objects(bucket)),
        "oscar-python": lambda: one.oscar_python,
        "submit": lambda: one.submit(bucket, text="hello").sending.result(30),
    }


def test_a_cell_is_told_where_it_is_and_how_to_say_that_it_is_right(far: Any, connect: Any, service: str) -> None:
    one = connect()
    assert service in one.services, "what needs no storage works"
    for name, way in ways(one, service).items():
        with pytest.raises(StorageUnconfirmed, match="another host") as refusal:
            way()
        assert f'cluster.confirm_storage("{far.storage}")' in refusal.value.hint, name
        assert refusal.value.address == far.storage
    assert far.sent == [], "not even a request that is not signed"

    one.confirm_storage(refusal.value.address)
    for way in ways(one, service).values():
        way()
    assert far.sent
    another = connect()
    assert ways(another, service)["page"](), "it is remembered"


def test_it_is_asked_anew_when_the_cluster_says_another_place(far: Any, connect: Any, service: str) -> None:
    connect().confirm_storage(far.storage)
    far.say("http://127.0.0.2:1")
    with pytest.raises(StorageUnconfirmed, match=r"127\.0\.0\.2"):
        ways(connect(), service)["page"]()


def test_what_was_said_is_taken_back(far: Any, connect: Any, service: str) -> None:
    one = connect()
    one.confirm_storage(far.storage)
    ways(one, service)["put"]()
    assert one.forget_storage()
    sent = len(far.sent)
    for again in (one, connect()):
        for name, way in ways(again, service).items():
            with pytest.raises(StorageUnconfirmed):
                way()
            assert len(far.sent) == sent, name
    assert not one.forget_storage()


def test_a_place_that_works_from_here_is_named_once(far: Any, connect: Any, service: str) -> None:
    far.say("http://minio.inside.invalid:9000")
    ways(connect(storage=far.storage), service)["page"]()
    with pytest.raises(StorageUnconfirmed, match="inside"):
        ways(connect(), service)["page"]()
    connect().confirm_storage(far.storage)
    ways(connect(), service)["page"]()
    for wrong in ("minio.example.org", "ftp://minio.example.org", "https://ada:MARKER@minio.example.org"):
        with pytest.raises(InvalidRequest) as refusal:
            connect().confirm_storage(wrong)
        assert "MARKER" not in str(refusal.value)
    with pytest.raises(InsecureEndpoint, match="network link"):
        connect().confirm_storage("http://169.254.169.254")


PUBLIC = Profile("lab", "https://8.8.8.8")


@pytest.mark.parametrize(
    "said", ["https://10.1.2.3:9000", "http://127.0.0.1:9000", "http://2130706433", "https://[::1]"]
)
def test_a_public_cluster_does_not_send_us_into_a_private_network(said: str) -> None:
    with pytest.raises(InsecureEndpoint, match="private network"):
        storage.allowed(PUBLIC, said)
    storage.confirm(PUBLIC, said, "https://9.9.9.9")
    assert storage.allowed(PUBLIC, said) == "https://9.9.9.9", "unless a person says where it is"


def test_an_encrypted_cluster_is_not_followed_to_where_nothing_is_encrypted() -> None:
    assert storage.allowed(PUBLIC, "https://8.8.8.8:9000") == "https://8.8.8.8:9000"
    with pytest.raises(StorageUnconfirmed, match="not encrypted"):
        storage.allowed(PUBLIC, "http://8.8.8.8:9000")


# -- the command line


@pytest.fixture
def cli(far: Any, sandbox: Any, home: Path) -> Callable[..., tuple[str, str]]:
    def run(*words: str, code: int = 0, stdin: Any = "") -> tuple[str, str]:
        given = {"input": stdin} if isinstance(stdin, str) else {"stdin": stdin}
        command = [sys.executable, "-m", "jupyter_oscar", *words]
        done = subprocess.run(command, cwd=home, text=True, capture_output=True, check=False, **given)
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return done.stdout, done.stderr

    run("cluster", "add", "lab", far.endpoint, sandbox.user, "--password-stdin", stdin=sandbox.password + "\n")
    return run


def test_a_script_is_refused_until_one_command_says_that_it_is_right(far: Any, cli: Any, service: str) -> None:
    _, said = cli("bucket", "list", service, code=4)
    assert f"`jupyter oscar cluster storage lab {far.storage}`" in said
    assert far.storage in cli("cluster", "info")[0]
    assert far.sent == []
    assert cli("cluster", "storage", "lab", far.storage)[0] == f"{far.storage}\n"
    cli("bucket", "list", service)
    assert cli("cluster", "storage", "lab", "--forget")[0] == "lab: forgotten\n"
    cli("bucket", "list", service, code=4)
    assert cli("cluster", "storage", "lab", "--forget")[0] == "lab: nothing was said\n"
    cli("cluster", "remove", "lab", "--yes")


@pytest.mark.parametrize(("answer", "code"), [("n\n", 4), ("y\n", 0)])
def test_a_person_at_a_terminal_is_asked(far: Any, cli: Any, service: str, answer: str, code: int) -> None:
    terminal, other = pty.openpty()
    os.write(terminal, answer.encode())
    _, said = cli("bucket", "list", service, stdin=other, code=code)
    assert f"May your keys and files go to {far.storage}?" in said
    assert bool(far.sent) is (code == 0)
    if code == 0:
        cli("bucket", "list", service)
    os.close(terminal)
    os.close(other)


# -- the server


@pytest.fixture
def jp_server_config(far: Any, sandbox: Any, tmp_path: Path, request: pytest.FixtureRequest) -> dict[str, Any]:
    (tmp_path / "password").write_text(sandbox.password)
    named = {"lab": {"endpoint": far.endpoint, "user": sandbox.user, "password_file": str(tmp_path / "password")}}
    return {
        "ServerApp": {"jpserver_extensions": {"jupyter_oscar": True}},
        "JupyterOscarApp": {"clusters": named, **getattr(request, "param", {})},
    }


async def asked(jp_fetch: Any, *path: str, address: str | None = None) -> Any:
    options = {"method": "PUT", "body": json.dumps({"address": address})} if address else {}
    try:
        return json.loads((await jp_fetch("jupyter-oscar", "clusters", *path, **options)).body)
    except HTTPClientError as error:
        return json.loads(error.response.body)


async def test_the_panel_shows_where_it_is_and_takes_a_persons_word(
    far: Any, jp_fetch: Any, jp_serverapp: Any, service: str
) -> None:
    (row,) = await asked(jp_fetch)
    assert (row["state"], row["storage_to_confirm"]) == ("ok", far.storage)
    assert row["storage_problem"]["code"] == "storage-unconfirmed"
    other = await asked(jp_fetch, "lab", "storage", address="https://elsewhere.example.org")
    assert other["code"] == "invalid-request"
    assert far.sent == []
    row = await asked(jp_fetch, "lab", "storage", address=far.storage)
    assert (row["storage_to_confirm"], row["storage_problem"]) == (None, None)
    client = await jp_serverapp.web_app.settings["jupyter_oscar_pool"].client("lab")
    await client.buckets.page(service)


@pytest.mark.parametrize("jp_server_config", [{"allowed_hosts": ["localhost"]}], indirect=True)
async def test_an_operators_host_needs_nobodys_word(far: Any, jp_fetch: Any) -> None:
    (row,) = await asked(jp_fetch)
    assert row["storage_problem"] is None


@pytest.mark.parametrize("jp_server_config", [{"allow_user_clusters": False}], indirect=True)
async def test_where_an_operator_decides_a_persons_word_does_not_count(
    far: Any, jp_fetch: Any, jp_serverapp: Any
) -> None:
    storage.confirm(Profile("lab", far.endpoint), far.storage, far.storage)
    (row,) = await asked(jp_fetch)
    assert (row["storage_problem"]["code"], row["storage_to_confirm"]) == ("storage-unconfirmed", None)
    assert "allowed_hosts" in row["storage_problem"]["hint"]
    assert (await asked(jp_fetch, "lab", "storage", address=far.storage))["code"] == "not-allowed"
    pool = jp_serverapp.web_app.settings["jupyter_oscar_pool"]
    pool._looked.clear()
    pool._named = {"lab": {**pool._named["lab"], "storage": far.storage}}
    (row,) = await asked(jp_fetch)
    assert row["storage_problem"] is None, "the operator says it for this cluster"
    assert pool._trust == Trust(asking=False)
