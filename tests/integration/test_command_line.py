"""``jupyter oscar`` as a person or a script types it, against the sandbox."""

from __future__ import annotations

import json
import os
import pty
import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from command_line import SHOUT
from sandbox_user import eventually, new_name

import jupyter_oscar as oscar

CONFIG = """\
# the lab's own clusters
oscar:
    lab:  # ask Ada
        endpoint: https://lab.example.org
        auth_user: oscar
        auth_password: MARKER
        ssl_verify: true
        memory: 256Mi
        of_a_newer_version: [1, 2]
default: lab
"""


def test_a_service_from_file_to_removal(on_sandbox, fdl, tmp_path):
    cli, (path, name) = on_sandbox, fdl
    assert "create" in cli("diff", path)
    cli("diff", path, "--exit-code", code=7)
    assert f"{name}: created" in cli("apply", path)
    assert "as deployed" in cli("diff", path)
    assert json.loads(cli("apply", path, "--json")) == [{"name": name, "done": "nothing"}]
    cli("diff", path, "--exit-code")
    assert name in [row["name"] for row in json.loads(cli("service", "list", "--json"))]
    assert [line for line in cli("service", "list").splitlines() if line.startswith(f"{name}\tasync\tprivate\tdebian")]
    assert yaml.safe_load(cli("service", "get", name))["functions"]["oscar"][0]["oscar-cluster"]["name"] == name
    assert cli("service", "get", name, "--script") == SHOUT

    (tmp_path / "script.sh").write_text(SHOUT + "echo twice\n")
    assert "+echo twice" in cli("diff", path)
    assert f"{name}: updated" in cli("apply", path)
    assert "echo twice" in cli("service", "get", name, "--script")

    cli("service", "remove", name, code=2)
    assert "--yes" in cli.said
    assert f"the buckets {name}" in cli("service", "remove", name, "--yes")
    cli("service", "get", name, code=3)
    assert cli.said.count("\n") == 1


def test_calls_from_a_script(on_sandbox, fdl, tmp_path):
    cli, (path, name) = on_sandbox, fdl
    cli("apply", path)
    (tmp_path / "words.txt").write_text("some words")
    assert cli("service", "run", name, "-f", "words.txt", stdin=b"") == b"SOME WORDS"
    assert cli("service", "run", name, "-f", "-", stdin=b"piped") == b"PIPED"
    cli("service", "run", name, "-i", "kept", "-o", "answer.txt")
    assert (tmp_path / "answer.txt").read_text() == "KEPT"
    done = json.loads(cli("service", "job", name, "-f", "words.txt", "-o", "out", "--json"))
    assert done["state"] == "done"
    assert (tmp_path / "out" / "words.txt").read_text() == "SOME WORDS"
    service, _, job = done["job"].partition("/")
    assert "shouted" in cli("service", "logs", "get", service, job)
    assert job in [row["name"] for row in json.loads(cli("service", "logs", "list", service, "--json"))]
    assert cli("watch", done["job"]).splitlines()[-1].endswith(f"{done['job']}\tdone")
    cli("service", "logs", "remove", service, job)
    assert job not in cli("service", "logs", "list", service)
    cli("service", "run", name, code=2)
    cli("service", "run", name, "-f", "nowhere", code=3)
    cli("service", "remove", name, "-y")


def test_a_job_that_fails_ends_with_six(on_sandbox, fdl, tmp_path):
    cli, (path, name) = on_sandbox, fdl
    (tmp_path / "script.sh").write_text("#!/bin/sh\necho broken\nexit 3\n")
    cli("apply", path)
    done = json.loads(cli("service", "job", name, "-i", "x", "--wait", "--json", code=6))
    assert done["state"] == "failed"
    assert "service logs get" in cli.said
    lines = [json.loads(line) for line in cli("watch", done["job"], "--json", code=6).splitlines()]
    assert lines[-1]["state"] == "failed"
    cli("service", "remove", name, "-y")


