"""A dataflow's file is read, and what is wrong in it is said with its line and what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from jupyter_oscar.client.errors import FileMissing
from jupyter_oscar.flows import lint, model, schema, secrets
from jupyter_oscar.flows.errors import FlowError
from jupyter_oscar.flows.findings import ERROR, WARNING, Finding, Report

FILES = Path(__file__).parents[1] / "resources" / "flows"
GOOD = """\
nifi:
  endpoint: https://nifi.example.org
  user: proxyuser
  password: env:NIFI_PASSWORD
  Source:
    Kafka:
      - name: frames
        bootstrap_servers: broker.example.org:9093
        topic: frames
        group_id: "oscar-1"
        sasl_username: reader
        sasl_password: env:KAFKA_PASSWORD
        ssl_context: {Truststore_Filename: kafka.p12, Truststore_Password: env:TRUST}
        alterations:
          - {action: Merge, maxMessages: 10, windowSeconds: 7}
          - {action: Encode, Encoding: base64}
    dCache:
      - name: incoming
        endpoint: https://dcache.example.org:3880/api/v1
        user: alice
        password: env:DCACHE_PASSWORD
        folder: /Users/alice/incoming
        statefile: alice-state
        components: [{name: GetFile, seconds: 2, node: PRIMARY}]
  Destination:
    OSCAR:
      - name: to-oscar
        endpoint: https://oscar.example.org
        service: detect
        token: env:DETECT_TOKEN
    PutS3:
      - name: results
        AWS_S3_BUCKET: results
        AWS_DEFAULT_REGION: eu-west-1
        AWS_ACCESS_KEY_ID: env:KEY
        AWS_SECRET_ACCESS_KEY: env:SECRET
  connection:
    - {from: frames, to: to-oscar}
    - {from: incoming, to: results}
