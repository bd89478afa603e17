"""One job from its event to its outputs, as faas-supervisor does it.

This code runs in processes of its own, for one job or sync run at a time, and knows nothing of the server: it gets a
``Task``, writes a log and how it ended. What it prints follows the recorded logs line by line (wire D009, D017, D026,
E014, R011).
"""

from __future__ import annotations

import base64
import io
import multiprocessing
import os
import signal
import subprocess
import threading
import uuid
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from .bounds import Watcher, adopt_orphans, bounds_of, keep_descriptors, limit, limit_processes, set_bounds
from .events import BadStorage, Event, echo, parse
from .joblock import sign_end
from .joblog import JobLog, traceback_text
from .nest import Nest
from .processes import end_descendants, in_words
from .runtimes import RUNTIMES, Work
from .staging import StorageRefused, store_of
from .task import ARGUMENT_LIMIT, Task, bare_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .joblock import HeldLock

_PIECE = 1 << 20
_IGNORED = (signal.SIGPIPE, signal.SIGXFSZ)  # by Python, and a script would go on ignoring them


@dataclass
class _Run:
    """The folders and names of one run."""

    task: Task
    log: JobLog
    env: dict[str, str]
    inputs: str
    outputs: str
    spool: int


def supervise(task: Task, log: JobLog) -> bool:
    """Run the task; True means Succeeded, which by the book says nothing of the script's exit code (wire E013)."""
    body = task.event if isinstance(task.event, bytes) else task.event.read_bytes()
    if not task.sync and (len(body) + len("EVENT=") >= ARGUMENT_LIMIT or b"\0" in body):
        return False
    if not task.plan.friendly:
        _read_configuration(task.plan.service)
    raw = body.decode("utf-8", "surrogateescape")
    text = raw if task.sync else echo(raw)
    log.detail(f"EVENT received: {text}")
    event = parse(text, log, task.plan.service)
    run = _prepare(task, log, body)
    log.say("Reading storage configuration")
    if task.sync:
        log.say("No MinIO user configuration found")  # wire R011: a sync pod has no credentials folder
        event = event.without_minio()
    else:
        log.say(f"Using MinIO credentials for user: '{task.plan.access.access_key}'")
    log.say("SUPERVISOR: Initializing Binary supervisor")
    with _told_by_boto(run, "_parse_input"):
        _stage_in(run, event)
    code = _run_script(run)
    with _told_by_boto(run, "_parse_output"):
        _upload(run, event)
    log.say("Creating response")
    _respond(run, event)
    if task.plan.friendly and code:
        log.say(f"The script ended {in_words(code)}.", "ERROR")
        return False
    return True


def _read_configuration(service: dict[str, Any]) -> None:
    """OSCAR writes a variable with a tab so that its supervisor cannot read any of it (oscar.md §0.3, point 20)."""
    if any("\t" in value and "\n" not in value for value in service["environment"]["variables"].values()):
        from yaml.scanner import ScannerError

        wrong = "found character '\\t' that cannot start any token"
        raise ScannerError("while scanning for the next token", None, wrong)


def _prepare(task: Task, log: JobLog, body: bytes) -> _Run:
    inputs, outputs, home = _NEST.settle(task.temp)
    env = {
        **bare_environment(home),
        **task.plan.environment,
        **task.variables(body),
        "TMP_INPUT_DIR": inputs,
        "TMP_OUTPUT_DIR": outputs,
    }
    return _Run(task, log, env, inputs, outputs, _NEST.spool(task.temp))


def _stage_in(run: _Run, event: Event) -> None:
    run.env.update(event.variables)
    if run.task.plan.service.get("file_stage_in"):
        run.log.say("Skipping download of input file.")
        return
    if event.provider == "ONEDATA":
        raise BadStorage("The storage authentication of 'ONEDATA' is not well-defined.")
    run.log.say(f"Found '{event.provider}' input provider")
    if event.provider == "LOCAL":
        path = f"{run.inputs}/event-file-{uuid.uuid4()}"
        event.save(path)
    else:
        path = _download(run, event)
    run.log.say(f"INPUT_FILE_PATH variable set to '{path}'")
    run.env["INPUT_FILE_PATH"] = path


