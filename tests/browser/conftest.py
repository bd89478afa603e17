"""A JupyterLab of this environment under a prefix, with a token, in a home of its own; and a real Chromium."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

PREFIX = "/deep/prefix"
TOKEN = "a-token"


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """The address of a running JupyterLab, with its token."""
    program = Path(sys.prefix) / "bin" / "jupyter-lab"
    if not program.exists():
        pytest.skip("JupyterLab is not in this environment: pip install 'jupyter-oscar[lab]'")
    home = tmp_path_factory.mktemp("home")
    work = home / "work"
    work.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = [
        "--no-browser",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.base_url={PREFIX}/",
        "--ServerApp.allow_root=True",
        "--ServerApp.allow_unauthenticated_access=False",
        f"--ServerApp.root_dir={work}",
        f"--IdentityProvider.token={TOKEN}",
        "--LabApp.expose_app_in_browser=True",
        "--LabApp.news_url=None",
    ]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "OSCAR"))}
    log = home / "lab.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [str(program), *options], cwd=work, env={**kept, "HOME": str(home)}, stdout=out, stderr=out
        )
    try:
        address = f"http://127.0.0.1:{port}{PREFIX}"
        for _ in range(300):
            assert server.poll() is None, log.read_text()
            try:
                urllib.request.urlopen(f"{address}/api/status?token={TOKEN}", timeout=1).close()  # noqa: S310
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        else:
            pytest.fail(f"JupyterLab did not answer:\n{log.read_text()}")
        yield f"{address}/lab?token={TOKEN}&reset"
    finally:
        server.terminate()
        server.wait(10)


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
