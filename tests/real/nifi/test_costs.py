"""How much is asked of NiFi: requests counted by a proxy before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from engine_stories import Operator
from nifi_canvas import engine
from odd_servers import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from nifi_process import Process

    from jupyter_oscar.flows.engines.base import Engine

pytestmark = [pytest.mark.real, pytest.mark.timeout(3600)]


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


def test_a_deployment_asks_little_of_nifi(nifi: Process, operator: Operator, tell: Callable[[str], None]) -> None:
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
    tell(f"NiFi {nifi.version}: requests {counts}, {nifi.memory} MB")
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
