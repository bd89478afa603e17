"""The JSON Schema of everything routes take and give; TypeScript's interfaces are generated from it.

``python -m jupyter_oscar.server.schema`` prints it.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic.json_schema import models_json_schema

from . import (
    buckets,
    calls,
    clusters,
    flows,
    health,
    objects,
    processes,
    services,
    sign_in,
    triggers,
    uploads,
    working_directory,
)
from .route import Message, Problem, Progress

MODULES = (
    buckets,
    calls,
    clusters,
    flows,
    health,
    objects,
    processes,
    services,
    sign_in,
    triggers,
    uploads,
    working_directory,
)


def models() -> list[type[Message]]:
    """Every message, by name."""
    found: dict[str, type[Message]] = {Problem.__name__: Problem, Progress.__name__: Progress}
    for module in MODULES:
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Message) and value.__module__ == module.__name__:
                found[value.__name__] = value
    return [found[name] for name in sorted(found)]


def schema() -> dict[str, Any]:
    """One schema with a definition for each message, as they are sent."""
    _, whole = models_json_schema(
        [(model, "serialization") for model in models()], ref_template="#/definitions/{model}"
    )
    return {"title": "Messages", "type": "object", "definitions": whole["$defs"]}


if __name__ == "__main__":
    print(json.dumps(schema(), indent=1, sort_keys=True))  # noqa: T201 - what it is for
