"""A dataflow becomes a flow definition for NiFi 1 and 2, and a plan says what deploying it would change."""

from __future__ import annotations

import asyncio
import copy
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jupyter_oscar.client.errors import SecretsUnconfirmed
from jupyter_oscar.client.keys import MachineKey
from jupyter_oscar.flows import lint, marker, plan, secrets
from jupyter_oscar.flows.engines import choose
from jupyter_oscar.flows.engines.base import Bundle, Capabilities, Deployed, Engine, Kind, without_engine
from jupyter_oscar.flows.errors import FlowError
from jupyter_oscar.flows.graph import Graph
from jupyter_oscar.flows.snapshot import types
from jupyter_oscar.flows.snapshot.compile import compile_flow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jupyter_oscar.flows.model import Flow
    from jupyter_oscar.flows.snapshot.made import Snapshot

EVERYTHING = Path(__file__).parents[1] / "resources" / "flows" / "everything.yaml"
EXAMPLES = Path(__file__).parents[2] / "examples" / "flows"
VERSIONS = ("1.18.0", "1.28.1", "2.0.0", "2.3.0", "2.9.0")
MARK = "MARKER"


@pytest.fixture
def everything(monkeypatch: pytest.MonkeyPatch) -> Flow:
    """Every kind, with a mark as every secret."""
    for name in re.findall(r"env:(\w+)", EVERYTHING.read_text()):
        monkeypatch.setenv(name, f"{MARK}-{name}")
    return asyncio.run(secrets.complete(lint.load(EVERYTHING)))


@pytest.fixture
def planned(tmp_path: Path) -> Callable[..., plan.Plan]:
    """Plans made on a machine of its own."""
    key = MachineKey(tmp_path / "key")
    return lambda snapshot, deployed=None, **options: plan.make(snapshot, deployed, key=key, **options)


def groups(snapshot: Snapshot) -> dict[str, dict[str, Any]]:
    return {group["name"]: group for group in snapshot.flow["flowContents"]["processGroups"]}


def every(part: Any) -> Iterator[dict[str, Any]]:
    """Every map in a flow definition."""
    if isinstance(part, dict):
        yield part
        for below in part.values():
            yield from every(below)
    elif isinstance(part, list):
        for below in part:
            yield from every(below)


