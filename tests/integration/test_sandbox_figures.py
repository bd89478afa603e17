"""What the sandbox counts: volumes and buckets against quotas, calls in the manager's log and in the metrics."""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime, timedelta, timezone

import pytest
from sandbox_user import NoAuth, User, eventually, new_name

ALICE = "alice1234567890@egi.eu"


@pytest.fixture
def user(sandbox):
    return User(sandbox)


@pytest.fixture
def box(a_sandbox, issuer):
    """A sandbox of this test's own, with Alice in it."""
    return a_sandbox(extra=("--oidc-issuer", issuer.url, "--oidc-group", "vo1"))


@pytest.fixture
def alice(box, issuer):
    token = issuer.token(ALICE, name="Alice")

    def ask(method, path, **kwargs):
        headers = {"Authorization": f"Bearer {token}"}
        return User(box).ask(method, path, headers=headers, auth=NoAuth(), **kwargs)

    assert ask("GET", "/system/info").status_code == 200
    return ask


def volumes(ask):
    return {one["name"]: one for one in ask("GET", "/system/volumes").json()}


def service(name, **fields):
    return {"name": name, "image": "debian", "script": "#!/bin/sh\n", **fields}


# volumes


def test_a_volume_that_came_with_a_service_goes_with_it_unless_it_is_to_stay(user):
    gone, kept = new_name("gone"), new_name("kept")
    volume = {"size": "1Gi", "mount_path": "/data"}
    assert user.ask("POST", "/system/services", json=service(gone, volume=volume)).status_code == 201
    retained = {**volume, "lifecycle_policy": "retain"}
    assert user.ask("POST", "/system/services", json=service(kept, volume=retained)).status_code == 201
    assert volumes(user.ask)[gone]["attachments"] == [{"service_name": gone, "mount_path": "/data"}]
    folders = [user.sandbox.data / "volumes" / "oscar-svc" / name for name in (gone, kept)]
    assert all(folder.is_dir() for folder in folders)
    user.delete(gone)
    user.delete(kept)
    assert gone not in volumes(user.ask)
    assert volumes(user.ask)[kept]["status"] == {"phase": "pending"}
    assert [folder.is_dir() for folder in folders] == [False, True]
    assert user.ask("DELETE", f"/system/volumes/{kept}").status_code == 204
    assert not folders[1].exists()


def test_a_service_keeps_its_volume_when_it_is_updated(user):
    name = new_name("vol")
    volume = {"size": "1Gi", "mount_path": "/data"}
    assert user.ask("POST", "/system/services", json=service(name, volume=volume)).status_code == 201
    assert user.ask("PUT", "/system/services", json=service(name, cpu="1")).status_code == 204
    assert user.ask("GET", f"/system/services/{name}").json()["volume"]["name"] == name
    again = user.ask("POST", "/system/services", json=service(new_name(), volume={**volume, "name": name}))
    assert (again.status_code, again.text) == (409, "A managed volume with the provided name already exists")
    user.delete(name)


@pytest.mark.parametrize(
    ("volume", "why"),
    [
        ({"mount_path": "data", "size": "1Gi"}, "volume.mount_path must be an absolute path"),
        ({"mount_path": "/data", "size": "much"}, "volume.size must be a valid positive quantity"),
        ({"mount_path": "/data", "name": "v", "lifecycle_policy": "retain"}, "volume.lifecycle_policy is only allowed"),
    ],
)
def test_a_service_with_a_wrong_volume_is_refused_and_leaves_nothing(user, volume, why):
    name = new_name("vol")
    answer = user.ask("POST", "/system/services", json=service(name, volume=volume))
    assert answer.status_code == 400
    assert why in answer.text
    assert name not in volumes(user.ask)


def test_volumes_are_there_after_a_restart(box, alice):
    assert alice("POST", "/system/volumes", json={"name": "mine", "size": "512Mi"}).status_code == 201
    before = volumes(alice)
    box.kill()
    box.start()
    assert volumes(alice) == before


