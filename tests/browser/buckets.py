"""What a person does with buckets in the sidebar, and what is in them then."""

import contextlib
import json

from playwright.sync_api import expect
from shots import show

SEED = """
import asyncio
from jupyter_oscar.client import profiles
from jupyter_oscar.client.cluster import Cluster

OBJECTS = {objects!r}

async def main():
    async with Cluster(next(iter(profiles.profiles()))) as cluster:
        if {bucket!r} not in [one.bucket_name for one in await cluster.buckets.list()]:
            await cluster.buckets.create({bucket!r})
        for key, content in OBJECTS.items():
            await cluster.objects.write({bucket!r}, key, content)
        for start in range(0, {many}, 50):
            keys = ["many/" + str(number).zfill(5) for number in range(start, start + 50)]
            await asyncio.gather(*(cluster.objects.write({bucket!r}, key, b"x") for key in keys))

asyncio.run(main())
"""
ALL = """
import asyncio, json
from jupyter_oscar.client import profiles
from jupyter_oscar.client.cluster import Cluster

async def main():
    async with Cluster(next(iter(profiles.profiles()))) as cluster:
        keys = [row.key async for row in cluster.buckets.objects({bucket!r}, "")]
        print(json.dumps({{key: (await cluster.store.get({bucket!r}, key)).decode() for key in keys}}))

asyncio.run(main())
"""
READ = """
import asyncio, sys
from jupyter_oscar.client import profiles
from jupyter_oscar.client.cluster import Cluster

async def main():
    async with Cluster(next(iter(profiles.profiles()))) as cluster:
        print([row.key async for row in cluster.buckets.objects({bucket!r}, "")])
        sys.stdout.flush()
        if {key!r}:
            sys.stdout.buffer.write(await cluster.store.get({bucket!r}, {key!r}))

asyncio.run(main())
"""
NOTEBOOK = json.dumps(
    {
        "cells": [
            {"cell_type": "code", "id": "a", "source": "1 + 1", "metadata": {}, "outputs": [], "execution_count": None}
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
).encode()


class Bucket:
    """A bucket of the sandbox and its part of the sidebar."""

    def __init__(self, lab, page, name):
        self.lab, self.page, self.name = lab, page, name
        self.panel = page.locator(".jp-OscarBuckets")

    def fill(self, objects, many=0):
        self.lab.python(SEED.format(bucket=self.name, objects=objects, many=many))

    def keys(self):
        return self.lab.python(READ.format(bucket=self.name, key="")).splitlines()[0]

    def all(self):
        """Every key, folders' markers too, and the text under it."""
        return json.loads(self.lab.python(ALL.format(bucket=self.name)))

    def text(self, key):
        return self.lab.python(READ.format(bucket=self.name, key=key)).split("\n", 1)[1]

    def section(self):
        show(self.page)
        title = self.page.locator("#jupyter-oscar-sidebar .jp-AccordionPanel-title", has_text="Buckets")
        title.wait_for()
        if "lm-mod-expanded" not in title.get_attribute("class"):
            title.click()

    def item(self, name):
        rows = self.panel.locator(".jp-DirListing-item:visible")  # of the cluster that is shown
        return rows.filter(has=self.page.get_by_text(name, exact=True))

    def open(self, *folders):
        self.section()
        crumbs = self.panel.locator(".jp-BreadCrumbs:visible")
        for folder in (self.name, *folders):
            for last in (False, False, True):
                self.item(folder).dblclick()
                with contextlib.nullcontext() if last else contextlib.suppress(AssertionError):
                    expect(crumbs).to_contain_text(folder, timeout=15_000)
                    break  # else the list was drawn anew between the two clicks

    def menu(self, name, label):
        self.item(name).click(button="right")
        self.page.get_by_role("menuitem", name=label).click()

    def edit(self, text):
        """Type at the end of the text that is open, and save it."""
        self.page.locator(".jp-FileEditor:not(.lm-mod-hidden) .cm-content").click()
        self.page.keyboard.press("Control+End")
        self.page.keyboard.type(text)
        tab = ".jp-mod-current.lm-TabBar-tab"
        self.page.locator(f"{tab}.jp-mod-dirty").wait_for()
        self.page.keyboard.press("Control+s")
        self.page.locator(f"{tab}:not(.jp-mod-dirty)").wait_for()

    def home(self):
        self.panel.locator(".jp-BreadCrumbs-home:visible").click()


def drag(page, source, target):
    """As a person does: press, move, let go."""
    start, end = source.bounding_box(), target.bounding_box()
    page.mouse.move(start["x"] + 40, start["y"] + 8)
    page.mouse.down()
    page.mouse.move(start["x"] + 60, start["y"] + 20, steps=3)
    page.mouse.move(end["x"] + 40, end["y"] + 8, steps=8)
    page.mouse.up()