def test_what_was_kept_of_a_cancelled_job_is_printed(on_sandbox, sandbox, fdl, tmp_path):
    cli, (path, name) = on_sandbox, fdl
    (tmp_path / "script.sh").write_text("#!/bin/sh\necho begun\nsleep 60\n")
    cli("apply", path)
    cli("service", "change", name, "log_level=DEBUG")
    reference = cli("service", "job", name, "-i", "x").strip()
    _, _, identity = reference.partition("/")
    cluster = oscar.connect(endpoint=sandbox.endpoint, user=sandbox.user, password=sandbox.password)
    job = cluster.job(reference)
    eventually(lambda: "begun" in (job.log() or ""))
    job.cancel()
    assert identity not in cli("service", "logs", "list", name), "the server has forgotten it"
    assert "begun" in cli("service", "logs", "get", name, identity)
    cli("service", "logs", "get", name, "nosuch", code=3)
    cluster.close()
    cli("service", "remove", name, "-y")


def test_bytes_to_a_bucket_and_back(on_sandbox, tmp_path):
    cli, name = on_sandbox, new_name("bucket")
    assert "created" in cli("bucket", "create", name)
    assert name in [row["bucket_name"] for row in json.loads(cli("bucket", "list", "--json"))]
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "a.bin").write_bytes(bytes(range(256)))
    (tmp_path / "in" / "deep" / "b.txt").write_text("b")
    assert cli("bucket", "put", "in", f"{name}/x/").splitlines() == [f"{name}/x/in/a.bin", f"{name}/x/in/deep/b.txt"]
    cli("bucket", "put", "in/a.bin", f"{name}/other.bin")
    assert {row["key"]: row["size"] for row in json.loads(cli("bucket", "list", name, "--json"))} == {
        "other.bin": 256,
        "x/in/a.bin": 256,
        "x/in/deep/b.txt": 1,
    }
    assert cli("bucket", "get", f"{name}/other.bin", "-", stdin=b"") == bytes(range(256))
    assert cli("bucket", "get", f"{name}/other.bin") == "other.bin\n"
    cli("bucket", "get", f"{name}/x/", "back")
    assert (tmp_path / "back" / "in" / "deep" / "b.txt").read_text() == "b"
    cli("bucket", "remove", f"{name}/other.bin")
    cli("bucket", "get", f"{name}/other.bin", "gone.bin", code=3)
    assert not (tmp_path / "gone.bin").exists()
    cli("bucket", "put", "nowhere", f"{name}/x", code=3)
    cli("bucket", "delete", name, code=2)
    cli("bucket", "delete", name, "--yes")
    assert name not in cli("bucket", "list")


def test_volumes_and_what_one_may_use(on_sandbox):
    cli, name = on_sandbox, new_name("vol")
    cli("volume", "create", name, "200Mi")
    cli("volume", "create", name, "200Mi", code=1)
    (row,) = [row for row in json.loads(cli("volume", "list", "--json")) if row["name"] == name]
    assert row["size"] == "200Mi"
    assert f"{name}\t200Mi" in cli("volume", "list")
    cli("volume", "delete", name, code=2)
    cli("volume", "delete", name, "--yes")
    cli("volume", "delete", name, "--yes", code=3)
    cli("quota", code=1)
    assert "The cluster's admin has no quota" in cli.said
    cli("quota", "nobody@egi.eu", code=1)
    assert "not found" in cli.said


