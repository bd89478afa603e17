"""A log that is read in a real JupyterLab: followed, folded, searched, and gone through by key."""

import re

import pytest
from playwright.sync_api import expect
from steps import call, deploy

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


@pytest.fixture
def log(shared_lab):
    """The log of a call that counted to 3000 and failed, alone on the page."""
    page = shared_lab
    deploy(
        page,
        "counts",
        """\
        #!/bin/sh
        seq 1 3000 | sed 's/^/number /'
        echo "a/b: not found"
        exit 2
        """,
    )
    call(page, "input.txt", "x")
    page.get_by_role("row", selected=True).get_by_text("failed").wait_for(timeout=30_000)
    page.get_by_role("tab", name="Log").click()
    page.locator(".jp-OscarLog-line:visible", has_text="a/b: not found").wait_for(timeout=30_000)
    return page


def test_a_log_is_searched_folded_and_gone_through_by_key(log):
    page = log
    lines = page.get_by_role("region", name="Lines of the log").locator("visible=true")
    # Of three thousand lines only those in sight are in the page.
    assert page.locator(".jp-OscarLog-line:visible").count() < 200

    lines.focus()
    page.keyboard.press("Home")
    page.get_by_role("button", name=re.compile("lines? of OSCAR")).locator("visible=true").first.wait_for()
    page.locator(".jp-OscarLog-line:visible", has_text=re.compile("number 1$")).wait_for()

    page.keyboard.press("/")
    page.keyboard.type("number 1500")
    # Once where the script said it, once where OSCAR repeats its answer.
    page.get_by_text("2 lines", exact=True).locator("visible=true").wait_for()
    page.keyboard.press("Enter")
    page.locator(".jp-OscarLog-line.jp-mod-current:visible", has_text="number 1500").wait_for()
    expect(page.locator("mark:visible")).to_have_text("number 1500")

    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("a/b")
    page.keyboard.press("Enter")
    page.locator(".jp-OscarLog-line.jp-mod-current.jp-mod-failed:visible", has_text="a/b: not found").wait_for()

    page.keyboard.press("Escape")
    page.wait_for_function("() => document.activeElement.getAttribute('aria-label') === 'Lines of the log'")
    fold = page.get_by_role("button", name=re.compile("lines? of OSCAR")).locator("visible=true").first
    page.keyboard.press("Home")
    page.locator(".jp-OscarLog-line:visible", has_text=re.compile("number 1$")).wait_for()
    before = page.locator(".jp-OscarLog-line.jp-mod-oscar:visible").count()
    fold.click()
    page.locator(".jp-OscarLog-line.jp-mod-oscar:visible").nth(before).wait_for()
    expect(fold).to_have_attribute("aria-expanded", "true")

    page.keyboard.press("Escape")
    page.get_by_role("button", name="Next line that failed").locator("visible=true").click()
    # From the top, where none is in sight, to the next one.
    page.locator(".jp-OscarLog-line.jp-mod-current.jp-mod-failed:visible").wait_for()


def contrast(page, ground):
    """The least contrast of coloured words of the log with the background of ``ground``."""
    return page.evaluate(
        """ground => {
            const numbers = text => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
            const luminance = text => {
                const [r, g, b] = numbers(text).map(value => value / 255).map(
                    part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
            };
            const on = luminance(getComputedStyle(document.querySelector(ground)).backgroundColor);
            const words = [...document.querySelectorAll('.jp-OscarLog-exact')];
            return Math.min(...words.filter(word => word.checkVisibility()).map(word => {
                const text = luminance(getComputedStyle(word).color);
                return (Math.max(text, on) + 0.05) / (Math.min(text, on) + 0.05);
            }));
        }""",
        ground,
    )


def test_colours_beyond_the_theme_s_are_readable_in_every_theme(shared_lab):
    page = shared_lab
    deploy(
        page,
        "colours",
        """\
        #!/bin/sh
        for n in 16 21 52 196 226 231 232 244 255; do printf '\\033[38;5;%dmcolour %d\\033[0m\\n' $n $n; done
        printf '\\033[38;2;250;250;210mpale\\033[0m \\033[38;2;10;10;40mdark\\033[0m\\n'
        """,
    )
    call(page, "input.txt", "x")
    page.locator(".jp-OscarLog-exact:visible", has_text="pale").first.wait_for(timeout=30_000)
    for theme in ("JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"):
        page.evaluate(
            "theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme }).then(() => null)", theme
        )
        page.wait_for_function("theme => document.body.dataset.jpThemeName === theme", arg=theme)
        assert contrast(page, ".jp-OscarLog-body") >= 4.5, theme
