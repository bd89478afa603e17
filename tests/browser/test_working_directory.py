"""A bucket as a folder of one's own files, what happens when it goes away, and what a file that lands starts."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import httpx
import pytest
from lab import Lab
from playwright.sync_api import expect
from shots import show
from steps import leave_dialog

from buckets import NOTEBOOK
from jupyter_oscar.deploy import keeper, mounts

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

SCRIPT = '#!/bin/sh\ntr a-z A-Z < "$INPUT_FILE_PATH" > "$TMP_OUTPUT_DIR/$(basename "$INPUT_FILE_PATH")"\n'
FDL = """\
functions:
  oscar:
    - oscar-cluster:
        name: loud
        image: alpine
        script: script.sh
        input: [{storage_provider: minio.default, path: loud/in}]
        output: [{storage_provider: minio.default, path: loud/out}]
"""
PUT = "import jupyter_oscar as o\no.connect().bucket('loud').upload({content!r}, {key!r})"
GET = "import jupyter_oscar as o\nprint(o.connect().bucket('loud').object({key!r}).text)"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A JupyterLab to which a sandbox is the cluster that its environment names, as in a pod of one."""
    box = Lab(tmp_path_factory.mktemp("box"))
    if not box.program.exists():
        pytest.skip("JupyterLab is not in this environment: pip install 'jupyter-oscar[lab]'")
    box.work.mkdir()
    box.sandbox("start")
    (file,) = box.runtime.glob("jupyter-oscar-sandbox-*.json")
    said = json.loads(file.read_text())
    one = Lab(tmp_path_factory.mktemp("home"))
    one.env |= {f"OSCAR_{name.upper()}": said[name] for name in ("endpoint", "user", "password")}
    (one.home / "loud").mkdir()
    (one.home / "loud" / "fdl.yaml").write_text(FDL)
    (one.home / "loud" / "script.sh").write_text(SCRIPT)
    try:
        one.start()
        one.oscar("apply", str(one.home / "loud" / "fdl.yaml"))
        yield one
        for note in (json.loads(file.read_text()) for file in one.runtime.glob("jupyter-oscar-mount-*.json")):
            one.oscar("umount", note["point"])
        one.stop()
    finally:
        box.sandbox("stop")


@pytest.fixture
def buckets(server, page):
    """The buckets of the sidebar, in the folder that the service watches."""
    page.goto(server.page)
    show(page)
    title = page.locator("#jupyter-oscar-sidebar .jp-AccordionPanel-title", has_text="Buckets")
    title.wait_for()
    if "lm-mod-expanded" not in title.get_attribute("class"):
        title.click()
    panel = page.locator(".jp-OscarBuckets")
    for folder in ("loud", "in"):
        panel.locator(".jp-DirListing-item", has=page.get_by_text(folder, exact=True)).dblclick()
        panel.locator(".jp-BreadCrumbs").get_by_text(folder, exact=True).wait_for()
    return panel


def test_what_a_file_starts_is_said_when_it_lands_by_whatever_way(buckets, page, server):
    server.python(PUT.format(content=b"la la", key="in/song.txt"))
    said = buckets.get_by_role("list", name="Just landed")
    said.get_by_text(re.compile("song.txt watched by")).wait_for()
    said.get_by_text("is newer than it").wait_for(timeout=60_000)
    said.get_by_role("button", name="find its job").click()
    said.get_by_text(re.compile(r"job loud-")).wait_for(timeout=30_000)
    said.get_by_title("loud/out/song.txt").click()
    page.locator(".jp-FileEditor .cm-content", has_text="LA LA").wait_for()
    buckets.locator(".jp-DirListing-item", has_text="song.txt").click(button="right")
    page.get_by_role("menuitem", name="What Did It Start").click()
    page.locator(".jp-Dialog").get_by_text("is newer than it").wait_for()
    leave_dialog(page)


def test_after_a_double_click_a_slash_filters_and_escape_shows_all_again(buckets, page, server):
    for name in ("one", "two"):
        server.python(PUT.format(content=b"x", key=f"in/{name}"))
    items = buckets.locator(".jp-DirListing-item")
    items.filter(has_text="two").click()
    page.keyboard.press("/")
    field = page.get_by_role("searchbox", name="Beginning of the name")
    field.fill("on")
    items.filter(has_text="two").wait_for(state="detached")
    field.press("Escape")
    items.filter(has_text="two").wait_for()
    field.wait_for(state="detached")


@pytest.fixture
def needs_fuse():
    try:
        keeper.check_fuse()
    except mounts.CannotMount as error:
        pytest.skip(str(error))


