"""What holds for every engine of dataflows. A test file inherits :class:`EngineStories` and says how its engine is made
and where a bridge posts events."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from odd_servers import Answer, serving

from jupyter_oscar.client.errors import TimedOut
from jupyter_oscar.flows import lint, plan, secrets
from jupyter_oscar.flows.engines.base import FlowState
from jupyter_oscar.flows.errors import FlowNotFound, FlowRefused
from jupyter_oscar.flows.plan import Action
from jupyter_oscar.flows.snapshot.compile import compile_flow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from jupyter_oscar.flows.engines.base import Engine, FlowStatus, Outcome
    from jupyter_oscar.flows.plan import Plan
    from jupyter_oscar.flows.snapshot.made import Snapshot

#: Of a test that waits for what an engine does by itself.
PATIENCE = 120.0
WORD = "word-of-the-service"

BRIDGED = """
nifi:
  Source:
    dCache:
      - name: incoming
        endpoint: https://dcache.example.org:3880/api/v1
        user: alice
        password: dcache-secret-word
        folder: /incoming
        statefile: alice
        {source}
  Destination:
    OSCAR:
      - name: to-oscar
        endpoint: {oscar}
        service: {service}
        token: {token}
        components: [{{name: InvokeOSCAR, seconds: {seconds}}}]
        x-oscar: {{pause: 1 sec, longest_pause: 2 sec, retries: 1}}
  connection:
    - {{from: incoming, to: to-oscar}}
"""


def eventually(what: Callable[[], Any]) -> Any:
    """The first true answer."""
    deadline = time.monotonic() + PATIENCE
    while not (found := what()):
        assert time.monotonic() < deadline, "what the test waited for did not happen"
        time.sleep(0.1)
    return found


class Service:
    """A server in the place of OSCAR, and what it was sent."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 201
        #: The one token that it knows; any where it is empty.
        self.known = ""
        self._lock = threading.Lock()
        self._taken: list[tuple[str, str, bytes]] = []
        self.asked = 0

    def take(self, path: str, token: str, body: bytes) -> int:
        with self._lock:
            self.asked += 1
            if self.known and token != f"Bearer {self.known}":
                return 401
            if self.status < 300:
                self._taken.append((path, token, body))
            return self.status

    @property
    def bodies(self) -> list[str]:
        """Of what it took."""
        with self._lock:
            return [body.decode() for _, _, body in self._taken]

    @property
    def tokens(self) -> list[str]:
        """By which that came."""
        with self._lock:
            return [token for _, token, _ in self._taken]


@contextlib.contextmanager
def service() -> Iterator[Service]:
    """Such a server."""
    one = Service()

    class Kind(Answer):
        def do_POST(self) -> None:  # noqa: N802 - http.server looks it up
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.status = one.take(self.path, self.headers.get("Authorization", ""), body)
            self._answer_with()

    with serving(Kind) as one.url:
        yield one


class Operator:
    """Somebody with dataflow files and an engine; one engine for each thing done, as on the command line."""

    def __init__(self, make: Callable[[], Engine], folder: Path) -> None:
        self.make = make
        self.folder = folder
        self.said: list[str] = []

    def do(self, act: Callable[[Engine], Any]) -> Any:
        """One thing done with the engine."""

        async def whole() -> Any:
            engine = self.make()
            try:
                return await act(engine)
            finally:
                await engine.aclose()

        return asyncio.run(whole())

    def compiled(self, text: str, name: str = "flow") -> Snapshot:
        """What a file becomes for this engine."""
        path = self.folder / f"{name}.yaml"
        path.write_text(text)

        async def compiling(engine: Engine) -> Snapshot:
            flow = await secrets.complete(lint.load(path))
            return compile_flow(flow, await engine.capabilities())

        snapshot: Snapshot = self.do(compiling)
        return snapshot

    def plan(self, text: str | Snapshot, name: str = "flow", **options: Any) -> Plan:
        """What deploying a file would do."""
        snapshot = self.compiled(text, name) if isinstance(text, str) else text

        async def planning(engine: Engine) -> Plan:
            return plan.make(snapshot, await engine.read(snapshot.name), **options)

        made: Plan = self.do(planning)
        return made

    def apply(self, text: str | Snapshot, name: str = "flow", **options: Any) -> Outcome:
        """Deploy a file."""
        made = self.plan(text, name, **options)
        outcome: Outcome = self.do(lambda engine: engine.apply(made, self.said.append))
        return outcome

    def status(self, name: str = "flow") -> FlowStatus | None:
        """How a dataflow is, or None."""
        found = self.do(lambda engine: engine.status([name]))
        return found[0] if found else None

    def start(self, name: str = "flow") -> FlowStatus:
        found: FlowStatus = self.do(lambda engine: engine.start(name))
        return found

    def stop(self, name: str = "flow") -> FlowStatus:
        found: FlowStatus = self.do(lambda engine: engine.stop(name))
        return found

    def drain(self, name: str = "flow", seconds: float = PATIENCE) -> FlowStatus:
        found: FlowStatus = self.do(lambda engine: engine.drain(name, seconds=seconds))
        return found

    def delete(self, name: str = "flow", *, empty: bool = False) -> None:
        self.do(lambda engine: engine.delete(name, empty=empty))

    def send(self, snapshot: Snapshot, *bodies: str) -> None:
        """What a bridge does: post events to where the dataflow listens, at the path that the engine keeps."""
        snapshot = self.plan(snapshot).snapshot
        [listener] = snapshot.listeners
        url = f"http://127.0.0.1:{listener.port}{snapshot.path(listener)}"

        def posted(body: str) -> bool:
            try:
                return httpx.post(url, content=body, timeout=60).status_code == 200
            except httpx.ConnectError:
                return False  # a listener is there a moment after it was started

        for body in bodies:
            eventually(lambda body=body: posted(body))

    @property
    def names(self) -> list[str]:
        """Of all dataflows."""
        return [one.name for one in self.do(lambda engine: engine.status())]


