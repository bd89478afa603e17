"""Bad days of a cluster as its client sees them: it throttles, prints without end, loses things, has another clock."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from client_people import ALICE, admin_at
from sandbox_user import new_name

from jupyter_oscar.client import fdl
from jupyter_oscar.client.calls import Payload
from jupyter_oscar.client.cluster import Cluster
from jupyter_oscar.client.credentials import Credentials, Secret
from jupyter_oscar.client.errors import (
    BucketNotFound,
    NotAllowed,
    NotAuthenticated,
    NotOscar,
    ObjectNotFound,
    OutputsNotAttributable,
    ServiceNotFound,
    Unreachable,
    UpstreamFailed,
)
from jupyter_oscar.client.jobs import State, state
from jupyter_oscar.client.policy import ASKED_WAIT
from jupyter_oscar.client.profiles import Profile

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.asyncio
PATIENCE = 60


def answers(odd: Any, *said: tuple[int, dict[str, str]], then: bytes = b'{"version": "v4.1.2"}') -> Any:
    """A server that says these statuses first; ``asked`` notes what it was asked, and when."""

    class Kind(odd.Answer):
        asked: list[tuple[str, float]] = []  # noqa: RUF012 - shared by all requests

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            number = len(self.asked)
            self.asked.append((self.command, time.monotonic()))
            self.status, self.headers_ = said[number] if number < len(said) else (200, {})
            self.body = b"not now" if number < len(said) else then
            self._answer_with()

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - http.server looks them up

    return Kind


# it asks for patience


async def test_a_cluster_that_asks_for_a_moment_gets_it(odd: Any) -> None:
    kind = answers(odd, (429, {"Retry-After": "1"}))
    with odd.serving(kind) as url:
        async with Cluster(Profile("busy", url, Credentials("a", Secret("b")))) as one:
            assert (await one.info()).version == "v4.1.2"
    (_, first), (_, second) = kind.asked
    assert second - first >= 1


async def test_one_that_asks_for_an_hour_is_not_waited_for(odd: Any) -> None:
    kind = answers(odd, *[(503, {"Retry-After": str(60 + int(ASKED_WAIT))})] * 9)
    with odd.serving(kind) as url:
        async with Cluster(Profile("busy", url, Credentials("a", Secret("b")))) as one:
            with pytest.raises(UpstreamFailed, match="not now"):
                await one.info()
    assert len(kind.asked) == 1


async def test_what_is_not_safe_to_repeat_is_sent_once(odd: Any) -> None:
    kind = answers(odd, *[(503, {})] * 9)
    with odd.serving(kind) as url:
        async with Cluster(Profile("busy", url, Credentials("a", Secret("b")))) as one:
            with pytest.raises(UpstreamFailed):
                await one.json("POST", "/system/services", what="Creating", json={})
    assert len(kind.asked) == 1


async def test_what_is_not_safe_to_repeat_is_not_sent_on_a_line_that_was_hung_up_meanwhile(odd: Any) -> None:
    hung_up = threading.Event()

    class Kind(odd.Answer):
        protocol_version = "HTTP/1.1"

        def finish(self) -> None:
            super().finish()
            self.connection.shutdown(socket.SHUT_RDWR)
            hung_up.set()

        def do_POST(self) -> None:  # noqa: N802 - http.server looks it up
            self._answer()
            self.close_connection = True  # and does not say so

    with odd.serving(Kind) as url:
        async with Cluster(Profile("curt", url, Credentials("a", Secret("b")))) as one:
            for _ in range(2):
                answer = await one.request("POST", "/system/services", what="Creating", json={})
                assert answer.status_code == 200
                assert await asyncio.to_thread(hung_up.wait, PATIENCE)
                hung_up.clear()


async def test_a_web_page_in_place_of_a_log_is_no_log(odd: Any) -> None:
    with odd.answering(200, b"<html>Sign in</html>", Content_Type="text/html") as url:
        async with Cluster(Profile("portal", url, Credentials("a", Secret("b")))) as one:
            with pytest.raises(NotOscar, match="web page"):
                await one.jobs.log("svc", "job")


# its encryption breaks


@pytest.mark.parametrize("cut", ["handshake", "answer"])
async def test_what_is_not_encrypted_where_it_has_to_be_is_no_answer(odd: Any, tmp_path: Path, cut: str) -> None:
    """Something between that speaks plainly before, or in the middle of, what is encrypted."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(tls)

    class Garbled(odd.Answer):
        def _answer(self) -> None:
            with socket.socket(fileno=os.dup(self.connection.fileno())) as plain:
                plain.sendall(b"HTTP/1.1 200 OK")

        do_GET = do_POST = _answer  # noqa: N815 - http.server looks them up

    with odd.serving(Garbled, tls if cut == "answer" else None) as url:
        address = url.replace("http://127.0.0.1", "https://localhost")
        who = Profile("garbled", address, Credentials("a", Secret("b")), ca_bundle=str(tmp_path / "ca.pem"))
        async with Cluster(who) as one:
            for method in ("GET", "POST"):
                with pytest.raises(
                    Unreachable, match=r"localhost:\d+ (cannot be reached|broke): wrong version number\."
                ):
                    await one.json(method, "/system/services", what="Asking")


