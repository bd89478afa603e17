"""Two clusters in one sidebar: each shows its own, and changing between them mixes nothing."""

import pytest
from playwright.sync_api import expect
from shots import show
from steps import fdl, layout_saved

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def deploy(server, name, cluster):
    folder = server.work / name
    folder.mkdir()
    (folder / "fdl.yaml").write_text(fdl(**{name: "script.sh"}))
    (folder / "script.sh").write_text("#!/bin/sh\ncat $INPUT_FILE_PATH\n")
    server.oscar("apply", str(folder / "fdl.yaml"), "--yes", "--cluster", cluster)


def test_each_cluster_shows_its_own_services(sandbox, page, a_sandbox):
    other = a_sandbox()
    sandbox.oscar("cluster", "add", "other", other.endpoint, other.user, "--password-stdin", stdin=other.password)
    deploy(sandbox, "here", "sandbox")
    deploy(sandbox, "there", "other")
    page.goto(sandbox.page)
    show(page)
    rows = page.locator(".jp-OscarServiceRow")

    def choose(name):
        page.locator(".jp-OscarCluster-line").click()
        page.locator(".lm-Menu").get_by_text(name, exact=True).click()
        page.locator(".jp-OscarCluster-line", has_text=name).wait_for(timeout=30_000)

    page.locator(".jp-OscarCluster-line").wait_for(timeout=30_000)
    with layout_saved(page, '"current":"other"'):
        for cluster, service in (("other", "there"), ("sandbox", "here"), ("other", "there")):
            choose(cluster)
            rows.get_by_text(service, exact=True).wait_for(timeout=30_000)
            expect(rows, "only its own").to_have_count(1)
    page.reload()
    show(page)
    page.locator(".jp-OscarCluster-line", has_text="other").wait_for(timeout=30_000)
    rows.get_by_text("there", exact=True).wait_for(timeout=30_000)

    # One that goes away takes nothing of the other with it.
    other.stop()
    page.get_by_role("button", name="Look again now").click()
    page.get_by_role("button", name="Diagnose").wait_for(timeout=60_000)
    choose("sandbox")
    rows.get_by_text("here", exact=True).wait_for(timeout=30_000)
    sandbox.oscar("cluster", "remove", "other", "--yes")
