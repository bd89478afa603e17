"""Pictures of what is between a person and a cluster: its storage elsewhere, a code to agree to. Part of ``shots``."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from shots import WINDOW, said, show, staged
from shots_words import CLUSTER, NOTHING, SERVICES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
    from shots import Album, Lab


def elsewhere() -> tuple[dict[str, Any], dict[str, Any]]:
    """What is said of a storage on another host, and the cluster that waits for a person to confirm it."""
    at = "https://minio.science-cloud.example.org"
    where = {
        **NOTHING,
        "code": "storage-unconfirmed",
        "message": f"vega says that its storage is at {at}, on another host than its own: nothing was sent there.",
        "hint": "Ask this site's operator: `allowed_hosts` names the hosts that a storage may be on.",
    }
    return where, {**CLUSTER, "storage_problem": where, "storage_to_confirm": at}


def storage_elsewhere(album: Album, browser: Browser, lab: Lab) -> None:
    """A cluster that names a storage on another host, which a person may confirm, or an operator alone."""
    where, waiting = elsewhere()
    for state, cluster in {
        "storage elsewhere": waiting,
        "storage not allowed": {**waiting, "storage_to_confirm": None},
    }.items():
        page = staged(browser, lab, cluster, SERVICES, where)
        page.wait_for_selector(".jp-OscarCluster .jp-OscarNotice")
        album.sidebar(page, state)
        page.context.close()


# An answer that goes on for as long as one looks.
GOING_ON = """news => {
    const fetched = window.fetch;
    window.fetch = (asked, ...more) => {
        if (!(asked.url ?? asked).includes('/jupyter-oscar/sign-in')) {
            return fetched(asked, ...more);
        }
        const line = new TextEncoder().encode(news + '\\n');
        return Promise.resolve(new Response(new ReadableStream({ start: it => it.enqueue(line) })));
    };
}"""


def ended(page: Page) -> None:
    """Say on this page that a sign-in ended, and to one that begins with an identity provider a code, for ever."""
    issuer = "https://login.science-cloud.example.org/realms/egi"
    cluster = {**CLUSTER, "state": "expired", "expires_at": time.time() - 250, "issuer": issuer}
    said(page, {**cluster, "client_id": "oscar-lab"}, SERVICES, [])
    news = {"state": "waiting", "code": "WDJB-MJHT", "page": f"{issuer}/device", "link": f"{issuer}/device?user_code=W"}
    news = json.dumps({**news, "ends": time.time() + 580, "cluster": None, "problem": None})
    page.add_init_script(f"({GOING_ON})({json.dumps(news)})")


def device(album: Album, browser: Browser, lab: Lab) -> None:
    """Signing in with an identity provider: what is asked for, then the code that is waited for."""
    page = browser.new_context(viewport=WINDOW).new_page()
    ended(page)
    page.goto(lab.page)
    show(page)
    page.click(".jp-OscarStep >> text=Sign in")
    page.wait_for_selector(".jp-OscarForm")
    album.whole(page, "sign in with a provider")
    page.click(".jp-Dialog-button.jp-mod-accept")
    page.wait_for_selector(".jp-OscarDevice-code")
    album.whole(page, "sign in by a code")
    page.set_viewport_size({"width": 320, "height": 600})
    page.wait_for_timeout(300)
    album.whole(page, "sign in by a code, narrow")
    page.context.close()
