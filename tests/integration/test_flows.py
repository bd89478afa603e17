"""Dataflows from a cell and on the command line, as far as no NiFi is needed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import jupyter_oscar as oscar
from jupyter_oscar.client.errors import FileMissing, InsecureEndpoint, ServiceNotFound
from jupyter_oscar.flows import lint, secrets
from jupyter_oscar.notebook.bridge import bridge

EVERYTHING = Path(__file__).parents[1] / "resources" / "flows" / "everything.yaml"
FLOW = """\
nifi:
  endpoint: https://nifi.example.org
  Source:
    Kafka:
      - {{name: in, bootstrap_servers: "b:9092", topic: frames, group_id: g, security_protocol: PLAINTEXT}}
  Destination:
    OSCAR:
      - {{name: out, endpoint: "{endpoint}", service: {service}, {login}}}
  connection: [{{from: in, to: out}}]
"""


def written(folder, **words):
    file = folder / "flow.yaml"
    file.write_text(FLOW.format(**{"endpoint": "https://oscar.example.org", "service": "detect", **words}))
    return file


def test_a_file_is_checked_and_drawn_on_the_command_line(cli, tmp_path):
    good, bad = written(tmp_path, login="token: env:T"), tmp_path / "bad.yaml"
    bad.write_text(good.read_text().replace("topic:", "topc:").replace("env:T", "MARKER"))
    said = cli("flow", "lint", good, bad, code=1)
    assert f"{good}: nothing to say" in said
    assert f'{bad}:5: error: unknown key "topc" in `Source.Kafka`. Did you mean `topic`?' in said
    assert "MARKER" not in said
    found = json.loads(cli("flow", "lint", bad, "--json", code=1))
    assert [(one["level"], one["line"]) for one in found if one["level"] == "error"] == [("error", 5)]
    assert cli("flow", "graph", good).strip() == "in (Kafka · frames) → out (OSCAR · detect)"
    cli("flow", "graph", good, "-o", "flow.svg")
    assert (tmp_path / "flow.svg").read_text().startswith("<svg ")
    assert json.loads(cli("flow", "schema"))["title"]


def test_a_plan_for_a_nifi_that_is_not_at_hand_asks_nobody(cli):
    plan = json.loads(cli("flow", "plan", EVERYTHING, "--version", "1.18.0", "--json"))
    assert plan["action"] == "create"
    assert {one["element"]: one["how"] for one in plan["sources"]}["dcache-in"] == "bridge"
    said = cli("flow", "plan", EVERYTHING, "--version", "2.3.0", "--exit-code", code=7)
    assert "ConsumeKafka" in said
    assert "waiting for its bridge" in said
    cli("flow", "plan", EVERYTHING, "--version", "3", code=2)


def test_a_login_that_the_file_only_refers_to_is_asked_about(cli, tmp_path):
    file = written(tmp_path, login="token: T")
    file.write_text(file.read_text().replace("  Source:", "  user: u\n  password: env:HOME\n  Source:"))
    cli("flow", "plan", file, code=2)
    assert "password from env:HOME (line 4)? Nobody can be asked here: add --yes." in cli.said


def test_what_a_source_is_read_with_is_asked_for_only_where_nifi_reads_it(cli, still_nifi, tmp_path):
    """That NiFi reads no source by itself, so it gets the service's token and no other secret."""
    file = written(tmp_path, login="token: env:T")
    kafka = "security_protocol: SASL_PLAINTEXT, sasl_username: u, sasl_password: env:K}"
    file.write_text(file.read_text().replace("security_protocol: PLAINTEXT}", kafka))
    with still_nifi.still() as nifi:
        cli("nifi", "add", "site", nifi.url)
        cli("flow", "apply", file, "--nifi", "site", code=2)
        assert "send them to site: token from env:T (line 8)? Nobody can be asked here: add --yes." in cli.said
        assert "secrets that the file refers to were not read" in cli("flow", "plan", file, "--nifi", "site")
        cli.env["T"] = "MARKER"
        assert "not read" not in cli("flow", "plan", file, "--nifi", "site", "--yes")
        file.write_text(file.read_text().replace("group_id: g", "group_id: g, x-oscar: {via: native}"))
        cli("flow", "apply", file, "--nifi", "site", code=2)
        assert "site: sasl_password from env:K (line 5), token from env:T (line 8)?" in cli.said


def test_a_template_lints_with_a_warning_so_that_it_can_be_filled_in_and_is_not_deployed_until_it_is(cli, tmp_path):
    file = written(tmp_path, login="token: <token>")
    file.write_text(file.read_text().replace('"b:9092"', "<broker>"))
    assert "warning: `token` still is the placeholder of a template." in cli("flow", "lint", file)
    plan = json.loads(cli("flow", "plan", file, "--version", "1.18.0", "--json"))
    assert plan["action"] == "refuse"
    refused = [step["sentence"].rpartition("flow.yaml:")[2] for step in plan["steps"] if step["action"] == "refuse"]
    assert refused == [
        "5: in: `bootstrap_servers` still is the placeholder of a template. Fill it in.",
        "8: out: `token` still is the placeholder of a template. Fill it in.",
    ]
    file.write_text(file.read_text().replace("group_id: g", "group_id: g, x-oscar: {via: bridge}"))
    said = cli("flow", "plan", file, "--version", "1.18.0")
    assert "`token` still is" in said
    assert "`bootstrap_servers`" not in said, "NiFi would not be sent it"


