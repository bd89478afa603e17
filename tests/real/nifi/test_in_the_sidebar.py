"""What JupyterLab's sidebar shows of the dataflows of a NiFi, in a real browser."""

from __future__ import annotations

import re
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from engine_stories import EngineStories, Operator, eventually, service
from odd_servers import refusing

sys.path.append(str(Path(__file__).parents[2] / "browser"))

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nifi_canvas import Canvas
    from nifi_process import Process

pytestmark = [pytest.mark.real, pytest.mark.timeout(3600)]


class Seat:
    """Somebody before JupyterLab, whose home it is."""

    def __init__(self, lab: Any, page: Any) -> None:
        self.lab, self.page = lab, page

    def opens_dataflows(self) -> Any:
        """Their section of the sidebar."""
        from shots import show

        self.page.goto(self.lab.page)
        show(self.page)
        self.page.locator("#jupyter-oscar-sidebar .jp-AccordionPanel-title", has_text="Flows").click()
        return self.page.locator("#jupyter-oscar-flows")


@pytest.fixture
def seat(tmp_path: Path) -> Iterator[Seat]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    from lab import Lab

    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not program:
        pytest.skip("Chromium is missing: sudo apt-get install chromium")
    lab = Lab(tmp_path / "lab").start()
    try:
        lab.sandbox("start")  # without any cluster the sidebar offers to get one, and nothing else
        with playwright.sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
            yield Seat(lab, browser.new_page(viewport={"width": 1280, "height": 800}))
            browser.close()
    finally:
        lab.stop()


@pytest.fixture
def dataflows(operator: Operator) -> Iterator[None]:
    """One of each sort."""
    with service() as works, service() as down, service() as refuses, refusing() as nobody:

        def deploy(name: str, oscar: str, event: str = "", *, start: bool = True) -> None:
            text = EngineStories.text(works).replace(works.url, oscar)
            snapshot = operator.compiled(text, name)
            operator.apply(snapshot)
            if start:
                operator.start(name)
            if event:
                operator.send(snapshot, event)

        down.status, refuses.status = 503, 404
        deploy("delivers", works.url, "1")
        deploy("dcache-of-the-northern-site", nobody, "1")
        deploy("night", works.url, start=False)
        deploy("turned-away", refuses.url, "1")
        deploy("waits", works.url)
        deploy("late", down.url, "1")
        eventually(lambda: works.bodies == ["1"] and refuses.asked and down.asked)
        eventually(lambda: operator.status("turned-away").dead == 1)  # type: ignore[union-attr]
        eventually(lambda: operator.status("dcache-of-the-northern-site").last_error)  # type: ignore[union-attr]
        yield
    for name in operator.names:
        operator.delete(name, empty=True)


def elsewhere(act: Callable[[str], Any], name: str) -> None:
    """Done by somebody in another thread: Playwright keeps an event loop running in this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(act, name).result()


@pytest.mark.parametrize("nifi", ["2.3.0"], indirect=True)
def test_each_dataflow_is_a_line_that_says_how_it_is(
    nifi: Process, operator: Operator, canvas: Canvas, dataflows: None, seat: Seat
) -> None:
    from playwright.sync_api import expect
    from test_axe import findings

    seat.lab.oscar("nifi", "add", "site", nifi.url)
    section = seat.opens_dataflows()
    rows = section.locator(".jp-OscarFlowRow")
    expect(rows).to_have_count(6, timeout=60_000)

    def row(name: str) -> Any:
        return section.locator(f'[data-oscar-key="site/{name}"]')

    for name, words in {
        "delivers": "running",
        "night": "stopped",
        "waits": "waiting for its bridge",
        "late": "1 queued",
        "turned-away": "1 refused",
        "dcache-of-the-northern-site": "1 queued",
    }.items():
        expect(row(name).locator(".jp-OscarRow-end")).to_have_text(words)
    row("dcache-of-the-northern-site").dblclick()
    expect(row("dcache-of-the-northern-site")).to_contain_text(re.compile("InvokeOSCAR: .*ConnectException"))
    row("turned-away").dblclick()
    expect(row("turned-away").locator(".jp-OscarRow-detail")).to_contain_text("refused1")
    assert findings(seat.page, "#jupyter-oscar-flows") == []
    link = row("turned-away").get_by_role("link", name="Open in NiFi").get_attribute("href")
    [group] = [one["id"] for one in canvas.groups if one["component"]["name"] == "turned-away"]
    assert link == f"{nifi.url}/nifi/?processGroupId={group}"
    elsewhere(operator.start, "night")
    expect(row("night").locator(".jp-OscarRow-end")).to_have_text("waiting for its bridge", timeout=60_000)
    elsewhere(operator.stop, "delivers")
    elsewhere(operator.delete, "delivers")
    expect(rows).to_have_count(5, timeout=60_000)
