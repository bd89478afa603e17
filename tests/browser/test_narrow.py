"""A service's page in a narrow window with the file browser open: all of it is seen and can be pressed."""

import pytest
from steps import call, deploy

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

# What of the page is wider than the page, or cannot be pressed because something lies over it.
UNREACHED = """() => {
    const page = document.querySelector('.jp-OscarPage:not(.lm-mod-hidden)');
    const edge = page.getBoundingClientRect();
    const seen = element => element.offsetParent && element.getBoundingClientRect().width;
    return [...page.querySelectorAll('button, input, select, textarea, [role=tab]')].filter(seen).filter(element => {
        if (element.closest('.cm-editor, .jp-OscarLog-line, .jp-OscarLog-fold')) { // they scroll sideways by themselves
            return false;
        }
        element.scrollIntoView({ block: 'nearest' });
        const box = element.getBoundingClientRect();
        const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
        const label = element.closest('label');
        const ours = top && (element.contains(top) || top.contains(element) || (label && label.contains(top)));
        return box.left < edge.left - 1 || box.right > edge.right + 1 || !ours;
    }).map(element => element.outerHTML.slice(0, 120));
}"""


@pytest.mark.parametrize("width", [480, 700])
def test_everything_on_a_narrow_page_can_be_pressed(shared_lab, width):
    page = shared_lab
    deploy(page, f"narrow-{width}", "#!/bin/sh\necho red lines of a script that says a good deal in each of them\n")
    call(page, "a-file-with-a-long-name-of-its-own.txt", "x")
    page.get_by_role("row", selected=True).get_by_text("done").wait_for(timeout=30_000)

    page.set_viewport_size({"width": width, "height": 800})
    for tab in ("call", "calls", "log", "definition"):
        page.locator(f"[role=tab][id$='-tab-{tab}']").click()
        page.locator(f"[role=tabpanel][id$='-panel-{tab}']:not(.lm-mod-hidden)").wait_for()
        assert page.evaluate(UNREACHED) == [], tab
