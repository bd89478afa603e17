"""Signing in with an identity provider: who renews a token, how often, and what is never shown."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
import time
import traceback
from dataclasses import replace

import pytest
from sandbox_user import eventually

from jupyter_oscar.client import oidc, profiles
from jupyter_oscar.client.cluster import Cluster
from jupyter_oscar.client.credentials import Credentials, Grant, Kept, Secret, TokenStore
from jupyter_oscar.client.errors import InsecureEndpoint, NotAuthenticated, NotOscar, TimedOut, Unreachable

ALICE = "alice1234567890@egi.eu"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    return tmp_path


@pytest.fixture
def signed_in(box, issuer):
    """A sign-in kept in the store, as the command line leaves it."""
    issuer.renewals, issuer.lifetime_s = 0, 3600
    grant = Grant("lab", issuer.url, "tests", Secret(issuer.grant(ALICE)))
    TokenStore().save(Kept("lab", box.endpoint, Credentials(grant=grant)))
    return grant


async def services(name="lab"):
    async with Cluster(profiles.resolve(name)) as cluster:
        return await cluster.services.rows()


@pytest.mark.asyncio
async def test_a_token_is_renewed_once_and_then_used_again(signed_in, issuer):
    await services()
    await services()
    assert issuer.renewals == 1


@pytest.mark.asyncio
async def test_a_refresh_token_that_serves_once_is_replaced(signed_in, issuer):
    issuer.lifetime_s = 30  # shorter than the margin: every use renews
    for _ in range(3):
        await services()
    assert issuer.renewals == 3


def test_two_processes_that_renew_at_once_renew_once(signed_in, issuer, home):
    program = (
        "import sys; from jupyter_oscar.client.profiles import resolve\n"
        "who = resolve('lab').credentials; print('ready', flush=True); sys.stdin.readline(); print(who.header())"
    )
    command = [sys.executable, "-c", program]
    crowd = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ)
        for _ in range(4)
    ]
    for one in crowd:
        assert one.stdout.readline() == "ready\n"
    for one in crowd:
        one.stdin.write("go\n")
        one.stdin.flush()
    said = {one.communicate(timeout=60)[0] for one in crowd}
    assert len(said) == 1
    assert issuer.renewals == 1


@pytest.mark.asyncio
async def test_a_token_refused_in_the_middle_is_renewed_and_the_call_goes_through(signed_in, issuer):
    async with Cluster(profiles.resolve("lab")) as cluster:
        await cluster.services.rows()
        issuer.roll()  # the token at hand is no longer good, although it has not ended
        await cluster.services.rows()
    assert issuer.renewals == 2


@pytest.mark.asyncio
async def test_a_sign_in_that_was_revoked_says_what_to_do(signed_in, issuer):
    await services()
    issuer.revoke()
    issuer.roll()
    with pytest.raises(NotAuthenticated, match=r"has ended: .*Token is not active.*jupyter oscar cluster login lab"):
        await services()


@pytest.mark.asyncio
async def test_an_issuer_that_is_down_is_no_wrong_password(signed_in, issuer):
    issuer.down = True
    try:
        with pytest.raises(Unreachable, match="identity provider"):
            await services()
    finally:
        issuer.down = False
    await services()


@pytest.mark.asyncio
async def test_oscar_clis_refresh_token_is_taken(box, issuer, home):
    token = issuer.grant(ALICE)
    (home / ".oscar-cli").mkdir()
    config = {"oscar": {"lab": {"endpoint": box.endpoint, "oidc_refresh_token": token}}}
    (home / ".oscar-cli" / "config.yaml").write_text(json.dumps(config))
    await services()
    await services()  # the second token is the store's, since the file's served once
    assert json.loads((home / ".oscar-cli" / "config.yaml").read_text()) == config


@pytest.mark.asyncio
async def test_a_platforms_token_file_is_read_at_every_use(box, issuer, home, monkeypatch):
    file = home / "access_token"
    monkeypatch.setattr(profiles, "PLATFORM_TOKENS", (home / "not-here", file))
    monkeypatch.setenv("OSCAR_ENDPOINT", box.endpoint)
    file.write_text(issuer.token(ALICE))
    async with Cluster(profiles.resolve()) as cluster:
        await cluster.services.rows()
        file.write_text("old.ended.token")
        with pytest.raises(NotAuthenticated):
            await cluster.services.rows()
        file.write_text(issuer.token(ALICE, name="again"))
        await cluster.services.rows()


def test_a_platforms_token_goes_to_no_address_that_a_cell_names(home, monkeypatch):
    file = home / "access_token"
    file.write_text("MARKER")
    monkeypatch.setattr(profiles, "PLATFORM_TOKENS", (file,))
    assert profiles.resolve(endpoint="https://elsewhere.example.org").credentials == Credentials()


def test_a_device_flow_from_the_command_line(box, issuer, home):
    def login(answer, code):
        command = [sys.executable, "-m", "jupyter_oscar", "cluster", "login", "lab", "--endpoint", box.endpoint]
        known = set(issuer.codes)
        agree = threading.Thread(
            target=lambda: issuer.agree(eventually(lambda: set(issuer.codes) - known).pop(), answer), daemon=True
        )
        agree.start()
        done = subprocess.run(
            [*command, "--issuer", issuer.url, "--client-id", "tests"], capture_output=True, text=True, check=False
        )
        agree.join(5)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done

    refused = login(None, 4)
    assert "The user said no" in refused.stderr
    assert TokenStore().all() == []
    agreed = login(ALICE, 0)
    assert "signed in" in agreed.stdout
    assert set(issuer.codes).intersection(agreed.stderr.replace(",", " ").split())
    (kept,) = TokenStore().all()
    assert kept.credentials.grant is not None
    login(None, 4)
    assert TokenStore().all() == [kept], "a failed sign-in leaves the old one alone"


@pytest.fixture
def device(issuer):
    """A device flow that has begun."""
    issuer.polls = issuer.impatient = 0
    return oidc.begin(issuer.url, "tests")


def agreeing(issuer, device, when=lambda: True):
    """A person who agrees once something has happened."""

    def agree():
        eventually(when)
        issuer.agree(device.code, ALICE)

    person = threading.Thread(target=agree, daemon=True)
    person.start()
    return person


def test_who_is_told_to_slow_down_does(issuer, device):
    issuer.slow_down = 1
    agreeing(issuer, device, lambda: issuer.slow_down == 0)
    assert oidc.finish(device, "lab").issuer == issuer.url
    assert (issuer.impatient, issuer.polls) == (0, 2)


def test_a_cut_in_the_middle_does_not_end_a_sign_in(issuer, device):
    issuer.down = True
    asked = len(issuer.asked)

    def up_again():
        if len(issuer.asked) > asked + 2:  # refused more than once
            issuer.down = False
        return not issuer.down

    try:
        agreeing(issuer, device, up_again)
        assert oidc.finish(device, "lab").profile == "lab"
    finally:
        issuer.down = False


def test_who_does_not_agree_in_time_is_told_so_and_may_try_again(issuer):
    issuer.device_s = 0.5
    try:
        device = oidc.begin(issuer.url, "tests")
        with pytest.raises(TimedOut, match=r"Nobody agreed .* in time\. Try again\."):
            oidc.finish(device, "lab")
        # An issuer may find it too late before we do.
        late = replace(oidc.begin(issuer.url, "tests"), until=time.time() + 60)
        with pytest.raises(TimedOut):
            oidc.finish(late, "lab")
    finally:
        issuer.device_s = 60.0


def test_an_issuer_that_stays_away_is_named_in_the_end(issuer, device):
    issuer.down = True
    try:
        with pytest.raises(Unreachable, match="identity provider"):
            oidc.finish(replace(device, until=time.time() + 0.5), "lab")
    finally:
        issuer.down = False


def test_a_person_is_sent_to_web_pages_only(odd):
    said = {"device_code": "x", "user_code": "AB", "verification_uri": "javascript:alert(1)"}
    endpoint = "device_authorization_endpoint"
    with (
        odd.saying_json(lambda url: {"issuer": url, endpoint: f"{url}/device", **said}) as url,
        pytest.raises(NotOscar, match="on which page"),
    ):
        oidc.begin(url, "tests")


def test_a_user_sees_what_they_may_use(signed_in):
    command = [sys.executable, "-m", "jupyter_oscar", "quota"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = {what: most for what, _, most in (line.split("\t") for line in done.stdout.splitlines())}
    assert {"volumes disk", "volumes max_disk_per_volume", "minio buckets"} <= set(rows)


def test_a_client_that_may_not_is_told_so(issuer, box):
    command = [sys.executable, "-m", "jupyter_oscar", "cluster", "login", "x", "--endpoint", box.endpoint]
    done = subprocess.run(
        [*command, "--issuer", issuer.url, "--client-id", "other"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 4
    assert "Invalid client" in done.stderr


def test_an_agent_that_is_not_there_is_said_so(monkeypatch):
    monkeypatch.delenv("OIDC_SOCK", raising=False)
    monkeypatch.delenv("OIDC_REMOTE_SOCK", raising=False)
    with pytest.raises(NotAuthenticated, match="oidc-add egi"):
        Credentials(agent="egi").header()


def test_an_issuer_without_encryption_is_not_asked():
    grant = Grant("lab", "http://id.example.org", "tests", Secret("MARKER"))
    with pytest.raises(InsecureEndpoint):
        Credentials(grant=grant).header()


@pytest.mark.asyncio
async def test_no_secret_is_shown_and_files_are_the_owners_alone(signed_in, issuer, home):
    await services()
    store = TokenStore()
    secrets = {signed_in.refresh_token.get_secret_value(), *store.renewed(signed_in).values()} - {None}
    secrets = {word for word in secrets if isinstance(word, str)}
    profile = profiles.resolve("lab")
    shown = [repr(profile), repr(profile.credentials), repr(store.all()), repr(signed_in)]
    issuer.revoke()
    issuer.roll()
    with pytest.raises(NotAuthenticated) as refusal:
        await services()
    error = refusal.value.with_traceback(refusal.tb.tb_next)  # without this test, which holds the secrets itself
    whole = traceback.TracebackException.from_exception(error, capture_locals=True)
    shown.append("".join(whole.format()))
    for text in shown:
        assert not [word for word in secrets if word in text]
    files = [path for path in home.rglob("*") if path.is_file()]
    holding = [path for path in files if any(word in path.read_text(errors="replace") for word in secrets)]
    assert len(holding) == 2
    for path in holding:
        assert path.parent == store.folder
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert store.forget("lab")
    assert not [path for path in files if path.exists() and any(w in path.read_text(errors="replace") for w in secrets)]
