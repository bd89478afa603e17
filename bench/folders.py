"""The first page of a folder of 100,000 objects: our route beside jupyter-fs over s3fs, on the same store.

Ours is asked as the page asks it, through a Jupyter server; theirs in this process, without the server's part. It has
no pages and lists a folder whole, which takes minutes for that many: it is given one of 5,000 instead.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from .box import sandbox
from .report import Line, alternate, at_least
from .server import TOKEN, server

if TYPE_CHECKING:
    from collections.abc import Iterator

OBJECTS = 100_000
THEIRS = 5_000
PLACE = Path(__file__).parents[1] / "build" / "neighbours"


def neighbour() -> None:
    """Have jupyter-fs at hand, not in this environment: it would be an extension of every JupyterLab here."""
    if not (PLACE / "jupyterfs").is_dir():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(PLACE)]
        subprocess.run([*command, "jupyter-fs>=1.2,<2"], check=True)
    sys.path.append(str(PLACE))


def lines() -> Iterator[Line]:
    """The promise."""
    name = f"first page of {OBJECTS:,}; jupyter-fs on {THEIRS:,}"
    neighbour()
    from jupyterfs.manager.fsspec import FSSpecManager

    with tempfile.TemporaryDirectory(prefix="jupyter-oscar-bench-") as data, sandbox(data=data) as box:
        oscar = httpx.Client(base_url=box.endpoint, auth=(box.user, box.password), timeout=60)
        oscar.post("/system/buckets", json={"bucket_name": "large"}).raise_for_status()
        provider = oscar.get("/system/config").json()["minio_provider"]
        for name_, count in (("many", OBJECTS), ("fewer", THEIRS)):
            folder = Path(data, "buckets", "large", name_)
            folder.mkdir(parents=True)
            for number in range(count):
                os.close(os.open(folder / f"object-{number:06}.txt", os.O_CREAT | os.O_WRONLY))
        with server(box) as (address, _):
            page = httpx.Client(base_url=address, headers={"Authorization": f"token {TOKEN}"}, timeout=300)

            def ours() -> float:
                began = time.perf_counter()
                answer = page.get(
                    "/jupyter-oscar/clusters/box/buckets/large/folder", params={"prefix": "many/", "size": "200"}
                )
                assert len(answer.raise_for_status().json()["objects"]) == 200
                return time.perf_counter() - began

            def theirs() -> float:
                manager: Any = FSSpecManager(
                    "s3://large/",
                    key=provider["access_key"],
                    secret=provider["secret_key"],
                    endpoint_url=provider["endpoint"],
                    skip_instance_cache=True,
                )
                began = time.perf_counter()
                found = manager.get("fewer", content=True, type="directory")
                assert len(json.dumps(found, default=str)) > THEIRS
                return time.perf_counter() - began

            yield at_least(name, alternate(ours, theirs), 10)
