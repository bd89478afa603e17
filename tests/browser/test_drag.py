"""A service dragged from the sidebar into a notebook becomes a cell that runs."""

import pytest
from shots import show
from test_sidebar import deploy, open_notebook

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def cells(page):
    return page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells.map(cell => cell.getSource())"
    )


def test_a_service_dragged_below_a_cell_becomes_one_that_runs_and_holds_no_secret(server, lab, page):
    server.sandbox("start")
    deploy(server, "copy")
    (server.work / "input.txt").write_text("hello")
    page.goto(lab)
    show(page)
    open_notebook(page)
    row = page.locator(".jp-OscarServiceRow", has_text="copy")
    row.wait_for()
    start, end = row.bounding_box(), page.locator(".jp-Notebook .jp-Cell").bounding_box()

    page.mouse.move(start["x"] + 60, start["y"] + start["height"] / 2)
    page.mouse.down()
    for step in range(1, 11):
        x, y = end["x"] + 120, end["y"] + end["height"] - 2
        page.mouse.move(start["x"] + 60 + (x - start["x"] - 60) * step / 10, start["y"] + (y - start["y"]) * step / 10)
    page.mouse.up()

    page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget.content.model?.sharedModel.cells.length === 2", timeout=10_000
    )
    first, second = cells(page)
    dropped = second if first == "1 + 1" else first
    assert 'oscar.connect("sandbox")' in dropped
    assert "token" not in dropped
    assert "password" not in dropped
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
    page.locator(".jp-OutputArea-output", has_text="hello").wait_for(timeout=60_000)
