"""Pressing Tab in real shells: commands, and the names of clusters, services and buckets."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sandbox_user import new_name


@pytest.fixture
def env(tmp_path, sandbox):
    """A person whose default cluster is the shared sandbox, and whose shell finds our program."""
    kept = {name: os.environ[name] for name in ("LANG",) if name in os.environ}
    programs = Path(sys.executable).parent
    env = {**kept, "HOME": str(tmp_path), "PATH": f"{programs}:{os.environ['PATH']}", "TERM": "dumb"}
    env["JUPYTER_RUNTIME_DIR"] = str(tmp_path / "runtime")
    run(env, "cluster", "add", "box", sandbox.endpoint, sandbox.user, "--password-stdin", stdin=sandbox.password)
    return env


def run(env, *words, stdin=""):
    command = ["jupyter-oscar", *words]
    return subprocess.run(command, env=env, input=stdin, capture_output=True, text=True, check=True).stdout


def completed(env, *words):
    """What our program offers after these words, and what it says on stderr besides."""
    asked = {**env, "_JUPYTER_OSCAR_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(("jupyter-oscar", *words))}
    asked["COMP_CWORD"] = str(len(words))
    done = subprocess.run(["jupyter-oscar"], env=asked, capture_output=True, text=True, check=False)
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line], done.stderr


def pressed(env, wanted, *words):
    """Whether it alone is offered, by the fifth Tab: on a busy machine an answer takes longer than a shell waits."""
    return any(completed(env, *words)[0] == [wanted] for _ in range(5))


def names_file(env):
    (file,) = Path(env["JUPYTER_RUNTIME_DIR"]).glob("jupyter-oscar-names-*.json")
    return file


def test_names_are_asked_for_once_and_known_for_a_minute(env, user, odd, sandbox):
    one, other = new_name("tab"), new_name("tab")
    with odd.counted(sandbox.endpoint) as (url, desk):
        run(env, "cluster", "add", "far", url, sandbox.user, "--password-stdin", stdin=sandbox.password)
        user.create(one)
        try:
            assert pressed(env, one, "service", "get", "-c", "far", one)
            asked = list(desk.asked)
            assert len(set(asked)) == 2
            assert completed(env, "bucket", "list", "-c", "far", one)[0] == [one]
            assert one in completed(env, "service", "logs", "get", "-c", "far", one[:5])[0]
            assert desk.asked == asked
            user.create(other)
            assert other not in completed(env, "service", "run", "-c", "far", other)[0]
            known = json.loads(names_file(env).read_text())
            names_file(env).write_text(json.dumps({**known, "at": time.time() - 61}))
            assert pressed(env, other, "service", "run", "-c", "far", other)
            names_file(env).write_text(json.dumps({**known, "endpoint": "https://elsewhere.example.org"}))
            assert pressed(env, other, "service", "run", "-c", "far", other), "those of another are not said"
        finally:
            for name in (one, other):
                user.delete(name)
        assert sandbox.password not in names_file(env).read_text()


def test_calls_are_named_by_their_service_and_asked_for_in_one_listing(env, odd, sandbox, user):
    name = new_name("tab")
    with odd.counted(sandbox.endpoint) as (url, desk):
        run(env, "cluster", "add", "far", url, sandbox.user, "--password-stdin", stdin=sandbox.password)
        user.create(name)
        try:
            job = run(env, "service", "job", name, "-c", "box", "-i", "x").strip()
            identity = job.partition("/")[2]
            completed(env, "service", "get", "-c", "far", name)  # names are known now
            before = len(desk.asked)
            assert pressed(env, job, "why", "-c", "far", name)
            assert pressed(env, job, "watch", "-c", "far", f"{name}/")
            assert pressed(env, identity, "service", "logs", "get", "-c", "far", name, identity[:-3])
            assert not any("/system/logs" in said for said in desk.asked[before:]), "which costs a request a job"
        finally:
            user.delete(name)


def test_what_was_known_is_said_when_the_cluster_is_silent_and_nothing_else(env, user, odd, sandbox):
    name = new_name("tab")
    user.create(name)
    try:
        completed(env, "service", "get", name)
    finally:
        user.delete(name)
    known = json.loads(names_file(env).read_text())
    with odd.silent() as url:
        run(env, "cluster", "add", "box", url, sandbox.user, "--password-stdin", stdin=sandbox.password)
        names_file(env).write_text(json.dumps({**known, "endpoint": url, "at": 0}))
        began = time.time()
        assert completed(env, "service", "get", name) == ([name], "")
        assert json.loads(names_file(env).read_text())["at"] > began - 60, "it is not waited for at each press"
        names_file(env).write_text("{")
        assert completed(env, "service", "get", name) == ([], "")
        assert names_file(env).read_text() != "{"
    config = Path(env["HOME"]) / ".oscar-cli" / "config.yaml"
    config.write_text("{{")
    assert completed(env, "service", "get", "x") == ([], "")
    assert completed(env, "service", "list", "-c", "x") == ([], "")


def shell(name):
    if not shutil.which(name):
        pytest.skip(f"{name} is not installed: apt-get install {name}")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [(["oscar", "serv"], "service"), (["oscar", "service", "list", "-c", "b"], "box"), (["osc"], "oscar")],
)
def test_bash_completes_it_as_a_command_of_jupyter(env, words, wanted):
    shell("bash")
    lines = run(env, "completion", "bash")
    program = f"{lines}\nCOMP_WORDS=(jupyter {' '.join(words)}); COMP_CWORD={len(words)}; _jupyter_with_oscar\n"
    program += 'printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "-c", program], env=env, capture_output=True, text=True, check=True)
    assert wanted in done.stdout.split()


@pytest.mark.parametrize(("line", "wanted"), [("jupyter oscar serv", "service"), ("jupyter oscar quota -c b", "box")])
def test_fish_completes_it_as_a_command_of_jupyter(env, tmp_path, line, wanted):
    shell("fish")
    (tmp_path / "lines.fish").write_text(run(env, "completion", "fish"))
    program = f"source {tmp_path}/lines.fish; complete -C '{line}'"
    done = subprocess.run(["fish", "-c", program], env=env, capture_output=True, text=True, check=True)
    assert wanted in done.stdout.split()


@pytest.mark.parametrize(
    ("line", "wanted"),
    [("jupyter oscar serv", "service"), ("jupyter oscar quota -c b", "box"), ("jupyter osc", "oscar")],
)
def test_zsh_completes_it_as_a_command_of_jupyter(env, tmp_path, line, wanted):
    shell("zsh")
    (tmp_path / "lines.zsh").write_text(run(env, "completion", "zsh"))
    (tmp_path / ".zshrc").write_text(f"autoload -Uz compinit; compinit -u -D; PS1='> '; source {tmp_path}/lines.zsh\n")
    terminal, other = pty.openpty()
    zsh = subprocess.Popen(["zsh", "-i"], env=env, stdin=other, stdout=other, stderr=other, start_new_session=True)
    try:
        said = until(terminal, "> ")
        os.write(terminal, f"{line}\t".encode())
        said = until(terminal, f"{line.rpartition(' ')[0]} {wanted}")
        assert wanted in said
    finally:
        zsh.kill()
        zsh.wait()
        os.close(terminal)
        os.close(other)


def until(terminal, wanted, seconds=30):
    """What a terminal shows, up to something."""
    said, ends = "", time.monotonic() + seconds
    while wanted not in said:
        assert time.monotonic() < ends, said
        if select.select([terminal], [], [], 0.2)[0]:
            said += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\x08.", "", os.read(terminal, 4096).decode(errors="replace"))
    return said
