"""Go's JSON, sentence by sentence: checked against what Go itself says."""

from __future__ import annotations

import pytest

from jupyter_oscar.sandbox import gojson
from jupyter_oscar.sandbox.gojson import GoJSONError
from jupyter_oscar.sandbox.schema import SERVICE, read, show


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("", "EOF"),
        (" \n", "EOF"),
        ("{", "unexpected EOF"),
        ('{"a": 1', "unexpected EOF"),
        ('{"a', "unexpected EOF"),
        ("tru", "unexpected EOF"),
        ("{bad", "invalid character 'b' looking for beginning of object key string"),
        ("bad", "invalid character 'b' looking for beginning of value"),
        ('{"a" 1}', "invalid character '1' after object key"),
        ('{"a": 1 "b"}', "invalid character '\"' after object key:value pair"),
        ("[1 2]", "invalid character '2' after array element"),
        ('{"a": 1,}', "invalid character '}' looking for beginning of object key string"),
        ("[1,]", "invalid character ']' looking for beginning of value"),
        ("nul!", "invalid character '!' in literal null (expecting 'l')"),
        ('"a\nb"', "invalid character '\\n' in string literal"),
        (r'"\x"', "invalid character 'x' in string escape code"),
        (r'"\u12G4"', "invalid character 'G' in \\u hexadecimal character escape"),
        ("-x", "invalid character 'x' in numeric literal"),
        ("{'a': 1}", "invalid character '\\'' looking for beginning of object key string"),
    ],
)
def test_what_is_no_json_is_said_in_gos_words(body, sentence):
    with pytest.raises(GoJSONError) as caught:
        gojson.decode(body.encode())
    assert str(caught.value) == sentence


def test_what_follows_the_first_value_is_ignored():
    assert gojson.decode(b'{"a": [1, true, null, "x\\u00e9"]} and more') == {"a": [1, True, None, "xé"]}


def test_html_is_escaped_as_go_does():
    assert gojson.encode({"a": "<b> & \u2028 é"}) == '{"a":"\\u003cb\\u003e \\u0026 \\u2028 é"}'


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"cpu": 1}, "number into Go struct field Service.cpu of type string"),
        ({"script": ["a"]}, "array into Go struct field Service.script of type string"),
        ({"enable_gpu": "yes"}, "string into Go struct field Service.enable_gpu of type bool"),
        ({"input": {}}, "object into Go struct field Service.input of type []types.StorageIOConfig"),
        ({"input": [{"path": 1}]}, "number into Go struct field StorageIOConfig.input.path of type string"),
        ({"expose": {"api_port": 80}}, "number into Go struct field Expose.expose.api_port of type []int"),
        ({"expose": {"min_scale": 1.5}}, "number 1.5 into Go struct field Expose.expose.min_scale of type int"),
        ({"annotations": {"A": 1}}, "number into Go struct field Service.annotations of type string"),
    ],
)  # fmt: skip
def test_a_wrong_type_names_its_field(value, sentence):
    with pytest.raises(GoJSONError) as caught:
        read(value, SERVICE)
    assert str(caught.value) == f"json: cannot unmarshal {sentence}"


def test_keys_fit_in_any_letter_case_and_unknown_ones_are_ignored():
    spec = read({"NAME": "a", "Environment": {"Variables": {"Kept": "1"}}, "output_extra": 1, "image": None}, SERVICE)
    assert (spec["name"], spec["image"], spec["environment"]["variables"]) == ("a", "", {"Kept": "1"})


def test_an_empty_service_shows_what_go_shows():
    shown = show(SERVICE.empty(), SERVICE)
    assert "volume" not in shown
    assert "image_pull_secrets" not in shown
    assert shown["input"] == []
    assert shown["mount"] == {"storage_provider": "", "path": ""}