"""


def found(text: str) -> Report:
    return lint.parse(text, Path("flow.yaml"), {})


def one(text: str, level: str) -> Finding:
    """The only finding of that level."""
    of_level = [finding for finding in found(text).findings if finding.level == level]
    assert len(of_level) == 1, of_level
    return of_level[0]


def test_a_good_file_has_nothing_to_say_and_becomes_a_dataflow() -> None:
    report = found(GOOD)
    assert report.findings == []
    flow = report.sound()
    assert flow.name == "flow"
    assert list(flow.elements) == ["incoming", "to-oscar", "results", "frames"]
    assert flow.edges == [("frames", "to-oscar"), ("incoming", "results")]
    assert "env:" not in repr(flow)


@pytest.mark.parametrize(
    ("change", "line", "problem", "fix"),
    [
        # what is no YAML
        (("    Kafka:", "\tKafka:"), 6, "a tab stands", "spaces"),
        (('"oscar-1"', '"oscar-1'), 10, "not valid YAML", "quotes"),
        (("      - name: frames", "      - name: &a [*a]"), 7, "inside what it repeats", "Remove the alias"),
        (("  connection:", "---\n  connection:"), 37, "a second document begins", "a file of each"),
        (("alice-state", "alice\astate"), 23, "a control character stands there (U+0007)", "Remove it"),
        # keys
        (("        topic:", "        topc:"), 9, 'unknown key "topc" in `Source.Kafka`', "`topic`"),
        (("  Source:", "  Sorce:"), 5, 'unknown key "Sorce" in `nifi`', "`Source`"),
        (("windowSeconds: 7", "windowSeconds: 7, size: 3"), 15, 'unknown key "size"', "maxMessages"),
        (("seconds: 2", "secs: 2"), 24, 'unknown key "secs"', "`seconds`"),
        (("        topic: frames", "        topic: frames\n        topic: more"),
         10, "twice (first on line 9)", "Keep one"),
        (("        topic: frames\n", ""), 7, "`topic` is missing in `Source.Kafka`", "Add `topic:`"),
        (("topic: frames", "topic:"), 9, "`topic` has no value", "remove the line"),
        # values
        (("maxMessages: 10", "maxMessages: many"), 15, "whole number, not 'many'", ""),
        (("windowSeconds: 7", "windowSeconds: 0"), 15, "`windowSeconds` is at least 1", ""),
        (("action: Merge", "action: Melt"), 15, '"Melt" is no alteration', "Merge, Encode, Decode"),
        (("action: Merge, maxMessages: 10, windowSeconds: 7", "Encoding: hex"),
         15, "has no `action`", "Write `action:`"),
        (("action: Merge, maxMessages: 10, windowSeconds: 7", "action: Encode, Encoding: rot13"),
         15, "one of base64", ""),
        (("topic: frames", "topic: [frames]"), 9, "`Source.Kafka.topic` is text, not a list", "with commas"),
        (("components: [{name: GetFile, seconds: 2, node: PRIMARY}]", "components: GetFile"), 24, "is a list", "`- `"),
        (("{name: GetFile, seconds: 2, node: PRIMARY}", "GetFile"),
         24, "an item of `Source.dCache.components` is one value", "`- name: …`"),
        (("    Kafka:\n", "    Kafka:\n      -\n"), 7, "an item of `Source.Kafka` is empty", "bootstrap_servers"),
        (("seconds: 2", "seconds: .inf"), 24, "`seconds` is at most", ""),
        (("seconds: 2", "seconds: yes"), 24, "`seconds` is a number", ""),
        (("maxMessages: 10", "maxMessages: 9999999999"), 15, "`maxMessages` is at most", ""),
        (("env:NIFI_PASSWORD", "'env:'"), 4, "`password: env:` names nothing", "comes after"),
        (("env:NIFI_PASSWORD", "''"), 4, "`password` is empty", "env:NAME"),
        (("ssl_context: {Truststore_Filename: kafka.p12, Truststore_Password: env:TRUST}", "ssl_context: x"),
         13, "map", ""),
        (("  connection:\n    - {from: frames, to: to-oscar}\n    - ", "  connection: "),
         37, "is a list, not a map", "`- `"),
        # what keys mean together
        (("https://nifi.example.org", "nifi.example.org:8443"), 2, "no address", "mean https://nifi.example.org:8443?"),
        (("https://nifi.example.org", "https://nifi.example.org/nifi/#/process-groups/x"),
         2, "the address of a page", "Write https://nifi.example.org."),
        (("broker.example.org:9093", "broker.example.org"), 8, "broker.example.org has no port", "host:port"),
        (("service: detect", "service: /job/detect"), 29, "no name of a service", "alone"),
        (("    Kafka:\n", "    GetSQS: [{name: q, queue_name: 'https://q', AWS_DEFAULT_REGION: r}]\n    Kafka:\n"),
         6, "no name of a queue", "not its address"),
        (("    Kafka:\n", "    GetS3: [{name: q, AWS_S3_BUCKET: a.b.c, AWS_DEFAULT_REGION: r}]\n    Kafka:\n"),
         6, "SQS takes no dots", "`GetSQS:`"),
        (("name: to-oscar", "name: frames"), 27, 'two elements are named "frames"', "another name"),
        (("to: to-oscar", "to: to-oscr"), 38, "`to: to-oscr`: no element has this name", '"to-oscar"'),
        (("{from: frames", "{from: nobody"), 38, "`from: nobody`", "There are: incoming"),
        (("{from: frames, to: to-oscar}", "{from: results, to: to-oscar}"), 38, "nothing comes out of it", "Swap"),
        (("{from: frames, to: to-oscar}", "{from: frames, to: incoming}"), 38, "nothing goes into it", "Swap"),
        (("        sasl_username: reader\n", ""),
         7, "`sasl_username` is missing, which SASL_SSL wants", "security_protocol"),
        (("Truststore_Filename: kafka.p12, ", ""), 13, "`ssl_context.Truststore_Filename` is missing", "Add"),
        (("topic: frames", 'topic: frames\n        separate_by_key: "true"'), 10, "message_demarcator", "Add it"),
        (("topic: frames", "topic: '*'"), 9, "regular expression, and this one is not", "topic_is_pattern"),
        (("statefile: alice-state", "statefile: dcache-1"), 23, "taken for an event", "does not begin with dcache"),
        (("folder: /Users", "folder: Users"), 22, "whole path", "Begin it with /"),
        (("        token: env:DETECT_TOKEN\n", ""), 27, "neither token nor user and password", "`token:`"),
        (("endpoint: https://oscar", "endpoint: oscar"), 28, "`endpoint` is no address", "mean https://oscar.example.org?"),
        (("https://oscar", "https://me:word@oscar"), 28, "holds a user or password", "keys of their own"),
        (("        AWS_DEFAULT_REGION: eu-west-1\n", ""), 32, "`AWS_DEFAULT_REGION` is missing", "MinIO_Endpoint"),
        (("        AWS_ACCESS_KEY_ID: env:KEY\n", ""), 32, "of the two keys only one", "AWS_ACCESS_KEY_ID"),
        (("  user: proxyuser\n", ""), 1, "of user and password only one", "`user:`"),
        (("  connection:", "  x-oscar: {auth: token}\n  connection:"), 37, "auth: token wants `token`", "Add"),
        (("  connection:", "  generic: [{name: mine, file: gone.json}]\n  connection:"),
         37, "no file gone.json", "none"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line_and_its_fix(
    change: tuple[str, str], line: int, problem: str, fix: str
) -> None:
    text = GOOD.replace(*change)
    assert text != GOOD
    report = found(text)
    assert report.flow is None
    finding = next(finding for finding in report.errors if problem in finding.problem)
    assert fix in finding.fix
    assert finding.line == line
    with pytest.raises(FlowError, match=r"flow\.yaml:\d+: "):
        report.sound()


@pytest.mark.parametrize(
    ("change", "line", "problem", "fix"),
    [
        (("    Kafka:", "    kafka:"), 6, "`kafka` is taken as `Kafka`", "Write `Kafka:`"),
        (("topic: frames", "topic: frames\n        security_protocol: sasl_ssl"), 10, "taken as `SASL_SSL`", "Write"),
        (("action: Merge", "action: merge"), 15, "`merge` is taken as `Merge`", "Write"),
        (("          - {action: Encode, Encoding: base64}\n", ""), 37, "which OSCAR would garble", "after the Merge"),
        (("topic: frames", "topic: fra.mes"), 9, "dots stand for any sign", r"`\.`"),
        (('"oscar-1"', "0777"), 10, "YAML, and so DCNiOS, makes another value", "quotes"),
        (("sasl_password: env:KAFKA_PASSWORD", "sasl_password: hush"),
         12, "stands in the file itself", "env:FRAMES_SASL_PASSWORD"),
        (("  password: env:NIFI_PASSWORD", "  password: hush"), 4, "stands in the file itself", "env:NIFI_PASSWORD"),
        (("Truststore_Password: env:TRUST", "Truststore_Password: hush"), 13, "stands in the file", "env:FRAMES_TRUST"),
        (("env:NIFI_PASSWORD", "${NIFI_PASSWORD}"), 4, "nobody puts a variable's value there", "env:NIFI_PASSWORD"),
        (("user: alice", "user: <dcache-user>"), 20, "placeholder of a template", "Fill it in"),
        (("name: GetFile", "name: GetFil"), 24, "has no processor GetFil", "GetFile"),
        (("node: PRIMARY", "node: SOME"), 24, "ALL or PRIMARY", "one of them"),
        (("/api/v1", ""), 19, "addressed with its path", "/api/v1"),
        (("https://oscar", "http://oscar"), 28, "go to oscar.example.org unencrypted", "https"),
        (("https://nifi.example.org", "https://nifi.example.org/nifi"), 2, "without the path", "Leave"),
        (("    - {from: incoming, to: results}\n", "    - {from: frames, to: results}\n"),
         18, "connected to nothing", "stops reading"),
        (("{from: incoming", "{from: frames, to: to-oscar}\n    - {from: incoming"), 39, "connected twice", "Remove"),
        (("  endpoint: https://nifi.example.org\n", ""), 1, "does not say which NiFi", "Name a NiFi"),
        (("    token: env:DETECT_TOKEN", "    token: env:DETECT_TOKEN\n        user: u\n        password: env:P"),
         30, "user and password win", "Keep one"),
    ],
)  # fmt: skip
def test_what_works_but_is_worth_a_look_is_a_warning(
    change: tuple[str, str], line: int, problem: str, fix: str
) -> None:
    text = GOOD.replace(*change)
    assert text != GOOD
    finding = one(text, WARNING)
    assert problem in finding.problem
    assert fix in finding.fix
    assert finding.line == line
    assert found(text).flow is not None


def test_mistakes_of_every_sort_are_told_at_once() -> None:
    """Also where an element that does not fit stands before the one with another mistake."""
    text = GOOD.replace("      - name: incoming", "      - {name: first}\n      - name: incoming")
    text = text.replace("to: to-oscar", "to: to-oscr").replace("folder: /Users", "folder: Users")
    said = [(finding.line, finding.problem) for finding in found(text).errors]
    assert {line for line, problem in said if "missing in `Source.dCache`" in problem} == {18}
    assert said[-2:] == [
        (23, "the folder in dCache is a whole path."),
        (39, "`to: to-oscr`: no element has this name."),
    ]


def test_dcnios_first_release_put_sources_and_destinations_side_by_side() -> None:
    old = """\
