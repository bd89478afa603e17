"""Pictures of dataflows. Part of ``shots``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shots import WINDOW, said, show
from shots_words import CLUSTER, NOTHING, SERVICES, calls

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from shots import Album, Lab

FLOW: dict[str, Any] = {
    "nifi": "site",
    "name": "frames",
    "state": "running",
    "queued": 0,
    "dead": 0,
    "last_error": "",
    "last_error_at": "",
    "warnings": [],
    "bridged": [],
    "canvas": "https://nifi.example.org/nifi/",
    "problem": None,
}
REFUSED = "InvokeOSCAR: Request Processing failed: java.net.ConnectException: Connection refused"
FLOWS = [
    FLOW,
    {**FLOW, "name": "dcache-of-the-northern-site", "queued": 14, "last_error": REFUSED, "last_error_at": "10:43 UTC"},
    {**FLOW, "name": "rucio", "state": "waiting", "bridged": ["rucio-in"]},
    {**FLOW, "name": "night", "state": "stopped"},
    {**FLOW, "name": "kafka", "state": "invalid", "warnings": ["ConsumeKafka in kafka-in is not valid."]},
    {**FLOW, "name": "refused", "queued": 3, "dead": 3},
    {
        **FLOW,
        "nifi": "old",
        "name": "",
        "state": "unknown",
        "problem": {**NOTHING, "message": "NiFi at old.example.org does not answer.", "hint": "Is it running?"},
    },
]


def dataflows(album: Album, browser: Browser, lab: Lab) -> None:
    """None, and some of every state, one of them opened; those of somebody who has no cluster."""
    for state, rows in (("no dataflow", []), ("dataflows", FLOWS)):
        page = browser.new_context(viewport=WINDOW).new_page()
        said(page, CLUSTER, SERVICES, calls(6), flows=rows)
        page.goto(lab.page)
        show(page)
        page.locator("#jupyter-oscar-sidebar .jp-AccordionPanel-title", has_text="Flows").click()
        for name in ("Services", "Calls"):
            page.locator("#jupyter-oscar-sidebar .jp-AccordionPanel-title", has_text=name).click()
        if rows:
            page.locator(".jp-OscarFlowRow", has_text="northern").dblclick()
        album.sidebar(page, state)
        page.context.close()
    page = browser.new_context(viewport=WINDOW).new_page()
    said(page, CLUSTER, SERVICES, [], flows=FLOWS, more={"clusters": []})
    page.goto(lab.page)
    show(page)
    page.wait_for_selector(".jp-OscarFlowRow")
    album.sidebar(page, "dataflows without a cluster")
    page.context.close()