def test_whoever_has_an_odd_id_has_a_folder_like_others(box, issuer):
    token = issuer.token("../../up@egi.eu")
    headers = {"Authorization": f"Bearer {token}"}
    wanted = {"name": "mine", "size": "1Gi"}
    answer = User(box).ask("POST", "/system/volumes", headers=headers, auth=NoAuth(), json=wanted)
    if box.content["store"] == "minio":  # it would be a path there as well
        assert (answer.status_code, answer.text[:28]) == (500, "MinIO takes no user with the")
        return
    assert answer.status_code == 201
    assert [path.name for path in (box.data / "volumes").rglob("*")] == ["oscar-svc-..%2F..%2Fup", "mine"]


# quotas


def test_an_admin_sets_what_a_user_may_have(box, alice):
    admin, path = User(box), f"/system/quotas/user/{ALICE}"
    assert alice("POST", "/system/volumes", json={"name": "big", "size": "6Gi"}).status_code == 500  # one may have 5Gi
    assert (
        alice("POST", "/system/volumes", json={"name": "tiny", "size": "1Mi"}).status_code == 500
    )  # and at least 200Mi
    given = {"volumes": {"volumes": "1"}, "minio": {"buckets": "1"}}
    assert admin.ask("PUT", path, json=given).json()["minio"]["buckets"] == {"max": 1, "used": 0}
    assert alice("POST", "/system/volumes", json={"name": "one", "size": "1Gi"}).status_code == 201
    more = alice("POST", "/system/volumes", json={"name": "two", "size": "1Gi"})
    assert (more.status_code, more.text.partition(":")[0]) == (400, "not enough volume count quota")
    assert alice("POST", "/system/buckets", json={"bucket_name": "alice-one"}).status_code == 201
    more = alice("POST", "/system/buckets", json={"bucket_name": "alice-two"})
    assert more.status_code == 403
    assert more.text == (f"MinIO bucket quota exceeded for user {ALICE}: limit 1, current 1, requested new buckets 1")
    told = alice("GET", "/system/quotas/user").json()
    assert told["volumes"]["disk"] == {"max": "6Gi", "used": "1Gi"}
    assert told["minio"]["buckets"] == {"max": 1, "used": 1}


def test_a_quota_of_processors_needs_kueue(box, alice):
    assert alice("GET", "/system/quotas/user").status_code == 200
    answer = User(box).ask("PUT", f"/system/quotas/user/{ALICE}", json={"cpu": "2"})
    assert answer.status_code == 503
    wrong = User(box).ask("PUT", f"/system/quotas/user/{ALICE}", json={"volumes": {"disk": "much"}})
    assert wrong.status_code == 400


# buckets


@pytest.mark.parametrize(("mode", "used"), [("--friendly", "1.5Ki"), ("--faithful", "0")])
def test_a_friendly_sandbox_counts_at_once_what_a_real_server_counts_later(a_sandbox, mode, used):
    user = User(a_sandbox(extra=(mode,)))
    user.ask("POST", "/system/buckets", json={"bucket_name": "numbers"})
    user.put("numbers", "a/b.bin", bytes(1536))
    listed = user.ask("GET", "/system/buckets").json()[0]["storage_usage"]
    assert listed["used"] == used
    assert user.ask("GET", "/system/buckets/numbers").json()["storage_usage"] == listed


def test_pages_of_a_bucket_hold_every_key_once_in_order(user):
    bucket = new_name("pages")
    user.ask("POST", "/system/buckets", json={"bucket_name": bucket})
    keys = ["A", "a-b", "a.txt", "a/b", "a/c/d e", "aa/ü", "b", *(f"n/{number}" for number in range(150))]
    for key in keys:
        user.put(bucket, key)
    found, page = [], None
    while True:
        answer = user.ask("GET", f"/system/buckets/{bucket}", params={"page": page} if page else None).json()
        assert answer["returned_items"] == len(answer["objects"]) <= 70
        found += [one["object_name"] for one in answer["objects"]]
        page = answer.get("next_page")
        assert answer["is_truncated"] is (page is not None)
        if page is None:
            break
    assert found == sorted(keys)
    assert user.ask("DELETE", f"/system/buckets/{bucket}").status_code == 204


# calls


@pytest.fixture
def called(user):
    """A service that was called: one upload, one job, one run, and once with a wrong token."""
    name = new_name("called")
    user.create(name, "#!/bin/sh\necho done\n")
    user.put(name, "in/one.txt")
    assert user.call(name, b"aGk=").status_code == 201
    assert user.run(name, b"aGk=").status_code == 200
    assert user.call(name, b"aGk=", token="0" * 64).status_code == 401
    eventually(lambda: user.over(name, 2))
    yield name
    user.delete(name)


