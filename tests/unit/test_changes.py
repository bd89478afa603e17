"""When an object counts as written anew: one rule in the client and in the page (``frontend/landed.spec.ts``)."""

import json
from datetime import datetime, timezone
from pathlib import Path

import pytest

from jupyter_oscar.client.changes import is_anew
from jupyter_oscar.client.transfers import Object

CASES = json.loads((Path(__file__).parent.parent / "resources" / "anew.json").read_text())


def row(size, modified, etag):
    return Object("a", size, datetime.fromtimestamp(modified, timezone.utc), etag)


@pytest.mark.parametrize(("before", "now", "anew"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_an_object_is_written_anew_when(before, now, anew):
    assert is_anew(row(*before), row(*now)) is anew
