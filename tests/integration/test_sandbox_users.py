"""Several people on one sandbox: who is let in, what each sees, and what each may change."""

from __future__ import annotations

import io
import time

import pytest
import requests
from minio import Minio
from sandbox_user import SHOUT, Person, User, eventually, new_name, reference

ALICE, BOB, CAROL = "alice1234567890@egi.eu", "bob1234567890@egi.eu", "carol1234567890"


@pytest.fixture(scope="module")
def box(issuer, tmp_path_factory, request):
    """A sandbox that takes the issuer's tokens, shared by this file."""
    conftest = request.config.pluginmanager.getplugin(str(request.config.rootpath / "tests" / "conftest.py"))
    top = tmp_path_factory.mktemp("users")
    options = ["--oidc-issuer", issuer.url, "--oidc-group", "vo1", "--oidc-group", "vo2"]
    running = conftest.RunningSandbox(top / "data", conftest.sandbox_environment(top / "home"), options).start()
    yield running
    assert running.stop() == 0


@pytest.fixture
def admin(box):
    return User(box)


@pytest.fixture
def alice(box, issuer):
    person = Person(box, issuer.token(ALICE, name="Alice Ñandú"))
    assert person.ask("GET", "/system/info").status_code == 200
    return person


@pytest.fixture
def bob(box, issuer):
    person = Person(box, issuer.token(BOB, name="Bob"))
    assert person.ask("GET", "/system/info").status_code == 200
    return person


@pytest.fixture
def mine(alice):
    """A private service of Alice's."""
    name = new_name()
    alice.create(name)
    yield name
    alice.ask("DELETE", f"/system/services/{name}")


def share(person, name, **fields):
    body = person.ask("GET", f"/system/services/{name}").json()
    assert person.ask("PUT", "/system/services", json={**body, **fields}).status_code == 204


# who is let in


@pytest.mark.parametrize(
    ("make", "status", "text"),
    [
        (lambda _: "abc", 400, "token is malformed: token contains an invalid number of segments"),
        (lambda i: i.token(ALICE, iss="http://evil"), 401, "'http://evil' is not listed as an authorized issuer"),
        (lambda i: i.token(ALICE, exp=time.time() - 60), 401, ""),
        (lambda i: i.token("eve@egi.eu", groups=["other"]), 401, ""),
        (lambda i: i.token(ALICE)[:-8] + "AAAAAAAA", 401, ""),
    ],
    ids=["no token", "another issuer", "expired", "no group of ours", "wrong signature"],
)
def test_who_is_not_known_stays_outside(box, issuer, make, status, text):
    answer = Person(box, make(issuer)).ask("GET", "/system/services")
    assert (answer.status_code, answer.text[: len(text)]) == (status, text)
    assert bool(answer.text) == bool(text)


def test_a_token_of_another_issuer_with_our_name_on_it_is_refused(box, issuer):
    other = type(issuer)().start()
    forged = other.token(ALICE, iss=issuer.url)
    other.stop()
    assert Person(box, forged).ask("GET", "/system/services").status_code == 401


def test_an_issuer_may_change_its_key(box, issuer, alice):
    old = alice.jwt
    issuer.roll()
    assert Person(box, issuer.token(ALICE)).ask("GET", "/system/services").status_code == 200
    assert Person(box, old).ask("GET", "/system/services").status_code == 401


def test_an_issuer_that_is_down_is_said_so_and_the_admin_still_gets_in(box, issuer, alice, admin):
    issuer.down = True
    try:
        answer = alice.ask("GET", "/system/services")
        assert answer.status_code == 500
        assert "userinfo" in answer.text
        assert alice.jwt not in answer.text
        assert admin.ask("GET", "/system/services").status_code == 200
    finally:
        issuer.down = False


def test_without_an_issuer_no_token_opens_anything(sandbox, issuer):
    assert Person(sandbox, issuer.token(ALICE)).ask("GET", "/system/services").status_code == 401


def test_the_sandbox_says_at_its_start_what_keeps_its_users_apart(box):
    apart = {"rclone": "every user's key opens every bucket", "minio": "each user has keys and rights of their own"}
    assert apart[box.content["store"]] in (box.data.parent / "data.log").read_text()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--oidc-issuer", "https://id.example"), "--oidc-group"),
        (("--oidc-group", "vo1"), "--oidc-issuer"),
        (("--oidc-issuer", "http://id.example", "--oidc-group", "vo1"), "https"),
    ],
)
def test_a_half_configured_login_is_refused_with_a_sentence(a_sandbox, options, why):
    with pytest.raises(pytest.fail.Exception, match=why):
        a_sandbox(extra=options)


# what a user is


