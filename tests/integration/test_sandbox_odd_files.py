"""Files as scripts should not make them: names, links and places that lead astray, and more than the disk holds."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
import requests
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from sandbox_user import User, eventually, new_name


def test_outputs_that_lead_out_of_the_folder_stay_what_they_are(user):
    """A link to a file is uploaded as that file's content, a link to a folder is not followed, as on a real server."""
    name = new_name()
    script = (
        'cd "$TMP_OUTPUT_DIR"; echo mine > "$HOME/mine"; ln -s "$HOME/mine" link.txt; ln -s / folder; '
        "mkdir sub; echo deep > sub/..x; echo dots > ..."
    )
    user.create(name, f"#!/bin/sh\n{script}\n")
    user.put(name, "in/x.txt")
    eventually(lambda: user.over(name))
    assert set(user.keys(name, "out/")) == {"out/link.txt", "out/sub/..x", "out/..."}
    assert user.get(name, "out/link.txt") == b"mine\n"
    assert {key.split("/")[0] for key in user.keys(name)} == {"in", "out"}
    user.delete(name)


def test_outputs_with_odd_names_arrive_under_just_those(user):
    """A newline, a tab, quotes, what means something in addresses and in shells."""
    name = new_name()
    odd = ["a\nb", "tab\there", "blanks  inside", "per%20cent", "plus+and&and=", "q?#", "$(HOME)`x`", "é", "'\""]
    lines = "\n".join(f"printf %s '{number}' > \"$TMP_OUTPUT_DIR\"/{_quoted(one)}" for number, one in enumerate(odd))
    user.create(name, f"#!/bin/sh\n{lines}\n")
    user.put(name, "in/x.txt")
    (job,) = eventually(lambda: user.over(name)).values()
    assert job["status"] == "Succeeded"
    assert set(user.keys(name, "out/")) == {f"out/{one}" for one in odd}
    for number, one in enumerate(odd):
        assert user.get(name, f"out/{one}") == str(number).encode(), one
    shown = user.ask("GET", f"/system/buckets/{name}").json()["objects"]
    assert {row["object_name"] for row in shown} >= {f"out/{one}" for one in odd}
    user.delete(name)


def _quoted(name):
    return "'" + name.replace("'", "'\\''") + "'"


def test_what_a_script_writes_beside_its_output_folder_is_no_output_and_goes_with_the_job(user, sandbox):
    name = new_name()
    user.create(name, '#!/bin/sh\necho x > "$TMP_OUTPUT_DIR/../x"\necho y > "$TMP_OUTPUT_DIR/y"\npwd\n')
    user.put(name, "in/x.txt")
    eventually(lambda: user.over(name))
    assert user.keys(name, "out/") == ["out/y"]
    assert not list((sandbox.data / "buckets").glob("**/../x"))
    assert not list(Path(tempfile.gettempdir()).glob(f"oscar-sandbox-*/{name}*"))
    user.delete(name)


@pytest.mark.parametrize("key", ["../out-of-it", "in/../../out-of-it", "%2e%2e/out-of-it", "..%2fout-of-it", "/etc/x"])
def test_no_key_leads_out_of_its_bucket(user, sandbox, service, key):
    access = (user.provider["access_key"], user.provider["secret_key"])
    url = AWSRequest("PUT", f"{user.provider['endpoint']}/{service}/{key}")
    S3SigV4QueryAuth(Credentials(*access), "s3", "us-east-1", expires=60).add_auth(url)
    with requests.Session() as session:
        request = session.prepare_request(requests.Request("PUT", user.provider["endpoint"], data=b"x"))
        request.url = url.url  # as it is, and not tidied up
        session.send(request, timeout=30, allow_redirects=False)
    around = {path.name for folder in (sandbox.data, sandbox.data / "buckets") for path in folder.iterdir()}
    assert "out-of-it" not in around
    assert not Path("/etc/x").exists()


def test_a_link_in_a_mounted_bucket_shows_nothing_of_the_machine(user, tmp_path):
    """The bucket is the folder itself, so a script can put a link there: nobody follows it over S3."""
    (tmp_path / "secret").write_text("of somebody else")
    name = new_name()
    bucket = f"{name}-kept"
    script = f"cd mnt/{bucket}; ln -s {tmp_path}/secret leak; ln -s {tmp_path} folder; echo fine > fine"
    mount = {"storage_provider": "minio.default", "path": bucket}
    user.create(name, f"#!/bin/sh\n{script}\n", mount=mount)
    user.put(name, "in/x.txt")
    (job,) = eventually(lambda: user.over(name)).values()
    assert job["status"] == "Succeeded"
    eventually(lambda: "fine" in user.keys(bucket))
    assert user.keys(bucket) == ["fine"]
    for key in ("leak", "folder/secret"):
        link = user.s3.presigned_get_object(bucket, key)
        assert requests.get(link, timeout=30).status_code == 404
    shown = user.ask("GET", f"/system/buckets/{bucket}").json()["objects"]
    assert [row["object_name"] for row in shown] == ["fine"]
    user.delete(name)
    assert (tmp_path / "secret").read_text() == "of somebody else"


@pytest.fixture
def small_disk(request):
    """A folder on a disk of 64 MiB."""
    folder = Path(tempfile.mkdtemp(prefix="small"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        folder.rmdir()
        pytest.skip(f"no disk of its own could be mounted: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
    shutil.rmtree(folder)


def test_a_script_that_fills_the_disk_harms_only_itself(small_disk, request):
    conftest = request.config.pluginmanager.getplugin(str(request.config.rootpath / "tests" / "conftest.py"))
    (small_disk / "tmp").mkdir()
    world = {**conftest.sandbox_environment(small_disk / "home"), "TMPDIR": str(small_disk / "tmp")}
    box = conftest.RunningSandbox(small_disk / "data", world, ["--jobs", "2"]).start()
    try:
        user = User(box)
        user.create("svc", memory="1Gi")
        user.create("glutton", '#!/bin/sh\ncat /dev/zero > "$TMP_OUTPUT_DIR/all"\necho full\nsleep 1\n', memory="1Gi")
        user.put("svc", "in/before.txt")
        eventually(lambda: user.over("svc"))
        for number in range(3):
            # While the disk is full nothing can be noted, so the call is refused and made again.
            eventually(lambda: user.call("glutton", b"eA==", f"glutton-{number}").status_code == 201, 60)  # noqa: B023
        eventually(lambda: user.over("glutton", 3), 60)
        user.put("svc", "in/after.txt")
        jobs = eventually(lambda: user.over("svc", 2), 60)
        assert [job["status"] for job in jobs.values()] == ["Succeeded", "Succeeded"]
        assert user.get("svc", "out/after.txt") == b"HELLO"
        assert box.stop() == 0
        box.start()
        assert set(User(box).jobs("glutton")) == {f"glutton-{number}" for number in range(3)}
    finally:
        box.stop()
