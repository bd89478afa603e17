"""Passwords and tokens of a person's day: where they may lie, and that they lie nowhere else."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest

from jupyter_oscar.client.credentials import TokenStore

ALICE = "alice1234567890@egi.eu"
WRONG = "MARKER-wrong-password"
LOOKS = (
    ("cluster", "info"),
    ("service", "list"),
    ("bucket", "list", "--json"),
    ("quota",),
    ("watch", "--since", "1m"),
)


@pytest.fixture
def day(box, tmp_path, monkeypatch):
    """A person's home; what programs said in it, whatever came of them."""
    for name in ("ENDPOINT", "USER", "PASSWORD", "TOKEN", "TOKEN_FILE"):
        monkeypatch.delenv(f"OSCAR_{name}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for kind in ("DATA", "RUNTIME", "CONFIG"):
        monkeypatch.setenv(f"JUPYTER_{kind}_DIR", str(tmp_path / kind.lower()))
    said = []

    def run(*words, stdin="", **env):
        command = [sys.executable, "-m", "jupyter_oscar", *words]
        done = subprocess.run(
            command, cwd=tmp_path, env={**os.environ, **env}, input=stdin, capture_output=True, text=True, check=False
        )
        said.append(f"{words} {done.stdout} {done.stderr}")
        return done

    run.said = said
    run.home = tmp_path
    return run


def test_a_day_with_passwords_and_tokens_leaves_them_where_they_belong_only(day, box, issuer):
    run = day
    refresh = issuer.grant(ALICE)
    run("cluster", "add", "mine", box.endpoint, box.user, "--password-stdin", stdin=box.password)
    run("cluster", "add", "lab", box.endpoint, "--oidc-refresh-token-stdin", stdin=refresh)
    run("cluster", "login", "wrong", "--endpoint", box.endpoint, "--user", "ada", "--password-stdin", stdin=WRONG)
    run(
        "cluster",
        "login",
        "kept",
        "--endpoint",
        box.endpoint,
        "--user",
        box.user,
        "--password-stdin",
        stdin=box.password,
    )
    for name in ("mine", "lab", "kept"):
        for words in LOOKS:
            run(*words, "--cluster", name)
        run("doctor", name)
        complete = {"_JUPYTER_OSCAR_COMPLETE": "bash_complete", "COMP_WORDS": f"jupyter-oscar service get -c {name} "}
        program = "from jupyter_oscar.cli import main; main(prog_name='jupyter-oscar')"
        subprocess.run([sys.executable, "-c", program], env={**os.environ, **complete, "COMP_CWORD": "5"}, check=False)
    run("cluster", "list", "--json")
    run("bucket", "create", "day", "-c", "mine")
    (run.home / "a.txt").write_text("words")
    run("bucket", "put", "a.txt", "day/", "-c", "mine")
    run("service", "run", "nowhere", "-i", "x", "-c", "lab")
    run("bucket", "delete", "day", "--yes", "-c", "mine")

    store = TokenStore()
    renewed = [file.read_text() for file in store.folder.glob("*.renewed")]
    assert renewed, "the refresh token was used"
    words = {box.password, refresh, WRONG, b64encode(f"{box.user}:{box.password}".encode()).decode()}
    for text in renewed:
        words |= {word for word in json.loads(text).values() if isinstance(word, str)}
    for text in run.said:
        assert not [word for word in words if word in text], text[:200]
    holding = {path for path in run.home.rglob("*") if path.is_file() and any(w in path.read_text() for w in words)}
    assert {path.relative_to(run.home).parts[0] for path in holding} == {".oscar-cli", "data"}
    for path in holding:
        assert path.parent in {store.folder, run.home / ".oscar-cli"}
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert not any(WRONG in path.read_text() for path in holding)
    assert list(Path(os.environ["JUPYTER_RUNTIME_DIR"]).glob("jupyter-oscar-names-*.json")), "names are remembered"
