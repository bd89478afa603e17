"""Pictures of services in the main area. Part of ``shots``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shots import ROOT, THEMES, WINDOW, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from shots import Album, Lab


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
