"""The sandbox with a real MinIO as its store: the same stories, and what only MinIO can keep."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from threading import Event, Thread

import pytest
import requests
from minio import Minio
from minio.error import S3Error
from sandbox_user import Person, User, eventually, new_name

from jupyter_oscar.client.cluster import Cluster
from jupyter_oscar.client.profiles import resolve

pytestmark = [pytest.mark.real, pytest.mark.timeout(1800)]

TESTS = Path(__file__).parents[1]
ALICE, BOB, CAROL = "alice1234567890@egi.eu", "bob1234567890@egi.eu", "carol1234567890"
KILLS = int(os.environ.get("JUPYTER_OSCAR_KILLS", "12"))
SANDBOX = "triggers users services calls clients store exposed figures modes odd_files survives bad_days"
STORIES = [
    "contract",
    *(f"integration/test_sandbox_{noun}.py" for noun in SANDBOX.split()),
    *(f"integration/test_{noun}.py" for noun in ("calls", "maps", "functions", "buckets_in_cells")),
    *(f"integration/test_{noun}.py" for noun in ("uploads", "transfers_bad_days", "mounts", "working_directory")),
    *(f"browser/test_{noun}.py" for noun in ("straight", "notification")),
]


@pytest.mark.parametrize("story", STORIES)
def test_what_holds_with_rclone_holds_with_minio(program, story, capsys):
    env = {**os.environ, "JUPYTER_OSCAR_TEST_STORE": "minio", "MINIO": str(program)}
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", str(TESTS / story)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, cwd=TESTS.parent)
    said = [line for line in done.stdout.splitlines() if re.search(r" of 492|^SKIPPED|\d (passed|failed)", line)]
    with capsys.disabled():
        sys.stdout.write("\n".join(("", story, *said, "")))
    assert done.returncode == 0, done.stdout[-20000:]


@pytest.fixture
def on_minio(a_sandbox, program):
    """Makes sandboxes whose objects MinIO keeps."""

    def make(*more):
        return a_sandbox(extra=("--store", "minio", "--minio", str(program), *more))

    return make


@pytest.fixture
def people(on_minio, issuer):
    """A sandbox, and three users of it."""
    box = on_minio("--oidc-issuer", issuer.url, "--oidc-group", "vo1")
    found = [Person(box, issuer.token(uid)) for uid in (ALICE, BOB, CAROL)]
    assert [one.ask("GET", "/system/info").status_code for one in found] == [200, 200, 200]
    return box, *found


# rights


def may(person, bucket):
    """What MinIO lets this user's key do in a bucket."""
    verbs = {
        "list": lambda: list(person.s3.list_objects(bucket)),
        "write": lambda: person.put(bucket, f"mine/{id(person)}"),
        "read": lambda: person.get(bucket, f"mine/{id(person)}"),
        "delete": lambda: person.s3.remove_object(bucket, f"mine/{id(person)}"),
    }
    return {verb for verb, do in verbs.items() if refusal(do) is None}


def refusal(do):
    """None, or the store's own words."""
    try:
        do()
    except S3Error as error:
        said = error.code, error.response.headers["Server"]
    else:
        return None
    assert said == ("AccessDenied", "MinIO")
    return said


ALL = {"list", "write", "read", "delete"}


def share(person, name, visibility, allowed=()):
    body = {"bucket_name": name, "visibility": visibility, "allowed_users": list(allowed)}
    assert person.ask("PUT", "/system/buckets", json=body).status_code == 204


def test_a_key_opens_what_its_user_may_and_nothing_else(people):
    box, alice, bob, carol = people
    name = new_name("bucket")
    assert alice.ask("POST", "/system/buckets", json={"bucket_name": name}).status_code == 201
    assert [may(one, name) for one in (alice, bob, carol)] == [ALL, set(), set()]
    share(alice, name, "restricted", [BOB])
    assert [may(one, name) for one in (alice, bob, carol)] == [ALL, ALL, set()]
    share(alice, name, "restricted", [CAROL])
    assert [may(one, name) for one in (alice, bob, carol)] == [ALL, set(), ALL]
    share(alice, name, "public")
    assert [may(one, name) for one in (alice, bob, carol)] == [ALL, ALL, ALL]
    box.kill()
    box.start()
    again = [Person(box, one.jwt) for one in (alice, bob, carol)]
    assert [may(one, name) for one in again] == [ALL, ALL, ALL]
    share(again[0], name, "private")
    assert [may(one, name) for one in again] == [ALL, set(), set()]
    assert again[0].ask("DELETE", f"/system/buckets/{name}").status_code == 204
    assert bob.ask("POST", "/system/buckets", json={"bucket_name": name}).status_code == 201
    assert [may(one, name) for one in (Person(box, alice.jwt), Person(box, bob.jwt))] == [set(), ALL]


