"""What others do on the same NiFi: groups that are not ours, and people at its canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from engine_stories import EngineStories, Operator, eventually, service
from nifi_canvas import engine
from odd_servers import counted

from jupyter_oscar.flows.errors import FlowRefused
from jupyter_oscar.flows.plan import Action

if TYPE_CHECKING:
    from nifi_canvas import Canvas
    from nifi_process import Process

pytestmark = [pytest.mark.real, pytest.mark.timeout(3600)]


def test_a_group_that_is_not_ours_is_never_touched_unless_it_is_taken_over(
    operator: Operator, canvas: Canvas, nifi: Process
) -> None:
    theirs = canvas.make_group("flow")
    with service() as oscar:
        text = EngineStories.text(oscar)
        with pytest.raises(FlowRefused, match="A group named flow is there that was not made from here"):
            operator.apply(text)
        for act in (operator.start, operator.stop, operator.drain, operator.delete):
            with pytest.raises(FlowRefused, match="was not made from here"):
                act()
        assert operator.names == []
        assert canvas.contexts == []
        assert operator.plan(text, adopt=True).adopts
        snapshot = operator.compiled(text)
        operator.apply(snapshot, adopt=True)
        assert [one["id"] for one in canvas.groups] == [theirs]
        operator.start()
        operator.send(snapshot, "x")
        eventually(lambda: oscar.bodies == ["x"])
    assert operator.plan(snapshot).action is Action.NOTHING


def test_what_a_person_changed_on_the_canvas_is_seen_and_put_back(operator: Operator, canvas: Canvas) -> None:
    with service() as oscar:
        text = EngineStories.text(oscar)
        outcome = operator.apply(text)
        invoke = canvas.processor(outcome.id, "InvokeOSCAR")
        canvas.change("processors", invoke["id"], config={"schedulingPeriod": "9 sec"})
        [change] = operator.plan(text).changes
        assert "from 9 sec to 0 sec" in str(change)
        operator.apply(text)
        again = canvas.processor(outcome.id, "InvokeOSCAR")
        assert (again["id"], again["component"]["config"]["schedulingPeriod"]) == (invoke["id"], "0 sec")


def test_somebody_who_edits_at_the_same_time_stops_nothing(nifi: Process, operator: Operator, canvas: Canvas) -> None:
    with service() as oscar, counted(nifi.url) as (url, desk):
        text = EngineStories.text(oscar)
        outcome = operator.apply(text)
        edited = []

        def meanwhile(said: str) -> None:
            if not edited and said == f"PUT /nifi-api/process-groups/{outcome.id}":
                edited.append(said)
                canvas.change("process-groups", outcome.id, name="flow", position={"x": 9, "y": 9})

        desk.refuse = meanwhile
        operator.make = lambda: engine(url)
        operator.apply(text.replace("seconds: 0", "seconds: 2"))
        assert edited
        assert operator.plan(text.replace("seconds: 0", "seconds: 2")).action is Action.NOTHING
