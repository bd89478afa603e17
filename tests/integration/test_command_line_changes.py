"""Deploying, changing and removing services on a terminal, and asking why a call is as it is."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import requests
import yaml
from command_line import SHOUT, write_fdl
from sandbox_user import new_name


def test_a_file_under_another_name_with_values_from_beside_it(on_sandbox, tmp_path):
    cli, mine, other = on_sandbox, new_name("mine"), new_name("bucket")
    environment = {"variables": {"LEVEL": "1", "PLACE": "here"}, "secrets": {"KEY": "", "TOKEN": "env:NOWHERE"}}
    path, _ = write_fdl(tmp_path, environment=environment, output=[{"path": f"{other}/out"}], labels={})
    (tmp_path / "script.sh").write_text('#!/bin/sh\necho "$LEVEL-$PLACE-$KEY-$TOKEN"\n')
    (tmp_path / ".env").write_text("# mine\nexport LEVEL=3\nKEY='MARKER 1' # the key\nTOKEN=env:MARKER2\nUNUSED=x\n")
    cli("apply", path, code=2)
    assert "TOKEN from env:NOWHERE" in cli.said
    assert "--yes" in cli.said
    cli("apply", path, "--yes", code=1)
    assert "The environment has no variable NOWHERE" in cli.said
    assert f"{mine}: created" in cli("apply", path, "--name", mine, "--env-file", ".env")
    assert cli("service", "run", mine, "-i", "x") == "3-here-MARKER 1-env:MARKER2\n"
    (stored,) = yaml.safe_load(cli("service", "get", mine))["functions"]["oscar"]
    assert stored["oscar-cluster"]["input"][0]["path"] == f"{mine}/in", "the bucket of its name is called so too"
    assert stored["oscar-cluster"]["output"][0]["path"] == f"{other}/out", "another bucket is left alone"
    assert "MARKER" not in cli("diff", path, "--name", mine, "--env-file", ".env") + cli.said
    (tmp_path / "bad.env").write_text("A=1\nMARKER 'open\n")
    cli("apply", path, "--env-file", "bad.env", code=1)
    assert "bad.env:2: this line is not KEY=value" in cli.said
    assert "MARKER" not in cli.said
    cli("delete", path, "--yes")
    cli("service", "remove", mine, "--yes")


def test_a_change_starts_from_what_is_stored_and_blanks_no_secret(on_sandbox, tmp_path):
    cli = on_sandbox
    path, name = write_fdl(tmp_path, environment={"variables": {"A": "1", "B": "2"}, "secrets": {"KEY": "k"}})
    cli("apply", path)
    assert "as deployed" in cli("diff", path)
    assert f"{name}: a cluster tells no secret, so KEY could not be compared." in cli.said
    cli("service", "change", name, "memory=512Mi", code=1)
    assert "would blank its secrets: KEY" in cli.said
    cli("service", "change", name, "environment.secrets.KEY=MARKER", code=2)
    cli.env["KEY"] = "MARKER"
    (tmp_path / "new.sh").write_text(SHOUT + 'echo "$KEY"\n')
    words = ["memory=512Mi", "enable_gpu=false", "labels.team=sea", "environment.variables.A=", "--script", "new.sh"]
    said = cli("service", "change", name, *words, "environment.secrets.KEY=env:KEY")
    assert "+      memory: 512Mi" in said
    assert f"{name}: updated" in said
    stored = json.loads(cli("service", "get", name, "--json"))
    assert stored["memory"] == "512Mi"
    assert stored["environment"]["variables"] == {"B": "2"}
    assert stored["labels"]["team"] == "sea"
    assert stored["input"][0]["path"] == f"{name}/in"
    assert cli("service", "get", name, "--script") == SHOUT + 'echo "$KEY"\n'
    assert json.loads(cli("service", "job", name, "-i", "x", "--wait", "--json"))["state"] == "done", "tracked still"
    assert "MARKER" in cli("service", "logs", "get", name, "--latest")
    cli("service", "change", name, "sise=3", code=1)
    assert 'no field "sise"' in cli.said
    cli("service", "change", name, "memory", code=2)
    cli("service", "remove", name, "--yes")


def test_removing_names_what_is_destroyed_and_keeps_it_where_that_is_said(on_sandbox, fdl, tmp_path):
    cli, (path, name), kept = on_sandbox, fdl, new_name("kept")
    cli("apply", path)
    (tmp_path / "a.txt").write_text("12345")
    cli("bucket", "put", "a.txt", f"{name}/deep/")
    cli("service", "remove", name, code=2)
    assert f"Remove {name} with the buckets {name} (" in cli.said
    assert "all objects in them are lost" in cli.said
    assert f"their objects are kept in {kept}" in cli("service", "remove", name, "--keep", kept, "--yes")
    cli("service", "get", name, code=3)
    assert cli("bucket", "get", f"{kept}/{name}/deep/a.txt", "-") == "12345"
    cli("apply", path)
    cli("service", "remove", name, "--keep", name, "--yes", code=1)
    assert "is deleted with the service" in cli.said
    cli("delete", path, "--yes")
    cli("bucket", "delete", kept, "--yes")


def test_why_a_call_waits_or_failed(on_sandbox, fdl, tmp_path):
    cli, (path, name) = on_sandbox, fdl
    (tmp_path / "script.sh").write_text("#!/bin/sh\necho no such tile >&2\nexit 3\n")
    cli("apply", path)
    failed = json.loads(cli("service", "job", name, "-i", "x", "--wait", "--json", code=6))["job"]
    said = cli("why", failed)
    assert said.startswith(f"{failed}\tfailed\n")
    assert "exit code 3" in said
    assert "no such tile" in said
    (reason,) = json.loads(cli("why", failed, "--json"))["reasons"]
    assert reason["kind"] == "end"
    cli("why", f"{name}/nothing", code=3)

    assert cli("prune", "--days", "0", code=2) == ""
    assert "Clear " in cli.said
    assert json.loads(cli("prune", "--days", "0", "--dry-run", "--json"))["calls"] == 1
    assert "cleared: 1 calls" in cli("prune", "--days", "0", "--yes")
    assert json.loads(cli("prune", "--days", "0", "--dry-run", "--json"))["calls"] == 0
    cli("service", "remove", name, "--yes")


def test_a_service_of_a_cluster_that_is_not_set_up_here(on_sandbox, cli, fdl, sandbox, user, tmp_path):
    (path, name) = fdl
    cli("apply", path)
    cli.env["ITS_TOKEN"] = user.ask("GET", f"/system/services/{name}").json()["token"]
    cli("cluster", "remove", "box", "--yes")
    far = ["--endpoint", sandbox.endpoint, "--token"]
    assert cli("service", "run", name, "-i", "words", *far, "env:ITS_TOKEN").strip() == "WORDS"
    cli("service", "run", name, "-i", "words", *far, "wrong", code=4)
    assert "Everybody on this machine" in cli.said
    cli("service", "run", name, "-i", "words", "--endpoint", sandbox.endpoint, code=2)
    user.delete(name)


def test_a_secret_lies_in_the_keyring(on_sandbox, tmp_path):
    pytest.importorskip("keyrings.alt", reason="needs a keyring without a desktop: pip install keyrings.alt")
    cli = on_sandbox
    cli.env |= {"PYTHON_KEYRING_BACKEND": "keyrings.alt.file.PlaintextKeyring", "XDG_DATA_HOME": str(tmp_path / "keys")}
    secrets = {"KEY": "keyring:lab/ada"}
    path, name = write_fdl(tmp_path, environment={"secrets": secrets}, labels={})
    (tmp_path / "script.sh").write_text('#!/bin/sh\necho "$KEY"\n')
    cli("apply", path, "--yes", code=1)
    assert "The keyring has nothing for lab/ada. keyring set lab ada" in cli.said
    store = [sys.executable, "-m", "keyring", "set", "lab", "ada"]
    subprocess.run(store, env=cli.env, input="MARKER", text=True, check=True, capture_output=True)
    cli("apply", path, "--yes")
    assert cli("service", "run", name, "-i", "x") == "MARKER\n"
    cli.env["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    cli("service", "change", name, "cpu=0.3", "environment.secrets.KEY=keyring:lab/ada", code=1)
    assert "The keyring does not give lab/ada" in cli.said
    cli("service", "remove", name, "--yes")


def test_what_an_admin_asks(on_sandbox, fdl, tmp_path):
    cli, (_, name) = on_sandbox, fdl
    cli("apply", tmp_path)
    assert cli("service", "run", name, "-i", "x").strip() == "X"
    assert "services_count_total\t" in cli("metrics")
    assert name in [row["key"] for row in json.loads(cli("metrics", "breakdown", "--json"))]
    assert "requests-sync-per-service\t" in cli("metrics", "service", name)
    assert json.loads(cli("federation", name, "--json")) == {"topology": "none", "members": []}
    assert f"/run/{name}\t" in cli("system-logs")
    assert json.loads(cli("service", "deployment", name, "--json"))["state"]
    cli("quota", "update", "nobody@egi.eu", code=2)
    cli("quota", "update", "nobody@egi.eu", "--volume-count", "3", code=1)
    volume, bucket = new_name("vol"), new_name("bucket")
    cli("volume", "create", volume, "200Mi")
    assert "size\t200Mi" in cli("volume", "get", volume)
    cli("volume", "delete", volume, "--yes")
    cli("bucket", "create", bucket)
    (tmp_path / "a.txt").write_text("some words")
    cli("bucket", "put", "a.txt", f"{bucket}/")
    assert requests.get(cli("bucket", "presign", f"{bucket}/a.txt").strip(), timeout=30).text == "some words"
    cli("bucket", "update", bucket, "--visibility", "private", "--allow", "x", code=2)
    cli("bucket", "delete", bucket, "--yes")
    cli("delete", tmp_path, "--yes")
