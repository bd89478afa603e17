"""How long after it was written an object is seen in the folder that the panel shows, and what looking costs.

The object is written straight to the store, at moments that have nothing to do with when the server looks. It is seen
when the channel has told of it and the page, which then lists the folder again, has it in its list.
"""

from __future__ import annotations

import io
import json
import random
import statistics
import time
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import httpx
import websocket
from minio import Minio

from .box import sandbox
from .report import Line
from .server import TOKEN, server

if TYPE_CHECKING:
    from collections.abc import Iterator

WRITES = 40
LIMIT = 1.0


def lines() -> Iterator[Line]:
    """The promise."""
    with sandbox() as box, server(box) as (address, _):
        oscar = httpx.Client(base_url=box.endpoint, auth=(box.user, box.password), timeout=60)
        oscar.post("/system/buckets", json={"bucket_name": "seen"}).raise_for_status()
        said = oscar.get("/system/config").json()["minio_provider"]
        store = Minio(
            urlsplit(box.s3_endpoint).netloc, access_key=said["access_key"], secret_key=said["secret_key"], secure=False
        )
        page = httpx.Client(base_url=address, headers={"Authorization": f"token {TOKEN}"}, timeout=60)
        channel = websocket.create_connection(
            f"{address.replace('http', 'ws', 1)}/jupyter-oscar/channel?token={TOKEN}", timeout=30
        )
        channel.send(json.dumps({"subscribe": f"folder/box/{quote('seen/in/', safe='')}", "cursor": ""}))
        took = sorted(_seen(store, channel, page, f"in/object-{number:03}") for number in range(WRITES))
        channel.close()
    middle = statistics.median(took)
    measured = f"median {middle:.2f} s ({took[0]:.2f}-{took[-1]:.2f}; {WRITES} writes)"
    yield Line("object seen in the panel after its write", measured, f"<= {LIMIT:g} s at the median", middle <= LIMIT)


def _seen(store: Minio, channel: websocket.WebSocket, page: httpx.Client, key: str) -> float:
    """Seconds from the end of a write until the page lists the object."""
    time.sleep(random.uniform(0.2, 1.2))
    store.put_object("seen", key, io.BytesIO(b"x"), 1)
    written = time.perf_counter()
    while not any(row["key"] == key for row in json.loads(channel.recv()).get("data", {}).get("objects", ())):
        pass
    listed = page.get("/jupyter-oscar/clusters/box/buckets/seen/folder", params={"prefix": "in/"}).raise_for_status()
    assert any(row["key"] == key for row in listed.json()["objects"])
    return time.perf_counter() - written
