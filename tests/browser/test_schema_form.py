"""A service that says what input it takes gets a form: filled in, corrected at the field, and sent as JSON."""

import json

import pytest
from playwright.sync_api import expect
from steps import execute, fdl

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["place", "limit"],
    "properties": {
        "place": {"type": "string", "minLength": 2, "description": "Where it is"},
        "limit": {"type": "number", "minimum": 1, "maximum": 10, "default": 3},
        "method": {"type": "string", "enum": ["nearest", "cubic"], "default": "cubic"},
        "verbose": {"type": "boolean", "default": True},
        "bands": {"type": "array", "items": {"type": "string"}, "default": ["red"]},
        "window": {
            "type": "object",
            "required": ["width"],
            "properties": {"width": {"type": "integer", "default": 256}, "height": {"type": "integer"}},
        },
    },
}
COPY = '#!/bin/sh\ncp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR/came.json"\n'


def form(page, name, schema):
    """Deploy a service that says it takes what ``schema`` describes, and open its form."""
    plain = fdl(**{name: "script.sh"})
    note = f"annotations:\n          jupyter-oscar/input-schema: '{json.dumps(schema)}'\n        labels:"
    execute(page, "jupyter-oscar:deploy-service", cluster="sandbox", fdl=plain.replace("labels:", note), script=COPY)
    page.get_by_role("button", name="Review").click()
    page.get_by_role("button", name="Deploy", exact=True).click()
    page.get_by_role("heading", name=name, exact=True).wait_for(timeout=30_000)


def test_a_form_is_filled_in_corrected_at_its_fields_and_sent_as_json(shared_lab):
    page = shared_lab
    form(page, "windowed", SCHEMA)
    run = page.get_by_role("button", name="Run as a Job")
    fields = page.locator(".jp-OscarCall-form")
    limit = fields.get_by_label("limit")
    limit.wait_for()

    # Defaults are there, and nothing is wrong yet.
    expect(limit).to_have_value("3")
    assert fields.get_by_label("method").evaluate("it => it.selectedOptions[0].textContent") == "cubic"
    expect(fields.get_by_label("verbose")).to_be_checked()
    expect(fields.get_by_label("width")).to_have_value("256")
    expect(page.locator(".jp-OscarField-error:visible")).to_have_count(0)

    # A wrong value is said at its field as it is typed.
    limit.fill("50")
    page.get_by_text("At most 10.").wait_for()

    # What is missing is said when it is to be sent, and nothing is sent.
    sent = []
    page.on("request", lambda request: sent.append(request.url.partition("?")[0]) if request.method == "POST" else None)
    run.click()
    page.get_by_text("It is needed.").wait_for()
    page.wait_for_function("() => document.activeElement.id.endsWith('place')")
    assert not [url for url in sent if url.endswith("/calls")]

    fields.get_by_label("place").fill("Vega")
    limit.fill("4.5")
    fields.get_by_label("method").select_option(label="nearest")
    fields.get_by_label("verbose").uncheck()
    page.get_by_role("button", name="Add to bands").click()
    fields.get_by_label("bands-1").fill("nir")
    fields.get_by_label("height").fill("128")
    expect(page.locator(".jp-OscarField-error:visible")).to_have_count(0)
    assert not [url for url in sent if url.endswith("/calls")]
    run.click()

    page.get_by_role("row", selected=True).get_by_text("done").wait_for(timeout=30_000)
    text = page.locator(".jp-OscarShown-text")
    expect(text).to_contain_text("Vega")
    assert json.loads(text.inner_text()) == {
        "place": "Vega",
        "limit": 4.5,
        "method": "nearest",
        "verbose": False,
        "bands": ["red", "nir"],
        "window": {"width": 256, "height": 128},
    }
    assert len([url for url in sent if url.endswith("/calls")]) == 1


@pytest.mark.parametrize(
    "schema",
    [{"type": "nonsense"}, {"type": "object", "properties": {"a": {"$ref": "#/nowhere"}}}],
    ids=["type", "ref"],
)
def test_a_schema_that_makes_no_form_says_so_and_leaves_json_to_be_written(shared_lab, schema):
    page = shared_lab
    form(page, f"odd-{'ref' if 'properties' in schema else 'type'}", schema)
    page.get_by_text("What the service says of its input makes no form.").wait_for()
    page.get_by_label("JSON to send").fill('{"a": 1}')
    page.get_by_role("button", name="Run as a Job").click()
    page.locator(".jp-OscarShown-text", has_text='"a": 1').wait_for(timeout=30_000)
