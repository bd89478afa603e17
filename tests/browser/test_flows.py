"""Dataflows in the sidebar: seen when they are deployed elsewhere, opened in place, and a way to NiFi's own page."""

import pytest
from playwright.sync_api import expect
from shots import show

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

KNOWN = """
from jupyter_oscar.client import credentials, nifis
credentials.TokenStore().save(nifis.find('site', endpoint={url!r}).kept())
"""
FORGOTTEN = """
from jupyter_oscar.client import credentials, nifis
credentials.TokenStore().forget('site', nifis.KIND)
"""


def test_dataflows_of_a_nifi_are_seen_with_what_ails_them_also_without_any_cluster(
    server, lab, page, still_nifi, request
):
    page.goto(lab)
    show(page)
    expect(page.get_by_text("No OSCAR yet.")).to_be_visible()
    alone = page.get_by_role("region", name="Flows")
    expect(alone).to_have_count(0)

    with still_nifi.still() as nifi:
        nifi.add("frames", Running=2, queued=14, dead=2, complaint="Failed to connect to <b>nobody</b>")
        nifi.add("idle", Stopped=3)
        server.python(KNOWN.format(url=nifi.url))
        expect(alone.locator(".jp-OscarFlowRow")).to_have_count(2)
        expect(alone).to_contain_text("1 running · 14 queued")

        sandbox = request.getfixturevalue("sandbox")
        header = page.locator("#jupyter-oscar-sidebar .jp-AccordionPanel-title", has_text="Flows")
        expect(header).to_contain_text("1 running · 14 queued", timeout=60_000)
        header.click()
        section = page.locator("#jupyter-oscar-flows")
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
    sandbox.python(FORGOTTEN)
    expect(section).to_contain_text("No dataflow was deployed from here.", timeout=60_000)
    expect(section).to_contain_text("jupyter oscar nifi add NAME ADDRESS")
