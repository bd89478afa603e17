"""An account of oidc-agent: the agent keeps it fresh, we ask it for a token at every use and keep none."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import threading
import uuid

import pytest

from jupyter_oscar.client import agent as agents
from jupyter_oscar.client import profiles
from jupyter_oscar.client.cluster import Cluster
from jupyter_oscar.client.credentials import Credentials
from jupyter_oscar.client.errors import NotAuthenticated

ALICE = "alice1234567890@egi.eu"


@pytest.fixture
def home(box, tmp_path, monkeypatch):
    """A person who has named an account in oscar-cli's file."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    monkeypatch.delenv("OIDC_REMOTE_SOCK", raising=False)
    (tmp_path / ".oscar-cli").mkdir()
    config = {"oscar": {"lab": {"endpoint": box.endpoint, "oidc_account_name": "lab"}}}
    (tmp_path / ".oscar-cli" / "config.yaml").write_text(json.dumps(config))
    return tmp_path


@pytest.fixture
def agent(home, tmp_path, monkeypatch, make_agent):
    with make_agent(tmp_path) as one:
        monkeypatch.setenv("OIDC_SOCK", one.socket)
        yield one


async def services():
    async with Cluster(profiles.resolve("lab")) as cluster:
        return await cluster.services.rows()


@pytest.mark.parametrize("encrypted", [True, False])
@pytest.mark.asyncio
async def test_the_agent_is_asked_at_every_use(agent, issuer, encrypted):
    agent.encrypted = encrypted
    agent.load("lab", lambda: issuer.token(ALICE, jti=uuid.uuid4().hex))
    await services()
    issuer.roll()  # what it gave before is no longer good
    await services()
    assert len(agent.asked) == 2
    assert {asked["account"] for asked in agent.asked} == {"lab"}
    assert agent.asked[0]["application_hint"] == "jupyter-oscar"
    assert agent.asked[0]["min_valid_period"] >= 30


@pytest.mark.asyncio
async def test_a_refused_token_is_asked_for_once_more(agent, issuer):
    given = ["old.ended.token"]
    agent.load("lab", lambda: given.pop() if given else issuer.token(ALICE, jti=uuid.uuid4().hex))
    await services()
    assert len(agent.asked) == 2


@pytest.mark.asyncio
async def test_an_account_that_is_not_loaded_is_named(agent):
    with pytest.raises(NotAuthenticated, match=r'no token of "lab": No account configured.*oidc-add lab'):
        await services()


@pytest.mark.asyncio
async def test_an_agent_that_ended_is_said_so(agent, monkeypatch):
    monkeypatch.setenv("OIDC_SOCK", f"{agent.socket}.gone")
    with pytest.raises(NotAuthenticated, match="Could not connect to oidc-agent"):
        await services()


@pytest.mark.asyncio
async def test_an_agent_that_says_nothing_is_not_waited_for_without_end(agent, issuer, monkeypatch):
    monkeypatch.setattr(agents, "PATIENCE", 0.3)
    agent.load("lab", lambda: issuer.token(ALICE, jti=uuid.uuid4().hex))
    agent.talks.clear()
    for _ in range(3):
        with pytest.raises(NotAuthenticated, match=r"does not answer.*lab.*said nothing.*password"):
            await services()
    waiting = [one for one in threading.enumerate() if "oidc-agent" in one.name]
    assert len(waiting) == 1, "asked once, however often somebody wants to know"
    agent.talks.set()
    waiting[0].join()
    monkeypatch.setattr(agents, "PATIENCE", 30)
    await services()


@pytest.mark.asyncio
async def test_nothing_of_it_is_kept(agent, issuer, home):
    token = issuer.token(ALICE)
    agent.load("lab", lambda: token)
    await services()
    assert token not in repr(profiles.resolve("lab"))
    files = [path for path in home.rglob("*") if path.is_file()]
    assert [path for path in files if token in path.read_text(errors="replace")] == []


@pytest.fixture
def real_agent(home, issuer, monkeypatch):
    """oidc-agent itself, with an account that it renews at the issuer."""
    if not shutil.which("oidc-gen"):
        pytest.skip("oidc-agent is not installed: apt-get install oidc-agent-cli")
    env = {**os.environ, "OIDC_REFRESH_TOKEN": issuer.grant(ALICE)}
    said = subprocess.run(["oidc-agent"], env=env, capture_output=True, text=True, check=True).stdout
    env["OIDC_SOCK"], pid = re.search(r"OIDC_SOCK=([^;]+)", said)[1], int(re.search(r"OIDCD_PID=(\d+)", said)[1])
    monkeypatch.setenv("OIDC_SOCK", env["OIDC_SOCK"])
    options = [f"--iss={issuer.url}", "--client-id=tests", "--client-secret=x", "--scope=openid offline_access"]
    options += ["--redirect-uri=http://localhost:4242", "--rt-env", "--manual", "--pw-cmd=echo x", "--confirm-default"]
    try:
        subprocess.run(
            ["oidc-gen", "lab", *options], env=env, stdin=subprocess.DEVNULL, capture_output=True, check=True
        )
        yield env["OIDC_SOCK"]
    finally:
        os.kill(pid, signal.SIGTERM)


@pytest.mark.asyncio
async def test_the_real_agent_signs_us_in(real_agent, issuer):
    before = issuer.renewals
    await services()
    await services()
    assert issuer.renewals <= before + 1, "the agent keeps a token that is good"
    assert Credentials(agent="lab").expires is not None
