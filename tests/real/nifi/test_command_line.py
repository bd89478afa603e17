"""A dataflow on the command line of a scientist, from the NiFi's address to nothing left; and Ctrl-C in between."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from command_line import runner
from engine_stories import EngineStories, Operator, eventually, service
from odd_servers import counted

if TYPE_CHECKING:
    from pathlib import Path

    from nifi_canvas import Canvas
    from nifi_process import Process

pytestmark = [pytest.mark.real, pytest.mark.timeout(3600)]

WORDS = ("dcache-secret-word", "word-of-the-service", "another-word-of-it")


@pytest.fixture
def cli(tmp_path: Path) -> Any:
    """The command line on a machine of its own."""
    (tmp_path / "home").mkdir()
    return runner(tmp_path / "home", tmp_path)


def test_a_dataflow_from_its_file_to_nothing_left(
    nifi: Process, operator: Operator, canvas: Canvas, cli: Any, tmp_path: Path
) -> None:
    said: list[str] = []

    def typed(*words: object, code: int = 0) -> str:
        found = str(cli(*words, code=code))
        said.extend((found, cli.said))
        return found

    with service() as oscar:
        file = tmp_path / "mine" / "flow.yaml"  # beside the one that the operator writes
        file.parent.mkdir()
        file.write_text(EngineStories.text(oscar).replace("word-of-the-service", "env:TOKEN"))
        cli.env["TOKEN"] = WORDS[1]
        assert "added, NiFi" in typed("nifi", "add", "lab", nifi.url)
        typed("flow", "lint", file)
        assert typed("flow", "plan", file, "--exit-code", "--nifi", "lab", code=7).startswith("flow: create\n")
        typed("flow", "apply", file, "--nifi", "lab", code=2)
        assert "add --yes" in cli.said
        assert canvas.empty

        assert typed("flow", "apply", file, "--nifi", "lab", "--yes").startswith("flow: deployed\n")
        assert "Created the group flow." in cli.said
        assert typed("flow", "apply", file, "--nifi", "lab", "--yes").startswith("flow: as it was\n")
        assert typed("flow", "start", "flow") == "flow: waiting for its bridge\n"
        [row] = json.loads(typed("flow", "status", "--json"))
        assert (row["name"], row["state"], row["bridged"]) == ("flow", "waiting for its bridge", ["incoming"])
        operator.send(operator.compiled(file.read_text().replace("env:TOKEN", WORDS[1])), "first")
        eventually(lambda: oscar.bodies == ["first"])

        before = canvas.processor(row["id"], "InvokeOSCAR")["id"]
        cli.env["TOKEN"] = WORDS[2]
        plan = json.loads(typed("flow", "plan", file, "--nifi", "lab", "--yes", "--json"))
        assert [step["sentence"] for step in plan["steps"]] == [
            "Set to-oscar.authorization anew: the secret has another value."
        ]
        typed("flow", "apply", file, "--nifi", "lab", "--yes")
        operator.send(operator.compiled(file.read_text().replace("env:TOKEN", WORDS[2])), "second")
        eventually(lambda: oscar.tokens == [f"Bearer {WORDS[1]}", f"Bearer {WORDS[2]}"])
        assert canvas.processor(row["id"], "InvokeOSCAR")["id"] == before

        typed("flow", "status", "nobody", code=3)
        assert "no dataflow named nobody" in cli.said
        assert typed("flow", "drain", file, "--nifi", "lab") == "flow: stopped\n"
        assert typed("flow", "delete", "flow", "--yes") == "flow: deleted\n"
        assert typed("flow", "status", "--json").strip() == "[]"
        typed("nifi", "remove", "lab", "--yes")
    assert canvas.empty
    assert not [word for word in WORDS if word in "".join(said)]


def test_ctrl_c_while_nifi_makes_the_group_leaves_nothing(
    nifi: Process, operator: Operator, canvas: Canvas, cli: Any, tmp_path: Path
) -> None:
    """NiFi makes it all the same, although nobody waits for its answer."""
    asked, let_go = threading.Event(), threading.Event()

    def hold(said: str) -> None:
        if said.endswith("/process-groups/import"):
            asked.set()
            let_go.wait(300)

    with service() as oscar, counted(nifi.url) as (url, desk):
        desk.refuse = hold
        file = tmp_path / "mine" / "flow.yaml"  # beside the one that the operator writes
        file.parent.mkdir()
        file.write_text(EngineStories.text(oscar))
        cli("nifi", "add", "lab", url)
        command = [sys.executable, "-m", "jupyter_oscar", "flow", "apply", str(file), "--nifi", "lab"]
        process = subprocess.Popen(command, env=cli.env, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        assert asked.wait(300)
        process.send_signal(signal.SIGINT)
        let_go.set()
        _, said = process.communicate(timeout=120)
        assert process.returncode != 0
        assert "Traceback" not in said
        assert canvas.empty
        assert cli("flow", "apply", file, "--nifi", "lab").startswith("flow: deployed\n")
        assert len(canvas.groups) == len(canvas.contexts) == 1