nifi:
  endpoint: https://nifi.example.org
  user: u
  password: env:P
  dcache:
    - {name: dcache, endpoint: "https://d.example.org/api/v1", user: u, password: env:P, folder: /in, statefile: s}
  oscar:
    - {name: invoke, endpoint: "https://o.example.org", service: s, token: env:T}
  connection: [{from: dcache, to: invoke}]
"""
    report = found(old)
    assert report.errors == []
    assert [
        (finding.line, finding.problem.split(",")[0]) for finding in report.warnings if "stands" in finding.problem
    ] == [
        (5, "`dcache` stands below `nifi`"),
        (7, "`oscar` stands below `nifi`"),
    ]
    assert list(report.sound().elements) == ["dcache", "invoke"]


def test_documentation_s_other_words_are_taken_with_a_warning() -> None:
    text = """\
nifi:
  endpoint: https://nifi.example.org
  user: u
  password: env:P
  Source:
    S3: [{name: a, AWS_S3_BUCKET: b, AWS_DEFAULT_REGION: r}]
    SQS: [{name: c, queue_name: q, AWS_DEFAULT_REGION: r}]
    RUCIO: [{name: d, host: h, port: "5671", user: me, password: env:P, queue_name: q}]
  Destination:
    S3: [{name: e, AWS_S3_BUCKET: b, AWS_DEFAULT_REGION: r}]
  connection: [{from: a, to: e}, {from: c, to: e}, {from: d, to: e}]
