"""A service as it is stored: what is left out, how it may be spelled, and what an update does to it."""

from __future__ import annotations

import re
import socket
import sys

import pytest
from sandbox_user import User, eventually, new_name

LEFT_OUT = {  # what a service of three fields reads back as (oscar.md §2.2), in the server's order
    "cluster_id": "",
    "memory": "256Mi",
    "cpu": "0.2",
    "total_memory": "",
    "total_cpu": "",
    "ephemeral_storage_request": "",
    "enable_gpu": False,
    "enable_sgx": False,
    "image_prefetch": False,
    "synchronous": {"min_scale": 0, "max_scale": 0},
    "log_level": "INFO",
    "image": "ghcr.io/somebody/cowsay",
    "alpine": False,
    "token": "",
    "file_stage_in": False,
    "input": [],
    "output": [],
    "script": "#!/bin/sh\n",
    "expose": {
        "min_scale": 0,
        "max_scale": 0,
        "cpu_threshold": 0,
        "rewrite_target": False,
        "default_command": False,
        "set_auth": False,
        "health_path": "",
    },
    "environment": {"variables": {}, "secrets": {}},
    "annotations": {},
    "vo": "",
    "labels": {},
    "storage_providers": {},
    "owner": "cluster_admin",
    "namespace": "oscar-svc",
    "interlink_node_name": "",
    "visibility": "private",
    "allowed_users": [],
    "isolation_level": "",
    "bucket_list": [],
    "mount": {"storage_provider": "", "path": ""},
    "volume_status": {"enabled": False},
}


@pytest.fixture
def user(sandbox):
    return User(sandbox)


@pytest.fixture
def name(user):
    chosen = new_name()
    yield chosen
    user.ask("DELETE", f"/system/services/{chosen}")


def small(name, **fields):
    return {"name": name, "image": "ghcr.io/somebody/cowsay", "script": "#!/bin/sh\n", **fields}


def made(user, service):
    answer = user.ask("POST", "/system/services", json=service)
    assert (answer.status_code, answer.text) == (201, "")
    name = next(value for key, value in service.items() if key.lower() == "name")
    return user.ask("GET", f"/system/services/{name}").json()


def test_everything_that_is_left_out_gets_its_default(user, name):
    stored = made(user, small(name))
    token, labels = stored["token"], stored["labels"]
    assert re.fullmatch(r"[0-9a-f]{64}", token)
    assert labels["oscar_service"] == name
    assert stored["storage_providers"]["minio"]["default"]["secret_key"] == "hidden"
    apart = {"token": "", "labels": {}, "storage_providers": {}}
    assert {**stored, **apart} == {"name": name, **LEFT_OUT}
    assert list(stored) == ["name", *LEFT_OUT]


def test_every_field_is_kept(user, name):
    given = {
        "cluster_id": "here",
        "memory": "1Gi",
        "cpu": "1.5",
        "total_memory": "2Gi",
        "total_cpu": "3",
        "ephemeral_storage_request": "1Gi",
        "enable_gpu": True,
        "image_prefetch": True,
        "synchronous": {"min_scale": 1, "max_scale": 4},
        "log_level": "debug",
        "alpine": True,
        "file_stage_in": True,
        "input": [{"storage_provider": "minio.default", "path": f"{name}/in", "prefix": ["a"], "suffix": [".txt"]}],
        "output": [{"storage_provider": "minio", "path": "out"}],
        "image_pull_secrets": ["mine"],
        "environment": {"variables": {"A": "1"}, "secrets": {"PASSWORD": "geheim"}},
        "annotations": {"note": "hi"},
        "labels": {"mine": "yes"},
        "storage_providers": {"webdav": {"there": {"hostname": "dav.example", "login": "me", "password": "p"}}},
        "clusters": {"other": {"endpoint": "https://other.example", "auth_user": "u", "auth_password": "p"}},
        "interlink_node_name": "vk-1",
        "visibility": "restricted",
        "allowed_users": [" bob@egi.eu "],
        "mount": {"storage_provider": "minio.default", "path": f"{name}-home", "options": "--vfs-cache-mode writes"},
    }
    stored = made(user, small(name, **given))
    changed = {
        "log_level": "DEBUG",
        "output": [{"storage_provider": "minio", "path": f"{name}/out"}],
        "environment": {"variables": {"A": "1"}, "secrets": {"PASSWORD": ""}},
        "allowed_users": ["bob@egi.eu"],
    }
    for key, value in {**given, **changed}.items():
        if key == "labels":
            assert stored[key]["mine"] == "yes"
        elif key == "storage_providers":
            assert stored[key]["webdav"] == value["webdav"]
        else:
            assert stored[key] == value, key