@pytest.mark.usefixtures("needs_fuse")
def test_a_bucket_is_mounted_and_when_it_goes_away_nothing_typed_is_lost(buckets, page, server):
    buckets.locator(".jp-BreadCrumbs-home").click()
    page.get_by_role("button", name="Mount a bucket as a folder").click()
    page.get_by_role("textbox", name="Folder in it").fill("in")
    page.get_by_role("textbox", name="As").fill("work")
    page.get_by_role("button", name="Mount", exact=True).click()
    row = buckets.get_by_role("region", name="work")
    row.get_by_text("loud/in").wait_for()
    row.get_by_text("all is written back").wait_for(timeout=30_000)
    row.get_by_role("button", name="loud", exact=True).wait_for()
    point = server.work / "work"
    (point / "notes.txt").write_text("first\n")
    page.evaluate("() => void window.jupyterapp.commands.execute('docmanager:open', { path: 'work/notes.txt' })")
    editor = page.locator(".jp-FileEditor .cm-content", has_text="first")
    editor.click()
    page.keyboard.press("Control+End")
    page.keyboard.type("typed when it was gone")
    row.get_by_text("all is written back").wait_for(timeout=30_000)

    os.kill(child_of(note(server)["pid"]), signal.SIGKILL)
    buckets.get_by_text("work is no longer mounted").wait_for(timeout=30_000)
    editor.press("Control+s")
    page.locator(".jp-Dialog").get_by_role("button", name="Close").click()
    page.get_by_text("was not saved: loud/in is no longer mounted").first.wait_for()
    buckets.get_by_role("button", name="Mount Again").click()
    row.get_by_text("all is written back").wait_for(timeout=30_000)
    editor.press("Control+s")
    saved = page.locator(".jp-mod-current.lm-TabBar-tab:not(.jp-mod-dirty)", has_text="notes.txt")
    # It was written back meanwhile, so that it is newer than what was opened.
    overwrite = page.get_by_role("button", name="Overwrite")
    saved.or_(overwrite).first.wait_for()
    if overwrite.is_visible():
        overwrite.click()
    saved.wait_for()
    row.get_by_text("all is written back").wait_for(timeout=30_000)
    row.get_by_role("button", name="Unmount").click()
    row.wait_for(state="detached", timeout=30_000)
    assert not point.exists()
    assert server.python(GET.format(key="in/notes.txt")) == "first\ntyped when it was gone\n"


def note(server):
    (file,) = server.runtime.glob("jupyter-oscar-mount-*.json")
    return json.loads(file.read_text())


def child_of(pid):
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


@pytest.fixture
def in_pod(server, tmp_path):
    """A folder of one's files that somebody else mounts, and how: as a pod's sidecar, which begins with no cache."""
    point, env = server.work / "pod", server.env
    who = (env["OSCAR_USER"], env["OSCAR_PASSWORD"])
    store = httpx.get(f"{env['OSCAR_ENDPOINT']}/system/config", auth=who).json()["minio_provider"]
    remote = {"type": "s3", "provider": "Minio", "endpoint": store["endpoint"], "region": store["region"]}
    remote |= {"access_key_id": store["access_key"], "secret_access_key": store["secret_key"]}
    settings = {f"RCLONE_CONFIG_POD_{name.upper()}": value for name, value in remote.items()}
    started = []

    def mount():
        keeper.clear(point)
        point.mkdir(exist_ok=True)
        command = [keeper.rclone(), "mount", "pod:loud/in", str(point), "--vfs-cache-mode", "writes"]
        command += ["--cache-dir", str(tmp_path / str(len(started)))]
        started.append(subprocess.Popen(command, env={**os.environ, **settings}))
        while not point.is_mount():
            assert started[-1].poll() is None
        return started[-1]

    yield point, mount
    for one in started:
        one.kill()
        one.wait()
    keeper.clear(point)


@pytest.mark.usefixtures("needs_fuse")
def test_a_notebook_is_not_lost_when_the_mount_of_a_pod_goes_away(buckets, page, server, in_pod):
    point, mount = in_pod
    sidecar = mount()
    (point / "a.ipynb").write_bytes(NOTEBOOK)
    page.evaluate("() => void window.jupyterapp.commands.execute('docmanager:open', { path: 'pod/a.ipynb' })")
    cell = page.locator(".jp-Notebook .jp-Cell .cm-content")
    cell.wait_for()
    # A kernel that is still to start in a folder that goes away does not, and core says so first of all.
    page.evaluate("() => window.jupyterapp.shell.currentWidget.context.sessionContext.ready.then(() => null)")
    cell.click()
    page.keyboard.press("Control+End")
    page.keyboard.type(" + 1000")
    expect(cell).to_contain_text("1 + 1 + 1000")
    page.locator(".jp-mod-current.lm-TabBar-tab.jp-mod-dirty", has_text="a.ipynb").wait_for()
    sidecar.kill()
    sidecar.wait()
    gone = buckets.get_by_role("alert", name="pod")
    gone.get_by_text("What you typed is still in the page.").wait_for()
    expect(gone.get_by_role("button", name="Mount Again"), "it is not ours to mount").to_have_count(0)
    cell.press("Control+s")
    page.locator(".jp-Dialog").get_by_role("button", name="Close").click()
    page.get_by_text("was not saved: loud/in is no longer mounted").first.wait_for()
    gone.get_by_role("button", name="Save Open Files to the Bucket").click()
    page.get_by_text("Saved in the bucket: loud/in/a.ipynb.").first.wait_for()
    assert "1 + 1 + 1000" in server.python(GET.format(key="in/a.ipynb"))

    mount()
    buckets.get_by_role("region", name="pod").get_by_text("loud/in").wait_for()
    expect(cell).to_contain_text("1 + 1 + 1000")
    assert "1 + 1 + 1000" in (point / "a.ipynb").read_text()