def processor(snapshot: Snapshot, group: str, number: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = groups(snapshot)[group]["processors"][number]
    return found


def parsed(text: str, files: dict[str, str] | None = None) -> Flow:
    return lint.parse(text, Path("flow.yaml"), files or {}).sound()


SMALL = """\
nifi:
  endpoint: https://nifi.example.org
  Source:
    Kafka:
      - {name: in, bootstrap_servers: "b:9092", topic: frames, group_id: g, security_protocol: PLAINTEXT}
  Destination:
    OSCAR:
      - {name: out, endpoint: "https://oscar.example.org/", service: detect, token: TOKEN-1}
  connection: [{from: in, to: out}]
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_every_part_is_whole_and_has_a_place_of_its_own(everything: Flow, version: str) -> None:
    snapshot = compile_flow(everything, without_engine(version))
    parts = [part for part in every(snapshot.flow["flowContents"]) if "identifier" in part]
    identifiers = {part["identifier"] for part in parts}
    assert len(identifiers) == len(parts)
    for part in parts:
        if part["componentType"] == "CONNECTION":
            ends = {part["source"]["id"], part["destination"]["id"]}
            assert ends <= identifiers
        if part["componentType"] == "PROCESS_GROUP":
            assert part["parameterContextName"] == snapshot.context in snapshot.flow["parameterContexts"]
    assert set(groups(snapshot)) >= {
        *everything.elements,
        "Merge of kafka-in",
        "Encode of kafka-in",
        "Decode of sqs-in",
    }
    places = [(group["position"]["x"], group["position"]["y"]) for group in groups(snapshot).values()]
    assert len(set(places)) == len(places)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_output_leads_somewhere_and_no_relationship_is_forgotten(everything: Flow, version: str) -> None:
    relationships = {
        "InvokeHTTP": {"Original", "Response", "Retry", "No Retry", "Failure"},
        "MergeContent": {"merged", "original", "failure"},
        "EncodeContent": {"success", "failure"},
        "RouteOnContent": {"test", "unmatched"},
        "RouteOnAttribute": {"matched", "unmatched"},
        "EvaluateJsonPath": {"matched", "unmatched", "failure"},
        "PutS3Object": {"success", "failure"},
    }
    snapshot = compile_flow(everything, without_engine(version))
    connections = [part for part in every(snapshot.flow) if part.get("componentType") == "CONNECTION"]
    for part in every(snapshot.flow):
        if part.get("componentType") == "PROCESSOR":
            used = {
                one
                for link in connections
                if link["source"]["id"] == part["identifier"]
                for one in link["selectedRelationships"]
            }
            wanted = relationships.get(part["type"].rpartition(".")[2], {"success"})
            assert used | set(part["autoTerminatedRelationships"]) == wanted, part["name"]
            assert not used & set(part["autoTerminatedRelationships"])
        elif part.get("componentType") == "OUTPUT_PORT":
            assert any(link["source"]["id"] == part["identifier"] for link in connections)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_secret_is_nowhere_but_among_the_secrets(
    everything: Flow, version: str, planned: Callable[..., plan.Plan]
) -> None:
    snapshot = compile_flow(everything, without_engine(version))
    made = planned(snapshot)
    seen = "".join(
        (json.dumps(snapshot.flow), repr(snapshot), str(made), repr(made), made.marker.write(), repr(everything.nifi))
    )
    assert MARK not in seen
    said = {secret.get_secret_value() for secret in snapshot.secrets.values()}
    assert {f"Bearer {MARK}-SERVICE_TOKEN", f"{MARK}-KAFKA_PASSWORD", f"{MARK}-TRUSTSTORE_PASSWORD"} <= said
    parameters = snapshot.flow["parameterContexts"]["everything"]["parameters"]
    assert {one["name"] for one in parameters if one["sensitive"]} == set(snapshot.secrets)
    for part in every(snapshot.flow):
        for name, descriptor in (part.get("propertyDescriptors") or {}).items():
            value = part["properties"][name]
            if descriptor["sensitive"] and value is not None:
                assert value[2:-1] in snapshot.secrets, "one reference and nothing else (flows.md §5.4)"
            elif isinstance(value, str):
                assert not set(re.findall(r"#\{([^}]+)\}", value)) & set(snapshot.secrets)


def test_the_same_file_compiles_to_the_same_and_another_name_to_another(everything: Flow) -> None:
    first, second = (compile_flow(everything, without_engine()) for _ in range(2))
    assert json.dumps(first.flow) == json.dumps(second.flow)
    assert first.digest == second.digest
    other = parsed(SMALL.replace("  Source:", "  x-oscar: {name: other}\n  Source:"))
    assert compile_flow(other, without_engine()).identifier != compile_flow(parsed(SMALL), without_engine()).identifier


@pytest.mark.parametrize("version", VERSIONS)
def test_properties_have_the_names_of_that_nifi(everything: Flow, version: str) -> None:
    new = version.startswith("2")
    snapshot = compile_flow(everything, without_engine(version))
    invoke = processor(snapshot, "to-oscar")["properties"]
    assert invoke["HTTP URL" if new else "Remote URL"] == "https://oscar.example.org/job/my-oscar-service"
    assert invoke["Request Content-Type" if new else "Content-Type"] == "application/json"
    merge = processor(snapshot, "Merge of kafka-in")["properties"]
    assert merge["Demarcator" if version == "2.9.0" else "Demarcator File"] == "\n"
    assert (merge["Minimum Number of Entries"], merge["Maximum Number of Entries"], merge["Max Bin Age"]) == (
        "10",
        "10",
        "7 sec",
    )
    encode = processor(snapshot, "Encode of kafka-in")["properties"]
    assert encode.get("Line Output Mode") == ("SINGLE_LINE" if new else None)
    kafka = processor(snapshot, "kafka-in")
    assert kafka["type"] == (types.CONSUME_KAFKA_2 if new else types.CONSUME_KAFKA_1).name
    services = {one["name"]: one for one in groups(snapshot)["kafka-in"]["controllerServices"]}
    assert set(services) == ({"TLS", "Kafka"} if new else {"TLS"})
    assert services["TLS"]["properties"]["Truststore Filename"] == "/opt/nifi/nifi-current/data/kafka.p12"
    assert services["TLS"]["properties"]["Truststore Type"] == "PKCS12"
    put = processor(snapshot, "to-minio")["properties"]
    assert put["Use Path Style Access" if version == "2.9.0" else "use-path-style-access"] == "true"
    assert ("Access Key" in put) is not new
    key = "Access Key ID" if version == "2.9.0" else "Access Key"
    if new:
        assert groups(snapshot)["to-minio"]["controllerServices"][0]["properties"][key] == "#{to-minio.access-key}"


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.yaml")), ids=lambda file: file.stem)
def test_the_examples_are_right_and_compile_for_every_nifi(file: Path) -> None:
    report = lint.check(file)
    assert report.findings == []
    for version in VERSIONS:
        snapshot = compile_flow(report.sound(), without_engine(version))
        assert snapshot.missing == ()
        assert set(groups(snapshot)) >= set(report.sound().elements)


def test_what_a_nifi_lists_decides_over_what_its_version_should_have(everything: Flow) -> None:
    listed = Kind(
        types.INVOKE_HTTP.name, Bundle("org.apache.nifi", "nifi-other-nar", "2.99.0"), frozenset({"Remote URL"})
    )
    capabilities = replace(without_engine("2.3.0"), processors={types.INVOKE_HTTP.name: listed})
    made = processor(compile_flow(everything, capabilities), "to-oscar")
    assert "Remote URL" in made["properties"]
    assert made["bundle"] == {"group": "org.apache.nifi", "artifact": "nifi-other-nar", "version": "2.99.0"}


def test_schedules_are_those_of_the_file(everything: Flow) -> None:
    snapshot = compile_flow(everything, without_engine("1.18.0"))
    said = {
        name: processor(snapshot, name)["schedulingPeriod"]
        for name in ("to-oscar", "kafka-in", "sqs-in", "s3-in", "custom")
    }
    assert said == {"to-oscar": "5 sec", "kafka-in": "3 sec", "sqs-in": "4 sec", "s3-in": "0 sec", "custom": "2 sec"}
    assert any("schedules of GetFile do nothing" in note for note in snapshot.notes)


def test_deliveries_are_tried_again_and_refusals_kept() -> None:
    snapshot = compile_flow(parsed(SMALL), without_engine("1.18.0"))
    invoke = processor(snapshot, "out")
    assert invoke["retriedRelationships"] == ["Failure", "No Retry", "Retry"]
    assert (invoke["retryCount"], invoke["penaltyDuration"], invoke["maxBackoffPeriod"]) == (10, "5 sec", "10 min")
    links = {link["name"]: link for link in groups(snapshot)["out"]["connections"]}
    assert links["again"]["source"]["id"] == links["again"]["destination"]["id"]
    assert links["again"]["selectedRelationships"] == ["Failure", "Retry"]
    assert links["dead letters"]["destination"]["type"] == "FUNNEL"
    assert links["dead letters"]["flowFileExpiration"] == "7 days"
    dropped = parsed(SMALL.replace("token: TOKEN-1", "token: TOKEN-1, x-oscar: {on_failure: drop}"))
    invoke = processor(compile_flow(dropped, without_engine("1.18.0")), "out")
    assert set(invoke["autoTerminatedRelationships"]) == {"Failure", "No Retry", "Original", "Response", "Retry"}


def test_s3_greets_with_a_test_message_that_goes_nowhere(everything: Flow) -> None:
    snapshot = compile_flow(everything, without_engine("2.3.0"))
    read, test = groups(snapshot)["s3-in"]["processors"]
    assert (read["properties"]["Batch Size"], read["properties"]["Receive Message Wait Time"]) == ("10", "20 sec")
    pattern = test["properties"]["test"]
    assert re.search(pattern, '{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}')
    assert not re.search(pattern, '{"Records":[{"eventName":"ObjectCreated:Put"}]}')
    assert test["autoTerminatedRelationships"] == ["test"]
    queue = next(one for one in snapshot.queues if one.element == "s3-in")
    assert (queue.name, queue.bucket, queue.region) == ("my-bucket_events", "my-bucket", "us-east-1")
    assert read["properties"]["Queue URL"] == f"#{{{queue.parameter}}}"
    assert snapshot.parameters[queue.parameter] == ""


def test_rucio_s_events_are_chosen_by_what_the_file_says() -> None:
    text = """\
nifi:
  Source:
    RUCIO:
      - name: in
        host: h
        port: 5671
        virtual_host: reader
        password: p
        queue_name: events
        x-oscar: {event_types: [close, transfer-done], scope: "user\\\\..*", did: "it's"}
"""
    snapshot = compile_flow(parsed(text), without_engine("1.18.0"))
    amqp, _, route = groups(snapshot)["in"]["processors"]
    assert (amqp["properties"]["User Name"], amqp["properties"]["Virtual Host"]) == ("reader", "rucio")
    assert {name: value for name, value in route["properties"].items() if name != "Routing Strategy"} == {
        "event_type": r"${event_type:toLower():matches('close|transfer\\-done')}",
        "scope": r"${scope:matches('user\\..*')}",
        "name": r"${name:matches('it\'s')}",
    }


def test_a_source_that_nifi_cannot_read_comes_by_bridge_and_the_plan_says_so(planned: Callable[..., plan.Plan]) -> None:
    standard = [types.INVOKE_HTTP, types.LISTEN_HTTP]
    kinds = {one.name: Kind(one.name, Bundle("org.apache.nifi", one.artifact, "1.18.0")) for one in standard}
    capabilities = Capabilities("1.18.0", kinds, {})
    snapshot = compile_flow(parsed(SMALL), capabilities)
    assert processor(snapshot, "in")["name"] == "ListenHTTP"
    assert [(source.element, source.how) for source in snapshot.sources] == [("in", "bridge")]
    [listener] = snapshot.listeners
    assert processor(snapshot, "in")["properties"]["Listening Port"] == str(listener.port)
    made = planned(snapshot)
    said = str(made)
    assert "waiting for its bridge" in said
    assert f"port {listener.port}" in said
    assert snapshot.missing == ()

    # Its path cannot be guessed, and stays the same.
    assert processor(snapshot, "in")["properties"]["Base Path"] == "oscar/in/#{in.path}"
    path = made.snapshot.path(listener)
    word = path.removeprefix("/oscar/in/")
    assert len(word) >= 32
    assert planned(snapshot, deployed(made)).snapshot.path(listener) == path
    assert planned(snapshot).snapshot.path(listener) != path
    assert word not in said + repr(made)
    before = deployed(replace(made, snapshot=snapshot))  # made when paths had no such end
    [step] = planned(snapshot, before).steps
    assert str(step) == "Set in.path anew: a word that cannot be guessed."

    forced = parsed(SMALL.replace("group_id: g", "group_id: g, x-oscar: {via: native}"))
    snapshot = compile_flow(forced, capabilities)
    [missing] = snapshot.missing
    assert "nifi-kafka-2-6-nar 1.18.0" in str(missing)
    made = planned(snapshot)
    assert made.action is plan.Action.REFUSE
    assert "ConsumeKafka_2_6" in made.refusals[0]
    assert planned(snapshot, allow_missing=True).action is plan.Action.CREATE


def test_a_listener_wants_a_client_certificate_where_the_file_gives_a_keystore() -> None:
    text = SMALL.replace(
        "group_id: g",
        "group_id: g, x-oscar: {via: bridge, port: 9443, client: 'CN=bridge.*'}, "
        "ssl_context: {Keystore_Filename: /k.p12, Keystore_Password: MARKER, Truststore_Filename: /t.jks}",
    )
    snapshot = compile_flow(parsed(text), without_engine("2.3.0"))
    properties = processor(snapshot, "in")["properties"]
    assert properties["client-authentication"] == "REQUIRED"
    assert properties["Authorized DN Pattern"] == "CN=bridge.*"
    [service] = groups(snapshot)["in"]["controllerServices"]
    assert properties["SSL Context Service"] == service["identifier"]
    assert (service["properties"]["Keystore Type"], service["properties"]["Truststore Type"]) == ("PKCS12", "JKS")
    [listener] = snapshot.listeners
    assert listener.tls
    assert snapshot.path(listener) == "/oscar/in"
    assert not any("whoever knows" in note for note in snapshot.notes)


def test_a_group_of_one_s_own_gets_its_variables_as_values_and_its_token_as_a_secret(everything: Flow) -> None:
    for version in ("1.18.0", "2.3.0"):
        snapshot = compile_flow(everything, without_engine(version))
        group = groups(snapshot)["custom"]
        invoke = group["processors"][0]
        assert invoke["properties"]["Remote URL"] == "https://oscar.example.org/job/other"
        assert invoke["properties"]["Content-Type"] == "${mime.type}", "an attribute of the event, no variable"
        assert invoke["properties"]["Authorization"] == "#{custom.Invoke.Authorization}"
        assert snapshot.secrets["custom.Invoke.Authorization"].get_secret_value() == f"Bearer {MARK}-SERVICE_TOKEN"
        assert group["variables"] == {}
        [link] = group["connections"]
        assert link["destination"]["groupId"] == group["identifier"] == invoke["groupIdentifier"]


def test_aws_keys_come_from_the_file_then_the_environment_then_the_shared_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "nifi: {Source: {GetSQS: [{name: q, queue_name: q, AWS_DEFAULT_REGION: r}]}}\n"

    def keys(said: str) -> tuple[str, ...]:
        snapshot = compile_flow(asyncio.run(secrets.complete(parsed(said))), without_engine("1.18.0"))
        return tuple(secret.get_secret_value() for secret in snapshot.secrets.values())

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    shared = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(shared))
    assert keys(text) == ()
    shared.write_text("[default]\naws_access_key_id = shared\naws_secret_access_key = s%1\n")
    assert keys(text) == ("shared", "s%1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "environment")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s2")
    assert keys(text) == ("environment", "s2")
    assert keys(text.replace("{name: q,", "{name: q, AWS_ACCESS_KEY_ID: file, AWS_SECRET_ACCESS_KEY: s3,")) == (
        "file",
        "s3",
    )


def test_a_reference_that_leads_nowhere_is_said_with_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOBODY", raising=False)
    with pytest.raises(FlowError, match=r"flow\.yaml:8: `token`: The environment has no variable NOBODY"):
        secrets.follow(parsed(SMALL.replace("TOKEN-1", "env:NOBODY")))


def deployed(made: plan.Plan) -> Deployed:
    """What a NiFi gives back: our words, and defaults of its own."""
    flow = copy.deepcopy(dict(made.snapshot.flow))
    for part in every(flow):
        if part.get("componentType") == "PROCESSOR":
            part["properties"] = {
                name: value
                for name, value in part["properties"].items()
                if not part["propertyDescriptors"][name]["sensitive"]
            } | {"Of its own": "default"}
        if "position" in part:
            part["position"] = {"x": 1.0, "y": 2.0}
    return Deployed(made.name, "id", marker.read(made.marker.write()), flow)


def test_the_same_again_changes_nothing(everything: Flow, planned: Callable[..., plan.Plan]) -> None:
    snapshot = compile_flow(everything, without_engine("2.3.0"))
    first = planned(snapshot)
    assert first.action is plan.Action.CREATE
    again = planned(snapshot, deployed(first))
    assert again.steps == []
    assert again.action is plan.Action.NOTHING
    assert "nothing to change" in str(again)


@pytest.mark.parametrize(
    ("change", "sentences"),
    [
        (("TOKEN-1", "TOKEN-2"), ["Set out.authorization anew: the secret has another value."]),
        (
            ("token: TOKEN-1", "token: TOKEN-1, components: [{name: InvokeOSCAR, seconds: 3}]"),
            ["InvokeOSCAR in out: its schedule from 0 sec to 3 sec."],
        ),
        (("topic: frames", "topic: images"), ["ConsumeKafka_2_6 in in: topic from frames to images."]),
        (
            ("  connection: [{from: in, to: out}]", "  connection: []"),
            ["Add the connection in to nowhere in flow.", "Remove the connection in to out in flow."],
        ),
    ],
)
def test_a_change_is_said_in_a_sentence(
    change: tuple[str, str], sentences: list[str], planned: Callable[..., plan.Plan]
) -> None:
    old = compile_flow(parsed(SMALL), without_engine("1.18.0"))
    there = deployed(planned(old))
    made = planned(compile_flow(parsed(SMALL.replace(*change)), without_engine("1.18.0")), there)
    assert made.action is plan.Action.CHANGE
    for sentence in sentences:
        assert sentence in [str(step) for step in made.steps]
    assert "TOKEN-" not in str(made)


def test_a_variable_of_a_group_is_not_shown_where_it_changes(planned: Callable[..., plan.Plan]) -> None:
    group = (EVERYTHING.parent / "invoke.json").read_text()
    variables = "{endpoint: MARKER, service: s, token: t}"
    text = f"nifi: {{generic: [{{name: g, file: g.json, variables: {variables}}}]}}"
    texts = (text, text.replace("MARKER", "MARKER-2"))
    old, new = (compile_flow(parsed(one, {"g.json": group}), without_engine("1.18.0")) for one in texts)
    made = planned(new, deployed(planned(old)))
    assert [str(step) for step in made.steps] == ["Invoke in g: Remote URL has another value."]
    assert "MARKER" not in repr(made)


def test_what_a_person_changed_in_nifi_is_seen(planned: Callable[..., plan.Plan]) -> None:
    snapshot = compile_flow(parsed(SMALL), without_engine("1.18.0"))
    there = deployed(planned(snapshot))
    assert there.flow is not None
    there.flow["flowContents"]["processGroups"][0]["processors"][0]["schedulingPeriod"] = "1 hour"
    [step] = planned(snapshot, there).steps
    assert "its schedule from 1 hour to 0 sec" in str(step)


def test_a_foreign_group_is_refused_unless_adopted(planned: Callable[..., plan.Plan]) -> None:
    snapshot = compile_flow(parsed(SMALL), without_engine("1.18.0"))
    foreign = replace(deployed(planned(snapshot)), marker=marker.read("somebody's own words"))
    refused = planned(snapshot, foreign)
    assert refused.action is plan.Action.REFUSE
    assert "was not made from here" in refused.refusals[0]
    taken = planned(snapshot, foreign, adopt=True)
    assert taken.action is plan.Action.CHANGE
    assert taken.adopts
    twice = planned(snapshot, replace(foreign, count=2), adopt=True)
    assert "There are 2 groups" in twice.refusals[0]


def test_another_dataflow_of_the_same_name_is_not_replaced_by_chance(planned: Callable[..., plan.Plan]) -> None:
    there = compile_flow(parsed(SMALL), without_engine("1.18.0"))
    here = parsed(
        SMALL.replace("name: in,", "name: a,").replace("name: out,", "name: b,").replace("in, to: out", "a, to: b")
    )
    made = planned(compile_flow(here, without_engine("1.18.0")), deployed(planned(there)))
    assert "has other elements, out and in, and none of these" in made.refusals[0]
    assert planned(made.snapshot, made.deployed, adopt=True).action is plan.Action.CHANGE


def test_another_machine_cannot_tell_secrets_and_says_so(planned: Callable[..., plan.Plan], tmp_path: Path) -> None:
    snapshot = compile_flow(parsed(SMALL), without_engine("1.18.0"))
    there = deployed(planned(snapshot))
    [step] = plan.make(snapshot, there, key=MachineKey(tmp_path / "another")).steps
    assert "cannot be told from this machine" in str(step)


def test_secrets_of_this_machine_are_read_only_when_a_person_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Empty(Engine):
        """A NiFi with nothing on it."""

        async def capabilities(self) -> Capabilities:
            return without_engine("1.18.0")

        async def read(self, name: str) -> None:  # noqa: ARG002
            return None

    Empty.__abstractmethods__ = frozenset()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "TOKEN"):
        monkeypatch.setenv(name, MARK)
    sqs = "    GetSQS: [{name: queue, queue_name: q, AWS_DEFAULT_REGION: r}]\n"
    flow = parsed(SMALL.replace("  Source:\n", "  Source:\n" + sqs).replace("TOKEN-1", "env:TOKEN"))

    def prepare(**options: bool) -> plan.Plan:
        return asyncio.run(plan.prepare(flow, Empty(), **options))  # type: ignore[abstract]

    with pytest.raises(SecretsUnconfirmed, match=r"token from env:TOKEN \(line 9\), AWS keys from this machine's own"):
        prepare()
    seen = prepare(look=True)
    assert MARK not in "".join(
        secret.get_secret_value() for name, secret in seen.snapshot.secrets.items() if "token" in name
    )
    assert "were not read" in str(seen)
    assert seen.action is plan.Action.CREATE
    assert "without the values of its secrets" in seen.refusals[0]
    done = prepare(secrets=True)
    assert done.refusals == []
    assert done.snapshot.secrets["out.authorization"].get_secret_value() == f"Bearer {MARK}"
    assert json.dumps(done.snapshot.flow) == json.dumps(seen.snapshot.flow), "what is looked at is what is made"
    login = parsed(SMALL.replace("  Source:", "  user: u\n  password: env:TOKEN\n  Source:"))
    with pytest.raises(SecretsUnconfirmed, match=r"password from env:TOKEN \(line 4\)"):
        choose(login)


def test_a_marker_survives_its_way_through_comments_and_nothing_else_is_one() -> None:
    written = marker.Marker(
        "flow", "d" * 32, "2026-01-01T00:00:00Z", {"a": "b"}, "f", ("in",), ("us-east-1/q",), ("x",)
    )
    assert marker.read(written.write()) == written
    assert marker.read("a person's note\n" + written.write() + "\nand another") == written
    for other in (None, "", "words", '{"jupyter-oscar"', '{"jupyter-oscar": 3}', '{"jupyter-oscar": {"flow": "x"}}'):
        assert marker.read(other) is None


def test_the_picture_shows_every_way_and_escapes_names() -> None:
    graph = Graph(parsed(SMALL.replace("name: in,", "name: '<b>&',").replace("from: in", "from: '<b>&'")))
    assert str(graph) == "<b>& (Kafka · frames) → out (OSCAR · detect)"
    picture = graph.svg()
    assert picture is not None
    assert "<b>" not in picture
    assert "&lt;b&gt;&amp;" in picture
