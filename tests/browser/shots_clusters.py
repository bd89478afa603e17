"""Pictures of what is between a person and a cluster: its storage elsewhere. Part of ``shots``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shots import CLUSTER, NOTHING, SERVICES, staged

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from shots import Album, Lab


def storage_elsewhere(album: Album, browser: Browser, lab: Lab) -> None:
    """A cluster that names a storage on another host, which a person may confirm, or an operator alone."""
    at = "https://minio.science-cloud.example.org"
    where = {
        **NOTHING,
        "code": "storage-unconfirmed",
        "message": f"vega says that its storage is at {at}, on another host than its own: nothing was sent there.",
        "hint": "Ask this site's operator: `allowed_hosts` names the hosts that a storage may be on.",
    }
    waiting = {**CLUSTER, "storage_problem": where, "storage_to_confirm": at}
    for state, cluster in {
        "storage elsewhere": waiting,
        "storage not allowed": {**waiting, "storage_to_confirm": None},
    }.items():
        page = staged(browser, lab, cluster, SERVICES, where)
        page.wait_for_selector(".jp-OscarCluster .jp-OscarNotice")
        album.sidebar(page, state)
        page.context.close()