# it prints without end

READ = """
import asyncio, resource, sys
from jupyter_oscar.client.cluster import Cluster
from jupyter_oscar.client.credentials import Credentials, Secret
from jupyter_oscar.client.jobs import script_lines
from jupyter_oscar.client.profiles import Profile
async def main():
    async with Cluster(Profile("far", sys.argv[1], Credentials("a", Secret("b")))) as one:
        await one.info()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        log = await one.jobs.log("svc", "job")
        lines = log.splitlines()
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
        print(len(log) >> 20, lines[0], lines[-1], sum("left out here" in line for line in lines), grown, sep="|")
asyncio.run(main())
"""


async def test_a_log_of_200_mb_is_read_in_bounded_memory(odd: Any) -> None:
    line = b"x" * 99 + b"\n"

    class Endless(odd.Answer):
        def _answer(self) -> None:
            if not self.path.startswith("/system/logs"):
                self.body = b'{"version": "v4.1.2"}'
                self._answer_with()
                return
            first, last = b"the first line\n", b"the last line\n"
            self.send_response(200)
            self.send_header("Content-Length", str(200_000_000 + len(first) + len(last)))
            self.end_headers()
            self.wfile.write(first)
            for _ in range(200):
                self.wfile.write(line * 10_000)
            self.wfile.write(last)

        do_GET = _answer  # noqa: N815 - http.server looks them up

    with odd.serving(Endless) as url:
        program = [sys.executable, "-c", READ, url]
        done = await asyncio.to_thread(subprocess.run, program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    size, first, last, notes, grown = done.stdout.strip().split("|")
    assert (first, last, notes) == ("the first line", "the last line", "1")
    assert 8 <= int(size) <= 17
    assert int(grown) < 120, "MiB"


async def test_a_log_that_is_no_text_is_shown_as_far_as_it_is(admin_client: Cluster) -> None:
    name = new_name("odd")
    script = "#!/bin/sh\nprintf 'before \\377\\376\\000 after\\n'\n"
    await deploy(admin_client, name, script, tracked=True)
    call = await admin_client.calls.submit(name, Payload("a", b"x"))
    facts = await asyncio.wait_for(admin_client.watch.until_ended(call), PATIENCE)
    assert state(facts) is State.DONE
    log = await admin_client.calls.log(call)
    assert "before " in log
    assert " after" in log


async def test_bytes_of_a_log_that_are_no_text_show_as_such(odd: Any) -> None:
    with odd.answering(200, b"a\xff\xfeb\x00") as url:
        async with Cluster(Profile("odd", url, Credentials("a", Secret("b")))) as one:
            assert await one.jobs.log("svc", "job") == "a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}b\0"


FDL = (
    "functions: {oscar: [{c: {name: %s, image: busybox, script: s, labels: {jupyter-oscar/tracked: '%s'},"
    " input: [{path: %s/in}], output: [{path: %s-out/out}]}}]}"
)


async def deploy(cluster: Cluster, name: str, script: str, *, tracked: bool) -> None:
    await cluster.services.deploy(fdl.parse(FDL % (name, str(tracked).lower(), name, name), {"s": script}))


# it loses what it had


async def test_a_bucket_that_is_deleted_under_a_call_is_named(admin_client: Cluster) -> None:
    name = new_name("lost")
    await deploy(admin_client, name, "#!/bin/sh\nsleep 60\n", tracked=True)
    call = await admin_client.calls.submit(name, Payload("a", b"x"))
    waiting = asyncio.ensure_future(admin_client.watch.until_ended(call))
    await admin_client.buckets.delete(f"{name}-out")
    # Who is no admin is refused by MinIO what is not there.
    with pytest.raises((ObjectNotFound, BucketNotFound, NotAllowed), match=rf"{name}-out/out.* failed"):
        await asyncio.wait_for(waiting, PATIENCE)
    await admin_client.jobs.delete_all(name)


async def test_a_service_that_is_deleted_under_a_call_is_named(admin_client: Cluster) -> None:
    name = new_name("gone")
    await deploy(admin_client, name, "#!/bin/sh\nsleep 60\n", tracked=True)
    call = await admin_client.calls.submit(name, Payload("a", b"x"))
    waiting = asyncio.ensure_future(admin_client.watch.until_ended(call))
    await admin_client.services.delete(name)
    with pytest.raises(ServiceNotFound, match=f'"{name}" was deleted while it was being called'):
        await asyncio.wait_for(waiting, PATIENCE)


async def test_a_token_that_ends_while_a_call_is_waited_for_is_read_anew(
    shared_box: Any, issuer: Any, alice_client: Cluster, tmp_path: Path
) -> None:
    """For a while the file holds a token that is no good any more; whoever keeps it puts a fresh one there."""
    await deploy(alice_client, "hers", "#!/bin/sh\nsleep 1\necho done\n", tracked=False)
    file = tmp_path / "token"
    ended = issuer.token(ALICE, groups=["vo1"], exp=time.time() - 1)
    file.write_text(issuer.token(ALICE, groups=["vo1"]))
    async with Cluster(Profile("alice", shared_box.endpoint, Credentials(token_file=file))) as one:
        call = await one.calls.submit("hers", Payload("a", b"x"))
        file.write_text(ended)
        waiting = asyncio.ensure_future(one.watch.until_ended(call))
        while one.watch._failing_since is None:  # until it was refused
            assert not waiting.done()
            await asyncio.sleep(0.01)
        file.write_text(issuer.token(ALICE, groups=["vo1"]))
        facts = await asyncio.wait_for(waiting, PATIENCE)
        assert state(facts) in {State.DONE, State.UNKNOWN}
        file.write_text(ended)
        with pytest.raises(NotAuthenticated):
            await one.services.rows()
    await alice_client.services.delete("hers")


# its clock is another


@pytest.mark.parametrize("hours", [-2, 2])
async def test_with_another_clock_outputs_are_not_guessed_and_not_overlooked(admin_client: Cluster, hours: int) -> None:
    """The record says our time; what is newer than the call is told by the storage's own clock."""
    name = new_name("skew")
    script = '#!/bin/sh\necho always > "$TMP_OUTPUT_DIR/out.txt"\n'
    await deploy(admin_client, name, script, tracked=False)
    plan = await admin_client.calls.plan(name, "a.txt")
    planned = plan.model_copy(update={"created": plan.created + dt.timedelta(hours=hours)})
    call = await admin_client.calls.commit(planned, Payload("a.txt", b"x"))
    facts = await asyncio.wait_for(admin_client.watch.until_ended(call), PATIENCE)
    assert state(facts) is State.DONE
    with pytest.raises(OutputsNotAttributable) as caught:
        await admin_client.calls.outputs(call)
    assert caught.value.candidates == (f"{name}-out/out/out.txt",)


@pytest.mark.parametrize("hours", [-2, 2])
async def test_with_another_clock_an_older_server_finds_a_calls_job(a_sandbox: Any, hours: int) -> None:
    box = a_sandbox(extra=("--compat", "4.0"))
    async with admin_at(box) as old:
        await deploy(old, "skew", "#!/bin/sh\necho said\n", tracked=True)
        plan = await old.calls.plan("skew", "a.txt")
        planned = plan.model_copy(update={"created": plan.created + dt.timedelta(hours=hours)})
        call = await old.calls.commit(planned, Payload("a.txt", b"x"))
        await asyncio.wait_for(old.watch.until_ended(call), PATIENCE)
        assert "said" in await old.calls.log(call)
