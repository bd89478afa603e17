"""Dataflows in the sidebar: seen when they are deployed elsewhere, opened in place, and a way to NiFi's own page."""

import pytest
from playwright.sync_api import expect
from shots import show

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def test_dataflows_of_a_nifi_are_seen_with_what_ails_them(sandbox, lab, page, still_nifi):
    page.goto(lab)
    show(page)
    page.locator("#jupyter-oscar-sidebar .jp-AccordionPanel-title", has_text="Flows").click()
    section = page.locator("#jupyter-oscar-flows")
    expect(section).to_contain_text("No dataflow was deployed from here.")
    expect(section).to_contain_text("jupyter oscar nifi add NAME ADDRESS")

    with still_nifi.still() as nifi:
        nifi.add("frames", Running=2, queued=14, dead=2, complaint="Failed to connect to <b>nobody</b>")
        nifi.add("idle", Stopped=3)
        sandbox.python(
            "from jupyter_oscar.client import credentials, nifis\n"
            f"credentials.TokenStore().save(nifis.find('site', endpoint={nifi.url!r}).kept())"
        )
        rows = section.locator(".jp-OscarFlowRow")
        expect(rows).to_have_count(2)
        expect(rows.nth(0)).to_contain_text("14 queued")
        expect(rows.nth(1)).to_contain_text("stopped")

        rows.nth(0).focus()
        page.keyboard.press("Enter")
        expect(rows.nth(0)).to_have_attribute("aria-expanded", "true")
        expect(rows.nth(0)).to_contain_text("Failed to connect to <b>nobody</b>")
        link = rows.nth(0).get_by_role("link", name="Open in NiFi")
        expect(link).to_have_attribute("rel", "noopener noreferrer")
        expect(link).to_have_attribute("href", f"{nifi.url}/nifi/?processGroupId=frames")
        page.keyboard.press("ArrowDown")
        expect(rows.nth(1)).to_be_focused()
    expect(section).to_contain_text("not known", timeout=60_000)
    sandbox.python(
        "from jupyter_oscar.client import credentials, nifis\ncredentials.TokenStore().forget('site', nifis.KIND)"
    )
