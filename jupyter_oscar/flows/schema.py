"""The file's JSON schema, by which editors complete keys and say what they mean.

``dcnios.schema.json`` beside this file is what this makes of the model; a test keeps them equal. An editor takes it
from a first line ``# yaml-language-server: $schema=PATH``; ``jupyter oscar flow schema --path`` says the PATH.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from . import model

PUBLISHED: Final = Path(__file__).with_name("dcnios.schema.json")


def schema() -> dict[str, Any]:
    """The schema as it is made of the model."""
    made = model.File.model_json_schema()
    for name, part in made["$defs"].items():
        for key in part.get("properties", {}):
            part["properties"][key] = _lenient(part["properties"][key])
        part.pop("title", None)
        if name == "Nifi":
            part["patternProperties"] = {"^x-": {}}
    made["patternProperties"] = {"^x-": {}}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "title": "A dataflow for OSCAR (DCNiOS)"}


def text() -> str:
    """The same as it is published."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def _lenient(part: dict[str, Any]) -> dict[str, Any]:
    """What YAML makes of text that looks like a number is text here, and an empty section holds nothing."""
    part = {key: value for key, value in part.items() if key not in {"title", "writeOnly", "format"}}
    if part.get("type") == "string" and not part.keys() & {"enum", "const", "pattern"}:
        part["type"] = ["string", "number"]
    if part.get("type") == "array":
        part["type"] = ["array", "null"]
    for key in ("anyOf", "oneOf"):
        if key in part:
            part[key] = [_lenient(one) for one in part[key]]
    if isinstance(part.get("additionalProperties"), dict):
        part["additionalProperties"] = _lenient(part["additionalProperties"])
    return part
