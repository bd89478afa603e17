"""A JupyterLab of this environment under a prefix, with a token, in a home of its own; and a real Chromium."""

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from lab import Lab


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A running JupyterLab for one file: what another file deployed is not there."""
    one = Lab(tmp_path_factory.mktemp("home"))
    if not one.program.exists():
        pytest.skip("JupyterLab is not in this environment: pip install 'jupyter-oscar[lab]'")
    one.start()
    yield one
    one.stop()


@pytest.fixture(scope="module")
def lab(server):
    """The address of a running JupyterLab, with its token."""
    return server.page


@pytest.fixture(scope="module")
def chromium():
    """The machine's own Chromium: Playwright downloads none.

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
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    """A fresh page that remembers what its console said."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.said = []
    page.on("console", lambda message: page.said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: page.said.append(f"error: {error}"))
    yield page
    context.close()


@pytest.fixture(scope="module")
def sandbox(server):
    """A sandbox of the person whose JupyterLab it is."""
    server.sandbox("start")
    yield server
    server.sandbox("stop")


@pytest.fixture
def open_lab(sandbox, page):
    """A JupyterLab page on which commands can be run."""
    page.goto(sandbox.page)
    page.wait_for_function("() => window.jupyterapp")
    page.evaluate("() => window.jupyterapp.restored")
    return page
