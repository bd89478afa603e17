"""Bad days: what is cut off, gets lost or is not there."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import pytest
from engine_stories import WORD, EngineStories, Operator, eventually, service
from nifi_canvas import engine
from odd_servers import between, counted, losing_answers, refusing

from jupyter_oscar.client.errors import OscarError, Unreachable
from jupyter_oscar.flows.engines.nifi.errors import NotNifi
from jupyter_oscar.flows.errors import FlowNotFound, FlowRefused
from jupyter_oscar.flows.plan import Action

if TYPE_CHECKING:
    from collections.abc import Callable

    from nifi_canvas import Canvas
    from nifi_process import Process

pytestmark = [pytest.mark.real, pytest.mark.timeout(3600)]


def cut_off(at: int) -> Callable[[str], int | None]:
    """What refuses the request of that number, counted from 1, and no other."""
    numbers = itertools.count(1)
    return lambda _: 500 if next(numbers) == at else None


def test_a_deployment_that_is_cut_off_anywhere_leaves_nothing_and_works_the_next_time(
    nifi: Process, operator: Operator, canvas: Canvas
) -> None:
    with service() as oscar, counted(nifi.url) as (url, desk):
        text = EngineStories.text(oscar)
        snapshot = operator.compiled(text)
        operator.make = lambda: engine(url)
        at = 0
        while True:
            at += 1
            desk.refuse = cut_off(at)
            try:
                operator.apply(snapshot)
            except OscarError:
                assert canvas.empty, at
            else:
                break
        assert at > 4
        assert len(canvas.groups) == len(canvas.contexts) == 1


def test_a_change_that_is_cut_off_anywhere_is_undone_or_done_the_next_time(
    nifi: Process, operator: Operator, canvas: Canvas
) -> None:
    with service() as oscar, counted(nifi.url) as (url, desk):
        text = EngineStories.text(oscar)
        operator.apply(text)
        other = operator.compiled(text.replace("seconds: 0", "seconds: 3").replace("word-of", "new-word-of"))
        operator.make = lambda: engine(url)
        for at in range(1, 40):
            desk.refuse = cut_off(at)
            try:
                operator.apply(other)
                break
            except OscarError:
                desk.refuse = lambda _: None
                assert len(canvas.groups) == 1
                assert operator.plan(other).action is Action.CHANGE, at
        else:
            pytest.fail("it was never done")
        desk.refuse = lambda _: None
        assert operator.plan(other).action is Action.NOTHING
        operator.start()
        operator.send(other, "x")
        eventually(lambda: oscar.tokens == ["Bearer new-word-of-the-service"])


def test_an_answer_that_got_lost_leaves_nothing_either(nifi: Process, operator: Operator, canvas: Canvas) -> None:
    with service() as oscar:
        snapshot = operator.compiled(EngineStories.text(oscar))
        for path in (b"POST /nifi-api/parameter-contexts", b"POST /nifi-api/process-groups/root/process-groups/import"):
            with losing_answers(nifi.url, lambda request, path=path: request.startswith(path)) as url:
                operator.make = lambda url=url: engine(url)
                with pytest.raises(Unreachable, match=r"broke|cannot be reached"):
                    operator.apply(snapshot)
            assert canvas.groups == []
        operator.make = lambda: engine(nifi.url)
        operator.apply(snapshot)
        assert len(canvas.groups) == len(canvas.contexts) == 1


def test_what_a_run_that_was_killed_left_is_used_by_the_next_or_deleted(
    nifi: Process, operator: Operator, canvas: Canvas
) -> None:
    from jupyter_oscar.flows.engines.nifi.running import OURS

    with service() as oscar:
        text = EngineStories.text(oscar)
        operator.do(lambda asked: asked.client.create_context("flow", f"{OURS} …", []))
        operator.apply(text)
        assert canvas.contexts == ["flow"]
        operator.delete()
        operator.do(lambda asked: asked.client.create_context("flow", f"{OURS} …", []))
        operator.delete()
        assert canvas.contexts == []
        theirs = operator.do(lambda asked: asked.client.create_context("flow", "mine", []))
        with pytest.raises(FlowRefused, match='A parameter context named "flow" is there that was not made from here'):
            operator.apply(text)
        with pytest.raises(FlowNotFound):
            operator.delete()
        assert canvas.contexts == ["flow"]
        operator.do(lambda asked: asked.client.delete_context(theirs["id"]))


def test_what_a_service_refused_since_its_token_was_rotated_waits_for_the_new_one(
    nifi: Process, operator: Operator, canvas: Canvas
) -> None:
    with service() as oscar:
        text = EngineStories.text(oscar).replace("retries: 1", "retries: 20")
        snapshot = operator.compiled(text)
        operator.apply(snapshot)
        operator.start()
        oscar.known = "rotated-word"
        operator.send(snapshot, "waits")
        eventually(lambda: oscar.asked >= 2)
        status = operator.status()
        assert status is not None
        assert (status.queued, status.dead) == (1, 0)
        rotated = operator.compiled(text.replace(WORD, oscar.known))
        assert operator.apply(rotated).done == ("Set to-oscar.authorization.",)
        eventually(lambda: oscar.bodies == ["waits"])


def test_a_nifi_that_is_not_there_or_of_another_age_or_no_nifi_is_named(nifi: Process, operator: Operator) -> None:
    with refusing() as nobody:
        operator.make = lambda: engine(nobody)
        with pytest.raises(Unreachable, match=r"NiFi at 127\.0\.0\.1:\d+ cannot be reached: connection refused"):
            operator.status()
    for version in ("1.9.2", "3.0.0"):
        manifest = {"runtimeManifest": {"version": version, "bundles": []}}
        answers = {"/nifi-api/flow/runtime-manifest": (200, json.dumps(manifest).encode())}
        with between(nifi.url, answers) as other:
            operator.make = lambda other=other: engine(other)
            with pytest.raises(FlowRefused, match=rf"is NiFi {version}\. Dataflows need NiFi 1\.18 or later, or 2\.x"):
                operator.do(lambda asked: asked.capabilities())
    operator.make = lambda: engine(f"{nifi.url}/elsewhere")
    with pytest.raises(NotNifi):
        operator.status()
