"""A service in the main area: deployed, called, read and changed by somebody who looks at a real JupyterLab."""

import re

import pytest
from playwright.sync_api import expect
from steps import call, deploy, execute, images_failed

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def test_a_template_becomes_a_service_whose_call_shows_log_and_output(shared_lab):
    page = shared_lab
    execute(page, "jupyter-oscar:deploy-service", cluster="sandbox")
    page.get_by_role("button", name="Review").click()
    page.get_by_text("my-service is new").wait_for()
    page.get_by_role("button", name="Deploy", exact=True).click()
    page.get_by_role("heading", name="my-service", exact=True).wait_for(timeout=30_000)
    expect(page.get_by_text("the sandbox runs it without this image")).to_be_visible()

    call(page, "notes.txt", "one two three\nfour\n")

    row = page.get_by_role("row", selected=True)
    row.get_by_text("done").wait_for(timeout=30_000)
    expect(row).to_contain_text("notes.txt")
    page.get_by_text("counted notes.txt").wait_for()
    page.get_by_text(re.compile("⋯ [0-9]+ lines of OSCAR")).first.wait_for()
    page.get_by_role("button", name="Save notes.txt.txt").wait_for()
    expect(page.locator(".jp-OscarShown-text")).to_contain_text("2")


def test_a_synchronous_call_shows_its_answer(shared_lab):
    page = shared_lab
    execute(page, "jupyter-oscar:deploy-service", cluster="sandbox", example="wordcount")
    page.get_by_role("button", name="Review").click()
    page.get_by_role("button", name="Deploy", exact=True).click()
    page.get_by_role("heading", name="wordcount", exact=True).wait_for(timeout=30_000)

    page.get_by_label("Text to send").fill("to be or not to be")
    page.get_by_role("button", name="Run", exact=True).click()

    answer = page.get_by_role("region", name="Answer")
    answer.get_by_text('"words": 6').wait_for(timeout=30_000)


def test_a_synchronous_answer_in_rows_is_a_table(shared_lab):
    page = shared_lab
    deploy(page, "answers", "#!/bin/sh\nprintf 'a,b\\n1,\"2,5\"\\n'\n")
    page.get_by_role("radio", name="text").check()
    page.get_by_label("Text to send").fill("x")
    page.get_by_role("button", name="Run and Wait").click()
    table = page.get_by_role("region", name="Answer", exact=True).get_by_role("table")
    table.wait_for(timeout=30_000)
    expect(table.get_by_role("cell")).to_have_text(["1", "2,5"])


def test_an_output_in_rows_is_a_table_of_the_first_of_them(shared_lab):
    page = shared_lab
    deploy(
        page,
        "rows",
        """\
        #!/bin/sh
        { echo number,said; seq 1 300 | sed 's/$/,"<b>one, two<\\/b>"/'; } > "$TMP_OUTPUT_DIR/rows.csv"
        """,
    )
    call(page, "input.txt", "x")

    table = page.get_by_role("region", name="rows.csv").get_by_role("table")
    table.wait_for(timeout=30_000)
    expect(table.get_by_role("columnheader")).to_have_text(["number", "said"])
    expect(table.get_by_role("row").nth(1).get_by_role("cell")).to_have_text(["1", "<b>one, two</b>"])
    expect(table.get_by_role("row")).to_have_count(201)
    expect(page.get_by_text("The first 200 of 300 rows.")).to_be_visible()


