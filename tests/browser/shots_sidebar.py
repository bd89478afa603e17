"""Pictures of the sidebar from nothing to a call, of its tables, and of what goes wrong. Part of ``shots``."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from shots import WINDOW, opened, said, show, staged
from shots_words import CLUSTER, NOTHING, SERVICES, calls

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from shots import Album, Lab


def first_steps(album: Album, browser: Browser, lab: Lab) -> None:
    page = opened(browser, lab)
    page.wait_for_selector("text=No OSCAR yet")
    album.sidebar(page, "no cluster")
    page.click("text=Connect…")
    page.wait_for_selector(".jp-OscarForm")
    album.whole(page, "connect")
    page.keyboard.press("Escape")
    page.click(".jp-OscarStep >> text=Start a local OSCAR")
    page.wait_for_selector(".jp-OscarCluster", timeout=60_000)
    page.wait_for_selector("text=No services")
    album.sidebar(page, "nothing deployed")
    page.context.close()


def tables(album: Album, browser: Browser, lab: Lab) -> None:
    page = staged(browser, lab, CLUSTER, SERVICES, calls(300))
    page.wait_for_selector(".jp-OscarCallRow")
    for kind in ("services", "calls"):
        page.evaluate("kind => void window.jupyterapp.commands.execute('jupyter-oscar:open-table', { kind })", kind)
        page.wait_for_selector(".jp-OscarTable-row >> visible=true")
        page.keyboard.press("ArrowDown")
        album.whole(page, f"table of {kind}")
    page.context.close()


def strange_states(album: Album, browser: Browser, lab: Lab) -> None:
    page = staged(browser, lab, CLUSTER, SERVICES, calls(300))
    page.wait_for_selector(".jp-OscarCallRow")
    album.sidebar(page, "services and calls")
    page.hover(".jp-OscarServiceRow >> nth=1")
    album.sidebar(page, "hover", after=lambda: page.hover(".jp-OscarServiceRow >> nth=1"))
    page.focus(".jp-OscarServiceRow >> nth=0")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    album.sidebar(page, "opened by key")

    def menu(of: str, **options: Any) -> None:
        # A menu that is still open lies over what opens it.
        page.keyboard.press("Escape")
        page.locator(".lm-Menu").wait_for(state="detached")
        page.click(of, **options)

    row = ".jp-OscarCallRow >> nth=4"
    album.sidebar(page, "context menu", more=220, after=lambda: menu(row, button="right"))
    album.sidebar(page, "cluster menu", more=220, after=lambda: menu(".jp-OscarCluster-line"))
    page.keyboard.press("Escape")
    page.focus(".jp-OscarCallRow >> nth=0")
    page.keyboard.press("/")
    page.keyboard.type("tile_01")
    album.sidebar(page, "filter")
    page.context.close()

    belongings = [
        {"bucket": "grayify", "objects": 118, "bytes": 46_000_000, "more": False},
        {"bucket": "grayify-out", "objects": 5000, "bytes": 1, "more": True},
    ]
    page = browser.new_context(viewport=WINDOW).new_page()
    said(page, {**CLUSTER, "expires_at": time.time() + 250}, SERVICES, [])
    page.route("**/belongings*", lambda route: route.fulfill(json=belongings))
    page.goto(lab.page)
    show(page)
    page.focus(".jp-OscarServiceRow >> nth=0")
    page.keyboard.press("Delete")
    page.wait_for_selector(".jp-Dialog")
    album.whole(page, "delete")
    page.context.close()

    slow = {"code": "timed-out", "message": "vega did not answer within 10 s."}
    gone = {"code": "unreachable", "message": "oscar.example.org does not answer (timed out after 10 s)."}
    down = {**CLUSTER, "state": "unreachable", "problem": {**NOTHING, **gone}}
    old = {**CLUSTER, "state": "expired", "expires_at": time.time() - 250}
    unknown = {
        **CLUSTER,
        "state": "unauthorised",
        "problem": {**NOTHING, "message": "The user name or password is wrong."},
    }
    for state, whole in {
        "loading": (CLUSTER, None, None),
        "busy": (CLUSTER, (SERVICES, slow), (calls(12), slow)),
        "unreachable": (down, gone, gone),
        "sign-in ended": (old, gone, gone),
        "not signed in": (unknown, gone, gone),
        "empty": (CLUSTER, [], []),
    }.items():
        page = staged(browser, lab, *whole)
        page.wait_for_selector(".jp-OscarCluster")
        page.wait_for_timeout(7000 if state == "busy" else 500)
        album.sidebar(page, state)
        if state == "unreachable":
            page.route("**/diagnosis*", lambda route: route.fulfill(body="".join(map(line, DIAGNOSIS))))
            page.click("text=Diagnose")
            page.wait_for_selector("text=Broken: certificate.")
            album.whole(page, "diagnosis")
        page.context.close()


def line(step: tuple[str, str, str, str]) -> str:
    """A step of a diagnosis as the route says it."""
    return json.dumps(dict(zip(("name", "state", "seen", "todo"), step, strict=True))) + "\n"


DIAGNOSIS = (
    ("address", "ok", "https://oscar.example.org, from sign-in.", ""),
    ("name", "ok", "oscar.example.org is 192.0.2.7.", ""),
    ("connection", "ok", "oscar.example.org:443 takes connections.", ""),
    ("proxy", "skipped", "The environment names none for this address.", ""),
    (
        "certificate",
        "bad",
        "Nobody known here vouches for it (self-signed certificate).",
        (
            "If its authority is your site's own, name its file: SSL_CERT_FILE, or ca_bundle on a Jupyter server. "
            "Only where you know why may its check be turned off for this cluster."
        ),
    ),
    *((name, "skipped", "", "") for name in ("answer", "clock", "sign-in", "rights", "version")),
    *((name, "skipped", "", "") for name in ("storage", "browser", "token", "two halves")),
)


def without_server(album: Album, browser: Browser, lab: Lab) -> None:
    page = browser.new_context(viewport=WINDOW).new_page()
    page.route("**/jupyter-oscar/health*", lambda route: route.fulfill(status=404, json={"message": "Not Found"}))
    page.goto(lab.page)
    show(page)
    page.wait_for_selector("text=pip install")
    album.sidebar(page, "no server half")
    page.context.close()
