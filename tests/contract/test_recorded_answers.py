"""The sandbox answers what a real OSCAR 4.1.2 answered.

``wire/`` holds the 492 recorded exchanges, ``phases.toml`` says how each phase is played again, ``differences.toml``
where the sandbox answers otherwise and what is not played, each with its reason on one line.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from recordings import differing_paths, exchanges
from replay import Replay

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

HERE = Path(__file__).parent
PLAN = tomllib.loads((HERE / "phases.toml").read_text(encoding="utf-8"))
LISTED = tomllib.loads((HERE / "differences.toml").read_text(encoding="utf-8"))
RECORDED = exchanges()
DIFFERENT = LISTED["different"]
_UNPLAYED = LISTED["not_played"]  # a letter stands for its phase
NOT_PLAYED = {one.code: why for one in RECORDED if (why := _UNPLAYED.get(one.code) or _UNPLAYED.get(one.phase))}
MOST_DIFFERENT = 25


@pytest.fixture(scope="module")
def tally(request):
    """Equal, different and not played, over the phases that ran and those that no test plays."""
    played = {letter for phase in PLAN["phase"] for letter in phase["letters"]}
    counts = Counter({"not played": sum(code[0] not in played for code in NOT_PLAYED)})
    yield counts
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        sys.stdout.write(f"\nThe sandbox and the recorded OSCAR: {_said(counts)} of {len(RECORDED)}\n")


def _said(counts):
    return f"{counts['equal']} equal, {counts['different']} different, {counts['not played']} not replayable"


def _unlisted(code, differing):
    """What differs though differences.toml does not say so."""
    entry = DIFFERENT.get(code, {})
    found = [_where(code, part, *pair) for part, pair in differing.items() if part not in entry.get("parts", ())]
    if not found and "at" in entry and "body" in differing:
        places = tuple(f"{place}." for place in entry["at"])
        paths = differing_paths(*map(json.loads, differing["body"]))
        found = [f"{code} body differs at {path} too" for path in paths if not f"{path}.".startswith(places)]
    return found


def _fits(code, differing):
    """Whether there is nothing to wait for."""
    return not (differing if DIFFERENT.get(code, {}).get("racy") else _unlisted(code, differing))


def _outlived(code, differing):
    """What is listed and does not differ any more."""
    entry = DIFFERENT.get(code, {})
    gone = set() if entry.get("racy") else set(entry.get("parts", ())) - set(differing)
    return [f"{code} {part} is equal now: take it out of the list of differences" for part in gone]


def _where(code, part, real, ours):
    """The place where the two part, in its surroundings: bodies are long."""
    real, ours = f"{real}", f"{ours}"
    alike = next((at for at, (a, b) in enumerate(zip(real, ours, strict=False)) if a != b), min(len(real), len(ours)))
    at = max(0, alike - 60)
    return f"{code} {part}:\n  real …{real[at : at + 240]!r}\n  ours …{ours[at : at + 240]!r}"


def _reasons(letters):
    lines = [f"  {code} different: {entry['why']}" for code, entry in DIFFERENT.items() if code[0] in letters]
    for why in dict.fromkeys(NOT_PLAYED.values()):
        codes = [code for code, other in NOT_PLAYED.items() if other == why and code[0] in letters]
        if codes:
            lines.append(f"  {' '.join(codes)} not replayable: {why}")
    return lines


@pytest.mark.timeout(300)
@pytest.mark.parametrize("phase", PLAN["phase"], ids=lambda phase: phase["letters"])
def test_the_sandbox_answers_as_the_real_server_did(phase, a_sandbox, issuer, tally, capsys):
    groups = [f"--oidc-group={group}" for group in phase.get("groups", ())]
    options = ("--faithful", *phase["options"], *groups, *([f"--oidc-issuer={issuer.url}"] if groups else []))
    known = issuer if groups else None
    replay = Replay(a_sandbox(extra=options), RECORDED, PLAN["step"], PLAN["jobs"], known)
    counts, problems = Counter(), []
    for one in (one for letter in phase["letters"] for one in RECORDED if one.phase == letter):
        if one.code in NOT_PLAYED:
            counts["not played"] += 1
            continue
        differing = replay.exchange(one, partial(_fits, one.code))
        counts["different" if differing else "equal"] += 1
        problems += _unlisted(one.code, differing) + _outlived(one.code, differing)
    tally += counts
    with capsys.disabled():
        sys.stdout.write("\n".join((f"\n{phase['letters']}: {_said(counts)}", *_reasons(phase["letters"]), "")))
    assert not problems, "\n".join(problems)


def test_every_recording_is_played_or_has_its_reason():
    letters = "".join(phase["letters"] for phase in PLAN["phase"])
    assert len(set(letters)) == len(letters), "a phase is played twice"
    left = [one.code for one in RECORDED if one.phase not in letters and one.code not in NOT_PLAYED]
    assert not left, f"neither played nor listed in differences.toml: {left}"
    codes = {one.code for one in RECORDED}
    assert len(codes) == 492
    known = codes | {code[0] for code in codes}
    assert set(DIFFERENT) | set(_UNPLAYED) <= known, "differences.toml names what was never recorded"
    assert not set(DIFFERENT) & set(NOT_PLAYED)


def test_few_answers_may_differ():
    assert len(DIFFERENT) <= MOST_DIFFERENT
