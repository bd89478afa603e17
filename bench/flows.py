"""Compiling a dataflow of a thousand elements, beside parsing its YAML."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from jupyter_oscar.flows import lint
from jupyter_oscar.flows.engines.base import without_engine
from jupyter_oscar.flows.snapshot.compile import compile_flow

from .report import Line, alternate, at_most

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAIRS = 500
SOURCE = """\
      - name: k{n}
        bootstrap_servers: broker{n}:9093
        topic: frames
        group_id: g
        sasl_username: u
        sasl_password: env:P
        ssl_context: {{Truststore_Filename: a.p12, Truststore_Password: env:T}}
"""
DESTINATION = """\
      - name: o{n}
        endpoint: https://oscar.example.org
        service: detect
        token: env:T
"""


def text() -> str:
    """A file of a thousand elements: half of them sources, each connected to a destination."""
    sources, destinations = ("".join(one.format(n=n) for n in range(PAIRS)) for one in (SOURCE, DESTINATION))
    links = "".join(f"    - {{from: k{n}, to: o{n}}}\n" for n in range(PAIRS))
    head = "nifi:\n  endpoint: https://nifi.example.org\n  Source:\n    Kafka:\n"
    return f"{head}{sources}  Destination:\n    OSCAR:\n{destinations}  connection:\n{links}"


def lines() -> Iterator[Line]:
    """The promise of this file, held to the quickest parser there is; then the whole way, held to DCNiOS's own."""
    said = text()
    report = lint.parse(said, Path("flow.yaml"), {})
    flow, nifi = report.sound(), without_engine()
    fast = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    yield at_most(
        "compiling a dataflow of 1,000 elements",
        alternate(lambda: _seconds(lambda: compile_flow(flow, nifi)), lambda: _seconds(lambda: yaml.load(said, fast))),  # noqa: S506 - a safe loader
        5,
        "its YAML",
    )
    yield at_most(
        "the same, read and checked before, against yaml.safe_load",
        alternate(
            lambda: _seconds(lambda: compile_flow(lint.parse(said, Path("flow.yaml"), {}).sound(), nifi)),
            lambda: _seconds(lambda: yaml.safe_load(said)),
        ),
        5,
        "its YAML",
    )


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
