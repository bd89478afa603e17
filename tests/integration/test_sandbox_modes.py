"""The same sandbox in other moods: older releases, honest answers, a real server's time, and faults on demand."""

from __future__ import annotations

import time

import pytest
import requests
from sandbox_user import NoAuth, User, eventually, reference

FAIL = "#!/bin/sh\necho before\nexit 3\n"


# older releases


@pytest.fixture(params=["3.6.5", "4.0"])
def older(a_sandbox, request):
    return User(a_sandbox(extra=("--compat", request.param)))


def test_an_older_release_has_its_own_routes_and_fields(older):
    version = older.ask("GET", "/system/info").json()["version"]
    assert version in ("v3.6.5", "v4.0.0")
    older.create("old", expose={"api_port": 18777, "min_scale": 1, "max_scale": 1, "cpu_threshold": 80})
    service = older.ask("GET", "/system/services/old").json()
    assert service["expose"]["api_port"] == 18777
    assert not {"ephemeral_storage_request", "kserve", "federation"} & set(service)
    assert ("volume_status" in service) is (version == "v4.0.0")
    assert older.ask("POST", "/system/services/old/stop").status_code == 404
    assert older.ask("GET", "/system/services/old/auth").status_code == 404
    assert (older.ask("GET", "/system/services/old/deployment").status_code == 200) is (version == "v4.0.0")
    status = older.ask("GET", "/system/status").json()
    assert ("numberNodes" in status) is (version == "v3.6.5")
    older.delete("old")


def test_an_older_release_takes_one_port_not_a_list_and_says_so(older):
    body = {"name": "old", "image": "i", "script": "s", "expose": {"api_port": [80]}}
    answer = older.ask("POST", "/system/services", json=body)
    assert answer.status_code == 400
    assert "cannot unmarshal array into Go struct field .expose.api_port of type int" in answer.text


def test_an_older_release_names_jobs_itself_and_calls_a_taken_name_a_conflict(older):
    older.create("old")
    assert older.call("old", b"eA==", job="mine").status_code == 201
    [job] = eventually(lambda: older.over("old"))
    assert job.startswith("old-")
    assert older.ask("POST", "/system/services", json={"name": "old", "image": "i", "script": "s"}).status_code == 409


# honest answers


@pytest.fixture
def friendly(a_sandbox):
    return User(a_sandbox(extra=("--friendly",)))


def test_a_friendly_sandbox_says_that_a_script_failed_and_how(friendly):
    friendly.create("bad", FAIL)
    assert friendly.call("bad", b"eA==", "bad-1").status_code == 201
    assert eventually(lambda: friendly.over("bad"))["bad-1"]["status"] == "Failed"
    log = friendly.log("bad", "bad-1")
    assert "before\n" in log
    assert "ERROR - The script ended with exit code 3." in log
    assert friendly.run("bad", b"eA==").status_code == 500


def test_a_friendly_sandbox_says_which_output_has_no_name_for_a_key(friendly):
    friendly.create("latin", "#!/bin/sh\ntouch \"$TMP_OUTPUT_DIR/$(printf 'caf\\351')\"\n")
    assert friendly.call("latin", b"eA==", "latin-1").status_code == 201
    assert eventually(lambda: friendly.over("latin"))["latin-1"]["status"] == "Failed"
    log = friendly.log("latin", "latin-1")
    assert "ERROR - The name of the output b'caf\\xe9' is no UTF-8" in log
    assert "Traceback" not in log


def test_a_friendly_sandbox_says_what_is_missing(friendly):
    friendly.create("one")
    for path in ("/system/services/none/deployment", "/system/logs/one/none", "/system/buckets/none"):
        assert friendly.ask("GET", path).status_code == 404, path
    friendly.delete("one")
    assert friendly.ask("GET", "/system/buckets").json() == []


def test_a_friendly_sandbox_says_what_it_did_not_do(friendly):
    friendly.create("one")
    share = {"bucket_name": "one", "visibility": "public"}
    assert friendly.ask("PUT", "/system/buckets", json=share).status_code == 403
    assert friendly.ask("PUT", "/system/buckets", json={**share, "bucket_name": "none"}).status_code == 404
    assert friendly.ask("DELETE", "/system/volumes/none").status_code == 404
    assert friendly.ask("GET", "/system/quotas/user/nobody").status_code == 404


def test_in_a_friendly_sandbox_a_volume_is_ready_at_once(friendly):
    made = friendly.ask("POST", "/system/volumes", json={"name": "mine", "size": "1Gi"})
    assert made.json()["status"] == {"phase": "ready"}


def test_in_a_friendly_sandbox_a_new_input_folder_works_at_once(friendly):
    friendly.create("one")
    body = friendly.ask("GET", "/system/services/one").json()
    body["input"].append({"storage_provider": "minio.default", "path": "one/more"})
    assert friendly.ask("PUT", "/system/services", json=body).status_code == 204
    friendly.put("one", "more/a.txt")
    eventually(lambda: friendly.over("one"))


