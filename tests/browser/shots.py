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
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parent))
from lab import Lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


# States that a sandbox does not get into.

NOTHING: dict[str, Any] = {"code": "", "message": "", "hint": "", "upstream_status": None, "line": None}
CLUSTER: dict[str, Any] = {
    "name": "vega",
    "endpoint": "https://oscar.example.org",
    "user": "ada@example.org",
    "source": "sign-in",
    "state": "ok",
    "version": "4.1.2",
    "problem": None,
    "expires_at": None,
    "sandbox": None,
    "removable": True,
    "issuer": None,
    "client_id": None,
    "storage_problem": None,
    "storage_to_confirm": None,
}
SERVICES = [
    {"name": name, "kind": kind, "visibility": see, "image": image, "owner": "ada", "state": state, "tracked": True}
    | {"inputs": [f"{name}/in"] if kind == "async" else [], "outputs": [f"{name}/out"] if kind == "async" else []}
    for name, kind, see, image, state in (
        ("grayify", "async", "private", "ghcr.io/example/pillow:3.2", ""),
        ("cowsay", "sync", "public", "ghcr.io/example/cowsay", ""),
        ("lab", "exposed", "private", "quay.io/jupyter/scipy-notebook:latest", "running"),
        ("satellite-burned-area-segmentation", "async", "restricted", "ghcr.io/example/burned-area:1.0.4", ""),
    )
]
STATES = ("running", "pending", "queued", "done", "failed", "cancelled", "lost", "unknown")


def calls(count: int) -> list[dict[str, Any]]:
    """Calls in all states, the newest first."""
    now = time.time()
    return [
        {
            "id": f"{number:05}",
            "service": SERVICES[number % 4]["name"],
            "name": f"tile_{number:03}_of_the_northern_half.tif" if number % 3 else "cat.png",
            "created": now - 12 - 61 * number,
            "state": STATES[number] if number < len(STATES) else "done",
            "size": 1_400_000,
            "exit_code": 3 if number == STATES.index("failed") else 0,
            "seconds": 0.3 + 7.7 * number,
            "lines": "",
            "outputs": ["out.png"],
            "tracked": True,
        }
        for number in range(count)
    ]


def said(
    page: Page,
    cluster: dict[str, Any],
    services: Any,
    ran: Any,
    sockets: list[Any] | None = None,
    flows: Any = (),
) -> None:
    """Answer this page's channel with a cluster, services and calls; a dict is a problem, a tuple comes one by one.

    Its WebSockets are added to ``sockets``, for those who have more to say.
    """
    whole = {"clusters": [cluster], f"services/{cluster['name']}": services, f"calls/{cluster['name']}": ran}
    whole["flows"] = list(flows)

    def answer(socket: Any) -> None:
        if sockets is not None:
            sockets.append(socket)

        def hear(message: str) -> None:
            topic = json.loads(message).get("subscribe")
            for news in whole.get(topic, []) if isinstance(whole.get(topic), tuple) else [whole.get(topic)]:
                if isinstance(news, dict):
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
    yield "from nothing to a call", first_steps
    yield "a service in the main area", pages
    yield "an exposed service", exposed
    yield "services and calls as tables", tables
    yield "dataflows of several NiFis", dataflows
    yield "what a sandbox does not do", strange_states
    yield "no server half", without_server

    from shots_clusters import device, storage_elsewhere

    yield "a storage on another host", storage_elsewhere
    yield "signing in by a code", device


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
REFUSED = "InvokeHTTP[id=fee258bb] Request Processing failed: java.net.ConnectException: Connection refused"
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
    """None, and some of every state, one of them opened."""
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


def pages(album: Album, browser: Browser, lab: Lab) -> None:
    """A service from its template to its calls, its log and its definition, as wide as can be and as narrow."""
    lab.sandbox("start")
    page = browser.new_context(viewport=WINDOW).new_page()
    page.goto(lab.page)
    page.wait_for_function("() => window.jupyterapp")
    page.evaluate("() => window.jupyterapp.restored")

    def run(command: str, **args: str) -> None:
        said = [f"jupyter-oscar:{command}", {"cluster": "sandbox", **args}]
        page.evaluate("([command, args]) => window.jupyterapp.commands.execute(command, args).then(() => null)", said)

    def both(state: str) -> None:
        for width in (1280, 420):
            page.set_viewport_size({**WINDOW, "width": width})
            page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
            for theme, name in THEMES.items():
                page.evaluate(
                    "theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })"
                    ".then(() => window.jupyterapp.shell.collapseLeft())",
                    name,
                )
                page.wait_for_timeout(400)
                album._take(page, state, f"{theme}-{width}")
        page.set_viewport_size(WINDOW)

    run("deploy-service", example="gauges")
    page.wait_for_selector(".jp-OscarDefinition .cm-line")
    both("new service")
    fdl = page.get_by_label("FDL", exact=True)
    text = fdl.inner_text()
    fdl.fill(text.replace("image:", "imagee:"))
    page.wait_for_selector(".jp-OscarProblems")
    both("mistake")
    fdl.fill(text)
    page.wait_for_selector(".jp-OscarProblems", state="detached")
    page.get_by_role("button", name="Review").click()
    page.wait_for_selector(".jp-OscarDiff")
    both("review")
    page.get_by_role("button", name="Deploy", exact=True).click()
    page.wait_for_selector(".jp-OscarCall-drop", timeout=60_000)
    both("call")
    for name in ("ferry.txt", "levels.csv"):
        page.click("role=tab[name='Call']")
        page.set_input_files(".jp-OscarCall-drop input", ROOT / "examples" / "inputs" / name)
        page.get_by_role("button", name="Run as a Job").click()
        page.wait_for_selector(f".jp-OscarOutcome-head:has-text('{name}')")
    page.wait_for_selector(".jp-OscarOutputs", timeout=30_000)
    both("calls")
    page.locator(".jp-OscarCalls-row", has_text="ferry.txt").click()
    page.wait_for_selector(".jp-OscarLog-line.jp-mod-failed", timeout=30_000)
    both("failed call")
    page.click("role=tab[name='Log']")
    both("log")
    page.click("role=tab[name='Definition']")
    both("definition")
    page.context.close()


def exposed(album: Album, browser: Browser, lab: Lab) -> None:
    """A web page as a service: running, and stopped."""
    lab.sandbox("start")
    fdl = str(ROOT / "examples" / "hello-page" / "fdl.yaml")
    lab.python(f"import jupyter_oscar as oscar\noscar.connect('sandbox').deploy({fdl!r}, update=True)")
    page = opened(browser, lab)
    row = page.locator(".jp-OscarServiceRow", has_text="hello-page")
    row.get_by_text("running").wait_for(timeout=60_000)
    row.dblclick()
    page.locator(".jp-OscarLog").get_by_text("serving").first.wait_for(timeout=30_000)
    album.whole(page, "exposed service")
    page.get_by_role("button", name="Stop", exact=True).click()
    page.locator(".jp-OscarPage-kind").get_by_text("stopped").wait_for(timeout=60_000)
    album.whole(page, "stopped service")
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