def _download(run: _Run, event: Event) -> str:
    bucket, key = event.bucket, event.key
    run.log.say(f"Downloading item from bucket '{bucket}' with key '{key}'")
    path = f"{run.inputs}/{key.rpartition('/')[2]}"  # a text, so that the folder marker `in/sub/` fails as in wire D030
    if event.provider == "S3" and not run.task.plan.friendly:
        raise NoCredentials("Unable to locate credentials")  # of AWS: a service can name none here
    store_of(run.task.plan.access, run.task.plan.inner).download(bucket, key, path)
    run.log.say(f"Successful download of file '{key}' from bucket '{bucket}' in path '{path}'")
    return path


class NoCredentials(Exception):
    """What boto3 says before it asks anybody."""


class GaveUp(Exception):
    """The job failed, and its log has said why."""


@contextmanager
def _told_by_boto(run: _Run, where: str) -> Iterator[None]:
    """A refusal of the store: one line at once, and what faas-supervisor prints, which is flushed at its end."""
    try:
        yield
    except StorageRefused as error:
        run.log.say(str(error), "ERROR")
        run.log.write(f"There was an exception in {where}\n{error.said}\n".encode())
        raise GaveUp from error
    except BadStorage as error:
        run.log.say(str(error), "ERROR")
        raise GaveUp from error


def _run_script(run: _Run) -> int:
    task, plan = run.task, run.task.plan
    run.log.say(f"Script file found in '{plan.script}'")
    bounds = bounds_of(plan)
    work = Work(
        name=task.name,
        image=str(plan.service.get("image", "")),
        script=plan.script,
        temp=task.temp,
        environment=run.env,
        memory=bounds.memory,
        cpu=bounds.cpu,
        attached=task.attached,
    )
    runtime = RUNTIMES[plan.runtime]()
    watcher = Watcher(bounds, task.temp, run.spool)
    runtime.prepare(work)
    try:
        code = _until_over(run, watcher, runtime.command(work), runtime.environment(work))
    finally:
        runtime.clean(work)
    if watcher.why:
        run.log.say(f"The script was ended. {watcher.why}.", "ERROR")
        raise GaveUp
    return code


def _until_over(run: _Run, watcher: Watcher, command: list[str], environment: dict[str, str]) -> int:
    live = run.log.level == "DEBUG"
    os.chdir(run.env["HOME"])  # here, and no descriptor to close there: so that the kernel needs not copy this process
    with _TERM.patient():
        if not live:  # stdin is nothing already (``limit``)
            into = [(os.POSIX_SPAWN_DUP2, run.spool, standard) for standard in (1, 2)]
            pid = os.posix_spawn(command[0], command, environment, file_actions=into, setsigdef=_IGNORED)
            return watcher.wait(pid)
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            close_fds=False,
        )
        with watcher:
            _stream(run, process)
            return process.wait()


class _Term:
    """What being told to end means: the end, traces removed, but not while a script runs or they are."""

    def __init__(self) -> None:
        self._patient = self._told = False

    def heed(self) -> None:
        signal.signal(signal.SIGTERM, self._heard)

    def _heard(self, *_: object) -> None:
        self._told = True
        if not self._patient:
            raise SystemExit(1)

    @contextmanager
    def patient(self) -> Iterator[None]:
        """A script was told too, and gets the time it needs; then we end without a result."""
        self._patient = True
        try:
            yield
        finally:
            self._patient = False
        if self._told:
            raise SystemExit(1)

    def deaf(self) -> None:
        self._patient = True

    def hears_again(self) -> None:
        self._told = self._patient = False


_TERM = _Term()
_NEST = Nest()


def _stream(run: _Run, process: subprocess.Popen[bytes]) -> None:
    """Lines as they come (wire E008); a whole copy is printed again at the end (wire E014)."""
    run.log.detail("CONTAINER OUTPUT:\n ")
    if process.stdout is None:
        return
    for line in process.stdout:
        os.write(run.spool, line)
        run.log.detail(line.decode("utf-8", "ignore").strip())


def _files(folder: str) -> Iterator[tuple[str, str]]:
    """Files under the folder in the order of ``os.walk``, which is the order of the uploads (wire P018)."""
    above = len(f"{folder}/")
    for top, _, names in os.walk(folder):
        for name in names:
            path = f"{top}/{name}"
            yield path, path[above:]


def _wanted(name: str, output: dict[str, Any]) -> bool:
    prefixes, suffixes = output.get("prefix") or [""], output.get("suffix") or [""]
    return name.startswith(tuple(prefixes)) and name.endswith(tuple(suffixes))


