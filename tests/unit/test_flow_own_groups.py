"""A process group of one's own, as an older or a fuller NiFi exported it, on the NiFi that is there."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_oscar.flows import lint
from jupyter_oscar.flows.engines.base import Bundle, Capabilities, Kind
from jupyter_oscar.flows.snapshot.compile import compile_flow
from jupyter_oscar.flows.snapshot.types import INVOKE_HTTP

if TYPE_CHECKING:
    from jupyter_oscar.flows.snapshot.made import Snapshot

OWN = json.loads((Path(__file__).parents[1] / "resources" / "flows" / "invoke.json").read_text())
STANDARD = Kind(INVOKE_HTTP.name, Bundle("org.apache.nifi", "nifi-standard-nar", "1.18.0"))
#: A NiFi with one processor.
SMALL = Capabilities("1.18.0", {STANDARD.type: STANDARD}, {})


def exported(**properties: str | None) -> Any:
    """The group with more properties, and with two services of which one is needed by the other."""
    group = copy.deepcopy(OWN)
    top = group["flowContents"]
    top["processors"][0]["properties"] |= properties
    bundle = {"group": "org.apache.nifi", "artifact": "nifi-ssl-context-service-nar", "version": "1.20.0"}
    for name, needs in (("Outer", "inner"), ("Inner", None)):
        top["controllerServices"].append(
            {"identifier": name.lower(), "name": name, "type": f"x.{name}", "bundle": bundle,
             "properties": {"Service": needs}}
        )  # fmt: skip
    return group


def compiled(group: Any, capabilities: Capabilities = SMALL) -> Snapshot:
    variables = '{endpoint: "https://o", service: "it\'s", token: t}'
    text = f"nifi: {{generic: [{{name: g, file: g.json, variables: {variables}}}]}}"
    return compile_flow(
        lint.parse(text, Path("flow.yaml"), {"g.json": json.dumps(group)}).sound(),
        capabilities,
    )


def test_services_that_nothing_uses_are_left_out_where_this_nifi_does_not_have_them() -> None:
    snapshot = compiled(exported())
    assert snapshot.missing == ()
    assert [note for note in snapshot.notes if "left out" in note] == [
        f"g: its service {name} is left out: nothing uses it, and this NiFi does not have it."
        for name in ("Outer", "Inner")
    ]
    assert snapshot.flow["flowContents"]["processGroups"][0]["controllerServices"] == []


def test_those_that_something_uses_are_named_with_the_nar_of_this_nifi_s_version() -> None:
    snapshot = compiled(exported(Service="outer"))
    assert [str(one) for one in snapshot.missing] == [
        f"g: this NiFi has no {name}. Install nifi-ssl-context-service-nar 1.18.0 there "
        "(its file goes to NiFi's extensions folder)."
        for name in ("Outer", "Inner")
    ]
    newer = compiled(exported(Service="outer"), replace(SMALL, version="2.3.0"))
    assert "which its file has from NiFi 1.20.0. Make the group anew in this NiFi" in str(newer.missing[0])


def test_a_variable_inside_an_expression_is_a_text_of_that_language() -> None:
    query = "${event:equals(${service}):not()}-${service}"
    [processor] = compiled(exported(query=query)).flow["flowContents"]["processGroups"][0]["processors"]
    assert processor["properties"]["query"] == r"${event:equals('it\'s'):not()}-it's"
