"""Pictures of buckets: in the sidebar, as tables, their dialogs, and as folders of one's files. Part of ``shots``."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from shots import WINDOW, said, show
from shots_words import CLUSTER, NOTHING, SERVICES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, Route
    from shots import Album, Lab

ADA = "62bb11b40398f73778b66f344d282242debb8ee3@egi.eu"
ROW: dict[str, Any] = {
    "name": "",
    "visibility": "private",
    "owner": ADA,
    "service": None,
    "allowed_users": [],
    "mine": True,
    "bytes": 1_400_000_000,
    "objects": 340,
    "quota": 20_000_000_000,
}
BUCKETS = [
    {
        **ROW,
        "name": name,
        "visibility": see,
        "service": of,
        "allowed_users": [ADA] * (see == "restricted"),
        "mine": name != "tiles",
    }
    for name, see, of in (
        ("burned-areas-of-the-northern-half-2026", "restricted", None),
        ("grayify", "private", "grayify"),
        ("measurements", "private", None),
        ("tiles", "public", None),
    )
]
NAMES = ("levels.csv", "notes.md", "ocean colour.nc", "run.ipynb", "tile_017_of_the_northern_half_2026-11-03.tif")


def page_of(prefix: str) -> dict[str, Any]:
    """What lies in a folder of these buckets: something, but in one called empty."""
    folder, slash, starts = prefix.rpartition("/")
    names = () if folder == "empty" else NAMES
    now = time.time()
    objects = [
        {"key": folder + slash + name, "size": 1_400 * 19**at, "modified": now - 90 * 20**at, "etag": ""}
        for at, name in enumerate(names)
        if name.startswith(starts)
    ]
    folders = [f"{folder}{slash}{name}/" for name in ("empty", "in", "out") if name.startswith(starts) and names]
    return {"folders": folders, "objects": objects, "cursor": "more" if len(objects) == len(NAMES) else None}


def answer(route: Route) -> None:
    """Say what the server would of these buckets."""
    url = urlsplit(route.request.url)
    asked = {key: values[0] for key, values in parse_qs(url.query).items()}
    name, _, what = unquote(url.path).partition("/buckets/")[2].partition("/")
    bucket = next((row for row in BUCKETS if row["name"] == name), None)
    key = asked.get("key") or asked.get("prefix") or ""
    link = "https://minio.example.org/measurements/levels.csv?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=600"
    whole: dict[str, Any] = {
        "": bucket if name else BUCKETS,
        "folder": {**page_of(key), **({"cursor": None} if asked.get("cursor") else {})},
        "amount": {"objects": 118, "bytes": 46_000_000, "more": False},
        "link": {"url": link, "expires_at": time.time() + 600},
        "triggers": watched(0.0),
    }
    route.fulfill(json=whole.get(what, {}))


def watched(after: float) -> list[dict[str, Any]]:
    """Two services that a file starts: one has written something since, one nothing."""
    row = {"bucket": "grayify", "folder": "grayify/in", "by_name": False, "newer": 0, "after": after, "output": None}
    out = {"key": "out/levels.csv", "size": 1400, "modified": time.time() - 20, "etag": ""}
    return [{**row, "service": "grayify", "newer": 1, "output": out}, {**row, "service": "burned-area-segmentation"}]


def staged(
    browser: Browser, lab: Lab, mounts: Any = (), *, rows: Any = BUCKETS, cannot: Any = None, folder: Any = None
) -> Page:
    """A page with these buckets, and nothing else open in the sidebar."""
    page = browser.new_context(viewport=WINDOW).new_page()
    directory = {"cannot": cannot, "mounts": list(mounts)}
    more = {"buckets/vega": rows, "working-directory/vega": directory}
    more["folder/vega/measurements%2F"] = folder
    said(page, CLUSTER, SERVICES, [], more=more)
    page.route("**/clusters/vega/buckets*", lambda route: route.fulfill(json=rows))
    page.route("**/clusters/vega/buckets/**", answer)
    page.route("**/clusters/vega/working-directory*", lambda route: route.fulfill(json=directory))
    page.goto(lab.page)
    show(page)
    for name in ("Services", "Calls"):
        page.locator("#jupyter-oscar-sidebar .jp-AccordionPanel-title", has_text=name).click()
    title = section(page)
    title.wait_for()
    if "lm-mod-expanded" not in (title.get_attribute("class") or ""):
        title.click()
    return page


def section(page: Page) -> Locator:
    """The head of the buckets in the sidebar."""
    return page.locator("#jupyter-oscar-sidebar .jp-AccordionPanel-title", has_text="Buckets")


def item(page: Page, name: str) -> Locator:
    """A line of the list."""
    return page.locator(".jp-OscarBuckets .jp-DirListing-item", has=page.get_by_text(name, exact=True))


def enter(page: Page, *folders: str) -> None:
    """Open folders, one in another."""
    for folder in folders:
        item(page, folder).dblclick()
        page.locator(".jp-OscarBuckets .jp-BreadCrumbs").get_by_text(folder, exact=True).wait_for()


def buckets(album: Album, browser: Browser, lab: Lab) -> None:
    """None; the list of them, a folder, filtered, with nothing in it and away; and as a table."""
    page = staged(browser, lab, rows=[])
    page.get_by_role("button", name="New Bucket…").wait_for()
    album.sidebar(page, "no buckets")
    page.context.close()

    page = staged(browser, lab)
    item(page, "measurements").wait_for()
    album.sidebar(page, "buckets")
    enter(page, "measurements")
    album.sidebar(page, "folder")
    item(page, "levels.csv").click(button="right")
    album.whole(page, "menu of an object")
    page.keyboard.press("Escape")
    section(page).get_by_role("button", name="Filter (/)").click()
    page.get_by_role("searchbox", name="Beginning of the name").fill("zz")
    page.get_by_text("Nothing begins with").wait_for()
    album.sidebar(page, "nothing begins so")
    page.get_by_role("searchbox", name="Beginning of the name").press("Escape")
    enter(page, "empty")
    page.get_by_role("button", name="Upload Files…").wait_for()
    album.sidebar(page, "empty folder")
    gone = {**NOTHING, "code": "unreachable", "message": "minio.example.org does not answer (timed out after 10 s)."}
    page.route("**/clusters/vega/buckets/**", lambda route: route.fulfill(status=502, json=gone))
    page.get_by_role("button", name="Look again now").first.click()
    page.evaluate("() => void window.jupyterapp.commands.execute('jupyter-oscar:open-folder', { path: 'tiles' })")
    page.get_by_text("does not answer").first.wait_for()
    album.whole(page, "storage away")
    page.context.close()

    there = page_of("")
    page = staged(browser, lab, folder=({**there, "objects": there["objects"][1:]}, there))
    enter(page, "measurements")
    page.get_by_role("list", name="Just landed").get_by_text("nothing after").wait_for()
    album.whole(page, "just landed")
    page.context.close()

    page = staged(browser, lab)
    for path in ("", "measurements", "measurements/empty"):
        args = {"path": path, "cluster": "vega"}
        page.evaluate("args => void window.jupyterapp.commands.execute('jupyter-oscar:open-folder', args)", args)
        page.locator(".jp-OscarFolderView:visible").locator(".jp-OscarTable-row, .jp-OscarNotice").first.wait_for()
        album.whole(page, f"table of {path.rpartition(chr(47))[2] or 'buckets'}")
    page.context.close()


def dialogs(album: Album, browser: Browser, lab: Lab) -> None:
    """What is asked and said of a bucket, of a folder and of an object."""
    page = staged(browser, lab)

    def asked(state: str, command: str, **args: Any) -> None:
        said = [f"jupyter-oscar:{command}", {"cluster": "vega", **args}]
        page.evaluate("([command, args]) => void window.jupyterapp.commands.execute(command, args)", said)
        page.locator(".jp-Dialog").wait_for()
        album.whole(page, state)
        page.keyboard.press("Escape")
        page.locator(".jp-Dialog").wait_for(state="detached")

    item(page, "measurements").wait_for()
    asked("new bucket", "new-bucket")
    asked("sharing", "share-bucket", path="burned-areas-of-the-northern-half-2026")
    asked("sharing of somebody else's", "share-bucket", path="tiles")
    asked("sharing of a service", "share-bucket", path="grayify")
    asked("delete bucket", "delete-bucket", path="grayify")
    asked("delete folder", "delete-object", path="measurements/out/")
    asked("link", "copy-link", path="measurements/levels.csv")
    asked("use as input", "use-as-input", path="measurements/levels.csv")
    asked("who watches", "who-watches", path="grayify/in/")
    asked("what started", "what-started", path="grayify/in/levels.csv")
    asked("mount", "mount-folder", path="measurements")
    item(page, "measurements").click()
    asked("copy to a bucket", "copy-to-bucket")
    page.context.close()


MOUNT: dict[str, Any] = {
    "bucket": "measurements",
    "folder": "in",
    "files": [],
    "ours": True,
    "path": "work",
    "point": "/home/ada/work",
    "problem": None,
    "read_only": False,
    "state": "mounted",
    "waiting": 0,
    "watched_by": [],
}
WAITING = [{"key": f"tile_{at}.tif", "size": 1_400_000, "errors": False} for at in range(3)]
WATCHED = {"after": None, "bucket": "measurements", "by_name": False, "folder": "measurements/in", "newer": 0}
WATCHED = {**WATCHED, "output": None, "service": "grayify"}


def mounts(album: Album, browser: Browser, lab: Lab) -> None:
    """The working directory and other folders in each state, and a machine that cannot mount."""
    pod = {**MOUNT, "ours": False, "path": "", "point": "/home/jovyan", "bucket": "lab-of-ada-lovelace"}
    for state, rows in {
        "mounted": [{**pod, "watched_by": [WATCHED]}, {**MOUNT, "read_only": True}],
        "not yet written back": [
            {**pod, "files": WAITING, "waiting": 3},
            {**MOUNT, "files": [{**WAITING[0], "errors": True}], "waiting": 1},
        ],
        "unmounting": [{**MOUNT, "state": "ending", "files": WAITING[:1], "waiting": 1}, {**pod, "state": "direct"}],
        "mount gone": [{**MOUNT, "state": "gone"}],
        "mount of the pod gone": [{**pod, "state": "gone"}],
    }.items():
        page = staged(browser, lab, rows)
        page.locator(".jp-OscarMount").first.wait_for()
        album.sidebar(page, state)
        page.context.close()
    cannot = {
        **NOTHING,
        "code": "cannot-mount",
        "message": "This machine lets nobody mount folders: /dev/fuse is not there.",
        "hint": "The buckets are in the file browser of the sidebar all the same.",
    }
    page = staged(browser, lab, cannot=cannot)
    page.get_by_role("button", name=re.compile("Mount a bucket")).click()
    page.locator(".jp-Dialog").wait_for()
    album.whole(page, "no FUSE")
    page.context.close()
