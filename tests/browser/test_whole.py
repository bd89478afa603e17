"""The whole as a person meets it: signed in by cookie, with many tabs; and what is found nowhere."""

import json

import pytest
from jupyter_server.auth.security import passwd
from lab import Lab
from shots import show
from steps import connect_dialog, execute, layout_saved

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

MARKER = "MARKER-5f2c9e"
SCRIPT = "#!/bin/sh\ni=0; while [ $i -lt 600 ]; do echo line $i; i=$((i+1)); sleep 0.1; done\n"
FDL = """
functions:
  oscar:
    - oscar-cluster:
        name: talk
        image: docker.io/library/busybox
        script: script.sh
        labels: {jupyter-oscar/tracked: "true"}
        input: [{path: talk/in}]
        output: [{path: talk/out}]
"""


@pytest.fixture(scope="module")
def by_cookie(tmp_path_factory):
    """A Lab at the root of its address, where one signs in with a password: cookies and XSRF, no token in the page."""
    one = Lab(tmp_path_factory.mktemp("cookie"), prefix="", token="")
    one.start(f"--PasswordIdentityProvider.hashed_password={passwd('open sesame')}")
    one.sandbox("start")
    yield one
    one.stop()


@pytest.fixture
def signed_in(by_cookie, page):
    page.goto(f"{by_cookie.address}/login?next=%2Flab")
    page.get_by_label("Password").fill("open sesame")
    page.keyboard.press("Enter")
    page.wait_for_url("**/lab**")
    show(page)
    return page


def test_one_who_signed_in_by_cookie_starts_deploys_and_calls(by_cookie, signed_in):
    page = signed_in
    assert "token" not in page.evaluate(
        "() => document.getElementById('jupyter-config-data').textContent.match(/\"token\": \"[^\"]/) || ''"
    )
    page.locator(".jp-OscarCluster-line", has_text="sandbox").wait_for(timeout=30_000)
    made = page.evaluate(
        """async () => {
          const app = window.jupyterapp;
          const cookie = document.cookie.match(/_xsrf=([^;]+)/)[1];
          const ask = xsrf => fetch('/jupyter-oscar/clusters/sandbox/check', {
            method: 'POST', body: JSON.stringify({fdl: '', scripts: {}}), headers: xsrf ? {'X-XSRFToken': cookie} : {}
          });
          return [(await ask(false)).status, (await ask(true)).status];
        }"""
    )
    assert made == [403, 200], "a form of another page carries the cookie, but cannot read it"


def test_a_secret_is_found_nowhere(by_cookie, signed_in):
    """A password that was typed and a service's own token: not in the page, its storage, workspace, addresses or
    logs."""
    page = signed_in
    addresses = []
    page.on("request", lambda request: addresses.append(request.url))
    endpoint = json.loads(by_cookie.sandbox("status", "--json"))["endpoint"]
    folder = by_cookie.work / "talk"
    folder.mkdir(exist_ok=True)
    (folder / "fdl.yaml").write_text(FDL + f"        environment: {{secrets: {{KEY: {MARKER}-secret}}}}\n")
    (folder / "script.sh").write_text("#!/bin/sh\necho hello\n")
    token = by_cookie.python(
        "import jupyter_oscar as o\nc = o.connect('sandbox')\n"
        f"print(c.deploy({str(folder / 'fdl.yaml')!r}, update=True)[0].token.get_secret_value())"
    ).strip()
    dialog = connect_dialog(page)
    dialog.get_by_label("Name").fill("mine")
    dialog.get_by_label("Address").fill(endpoint)
    dialog.get_by_label("User", exact=True).fill("oscar")
    dialog.get_by_label("Password", exact=True).fill(MARKER)
    page.keyboard.press("Enter")
    dialog.locator(".jp-mod-error").wait_for()
    shown = page.content()
    dialog.get_by_role("button", name="Cancel").click()
    with layout_saved(page, "talk"):
        execute(page, "jupyter-oscar:open-service", cluster="sandbox", name="talk")
        page.get_by_role("tab", name="Definition").click()
        page.get_by_text("secrets").first.wait_for()
    everything = [
        shown.replace(f'value="{MARKER}"', ""),
        page.content(),
        page.evaluate("() => JSON.stringify({...localStorage}) + JSON.stringify({...sessionStorage})"),
        "\n".join(addresses),
        "\n".join(page.said),
        by_cookie.log.read_text(),
        *(path.read_text(errors="replace") for path in (by_cookie.home / ".jupyter").rglob("*") if path.is_file()),
    ]
    for secret in (MARKER, token):
        assert not [text[:200] for text in everything if secret in text]


def test_a_cell_still_runs_while_seven_tabs_follow_three_logs_each(by_cookie, signed_in):
    page = signed_in
    folder = by_cookie.work / "talk"
    folder.mkdir(exist_ok=True)
    (folder / "fdl.yaml").write_text(FDL.replace("talk", "chat"))
    (folder / "script.sh").write_text(SCRIPT)
    ids = by_cookie.python(
        f"import jupyter_oscar as o\nc = o.connect('sandbox')\nc.deploy({str(folder / 'fdl.yaml')!r}, update=True)\n"
        "print(*(c.submit('chat', text=str(i)).accepted().id for i in range(3)))"
    ).split()
    tabs = [page.context.new_page() for _ in range(7)]  # more than the plain connections to one host
    for number, tab in enumerate(tabs):
        tab.goto(f"{by_cookie.address}/lab/workspaces/w{number}")
        show(tab)
        for one in ids:
            tab.evaluate(
                "id => void window.jupyterapp.commands.execute('jupyter-oscar:open-log', "
                "{cluster: 'sandbox', service: 'chat', id})",
                one,
            )
    for tab in tabs:
        tab.get_by_text("line 2", exact=True).first.wait_for(timeout=120_000, state="attached")
    said = page.evaluate(
        """async () => {
          const kernel = await window.jupyterapp.serviceManager.kernels.startNew({name: 'python3'});
          const began = performance.now();
          await kernel.requestExecute({code: '6 * 7'}).done;
          const took = performance.now() - began;
          await kernel.shutdown();
          return took;
        }"""
    )
    assert said < 20_000
    for tab in tabs:
        tab.close()
    by_cookie.python(
        "import jupyter_oscar as o\nc = o.connect('sandbox')\n"
        f"[c.job(f'chat/{{i}}').cancel() for i in {ids!r}]\nc.delete('chat')"
    )