def test_a_plan_without_any_nifi_says_what_to_do(cli, tmp_path):
    file = written(tmp_path, login="token: env:T")
    file.write_text(file.read_text().replace("  endpoint: https://nifi.example.org\n", ""))
    cli("flow", "plan", file, code=3)
    assert "No NiFi was named" in cli.said


def test_dataflows_are_looked_at_from_a_terminal_and_by_programs(cli, still_nifi, odd):
    with odd.refusing() as nobody:
        cli("nifi", "add", "gone", nobody, code=5)
        assert "connection refused" in cli.said
    cli("nifi", "add", "odd", "nifi.example.org:8443", code=3)
    assert "is not the address of a NiFi" in cli.said
    with still_nifi.still("ada", "word-of-the-nifi") as nifi:
        nifi.add("frames", Running=2, queued=14, dead=2, complaint="Failed to connect\n- Caused by: …")
        nifi.add("made", Stopped=1, queues=("eu-west-1/photos of 123456789012",))
        cli("nifi", "add", "site", nifi.url, "--user", "ada", stdin="wrong-word\n", code=4)
        cli("nifi", "add", "site", nifi.url, "--user", "ada", "--password-stdin", stdin="word-of-the-nifi\n")
        [known] = json.loads(cli("nifi", "list", "--json"))
        assert (known["name"], known["sign_in"]) == ("site", "password")
        assert cli("flow", "status").splitlines() == [
            "frames\trunning\t14\t2\tFailed to connect",
            "made\tstopped\t0\t0\t",
        ]
        found = {one["name"]: one for one in json.loads(cli("flow", "status", "--json"))}
        assert (found["frames"]["state"], found["made"]["made"]) == ("running", ["the queue photos"])
        cli("flow", "status", "frames", "nobody", code=3)
        assert "no dataflow named nobody" in cli.said
        # What a question would be about is said where nobody can be asked.
        cli("flow", "delete", "made", code=2)
        assert "Delete the dataflow made, and in AWS the queue photos? Nobody can be asked here" in cli.said
        cli("flow", "delete", "made", "--keep-queues", "--drop", code=2)
        assert "Delete the dataflow made? The events in its queues are lost." in cli.said
        nifi.add("odd", Running=1, Invalid=1)
        cli("flow", "status", code=1)
        assert "odd: InvokeOSCAR in odd is not valid." in cli.said
    cli("flow", "status", code=5)
    cli("nifi", "remove", "site", "--yes")
    cli("flow", "status", code=3)
    assert "jupyter oscar nifi add NAME ENDPOINT" in cli.said


def test_a_cell_shows_a_file_with_its_picture_and_its_mistakes(tmp_path):
    file = oscar.flow(written(tmp_path, login="token: MARKER"))
    assert "in (Kafka · frames) → out (OSCAR · detect)" in repr(file)
    assert "stands in the file itself" in repr(file)
    page = file._repr_html_()
    assert re.search(r'<img [^>]*src="data:image/svg\+xml;base64,', page)
    assert "MARKER" not in repr(file) + page
    assert repr(file.graph) == "in (Kafka · frames) → out (OSCAR · detect)"
    file.path.write_text(file.path.read_text().replace("topic:", "<b>topc:"))
    assert "<b>topc" in repr(file.lint()), "it is read anew"
    assert "<b>" not in file._repr_html_()
    with pytest.raises(FileMissing):
        oscar.flow(tmp_path / "gone.yaml")


def test_a_service_s_token_is_asked_of_its_cluster(sandbox, user, service, tmp_path, monkeypatch):
    """With user and password as DCNiOS does it, or of a cluster that is known here; and goes nowhere else."""

    def token(login, endpoint=sandbox.endpoint, name=service):
        file = written(tmp_path, endpoint=endpoint, service=name, login=login)
        flow = bridge.run(secrets.complete(lint.load(file)))
        return flow.nifi.Destination.OSCAR[0].token.get_secret_value()

    login = f"user: {sandbox.user}, password: '{sandbox.password}'"
    assert token(login) == user.token(service)
    with pytest.raises(ServiceNotFound):
        token(login, name="not-there")
    monkeypatch.setenv("OSCAR_ENDPOINT", sandbox.endpoint)
    monkeypatch.setenv("OSCAR_USER", sandbox.user)
    monkeypatch.setenv("OSCAR_PASSWORD", sandbox.password)
    assert token("x-oscar: {cluster: environment}") == user.token(service)
    with pytest.raises(InsecureEndpoint, match="the cluster environment is at"):
        token("x-oscar: {cluster: environment}", endpoint="https://elsewhere.example.org")