def test_a_user_sees_their_own_name_keys_and_namespace(alice, mine, admin):
    config = alice.ask("GET", "/system/config").json()
    assert config["config"]["oidc_groups"] == ["vo1", "vo2"]
    assert config["minio_provider"]["access_key"] == ALICE
    assert config["minio_provider"]["secret_key"] != admin.provider["secret_key"]
    service = alice.ask("GET", f"/system/services/{mine}").json()
    assert service["owner"] == ALICE
    assert service["namespace"] == "oscar-svc-alice123"
    assert service["vo"] == "vo1"
    assert service["labels"]["owner_name"] == "Alice_Nandu"
    assert service["labels"]["vo"] == "vo1"


def test_a_user_cannot_make_a_service_in_a_group_of_others(alice):
    answer = alice.ask("POST", "/system/services", json={"name": "x", "image": "i", "script": "s", "vo": "vo2"})
    assert (answer.status_code, answer.text) == (400, "this user isn't enrrolled on the vo: vo2\n")


def test_a_user_cannot_give_a_service_to_somebody_else(alice, mine):
    share(alice, mine, owner=BOB)
    assert alice.ask("GET", f"/system/services/{mine}").json()["owner"] == ALICE


def test_what_only_the_admin_may_do(alice):
    assert alice.ask("PUT", "/system/config", json={"allowed_image_repositories": []}).status_code == 401
    status = alice.ask("GET", "/system/status").json()
    assert status["oscar"]["oidc"]["enabled"]
    assert status["oscar"]["pods"] == {"total": 0, "states": {}}


# private, restricted, public


def test_a_private_service_is_nobody_elses(bob, mine):
    refused = bob.ask("GET", f"/system/services/{mine}")
    assert (refused.status_code, refused.text) == (403, f"User {BOB} doesn't have permision to get this service")
    assert mine not in [service["name"] for service in bob.ask("GET", "/system/services").json()]
    body = {"name": mine, "image": "i", "script": "s"}
    changed = bob.ask("PUT", "/system/services", json=body)
    assert (changed.status_code, changed.text) == (403, f"User {BOB} doesn't have permision to modify this service")
    taken = bob.ask("POST", "/system/services", json=body)
    assert (taken.status_code, taken.text) == (400, "A service with the provided name already exists")
    gone = bob.ask("DELETE", f"/system/services/{mine}")
    assert (gone.status_code, gone.text) == (500, f'the service "{mine}" does not have a registered ConfigMap')
    for path in ("deployment", "deployment/logs"):
        assert bob.ask("GET", f"/system/services/{mine}/{path}").status_code == 403


def test_the_jobs_of_a_private_service_are_nobody_elses(alice, bob, mine):
    alice.call(mine)
    for method, path in (("GET", mine), ("GET", f"{mine}/x"), ("DELETE", mine)):
        answer = bob.ask(method, f"/system/logs/{path}")
        assert (answer.status_code, answer.content) == (200, b""), path
    assert bob.ask("DELETE", f"/system/logs/{mine}/x").status_code == 403


def test_a_restricted_service_is_for_those_it_names(box, issuer, alice, bob, mine):
    share(alice, mine, visibility="restricted", allowed_users=[BOB])
    assert bob.ask("GET", f"/system/services/{mine}").status_code == 200
    assert bob.ask("PUT", "/system/services", json={"name": mine, "image": "i", "script": "s"}).status_code == 403
    other = Person(box, issuer.token("mallory@egi.eu"))
    assert other.ask("GET", f"/system/services/{mine}").status_code == 403


def test_a_public_service_is_for_everybody_who_is_let_in(alice, bob, mine):
    share(alice, mine, visibility="public")
    assert mine in [service["name"] for service in bob.ask("GET", "/system/services").json()]
    assert bob.ask("GET", f"/system/services/{mine}/deployment").status_code == 200
    assert bob.ask("POST", f"/system/services/{mine}/stop").status_code == 403
    assert bob.ask("POST", f"/run/{mine}", data=b"aGk=").status_code == 200


# calls


def test_starting_jobs_with_a_token_of_ones_own(box, issuer, alice, bob, mine):
    """An id with an @ is not known as its owner on ``/job``, a quirk of the real server; without one it is."""
    assert alice.ask("POST", f"/job/{mine}", data=b"aGk=").status_code == 404
    assert alice.ask("POST", f"/run/{mine}", data=b"aGk=").status_code == 200
    assert bob.ask("POST", f"/job/{mine}", data=b"aGk=").status_code == 404
    carol = Person(box, issuer.token(CAROL))
    hers = new_name()
    carol.create(hers)
    assert carol.ask("POST", f"/job/{hers}", data=b"aGk=").status_code == 201
    assert list(eventually(lambda: carol.over(hers)))
    carol.delete(hers)


