"""From a fresh JupyterLab to a deleted service with a keyboard alone."""

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

# Lab's own editor keeps Tab to itself until Escape is pressed.
FOCUSED = """() => {
    const at = document.activeElement;
    return [at.tagName, at.getAttribute('role') ?? '', (at.getAttribute('aria-label') ?? at.innerText ?? '').trim(),
        at.closest('.cm-content') ? 'editor' : ''];
}"""


def run(page, command):
    """Run a command from the palette."""
    page.keyboard.press("Control+Shift+C")
    page.wait_for_function("() => document.activeElement.closest('#modal-command-palette')")
    page.keyboard.type(command)
    page.locator("#modal-command-palette .lm-CommandPalette-item.lm-mod-active").get_by_text(command).wait_for()
    page.keyboard.press("Enter")
    page.locator("#modal-command-palette").wait_for(state="hidden")


def tab_to(page, name):
    """Press Tab until what is called so has the focus."""
    seen = []
    for _ in range(80):
        at = page.evaluate(FOCUSED)
        if at[2] == name:
            return
        seen.append(at)
        if at[3] == "editor":
            page.keyboard.press("Escape")
        page.keyboard.press("Tab")
    pytest.fail(f"{name} is not reached by Tab: {seen}")


def test_a_service_is_deployed_called_read_and_deleted_without_a_mouse(server, lab, page):
    server.sandbox("stop")
    page.goto(lab)
    page.wait_for_function("() => window.jupyterapp")
    page.evaluate("() => window.jupyterapp.restored")
    page.locator(".jp-Launcher").wait_for()

    run(page, "Show the OSCAR Sidebar")
    page.get_by_role("button", name="Start a local OSCAR").wait_for()
    tab_to(page, "Start a local OSCAR")
    page.keyboard.press("Enter")
    page.locator(".jp-OscarCluster-line .jp-mod-ok").wait_for(timeout=60_000)

    run(page, "Deploy Service…")
    page.get_by_role("button", name="Review").wait_for(timeout=30_000)
    tab_to(page, "Review")
    page.keyboard.press("Enter")
    page.get_by_text("my-service is new").wait_for()
    tab_to(page, "Deploy")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="my-service", exact=True).wait_for(timeout=30_000)

    tab_to(page, "Call")
    page.keyboard.press("Tab")
    for _ in range(20):
        if page.evaluate("() => document.activeElement.matches('input[type=radio]')"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    tab_to(page, "Text to send")
    page.keyboard.type("one two three")
    tab_to(page, "Run as a Job")
    page.keyboard.press("Enter")
    row = page.get_by_role("row", selected=True)
    row.get_by_text("done").wait_for(timeout=30_000)

    run(page, "Open Log")
    page.get_by_role("tab", name="Log of my-service").wait_for()
    page.locator(".jp-OscarLog").last.get_by_text("counted").wait_for(timeout=30_000)

    run(page, "Show the OSCAR Sidebar")
    page.wait_for_function("() => document.activeElement.closest('.jp-OscarSidebar')")
    page.locator(".jp-OscarServiceRow").wait_for()
    for _ in range(8):
        if page.evaluate("() => document.activeElement.matches('.jp-OscarServiceRow')"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Delete")
    page.locator(".jp-Dialog").get_by_text("Delete my-service").first.wait_for()
    page.wait_for_function("() => document.activeElement.textContent === 'Cancel'")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("No services.").wait_for(timeout=30_000)