def test_a_user_who_comes_later_gets_what_was_shared_before(people, issuer):
    box, alice, *_ = people
    name, late = new_name("bucket"), "late1234567890"
    body = {"bucket_name": name, "visibility": "restricted", "allowed_users": [late]}
    assert alice.ask("POST", "/system/buckets", json=body).status_code == 201
    assert may(Person(box, issuer.token(late)), name) == ALL


def test_no_user_makes_buckets_or_rights_of_their_own(people):
    _, alice, *_ = people
    with pytest.raises(S3Error, match="AccessDenied"):
        alice.s3.make_bucket("my-own-bucket")


def test_buckets_of_a_service_carry_its_name_and_owner_as_tags(people):
    box, alice, *_ = people
    name = new_name()
    alice.create(name)
    tags = User(box).s3.get_bucket_tags(name)
    assert (tags["owner"], tags["from_service"]) == (ALICE, name)


def test_a_job_works_with_the_keys_of_whoever_uploaded(people):
    box, alice, bob, _ = people
    name = new_name()
    alice.create(name, visibility="restricted", allowed_users=[BOB])
    bob.put(name, "in/a.txt")
    eventually(lambda: User(box).over(name))
    [job] = bob.jobs(name)
    assert f"Using MinIO credentials for user: '{BOB}'" in bob.log(name, job)
    assert bob.get(name, "out/a.txt") == b"HELLO"


# events


def raw_notification(user, bucket):
    url = user.s3._base_url
    assert url is not None
    return user.s3._execute("GET", bucket, query_params={"notification": ""}).data


def test_notifications_are_left_alone_while_nothing_changes(on_minio):
    box = on_minio()
    user, name = User(box), new_name()
    user.create(name)
    before = raw_notification(user, name)
    kept = box.data / "minio" / "drive" / ".minio.sys" / "buckets" / name / ".metadata.bin"
    written = next(kept.rglob("*")).stat().st_mtime_ns
    spec = user.ask("GET", f"/system/services/{name}").json()
    assert user.ask("PUT", "/system/services", json={**spec, "memory": "300Mi"}).status_code == 204
    box.kill()
    box.start()
    assert raw_notification(User(box), name) == before
    assert next(kept.rglob("*")).stat().st_mtime_ns == written


def minio_of(box):
    drive = f"\0{box.data}/minio/drive\0".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if drive in (entry / "cmdline").read_bytes():
                return int(entry.name)
    return None


class Uploads:
    """Somebody who uploads without a pause, never the same name twice and never again what failed."""

    def __init__(self, box, bucket):
        self._box, self._bucket, self._over = box, bucket, Event()
        self.accepted = set()
        self._thread = Thread(target=self._go)
        self._thread.start()

    def _go(self):
        number = 0
        while not self._over.is_set():
            number += 1
            key = f"in/{number:05}.txt"
            with contextlib.suppress(Exception):
                self._client().put_object(self._bucket, key, io.BytesIO(b"hello"), 5)
                self.accepted.add(key)
            time.sleep(0.01)

    def _client(self):
        import urllib3

        keys = (self._box.keys["access_key"], self._box.keys["secret_key"])
        pool = urllib3.PoolManager(timeout=5, retries=False)
        address = self._box.s3_endpoint.removeprefix("http://")
        return Minio(address, *keys, secure=False, region="us-east-1", http_client=pool)

    def end(self):
        self._over.set()
        self._thread.join()