def test_refused_calls_answer_as_the_real_server_does(box, issuer, alice, mine):
    expired = Person(box, issuer.token(ALICE, exp=time.time() - 60))
    outside = Person(box, issuer.token(ALICE, groups=["other"]))
    strange = Person(box, issuer.token(ALICE, iss="http://evil"))
    none = Person(box, "abc")
    asked = [
        [person.ask("POST", f"/{route}/{mine}", data=b"x").status_code for route in ("job", "run")]
        for person in (expired, outside, strange, none)
    ]
    assert asked == [[500, 404], [404, 404], [400, 400], [502, 502]]


def test_a_user_whom_the_cluster_never_met_must_come_by_first(box, issuer, alice, mine):
    share(alice, mine, visibility="public")
    stranger = Person(box, issuer.token(new_name("stranger")))
    refused = stranger.ask("POST", f"/job/{mine}", data=b"aGk=")
    assert refused.status_code == 403
    assert "not provisioned" in refused.text
    stranger.ask("GET", "/system/info")
    assert stranger.ask("POST", f"/job/{mine}", data=b"aGk=").status_code == 201


# whose job it is


def test_owners_see_the_jobs_of_their_uploads_and_the_admin_sees_all(alice, admin, mine):
    assert alice.call(mine, b"aGk=").status_code == 201  # with the service's token: nobody's
    eventually(lambda: admin.over(mine))
    assert alice.jobs(mine) == {}
    alice.put(mine, "in/hello.txt")
    eventually(lambda: admin.over(mine, 2))
    assert len(alice.jobs(mine)) == 1
    [job] = alice.jobs(mine)
    assert "shouted" in alice.log(mine, job)
    assert alice.get(mine, "out/hello.txt") == b"HELLO"


def test_a_call_by_reference_belongs_to_the_key_it_names(alice, bob, mine):
    share(alice, mine, visibility="restricted", allowed_users=[BOB])
    alice.put(mine, "elsewhere/a.txt")
    body = reference(mine, "elsewhere/a.txt").replace('"somebody"', f'"{BOB}"')
    assert alice.call(mine, body, job="bobs-job").status_code == 201
    assert list(bob.jobs(mine)) == ["bobs-job"]
    assert alice.jobs(mine) == {}


# buckets


def test_buckets_are_their_makers_until_shared(alice, bob, admin):
    name = new_name("bucket")
    assert alice.ask("POST", "/system/buckets", json={"bucket_name": name}).status_code == 201
    mine = next(row for row in alice.ask("GET", "/system/buckets").json() if row["bucket_name"] == name)
    assert (mine["visibility"], mine["owner"], mine["metadata"]) == ("private", ALICE, {"owner_name": "Alice Nandu"})
    assert bob.ask("GET", "/system/buckets").json() == []
    assert bob.ask("DELETE", f"/system/buckets/{name}").text == f"User '{BOB}' is not authorised"
    wanted = {"object_key": "x", "operation": "upload"}
    assert bob.ask("POST", f"/system/buckets/{name}/presign", json=wanted).status_code == 403
    bob.ask("PUT", "/system/buckets", json={"bucket_name": name, "visibility": "public"})
    assert bob.ask("GET", "/system/buckets").json() == []
    alice.ask("PUT", "/system/buckets", json={"bucket_name": name, "visibility": "restricted", "allowed_users": [BOB]})
    [row] = bob.ask("GET", "/system/buckets").json()
    assert (row["visibility"], row["allowed_users"]) == ("restricted", [BOB])
    assert bob.ask("POST", f"/system/buckets/{name}/presign", json=wanted).status_code == 200
    assert alice.ask("DELETE", f"/system/buckets/{name}").status_code == 204
    assert admin.ask("GET", f"/system/buckets/{name}").status_code == 500


def test_the_admins_bucket_is_not_for_users(admin, alice):
    name = new_name("bucket")
    admin.ask("POST", "/system/buckets", json={"bucket_name": name})
    assert alice.ask("GET", f"/system/buckets/{name}").status_code == 403
    admin.ask("DELETE", f"/system/buckets/{name}")


def test_with_user_isolation_each_user_has_a_bucket_and_outputs_stay_in_it(alice, bob):
    name = new_name("iso")
    alice.create(name, SHOUT, visibility="restricted", allowed_users=[BOB], isolation_level="USER")
    theirs = f"{name}-bob1234567"
    assert alice.ask("GET", f"/system/services/{name}").json()["bucket_list"] == [theirs]
    assert theirs in [row["bucket_name"] for row in bob.ask("GET", "/system/buckets").json()]
    bob.put(theirs, "in/a.txt")
    eventually(lambda: User(alice.sandbox).over(name))
    assert bob.get(theirs, "out/a.txt") == b"HELLO"
    assert "out/a.txt" not in alice.keys(name)
    assert alice.ask("DELETE", f"/system/services/{name}").status_code == 204
    assert bob.ask("GET", "/system/buckets").json() == []


