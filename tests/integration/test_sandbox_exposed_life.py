"""Long-lived services stopped, started, broken and found again, as somebody who runs them sees it."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import pytest
import requests
import yaml
from exposed_page import MIRROR, Page, alive
from sandbox_user import User, eventually, new_name

ROOT = Path(__file__).parents[2]

# stop, start, restart


def test_a_stopped_service_is_gone_and_says_so_until_it_is_started(page):
    pid = page.told()["pid"]
    stopped = page.lifecycle("stop").json()
    assert (stopped["state"], stopped["active_instances"]) == ("stopped", 1)
    eventually(lambda: not page.processes() and not alive(pid))
    assert page.deployment()["active_instances"] == 0
    refused = page.ask()
    assert refused.status_code == 503
    assert "is not ready (stopped)" in refused.text
    assert page.lifecycle("start").json()["state"] == "pending"
    page.becomes("ready")
    assert page.told()["pid"] != pid
    assert [line for line in page.log() if not line.startswith("The script")] == [
        f"starting at {page.prefix}", "listening"] * 2  # fmt: skip


def test_a_restart_is_another_process(page):
    pid = page.told()["pid"]
    assert page.lifecycle("restart").json()["state"] == "ready"
    eventually(lambda: not alive(pid))
    page.becomes("ready")
    assert page.told()["pid"] != pid


def test_only_exposed_services_are_stopped(user, service):
    refused = user.ask("POST", f"/system/services/{service}/stop")
    assert (refused.status_code, refused.text) == (400, f'service "{service}" is not exposed')


def test_an_update_replaces_what_runs(page):
    page.update(script=MIRROR.replace("starting at", "second edition at"))
    eventually(lambda: f"second edition at {page.prefix}" in page.log())
    page.becomes("ready")
    assert len({page.told()["pid"] for _ in range(5)}) == 1
    page.update(expose={})
    assert page.processes() == []
    assert page.ask().status_code == 404
    assert page.user.ask("GET", f"/system/services/{page.name}").status_code == 200


def test_an_update_without_a_change_starts_it_anew_even_if_it_was_stopped(page):
    pids = {page.told()["pid"]}
    for _ in range(2):  # the first drops a label that only a create sets
        page.update()
        eventually(lambda: page.ask().status_code == 200 and page.told()["pid"] not in pids)
        pids.add(page.told()["pid"])
    page.lifecycle("stop")
    eventually(lambda: not page.processes())
    page.update()
    page.becomes("ready")


def test_a_deleted_service_leaves_nothing(a_page):
    page = a_page()
    page.becomes("ready")
    page.delete()
    assert page.processes() == []
    assert page.ask().status_code == 404
    assert not (page.user.sandbox.data / "exposed" / page.name).exists()


def test_one_that_does_not_want_to_end_is_ended(a_page, tmp_path):
    page = a_page(f"#!/bin/sh\ntrap '' TERM\ntouch {tmp_path}/run\nwhile true; do sleep 1; done\n")
    eventually((tmp_path / "run").exists)
    page.delete()
    assert page.processes() == []


def test_a_delete_whose_caller_hangs_up_can_be_repeated(a_page, tmp_path):
    page = a_page(f"#!/bin/sh\ntrap '' TERM\ntouch {tmp_path}/run\nwhile true; do sleep 1; done\n")
    eventually((tmp_path / "run").exists)
    with pytest.raises(requests.Timeout):
        page.user.ask("DELETE", f"/system/services/{page.name}", timeout=0.5)
    eventually(lambda: not page.processes())
    assert page.deployment()["state"] in ("pending", "unavailable")
    eventually(lambda: page.is_("unavailable"))
    page.delete()
    assert page.user.ask("GET", f"/system/services/{page.name}").status_code == 404


def test_daemons_that_left_the_group_end_too(a_page, tmp_path):
    page = a_page(f"#!/bin/sh\nsetsid sleep 300 &\nsetsid setsid sleep 300 &\ntouch {tmp_path}/run\nsleep 300\n")
    eventually((tmp_path / "run").exists)
    eventually(lambda: len([pid for pid in page.processes() if "sleep" in Path(f"/proc/{pid}/comm").read_text()]) == 3)
    page.lifecycle("stop")
    eventually(lambda: not page.processes())


# when it breaks


def test_a_crash_is_followed_by_a_new_start(page):
    pid = page.told()["pid"]
    assert page.ask(path="/end?code=3").status_code == 502
    eventually(lambda: page.ask().status_code == 200 and page.told()["pid"] != pid)
    page.becomes("ready")
    assert "The script ended with exit code 3; it is started again in 0.5 s." in page.log()


def test_a_script_that_always_ends_is_failed_and_says_how(a_page):
    page = a_page("#!/bin/sh\necho no such module\nexit 7\n")
    found = page.becomes(
        "failed", "The script ended with exit code 7, 3 times in a row, and is started again after 2 s"
    )
    assert found["resource_kind"] == "exposed_service"
    assert page.log()[:2] == ["no such module", "The script ended with exit code 7; it is started again in 0.5 s."]
    assert page.ask().status_code == 503


def test_a_script_that_cannot_be_started_is_not_tried_all_the_time(a_page):
    page = a_page("#!/bin/sh\ntrue\n", variables={"BAD": "a\0b"})
    eventually(lambda: len(page.log()) >= 4)
    assert page.log()[0].startswith("The script could not be started (")
    page.becomes("failed", "with exit code 126")


def test_a_pipe_ends_as_in_any_shell(a_page):
    page = a_page("#!/bin/sh\nyes | head -n 1\necho end\nsleep 300\n")
    eventually(lambda: page.log()[-1:] == ["end"])
    assert page.log() == ["y", "end"]


def test_the_first_line_of_the_script_names_its_interpreter(a_page):
    page = a_page("#!/usr/bin/env python3\nimport time\nprint('from python', flush=True)\ntime.sleep(300)\n")
    assert eventually(page.log)[0] == "from python"


def test_unwell_after_well_is_degraded_and_a_closed_door_is_502(a_page, tmp_path):
    page = a_page(health_path="/health")
    page.becomes("ready")
    (tmp_path / "ill").touch()
    page.becomes("degraded", f"1 of 1 instances are affected: GET /health on port {page.port} answers 500.")
    assert page.ask().status_code == 503
    (tmp_path / "ill").unlink()
    page.becomes("ready")
    page.ask(path="/deaf")
    eventually(lambda: page.ask().status_code in (502, 503))
    page.becomes("degraded", f"nothing listens on port {page.port}")


def test_a_script_that_listens_elsewhere_stays_pending_in_words(a_page):
    page = a_page("#!/bin/sh\nsleep 300\n")
    page.becomes("pending", f"The script runs, but nothing listens on port {page.port}.")


def test_an_images_own_command_cannot_run_here(a_page):
    page = a_page(default_command=True)
    reason = page.becomes("failed")["reason"]
    assert "image's own command" in reason
    assert page.log() == [reason]
    assert page.processes() == []


def test_two_services_cannot_share_a_port(a_page):
    first = a_page()
    first.becomes("ready")
    second = a_page(port=first.port)
    second.becomes("failed", f'Port {first.port} is used by the service "{first.name}"')
    assert second.processes() == []
    assert first.told()["environment"]["OSCAR_SERVICE_NAME"] == first.name
    first.lifecycle("restart")
    first.becomes("ready")
    assert second.is_("failed")
    first.lifecycle("stop")
    second.becomes("ready")
    assert second.told()["environment"]["OSCAR_SERVICE_NAME"] == second.name


def test_a_port_that_another_program_has_is_named_with_it(a_page):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        page = a_page(port=taken.getsockname()[1])
        reason = page.becomes("failed")["reason"]
        assert f"Port {page.port} is used by process {os.getpid()} (" in reason
        assert page.ask().status_code == 503
    page.becomes("ready")


def test_scales_that_a_cluster_refuses_are_refused_and_leave_nothing(user, tmp_path):
    page = Page(user, tmp_path, max_scale=0)
    answer = user.ask("POST", "/system/services", json=page.spec)
    assert answer.status_code == 500
    assert "spec.maxReplicas: Invalid value: 0: must be greater than 0" in answer.text
    assert user.ask("GET", f"/system/services/{page.name}").status_code == 404


def test_a_node_port_has_no_route(a_page):
    page = a_page(nodePort=[31000])
    page.becomes("ready")
    assert page.ask().status_code == 404


# its log


def test_the_log_shows_the_last_lines_with_their_times_when_asked(a_page):
    page = a_page("#!/bin/sh\nfor i in $(seq 1 2500); do echo line $i; done\nprintf 'no end'\nsleep 300\n")
    eventually(lambda: page.log() and page.log()[-1] == "line 2500")
    assert page.log() == [f"line {i}" for i in range(2301, 2501)]
    assert page.log(tailLines=3) == ["line 2498", "line 2499", "line 2500"]
    assert len(page.log(tailLines=0)) == 200
    assert len(page.log(tailLines=5000)) == 1000
    path = f"/system/services/{page.name}/deployment/logs?timestamps=true&tailLines=1"
    (entry,) = page.user.ask("GET", path).json()["entries"]
    assert time.strptime(entry["timestamp"], "%Y-%m-%dT%H:%M:%SZ")
    page.lifecycle("stop")
    eventually(lambda: page.log()[-2:] == ["The script is told to end.", "no end"] or page.log()[-2] == "no end")


def test_a_chatty_service_does_not_fill_the_disk(a_page, tmp_path):
    chatter = "head -c 20000000 /dev/zero | tr '\\0' x\necho\nyes | head -n 500000"
    page = a_page(f"#!/bin/sh\n{chatter}\ntouch {tmp_path}/end\nsleep 300\n")
    eventually((tmp_path / "end").exists)
    eventually(lambda: page.log(tailLines=1) == ["y"])
    kept = list((page.user.sandbox.data / "exposed" / page.name).glob("log*"))
    assert sum(path.stat().st_size for path in kept) < 9 << 20
    assert len(page.log(tailLines=1000)) == 1000


# the sandbox ends, well or badly


def test_kill_9_of_the_sandbox_and_the_service_is_found_again(a_sandbox, tmp_path):
    sandbox = a_sandbox()
    page = Page(User(sandbox), tmp_path).create()
    page.becomes("ready")
    pid = page.told()["pid"]
    sandbox.kill()
    assert alive(pid)
    sandbox.start()
    page.becomes("ready")
    assert page.told()["pid"] == pid
    page.ask(path="/end?code=1")
    eventually(lambda: page.ask().status_code == 200 and page.told()["pid"] != pid)
    assert sandbox.stop() == 0
    assert page.processes() == []
    sandbox.start()
    page.becomes("ready")
    assert sandbox.stop() == 0
    assert page.processes() == []


def test_kill_9_of_its_keeper_and_there_is_one_again(a_sandbox, tmp_path):
    sandbox = a_sandbox()
    page = Page(User(sandbox), tmp_path, "#!/bin/sh\nsetsid sleep 300 &\n" + MIRROR).create()
    page.becomes("ready")
    before = page.processes()
    os.kill(int((sandbox.data / "exposed" / page.name / "lock").read_text()), signal.SIGKILL)
    eventually(lambda: not set(page.processes()) & set(before))
    page.becomes("ready")
    assert len(page.processes()) == len(before)


def test_keeper_and_sandbox_killed_together_and_there_is_one_again(a_sandbox, tmp_path):
    sandbox = a_sandbox()
    page = Page(User(sandbox), tmp_path, "#!/bin/sh\nsetsid sleep 300 &\n" + MIRROR).create()
    page.becomes("ready")
    before = page.processes()
    keeper = int((sandbox.data / "exposed" / page.name / "lock").read_text())
    sandbox.kill()
    os.kill(keeper, signal.SIGKILL)
    sandbox.start()
    page.becomes("ready")
    assert not set(page.processes()) & set(before)
    assert len(page.processes()) == len(before)


def test_who_had_the_port_before_a_kill_has_it_after(a_sandbox, tmp_path):
    sandbox = a_sandbox()
    second = Page(User(sandbox), tmp_path, name="zz-first").create()
    second.becomes("ready")
    first = Page(User(sandbox), tmp_path, name="aa-second", port=second.port).create()
    first.becomes("failed")
    sandbox.kill()
    sandbox.start()
    second.becomes("ready")
    first.becomes("failed", 'is used by the service "zz-first"')
    pid = second.told()["pid"]
    second.lifecycle("restart")
    eventually(lambda: second.ask().status_code == 200 and second.told()["pid"] != pid)
    assert second.told()["environment"]["OSCAR_SERVICE_NAME"] == "zz-first"


def test_a_stopped_service_stays_stopped_over_restarts(a_sandbox, tmp_path):
    sandbox = a_sandbox()
    page = Page(User(sandbox), tmp_path).create()
    page.becomes("ready")
    page.lifecycle("stop")
    sandbox.kill()
    sandbox.start()
    assert page.deployment()["state"] == "stopped"
    eventually(lambda: not page.processes())
    sandbox.restart()
    assert page.deployment()["state"] == "stopped"
    assert page.processes() == []


def test_a_service_that_no_sandbox_comes_back_for_ends(a_sandbox, tmp_path):
    sandbox = a_sandbox()
    page = Page(User(sandbox), tmp_path).create()
    page.becomes("ready")
    sandbox.kill()
    os.utime(sandbox.data / "exposed" / page.name / "lease", (1, 1))
    eventually(lambda: not page.processes())
    sandbox.start()
    page.becomes("ready")
    assert "No sandbox looks after this service any more." in page.log()


def test_no_secret_of_a_service_is_in_a_process_list(page):
    token = page.user.token(page.name).encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            shown = (process / "cmdline").read_bytes()
        except OSError:
            continue
        assert token not in shown
        assert page.user.sandbox.password.encode() not in shown


# and it is still a service


def test_files_still_start_jobs_beside_it(user, a_page):
    name = new_name("page")
    place = {"storage_provider": "minio.default", "path": f"{name}/in"}
    script = '#!/bin/sh\necho "job:${JOB_UUID:-none} at:$OSCAR_SERVICE_BASE_PATH"\nsleep 2\n'
    page = a_page(script, name=name, inputs=[place])
    user.put(page.name, "in/a.txt")
    (job,) = eventually(lambda: user.over(page.name))
    assert f"job:{job} at:\n" in user.log(page.name, job)
    assert f"job:none at:{page.prefix}" in page.log()


def test_the_example_page_greets_behind_its_prefix(user, tmp_path):
    folder = ROOT / "examples" / "hello-page"
    (named,) = yaml.safe_load((folder / "fdl.yaml").read_text(encoding="utf-8"))["functions"]["oscar"]
    (spec,) = named.values()
    page = Page(user, tmp_path, name=spec["name"], port=spec["expose"]["api_port"][0])
    page.spec = {**spec, "script": (folder / spec["script"]).read_text(encoding="utf-8")}
    page.create()
    try:
        page.becomes("ready")
        shown = page.ask()
        assert shown.headers["Content-Type"] == "text/html; charset=utf-8"
        assert page.prefix in shown.text
        assert page.ask(path="/visits").json()["visits"] == 1
        assert page.ask("POST", "/visits").json()["visits"] == 2
        assert page.ask(path="/visits").json()["visits"] == 2
        assert page.ask(path="/nothing").status_code == 404
    finally:
        page.delete()