def _bucket(service: dict[str, Any], event: Event, bucket: str) -> str:
    """Under USER isolation outputs stay in the bucket that triggered (oscar.md §2.4)."""
    own = service.get("isolation_level") == "USER" and event.bucket in (service.get("bucket_list") or ())
    return event.bucket if own else bucket


def _key_name(name: str) -> str:
    """A file's name as it goes into its key: without spaces and line ends at its ends, or slashes in front."""
    return name.strip().lstrip("/")


def _upload(run: _Run, event: Event) -> None:
    run.log.say(f"Searching for files to upload in folder '{run.outputs}'")
    for output in run.task.plan.service.get("output", []):
        provider = output["storage_provider"]
        run.log.say(f"Checking files for uploading to '{provider}' on path: '{output['path']}'")
        bucket, _, folder = output["path"].partition("/")
        bucket = _bucket(run.task.plan.service, event, bucket)
        store = store_of(run.task.plan.access, run.task.plan.inner)
        for path, found in _files(run.outputs):
            name = _key_name(found)
            if not _wanted(name, output) or run.task.sync:  # a sync pod has no credentials, and says nothing of it
                continue
            key = f"{folder}/{name}" if folder else name
            run.log.say(f"Uploading file '{key}' to bucket '{bucket}'")
            try:
                store.upload(path, bucket, key)
            except UnicodeEncodeError as error:
                if not run.task.plan.friendly:
                    raise
                run.log.say(f"The name of the output {os.fsencode(found)!r} is no UTF-8, as a key must be.", "ERROR")
                raise GaveUp from error


def _read(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 - every job comes by here: quick
        return file.read()


def _zip(files: list[tuple[str, str]]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, name in files:
            archive.write(path, name)
    return packed.getvalue()


def _respond(run: _Run, event: Event) -> None:
    """What a caller gets: files as base64, else the script's output; storage events always the output (wire D017)."""
    files = list(_files(run.outputs)) if event.kind == "UNKNOWN" else []
    if not files:
        os.lseek(run.spool, 0, os.SEEK_SET)
        with open(run.spool, encoding="utf-8", errors="ignore", closefd=False) as spool:
            # as text: line ends are made equal
            while piece := spool.read(_PIECE):
                run.log.write(piece.encode())
    else:
        run.log.write(base64.b64encode(_read(files[0][0]) if len(files) == 1 else _zip(files)))
    run.log.write(b"\n")


def _attempt(task: Task) -> bool:
    with JobLog(task.log, task.plan.service.get("log_level", "INFO")) as log:
        try:
            return supervise(task, log)
        except GaveUp:
            return False
        except Exception as error:  # noqa: BLE001 - the boundary of the job: whatever went wrong belongs in its log
            log.write(traceback_text(error).encode("utf-8", "surrogateescape"))
            return False


def _end_with_parent() -> None:
    """A sync run is nobody's any more when the server dies; a job lives on."""
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            end_descendants()
            os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def _sweep(task: Task) -> None:
    """End what the script left running, then remove its files, as the end of a pod does."""
    _TERM.deaf()
    end_descendants(reap=True)
    os.chdir("/")
    _NEST.leave(task.temp)


def settle() -> None:
    """What holds for all that a process of ours starts, and for all its tasks."""
    os.umask(0o077)
    adopt_orphans()
    limit_processes()
    keep_descriptors()
    _TERM.heed()


def work(task: Task, lock: int) -> tuple[str, str]:
    """One task from beginning to end; when this returns, nothing of it runs.

    Returns the state and the time of the end, as they stand in the file of its lock by then.
    """
    set_bounds(bounds_of(task.plan))
    try:
        try:
            done = _attempt(task)
        except OSError:
            done = False  # the log itself cannot be written: the state is all that can be said
        result = "Succeeded" if done else "Failed", f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
        sign_end(lock, *result)
    finally:  # also when it was told to end
        _sweep(task)
    _TERM.hears_again()
    return result


def no_more_work() -> None:
    """Before the process ends."""
    _NEST.abandon()


def main(task: Task, lock: HeldLock) -> None:
    """Entry of the process of one sync run."""
    limit()
    settle()
    lock.sign()
    _end_with_parent()
    work(task, lock.fd)
    no_more_work()
