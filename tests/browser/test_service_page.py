"""A service in the main area: deployed, called, read and changed by somebody who looks at a real JupyterLab."""

import re

import pytest
from steps import call, deploy, execute

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def test_a_template_becomes_a_service_whose_call_shows_log_and_output(open_lab):
    page = open_lab
    execute(page, "jupyter-oscar:deploy-service", cluster="sandbox")
    page.get_by_role("button", name="Review").click()
    page.get_by_text("my-service is new").wait_for()
    page.get_by_role("button", name="Deploy", exact=True).click()
    page.get_by_role("heading", name="my-service", exact=True).wait_for(timeout=30_000)
    assert page.get_by_text("the sandbox runs it without this image").is_visible()

    call(page, "notes.txt", "one two three\nfour\n")

    row = page.get_by_role("row", selected=True)
    row.get_by_text("done").wait_for(timeout=30_000)
    assert "notes.txt" in row.inner_text()
    page.get_by_text("counted notes.txt").wait_for()
    page.get_by_text(re.compile("⋯ [0-9]+ lines of OSCAR")).first.wait_for()
    page.get_by_role("button", name="Save notes.txt.txt").wait_for()
    assert "2" in page.locator(".jp-OscarShown-text").inner_text()


def test_a_synchronous_call_shows_its_answer(open_lab):
    page = open_lab
    execute(page, "jupyter-oscar:deploy-service", cluster="sandbox", example="wordcount")
    page.get_by_role("button", name="Review").click()
    page.get_by_role("button", name="Deploy", exact=True).click()
    page.get_by_role("heading", name="wordcount", exact=True).wait_for(timeout=30_000)

    page.get_by_label("Text to send").fill("to be or not to be")
    page.get_by_role("button", name="Run", exact=True).click()

    answer = page.get_by_role("region", name="Answer")
    answer.get_by_text('"words": 6').wait_for(timeout=30_000)


def test_a_synchronous_answer_in_rows_is_a_table(open_lab):
    page = open_lab
    deploy(page, "answers", "#!/bin/sh\nprintf 'a,b\\n1,\"2,5\"\\n'\n")
    page.get_by_role("radio", name="text").check()
    page.get_by_label("Text to send").fill("x")
    page.get_by_role("button", name="Run and Wait").click()
    table = page.get_by_role("region", name="Answer", exact=True).get_by_role("table")
    table.wait_for(timeout=30_000)
    assert table.get_by_role("cell").all_inner_texts() == ["1", "2,5"]


def test_an_output_in_rows_is_a_table_of_the_first_of_them(open_lab):
    page = open_lab
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
    assert table.get_by_role("columnheader").all_inner_texts() == ["number", "said"]
    assert table.get_by_role("row").nth(1).get_by_role("cell").all_inner_texts() == ["1", "<b>one, two</b>"]
    assert table.get_by_role("row").count() == 201
    assert page.get_by_text("The first 200 of 300 rows.").is_visible()


def test_a_failing_script_shows_its_exit_code_and_its_lines(open_lab):
    page = open_lab
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
    assert page.locator(".jp-OscarCalls-row").count() == 2
    # ... in the sidebar as well, where the newest is the first.
    page.locator(".jp-OscarCallRow.jp-mod-selected").wait_for()
    assert page.locator(".jp-OscarCallRow").first.get_attribute("aria-selected") == "true"


def test_markup_in_names_lines_and_outputs_runs_nowhere(open_lab):
    page = open_lab
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
    page.wait_for_timeout(500)
    assert page.evaluate("() => window.ran") == 0
    assert not page.evaluate("() => document.querySelectorAll('img[src=x]').length")


def test_a_mistake_shows_its_line_and_its_fix_and_a_review_the_difference(open_lab):
    page = open_lab
    deploy(page, "changes", "#!/bin/sh\necho one\n")
    page.get_by_role("tab", name="Definition").click()
    fdl = page.get_by_label("FDL", exact=True)
    text = fdl.inner_text()

    fdl.fill(text.replace("image:", "imagee:"))
    problem = page.get_by_role("list", name="Problems").get_by_role("button")
    problem.wait_for()
    assert re.search(r"line \d+", problem.inner_text())
    assert 'unknown key "imagee"' in problem.inner_text()
    assert page.locator(".cm-lintRange-error").first.is_visible()
    assert page.get_by_role("button", name="Review").is_disabled()

    fdl.fill(text.replace("memory: 256Mi", "memory: 512Mi"))
    problem.wait_for(state="detached")
    page.get_by_role("button", name="Review").click()
    page.locator(".jp-OscarDiff-line.jp-mod-added", has_text="memory: 512Mi").wait_for()
    page.locator(".jp-OscarDiff-line.jp-mod-removed", has_text="memory: 256Mi").wait_for()
    page.get_by_role("button", name="Deploy", exact=True).click()
    page.get_by_text("✓ Deployed changes").wait_for(timeout=30_000)


def test_tabs_and_calls_are_reached_by_keyboard_alone(open_lab):
    page = open_lab
    execute(page, "jupyter-oscar:open-service", cluster="sandbox", name="changes", tab="call")
    page.get_by_role("tab", name="Call", exact=True).focus()
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("tab", name=re.compile("Calls"), selected=True).is_visible()
    page.keyboard.press("End")
    assert page.get_by_role("tab", name="Definition", selected=True).is_visible()