class EngineStories:
    """Inherit, and give the fixture ``operator``."""

    @pytest.fixture
    def oscar(self) -> Iterator[Service]:
        with service() as one:
            yield one

    @staticmethod
    def text(oscar: Service, *, seconds: int = 0, source: str = "") -> str:
        more = source or f"x-oscar: {{port: {EngineStories.port()}}}"
        return BRIDGED.format(oscar=oscar.url, service="svc", token=WORD, seconds=seconds, source=more)

    @staticmethod
    def port() -> int:
        import socket

        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    def test_what_is_deployed_stands_still_and_is_not_deployed_again(self, operator: Operator, oscar: Service) -> None:
        text = self.text(oscar)
        planned = operator.plan(text)
        assert planned.action is Action.CREATE
        assert operator.status() is None
        outcome = operator.apply(text)
        assert outcome.done
        assert "waiting for its bridge" in " ".join(outcome.notes)
        status = operator.status()
        assert status is not None
        assert (status.state, status.queued, status.invalid) == (FlowState.STOPPED, 0, ())
        assert operator.plan(text).action is Action.NOTHING
        assert operator.apply(text).done == ()

    def test_events_arrive_while_it_runs_and_nothing_is_left_when_it_is_deleted(
        self, operator: Operator, oscar: Service
    ) -> None:
        snapshot = operator.compiled(self.text(oscar))
        operator.apply(snapshot)
        assert operator.start().state is FlowState.WAITING
        operator.send(snapshot, '{"event": 1}', '{"event": 2}')
        eventually(lambda: len(oscar.bodies) == 2)
        assert sorted(oscar.bodies) == ['{"event": 1}', '{"event": 2}']
        assert set(oscar.tokens) == {"Bearer word-of-the-service"}
        eventually(lambda: operator.status().state is FlowState.RUNNING)  # type: ignore[union-attr]
        assert operator.stop().state is FlowState.STOPPED
        operator.delete()
        assert operator.names == []

    def test_a_rotated_token_and_another_schedule_are_small_changes_of_what_runs(
        self, operator: Operator, oscar: Service
    ) -> None:
        text = self.text(oscar)
        before = operator.compiled(text)
        operator.apply(before)
        operator.start()
        operator.send(before, "1")
        eventually(lambda: oscar.bodies == ["1"])

        rotated = operator.plan(text.replace("word-of-the-service", "another-word"))
        assert (list(rotated.parameters), list(rotated.changes)) == (["to-oscar.authorization"], [])
        operator.apply(rotated.snapshot)
        operator.send(before, "2")
        eventually(lambda: oscar.bodies == ["1", "2"])
        assert oscar.tokens[-1] == "Bearer another-word"

        slower = text.replace("word-of-the-service", "another-word").replace("seconds: 0", "seconds: 1")
        planned = operator.plan(slower)
        assert [change.field for change in planned.changes] == ["schedulingPeriod"]
        assert planned.parameters == ()
        operator.apply(planned.snapshot)
        status = operator.status()
        assert status is not None
        assert (status.state, status.stopped) == (FlowState.RUNNING, 0)
        operator.send(before, "3")
        eventually(lambda: oscar.bodies == ["1", "2", "3"])
        for word in ("word-of-the-service", "another-word", "dcache-secret-word"):
            assert word not in f"{planned} {planned!r} {status!r} {operator.said}"

    def test_what_cannot_be_delivered_is_kept_and_arrives_later(self, operator: Operator, oscar: Service) -> None:
        snapshot = operator.compiled(self.text(oscar))
        operator.apply(snapshot)
        operator.start()
        oscar.status = 503
        operator.send(snapshot, "late")
        eventually(lambda: oscar.asked >= 3)
        status = operator.status()
        assert status is not None
        assert (status.queued, status.dead) == (1, 0)
        with pytest.raises(TimedOut, match="1 in "):
            operator.drain(seconds=0.5)
        with pytest.raises(FlowRefused, match="holds 1 events"):
            operator.delete()
        oscar.status = 201
        eventually(lambda: oscar.bodies == ["late"])
        drained = operator.drain()
        assert (drained.state, drained.queued) == (FlowState.STOPPED, 0)
        assert oscar.bodies == ["late"]
        operator.delete()

    def test_what_is_refused_for_good_waits_to_be_looked_at(self, operator: Operator, oscar: Service) -> None:
        snapshot = operator.compiled(self.text(oscar))
        operator.apply(snapshot)
        operator.start()
        oscar.status = 404
        operator.send(snapshot, "unwanted")
        eventually(lambda: operator.status().dead == 1)  # type: ignore[union-attr]
        oscar.status = 201
        assert operator.drain().dead == 1
        assert oscar.bodies == []
        with pytest.raises(FlowRefused, match="1 dead letters"):
            operator.delete()
        operator.delete(empty=True)
        assert operator.names == []

    def test_what_is_not_there_is_said_and_what_may_not_be_done_is_not(
        self, operator: Operator, oscar: Service
    ) -> None:
        for act in (operator.start, operator.stop, operator.drain, operator.delete):
            with pytest.raises(FlowNotFound, match='no dataflow named "flow"'):
                act()
        made = operator.plan(self.text(oscar))
        refused = dataclasses.replace(made, steps=(plan.Step(Action.REFUSE, "group", "flow", "No."),))
        with pytest.raises(FlowRefused, match=r"No\. Nothing was changed"):
            operator.do(lambda engine: engine.apply(refused))
        assert operator.names == []