def test_a_failing_script_shows_its_exit_code_and_its_lines(shared_lab):
    page = shared_lab
    page.evaluate("() => window.jupyterapp.shell.activateById('jupyter-oscar-sidebar')")
    deploy(
        page,
        "fails",
        """\
        #!/bin/sh
        echo beginning
        echo "no such thing: $(basename "$INPUT_FILE_PATH")" >&2
        exit 3
        """,
    )
    call(page, "input.txt", "x")

    row = page.locator(".jp-OscarCalls-row[aria-selected=true]")
    row.get_by_text("failed").wait_for(timeout=30_000)
    row.get_by_text("exit 3").wait_for()
    page.locator(".jp-OscarLog-line.jp-mod-failed", has_text="no such thing: input.txt").first.wait_for()

    # Called again from its menu, the new call is the one that is shown.
    before = row.get_attribute("id")
    row.click(button="right")
    page.locator(".lm-Menu-item", has_text="Retry").click()
    page.wait_for_function(
        "before => { const row = document.querySelector('.jp-OscarCalls-row[aria-selected=true]');"
        " return row && row.id !== before; }",
        arg=before,
    )
    expect(page.locator(".jp-OscarCalls-row")).to_have_count(2)
    # ... in the sidebar as well, where the newest is the first.
    page.locator(".jp-OscarCallRow.jp-mod-selected").wait_for()
    expect(page.locator(".jp-OscarCallRow").first).to_have_attribute("aria-selected", "true")


def test_markup_in_names_lines_and_outputs_runs_nowhere(shared_lab):
    page = shared_lab
    page.evaluate("() => { window.ran = 0; }")
    planted = "<img src=x onerror=window.ran=1>"
    deploy(
        page,
        "hostile",
        f"""\
        #!/bin/sh
        echo '{planted}'
        printf '\\033[31m{planted}\\033[0m\\n'
        echo '{planted}' > "$TMP_OUTPUT_DIR/{planted}.txt"
        """,
    )
    call(page, f"{planted}.txt", planted)

    page.get_by_role("row", selected=True).get_by_text("done").wait_for(timeout=30_000)
    page.locator(".jp-OscarLog-line", has_text=planted).first.wait_for()
    page.locator(".jp-OscarShown-text", has_text=planted).wait_for()
    page.get_by_role("tab", name="Log").click()
    images_failed(page)
    assert page.evaluate("() => window.ran") == 0
    assert not page.evaluate("() => document.querySelectorAll('img[src=x]').length")


def test_a_mistake_shows_its_line_and_its_fix_and_a_review_the_difference(shared_lab):
    page = shared_lab
    deploy(page, "changes", "#!/bin/sh\necho one\n")
    page.get_by_role("tab", name="Definition").click()
    fdl = page.get_by_label("FDL", exact=True)
    expect(fdl).to_contain_text("memory: 256Mi")
    text = fdl.inner_text()

    fdl.fill(text.replace("image:", "imagee:"))
    problem = page.get_by_role("list", name="Problems").get_by_role("button")
    problem.wait_for()
    expect(problem).to_contain_text(re.compile(r"line \d+"))
    expect(problem).to_contain_text('unknown key "imagee"')
    expect(page.locator(".cm-lintRange-error").first).to_be_visible()
    expect(page.get_by_role("button", name="Review")).to_be_disabled()

    fdl.fill(text.replace("memory: 256Mi", "memory: 512Mi"))
    problem.wait_for(state="detached")
    page.get_by_role("button", name="Review").click()
    page.locator(".jp-OscarDiff-line.jp-mod-added", has_text="memory: 512Mi").wait_for()
    page.locator(".jp-OscarDiff-line.jp-mod-removed", has_text="memory: 256Mi").wait_for()
    page.get_by_role("button", name="Deploy", exact=True).click()
    page.get_by_text("✓ Deployed changes").wait_for(timeout=30_000)


def test_tabs_and_calls_are_reached_by_keyboard_alone(shared_lab):
    page = shared_lab
    execute(page, "jupyter-oscar:open-service", cluster="sandbox", name="changes", tab="call")
    page.get_by_role("tab", name="Call", exact=True).focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name=re.compile("Calls"), selected=True)).to_be_visible()
    page.keyboard.press("End")
    expect(page.get_by_role("tab", name="Definition", selected=True)).to_be_visible()
