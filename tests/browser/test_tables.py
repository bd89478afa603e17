"""Services and calls as tables in the main area, and the sidebar's sections where Lab moves them."""

import json
import re
from importlib.metadata import version

import pytest
from playwright.sync_api import expect
from shots import said, show
from shots_words import CLUSTER, SERVICES, calls
from steps import eventually, layout_saved

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


@pytest.fixture
def sockets(page, lab):
    """A page with the sidebar open, four services and two thousand calls; the sockets that say so."""
    sockets = []
    said(page, CLUSTER, SERVICES, calls(2000), sockets=sockets)
    page.goto(lab)
    show(page)
    page.locator(".jp-OscarCallRow").first.wait_for()
    page.locator(".jp-Launcher").wait_for()
    return sockets


def section(page, name):
    return page.locator("#jupyter-oscar-sidebar .jp-AccordionPanel-title", has_text=name)


def keys(page):
    return page.locator(".jp-OscarTable-row:visible").evaluate_all("rows => rows.map(row => row.dataset.oscarKey)")


def until(page, fits, why=""):
    """Wait until the keys of the rows that are shown are as wanted."""
    eventually(page, lambda: fits(keys(page)), why)


def selected(page, key):
    page.wait_for_selector(f'.jp-OscarTable-row[data-oscar-key="{key}"][aria-selected="true"]')


def test_two_thousand_calls_are_a_table_of_which_only_those_in_sight_are_drawn(sockets, page):
    section(page, "Calls").get_by_role("button", name="Open as a table").click()
    table = page.get_by_role("grid", name="Calls")
    table.wait_for()
    expect(table).to_have_attribute("aria-rowcount", "2001")
    heads = ["State", "Service", "Input", "Size", "Called", "Duration", "Exit", "Outputs"]
    expect(table.get_by_role("columnheader")).to_have_text(heads)
    until(page, lambda shown: shown[:2] == ["00000", "00001"], "newest first")
    page.wait_for_function("() => document.activeElement.getAttribute('role') === 'grid'")
    page.keyboard.press("End")
    selected(page, "01999")
    page.keyboard.press("PageUp")
    page.keyboard.press("ArrowDown")
    until(page, lambda shown: "01999" in shown)
    assert page.locator(".jp-OscarTable-row").count() < 100

    page.keyboard.press("Home")
    selected(page, "00000")
    sockets[-1].send(json.dumps({"topic": "calls/vega", "cursor": "2", "data": calls(3)}))
    page.wait_for_selector('[role="grid"][aria-rowcount="4"]')
    until(page, lambda shown: shown == ["00000", "00001", "00002"])


def test_a_table_is_sorted_filtered_and_used_by_keys_alone(sockets, page):
    page.evaluate("() => void window.jupyterapp.commands.execute('jupyter-oscar:open-table', { kind: 'services' })")
    table = page.get_by_role("grid", name="Services")
    table.wait_for()
    names = sorted(row["name"] for row in SERVICES)
    until(page, lambda shown: shown == names)
    page.wait_for_function("() => document.activeElement.getAttribute('role') === 'grid'")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    until(page, lambda shown: shown == names[::-1])
    expect(table.get_by_role("columnheader", name="Name")).to_have_attribute("aria-sort", "descending")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(table.get_by_role("columnheader", name="Kind")).to_have_attribute("aria-sort", "ascending")
    until(page, lambda shown: shown[-1] == "cowsay", "the only one that is sync")

    page.keyboard.press("/")
    page.keyboard.type("burned")
    until(page, lambda shown: shown == ["satellite-burned-area-segmentation"])
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    selected(page, "satellite-burned-area-segmentation")
    page.keyboard.press("ContextMenu")
    page.get_by_role("menuitem", name="Open Service").wait_for()
    page.keyboard.press("Escape")
    page.wait_for_function("() => document.activeElement.getAttribute('role') === 'grid'")
    page.keyboard.press("Escape")
    until(page, lambda shown: len(shown) == len(SERVICES))
    page.keyboard.press("Enter")
    page.get_by_role("tab", name="satellite-burned").wait_for()


def test_a_table_is_back_with_its_order_when_the_page_is_loaded_again(sockets, page, lab):
    run = "args => window.jupyterapp.commands.execute('jupyter-oscar:open-table', args).then(() => null)"
    with layout_saved(page, '"descending":true'):
        page.evaluate(run, {"kind": "services", "column": "image", "descending": True})
        page.wait_for_selector('[aria-sort="descending"]')
    page.goto(lab.replace("&reset", ""))
    table = page.get_by_role("grid", name="Services")
    table.wait_for(timeout=30_000)
    expect(table.get_by_role("columnheader", name="Image")).to_have_attribute("aria-sort", "descending")


def test_a_section_works_alone_where_lab_moves_it(sockets, page):
    if tuple(map(int, version("jupyterlab").split(".")[:2])) < (4, 6):
        pytest.skip(f"JupyterLab {version('jupyterlab')} does not move sections: 4.6 does")
    section(page, "Services").click(button="right")
    page.get_by_role("menuitem", name="Move to File Browser").click()
    page.evaluate("() => window.jupyterapp.shell.activateById('filebrowser')")
    rows = page.locator("#filebrowser .jp-OscarServiceRow")
    rows.first.wait_for()
    expect(rows).to_have_count(len(SERVICES))
    page.locator(".jp-OscarSidebar").wait_for(state="hidden")

    more = [{**SERVICES[0], "name": "aaa"}, *SERVICES]
    sockets[-1].send(json.dumps({"topic": "services/vega", "cursor": "2", "data": more}))
    page.locator("#filebrowser").get_by_role("row", name="aaa").wait_for()
    rows.first.click(button="right")
    page.get_by_role("menuitem", name="Delete").wait_for()
    page.keyboard.press("Escape")

    page.locator("#filebrowser .jp-hosted-section", has_text="Services").click(button="right")
    page.get_by_role("menuitem", name="Move back to OSCAR").click()
    show(page)
    page.locator(".jp-OscarSidebar .jp-OscarServiceRow").first.wait_for()
    titles = page.locator("#jupyter-oscar-sidebar .jp-AccordionPanel-title")
    expect(titles).to_have_text([re.compile(name) for name in ("Cluster", "Services", "Calls", "Flows", "Buckets")])
