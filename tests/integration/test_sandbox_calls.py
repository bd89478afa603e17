"""Calls, jobs and their logs, beyond what the recorded answers cover."""

from __future__ import annotations

import base64
import json
import time

import pytest
import requests
from sandbox_user import eventually, new_name, reference


@pytest.fixture
def make(user):
    made = []

    def make(script, **fields):
        made.append(new_name())
        user.create(made[-1], f"#!/bin/sh\n{script}\n", **fields)
        return made[-1]

    yield make
    for name in made:
        user.delete(name)


def test_a_script_sees_a_clean_world(user, sandbox, make):
    name = make(
        "env | sort; id -u; ulimit -c; ls /proc/self/fd | tr '\\n' ' '",
        environment={"variables": {"COLOUR": "blue"}, "secrets": {"KEY": "s3cret"}},
        log_level="CRITICAL",
    )
    log = user.run(name, base64.b64encode(b"x")).text
    seen = dict(line.split("=", 1) for line in log.splitlines() if "=" in line)
    allowed = {"PATH", "HOME", "TMPDIR", "LC_CTYPE", "PWD", "OLDPWD", "_", "SHLVL", "COLOUR", "KEY", "INPUT_FILE_PATH"}
    allowed |= {"TMP_INPUT_DIR", "TMP_OUTPUT_DIR", "OSCAR_SERVICE_NAME", "OSCAR_SERVICE_TOKEN"}
    allowed |= {"OSCAR_SERVICE_BASE_PATH", "fprocess", "max_inflight", "write_debug", "exec_timeout"}
    allowed |= {"read_timeout", "write_timeout", "healthcheck_interval"}
    assert set(seen) <= allowed, set(seen) - allowed
    assert (seen["COLOUR"], seen["KEY"], seen["OSCAR_SERVICE_NAME"]) == ("blue", "s3cret", name)
    assert user.provider["secret_key"] not in log
    assert sandbox.password not in log
    assert log.splitlines()[-2:] == ["0", "0 1 2 3 "]  # no core files; 3 is the listing's own


def test_secrets_are_blank_when_read_and_kept_from_the_stored_service(user, sandbox, make):
    name = make("true", environment={"variables": {}, "secrets": {"KEY": "very-secret-value"}})
    assert user.ask("GET", f"/system/services/{name}").json()["environment"]["secrets"] == {"KEY": ""}
    user.run(name)
    written = [path for path in (sandbox.data / "services").rglob("*") if path.is_file()]
    assert written
    assert not [path for path in written if b"very-secret-value" in path.read_bytes()]


def test_a_debug_log_is_live_and_an_info_log_is_not(user, make):
    for level, live in (("DEBUG", True), ("INFO", False)):
        name = make('echo first; while [ ! -e "$HOME/../go" ]; do sleep 0.05; done; echo second', log_level=level)
        job = f"{name}-live"
        assert user.call(name, b"eA==", job).status_code == 201
        eventually(lambda name=name, job=job: "Script file found" in user.log(name, job))
        if live:
            eventually(lambda name=name, job=job: "DEBUG - first\n" in user.log(name, job))
        log = user.log(name, job)
        assert ("first" in log) is live
        assert "second" not in log
        assert user.jobs(name)[job]["status"] == "Running"
        assert user.ask("DELETE", f"/system/logs/{name}/{job}").status_code == 204


def test_deleting_a_running_job_ends_its_processes(user, sandbox, make, tmp_path):
    name = make(f"echo $$ > {tmp_path}/pid; trap '' TERM; sleep 300 & sleep 300")
    assert user.call(name, b"eA==", f"{name}-1").status_code == 201
    pid = int(eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip()))
    assert user.ask("DELETE", f"/system/logs/{name}/{name}-1").status_code == 204
    assert user.ask("DELETE", f"/system/logs/{name}/{name}-1").status_code == 404
    assert user.ask("GET", f"/system/logs/{name}/{name}-1").status_code == 500
    eventually(lambda: not alive(pid))
    eventually(lambda: not (sandbox.data / "jobs" / name / f"{name}-1").exists())