def test_every_upload_makes_one_job_whatever_is_killed_when(on_minio):
    """An upload that was accepted, and also one that nobody was told of although it is there."""
    chance = random.Random(os.environ.get("JUPYTER_OSCAR_SEED", str(time.time_ns())))
    box = on_minio("--hold")
    box.keys = User(box).provider
    User(box).create("many")
    uploads = Uploads(box, "many")
    killed = {"minio": 0, "sandbox": 0}
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.05, 1.0))
        victim = chance.choice(list(killed))
        killed[victim] += 1
        if victim == "sandbox":
            box.kill()
            box.start()
        elif (pid := minio_of(box)) is not None:
            os.kill(pid, signal.SIGKILL)
    time.sleep(1)
    uploads.end()
    user = User(box)
    there = set(eventually(lambda: user.keys("many", "in/")))
    print(f"\nkilled {killed}: {len(uploads.accepted)} uploads accepted, {len(there)} there")  # noqa: T201
    assert uploads.accepted <= there
    eventually(lambda: len(user.jobs("many")) >= len(there), 60)
    time.sleep(4)  # what MinIO tells again, it tells within three seconds
    assert len(user.jobs("many")) == len(there)
    pid = minio_of(box)
    box.kill()
    eventually(lambda: not Path(f"/proc/{pid}").exists())


def test_what_was_missed_is_found_though_a_kill_left_something_that_is_never_told(on_minio, program):
    box = on_minio("--hold")
    user = User(box)
    user.create("missed")
    keys, drive = user.provider, box.data / "minio" / "drive"
    box.stop()
    # A MinIO that knows nobody to tell.
    env = {**box.env, "MINIO_ROOT_USER": keys["access_key"], "MINIO_ROOT_PASSWORD": keys["secret_key"]}
    address = box.s3_endpoint.removeprefix("http://")
    command = [str(program), "server", "--quiet", "--address", address, str(drive)]
    with subprocess.Popen(command, env={**env, "MINIO_CI_CD": "1"}) as alone:
        eventually(lambda: there("missed", user))
        alone.terminate()
    (box.data / "minio" / "queue" / "minio-webhook-oscar-later" / f"{uuid.uuid4()}.event").touch()
    box.start()
    assert len(eventually(lambda: User(box).jobs("missed"), 60)) == 1


def there(bucket, user):
    with contextlib.suppress(Exception):
        user.put(bucket, "in/a.txt")
        return True


def test_a_download_to_a_cell_goes_on_though_minio_is_killed_in_its_middle(on_minio, tmp_path):
    box = on_minio()
    user, content, killed = User(box), os.urandom(200_000_000), []
    user.create("lake")
    user.put("lake", "lake.bin", content)

    def told(_):
        if not killed:
            killed.append(minio_of(box))
            os.kill(killed[0], signal.SIGKILL)

    async def fetch():
        async with Cluster(resolve(endpoint=box.endpoint, user=box.user, password=box.password)) as cluster:
            await cluster.store.download("lake", "lake.bin", tmp_path / "came.bin", told)

    asyncio.run(fetch())
    assert killed
    assert hashlib.sha256((tmp_path / "came.bin").read_bytes()).digest() == hashlib.sha256(content).digest()


# buckets as folders

FUSE = os.access("/dev/fuse", os.R_OK | os.W_OK) and shutil.which("fusermount3")


def write_into(user, name, text):
    """A service that mounts a bucket of its name and writes the text there; what the bucket has then."""
    mount = {"storage_provider": "minio.default", "path": f"{name}/work"}
    script = f'#!/bin/sh\ncat "mnt/{name}/work/"* > "$HOME/seen" 2>/dev/null\nprintf {text} >> mnt/{name}/work/text\n'
    user.create(f"{name}-svc", script, mount=mount)
    assert user.call(f"{name}-svc").status_code == 201
    return eventually(lambda: name in [one.name for one in user.s3.list_buckets()] and user.keys(name))


NEEDS_FUSE = pytest.mark.skipif(not FUSE, reason="this machine has no FUSE for its user: /dev/fuse and fusermount3")