"""
    report = found(text)
    assert [finding.fix for finding in report.findings] == [
        "Write `GetS3:`.", "Write `GetSQS:`.", "Write `virtual_host:`.", "Write `PutS3:`.",
    ]  # fmt: skip
    assert [element.kind for element in report.sound().elements.values()] == ["GetS3", "PutS3", "GetSQS", "RUCIO"]


def test_a_piece_that_was_copied_from_documentation_is_told_where_it_belongs() -> None:
    report = found("Kafka: []\nconnection: []\nalterations: []\n")
    assert [(one.line, one.fix) for one in report.errors] == [
        (1, "Put it below `nifi:` and `Source:`."),
        (2, "Put it below `nifi:`."),
        (3, "Put it below the source that it changes."),
    ]


def test_what_a_name_hides_is_shown_and_reaches_no_terminal() -> None:
    report = found(GOOD.replace("name: to-oscar", 'name: "to\\e[2J\\u202eoscar"'))
    assert "holds what cannot be seen" in str(report)
    assert all(one.isprintable() or one == "\n" for one in str(report))


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no /dev/zero here")
def test_a_file_without_an_end_is_told_and_not_read_whole() -> None:
    assert "larger than" in lint.check("/dev/zero").errors[0].problem
    text = GOOD.replace("  connection:", "  generic: [{name: mine, file: /dev/zero}]\n  connection:")
    report = lint.parse(text, Path("flow.yaml"))
    assert any("/dev/zero is larger than" in one.problem for one in report.errors)
    text = GOOD.replace("env:", "value:").replace("value:DETECT_TOKEN", "file:/dev/zero")
    with pytest.raises(FlowError, match=r":30: .*larger than"):
        secrets.follow(found(text).sound())


def test_aliases_and_merged_maps_work_and_own_keys_win() -> None:
    text = GOOD.replace("nifi:\n", "x-common: &common {user: alice, statefile: other}\nnifi:\n", 1)
    text = text.replace("        user: alice\n", "        <<: *common\n")
    flow = found(text).sound()
    assert (flow.nifi.Source.dCache[0].user, flow.nifi.Source.dCache[0].statefile) == ("alice", "alice-state")


def test_what_is_typed_is_taken_as_text_where_yaml_would_make_a_number() -> None:
    flow = found(GOOD.replace("sasl_password: env:KAFKA_PASSWORD", "sasl_password: 12345678901234567890")).sound()
    password = flow.nifi.Source.Kafka[0].sasl_password
    assert password is not None
    assert password.get_secret_value() == "12345678901234567890"


def test_a_yaml_bomb_deep_nesting_and_an_empty_file_are_told_in_a_sentence() -> None:
    bomb = "a: &a [" + ",".join(["x"] * 10) + "]\n"
    for before, after in zip("abcdefg", "bcdefgh", strict=True):
        bomb += f"{after}: &{after} [{','.join([f'*{before}'] * 10)}]\n"
    assert "aliases make more than" in one(bomb + "nifi: {Source: *h}\n", ERROR).problem
    assert "nest" in one("nifi: " + "[" * 5000, ERROR).problem
    assert "nest" in one("nifi: " + "[" * 900 + "]" * 900, ERROR).problem
    assert "empty" in one("", ERROR).problem
    assert "no dataflow" in one("- a\n", ERROR).problem
    assert "second document" in one("nifi: {}\n---\nnifi: {}\n", ERROR).problem


def test_ten_thousand_elements_are_read() -> None:
    many = "".join(f"      - {{name: q{n}, queue_name: q{n}, AWS_DEFAULT_REGION: us-east-1}}\n" for n in range(10_000))
    links = "".join(f"    - {{from: q{n}, to: to-oscar}}\n" for n in range(10_000))
    text = GOOD.replace("    Kafka:\n", "    GetSQS:\n" + many + "    Kafka:\n") + links
    report = found(text)
    assert report.findings == []
    assert len(report.sound().elements) == 10_004


def test_a_secret_is_in_no_message_and_no_repr() -> None:
    text = (
        GOOD.replace("env:KAFKA_PASSWORD", "MARKER-1")
        .replace("env:DETECT_TOKEN", "MARKER-2")
        .replace("env:TRUST", "MARKER-3")
    )
    report = found(text)
    assert len(report.warnings) == 3
    assert "MARKER" not in str(report) + repr(report) + repr(report.sound().nifi)
    wrong = found(text.replace("topic: frames", "topc: frames").replace("maxMessages: 10", "maxMessages: x"))
    assert wrong.errors
    assert "MARKER" not in str(wrong) + repr(wrong)
    broken = found(text.replace('"oscar-1"', '"oscar-1'))
    assert "MARKER" not in str(broken)
    nested = found(GOOD.replace("env:KAFKA_PASSWORD", "[MARKER]"))
    assert "MARKER" not in str(nested)
    for address in ("https://me:MARKER@oscar", "https://me:MARKER@oscar.example.org/?page=1#", "me:MARKER@oscar"):
        said = found(GOOD.replace("https://oscar.example.org", address))
        assert said.errors
        assert "MARKER" not in str(said)


UNSET = json.dumps(
    {
        "flowContents": {
            "variables": {"a": ""},
            "processors": [{"identifier": "p", "type": "T", "properties": {"x": "${a}"}}],
        }
    }
)


@pytest.mark.parametrize(
    ("group", "problem"),
    [
        ("{not json", "is not JSON"),
        ("[1]", "holds no flow definition"),
        ('{"flowContents": {"processors": [{"identifier": "p"}]}}', "flowContents.processors.0.type: field required"),
        ('{"flowContents": {"inputPorts": [{"identifier": "a"}, {"identifier": "b"}]}}', "has 2 input ports"),
        ('{"flowContents": {}}', "has no input port"),
        (UNSET, "no value"),
    ],
)  # fmt: skip
def test_a_group_of_one_s_own_is_checked_too(group: str, problem: str) -> None:
    text = GOOD.replace("  connection:", "  generic: [{name: mine, file: g.json, variables: {b: c}}]\n  connection:")
    text += "    - {from: frames, to: mine}\n"
    report = lint.parse(text, Path("flow.yaml"), {"g.json": group})
    finding = next(finding for finding in report.errors if problem in finding.problem)
    assert finding.line == 37


def test_a_missing_file_and_one_that_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="no such file"):
        lint.load(tmp_path / "gone.yaml")
    (tmp_path / "latin.yaml").write_bytes("nifi: caf\xe9".encode("latin-1"))
    with pytest.raises(FlowError, match="UTF-8"):
        lint.load(tmp_path / "latin.yaml")


def test_the_published_schema_is_what_the_model_says_and_takes_the_examples() -> None:
    assert schema.PUBLISHED.read_text(encoding="utf-8") == schema.text()
    check = jsonschema.Draft202012Validator(schema.schema())
    for file in sorted(FILES.glob("*.yaml")):
        assert list(check.iter_errors(yaml.safe_load(file.read_text()))) == [], file
    wrong = yaml.safe_load(GOOD.replace("topic:", "topc:"))
    assert {error.validator for error in check.iter_errors(wrong)} == {"additionalProperties", "required"}
    assert schema.schema()["$defs"]["KafkaSource"]["properties"]["topic"]["description"]


def test_every_key_of_dcnios_is_known() -> None:
    for section, kinds in DCNIOS.items():
        holder = model.Sources if section == "Source" else model.Destinations
        for kind, wanted in kinds.items():
            annotation: Any = holder.model_fields[kind].annotation
            assert wanted <= set(annotation.__args__[0].model_fields), kind


COMMON = {"name", "components", "ssl_context"}
DCNIOS = {
    "Source": {
        "dCache": COMMON | {"endpoint", "user", "password", "folder", "statefile", "alterations"},
        "Kafka": COMMON | {"bootstrap_servers", "topic", "group_id", "sasl_username", "sasl_password",
                           "security_protocol",
                           "sasl_mechanism", "separate_by_key", "message_demarcator", "alterations"},
        "GetSQS": COMMON | {"queue_name", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY", "alterations"},
        "GetS3": COMMON | {"AWS_S3_BUCKET", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY", "alterations"},
        "RUCIO": COMMON | {"queue_name", "host", "port", "virtual_host", "password",
            "service_filter", "ssl_client_auth"},
    },
    "Destination": {
        "OSCAR": COMMON | {"endpoint", "service", "token", "user", "password"},
        "PutS3": COMMON | {"AWS_S3_BUCKET", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY", "MinIO_Endpoint"},
    },
}  # fmt: skip


def test_models_are_what_elements_say_they_are() -> None:
    for holder in (model.Sources, model.Destinations):
        for kind, info in holder.model_fields.items():
            assert info.annotation is not None
            assert info.annotation.__args__[0].kind == kind