def test_the_buckets_of_a_service_are_shared_as_it_is(alice, bob, mine):
    def seen():
        return {row["bucket_name"]: row["visibility"] for row in bob.ask("GET", "/system/buckets").json()}

    assert mine not in seen()
    share(alice, mine, visibility="restricted", allowed_users=[BOB])
    assert seen()[mine] == "restricted"
    share(alice, mine, visibility="public", allowed_users=[])
    assert seen()[mine] == "public"
    share(alice, mine, visibility="private")
    assert mine not in seen()


def test_a_users_own_bucket_comes_and_goes_with_the_place_on_the_list(alice, bob):
    name = new_name("iso")
    theirs = f"{name}-bob1234567"
    alice.create(name, SHOUT, visibility="restricted", allowed_users=[CAROL], isolation_level="USER")
    share(alice, name, allowed_users=[CAROL, BOB])
    assert set(alice.ask("GET", f"/system/services/{name}").json()["bucket_list"]) == {theirs, f"{name}-carol12345"}
    bob.put(theirs, "in/a.txt")
    eventually(lambda: User(alice.sandbox).over(name))
    assert bob.get(theirs, "out/a.txt") == b"HELLO"
    share(alice, name, visibility="private")
    assert bob.ask("GET", "/system/buckets").json() == []
    assert User(alice.sandbox).ask("GET", f"/system/buckets/{theirs}").status_code == 500
    alice.delete(name)


# across a restart


def test_users_keep_their_keys_and_services_across_a_restart(box, issuer, alice, mine):
    before = alice.provider
    alice.put(mine, "kept.txt")
    box.kill()
    box.start()
    again = Person(box, alice.jwt)
    assert again.provider["secret_key"] == before["secret_key"]
    assert again.get(mine, "kept.txt") == b"hello"
    assert again.ask("GET", f"/system/services/{mine}").json()["owner"] == ALICE


@pytest.mark.usefixtures("mine")
def test_each_users_key_opens_the_store_and_a_wrong_one_does_not(alice):
    address = alice.provider["endpoint"].removeprefix("http://")
    good = Minio(address, ALICE, alice.provider["secret_key"], secure=False, region="us-east-1")
    assert isinstance(good.list_buckets(), list)
    bad = Minio(address, ALICE, "not-the-secret", secure=False, region="us-east-1")
    with pytest.raises(Exception, match=r"(?i)signature|denied|forbidden"):
        bad.put_object("nowhere", "x", io.BytesIO(b"x"), 1)


def test_no_token_and_no_key_is_written_to_a_log(box, alice):
    alice.ask("GET", "/system/config")
    requests.get(f"{box.endpoint}/system/info", headers={"Authorization": f"Bearer {alice.jwt}"}, timeout=10)
    for log in (*box.data.parent.glob("*.log"), *box.data.rglob("*.log")):
        found = log.read_text(errors="replace")
        assert alice.jwt not in found
        assert alice.provider["secret_key"] not in found


# what a service lets in


def test_whoever_may_see_a_service_may_reach_it(alice, bob, mine, issuer):
    path = f"/system/services/{mine}/auth"
    assert [person.ask("GET", path).status_code for person in (alice, bob)] == [200, 403]
    assert alice.ask("GET", "/system/services/missing/auth").status_code == 404
    late = issuer.token(ALICE, exp=time.time() - 60)
    assert alice.ask("GET", path, headers={"Authorization": f"Bearer {late}"}).status_code == 401
    share(alice, mine, visibility="restricted", allowed_users=[BOB])
    assert bob.ask("GET", path).status_code == 200


def test_a_bucket_of_somebody_else_or_shared_cannot_be_mounted(alice, bob):
    name = new_name("home")
    assert alice.ask("POST", "/system/buckets", json={"bucket_name": name}).status_code == 201
    mount = {"storage_provider": "minio.default", "path": name}
    body = {"name": new_name(), "image": "debian", "script": "#!/bin/sh\n", "mount": mount}
    refused = bob.ask("POST", "/system/services", json=body)
    assert (refused.status_code, refused.text) == (500, f'the bucket "{name}" must be private to be used as mount')
    assert alice.ask("POST", "/system/services", json=body).status_code == 201
    alice.delete(body["name"])
    assert alice.ask("DELETE", f"/system/buckets/{name}").status_code == 204
