"""Dataflows as the panel sees them: names, states and complaints, and nothing by which a NiFi is entered."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from pytest_jupyter.jupyter_core import jp_asyncio_loop  # noqa: F401 - see tests/conftest.py
from pytest_jupyter.jupyter_server import jp_server_cleanup  # noqa: F401

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORD = "word-of-the-nifi"


@pytest.fixture
def nifi(still_nifi: Any) -> Iterator[Any]:
    with still_nifi.still("ada", WORD) as one:
        one.add("frames", Running=2, queued=14, dead=2, complaint="Failed to connect to /127.0.0.1:1\n- Caused by: …")
        one.add("idle", Stopped=3)
        one.add("odd", Running=1, Invalid=1)
        one.add("somebody-elses", ours=False, Running=9)
        yield one


@pytest.fixture
def jp_server_config(nifi: Any, odd: Any, tmp_path: Path) -> Iterator[dict[str, Any]]:
    file = tmp_path / "password"
    file.write_text(WORD + "\n")
    with odd.refusing() as nobody:
        engines = {
            "site": {"endpoint": nifi.url, "user": "ada", "password_file": str(file)},
            "gone": {"endpoint": nobody},
            "locked": {"endpoint": nifi.url, "user": "ada", "password_file": str(tmp_path / "no-such-file")},
        }
        yield {
            "ServerApp": {"jpserver_extensions": {"jupyter_oscar": True}, "allow_unauthenticated_access": False},
            "JupyterOscarApp": {"engines": engines},
        }


async def test_the_dataflows_of_every_nifi_are_listed_without_a_secret(jp_fetch: Any, nifi: Any) -> None:
    rows = json.loads((await jp_fetch("jupyter-oscar", "flows")).body)
    found = {row["name"]: row for row in rows if row["nifi"] == "site"}
    assert {name: (row["state"], row["queued"], row["dead"]) for name, row in found.items()} == {
        "frames": ("running", 14, 2),
        "idle": ("stopped", 0, 0),
        "odd": ("invalid", 0, 0),
    }
    assert found["frames"]["last_error"].startswith("Failed to connect")
    assert found["frames"]["canvas"] == f"{nifi.url}/nifi/?processGroupId=frames"
    assert found["odd"]["warnings"] == ["InvokeOSCAR in odd is not valid."]
    [gone] = [row for row in rows if row["nifi"] == "gone"]
    assert (gone["name"], gone["state"], gone["problem"]["code"]) == ("", "unknown", "unreachable")
    # Of one whose password is not there only that one's row says so.
    [locked] = [row for row in rows if row["nifi"] == "locked"]
    assert "no-such-file cannot be read" in locked["problem"]["message"]
    assert WORD not in json.dumps(rows)


async def test_news_of_dataflows_come_while_somebody_looks(jp_ws_fetch: Any, nifi: Any) -> None:
    socket = await jp_ws_fetch("jupyter-oscar", "channel")
    await socket.write_message(json.dumps({"subscribe": "flows"}))
    said = json.loads(await asyncio.wait_for(socket.read_message(), 30))
    assert [row["name"] for row in said["data"]] == ["frames", "idle", "odd", "", ""]
    socket.close()