def test_in_a_friendly_sandbox_an_s3_event_reads_its_own_store(friendly):
    friendly.create("one")
    friendly.put("one", "elsewhere/a.txt")
    body = reference("one", "elsewhere/a.txt").replace("minio:s3", "aws:s3")
    assert friendly.call("one", body, "one-1").status_code == 201
    assert eventually(lambda: friendly.over("one"))["one-1"]["status"] == "Succeeded"


@pytest.mark.parametrize("mode", ["--friendly", "--faithful"])
def test_only_a_friendly_sandbox_keeps_variables_as_they_were_said(a_sandbox, mode):
    """A real server loses outer spaces, and its supervisor cannot read a tab (wire L014, L020)."""
    user = User(a_sandbox(extra=(mode,)))
    kind = mode == "--friendly"
    user.create("one", '#!/bin/sh\necho "<$SPACES>"\n', environment={"variables": {"SPACES": "  a b "}})
    assert user.call("one", b"eA==", "one-1").status_code == 201
    eventually(lambda: user.over("one"))
    assert ("<  a b >" if kind else "<a b>") in user.run("one", b"eA==").text
    user.create("two", "#!/bin/sh\necho ran\n", environment={"variables": {"TAB": "a\tb"}})
    assert user.call("two", b"eA==", "two-1").status_code == 201
    assert eventually(lambda: user.over("two"))["two-1"]["status"] == ("Succeeded" if kind else "Failed")
    wrong = "yaml.scanner.ScannerError: while scanning for the next token\nfound character '\\t' that cannot start"
    assert (wrong in user.log("two", "two-1")) is not kind


# a real server's time


def test_in_real_time_a_create_takes_six_seconds_and_the_store_is_away_for_a_moment(a_sandbox):
    user = User(a_sandbox(extra=("--realtime",)))
    before = time.monotonic()
    user.create("slow")
    assert time.monotonic() - before >= 6
    user.put("slow", "in/a.txt")
    eventually(lambda: user.over("slow"))


# faults


@pytest.fixture
def faulty(a_sandbox, tmp_path):
    def make(text, *extra):
        (tmp_path / "faults.yaml").write_text(text)
        return User(a_sandbox(extra=("--faults", str(tmp_path / "faults.yaml"), *extra)))

    return make


def test_each_fault_does_what_it_says(faulty):
    user = faulty(
        """
        - {route: "GET /system/info", calls: [1], do: "500"}
        - {route: "GET /system/info", calls: [2], do: html}
        - {route: "GET /system/info", calls: [3], do: expired}
        - {route: "GET /system/info", calls: [4], do: cut}
        - {route: "GET /system/info", calls: [5], do: truncated}
        - {route: "GET /system/info", calls: [6], do: disk full}
        - {route: "GET /system/info", calls: [7], do: slow, seconds: 0.5}
        - {route: "POST /system/buckets", calls: [1], do: 500 after}
        - {route: "GET /health", do: storage restart}
        """
    )
    statuses = [user.ask("GET", "/system/info") for _ in range(3)]
    assert [answer.status_code for answer in statuses] == [500, 502, 401]
    assert "<html>" in statuses[1].text
    with pytest.raises(requests.ConnectionError):
        user.ask("GET", "/system/info")
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        user.ask("GET", "/system/info")
    assert "No space left on device" in user.ask("GET", "/system/info").text
    before = time.monotonic()
    assert user.ask("GET", "/system/info").status_code == 200
    assert time.monotonic() - before >= 0.5
    assert user.ask("POST", "/system/buckets", json={"bucket_name": "made"}).status_code == 500
    assert [row["bucket_name"] for row in user.ask("GET", "/system/buckets").json()] == ["made"]
    assert user.ask("GET", "/health").text == "Ok"
    user.put("made", "x")
    assert user.get("made", "x") == b"hello"


def test_latency_is_before_every_answer(a_sandbox):
    user = User(a_sandbox(extra=("--latency", "0.2")))
    before = time.monotonic()
    for _ in range(3):
        user.ask("GET", "/health")
    assert time.monotonic() - before >= 0.6


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("- {do: explode}", "entry 1: `do` is 'explode'"),
        ("- {do: slow, when: now}", "entry 1: it must be a mapping"),
        ("- {do: slow}\n- {do: slow, calls: [0]}", "entry 2: `calls`"),
        ("do: slow", "must hold a list"),
        ("- {do: [", "cannot be read"),
    ],
)
def test_a_bad_file_of_faults_is_one_sentence_with_the_place(faulty, text, why):
    with pytest.raises(pytest.fail.Exception, match=why):
        faulty(text)


# pages of other sites


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200),
        ({"Origin": "http://127.0.0.1:8888", "Sec-Fetch-Site": "same-site"}, 200),
        ({"Host": "elsewhere.example"}, 403),
    ],
)
def test_a_page_of_another_site_gets_no_answer(sandbox, headers, status):
    answer = requests.get(f"{sandbox.endpoint}/health", headers=headers, auth=NoAuth(), timeout=9)
    assert answer.status_code == status
