"""Restarts, kills at bad moments, full disks and second starts."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from sandbox_user import User, eventually, reference


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_restart_keeps_everything_and_every_address(a_sandbox):
    sandbox = a_sandbox()
    user = User(sandbox)
    token = user.create("kept")
    user.put("kept", "in/a.txt", b"hello")
    jobs = eventually(lambda: user.over("kept"))
    log = user.log("kept", next(iter(jobs)))
    before = (sandbox.endpoint, sandbox.s3_endpoint, sandbox.password)
    sandbox.restart()
    assert (sandbox.endpoint, sandbox.s3_endpoint, sandbox.password) == before
    assert user.token("kept") == token
    assert user.jobs("kept") == jobs
    assert user.log("kept", next(iter(jobs))) == log
    assert user.get("kept", "out/a.txt") == b"HELLO"
    user.put("kept", "in/b.txt")
    assert len(eventually(lambda: user.over("kept", 2))) == 2  # old uploads are not looked at again


def test_a_running_job_survives_kill_9_and_is_found_again(a_sandbox, tmp_path):
    sandbox = a_sandbox(jobs=1)
    user = User(sandbox)
    script = (
        f'touch {tmp_path}/run; while [ ! -e {tmp_path}/go ]; do sleep 0.02; done; echo x > "$TMP_OUTPUT_DIR/x.txt"'
    )
    user.create("long", f"#!/bin/sh\n{script}; echo once >> {tmp_path}/count\n")
    assert user.call("long", b"eA==", "long-1").status_code == 201
    assert user.call("long", b"eA==", "long-2").status_code == 201
    eventually((tmp_path / "run").exists)
    sandbox.kill()
    assert not sandbox.announcement.exists() or not is_locked(sandbox.announcement)
    sandbox.start()
    assert {name: job["status"] for name, job in user.jobs("long").items()} == {
        "long-1": "Running",
        "long-2": "Pending",
    }
    (tmp_path / "go").touch()
    jobs = eventually(lambda: user.over("long", 2))
    assert {job["status"] for job in jobs.values()} == {"Succeeded"}
    assert (tmp_path / "count").read_text() == "once\nonce\n"
    assert user.get("long", "out/x.txt") == b"x\n"


def end_of(folder):
    """The process, the state and the time, once they are written."""
    words = (folder / "lock").read_text().split() if (folder / "lock").exists() else []
    return words if len(words) == 3 else None


def test_a_job_that_ends_while_the_sandbox_is_dead_keeps_its_end(a_sandbox, tmp_path):
    sandbox = a_sandbox()
    user = User(sandbox)
    user.create("quiet", f"#!/bin/sh\ntouch {tmp_path}/run; sleep 0.5; touch {tmp_path}/end\n", output=[])
    user.call("quiet", b"eA==", "quiet-1")
    eventually((tmp_path / "run").exists)
    sandbox.kill()
    eventually((tmp_path / "end").exists)
    folder = sandbox.data / "jobs" / "quiet" / "quiet-1"
    _, state, ended = eventually(lambda: end_of(folder))
    assert state == "Succeeded"
    sandbox.start()
    assert user.jobs("quiet")["quiet-1"]["finish_time"] == ended
    assert user.jobs("quiet")["quiet-1"]["status"] == "Succeeded"


def test_a_job_whose_process_was_killed_is_failed_and_says_so(a_sandbox, tmp_path):
    sandbox = a_sandbox()
    user = User(sandbox)
    user.create("shot", f"#!/bin/sh\ntouch {tmp_path}/run; sleep 300\n")
    user.call("shot", b"eA==", "shot-1")
    eventually((tmp_path / "run").exists)
    pid = int((sandbox.data / "jobs" / "shot" / "shot-1" / "lock").read_text())
    os.killpg(pid, signal.SIGKILL)
    assert eventually(lambda: user.over("shot"))["shot-1"]["status"] == "Failed"
    assert "vanished without a result" in user.log("shot", "shot-1")


def test_jobs_and_sandbox_killed_together_leave_a_failed_job(a_sandbox, tmp_path):
    sandbox = a_sandbox()
    user = User(sandbox)
    user.create("power", f"#!/bin/sh\ntouch {tmp_path}/run; sleep 300\n")
    user.call("power", b"eA==", "power-1")
    eventually((tmp_path / "run").exists)
    pid = int((sandbox.data / "jobs" / "power" / "power-1" / "lock").read_text())
    sandbox.kill()
    os.killpg(pid, signal.SIGKILL)
    sandbox.start()
    assert user.jobs("power")["power-1"]["status"] == "Failed"
    assert "vanished without a result" in user.log("power", "power-1")


@pytest.mark.parametrize("round_", range(4))
def test_uploads_right_before_a_kill_are_neither_lost_nor_doubled(a_sandbox, round_):
    sandbox = a_sandbox()
    user = User(sandbox)
    user.create("drops", "#!/bin/sh\ntrue\n", output=[])
    arrived = 0
    for number in range(10 + 7 * round_):
        user.put("drops", f"in/sub{number % 3}/{number}.txt")
        arrived += 1
    sandbox.kill()
    sandbox.start()
    jobs = eventually(lambda: user.over("drops", arrived))
    assert len(jobs) == arrived
    keys = {line for job in jobs for line in user.log("drops", job).splitlines() if "Downloading item" in line}
    assert len(keys) == arrived
    sandbox.restart()
    assert len(user.jobs("drops")) == arrived


def test_accepted_calls_survive_a_kill(a_sandbox):
    sandbox = a_sandbox(jobs=1)
    user = User(sandbox)
    token = user.create("held")
    for number in range(50):
        assert user.call("held", b"eA==", f"held-{number}", token).status_code == 201
    sandbox.kill()
    sandbox.start()
    assert user.call("held", b"eA==", "held-0", token).status_code == 500  # the name is taken
    jobs = eventually(lambda: user.over("held", 50))
    assert {job["status"] for job in jobs.values()} == {"Succeeded"}


def test_the_object_store_comes_back_when_it_dies_and_no_job_fails(a_sandbox):
    sandbox = a_sandbox()
    user = User(sandbox)
    user.create("store")
    user.put("store", "in/warm.txt")
    eventually(lambda: user.over("store"))
    pid = store_of(sandbox)
    os.kill(pid, signal.SIGKILL)
    assert user.call("store", reference("store", "in/warm.txt"), "store-1").status_code == 201
    assert eventually(lambda: user.over("store", 2))["store-1"]["status"] == "Succeeded"
    assert store_of(sandbox) != pid


def test_kill_9_takes_the_object_store_along(a_sandbox):
    sandbox = a_sandbox()
    pid = store_of(sandbox)
    sandbox.kill()
    eventually(lambda: not alive(pid))


def test_kill_9_ends_a_run_that_nobody_waits_for_any_more(a_sandbox, tmp_path):
    sandbox = a_sandbox()
    user = User(sandbox)
    user.create("waiting", f"#!/bin/sh\necho $$ > {tmp_path}/pid; sleep 300\n")
    with ThreadPoolExecutor() as pool:
        run = pool.submit(user.run, "waiting", b"eA==")
        pid = int(eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip()))
        sandbox.kill()
        eventually(lambda: not alive(pid))
        assert isinstance(run.exception(), requests.ConnectionError)


def test_a_script_gets_time_to_clean_up_at_a_clean_stop(a_sandbox, tmp_path):
    sandbox = a_sandbox()
    user = User(sandbox)
    clean = f"sleep 0.5; touch {tmp_path}/cleaned; exit"
    user.create("tidy", f"#!/bin/sh\ntrap '{clean}' TERM; touch {tmp_path}/run; while :; do sleep 0.05; done\n")
    user.call("tidy", b"eA==", "tidy-1")
    eventually((tmp_path / "run").exists)
    sandbox.stop()
    assert (tmp_path / "cleaned").exists()


def test_a_clean_stop_leaves_no_process_and_fails_what_ran(a_sandbox, tmp_path):
    sandbox = a_sandbox()
    user = User(sandbox)
    user.create("stopped", f"#!/bin/sh\necho $$ > {tmp_path}/pid; trap '' TERM; sleep 300 & sleep 300\n")
    user.call("stopped", b"eA==", "stopped-1")
    eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    family = processes_of(sandbox)
    assert sandbox.stop() == 0
    eventually(lambda: not [pid for pid in family if alive(pid)])
    assert not sandbox.announcement.exists()
    sandbox.start()
    assert user.jobs("stopped")["stopped-1"]["status"] == "Failed"
    assert "The sandbox was stopped while this job ran." in user.log("stopped", "stopped-1")


def test_a_second_start_on_the_same_data_says_which_one_runs(a_sandbox):
    sandbox = a_sandbox()
    second = subprocess.run(sandbox.command, env=sandbox.env, capture_output=True, text=True, timeout=30, check=False)
    assert second.returncode == 1
    assert str(sandbox.pid) in json.loads(second.stdout)["error"]
    assert "Traceback" not in second.stderr
    assert requests.get(sandbox.endpoint + "/health", timeout=9).text == "Ok"


def test_a_port_in_use_is_one_sentence(a_sandbox, tmp_path):
    sandbox = a_sandbox()
    port = sandbox.endpoint.rpartition(":")[2]
    command = [sys.executable, "-m", "jupyter_oscar.sandbox", "--data", str(tmp_path / "other"), "--port", port]
    second = subprocess.run(command, env=sandbox.env, capture_output=True, text=True, timeout=30, check=False)
    assert second.returncode == 1
    assert f"Port {port}" in second.stderr
    assert second.stderr.count("\n") == 1


@pytest.mark.parametrize("broken", ["file", "damaged", "database"])
def test_a_data_folder_that_cannot_be_used_is_one_sentence(a_sandbox, tmp_path, broken):
    sandbox = a_sandbox()
    sandbox.stop()
    data = sandbox.data
    if broken == "file":
        data = tmp_path / "a-file" / "data"
        data.parent.write_text("")
    elif broken == "damaged":
        (data / "settings.json").write_text("{")
    else:
        (data / "sandbox.db").write_bytes(b"not a database at all, but long enough to be looked at" * 40)
    sandbox.data = data
    failed = subprocess.run(sandbox.command, env=sandbox.env, capture_output=True, text=True, timeout=30, check=False)
    assert failed.returncode == 1
    assert str(data) in failed.stderr or "--data" in failed.stderr
    assert failed.stderr.count("\n") == 1, failed.stderr


def test_a_copied_data_folder_starts_no_old_job_again(a_sandbox, tmp_path):
    sandbox = a_sandbox()
    user = User(sandbox)
    user.create("copy")
    for number in range(3):
        user.put("copy", f"in/{number}.txt")
    eventually(lambda: user.over("copy", 3))
    sandbox.stop()
    subprocess.run(["cp", "-a", str(sandbox.data), str(tmp_path / "copied")], check=True)
    copied = User(a_sandbox(data=tmp_path / "copied"))
    copied.put("copy", "in/new.txt")
    assert len(eventually(lambda: copied.over("copy", 4))) == 4


@pytest.mark.usefixtures("objects_are_files")
def test_times_set_after_an_upload_start_no_job_after_a_kill(a_sandbox):
    sandbox = a_sandbox()
    user = User(sandbox)
    user.create("times")
    user.put("times", "in/a.txt")
    eventually(lambda: user.over("times"))
    os.utime(sandbox.data / "buckets" / "times" / "in" / "a.txt", (1, 1))
    user.put("times", "in/b.txt")
    eventually(lambda: user.over("times", 2))
    sandbox.kill()
    (sandbox.data / "buckets" / "times" / "in" / "a.txt").chmod(0o640)
    sandbox.start()
    user.put("times", "in/c.txt")
    assert len(eventually(lambda: user.over("times", 3))) == 3


def test_a_log_that_cannot_be_written_fails_the_job(a_sandbox):
    sandbox = a_sandbox(jobs=1)
    user = User(sandbox)
    user.create("nolog", "#!/bin/sh\nsleep 0.3\n")
    user.call("nolog", b"eA==", "nolog-0")
    (sandbox.data / "jobs" / "nolog" / "nolog-1" / "log").mkdir(parents=True)
    user.call("nolog", b"eA==", "nolog-1")
    assert eventually(lambda: user.over("nolog", 2))["nolog-1"]["status"] == "Failed"


# privacy


def test_only_loopback_names_are_answered(sandbox):
    for host, wanted in (("evil.example", 403), ("127.0.0.1.evil.example", 403), ("localhost:1", 200), ("[::1]", 200)):
        assert requests.get(sandbox.endpoint + "/health", headers={"Host": host}, timeout=9).status_code == wanted


def test_no_secret_is_in_any_process_list_environment_or_log(a_sandbox, tmp_path):
    sandbox = a_sandbox()
    user = User(sandbox)
    user.create("spy", f"#!/bin/sh\ntouch {tmp_path}/run; sleep 300\n", log_level="DEBUG")
    user.call("spy", b"eA==", "spy-1")
    eventually((tmp_path / "run").exists)
    marks = [sandbox.password.encode(), user.provider["secret_key"].encode()]
    store, looked_at = store_of(sandbox), set()
    for pid in processes_of(sandbox):
        try:
            command, environment = (Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
        except FileNotFoundError:  # it has just ended
            continue
        looked_at.add(pid)
        assert not [m for m in marks if m in command]
        assert marks[0] not in environment
        assert pid == store or marks[1] not in environment
    assert {sandbox.pid, store} <= looked_at
    requests.get(sandbox.endpoint + "/system/info", auth=("oscar", "wrong-password"), timeout=9)
    places = [sandbox.data.parent / f"{sandbox.data.name}.log", *sandbox.data.rglob("*log")]
    for place in (place for place in places if place.is_file()):
        assert not [m for m in (*marks, b"wrong-password") if m in place.read_bytes()], place


def test_the_line_for_whoever_starts_it_holds_no_password(a_sandbox):
    sandbox = a_sandbox()
    sandbox.stop()
    with subprocess.Popen(sandbox.command, env=sandbox.env, stdout=subprocess.PIPE, text=True) as again:
        line = again.stdout.readline()
        again.terminate()
    assert "ready" in line
    assert sandbox.password not in line


def test_files_with_secrets_are_for_their_owner_only(sandbox):
    for path in (sandbox.announcement, sandbox.data / "settings.json", sandbox.data / "sandbox.db"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE(sandbox.data.stat().st_mode) == 0o700


def test_the_announcement_holds_what_was_agreed(sandbox):
    content = json.loads(sandbox.announcement.read_text())
    assert set(content) == {
        "kind", "pid", "endpoint", "s3_endpoint", "user", "password", "data",
        "version", "compat", "mode", "store", "storage", "runtime", "started",
    }  # fmt: skip
    assert (content["kind"], content["user"], content["compat"]) == ("jupyter-oscar-sandbox", "oscar", "4.1.2")
    assert is_locked(sandbox.announcement)


def is_locked(path):
    import fcntl

    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def processes_of(sandbox):
    """The sandbox and everything below it."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except FileNotFoundError:
                continue
    family = {sandbox.pid}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return family


def store_of(sandbox):
    def find():
        for pid in processes_of(sandbox):
            try:
                command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except FileNotFoundError:
                continue
            if {b"serve", b"server"} & set(command) and command[0].endswith((b"rclone", b"minio")):
                return pid
        return None

    deadline = time.monotonic() + 10
    while (pid := find()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return pid


def test_it_stops_at_once_also_right_after_a_job_was_cancelled_while_it_ended(a_sandbox):
    """The job's work is done, and its process is busy removing what it left."""
    sandbox = a_sandbox()
    user = User(sandbox)
    user.create("messy", "#!/bin/sh\nmkdir m; cd m; i=0; while [ $i -lt 20000 ]; do : > $i; i=$((i+1)); done\n")
    assert user.call("messy", b"eA==", "messy-1").status_code == 201
    eventually(lambda: end_of(sandbox.data / "jobs" / "messy" / "messy-1"))
    user.ask("DELETE", "/system/logs/messy/messy-1")
    family = processes_of(sandbox)
    before = time.monotonic()
    assert sandbox.stop() == 0
    assert time.monotonic() - before < 15
    eventually(lambda: not [pid for pid in family if alive(pid)])