def test_a_name_can_be_used_again_while_the_deleted_job_still_ends(user, make):
    name = make("trap '' TERM; if [ -e $HOME/../../again ]; then exit; fi; sleep 2; echo slow")
    for _ in range(2):
        assert user.call(name, b"eA==", f"{name}-1").status_code == 201
        eventually(lambda: user.jobs(name)[f"{name}-1"]["status"] in ("Running", "Pending"))
        user.ask("DELETE", f"/system/logs/{name}/{name}-1")
    assert user.call(name, b"eA==", f"{name}-1").status_code == 201
    assert eventually(lambda: user.over(name))[f"{name}-1"]["status"] == "Succeeded"


def test_a_caller_who_hangs_up_ends_the_run(user, make, tmp_path):
    name = make(f"echo $$ > {tmp_path}/pid; sleep 300")
    with pytest.raises(requests.Timeout):
        user.run(name, b"eA==", timeout=1)
    pid = int((tmp_path / "pid").read_text())
    eventually(lambda: not alive(pid))


def test_outputs_pass_the_filters_of_the_service(user):
    output = [{"storage_provider": "minio.default", "path": "NAME/out", "prefix": ["keep"], "suffix": [".txt", ".csv"]}]
    name = new_name()
    output[0]["path"] = f"{name}/out"
    script = 'cd "$TMP_OUTPUT_DIR"; mkdir sub; touch keep.txt keep.csv keep.png other.txt sub/keep.txt'
    user.create(name, f"#!/bin/sh\n{script}\n", output=output)
    user.put(name, "in/x.txt")
    eventually(lambda: user.over(name))
    assert [key for key in user.keys(name, "out/") if not key.endswith("/")] == ["out/keep.csv", "out/keep.txt"]
    user.delete(name)


def test_a_service_that_stages_its_own_input_gets_the_event_only(user, make):
    name = make('echo "in=${INPUT_FILE_PATH-none} key=$STORAGE_OBJECT_KEY time=$EVENT_TIME"', file_stage_in=True)
    assert user.call(name, reference(name, "in/not there.txt"), f"{name}-1").status_code == 201
    assert eventually(lambda: user.over(name))[f"{name}-1"]["status"] == "Succeeded"
    assert "in=none key=in/not there.txt time=2026-11-23T01:00:00.000Z" in user.log(name, f"{name}-1")


def test_a_missing_object_fails_the_job_and_the_log_says_why(user, service):
    assert user.call(service, reference(service, "in/not-there.txt"), f"{service}-1").status_code == 201
    assert eventually(lambda: user.over(service))[f"{service}-1"]["status"] == "Failed"
    log = user.log(service, f"{service}-1")
    assert "ERROR - An error occurred (404) when calling the HeadObject operation: Not Found\n" in log
    assert log.endswith("There was an exception in _parse_input\nNot Found\n")


def test_events_of_storage_that_is_not_here_end_as_without_its_credentials(user, service):
    """S3 and Onedata fail; of dCache and Rucio the event itself is the input."""
    bodies = {
        "s3": reference(service, "in/x.txt").replace("minio:s3", "aws:s3"),
        "onedata": json.dumps({"Records": [{"eventSource": "OneTrigger", "objectKey": "/s/x", "eventTime": "now"}]}),
        "dcache": json.dumps({"event": {"name": "x.txt"}, "subscription": "here"}),
        "rucio": json.dumps({"event_type": "close", "payload": {"scope": "me", "name": "set"}}),
    }
    for kind, body in bodies.items():
        assert user.call(service, body, f"{service}-{kind}").status_code == 201
    over = eventually(lambda: user.over(service, 4))
    assert {name.rpartition("-")[2]: job["status"] for name, job in over.items()} == {
        "s3": "Failed",
        "onedata": "Failed",
        "dcache": "Succeeded",
        "rucio": "Succeeded",
    }
    assert "Unable to locate credentials" in user.log(service, f"{service}-s3")
    assert "ERROR - The storage authentication of 'ONEDATA'" in user.log(service, f"{service}-onedata")


