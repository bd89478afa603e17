"""How a job is run and held: every runtime passes the same stories; then what only processes need."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tarfile
import time
from pathlib import Path

import pytest
from sandbox_user import User, eventually, new_name

LOG_MIB = int(os.environ.get("JUPYTER_OSCAR_LOG_MIB", "200"))  # a gigabyte by JUPYTER_OSCAR_LOG_MIB=1024
IMAGE = "localhost/jupyter-oscar-test:busybox"


@pytest.fixture(scope="module", params=["processes", "podman"])
def runtime(request, tmp_path_factory):
    if request.param == "podman":
        _make_image(tmp_path_factory.mktemp("image"))
    return _box(request, tmp_path_factory, "--runtime", request.param, "--friendly", "--jobs", "4")


def _make_image(top):
    """An image of nothing but a static busybox: nothing is pulled."""
    busybox = shutil.which("busybox")
    if shutil.which("podman") is None or busybox is None:
        pytest.skip("no podman, or no busybox, on this machine's PATH")
    for folder in ("bin", "etc", "proc", "dev", "sys", "tmp"):
        (top / folder).mkdir()
    shutil.copy(busybox, top / "bin" / "busybox")
    for program in subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split():
        if program != "busybox":
            (top / "bin" / program).symlink_to("busybox")
    with tarfile.open(top / "image.tar", "w") as image:
        for folder in top.iterdir():
            if folder.is_dir():
                image.add(folder, folder.name)
    subprocess.run(["podman", "import", str(top / "image.tar"), IMAGE], capture_output=True, check=True)
    tried = subprocess.run(
        [
            "podman",
            "run",
            "--rm",
            "--network",
            "host",
            "--ulimit",
            "nofile=256",
            "--ulimit",
            "nproc=256",
            IMAGE,
            "true",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if tried.returncode:
        pytest.skip(f"podman cannot run a container of a static busybox here: {tried.stderr.strip()[-200:]}")


def _box(request, tmp_path_factory, *options):
    conftest = request.config.pluginmanager.getplugin(str(request.config.rootpath / "tests" / "conftest.py"))
    top = tmp_path_factory.mktemp("runtime")
    running = conftest.RunningSandbox(top / "data", conftest.sandbox_environment(top / "home"), list(options)).start()
    request.addfinalizer(running.stop)
    return running


@pytest.fixture
def make(runtime):
    user = User(runtime)

    def make(script, **fields):
        name = new_name()
        user.create(name, f"#!/bin/sh\n{script}\n", image=IMAGE, **fields)
        return name

    make.user = user
    return make


def run(make, script, **fields):
    """State and log of one job of a service with that script."""
    name = make(script, **fields)
    assert make.user.call(name, b"aGVsbG8=", f"{name}-1").status_code == 201
    state = eventually(lambda: make.user.over(name), 60)[f"{name}-1"]["status"]
    return name, state, make.user.log(name, f"{name}-1")


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_input_output_and_exit_code_pass(make):
    name, state, log = run(make, 'tr a-z A-Z < "$INPUT_FILE_PATH" > "$TMP_OUTPUT_DIR/up.txt"; echo said; exit 0')
    assert state == "Succeeded"
    assert make.user.get(name, "out/up.txt") == b"HELLO"
    _, state, log = run(make, "echo said; exit 7")
    assert state == "Failed"
    assert "with exit code 7" in log


def test_variables_arrive_unchanged_and_are_in_no_process_list(make, tmp_path):
    value = "two words\nand 'a' \"line\" $HOME"
    script = 'printf "%s|" "$MARK"; sleep 1'
    name = make(script, environment={"variables": {}, "secrets": {"MARK": value}})
    assert make.user.call(name, b"eA==", f"{name}-1").status_code == 201
    eventually(lambda: "Script file found" in make.user.log(name, f"{name}-1"))
    assert not [pid for pid in numbers() if b"two words" in read(f"/proc/{pid}/cmdline")]
    eventually(lambda: make.user.over(name))
    assert f"{value}|" in make.user.log(name, f"{name}-1")


def numbers():
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def read(path):
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def test_no_privileges_can_be_gained_and_nothing_of_ours_is_open(make):
    _, _, log = run(make, "grep NoNewPrivs /proc/self/status; ls /proc/self/fd | tr '\\n' ' '; ulimit -c")
    assert "NoNewPrivs:\t1" in log
    assert "0 1 2 3 0\n" in log


@pytest.mark.parametrize("deaf", ["trap '' TERM; ", ""])
def test_a_cancelled_job_leaves_nothing(make, runtime, deaf):
    script = f"echo at $HOME; {deaf}sleep 300 & wait; sleep 300"
    name = make(script, environment={"variables": {"MARK_OF": "cancelled"}}, log_level="DEBUG")
    assert make.user.call(name, b"eA==", f"{name}-1").status_code == 201
    mark = f"OSCAR_SERVICE_NAME={name}".encode()
    eventually(lambda: [pid for pid in numbers() if mark in read(f"/proc/{pid}/environ")])
    home = eventually(lambda: re.search(r" at (\S+/home)$", make.user.log(name, f"{name}-1"), re.MULTILINE))
    assert make.user.ask("DELETE", f"/system/logs/{name}/{name}-1").status_code == 204
    eventually(lambda: not [pid for pid in numbers() if alive(pid) and mark in read(f"/proc/{pid}/environ")], 60)
    at_work = Path(home[1]).parents[1]
    eventually(lambda: not [one.name for one in at_work.iterdir() if one.name.startswith(("idle-", name))])
    if runtime.content["runtime"] == "podman":
        eventually(lambda: f"{name}-1" not in remembered(), 60)


def remembered():
    """Containers that podman knows, running or not."""
    command = ["podman", "ps", "--all", "--format", "{{.Names}}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_more_memory_than_the_service_has_fails_the_job(make):
    script = "head -c 300m /dev/zero | tail -c 290m | wc -c; echo survived"
    _, state, log = run(make, script, memory="64Mi")
    assert state == "Failed"
    assert "survived" not in log or "Killed" in log


def test_a_mounted_bucket_is_the_folder_itself(make, runtime):
    bucket = new_name("mnt")
    make.user.ask("POST", "/system/buckets", json={"bucket_name": bucket})
    make.user.put(bucket, "seen.txt")
    place = "mnt" if runtime.content["runtime"] == "processes" else "/mnt"
    script = f"cat {place}/{bucket}/seen.txt; echo back > {place}/{bucket}/made.txt"
    _, state, log = run(make, script, mount={"storage_provider": "minio.default", "path": bucket})
    assert state == "Succeeded"
    assert "hello" in log
    assert eventually(lambda: "made.txt" in make.user.keys(bucket))


def test_a_volume_keeps_what_one_job_leaves_for_the_next(make, runtime):
    volume = new_name("vol")
    make.user.ask("POST", "/system/volumes", json={"name": volume, "size": "1Gi"})
    place = "data/kept" if runtime.content["runtime"] == "processes" else "/data/kept"
    script = f"cat {place}/seen.txt 2>/dev/null; echo 'from before' > {place}/seen.txt"
    attached = {"name": volume, "mount_path": "/data/kept"}
    assert "from before" not in run(make, script, volume=attached)[2]
    assert "from before" in run(make, script, volume=attached)[2]


def a_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


SERVE = """
echo "hello from $OSCAR_SERVICE_NAME" > index.html
command -v python3 && exec python3 -m http.server "$PORT" --bind 127.0.0.1
exec httpd -f -v -p "127.0.0.1:$PORT"
"""


def test_an_exposed_service_is_opened_stopped_and_started_and_leaves_nothing(make):
    port = a_port()
    expose = {"api_port": [port], "min_scale": 1, "max_scale": 1, "cpu_threshold": 80}
    environment = {"variables": {"PORT": str(port)}}
    name = make(SERVE, expose=expose, environment=environment, memory="128Mi")
    user, mark = make.user, f"OSCAR_SERVICE_NAME={name}".encode()

    def state():
        return user.ask("GET", f"/system/services/{name}/deployment").json()["state"]

    def running():
        return [pid for pid in numbers() if alive(pid) and mark in read(f"/proc/{pid}/environ")]

    eventually(lambda: state() == "ready", 90)
    assert user.ask("GET", f"/system/services/{name}/exposed/").text == f"hello from {name}\n"
    user.ask("POST", f"/system/services/{name}/stop")
    eventually(lambda: state() == "stopped" and not running(), 90)
    user.ask("POST", f"/system/services/{name}/start")
    eventually(lambda: state() == "ready", 90)
    assert user.ask("GET", f"/system/services/{name}/exposed/").text == f"hello from {name}\n"
    user.delete(name)
    eventually(lambda: not running(), 90)


def test_the_command_of_an_image_runs_where_there_are_images(make, runtime):
    expose = {"api_port": [a_port()], "min_scale": 1, "max_scale": 1, "cpu_threshold": 80, "default_command": True}
    name = make("true", expose=expose)
    told = eventually(lambda: log_of(make.user, name), 60)
    if runtime.content["runtime"] == "processes":
        assert "image's own command" in told
    else:
        assert "image's own command" not in told
    make.user.delete(name)


def log_of(user, name):
    entries = user.ask("GET", f"/system/services/{name}/deployment/logs").json()["entries"]
    return "\n".join(entry["message"] for entry in entries)


def test_kill_9_of_the_sandbox_and_an_exposed_service_is_found_again_or_ended(make, runtime):
    port = a_port()
    expose = {"api_port": [port], "min_scale": 1, "max_scale": 1, "cpu_threshold": 80}
    name = make(SERVE, expose=expose, environment={"variables": {"PORT": str(port)}}, memory="128Mi")
    user = make.user

    def opened():
        return user.ask("GET", f"/system/services/{name}/exposed/").text == f"hello from {name}\n"

    eventually(opened, 90)
    os.kill(int((runtime.data / "exposed" / name / "lock").read_text()), signal.SIGKILL)
    eventually(lambda: not opened(), 30)
    eventually(opened, 90)
    runtime.kill()
    runtime.start()
    eventually(opened, 90)
    user.delete(name)


# what only processes need


@pytest.fixture(scope="module")
def small(request, tmp_path_factory):
    """A sandbox that lets a job have little: one at once, 2 s, 40 MiB of files."""
    limits = ("--time-limit", "2", "--scratch-limit", "40Mi", "--jobs", "1", "--friendly")
    return _box(request, tmp_path_factory, *limits)


@pytest.fixture
def tight(small):
    user = User(small)

    def make(script, **fields):
        name = new_name()
        user.create(name, f"#!/bin/sh\n{script}\n", **fields)
        return name

    make.user = user
    return make


def test_a_job_that_takes_too_long_is_ended_with_the_reason(tight):
    _, state, log = run(tight, "trap '' TERM; while :; do sleep 0.1; done")
    assert state == "Failed"
    assert "DeadlineExceeded: it ran for 2 s" in log


def test_a_job_that_fills_the_disk_is_ended_and_the_next_one_runs(tight):
    script = 'i=0; while :; do head -c 30m /dev/zero > "$TMP_OUTPUT_DIR/$i"; i=$((i+1)); sleep 0.02; done'
    _, state, log = run(tight, script)
    assert state == "Failed"
    assert "Evicted: its files took" in log
    _, state, _ = run(tight, "true")
    assert state == "Succeeded"


def test_one_big_file_ends_at_the_limit(tight):
    _, _, log = run(tight, "head -c 100m /dev/zero > big; stat -c %s big")
    assert "\n41943040\n" in log or "Evicted" in log


def test_the_kernel_holds_each_process_to_what_it_can_count(tight):
    _, _, log = run(tight, "ulimit -c; ulimit -f; ulimit -t; ulimit -n; grep processes /proc/self/limits")
    core, size, seconds, files, _, _, processes = log.rpartition("response\n")[2].split()[:7]
    assert (core, int(size) * 512, files) == ("0", 40 << 20, "1024")
    assert 2 <= int(seconds) <= 4, "of processor time, those that the process which started it has used included"
    assert int(processes) < 100_000


def test_a_job_finds_nothing_of_the_one_before(tight, tmp_path):
    (tmp_path / "precious").write_text("x")
    look = 'cd /; ls -A "$HOME" "$TMP_OUTPUT_DIR"; stat -c %a "$HOME" "$TMP_OUTPUT_DIR" "$TMP_INPUT_DIR"; '
    look += 'ls -A "$TMP_INPUT_DIR" | wc -l; ls -A "$(dirname "$HOME")" | wc -l'
    clean = run(tight, look)[2].splitlines()[-11:]
    assert "700" in clean
    for mess in (
        'touch .a b; mkdir -p c/d; touch c/d/e "$TMP_INPUT_DIR/f" "$TMP_OUTPUT_DIR/g"',
        'ln -s / root; mkfifo pipe; chmod 777 . ; touch "$(dirname "$HOME")/new"',
        f'rmdir "$TMP_OUTPUT_DIR"; ln -s {tmp_path} "$TMP_OUTPUT_DIR"',
        'cd /; rm -r "$HOME" "$TMP_INPUT_DIR"',
        'mkdir shut; touch shut/x; chmod 0 shut "$TMP_INPUT_DIR"',
        "(sleep 0.3; touch later) & echo left",
        "head -c 3m /dev/zero | tr '\\0' x",
    ):
        run(tight, mess)
        found = run(tight, look)[2].splitlines()[-11:]
        paths = str.maketrans("", "", "0123456789abcdef")
        assert [line.translate(paths) for line in found] == [line.translate(paths) for line in clean], mess
    assert (tmp_path / "precious").read_text() == "x"


def test_why_a_job_waits_is_said_in_words(tight):
    name = tight("sleep 1.5")
    for number in range(3):
        tight.user.call(name, b"eA==", f"{name}-{number}")
    eventually(lambda: "1 that came earlier wait as well" in tight.user.log(name, f"{name}-2"))
    assert "1 run at once" in tight.user.log(name, f"{name}-2")
    eventually(lambda: tight.user.over(name, 3))


def test_daemons_that_left_their_parents_end_with_their_job(sandbox):
    user = User(sandbox)
    name = new_name()
    daemon = "setsid sh -c '(sleep 600 &) ; sleep 600' > /dev/null 2>&1 < /dev/null &"
    user.create(name, f"#!/bin/sh\n{daemon}\nsleep 0.2\necho started\n")
    assert user.call(name, b"eA==", f"{name}-1").status_code == 201
    assert eventually(lambda: user.over(name))[f"{name}-1"]["status"] == "Succeeded"
    mark = f"OSCAR_SERVICE_NAME={name}".encode()
    eventually(lambda: not [pid for pid in numbers() if alive(pid) and mark in read(f"/proc/{pid}/environ")])
    user.delete(name)


def test_daemons_of_a_killed_job_end_too(sandbox):
    user = User(sandbox)
    name = new_name()
    user.create(
        name, "#!/bin/sh\nsetsid sleep 600 > /dev/null 2>&1 < /dev/null &\necho $PPID\nsleep 600\n", log_level="DEBUG"
    )
    assert user.call(name, b"eA==", f"{name}-1").status_code == 201
    line = "DEBUG - "
    eventually(lambda: [text for text in user.log(name, f"{name}-1").splitlines() if text.split(line)[-1].isdigit()])
    pid = next(
        text.split(line)[-1] for text in user.log(name, f"{name}-1").splitlines() if text.split(line)[-1].isdigit()
    )
    os.kill(int(pid), 9)
    assert eventually(lambda: user.over(name))[f"{name}-1"]["status"] == "Failed"
    mark = f"OSCAR_SERVICE_NAME={name}".encode()
    eventually(lambda: not [pid for pid in numbers() if alive(pid) and mark in read(f"/proc/{pid}/environ")])
    user.delete(name)


def test_a_script_that_multiplies_is_ended_with_its_job(sandbox):
    """A small fork bomb: each process starts another and goes on; deleting the job ends them all."""
    user = User(sandbox)
    name = new_name()
    bomb = 'n=0; grow() { n=$((n+1)); [ "$n" -gt 60 ] || { grow & } ; sleep 600; }; grow'
    user.create(name, f"#!/bin/sh\ntrap '' TERM\n{bomb}\n")
    assert user.call(name, b"eA==", f"{name}-1").status_code == 201
    mark = f"OSCAR_SERVICE_NAME={name}".encode()

    def members():
        return [pid for pid in numbers() if alive(pid) and mark in read(f"/proc/{pid}/environ")]

    eventually(lambda: len(members()) > 20)
    assert user.ask("DELETE", f"/system/logs/{name}/{name}-1").status_code == 204
    eventually(lambda: not members(), 60)
    user.delete(name)


def test_a_big_log_comes_whole_and_does_not_stay_in_memory(sandbox):
    user = User(sandbox)
    name = new_name()
    script = f"#!/bin/sh\nyes 'a line of the log' | head -c {LOG_MIB}m\n"
    user.create(name, script, memory="4Gi", log_level="CRITICAL")
    assert user.call(name, b"eA==", f"{name}-1").status_code == 201
    eventually(lambda: user.over(name), 90 + LOG_MIB / 4)
    before = resident(sandbox.pid)
    answer = user.ask("GET", f"/system/logs/{name}/{name}-1", stream=True)
    size = sum(len(piece) for piece in answer.iter_content(1 << 20))
    assert size == LOG_MIB * 1024 * 1024 + 1
    assert resident(sandbox.pid) - before < 40 * 1024 * 1024
    user.delete(name)


def resident(pid):
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def test_more_output_than_the_memory_of_its_service_fails_a_job_as_in_the_real_supervisor(sandbox):
    user = User(sandbox)
    name = new_name()
    user.create(name, "#!/bin/sh\nyes | head -c 300m\nsleep 5\necho over\n", memory="128Mi")
    assert user.call(name, b"eA==", f"{name}-1").status_code == 201
    assert eventually(lambda: user.over(name), 60)[f"{name}-1"]["status"] == "Failed"
    assert "OOMKilled: it used" in user.log(name, f"{name}-1")
    user.delete(name)


def test_waiting_is_not_working(sandbox):
    """Idle, the sandbox does next to nothing."""

    def worked():
        before = cpu(sandbox.pid)
        time.sleep(1)
        return cpu(sandbox.pid) - before

    # What other tests began may still come to its end.
    eventually(lambda: worked() < 0.05)


def cpu(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
