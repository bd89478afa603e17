"""What is believed of a job, and whose words are whose in its log; the logs are a real server's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jupyter_oscar.client.answers import decode
from jupyter_oscar.client.jobs import ENDED, FAILED, Facts, State, log_end, script_lines, state
from jupyter_oscar.client.prologue import Done

WIRE = Path(__file__).parents[1] / "contract" / "wire"


def recorded(name: str) -> str:
    return str(json.loads(next(WIRE.glob(f"{name}-*.json")).read_text())["response"]["body"])


GOOD, BAD = Done(exit=0), Done(exit=7)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, State.QUEUED),
        ({"row": "Pending"}, State.PENDING),
        ({"row": "Running"}, State.RUNNING),
        ({"has_log": True}, State.RUNNING),
        ({"row": "Suspended"}, State.QUEUED),
        ({"row": "Suspended", "seen_running": True}, State.LOST),
        ({"row": "Suspended", "has_log": True}, State.LOST),
        ({"row": "Suspended", "has_outputs": True}, State.LOST),
        ({"row": "Failed"}, State.FAILED),
        ({"row": "Unknown"}, State.UNKNOWN),
        ({"done": GOOD, "outputs_complete": True}, State.DONE),
        ({"done": BAD, "outputs_complete": True}, State.FAILED),
        ({"done": GOOD}, State.RUNNING),
        ({"done": GOOD, "row": "Succeeded"}, State.DONE),
        ({"done": BAD, "row": "Succeeded"}, State.FAILED),
        ({"row": "Succeeded"}, State.UNKNOWN),
        ({"row": "Succeeded", "tracked": False}, State.UNKNOWN),
        ({"row": "Succeeded", "tracked": False, "has_outputs": True}, State.DONE),
        ({"row": "Succeeded", "tracked": False, "has_log": True}, State.DONE),
        ({"tracked": False, "has_log": True, "log_end": ENDED}, State.DONE),
        ({"tracked": False, "has_log": True, "log_end": FAILED}, State.FAILED),
        ({"tracked": True, "has_log": True, "log_end": ENDED}, State.UNKNOWN),
        ({"row_gone": True}, State.UNKNOWN),
        ({"row_gone": True, "cancelled": True}, State.CANCELLED),
        ({"row_gone": True, "done": GOOD, "outputs_complete": True}, State.DONE),
    ],
)
def test_the_table_of_states(facts: dict[str, Any], expected: State) -> None:
    assert state(Facts(**facts)) is expected


def test_every_state_has_a_sign_of_its_own() -> None:
    assert len({one.mark for one in State}) == len(State) == 8


def test_the_scripts_lines_of_a_real_log_at_info() -> None:
    assert script_lines(recorded("D017"))[1:] == ["HELLO FROM MINIO"]


def test_the_scripts_lines_of_a_real_log_at_debug_come_once_and_while_it_runs() -> None:
    assert script_lines(recorded("E008")) == ["start"]
    assert script_lines(recorded("E014")) == ["start", "mid"]


def test_a_log_without_a_supervisor_is_the_scripts_own() -> None:
    assert script_lines("one\ntwo\n\n") == ["one", "two"]
    assert script_lines("") == []


def test_how_a_real_log_shows_its_end() -> None:
    assert log_end(recorded("D017")) == ENDED
    assert log_end(recorded("D026")) == FAILED
    assert log_end(recorded("E008")) is None


def test_a_scripts_own_traceback_is_no_failure_of_the_cluster() -> None:
    prefix = "2026-11-23 00:48:13,426 - supervisor - DEBUG - "
    assert log_end(f"{prefix}{FAILED}\n") is None
    assert log_end(f"2026-11-23 00:48:13,426 - supervisor - INFO - {ENDED}\n{FAILED}\n") == ENDED


@pytest.mark.parametrize(
    ("name", "text"),
    [("R011", "got hello world"), ("R013", 'got {"a": 1, "b": "x  y"}'), ("R022", "oops")],
)
def test_the_text_of_a_real_answer(name: str, text: str) -> None:
    answer = decode(recorded(name))
    assert (answer.text, answer.is_file) == (text, False)
    assert answer.content == text.encode()


def test_the_file_of_a_real_answer() -> None:
    assert decode(recorded("R012")).content == b"HELLO WORLD"
    assert decode(recorded("R021")).content.startswith(b"PK")


@pytest.mark.parametrize("text", ["Done", "test", "four words stand here", "", "a\nb", "ünïcode"])
def test_words_are_not_taken_for_a_file(text: str) -> None:
    assert decode(text + "\n\n").text == text
