"""What is wrong on the way to a cluster, with each part of the way really broken."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import trustme

from jupyter_oscar.client.cluster import Cluster
from jupyter_oscar.client.config import MinioProvider
from jupyter_oscar.client.credentials import Credentials, Grant, Secret
from jupyter_oscar.client.diagnosis import STEPS, Step, diagnose
from jupyter_oscar.client.profiles import Profile, fallen_sandbox
from jupyter_oscar.client.surroundings import from_browser

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.asyncio

ALICE = "alice1234567890@egi.eu"
MARKER = "marker-of-a-secret"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def who(sandbox: Any) -> Credentials:
    return Credentials(sandbox.user, Secret(sandbox.password))


@pytest.fixture
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of one's own, for what sign-ins leave."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    return tmp_path


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


async def walked(profile: Profile, patience: float = 5.0) -> list[Step]:
    """Every step, in order; none names a secret."""
    async with Cluster(profile) as cluster:
        steps = [step async for step in diagnose(cluster, patience=patience)]
    assert tuple(step.name for step in steps) == STEPS
    text = " ".join(f"{step.seen} {step.todo}" for step in steps)
    who = profile.credentials
    for secret in (who.password, who.token):
        assert secret is None or secret.get_secret_value() not in text
    assert MARKER not in text
    return steps


async def broken(profile: Profile, patience: float = 5.0) -> tuple[str, str]:
    """The name of the one broken step and what was seen; what lies behind it was not looked at."""
    steps = await walked(profile, patience)
    (bad,) = [step for step in steps if step.state == "bad"]
    assert bad.todo, "says what to do"
    behind = steps[steps.index(bad) + 1 :]
    assert {(step.state, step.seen) for step in behind} <= {("skipped", "")}
    return bad.name, bad.seen


def certified(authority: trustme.CA, *names: str, **options: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, **options).configure_cert(context)
    return context


async def test_a_cluster_that_is_well_is_well_all_the_way(sandbox: Any, who: Credentials) -> None:
    steps = {step.name: step for step in await walked(Profile("box", sandbox.endpoint, who))}
    assert [name for name, step in steps.items() if step.state == "skipped"] == [
        "name",
        "proxy",
        "certificate",
        "token",
    ]
    assert "OSCAR v4.1.2" in steps["version"].seen
    assert sandbox.s3_endpoint in steps["storage"].seen


async def test_a_killed_sandbox_is_not_connected_to(
    a_sandbox: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    box = a_sandbox()
    box.kill()
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", box.env["JUPYTER_RUNTIME_DIR"])
    monkeypatch.setenv("HOME", str(tmp_path))
    profile = fallen_sandbox()
    assert profile is not None
    with socket.create_server(("127.0.0.1", urlsplit(box.endpoint).port or 0)) as another:
        name, seen = await broken(profile)
        another.setblocking(False)
        with pytest.raises(BlockingIOError):
            another.accept()
    assert (name, "local OSCAR is not running" in seen) == ("address", True)


async def test_a_name_that_nobody_knows(who: Credentials) -> None:
    name, seen = await broken(Profile("far", "https://oscar.no-such-name.invalid", who))
    assert name == "name"
    assert "oscar.no-such-name.invalid" in seen


async def test_a_port_where_nobody_listens(odd: Any, who: Credentials) -> None:
    with odd.refusing() as url:
        name, seen = await broken(Profile("far", url, who))
    assert name == "connection"
    assert "connection refused" in seen


@pytest.mark.parametrize(
    ("options", "names", "said"),
    [
        ({}, ["localhost"], "Nobody known here vouches for it"),
        ({"trusted": True}, ["elsewhere.example"], "another name than localhost"),
        ({"trusted": True, "not_after": dt.datetime(2020, 2, 2)}, ["localhost"], "It has expired"),  # noqa: DTZ001 - as trustme wants it
    ],
)
async def test_a_certificate_that_is_not_to_be_trusted(
    odd: Any,
    sandbox: Any,
    who: Credentials,
    authority: trustme.CA,
    tmp_path: Path,
    options: Any,
    names: list[str],
    said: str,
) -> None:
    bundle = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    trusted = options.pop("trusted", False)
    if "not_after" in options:
        options["not_before"] = dt.datetime(2020, 1, 1)  # noqa: DTZ001
    with odd.between(sandbox.endpoint, tls=certified(authority, *names, **options)) as url:
        name, seen = await broken(Profile("far", url, who, ca_bundle=str(bundle) if trusted else None))
        assert name == "certificate"
        assert said in seen
        careless = await walked(Profile("far", url, who, verify=False, storage=sandbox.s3_endpoint))
        assert "bad" not in {step.state for step in careless}


async def test_a_certificate_that_is_well_says_until_when(
    odd: Any, sandbox: Any, who: Credentials, authority: trustme.CA, tmp_path: Path
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    with odd.between(sandbox.endpoint, tls=certified(authority, "localhost")) as url:
        bundle = str(tmp_path / "authority.pem")
        steps = await walked(Profile("far", url, who, ca_bundle=bundle, storage=sandbox.s3_endpoint))
    assert "bad" not in {step.state for step in steps}
    assert "valid until 3000-01-01" in steps[STEPS.index("certificate")].seen


async def test_a_port_that_speaks_no_tls(odd: Any, sandbox: Any, who: Credentials) -> None:
    with odd.between(sandbox.endpoint) as url:
        name, seen = await broken(Profile("far", url.replace("http://", "https://"), who))
    assert name == "certificate"
    assert "does not begin a secure connection" in seen


async def test_a_proxy_that_refuses(
    odd: Any, sandbox: Any, who: Credentials, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        odd.answering(407) as proxy,
        odd.between(sandbox.endpoint, tls=certified(authority, "localhost")) as url,
    ):
        monkeypatch.setenv("HTTPS_PROXY", proxy.replace("//", f"//ada:{MARKER}@"))
        name, seen = await broken(Profile("far", url, who, verify=False))
    assert name == "proxy"
    assert "407" in seen
    assert str(urlsplit(proxy).port) in seen


async def test_a_proxy_that_lets_one_through(
    odd: Any, sandbox: Any, who: Credentials, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    with odd.tunnelling() as proxy, odd.between(sandbox.endpoint, tls=certified(authority, "localhost")) as url:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        steps = await walked(Profile("far", url, who, verify=False, storage=sandbox.s3_endpoint))
        assert "bad" not in {step.state for step in steps}
        assert "passes us on" in steps[STEPS.index("proxy")].seen
        assert (await broken(Profile("far", url, who)))[0] == "certificate", "seen through the proxy too"


async def test_a_proxy_that_is_not_there(odd: Any, who: Credentials, monkeypatch: pytest.MonkeyPatch) -> None:
    with odd.refusing() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        name, seen = await broken(Profile("far", "https://oscar.example.org", who))
    assert name == "connection"
    assert seen.startswith("The proxy ")


@pytest.mark.parametrize(
    ("status", "headers", "said"),
    [
        (200, {"Content_Type": "text/html"}, "web page"),
        (503, {"Content_Type": "text/html"}, "OSCAR behind it does not"),
        (302, {"Location": f"https://ada:{MARKER}@login.example.org/?next={MARKER}"}, "https://login.example.org."),
        (404, {}, "not as OSCAR does"),
    ],
)
async def test_an_answer_that_is_not_oscars(
    odd: Any, who: Credentials, status: int, headers: dict[str, str], said: str
) -> None:
    with odd.answering(status, b"<p>Sign in to the network", **headers) as url:
        name, seen = await broken(Profile("far", url, who))
    assert name == "answer"
    assert said in seen


async def test_a_server_that_says_nothing_is_not_waited_for_long(odd: Any, who: Credentials) -> None:
    with odd.silent() as url:
        name, seen = await broken(Profile("far", url, who), patience=0.5)
    assert name == "answer"
    assert "said nothing" in seen


async def test_a_server_that_hangs_up(odd: Any, who: Credentials) -> None:
    with odd.hanging_up() as url:
        assert (await broken(Profile("far", url, who)))[0] == "answer"


@pytest.mark.parametrize(("apart", "said"), [(3600, "60 min ahead of"), (-3600, "60 min behind")])
async def test_a_clock_that_is_an_hour_off(odd: Any, sandbox: Any, who: Credentials, apart: float, said: str) -> None:
    with odd.between(sandbox.endpoint, apart=apart) as url:
        name, seen = await broken(Profile("far", url, who))
    assert name == "clock"
    assert said in seen


async def test_a_password_that_is_not_taken(sandbox: Any) -> None:
    name, seen = await broken(Profile("far", sandbox.endpoint, Credentials("ada", Secret(MARKER))))
    assert (name, seen) == ("sign-in", "The cluster does not take ada's password.")


async def test_no_credentials_and_a_token_file_that_holds_no_token(sandbox: Any, tmp_path: Path) -> None:
    assert (await broken(Profile("far", sandbox.endpoint)))[0] == "sign-in"
    file = tmp_path / "token"
    for held in (None, "", f"{MARKER}\nsecond line", f"{MARKER}é"):
        if held is not None:
            file.write_text(held)
        name, seen = await broken(Profile("far", sandbox.endpoint, Credentials(token_file=file)))
        assert name == "sign-in"
        assert str(file) in seen


async def test_a_token_that_ended_and_one_of_a_stranger(odd: Any, sandbox: Any) -> None:
    with odd.gated(sandbox.endpoint, sandbox.user, sandbox.password) as (url, _):
        ended = Credentials(token=Secret(odd.web_token(time.time() - 600)))
        assert await broken(Profile("far", url, ended)) == ("sign-in", "Your token ended 10 min ago.")
    text = b"'https://issuer.example.org' is not listed as an authorized issuer"
    with odd.between(sandbox.endpoint, {"/system/info": (401, text)}) as url:
        valid = Credentials(token=Secret(odd.web_token(time.time() + 600)))
        name, seen = await broken(Profile("far", url, valid))
    assert name == "sign-in"
    assert "not listed as an authorized issuer" in seen


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/system/info", 403, b"not for you"),
        ("/system/info", 401, b"this user isn't enrrolled on the vo: vo.example.eu"),
        ("/system/config", 403, b"not for you"),
    ],
)
async def test_one_who_is_known_and_may_nothing(
    odd: Any, sandbox: Any, who: Credentials, path: str, status: int, text: bytes
) -> None:
    with odd.between(sandbox.endpoint, {path: (status, text)}) as url:
        name, seen = await broken(Profile("far", url, who))
    assert name == "rights"
    assert text.decode() in seen


async def test_what_names_no_version_is_no_oscar(odd: Any, sandbox: Any, who: Credentials) -> None:
    with odd.between(sandbox.endpoint, {"/system/info": (200, b"{}")}) as url:
        assert (await broken(Profile("far", url, who)))[0] == "version"


async def test_storage_that_is_not_reached_from_here(odd: Any, sandbox: Any, who: Credentials) -> None:
    with odd.refusing() as storage:
        name, seen = await broken(Profile("far", sandbox.endpoint, who, storage=storage))
    assert name == "storage"
    assert "connection refused" in seen
    with odd.answering(200, b"<p>Console", Content_Type="text/html") as storage:
        name, seen = await broken(Profile("far", sandbox.endpoint, who, storage=storage))
    assert (name, "web page" in seen) == ("storage", True)


async def test_storage_on_another_host_is_not_even_asked(odd: Any, sandbox: Any, who: Credentials) -> None:
    with odd.elsewhere(sandbox.endpoint, sandbox.s3_endpoint, sandbox.user, sandbox.password) as far:
        name, seen = await broken(Profile("far", far.endpoint, who))
        assert (name, far.storage in seen, far.sent) == ("storage", True, [])


async def test_a_sign_in_that_an_identity_provider_ended(box: Any, issuer: Any, person: Path) -> None:
    grant = Grant("lab", issuer.url, "tests", Secret(issuer.grant(ALICE)))
    profile = Profile("lab", box.endpoint, Credentials(grant=grant))
    assert "bad" not in {step.state for step in await walked(profile)}
    issuer.revoke()
    issuer.roll()
    name, seen = await broken(profile)
    assert (name, "Token is not active" in seen) == ("sign-in", True)
    issuer.down = True
    try:
        name, seen = await broken(profile)
    finally:
        issuer.down = False
    assert (name, f"503 from {issuer.url}" in seen) == ("sign-in", True), "the cluster cannot ask it either"


async def test_an_account_of_an_agent_that_does_not_run(
    box: Any, person: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OIDC_SOCK", "OIDC_REMOTE_SOCK"):
        monkeypatch.delenv(name, raising=False)
    name, seen = await broken(Profile("lab", box.endpoint, Credentials(agent="lab")))
    assert (name, 'oidc-agent gives no token of "lab"' in seen) == ("sign-in", True)


async def test_a_person_of_none_of_the_clusters_vos(box: Any, issuer: Any) -> None:
    token = Secret(issuer.token(ALICE, groups=["another-vo"]))
    async with Cluster(Profile("lab", box.endpoint, Credentials(token=token))) as cluster:
        steps = [step async for step in diagnose(cluster)]
    (bad,) = [step for step in steps if step.state == "bad"]
    assert bad.name in {"sign-in", "rights"}
    assert "VO" in f"{bad.seen} {bad.todo}"


async def test_storage_that_lets_pages_read_it(odd: Any, who: Credentials, authority: trustme.CA) -> None:
    kind = type("Kind", (odd.Answer,), {"headers_": {"Access-Control-Allow-Origin": "*"}})
    with odd.serving(kind, certified(authority, "localhost")) as url:
        far = MinioProvider(endpoint=url.replace("localhost", "127.1"), verify=False)
        found = await from_browser(far, Profile("far", "https://far.example.org", who), 5)
    assert "lets pages read it (CORS)" in found.seen


@pytest.mark.parametrize(
    ("headers", "said"),
    [({}, "no page of another address"), ({"Access_Control_Allow_Origin": "*"}, "is not encrypted")],
)
async def test_storage_as_a_browser_sees_it(odd: Any, who: Credentials, headers: dict[str, str], said: str) -> None:
    with odd.answering(200, b"", **headers) as url:
        far = url.replace("127.0.0.1", "127.1")  # the same machine under a name that does not tell
        found = await from_browser(MinioProvider(endpoint=far), Profile("far", "https://far.example.org", who), 5)
        near = await from_browser(MinioProvider(endpoint=url), Profile("near", url, who), 5)
    assert said in found.seen
    assert "for a browser elsewhere" in near.seen
    for one in (found, near):
        assert "through the Jupyter server" in one.seen


async def test_a_token_that_is_about_to_end(odd: Any, sandbox: Any) -> None:
    with odd.gated(sandbox.endpoint, sandbox.user, sandbox.password) as (url, _):
        short = Credentials(token=Secret(odd.web_token(time.time() + 121)))
        assert await broken(Profile("far", url, short)) == ("token", "Your token ends in 2 min, and nobody renews it.")


async def test_two_halves_of_different_versions(
    sandbox: Any, who: Credentials, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    half = tmp_path / "labextensions" / "jupyter-oscar"
    half.mkdir(parents=True)
    (half / "package.json").write_text('{"version": "0.0.9"}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    name, seen = await broken(Profile("box", sandbox.endpoint, who))
    assert name == "two halves"
    assert "0.0.9" in seen


async def test_the_command_says_the_same_and_its_exit_code_tells(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG") if name in os.environ}
    env = {**kept, "HOME": str(home), "JUPYTER_RUNTIME_DIR": str(home / "runtime")}

    def run(*words: str, code: int) -> str:
        command = [sys.executable, "-m", "jupyter_oscar", *words]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    assert "jupyter oscar sandbox start" in run("doctor", code=1)
    assert 'no cluster named "nowhere"' in run("doctor", "nowhere", code=1)
    run("sandbox", "start", code=0)
    said = run("doctor", code=0)
    assert "✓ storage" in said
    box = json.loads(run("sandbox", "status", "--json", "--credentials", code=0))
    assert box["password"] not in said
    os.kill(box["pid"], signal.SIGKILL)
    steps = json.loads(run("doctor", "sandbox", "--json", code=1))
    assert [step["state"] for step in steps] == ["bad", *["skipped"] * (len(STEPS) - 1)]