def test_oscar_clis_file_is_shared_and_keeps_what_is_not_ours(cli, home):
    path = home / ".oscar-cli" / "config.yaml"
    path.parent.mkdir()
    path.write_text(CONFIG)
    cli("cluster", "add", "mine", "https://mine.example.org/", "ada", "--password-stdin", stdin="MARKER2\n")
    text = path.read_text()
    assert text.startswith(CONFIG.partition("default:")[0])
    assert yaml.safe_load(text)["oscar"]["mine"] == {
        "endpoint": "https://mine.example.org",
        "ssl_verify": True,
        "auth_user": "ada",
        "auth_password": "MARKER2",
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert cli("cluster", "default") == "lab\n"
    assert cli("cluster", "default", "--set", "mine") == "mine\n"
    listed = cli("cluster", "list") + cli("cluster", "list", "--json")
    assert "MARKER" not in listed
    assert [row["name"] for row in json.loads(cli("cluster", "list", "--json"))] == ["mine", "lab"]
    cli("cluster", "remove", "mine", "--yes")
    assert path.read_text() == CONFIG.replace("default: lab\n", "")
    cli("cluster", "default", "nowhere", code=3)
    cli("cluster", "remove", "nowhere", "--yes", code=3)


def test_one_cluster_that_may_not_be_used_does_not_hide_the_others(cli, home, sandbox):
    path = home / ".oscar-cli" / "config.yaml"
    path.parent.mkdir()
    fine = {"endpoint": sandbox.endpoint, "auth_user": sandbox.user, "auth_password": sandbox.password}
    far = {**fine, "endpoint": "http://oscar.example.org", "auth_password": "MARKER"}
    path.write_text(
        json.dumps({"oscar": {"box": fine, "far": far, "odd": {"endpoint": "oscar.example.org"}, "none": 1}})
    )
    assert [row["name"] for row in json.loads(cli("cluster", "list", "--json"))] == ["box"]
    cli("service", "list")
    cli("service", "list", "--cluster", "far", code=4)
    assert "unencrypted" in cli.said
    cli("service", "list", "--cluster", "odd", code=3)
    path.write_text(json.dumps({"oscar": {"box": fine, "far": far}, "default": "far"}))
    cli("service", "list", code=4)
    cli("service", "list", "--cluster", "box")
    path.write_text(json.dumps({"oscar": {"box": fine}, "default": "gone"}))
    cli("service", "list", code=3)
    assert 'names "gone" as the default, and holds no such cluster' in cli.said, "box is not taken in its place"


def test_programs_that_write_the_file_at_once_lose_nothing(cli, home):
    program = "import sys; from jupyter_oscar.client import config_file as c; print('ready', flush=True); input()\n"
    program += "for i in range(8): c.add(f'{sys.argv[1]}-{i}', {'endpoint': f'https://{i}.example.org'})"
    crowd = [
        subprocess.Popen(
            [sys.executable, "-c", program, who], env=cli.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for who in ("ada", "bob", "eve")
    ]
    for one in crowd:
        assert one.stdout.readline() == "ready\n"
    for one in crowd:
        one.communicate("go\n", timeout=60)
        assert one.returncode == 0
    assert len(json.loads(cli("cluster", "list", "--json"))) == 24
    assert [path.name for path in (home / ".oscar-cli").iterdir() if path.suffix not in {".yaml", ".lock"}] == []


@pytest.mark.parametrize(
    "text",
    [
        "oscar: {lab: {auth_password: MARKER\n",
        "oscar:\n  lab: {auth_password: MARKER: x}\n",
        "- a list\n",
        "oscar: [1]\n",
        "\x00",
    ],
)
def test_a_damaged_file_is_named_and_left_alone(cli, home, text):
    path = home / ".oscar-cli" / "config.yaml"
    path.parent.mkdir()
    path.write_text(text)
    for words in (("cluster", "add", "mine", "https://mine.example.org"), ("service", "list"), ("cluster", "list")):
        cli(*words, code=3)
        assert str(path) in cli.said
        assert "MARKER" not in cli.said
    assert path.read_text() == text


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="root may write everything")
def test_a_file_that_is_kept_from_writing_is_left_as_it_is(cli, home, tmp_path):
    path = home / ".oscar-cli" / "config.yaml"
    path.parent.mkdir()
    path.write_text(CONFIG)
    path.chmod(0o400)
    program = [sys.executable, "-m", "jupyter_oscar", "cluster", "add", "mine", "https://mine.example.org"]
    # Root writes everywhere unless it lays that right down.
    kept = ["setpriv", "--bounding-set", "-dac_override", "--"] if os.geteuid() == 0 else []
    done = subprocess.run([*kept, *program], env=cli.env, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert f"{path} cannot be written: permission denied. Nothing was changed." in done.stderr
    assert path.read_text() == CONFIG


def test_a_file_that_may_not_be_written_says_so(cli, home):
    path = home / ".oscar-cli"
    path.write_text("not a folder")
    cli("cluster", "add", "mine", "https://mine.example.org", code=1)
    assert str(path) in cli.said
    assert "Nothing was changed" in cli.said


def test_a_sign_in_serves_a_cluster_that_the_file_only_names(cli, sandbox, home):
    cli("cluster", "add", "box", sandbox.endpoint)
    cli("service", "list", code=4)
    cli("cluster", "login", "box", "--user", sandbox.user, "--password-stdin", stdin="wrong\n", code=4)
    cli("service", "list", code=4)
    assert "signed in" in cli(
        "cluster", "login", "box", "--user", sandbox.user, "--password-stdin", stdin=sandbox.password + "\n"
    )
    cli("service", "list")
    assert sandbox.password not in (home / ".oscar-cli" / "config.yaml").read_text()
    assert json.loads(cli("cluster", "info", "--json"))["version"]
    (node, *_) = json.loads(cli("cluster", "status", "--json"))["nodes"]
    assert cli("cluster", "status").startswith(f"{node['name']}\t")
    cli("cluster", "logout", "box")
    cli("service", "list", code=4)


def test_nobody_answers_is_five_and_no_cluster_is_three(cli):
    cli("service", "list", code=3)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        cli(
            "cluster",
            "add",
            "gone",
            f"http://127.0.0.1:{taken.getsockname()[1]}",
            "ada",
            "--password-stdin",
            stdin="x\n",
        )
        cli("service", "list", code=5)
    cli("service", "list", "-c", "nowhere", code=3)
    cli("cluster", "add", "far", "http://example.org", code=4)


def test_help_is_quick_and_loads_nothing_heavy(cli):
    for words in ([], ["service"], ["bucket", "get"], ["cluster"], ["apply"], ["diff"], ["watch"]):
        assert "Usage:" in cli(*words, "--help")
    program = (
        "import sys, json\n"
        "from jupyter_oscar.cli import main\n"
        "try: main(['service', '--help'])\n"
        "except SystemExit: print(json.dumps(sorted(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", program], env=cli.env, capture_output=True, check=True).stdout
    loaded = json.loads(shown.splitlines()[-1])
    heavy = {"httpx", "pydantic", "obstore", "yaml", "ruamel.yaml", "aiobotocore", "jupyter_server", "tornado"}
    assert heavy.isdisjoint(loaded)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands_and_clusters(cli, shell):
    assert "_JUPYTER_OSCAR_COMPLETE" in cli("completion", shell)
    cli("cluster", "add", "lab", "https://lab.example.org")
    program = "from jupyter_oscar.cli import main; main(prog_name='jupyter-oscar')"
    for words, wanted in (("jupyter-oscar serv", "service"), ("jupyter-oscar service list --cluster la", "lab")):
        env = {**cli.env, "_JUPYTER_OSCAR_COMPLETE": "bash_complete", "COMP_WORDS": words}
        env["COMP_CWORD"] = str(len(words.split()) - 1)
        done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False)
        assert f"plain,{wanted}" in done.stdout


