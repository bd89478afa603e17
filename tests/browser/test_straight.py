"""On a storage that lets pages, bytes go there past the Jupyter server, also when it restarts meanwhile."""

import contextlib
import hashlib
import os
import shutil
import signal
from pathlib import Path

import pytest
from test_uploads import row, upload

MINIO = os.environ.get("MINIO") or shutil.which("minio")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        not MINIO, reason="MinIO is neither named by $MINIO nor on PATH: rclone takes nothing from pages"
    ),
]


@pytest.fixture(scope="module")
def sandbox(server):
    server.sandbox("start", "--store", "minio", "--minio", MINIO)
    yield server
    server.sandbox("stop")


def kill_minio(home):
    """End the MinIO whose data is below a folder; the sandbox starts it again."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if any(str(home).encode() in word for word in words) and b"minio" in words[0] and b"server" in words:
                os.kill(int(entry.name), signal.SIGKILL)
                return True
    return False


def test_a_file_goes_there_past_the_server_though_the_storage_restarts(sandbox, open_lab, tmp_path):
    page = open_lab
    sandbox.oscar("bucket", "create", "straight")
    content = os.urandom(100_000_000)
    (tmp_path / "lake.bin").write_bytes(content)
    sent = []
    page.on("request", lambda one: sent.append(one.url) if one.method == "PUT" else None)
    upload(page, "straight", [tmp_path / "lake.bin"])
    line = row(page, "lake.bin")
    page.wait_for_function("() => Number(document.querySelector('.jp-OscarTransferRow-bar')?.ariaValueNow) > 0")
    line.get_by_text("straight", exact=True).wait_for()
    assert kill_minio(sandbox.home)
    page.get_by_text("1 of 1 there").wait_for(timeout=90_000)
    parts = [url for url in sent if "partNumber=" in url]
    assert len(parts) > 1
    sandbox.oscar("bucket", "get", "straight/lake.bin", str(tmp_path / "back.bin"))
    assert hashlib.sha256((tmp_path / "back.bin").read_bytes()).digest() == hashlib.sha256(content).digest()
    assert sandbox.oscar("bucket", "uploads", "straight") == ""