def test_levels_of_the_log_and_what_of_the_output_is_kept(user, make):
    """Only DEBUG shows lines as they come, without the spaces around them; bytes that are no text are left out."""
    script = r"printf '  indented\r\n\377bad\n'"
    for level in ("DEBUG", "INFO", "CRITICAL"):
        name = make(script, log_level=level)
        assert user.call(name, b"eA==", f"{name}-1").status_code == 201
        eventually(lambda name=name: user.over(name))
        log = user.log(name, f"{name}-1")
        assert log.endswith("  indented\nbad\n\n")
        assert ("DEBUG - indented\n" in log) is (level == "DEBUG")
        assert ("INFO - " in log) is (level != "CRITICAL")


def test_a_sync_run_has_no_storage_to_upload_to(user, make):
    name = make('echo hi > "$TMP_OUTPUT_DIR/a.txt"', log_level="CRITICAL")
    assert base64.b64decode(user.run(name, b"eA==").text) == b"hi\n"
    assert "out/a.txt" not in user.keys(name)


def test_odd_names_of_outputs(user, make):
    script = r"""cd "$TMP_OUTPUT_DIR"; touch "line
end
" "a b+c%20.txt" "ünïcode"; ln -s nowhere/else inner; mkdir nowhere; echo x > nowhere/else"""
    name = make(script)
    user.put(name, "in/x.txt")
    eventually(lambda: user.over(name))
    assert {"out/line\nend", "out/a b+c%20.txt", "out/ünïcode", "out/inner"} <= set(user.keys(name, "out/"))


def test_an_update_never_changes_a_job_that_runs(user, make, tmp_path):
    name = make(f"touch {tmp_path}/started; while [ ! -e {tmp_path}/go ]; do sleep 0.02; done\necho old script")
    assert user.call(name, b"eA==", f"{name}-1").status_code == 201
    eventually((tmp_path / "started").exists)
    spec = user.ask("GET", f"/system/services/{name}").json()
    spec["script"] = "#!/bin/sh\necho new script\necho new script\necho new script\n"
    assert user.ask("PUT", "/system/services", json=spec).status_code == 204
    (tmp_path / "go").touch()
    eventually(lambda: user.over(name))
    assert "old script" in user.log(name, f"{name}-1")
    assert "new script" in user.run(name, b"eA==").text


@pytest.mark.parametrize("path", ["a/../../../outside", "NAME/../..", "..", "NAME//in", "NAME/./in"])
def test_no_path_of_a_service_leads_outside_the_buckets(user, sandbox, path):
    name = new_name()
    place = [{"storage_provider": "minio.default", "path": path.replace("NAME", name)}]
    spec = {"name": name, "image": "debian", "script": "true", "input": place}
    assert user.ask("POST", "/system/services", json=spec).status_code in (400, 500)
    assert user.ask("GET", f"/system/services/{name}").status_code == 404
    assert not list(sandbox.data.rglob("outside*"))
    assert not user.s3.bucket_exists(name)


def test_a_list_of_many_jobs_comes_in_pages_of_seventy_in_alphabetical_order(a_sandbox):
    from sandbox_user import User

    user = User(a_sandbox(hold=True))
    token = user.create("many")
    for number in range(150):
        assert user.call("many", b"eA==", f"many-{number:03d}", token).status_code == 201
    page, sizes, names = None, [], []
    while page or not sizes:
        answer = user.ask("GET", "/system/logs/many", params={"page": page} if page else None).json()
        sizes.append(len(answer["jobs"]))
        names += answer["jobs"]
        page = answer.get("next_page")
    assert sizes == [70, 70, 10]
    assert names == sorted(names)
    assert {job["status"] for job in user.jobs("many").values()} == {"Pending"}
    assert user.ask("GET", "/system/logs/many", params={"page": "rubbish"}).status_code == 500


def test_the_throttle_is_the_real_servers_speed(a_sandbox):
    """A real server takes 2.4 jobs a second once its burst of ten requests is spent."""
    from sandbox_user import User

    slow = User(a_sandbox(throttle=True, hold=True))
    token = slow.create("pace")
    began = time.monotonic()
    for number in range(12):
        assert slow.call("pace", b"eA==", f"pace-{number}", token).status_code == 201
    throttled = time.monotonic() - began
    assert throttled > 2.0  # recorded: 4.5 s for twelve in a row
    listed = time.monotonic()
    slow.jobs("pace")
    assert time.monotonic() - listed > 1.5


def alive(pid):
    """Whether a process runs; one that only waits to be counted does not."""
    from pathlib import Path

    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
