"""What is opened and closed again leaves no more behind than an empty tab of JupyterLab's own does."""

import pytest
from shots import show
from test_sidebar import deploy

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

# One listener that stays is thirty; what comes and goes by itself is a handful.
ROUNDS = 30
# Counts every timer that repeats for as long as it does.
TIMERS = """
window.repeating = new Set();
const { setInterval: begin, clearInterval: end } = window;
window.setInterval = (...args) => {
    const id = begin(...args);
    window.repeating.add(id);
    return id;
};
window.clearInterval = id => {
    window.repeating.delete(id);
    end(id);
};
"""
# The classes are those of a tab that is there: Lab's page exports none.
EMPTY = """
    const Tab = [...shell.widgets('main')][0].constructor;
    const tab = new Tab({ content: new (Object.getPrototypeOf(Tab))() });
    tab.id = `empty-${round}`;
    shell.add(tab, 'main');
    await new Promise(done => setTimeout(done, 80));
    tab.dispose();
"""
TAB = """await commands.execute(%s).then(tab => new Promise(done => {
    setTimeout(() => { tab.dispose(); done(); }, 80);
}));"""
DIALOG = """const said = commands.execute('jupyter-oscar:%s');
    const button = () => document.querySelector('.jp-Dialog .jp-mod-%s');
    while (!button()) {
        await new Promise(done => setTimeout(done, 20));
    }
    button().click();
    await said;"""
OURS = {
    "page": TAB % "'jupyter-oscar:open-service', { cluster: 'sandbox', name: 'copy', tab: 'calls' }",
    "new service": TAB % "'jupyter-oscar:deploy-service', { cluster: 'sandbox' }",
    "log": TAB % "'jupyter-oscar:open-log', { cluster: 'sandbox', service: 'copy', id }",
    "table": TAB % "'jupyter-oscar:open-table', { kind: 'calls' }",
    "connect": DIALOG % ("add-cluster", "reject"),
    "diagnosis": DIALOG % ("diagnose", "accept"),
    "sidebar": """shell.activateById('filebrowser');
        await new Promise(done => setTimeout(done, 40));
        shell.activateById('jupyter-oscar-sidebar');
        await new Promise(done => setTimeout(done, 40));""",
}


def held(devtools, page):
    """Listeners and nodes that are alive; what was let go of is collected when the browser finds the time for it."""
    found = []
    for _ in range(4):
        devtools.send("HeapProfiler.collectGarbage")
        page.wait_for_timeout(200)
        counted = devtools.send("Memory.getDOMCounters")
        found.append((counted["jsEventListeners"], counted["nodes"]))
    return min(found)


def test_what_was_opened_and_closed_leaves_what_an_empty_tab_leaves(server, lab, page):
    sockets = set()

    def on_socket(socket):
        if "jupyter-oscar" in socket.url:
            sockets.add(socket)
            socket.on("close", lambda _: sockets.discard(socket))

    page.on("websocket", on_socket)
    page.add_init_script(TIMERS)
    server.sandbox("start")
    deploy(server, "copy")
    code = "import jupyter_oscar as o\njob = o.connect('sandbox').submit('copy', text='a').wait()\nprint(job.id)"
    name = server.python(code).strip()
    page.goto(lab)
    show(page)
    page.locator(".jp-OscarServiceRow", has_text="copy").wait_for()
    page.locator(".jp-Launcher").wait_for()
    devtools = page.context.new_cdp_session(page)

    def left(what, rounds=ROUNDS):
        """Listeners and nodes that a round leaves."""
        program = f"""async ([id, rounds]) => {{
            const {{ commands, shell }} = window.jupyterapp;
            for (let round = 0; round < rounds; round++) {{ {what} }}
        }}"""
        page.evaluate(program, [name, 5])
        before = held(devtools, page)
        page.evaluate(program, [name, rounds])
        after = held(devtools, page)
        return [round((last - first) / rounds, 2) for first, last in zip(before, after, strict=True)]

    left(EMPTY, 10)  # what is made once for all
    timers, streams = page.evaluate("() => window.repeating.size"), len(sockets)
    empty = [left(EMPTY)]
    found = {what: left(program) for what, program in OURS.items()}
    empty.append(left(EMPTY))
    listeners, nodes = map(max, *empty)  # the browser keeps some of a round for a while, before and after
    print(f"an empty tab leaves {listeners} listeners and {nodes} nodes; ours: {found}")  # noqa: T201 - for who tunes it
    page.wait_for_timeout(1500)
    assert len(sockets) == streams == 1
    assert page.evaluate("() => window.repeating.size") <= timers
    for what, (more_listeners, more_nodes) in found.items():
        allowed = (0, 0) if what == "sidebar" else (listeners, nodes)  # that one opens no tab
        assert more_listeners <= allowed[0] + 0.5, (what, found, listeners)
        assert more_nodes <= allowed[1] + 2, (what, found, nodes)
