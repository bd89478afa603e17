"""An FDL that lies in the file browser is deployed from there, with the scripts beside it."""

import textwrap

import pytest
from playwright.sync_api import expect
from shots import show
from steps import call, execute, fdl

pytestmark = [pytest.mark.browser, pytest.mark.timeout(150)]


def write(server, folder, services, scripts):
    """An FDL of ``services`` (name to script) in a folder of the server, with ``scripts`` (path to text) beside it."""
    place = server.work / folder
    for name, text in scripts.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(textwrap.dedent(text))
    (place / "fdl.yaml").write_text(fdl(**services))


def browse(page, folder):
    """Show a folder in the file browser."""
    page.evaluate(
        "path => window.jupyterapp.commands.execute('filebrowser:go-to-path', { path }).then(() => null)", folder
    )
    page.locator(".jp-DirListing-item", has_text="fdl.yaml").wait_for()


@pytest.fixture(autouse=True)
def told(shared_lab):
    """The page has heard which clusters there are now; the server first says which it knew of."""
    show(shared_lab)
    shared_lab.locator(".jp-OscarCluster-line", has_text="sandbox").wait_for()
    shared_lab.evaluate("() => window.jupyterapp.shell.activateById('filebrowser')")


def test_a_file_is_deployed_from_the_file_browser_with_the_script_beside_it(sandbox, shared_lab):
    page = shared_lab
    write(sandbox, "one", {"upper": "src/upper.sh"}, {"src/upper.sh": "tr a-z A-Z < $INPUT_FILE_PATH\n"})
    browse(page, "one")
    page.locator(".jp-DirListing-item", has_text="src").click(button="right")
    page.locator(".lm-Menu-item", has_text="Rename").wait_for()
    expect(page.locator(".lm-Menu-item", has_text="Deploy to OSCAR…")).to_be_hidden()
    page.keyboard.press("Escape")

    page.locator(".jp-DirListing-item", has_text="fdl.yaml").click(button="right")
    page.locator(".lm-Menu-item", has_text="Deploy to OSCAR…").click()
    page.get_by_label("Script of the service").get_by_text("tr a-z A-Z").wait_for()
    page.get_by_role("button", name="Review").click()
    page.get_by_text("upper is new").wait_for()
    page.get_by_role("button", name="Deploy", exact=True).click()
    page.get_by_role("heading", name="upper", exact=True).wait_for(timeout=30_000)

    call(page, "input.txt", "shout")
    page.locator(".jp-OscarLog-line", has_text="SHOUT").first.wait_for(timeout=30_000)


def test_a_file_of_two_services_deploys_both(sandbox, shared_lab):
    page = shared_lab
    write(sandbox, "two", {"first": "a.sh", "second": "b.sh"}, {"a.sh": "echo one\n", "b.sh": "echo two\n"})
    execute(page, "jupyter-oscar:deploy-file", path="two/fdl.yaml")
    page.get_by_label("The script that is shown").select_option("b.sh")
    page.get_by_label("Script of the service").get_by_text("echo two").wait_for()
    page.get_by_role("button", name="Review").click()
    page.get_by_text("first is new").wait_for()
    page.get_by_text("second is new").wait_for()
    page.get_by_role("button", name="Deploy", exact=True).click()

    page.get_by_text("✓ Deployed").wait_for(timeout=30_000)
    page.get_by_role("button", name="second", exact=True).click()
    page.get_by_role("heading", name="second", exact=True).wait_for()
    scripts = sandbox.python(
        "import jupyter_oscar as o\n"
        "services = o.connect('sandbox').services\n"
        "print([services[name].script for name in ('first', 'second')])"
    )
    assert "echo one" in scripts
    assert "echo two" in scripts


def test_scripts_that_are_not_there_are_said_by_name(sandbox, shared_lab):
    page = shared_lab
    write(
        sandbox,
        "gaps",
        {"whole": "a.sh", "gap": "lost.sh", "above": "../../out.sh"},
        {"a.sh": "echo one\n"},
    )
    execute(page, "jupyter-oscar:deploy-file", path="gaps/fdl.yaml")
    page.get_by_text("The script lost.sh is not here").wait_for()
    page.get_by_text("No such file: gaps/lost.sh").wait_for()
    page.get_by_text("The script ../../out.sh is not here").wait_for()
    page.get_by_role("list", name="Problems").wait_for()
    expect(page.get_by_text("The script a.sh is not here")).to_have_count(0)
    expect(page.get_by_role("button", name="Review")).to_be_disabled()

    execute(page, "jupyter-oscar:deploy-file", path="gaps/nowhere.yaml")
    page.get_by_text("gaps/nowhere.yaml could not be read").wait_for()


def test_a_file_dropped_on_the_services_of_the_sidebar_opens_to_be_deployed(sandbox, shared_lab):
    page = shared_lab
    write(sandbox, "dropped", {"fallen": "a.sh"}, {"a.sh": "echo fell\n"})
    show(page)
    page.get_by_role("region", name="Services").wait_for()
    page.evaluate(
        """() => window.jupyterapp.shell.add(window.jupyterapp.shell._leftHandler._items.find(
            item => item.widget.id === 'filebrowser').widget, 'right')"""
    )
    page.evaluate("() => window.jupyterapp.shell.activateById('filebrowser')")
    browse(page, "dropped")
    start = page.locator(".jp-DirListing-item", has_text="fdl.yaml").bounding_box()
    end = page.get_by_role("region", name="Services").bounding_box()
    page.mouse.move(start["x"] + 30, start["y"] + 5)
    page.mouse.down()
    for step in range(1, 11):
        x, y = end["x"] + 40, end["y"] + end["height"] / 2
        page.mouse.move(start["x"] + 30 + (x - start["x"] - 30) * step / 10, start["y"] + (y - start["y"]) * step / 10)
    page.locator(".jp-OscarSection.jp-mod-dropping").wait_for()
    page.mouse.up()
    page.get_by_label("Script of the service").get_by_text("echo fell").wait_for()
    expect(page.locator(".jp-mod-dropping")).to_have_count(0)
