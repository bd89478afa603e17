"""What is opened and closed again leaves no more behind than a tab of JupyterLab's own does."""

import pytest
from shots import show
from test_sidebar import deploy, held

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

ROUNDS = 30
TAB = """await commands.execute(%s).then(tab => new Promise(done => {
    setTimeout(() => { tab.dispose(); done(); }, 150);
}));"""
OURS = {
    "page": TAB % "'jupyter-oscar:open-service', { cluster: 'sandbox', name: 'copy', tab: 'calls' }",
    "new service": TAB % "'jupyter-oscar:deploy-service', { cluster: 'sandbox' }",
    "log": TAB % "'jupyter-oscar:open-log', { cluster: 'sandbox', service: 'copy', id }",
    "dialog": """const said = commands.execute('jupyter-oscar:add-cluster');
        await new Promise(done => setTimeout(done, 100));
        document.querySelector('.jp-Dialog .jp-mod-reject').click();
        await said;""",
}


def test_pages_logs_and_dialogs_leave_no_more_than_a_tab_of_labs_own(server, lab, page):
    server.sandbox("start")
    deploy(server, "copy")
    code = "import jupyter_oscar as o\njob = o.connect('sandbox').submit('copy', text='a').wait()\nprint(job.id)"
    name = server.python(code).strip()
    page.goto(lab)
    show(page)
    page.locator(".jp-OscarServiceRow", has_text="copy").wait_for()
    devtools = page.context.new_cdp_session(page)

    def left(what, rounds=ROUNDS):
        """Listeners and nodes that a round leaves."""
        program = f"""async ([id, rounds]) => {{
            const {{ commands }} = window.jupyterapp;
            for (let round = 0; round < rounds; round++) {{ {what} }}
        }}"""
        page.evaluate(program, [name, 5])
        before = min(held(devtools, page) for _ in range(5))
        page.evaluate(program, [name, rounds])
        after = min(held(devtools, page) for _ in range(5))
        return [(last - first) / rounds for first, last in zip(before, after, strict=True)]

    left(TAB % "'launcher:create'", 10)  # what is made once for all
    listeners, nodes = left(TAB % "'launcher:create'")
    for what, program in OURS.items():
        found = left(program)
        assert found[0] < listeners + 1, (what, found, listeners)
        assert found[1] < nodes + 5, (what, found, nodes)
