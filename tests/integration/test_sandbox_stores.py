"""What keeps the sandbox's objects: rclone, or MinIO where it is installed, and always the same for one folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest


@pytest.fixture
def fake(tmp_path):
    """A folder with a program called minio that serves nothing."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "minio").write_text('#!/bin/sh\necho "not today: $*"\n')
    (folder / "minio").chmod(0o755)
    return folder


@contextmanager
def started(tmp_path, *options, path=None):
    """Its first line, and what it says to the person who starts it."""
    env = {**os.environ, "HOME": str(tmp_path), "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime")}
    places = [*([path] if path else []), Path(sys.executable).parent, "/usr/bin", "/bin"]
    env["PATH"] = os.pathsep.join(map(str, places))
    command = [sys.executable, "-m", "jupyter_oscar.sandbox", "--data", str(tmp_path / "data"), *options]
    log = tmp_path / "said"
    with log.open("wb") as errors:
        process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=errors, text=True)
    with process:
        try:
            yield json.loads(process.stdout.readline()), log.read_text()
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def test_without_minio_rclone_keeps_the_objects_and_the_start_says_what_that_means(tmp_path):
    with started(tmp_path) as (line, said):
        assert line["ready"]["store"] == "rclone"
        assert line["ready"]["storage"] in said
        assert "every user's key opens every bucket" in said


def test_minio_on_the_path_is_taken_and_its_last_words_are_kept(tmp_path, fake):
    with started(tmp_path, path=fake) as (line, _):
        assert line["error"].startswith("minio did not start as object store")
    log = (tmp_path / "data" / "s3.log").read_text()
    assert "not today: server" in log
    secret = (
        json.loads(path.read_text())["secret_key"] if (path := tmp_path / "data" / "settings.json").exists() else ""
    )
    assert not secret or secret not in log


def test_a_folder_keeps_the_store_it_began_with(tmp_path, fake):
    with started(tmp_path):
        pass
    with started(tmp_path, path=fake) as (line, _):
        assert line["ready"]["store"] == "rclone"
    with started(tmp_path, "--store", "minio", path=fake) as (line, _):
        assert "are kept by rclone, and minio cannot read them: start it with --store rclone" in line["error"]


@pytest.mark.parametrize("options", [("--store", "minio"), ("--store", "minio", "--minio", "/nowhere/minio")])
def test_a_minio_that_is_not_there_is_one_sentence(tmp_path, options):
    with started(tmp_path, *options) as (line, _):
        assert line["error"].startswith("The sandbox finds no MinIO ")
        assert "--minio" in line["error"]