def test_files_of_a_service_with_oscar_clis_words(on_sandbox, fdl, tmp_path):
    cli, (path, name) = on_sandbox, fdl
    cli("apply", path)
    (tmp_path / "words.txt").write_text("some words")
    assert cli("service", "put-file", name, "words.txt") == f"{name}/in/words.txt\n"
    assert cli("service", "pf", name, "minio.default", "words.txt", f"{name}/kept/a.txt") == f"{name}/kept/a.txt\n"
    assert cli("service", "get-file", name, "minio", f"{name}/kept/a.txt", "back.txt").strip().endswith("/back.txt")
    assert (tmp_path / "back.txt").read_text() == "some words"
    (row,) = json.loads(cli("service", "list-files", name, "minio.default", f"{name}/kept", "--json"))
    assert (row["key"], row["size"]) == ("kept/a.txt", 10)
    cli("bucket", "put", "words.txt", f"{name}/out/early.txt")
    cli("bucket", "put", "back.txt", f"{name}/out/late.txt")
    assert cli("service", "get-file", name, "--download-latest-into=got/").strip().endswith("/got/late.txt")
    assert cli("service", "lsf", name).splitlines()[0].startswith("out/early.txt\t10\t")
    assert "removed" in cli("service", "delete-file", name, f"{name}/kept/a.txt")
    cli("service", "get-file", name, f"{name}/kept/a.txt", code=3)
    cli("service", "put-file", name, "s3.mine", "words.txt", code=1)
    assert "whose keys are not here" in cli.said
    cli("service", "put-file", name, "nowhere.txt", code=3)
    cli("service", "put-file", "no-such-service", "words.txt", code=3)
    assert "shouted" in cli("service", "logs", "get", name, "--latest")
    cli("service", "delete", name, "--yes")