def test_keys_may_be_spelled_in_any_case(user, name):
    stored = made(
        user, {"NAME": name, "Image": "i", "Script": "s", "Environment": {"Variables": {"A": "1"}}, "CPU": "1"}
    )
    assert stored["environment"]["variables"] == {"A": "1"}
    assert stored["cpu"] == "1"


def test_an_update_puts_back_what_it_does_not_say(user, name):
    before = made(user, small(name, cpu="1", annotations={"note": "hi"}, environment={"secrets": {"P": "x"}}))
    assert user.ask("PUT", "/system/services", json=small(name, memory="1Gi")).status_code == 204
    after = user.ask("GET", f"/system/services/{name}").json()
    assert (after["memory"], after["cpu"], after["annotations"]) == ("1Gi", "0.2", {})
    assert after["token"] == before["token"]
    assert after["owner"] == "", "an admin's update stores the owner that it says, which is nobody"
    user.ask("PUT", "/system/services", json=small(name, owner="cluster_admin"))


@pytest.mark.parametrize("name_", ["cowsay", "grayify", "text-to-speech", "plants-classification"])
def test_services_of_the_published_shapes_deploy_without_their_image(user, name_):
    """Each has a bucket of its own, an image that is not pulled, and limits as people write them."""
    name = new_name(name_)[:39]
    stored = made(
        user,
        small(
            name,
            cpu="1.0",
            memory="1Gi",
            log_level="CRITICAL",
            image=f"ghcr.io/somebody/{name_}:latest",
            vo="",
            input=[{"storage_provider": "minio.default", "path": f"{name}/input"}],
            output=[{"storage_provider": "minio.default", "path": f"{name}/output"}],
            environment={"variables": {"INPUT_TYPE": "json", "language": "en"}},
            synchronous={"min_scale": 0, "max_scale": 2},
        ),
    )
    assert stored["image"] == f"ghcr.io/somebody/{name_}:latest"
    assert user.run(name, b"aGVsbG8=").status_code == 200
    user.delete(name)


# what it mounts


def test_a_mounted_bucket_is_made_and_outlives_the_service(user, name):
    mount = {"storage_provider": "minio.default", "path": f"{name}-home/work"}
    made(user, small(name, mount=mount))
    user.put(f"{name}-home", "work/a.txt")
    user.delete(name)
    assert user.keys(f"{name}-home") == ["work/a.txt"]
    made(user, small(name, mount=mount))
    user.delete(name)
    assert user.ask("DELETE", f"/system/buckets/{name}-home").status_code == 204


@pytest.mark.parametrize(
    ("mount", "status", "why"),
    [
        ({"path": "home", "options": "--rc; rm"}, 500, "mount options contain invalid characters"),
        ({"path": "home/../other"}, 400, "has a '.' or '..' part"),
        ({"path": "H"}, 500, "error creating bucket H"),
    ],
)
def test_a_wrong_mount_is_refused(user, name, mount, status, why):
    answer = user.ask(
        "POST", "/system/services", json=small(name, mount={"storage_provider": "minio.default", **mount})
    )
    assert answer.status_code == status
    assert why in answer.text
    assert user.ask("GET", f"/system/services/{name}").status_code == 404


def test_an_exposed_service_finds_its_bucket_and_its_volume(user, name):
    """As a notebook service does: its working folder is a bucket, its environment a volume."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve = f"exec {sys.executable} -m http.server {port}"
    script = f"#!/bin/sh\necho up > mnt/{name}-home/up.txt\necho kept > data/kept.txt\n{serve}\n"
    made(
        user,
        small(
            name,
            script=script,
            expose={"api_port": [port], "min_scale": 1, "max_scale": 1, "cpu_threshold": 80},
            mount={"storage_provider": "minio.default", "path": f"{name}-home"},
            volume={"size": "1Gi", "mount_path": "/data"},
        ),
    )
    assert eventually(lambda: user.keys(f"{name}-home")) == ["up.txt"]
    kept = user.sandbox.data / "volumes" / "oscar-svc" / name / "kept.txt"
    assert eventually(kept.exists)
    user.delete(name)
    assert not kept.exists()
    assert user.ask("DELETE", f"/system/buckets/{name}-home").status_code == 204