@NEEDS_FUSE
def test_a_bucket_is_mounted_for_a_person_as_one_of_any_cluster(on_minio, tmp_path):
    box = on_minio()
    user, point = User(box), tmp_path / "work"
    user.create("loud")
    user.put("loud", "in/a.txt")

    def oscar(*words):
        command = [sys.executable, "-m", "jupyter_oscar", *map(str, words)]
        done = subprocess.run(command, env=box.env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "sandbox" not in oscar("mount", "loud/in", point)
    try:
        assert (point / "a.txt").read_text() == "hello"
        (point / "b.txt").write_text("by mount")
    finally:
        oscar("umount", point)
    assert user.get("loud", "in/b.txt") == b"by mount"
    assert eventually(lambda: user.over("loud", 2))


@NEEDS_FUSE
def test_a_mounted_bucket_is_a_folder_also_after_a_kill(on_minio):
    box = on_minio()
    user = User(box)
    assert write_into(user, "home", "one") == ["work/text"]
    place = box.data / "minio" / "mounts" / "home"
    assert os.path.ismount(place)
    box.kill()
    box.start()
    user = User(box)
    assert user.call("home-svc").status_code == 201
    eventually(lambda: user.over("home-svc", 2))
    assert eventually(lambda: user.get("home", "work/text") == b"oneone")
    box.stop()
    assert not os.path.ismount(place)
    assert not place.exists()
    box.start()
    user = User(box)
    assert user.get("home", "work/text") == b"oneone"
    user.delete("home-svc")
    assert not os.path.ismount(place)


def test_where_nothing_can_be_mounted_a_sentence_says_why_and_nothing_is_made(on_minio):
    box = on_minio()
    box.stop()
    box.env["PATH"] = str(Path(sys.executable).parent)
    box.start()
    user = User(box)
    mount = {"storage_provider": "minio.default", "path": "home"}
    body = {"name": "svc", "image": "debian", "script": "#!/bin/sh\n", "mount": mount}
    refused = user.ask("POST", "/system/services", json=body)
    assert refused.status_code == 500
    assert re.search(r"'home' cannot be mounted: .*(fusermount3|/dev/fuse).*--store rclone", refused.text)
    assert user.ask("GET", "/system/services").json() == []
    assert list(user.s3.list_buckets()) == []


# out of it


def test_everything_comes_out_as_folders_also_while_it_runs(on_minio, tmp_path):
    box = on_minio()
    user = User(box)
    user.create("shout")
    for key in ("in/a.txt", "a/b.txt", "ü/ä b.txt"):
        user.put("shout", key, key.encode())
    eventually(lambda: user.over("shout"))
    for to in (tmp_path / "beside", tmp_path / "after"):
        command = [*box.command[:3], "export", "--data", str(box.data), "--to", str(to)]
        done = subprocess.run(command, env=box.env, capture_output=True, text=True, check=True)
        assert json.loads(done.stdout)["done"] == {"services": 1, "objects": 4, "logs": 1}
        found = {path.relative_to(to / "buckets"): path.read_bytes() for path in (to / "buckets").rglob("*.*")}
        assert found[Path("shout/out/a.txt")] == b"IN/A.TXT"
        assert found[Path("shout/ü/ä b.txt")] == "ü/ä b.txt".encode()
        box.stop()


# a browser's side


def test_a_page_of_lab_may_use_a_presigned_address(people):
    _, alice, *_ = people
    name = new_name("bucket")
    alice.ask("POST", "/system/buckets", json={"bucket_name": name})
    ask = {"object_key": "a b/ü.txt", "operation": "upload", "content_type": "text/plain"}
    given = alice.ask("POST", f"/system/buckets/{name}/presign", json=ask).json()
    page = {"Origin": "http://localhost:8888"}
    asked = {**page, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type"}
    allowed = requests.options(given["url"], headers=asked, timeout=10)
    assert allowed.status_code in (200, 204)
    assert allowed.headers["Access-Control-Allow-Origin"] in ("*", page["Origin"])
    sent = requests.put(given["url"], data=b"hello", headers={**page, **given["headers"]}, timeout=10)
    assert sent.status_code == 200
    given = alice.ask("POST", f"/system/buckets/{name}/presign", json={**ask, "operation": "download"}).json()
    got = requests.get(given["url"], headers={**page, **given.get("headers", {})}, timeout=10)
    assert got.content == b"hello"
    assert got.headers["Access-Control-Allow-Origin"] in ("*", page["Origin"])