def test_oscar_clis_other_words_mean_the_same(on_sandbox):
    cli = on_sandbox
    assert cli("service", "ls") == cli("service", "list")
    assert cli("bucket", "ls", "--json") == cli("bucket", "list", "--json")
    name = new_name("vol")
    cli("volume", "create", name, "100Mi")
    assert "deleted" in cli("volume", "rm", name, "--yes")
    cli("cluster", "delete", "box", "--yes")
    cli("cluster", "info", code=3)


def test_a_terminal_sees_columns_and_progress_and_a_pipe_rows(on_sandbox, tmp_path):
    cli, name = on_sandbox, new_name("term")
    cli("bucket", "create", name)
    (tmp_path / "a.bin").write_bytes(b"x" * 2_000_000)

    def typed(*words):
        terminal, other = pty.openpty()
        command = [sys.executable, "-m", "jupyter_oscar", *words]
        done = subprocess.Popen(command, env=cli.env, cwd=tmp_path, stdin=other, stdout=other, stderr=other)
        os.close(other)
        said = b""
        try:
            while piece := os.read(terminal, 65536):
                said += piece
        except OSError:
            pass  # its end
        os.close(terminal)
        assert done.wait(60) == 0, said
        return said.decode()

    assert "100%" in typed("bucket", "put", "a.bin", f"{name}/")
    assert "100%" in typed("bucket", "get", f"{name}/a.bin", "b.bin")
    assert "KEY" in typed("bucket", "list", name)
    assert "2.0 MB" in typed("bucket", "list", name)
    assert cli("bucket", "list", name).startswith("a.bin\t2000000\t")
    assert cli("bucket", "get", f"{name}/a.bin", "c.bin") == "c.bin\n"
    assert cli.said == ""
    cli("bucket", "delete", name, "--yes")


def test_uploads_that_nobody_finished_are_listed_and_given_up(on_sandbox, sandbox):
    import asyncio

    from jupyter_oscar.client.cluster import Cluster
    from jupyter_oscar.client.profiles import resolve

    cli, name = on_sandbox, new_name("uploads")
    cli("bucket", "create", name)

    async def leave_one():
        who = resolve(endpoint=sandbox.endpoint, user=sandbox.user, password=sandbox.password)
        async with Cluster(who) as cluster:
            await cluster.objects.begin(name, "left.bin")

    asyncio.run(leave_one())
    assert [row["key"] for row in json.loads(cli("bucket", "uploads", name, "--json"))] == ["left.bin"]
    cli("bucket", "uploads", name, "--older", "0", "--give-up", "--yes")
    assert cli("bucket", "uploads", name) == ""
    cli("bucket", "delete", name, "--yes")


def test_every_exit_code_is_in_the_page():
    from jupyter_oscar.cli import codes

    page = Path(__file__).parents[2] / "docs" / "command-line.md"
    text = page.read_text(encoding="utf-8")
    for name, code in vars(codes).items():
        if name.isupper() and isinstance(code, int) and not isinstance(code, bool):
            assert f"| {code} " in text, name


def test_what_is_not_there_or_no_name_is_said_in_words_with_its_exit_code(on_sandbox):
    name = new_name("words")
    on_sandbox("bucket", "create", name)
    for words, code, said in (
        (("bucket", "create", "b1"), 1, '"b1" is not a name for a bucket. It has 3 to 63 lower-case letters'),
        (("bucket", "get", f"{name}/gone"), 3, f"Reading {name}/gone failed: there is no such object."),
        (("bucket", "remove", f"{name}/gone"), 3, f"There is no object {name}/gone."),
        (("bucket", "list", "nobodys"), 3, "there is no such bucket."),
        (("service", "get", "gone"), 3, "The list of services shows what is there."),
        (("service", "list", "--cluster", "gone"), 3, "(known: box). Add it with `jupyter oscar cluster add`"),
    ):
        on_sandbox(*words, code=code)
        assert said in on_sandbox.said
    on_sandbox("bucket", "delete", name, "--yes")
