"""What a file starts when it lands: who watches it, what came after, which job it was."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any

import page_buckets
import pytest
import requests
from pytest_jupyter.jupyter_core import jp_asyncio_loop  # noqa: F401 - see tests/conftest.py
from pytest_jupyter.jupyter_server import jp_server_cleanup  # noqa: F401

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from page_buckets import Bucket

jp_server_config = page_buckets.jp_server_config
WAYS = {"input": "in", "output": "out"}
SCRIPT = '#!/bin/sh\ntr a-z A-Z < "$INPUT_FILE_PATH" > "$TMP_OUTPUT_DIR/$(basename "$INPUT_FILE_PATH")"\n'


@pytest.fixture
def service(jp_fetch: Callable[..., Awaitable[Any]], sandbox: Any) -> Iterator[Bucket]:
    """The bucket of a service that makes what lands in ``in`` loud, in ``out``."""
    name, who = f"loud-{uuid.uuid4().hex[:8]}", (sandbox.user, sandbox.password)
    places = {way: [{"storage_provider": "minio.default", "path": f"{name}/{folder}"}] for way, folder in WAYS.items()}
    said = {"name": name, "image": "alpine", "memory": "64Mi", "cpu": "0.1", "script": SCRIPT, **places}
    services = f"{sandbox.endpoint}/system/services"
    made = requests.post(services, json=said, auth=who, timeout=30)
    assert made.ok, made.text
    yield page_buckets.Bucket(jp_fetch, name)
    requests.delete(f"{services}/{name}", auth=who, timeout=30)


async def until(ask: Callable[[], Awaitable[Any]], seconds: float = 60) -> Any:
    """The first true answer."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not (found := await ask()):
        assert asyncio.get_running_loop().time() < deadline, "what the test waited for did not happen"
        await asyncio.sleep(0.1)
    return found


async def test_a_file_is_watched_and_its_output_is_seen_and_its_job_found(service: Bucket) -> None:
    await service.put("in/song.txt", b"la la")

    async def output() -> Any:
        (seen,) = await service.ask("GET", "triggers", key="in/song.txt")
        assert (seen["service"], seen["folder"]) == (service.name, f"{service.name}/in")
        return seen if seen["output"] else None

    seen = await until(output)
    assert (seen["bucket"], seen["output"]["key"], seen["by_name"]) == (service.name, "out/song.txt", True)
    assert (await service.get("out/song.txt")).body == b"LA LA"

    async def job() -> Any:
        return (await service.ask("GET", "triggers/job", key="in/song.txt", service=service.name))["job"]

    assert (await until(job)).startswith(service.name)


async def test_a_file_that_nothing_came_after_says_for_how_long(service: Bucket) -> None:
    await service.put("out/newer.txt", b"somebody's own")
    await service.put("kept/not-watched.txt", b"x")
    assert await service.ask("GET", "triggers", key="kept/not-watched.txt") == []
    assert await service.ask("GET", "triggers", key="into/other.txt") == []
    status, refusal = await service.ask("GET", "triggers", key="in/gone.txt")
    assert (status, refusal["code"]) == (404, "object-not-found")


async def test_a_folder_says_what_a_file_in_it_would_start(service: Bucket) -> None:
    (seen,) = await service.ask("GET", "triggers", key="in/deeper/")
    assert (seen["service"], seen["output"], seen["after"]) == (service.name, None, None)
    assert await service.ask("GET", "triggers", key="out/") == []
