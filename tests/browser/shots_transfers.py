"""Pictures of what is on its way into buckets and out of them. Part of ``shots``."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from shots_buckets import answer, item, staged
from shots_words import NOTHING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route
    from shots import Album, Lab

PART = 8 * 1024 * 1024
LARGE = 5 * PART

# Two uploads that another life of the page left, one of which has its file at hand.
LEFT = """async part => {
    const { baseUrl } = window.jupyterapp.serviceManager.serverSettings;
    const asked = indexedDB.open(`jupyter-oscar ${baseUrl}`);
    const base = await new Promise(done => { asked.onsuccess = () => done(asked.result); });
    const file = await (await navigator.storage.getDirectory()).getFileHandle('ocean.nc', { create: true });
    const writing = base.transaction('uploads', 'readwrite');
    const target = { cluster: 'vega', bucket: 'measurements', prefix: 'in/' };
    const one = { target, size: 5 * part, modified: 0, part };
    writing.objectStore('uploads').put({ ...one, key: 'in/ocean colour.nc', upload: 'a', handle: file }, 'a');
    const long = 'in/tile_017_of_the_northern_half_2026-11-03.tif';
    writing.objectStore('uploads').put({ ...one, key: long, upload: 'b' }, 'b');
    await new Promise(done => { writing.oncomplete = done; });
    base.close();
}"""


FULL = {"code": "quota-exceeded", "message": "measurements is full: 20 GB of 20 GB.", "hint": "Delete what is old."}
ENDED = {"code": "not-authenticated", "message": "Your sign-in to vega ended."}
NO_OBJECT = {"code": "object-not-found", "message": "There is no such object."}


def stored(route: Route) -> None:
    """What the server says of uploads: some arrive, one hangs, for one there is no room, one waits for a sign-in."""
    url = urlsplit(route.request.url)
    asked = {key: values[0] for key, values in parse_qs(url.query).items()}
    what = unquote(url.path).partition("/buckets/measurements/")[2]
    key, method = asked.get("key", ""), route.request.method
    parts = [{"number": number, "size": PART, "etag": ""} for number in (1, 2)]
    said: dict[tuple[str, str], Any] = {
        ("GET", "info"): (404, NO_OBJECT),
        ("PUT", "object"): {"key": key, "size": 1400, "modified": 0, "etag": "5d41402abc4b2a76b9719d911017c592"},
        ("POST", "uploads"): (507, FULL)
        if "quota" in key
        else (401, ENDED)
        if "signed" in key
        else {"id": key, "part_size": PART},
        ("GET", "upload"): parts if asked.get("id") in {"a", "b"} else [],
        ("POST", "upload/link"): {"url": "http://127.0.0.1:1/", "headers": {}},
        ("PUT", "upload"): {"etag": ""},
    }
    if (method, what) == ("PUT", "upload") and int(asked["number"]) > len(parts):
        return  # it hangs
    match said.get((method, what)):
        case None:
            answer(route)
        case (int(status), problem):
            route.fulfill(status=status, json={**NOTHING, "upstream_status": status, **problem})
        case found:
            route.fulfill(json=found)


def send(page: Page, lab: Lab, *names: str, size: int) -> None:
    """Have the page send files of these names."""
    for name in names:
        with (lab.home / name).open("wb") as file:
            file.truncate(size)
    with page.expect_file_chooser() as chooser:
        page.evaluate(
            "() => void window.jupyterapp.commands.execute('jupyter-oscar:upload', { path: 'measurements/in/' })"
        )
    chooser.value.set_files([lab.home / name for name in names])


def transfers(album: Album, browser: Browser, lab: Lab) -> None:
    """What is on its way, in each state a transfer can be in, and what is there again after a reload."""
    page = staged(browser, lab)
    page.add_init_script("window.showOpenFilePicker = undefined;")
    page.route("**/clusters/vega/buckets/measurements/**", stored)
    item(page, "measurements").wait_for()
    page.evaluate("() => void window.jupyterapp.commands.execute('jupyter-oscar:show-transfers')")
    page.get_by_text("No transfers.").wait_for()
    album.whole(page, "no transfers")
    page.evaluate(LEFT, PART)
    page.reload()
    lines = page.get_by_role("treegrid", name="Transfers").get_by_role("row")
    lines.filter(has_text="ocean colour.nc").hover()
    album.whole(page, "transfers after a reload")
    send(page, lab, "levels.csv", size=1400)
    lines.filter(has_text="levels.csv").get_by_text("5d41402abc4b2a76b9719d911017c592").wait_for()
    send(page, lab, "past the quota.tif", size=LARGE)
    lines.filter(has_text="past the quota.tif").get_by_text("Delete what is old").wait_for()
    send(page, lab, "not signed in.tif", size=LARGE)
    lines.filter(has_text="not signed in.tif").get_by_text("has ended").wait_for()
    send(page, lab, "scan of the whole archive.tif", "second.tif", "third.tif", size=LARGE)
    lines.filter(has_text="scan of the whole").get_by_text("via Jupyter").wait_for()
    lines.filter(has_text="second.tif").press("Enter")
    page.locator(".jp-OscarTransfers").evaluate("one => { one.scrollTop = 0; }")
    for width in (1280, 520, 300):
        page.set_viewport_size({"width": width, "height": 800})
        album.whole(page, f"transfers {width} pixels wide")
    with contextlib.suppress(Exception):
        page.unroute_all(behavior="ignoreErrors")
    page.context.close()
