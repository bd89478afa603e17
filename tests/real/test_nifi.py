"""Dataflows on a real NiFi 1 and a real NiFi 2: deployed, run, changed and removed, and what can go wrong."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from engine_stories import BRIDGED, EngineStories, Operator, eventually, send, service
from nifi_process import Process
from odd_servers import Passing, between, counted, losing_answers, refusing, serving, web_token
from sandbox_user import User, new_name

from jupyter_oscar.client import nifis
from jupyter_oscar.client.errors import NotAuthenticated, OscarError, Unreachable
from jupyter_oscar.flows.engines.base import FlowState
from jupyter_oscar.flows.engines.nifi import NifiEngine
from jupyter_oscar.flows.engines.nifi.errors import NotNifi
from jupyter_oscar.flows.errors import FlowRefused
from jupyter_oscar.flows.plan import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jupyter_oscar.flows.engines.base import Engine

pytestmark = [pytest.mark.real, pytest.mark.timeout(3600)]

FLOWS = Path(__file__).parents[1] / "resources" / "flows"
WORDS = ["NIFI_PASSWORD", "DCACHE_PASSWORD", "KAFKA_PASSWORD", "TRUSTSTORE_PASSWORD", "RUCIO_PASSWORD", "SERVICE_TOKEN"]
WORDS += ["AWS_KEY", "AWS_SECRET", "MINIO_KEY", "MINIO_SECRET"]
SECRET = "marked-word"


@pytest.fixture(scope="module", params=["1.18.0", "2.3.0"])
def nifi(request: Any, nifi_home: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """One of them at a time."""
    process = Process(nifi_home(request.param), request.param, tmp_path_factory.mktemp("nifi"))
    process.start()
    yield process
    process.stop()
    assert SECRET not in process.log


class Canvas:
    """Somebody who works on NiFi's own canvas."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=f"{url}/nifi-api", timeout=60)

    def get(self, path: str) -> Any:
        answer = self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    @property
    def groups(self) -> list[dict[str, Any]]:
        return list(self.get("/process-groups/root/process-groups")["processGroups"])

    @property
    def contexts(self) -> list[str]:
        found = self.get("/flow/parameter-contexts")["parameterContexts"]
        return [one["component"]["name"] for one in found]

    @property
    def empty(self) -> bool:
        return not self.groups and not self.contexts

    def make_group(self, name: str) -> str:
        body = {"revision": {"version": 0}, "component": {"name": name, "position": {"x": 0, "y": 900}}}
        answer = self.http.post("/process-groups/root/process-groups", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def change(self, kind: str, id_: str, **component: Any) -> None:
        revision = self.get(f"/{kind}/{id_}")["revision"]
        body = {"revision": {"version": revision["version"]}, "component": {"id": id_, **component}}
        answer = self.http.put(f"/{kind}/{id_}", json=body)
        assert answer.status_code == 200, answer.text

    def processor(self, group: str, name: str) -> dict[str, Any]:
        path = f"/process-groups/{group}/processors?includeDescendantGroups=true"
        [one] = [one for one in self.get(path)["processors"] if one["component"]["name"] == name]
        return dict(one)

    def remove_group(self, id_: str) -> None:
        version = self.get(f"/process-groups/{id_}")["revision"]["version"]
        assert self.http.delete(f"/process-groups/{id_}?version={version}").status_code == 200


@pytest.fixture
def canvas(nifi: Process) -> Iterator[Canvas]:
    """The canvas, as empty before a test as after it."""
    one = Canvas(nifi.url)
    yield one
    operator = Operator(lambda: engine(nifi.url), Path())
    for name in operator.names:
        operator.delete(name, empty=True)
    left = [group["component"]["name"] for group in one.groups], one.contexts
    for group in one.groups:  # so that the next test is not troubled
        one.remove_group(group["id"])
    for context in one.get("/flow/parameter-contexts")["parameterContexts"]:
        operator.do(lambda asked, id_=context["id"]: asked.client.delete_context(id_))
    assert left == ([], [])
    one.http.close()


def engine(url: str, **how: Any) -> NifiEngine:
    return NifiEngine(nifis.find(endpoint=url, **how))


@pytest.fixture
def operator(nifi: Process, canvas: Canvas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operator:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    for word in WORDS:
        monkeypatch.setenv(word, f"{SECRET}-{word}")
    return Operator(lambda: engine(nifi.url), tmp_path)


class TestNifiAsAnEngine(EngineStories):
    """What holds for every engine."""


# What files become


def everything(via: str) -> str:
    text = (FLOWS / "everything.yaml").read_text()
    head = r"(      - name: (?:dcache|kafka|sqs|s3|rucio)-in\n)"
    return re.sub(
        head, rf"\1        x-oscar: {{via: {via}}}\n", text.replace("invoke.json", str(FLOWS / "invoke.json"))
    )


LACKING = {
    "s3-in GetSQS nifi-aws-nar",
    "sqs-in GetSQS nifi-aws-nar",
    "to-minio PutS3Object nifi-aws-nar",
    "to-s3 PutS3Object nifi-aws-nar",
    "rucio-in ConsumeAMQP nifi-amqp-nar",
}
LACKING_IN = {
    "1.18.0": LACKING
    | {
        "kafka-in ConsumeKafka_2_6 nifi-kafka-2-6-nar",
        "kafka-in StandardRestrictedSSLContextService nifi-ssl-context-service-nar",
        "rucio-in StandardRestrictedSSLContextService nifi-ssl-context-service-nar",
    },
    "2.3.0": LACKING
    | {
        "kafka-in ConsumeKafka nifi-kafka-nar",
        "kafka-in Kafka3ConnectionService nifi-kafka-3-service-nar",
        "s3-in AWSCredentialsProviderControllerService nifi-aws-nar",
        "sqs-in AWSCredentialsProviderControllerService nifi-aws-nar",
        "to-minio AWSCredentialsProviderControllerService nifi-aws-nar",
        "to-s3 AWSCredentialsProviderControllerService nifi-aws-nar",
    },
}


def without_aws(operator: Operator, text: str, name: str) -> Any:
    import dataclasses

    return dataclasses.replace(operator.compiled(text, name), queues=())


def test_every_kind_is_imported_and_what_this_nifi_lacks_is_named_by_its_bundle(
    nifi: Process, operator: Operator, canvas: Canvas
) -> None:
    snapshot = without_aws(operator, everything("native"), "all")
    named = {f"{one.element} {one.type.rpartition('.')[2]} {one.bundle.artifact}" for one in snapshot.missing}
    assert named == LACKING_IN[nifi.version]
    with pytest.raises(FlowRefused, match=r"this NiFi has no GetSQS\. Install nifi-aws-nar"):
        operator.apply(snapshot)
    assert canvas.empty
    outcome = operator.apply(snapshot, allow_missing=True)
    path = f"/process-groups/{outcome.id}/processors?includeDescendantGroups=true"
    processors = [one["component"] for one in canvas.get(path)["processors"]]
    more = "includeAncestorGroups=false&includeDescendantGroups=true"
    services = canvas.get(f"/flow/process-groups/{outcome.id}/controller-services?{more}")["controllerServices"]
    parts = [*processors, *(one["component"] for one in services)]
    ghosts = [one["type"] for one in parts if one["extensionMissing"]]
    assert sorted(ghosts) == sorted(one.type for one in snapshot.missing)
    # A processor may lack what a ghost would give it; nothing else is wrong.
    wrong = [one for one in processors if one["validationStatus"] != "VALID" and not one["extensionMissing"]]
    assert wrong == []
    status = operator.status("all")
    assert status is not None
    assert status.state is FlowState.INVALID
    assert operator.plan(snapshot, allow_missing=True).action is Action.NOTHING
    shown = json.dumps(canvas.get(f"/process-groups/{outcome.id}/download")) + repr(outcome) + repr(snapshot)
    assert SECRET not in shown


def test_with_bridges_all_but_the_destination_in_aws_is_valid(operator: Operator, canvas: Canvas) -> None:
    text = everything("bridge").replace("to: to-minio", "to: to-oscar").replace("to: to-s3", "to: to-oscar")
    text = re.sub(r"    PutS3:\n.*?  generic:", "  generic:", text, flags=re.DOTALL)
    snapshot = without_aws(operator, text, "all")
    assert snapshot.missing == ()
    outcome = operator.apply(snapshot)
    path = f"/process-groups/{outcome.id}/processors?includeDescendantGroups=true"
    assert {one["component"]["validationStatus"] for one in canvas.get(path)["processors"]} == {"VALID"}
    assert operator.start("all").invalid == ()
    assert operator.stop("all").state is FlowState.STOPPED


def test_events_are_merged_encoded_and_become_a_job_in_oscar(operator: Operator, sandbox: Any) -> None:
    user, name = User(sandbox), new_name()
    user.create(name)
    alterations = "alterations: [{action: Merge, maxMessages: 2, windowSeconds: 60}, {action: Encode}]"
    source = f"x-oscar: {{port: {EngineStories.port()}}}\n        {alterations}"
    text = BRIDGED.format(oscar=sandbox.endpoint, service=name, token=user.token(name), seconds=0, source=source)
    snapshot = operator.compiled(text)
    operator.apply(snapshot)
    operator.start()
    send(snapshot, "first", "second")
    [key] = eventually(lambda: user.keys(name, "out/"))
    assert sorted(user.get(name, key).split()) == [b"FIRST", b"SECOND"]
    assert operator.drain().queued == 0
    user.delete(name)


# What it costs


SOURCE = """      - {{name: "in{n}", endpoint: "https://d.example.org/api/v1", user: u, password: p, folder: /f{n},
         statefile: s{n}, components: [{{name: GetFile, seconds: 2}}]}}"""
PLACE = """      - {{name: "out{n}", endpoint: "https://o.example.org", service: svc, token: t,
         components: [{{name: InvokeOSCAR, seconds: 5}}]}}"""


def pairs(count: int) -> str:
    """So many sources, each with a destination of its own."""
    every = range(count)
    parts = ["nifi:", "  Source:", "    dCache:", *(SOURCE.format(n=n) for n in every)]
    parts += ["  Destination:", "    OSCAR:", *(PLACE.format(n=n) for n in every)]
    parts += ["  connection:", *(f"    - {{from: in{n}, to: out{n}}}" for n in every)]
    return "\n".join(parts)


def test_a_deployment_asks_little_of_nifi(
    nifi: Process, operator: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    found: dict[str, list[str]] = {}
    for count in (1, 10):
        with counted(nifi.url) as (url, desk):
            operator.make = lambda url=url: engine(url)
            text = pairs(count)

            async def deploy(asked: Engine, text: str = text) -> None:
                from jupyter_oscar.flows import lint, plan, secrets
                from jupyter_oscar.flows.snapshot.compile import compile_flow

                path = operator.folder / "flow.yaml"
                path.write_text(text)
                snapshot = compile_flow(await secrets.complete(lint.load(path)), await asked.capabilities())
                await asked.apply(plan.make(snapshot, await asked.read(snapshot.name)))

            for what in ("first", "unchanged"):
                desk.asked.clear()
                operator.do(deploy)
                found[f"{what} {2 * count}"] = list(desk.asked)
            operator.delete()
    counts = {what: len(asked) for what, asked in found.items()}
    with capsys.disabled():
        print(f"\nNiFi {nifi.version}: requests {counts}, {nifi.memory} MB")  # noqa: T201
    assert counts["first 2"] <= 9
    assert counts["unchanged 2"] <= 3
    assert counts["first 20"] <= 2 * counts["first 2"]
    assert all(asked.startswith("GET ") for what in ("unchanged 2", "unchanged 20") for asked in found[what])


def test_the_state_of_fifty_dataflows_costs_what_that_of_five_costs(nifi: Process, operator: Operator) -> None:
    snapshot = operator.compiled(pairs(1))
    definition = dict(snapshot.flow)
    definition["parameterContexts"] = {}

    async def add(asked: Any, numbers: range) -> None:
        from jupyter_oscar.flows.marker import Marker

        for number in numbers:
            name = f"flow{number}"
            contents = {**definition["flowContents"], "comments": Marker(name, "0").write(), "name": name}
            contents |= {"processGroups": [], "connections": [], "parameterContextName": None}
            await asked.client.import_(name, {**definition, "flowContents": contents}, (0, number * 300))

    counts = []
    with counted(nifi.url) as (url, desk):
        for numbers in (range(5), range(5, 50)):
            operator.do(lambda asked, numbers=numbers: add(asked, numbers))
            desk.asked.clear()
            watching = Operator(lambda: engine(url), operator.folder)
            assert len(watching.names) == numbers.stop
            counts.append(len(desk.asked))
    assert counts[0] == counts[1] <= 4


# What others do there


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
        send(snapshot, "x")
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


def test_a_full_queue_is_said(operator: Operator, canvas: Canvas, nifi: Process) -> None:
    with service() as oscar:
        snapshot = operator.compiled(EngineStories.text(oscar))
        outcome = operator.apply(snapshot)
        flow = canvas.get(f"/flow/process-groups/{outcome.id}")["processGroupFlow"]["flow"]
        [between_groups] = flow["connections"]
        canvas.change("connections", between_groups["id"], backPressureObjectThreshold=1)
        [source] = [one for one in flow["processGroups"] if one["component"]["name"] == "incoming"]
        operator.do(lambda asked: asked.client.set_state(source["id"], "RUNNING"))
        send(snapshot, "1")
        status = eventually(lambda: (one := operator.status()) and "is full" in str(one.warnings) and one)
        assert "is full (1 events)" in " ".join(status.warnings)
        assert status.state is FlowState.PARTLY


# Bad days


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
            left = [at]

            def cut(_: str, left: list[int] = left) -> int | None:
                left[0] -= 1
                return 500 if left[0] == 0 else None

            desk.refuse = cut
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
            left = [at]

            def cut(_: str, left: list[int] = left) -> int | None:
                left[0] -= 1
                return 500 if left[0] == 0 else None

            desk.refuse = cut
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
        send(other, "x")
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


def test_what_a_run_that_was_killed_left_is_used_by_the_next(nifi: Process, operator: Operator, canvas: Canvas) -> None:
    from jupyter_oscar.flows.engines.nifi.running import OURS

    with service() as oscar:
        text = EngineStories.text(oscar)
        operator.do(lambda asked: asked.client.create_context("flow", f"{OURS} …", []))
        operator.apply(text)
        assert canvas.contexts == ["flow"]
        operator.delete()
        theirs = operator.do(lambda asked: asked.client.create_context("flow", "mine", []))
        with pytest.raises(FlowRefused, match='A parameter context named "flow" is there that was not made from here'):
            operator.apply(text)
        assert canvas.contexts == ["flow"]
        operator.do(lambda asked: asked.client.delete_context(theirs["id"]))


def test_a_nifi_that_is_not_there_or_too_old_or_no_nifi_is_named(nifi: Process, operator: Operator) -> None:
    with refusing() as nobody:
        operator.make = lambda: engine(nobody)
        with pytest.raises(Unreachable, match=r"NiFi at 127\.0\.0\.1:\d+ cannot be reached: connection refused"):
            operator.status()
    manifest = {"runtimeManifest": {"version": "1.9.2", "bundles": []}}
    answers = {"/nifi-api/flow/runtime-manifest": (200, json.dumps(manifest).encode())}
    with between(nifi.url, answers) as old:
        operator.make = lambda: engine(old)
        with pytest.raises(FlowRefused, match=r"is NiFi 1\.9\.2.*Dataflows need NiFi 1\.18"):
            operator.do(lambda asked: asked.capabilities())
    operator.make = lambda: engine(f"{nifi.url}/elsewhere")
    with pytest.raises(NotNifi):
        operator.status()


def guarded(upstream_: str, accepts: Callable[[str], bool]) -> Any:
    """Something before NiFi that lets some in, and has a log-in of its own."""

    class Guard(Passing):
        upstream = upstream_
        dropped = Passing.dropped | {"authorization"}

        def _guard(self) -> None:
            if self.path == "/nifi-api/access/token":
                said = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                right = said == b"username=ada&password=right-word"
                self._say(
                    201 if right else 400,
                    web_token(4e9) if right else "The supplied username and password are not valid.",
                )
            elif accepts(self.headers.get("Authorization", "")):
                self._pass()
            else:
                self._say(401, "Unauthorized")

        def _say(self, status: int, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_PUT = do_DELETE = _guard  # noqa: N815 - http.server looks them up

    return serving(Guard)


def test_who_we_are_is_told_as_that_nifi_wants_it(nifi: Process, operator: Operator) -> None:
    pair = "Basic " + base64.b64encode(b"ada:right-word").decode()
    with guarded(nifi.url, lambda said: said == pair) as url:
        for auth in ("basic", None):
            operator.make = lambda auth=auth: engine(url, user="ada", password="right-word", auth=auth)
            assert operator.names == []
        operator.make = lambda: engine(url, user="ada", password="wrong-word")
        with pytest.raises(NotAuthenticated) as caught:
            operator.status()
        assert "wrong-word" not in str(caught.value)
    with guarded(nifi.url, lambda said: said.startswith("Bearer ey")) as url:
        operator.make = lambda: engine(url, user="ada", password="right-word", auth="login")
        assert operator.names == []
        operator.make = lambda: engine(url, user="ada", password="wrong-word", auth="login")
        with pytest.raises(NotAuthenticated, match="does not take the user ada") as caught:
            operator.status()
        assert "wrong-word" not in str(caught.value)
    file = operator.folder / "token"
    file.write_text("of-today")
    with guarded(nifi.url, lambda said: said == f"Bearer {file.read_text()}") as url:
        operator.make = lambda: engine(url, token_file=str(file))
        assert operator.names == []
        file.write_text("of-tomorrow")
        assert operator.names == []


def test_dataflows_outlive_a_restart_of_nifi(nifi: Process, operator: Operator, canvas: Canvas) -> None:
    with service() as oscar:
        snapshot = operator.compiled(EngineStories.text(oscar))
        operator.apply(snapshot)
        operator.start()
        oscar.status = 503
        send(snapshot, "kept")
        eventually(lambda: oscar.asked)
        nifi.stop()
        with pytest.raises(Unreachable, match="connection refused"):
            operator.status()
        nifi.start()
        assert operator.plan(snapshot).action is Action.NOTHING
        oscar.status = 201
        eventually(lambda: oscar.bodies == ["kept"])
        assert operator.drain().state is FlowState.STOPPED
