"""The programs that the tests of this folder run against, fetched once into the user's cache."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

MINIO = "github.com/minio/minio@latest"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jupyter-oscar" / "real"


def _load(path: Path) -> None:
    """Tests are imported by path, so what they share is too."""
    if path.stem not in sys.modules:
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[path.stem] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[path.stem])


TESTS = Path(__file__).parents[1]
for part in (
    "integration/sandbox_user",
    "integration/command_line",
    "resources/odd_servers",
    "resources/engine_stories",
):
    _load(TESTS / f"{part}.py")
for part in ("parts", "certificates", "process", "canvas"):
    _load(TESTS / "real" / "nifi" / f"nifi_{part}.py")


@pytest.fixture(scope="session")
def tell(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Say something to whoever runs the tests, at once."""
    capturing = pytestconfig.pluginmanager.getplugin("capturemanager")

    def say(sentence: str) -> None:
        with capturing.global_and_fixture_disabled():
            print(f"\n{sentence}", flush=True)  # noqa: T201

    return say


@pytest.fixture(scope="session")
def program(tell: Callable[[str], None]) -> Path:
    """MinIO, from ``$MINIO``, from PATH or from the cache; else built there from the Go module proxy."""
    named = os.environ.get("MINIO") or shutil.which("minio")
    if named:
        return Path(named)
    if not (CACHE / "minio").exists():
        if not shutil.which("go"):
            pytest.skip("MinIO could not be fetched: it is not on PATH, and there is no go to build it with")
        CACHE.mkdir(parents=True, exist_ok=True)
        tell(f"building MinIO into {CACHE}; the first time takes about a quarter of an hour …")
        env = {**os.environ, "GOBIN": str(CACHE)}
        built = subprocess.run(["go", "install", MINIO], env=env, capture_output=True, text=True, check=False)
        if built.returncode:
            pytest.skip(f"MinIO could not be fetched: {built.stderr.strip().splitlines()[-1]}")
    return CACHE / "minio"


@pytest.fixture(scope="session")
def nifi_home(tell: Callable[[str], None]) -> Callable[[str], Path]:
    """Where a release of NiFi is, fetched when it is not there yet."""
    import nifi_parts

    def home(version: str) -> Path:
        try:
            return nifi_parts.home(version, CACHE, tell)
        except nifi_parts.NotToBeHad as error:
            pytest.skip(f"NiFi {version} could not be fetched: {error}")

    return home
