"""A JupyterLab of this environment under a prefix, with a token, in a home of its own; and a real Chromium."""

import contextlib
import json
import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Error

sys.path.insert(0, str(Path(__file__).parent))
from lab import Lab

WINDOW = {"width": 1280, "height": 800}
FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def running(tmp_path_factory):
    """A JupyterLab that all files use, one after another."""
    one = Lab(tmp_path_factory.mktemp("home"))
    if not one.program.exists():
        pytest.skip("JupyterLab is not in this environment: pip install 'jupyter-oscar[lab]'")
    one.start()
    yield one
    one.stop()


@pytest.fixture(scope="module")
def server(running):
    """A JupyterLab for one file: what another file left is not there."""
    yield running
    running.clear()


@pytest.fixture(scope="module")
def lab(server):
    """The address of a running JupyterLab, with its token."""
    return server.page


@pytest.fixture(scope="session")
def profile(tmp_path_factory):
    """What Chromium keeps of JupyterLab's scripts: compiling them is half of what a page costs."""
    return tmp_path_factory.mktemp("chromium")


@pytest.fixture(scope="module")
def chromium(profile):
    """A window of the machine's own Chromium: Playwright downloads none.

    For one file at a time, because Playwright keeps an event loop running in this thread.
    """
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install playwright"
    )
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not program:
        pytest.skip("Chromium is missing: sudo apt-get install chromium")
    playwright.expect.set_options(timeout=30_000)  # as long as every other wait
    with playwright.sync_playwright() as driver:
        window = driver.chromium.launch_persistent_context(
            profile, executable_path=program, args=["--no-sandbox"], viewport=WINDOW
        )
        # Of the two dialogs in which files are chosen to be read, a test can use the older one only.
        window.add_init_script("window.showOpenFilePicker = undefined;")
        yield window
        window.close()


def fresh(window):
    """A page that remembers what its console said."""
    page = window.new_page()
    page.said = []
    page.on("console", lambda message: page.said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: page.said.append(f"error: {error}"))
    return page


def put_away(window, page):
    """Close a page and what it opened: the next finds nothing that they kept, but compiled scripts."""
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(page.url))
    empty, *others = window.pages  # a window without a page would close
    for one in others:
        one.close()
    window.clear_cookies()
    window.clear_permissions()
    if origin.startswith("http"):
        asked = {"origin": origin, "storageTypes": "local_storage,indexeddb,cache_storage,service_workers"}
        window.new_cdp_session(empty).send("Storage.clearDataForOrigin", asked)


@pytest.fixture
def page(chromium, request):
    """A fresh page; or where ``shared_lab`` is asked for, that one."""
    if "shared_lab" in request.fixturenames:
        kept = request.getfixturevalue("kept")
        yield kept.take()
        kept.put_back(whole=not request.node.stash.get(FAILED, False))
        return
    page = fresh(chromium)
    yield page
    put_away(chromium, page)


def seen(page):
    """What of ours a page shows, and what stands before it, as words; without the frame that Lab puts around it."""
    ours = page.locator(
        "#jupyter-oscar-sidebar, .lm-DockPanel-widget, #jp-down-stack, .jp-Dialog, .lm-Menu, .Toastify__toast"
    )
    parts = [one.aria_snapshot(timeout=5000) for one in ours.all() if one.is_visible()]
    lines = "\n".join(part for part in parts if 'heading "Console"' not in part).splitlines()
    # A row of a grid is told by its first line.
    return "\n".join(line for line in lines if "gridcell" not in line)[:6000]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        item.stash[FAILED] = True
        page = item.funcargs.get("page")
        if page and not page.is_closed():
            with contextlib.suppress(Error):
                report.sections.append(("what the page showed", seen(page)))
            said = [line for line in page.said if "to activate" not in line]
            report.sections.append(("what its console said", "\n".join(said[-20:])))
    return report


# Closes what is open; true if the page is then as one that was just loaded.
TIDY = """async () => {
    const { shell, commands, serviceManager } = window.jupyterapp;
    [...shell.widgets('main')].forEach(tab => tab.dispose());
    await serviceManager.sessions.shutdownAll();
    await commands.execute('filebrowser:go-to-path', { path: '' });
    shell.activateById('filebrowser');
    return document.body.dataset.jpThemeName === 'JupyterLab Light'
        && [...shell.widgets('left')].some(one => one.id === 'filebrowser')
        && !document.querySelector('.jp-Dialog, .lm-Menu, .Toastify__toast');
}"""


class Kept:
    """A page of JupyterLab that the tests of a file use one after another: most are done before one is loaded.

    What is in the main area goes after each test, what the sidebar shows does not. A page on which a test failed, or
    which does not look like a new one, is not used again.
    """

    def __init__(self, chromium, lab):
        self.chromium, self.lab, self.page = chromium, lab, None

    def take(self):
        if self.page is None or self.page.is_closed():
            self.page = fresh(self.chromium)
            opened(self.page, self.lab)
        self.page.locator(".jp-Launcher").wait_for()
        return self.page

    def put_back(self, *, whole):
        page = self.page
        if whole and self.chromium.pages[1:] == [page]:
            page.unroute_all()
            page.context.clear_permissions()
            page.set_viewport_size(WINDOW)
            with contextlib.suppress(Error):  # a page that went elsewhere is not tidied
                if page.evaluate(TIDY):
                    page.said.clear()
                    return
        self.drop()

    def drop(self):
        page, self.page = self.page, None
        if page:
            put_away(self.chromium, page)


@pytest.fixture(scope="module")
def kept(chromium, sandbox):
    one = Kept(chromium, sandbox)
    yield one
    one.drop()


@pytest.fixture(scope="module")
def sandbox(server, notifications):
    """A sandbox of the person whose JupyterLab it is; where MinIO's program is on PATH that keeps its objects."""
    server.sandbox("start")
    yield server
    for said in map(json.loads, map(Path.read_text, server.runtime.glob("jupyter-oscar-sandbox-*.json"))):
        if said.get("store") == "minio":
            notifications.untouched(said["endpoint"], said["user"], said["password"])
    server.sandbox("stop")


def opened(page, lab):
    """Load JupyterLab."""
    page.goto(lab.page)
    page.wait_for_function("() => window.jupyterapp")
    page.evaluate("() => window.jupyterapp.restored")
    return page


@pytest.fixture
def open_lab(sandbox, page):
    """A new JupyterLab page on which commands can be run."""
    return opened(page, sandbox)


@pytest.fixture
def shared_lab(page):
    """The same for tests of a file that can use one page after another: it loads once."""
    return page