def test_the_managers_log_tells_who_called(user, called):
    lines = user.ask("GET", "/system/logs").json()["logs"]
    mine = [(line["path"], line["status"], line["user"]) for line in lines if line["path"].endswith(called)]
    assert sorted(mine) == sorted(
        [
            (f"/job/{called}", 201, user.provider["access_key"]),
            (f"/job/{called}", 201, "nil"),
            (f"/run/{called}", 200, "nil"),
            (f"/job/{called}", 401, "oscar"),
        ]
    )
    assert all(re.search(r"\| +\d+(\.\d+)?(ns|µs|ms|s) \|", line["raw"]) for line in lines)


def test_the_metrics_count_what_was_called(user, called):
    values = {one["metric"]: one["value"] for one in user.ask("GET", f"/system/metrics/{called}").json()["metrics"]}
    assert values["requests-async-per-service"] == 2
    assert values["requests-sync-per-service"] == 1
    assert values["requests-exposed-per-service"] == 0
    assert values["users-per-service"] == 1
    one = user.ask("GET", f"/system/metrics/{called}", params={"metric": "requests-sync-per-service"}).json()
    assert (one["service_id"], one["value"]) == (called, 1)
    wrong = user.ask("GET", f"/system/metrics/{called}", params={"metric": "happiness"})
    assert (wrong.status_code, wrong.json()) == (400, {"error": "unsupported metric for value query"})


def test_the_breakdown_says_the_same_as_a_table(user, called):
    path = "/system/metrics/breakdown"
    items = user.ask("GET", path, params={"group_by": "service"}).json()["items"]
    item = next(one for one in items if one["key"] == called)
    assert item["requests_count_total"] == 3
    text = user.ask("GET", path, params={"group_by": "service", "format": "csv"}).text
    row = next(row for row in csv.DictReader(io.StringIO(text)) if row["key"] == called)
    assert (row["requests_count_async"], row["requests_count_sync"]) == ("2", "1")
    people = user.ask("GET", path, params={"group_by": "user"}).json()["items"]
    assert user.provider["access_key"] in [one["key"] for one in people]


def test_metrics_of_another_day_are_zero(user, called):
    day = datetime.now(timezone.utc) - timedelta(days=3)
    asked = {"start": day.isoformat(), "end": (day + timedelta(days=1)).isoformat()}
    totals = user.ask("GET", "/system/metrics", params=asked).json()["totals"]
    assert (totals["requests_count_total"], totals["users"]) == (0, None)
    assert totals["services_count_total"] >= 1


@pytest.mark.parametrize(
    "start", ["2026-11-23T00:46:34.749333607Z", "2026-11-23T00:46:34.5+01:00", "2026-11-23T00:46:34Z"]
)
def test_times_are_taken_as_they_are_given_out(user, start):
    told = user.ask("GET", "/system/metrics", params={"start": start}).json()["start"]
    assert told == (start if start.endswith("Z") else "2026-11-22T23:46:34.5Z")


@pytest.mark.parametrize("start", ["2026-11-23", "2026-11-23T00:46:34", "2026-13-23T00:46:34Z", "now"])
def test_what_is_no_time_is_refused(user, start):
    answer = user.ask("GET", "/system/metrics", params={"start": start})
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid start timestamp"})


def test_a_user_sees_figures_of_visible_services_only(box, alice):
    admin = User(box)
    admin.create("secret")
    assert admin.call("secret").status_code == 201
    assert alice("GET", "/system/metrics").json()["totals"]["requests_count_total"] == 0
    assert alice("GET", "/system/metrics/secret").status_code == 403
    assert alice("GET", "/system/metrics/missing").status_code == 404
    assert alice("GET", "/system/logs").status_code == 403


# federation


def test_a_services_federation_can_be_read(user):
    name = new_name("fed")
    user.create(name)
    assert user.ask("GET", f"/system/federation/{name}").json() == {"topology": "none", "members": None}
    assert user.ask("GET", "/system/federation/missing").status_code == 404
    user.delete(name)


# the address in a browser


def test_the_address_says_what_it_is(user):
    answer = user.ask("GET", "/", auth=NoAuth())
    assert answer.url.endswith("/ui/")
    assert "sandbox of OSCAR" in answer.text
