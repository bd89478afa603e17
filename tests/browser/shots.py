"""Pictures of every state, light and dark, narrow and wide: ``make shots`` writes ``build/shots/index.html``.

A real JupyterLab and a real sandbox where a state can be had from them; where it cannot (a sign-in that ended, a busy
cluster, three hundred calls), the channel's messages are said by this file, in the server's own words.
"""

from __future__ import annotations

import html
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parent))
from lab import Lab
from shots_words import NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[2]
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
WIDTHS = {"narrow": 200, "wide": 520}
WINDOW = {"width": 1280, "height": 800}


class Album:
    """The pictures taken so far and the page that shows them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.taken: dict[str, list[str]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def sidebar(self, page: Page, state: str, *, more: int = 8, after: Callable[[], object] = lambda: None) -> None:
        """The sidebar in one state, in both themes and widths; ``after`` brings back what a change of width closes."""
        for theme, width in ((theme, width) for theme in THEMES for width in WIDTHS):
            look(page, theme, WIDTHS[width])
            after()
            page.wait_for_timeout(250)
            right = page.evaluate("() => document.querySelector('.jp-OscarPlace').getBoundingClientRect().right")
            clip = {"x": 0, "y": 0, "width": right + more, "height": WINDOW["height"] - 150}
            self._take(page, state, f"{theme}-{width}", clip=clip)

    def whole(self, page: Page, state: str) -> None:
        """The whole page in one state, in both themes."""
        for theme in THEMES:
            look(page, theme, 260)
            page.wait_for_timeout(300)
            self._take(page, state, theme)

    def _take(self, page: Page, state: str, how: str, **options: Any) -> None:
        name = f"{state.replace(' ', '-')}-{how}.png"
        page.screenshot(path=self.folder / name, animations="disabled", **options)
        self.taken.setdefault(state, []).append(name)

    def write(self) -> Path:
        """The page of all pictures."""
        rows = [
            f"<h2>{html.escape(state)}</h2>\n<p>" + "\n".join(f'<img src="{name}" alt="{name}">' for name in names)
            for state, names in self.taken.items()
        ]
        style = "body{font:14px sans-serif;margin:2em}img{border:1px solid #888;margin:4px;vertical-align:top}"
        index = self.folder / "index.html"
        index.write_text(
            f"<!doctype html><meta charset=utf-8><title>Pictures</title><style>{style}</style>" + "".join(rows)
        )
        return index


def look(page: Page, theme: str, width: int) -> None:
    """Set the theme and the sidebar's width."""
    page.evaluate(
        """async ([theme, width]) => {
            const app = window.jupyterapp;
            if (document.body.dataset.jpThemeName !== theme) {
                await app.commands.execute('apputils:change-theme', { theme });
            }
            const split = app.shell._hsplitPanel;
            const whole = split.node.clientWidth;
            split.setRelativeSizes([width, whole - width, 0]);
        }""",
        [THEMES[theme], width],
    )


def opened(browser: Browser, lab: Lab) -> Page:
    """A fresh page with the sidebar open."""
    page = browser.new_context(viewport=WINDOW).new_page()
    page.goto(lab.page)
    show(page)
    return page


def show(page: Page) -> None:
    """Open the sidebar."""
    page.wait_for_function("() => window.jupyterapp")
    page.evaluate("() => window.jupyterapp.restored")
    page.evaluate("() => window.jupyterapp.shell.activateById('jupyter-oscar-sidebar')")
    page.wait_for_selector(".jp-OscarSidebar")


def said(
    page: Page,
    cluster: dict[str, Any],
    services: Any,
    ran: Any,
    sockets: list[Any] | None = None,
    flows: Any = (),
    more: Mapping[str, Any] | None = None,
) -> None:
    """Answer this page's channel with a cluster, services and calls.

    What has a message is a problem, of a tuple one comes after the other.

    Its WebSockets are added to ``sockets``, for those who have more to say.
    """
    whole = {"clusters": [cluster], f"services/{cluster['name']}": services, f"calls/{cluster['name']}": ran}
    whole |= {"flows": list(flows), **(more or {})}

    def answer(socket: Any) -> None:
        if sockets is not None:
            sockets.append(socket)

        def hear(message: str) -> None:
            topic = json.loads(message).get("subscribe")
            for news in whole.get(topic, []) if isinstance(whole.get(topic), tuple) else [whole.get(topic)]:
                if isinstance(news, dict) and "message" in news:
                    socket.send(json.dumps({"topic": topic, "problem": {**NOTHING, **news}}))
                elif news is not None:
                    socket.send(json.dumps({"topic": topic, "cursor": "1", "data": news}))

        socket.on_message(hear)

    page.route_web_socket("**/jupyter-oscar/channel*", answer)


def staged(browser: Browser, lab: Lab, *whole: Any) -> Page:
    """A page whose channel says what is given."""
    page = browser.new_context(viewport=WINDOW).new_page()
    said(page, *whole)
    page.goto(lab.page)
    show(page)
    return page


def program() -> Iterator[tuple[str, Callable[[Album, Browser, Lab], None]]]:
    """What is done for the pictures, part by part."""
    import shots_buckets
    import shots_clusters
    import shots_flows
    import shots_services
    import shots_sidebar
    import shots_transfers

    yield "from nothing to a call", shots_sidebar.first_steps
    yield "a service in the main area", shots_services.pages
    yield "an exposed service", shots_services.exposed
    yield "services and calls as tables", shots_sidebar.tables
    yield "dataflows of several NiFis", shots_flows.dataflows
    yield "buckets and folders", shots_buckets.buckets
    yield "the dialogs of buckets", shots_buckets.dialogs
    yield "transfers", shots_transfers.transfers
    yield "buckets as folders of one's files", shots_buckets.mounts
    yield "what a sandbox does not do", shots_sidebar.strange_states
    yield "no server half", shots_sidebar.without_server
    yield "a storage on another host", shots_clusters.storage_elsewhere
    yield "signing in by a code", shots_clusters.device


def main() -> int:
    album = Album(ROOT / "build" / "shots")
    only = os.environ.get("ONLY", "")
    browser_program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory(prefix="jupyter-oscar-shots-") as home, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=browser_program, args=["--no-sandbox"])
        lab = Lab(Path(home)).start()
        try:
            for what, take in program():
                if only in what:
                    print(f"{what} …", flush=True)  # noqa: T201 - for the person who waits
                    take(album, browser, lab)
        finally:
            browser.close()
            lab.stop()
            print(album.write().relative_to(ROOT))  # noqa: T201 - where they are
    return 0


if __name__ == "__main__":
    sys.exit(main())
