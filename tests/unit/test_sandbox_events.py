"""What reaches the script as its input, for each kind of body."""

from __future__ import annotations

import base64
import json

import pytest

from jupyter_oscar.sandbox.events import echo, parse


class Silent:
    def __init__(self):
        self.said = []

    def say(self, message, _level="INFO"):
        self.said.append(message)


SERVICE = {"input": [{"storage_provider": "minio.default", "path": "b/in"}]}


def read(body):
    return parse(body, Silent(), SERVICE)


@pytest.mark.parametrize(
    ("body", "printed"),
    [
        ("aGk=", "aGk=\n"),
        ("a  b\n c\t\td ", "a b c d\n"),
        (r'{"a": "x\ny"}', '{"a": "x\ny"}\n'),
        (r"a\\b", "a\\b\n"),
        (r"\"kept\"", '\\"kept\\"\n'),
        (r"stop\chere", "stop"),
        (r"\0101", "A\n"),
        ("", "\n"),
    ],
)
def test_the_shells_echo_is_between_a_body_and_its_event(body, printed):
    assert echo(body) == printed


@pytest.mark.parametrize(
    ("body", "content"),
    [
        (base64.b64encode(b"\x00\xff").decode(), b"\x00\xff"),
        ('{"a":1,   "b": "x  y"}', b'{"a": 1, "b": "x  y"}'),
        ("", b""),
        (json.dumps({"event": "aGk=", "storage_provider": "minio.default"}), b"hi"),
    ],
)
def test_content_becomes_the_input_file(body, content, tmp_path):
    read(body).save(tmp_path / "input")
    assert (tmp_path / "input").read_bytes() == content


@pytest.mark.parametrize("body", ["[1,2]", "plain text!", '"bar"', "é"])
def test_what_the_real_supervisor_chokes_on_chokes_ours(body, tmp_path):
    event = read(body)
    with pytest.raises((TypeError, ValueError)):
        event.save(tmp_path / "input")


@pytest.mark.parametrize("body", ["5", "true", "null", '{"Records": [1]}'])
def test_what_cannot_even_be_searched_fails_while_it_is_read(body):
    with pytest.raises(TypeError):
        read(body)


PLACE = {"bucket": {"name": "b"}, "object": {"key": "in%2Fa+b%C3%BC.txt"}}


def stored(source):
    return {"Records": [{"eventSource": source, "eventTime": "now", "s3": PLACE}]}


@pytest.mark.parametrize(("source", "kind"), [("minio:s3", "MINIO"), ("aws:s3", "S3")])
def test_a_storage_event_names_an_object(source, kind):
    event = read(json.dumps(stored(source)))
    assert (event.kind, event.provider, event.bucket, event.key) == (kind, kind, "b", "in/a bü.txt")
    assert event.variables["EVENT_TIME"] == "now"
    assert json.loads(event.variables["EVENT"]) == stored(source)


@pytest.mark.parametrize(("names", "provider"), [({}, "MINIO"), ({"storage_provider": "minio.far"}, "LOCAL")])
def test_a_delegated_event_is_unwrapped_and_its_storage_is_ours_only_when_it_names_none(names, provider):
    log = Silent()
    event = parse(json.dumps({"event": json.dumps(stored("minio:s3")), **names}), log, SERVICE)
    assert (event.kind, event.provider, event.key) == ("MINIO", provider, "in/a bü.txt")
    assert log.said[0] == "Delegated event found."


def test_a_dcache_event_is_its_own_input_without_a_dcache(tmp_path):
    log = Silent()
    event = parse(json.dumps({"event": {"name": "a.jpg", "mask": ["IN_CREATE"]}, "subscription": "x"}), log, SERVICE)
    event.save(tmp_path / "input")
    assert (event.kind, event.provider) == ("DCACHE", "LOCAL")
    assert json.loads((tmp_path / "input").read_text()) == {"name": "a.jpg", "mask": ["IN_CREATE"]}
    assert log.said[:2] == ["Dcache event found.", "There is no dcache input defined for this function."]


def test_a_rucio_event_is_its_own_input_without_a_rucio(tmp_path):
    body = {"event_type": "close", "payload": {"scope": "user.me", "name": "set"}}
    event = read(json.dumps(body))
    event.save(tmp_path / "input")
    assert (event.kind, event.provider, event.key) == ("RUCIO", "LOCAL", "set")
    assert json.loads((tmp_path / "input").read_text()) == body


@pytest.mark.parametrize(
    ("body", "content"),
    [("aGk=", b"hi"), (json.dumps({"a": 1}), b'{"a": 1}'), (None, b"")],
)
def test_of_a_gateway_request_the_body_is_the_input_and_the_query_is_variables(body, content, tmp_path):
    request = {"httpMethod": "POST", "headers": {}, "body": body, "queryStringParameters": {"size": "3", "none": ""}}
    event = read(json.dumps(request))
    event.save(tmp_path / "input")
    assert (tmp_path / "input").read_bytes() == content
    assert event.variables == {"CONT_VAR_size": "3"}


def test_an_event_of_an_unknown_source_is_content(tmp_path):
    body = {"Records": [{"eventSource": "aws:sqs", "body": "x"}]}
    log = Silent()
    event = parse(json.dumps(body), log, SERVICE)
    event.save(tmp_path / "input")
    assert event.kind == "UNKNOWN"
    assert json.loads((tmp_path / "input").read_text()) == body
    assert "aws:sqs" in log.said[0]
