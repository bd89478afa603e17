"""What reaches the script as its input, for each kind of body."""

from __future__ import annotations

import base64
import json

import pytest

from jupyter_oscar.sandbox.events import echo, parse


class Silent:
    def say(self, _message):
        """Nobody reads it."""


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
    parse(body, Silent()).save(tmp_path / "input")
    assert (tmp_path / "input").read_bytes() == content


@pytest.mark.parametrize("body", ["[1,2]", "plain text!", '"bar"', "é"])
def test_what_the_real_supervisor_chokes_on_chokes_ours(body, tmp_path):
    event = parse(body, Silent())
    with pytest.raises((TypeError, ValueError)):
        event.save(tmp_path / "input")


@pytest.mark.parametrize("body", ["5", "true", "null", '{"Records": [1]}'])
def test_what_cannot_even_be_searched_fails_while_it_is_read(body):
    with pytest.raises(TypeError):
        parse(body, Silent())


@pytest.mark.parametrize("source", ["minio:s3", "aws:s3"])
def test_a_storage_event_names_an_object(source):
    place = {"bucket": {"name": "b"}, "object": {"key": "in%2Fa+b%C3%BC.txt"}}
    event = parse(json.dumps({"Records": [{"eventSource": source, "eventTime": "now", "s3": place}]}), Silent())
    assert (event.bucket, event.key, event.time) == ("b", "in/a bü.txt", "now")


@pytest.mark.parametrize("body", [{"httpMethod": "POST"}, {"event": {}, "subscription": "x"}, {"event_type": "x"}])
def test_events_of_storage_that_is_not_here_are_refused_with_a_sentence(body):
    with pytest.raises(NotImplementedError, match="not dCache, Rucio or gateway events"):
        parse(json.dumps(body), Silent())
