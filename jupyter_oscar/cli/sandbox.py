"""``jupyter oscar sandbox``: start, stop and look at a local OSCAR.

The sandbox is another process and stays a stranger: this file starts it by argument list, reads the one line it says,
and finds it again by the file it leaves in Jupyter's runtime folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

import click

_SANDBOX = [sys.executable, "-m", "jupyter_oscar.sandbox"]
_STOP_S = 20.0
_CODES = "Exit code 0: done. 1: it could not be done, one sentence on stderr says why. 2: wrong usage."
_data = click.option("--data", type=click.Path(path_type=Path), help="Data folder [default: in Jupyter's data folder].")


@click.group(epilog=_CODES)
def sandbox() -> None:
    """A local OSCAR on this machine: services, jobs and buckets without a cluster.

    Scripts run as processes of yours, without containers and without the images that services name, unless `start
    --runtime podman` is asked for.
    """


def _fail(sentence: str) -> NoReturn:
    click.echo(sentence, err=True)
    raise SystemExit(1)


def _folder(data: Path | None) -> Path:
    from jupyter_core.paths import jupyter_data_dir

    return (data or Path(jupyter_data_dir()) / "oscar-sandbox").expanduser().resolve()


def _running(data: Path) -> dict[str, Any] | None:
    """What the sandbox of this folder announced, if it lives: it holds a lock on the file for its whole life."""
    from jupyter_core.paths import jupyter_runtime_dir

    fingerprint = hashlib.sha256(str(data).encode()).hexdigest()[:8]
    path = Path(jupyter_runtime_dir()) / f"jupyter-oscar-sandbox-{fingerprint}.json"
    try:
        with path.open("r", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found
    return None  # the lock was free: left behind by a kill


_RUN = {
    "processes": "Scripts run as processes without containers: the images that services name are not used.",
    "podman": "Scripts run in containers of the images that services name, by podman.",
}


def _describe(found: dict[str, Any]) -> str:
    return (
        f"OSCAR  {found['endpoint']}  (user {found['user']}; password: jupyter oscar sandbox status --credentials)\n"
        f"as     version {found['compat']}, {found['mode']}\n"
        f"S3     {found['s3_endpoint']}\n"
        f"data   {found['data']}\n"
        f"{found.get('storage', '')}\n"
        f"{_RUN[found.get('runtime', 'processes')]}"
    )


def _flags(choices: dict[str, Any]) -> list[str]:
    """The chosen options as the sandbox's own words: a switch that is on, a value, or several."""
    flags: list[str] = []
    for name, value in choices.items():
        word = "--" + name.replace("_", "-")
        if value is True:
            flags.append(word)
        elif value not in (None, False):
            for each in value if isinstance(value, tuple) else (value,):
                flags += [word, str(each)]
    return flags


@sandbox.command(epilog=_CODES)
@_data
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the API [default: the last one, else a free one].")
@click.option("--jobs", type=click.IntRange(1), help="Jobs at once [default: the number of processors, at least 2].")
@click.option(
    "--friendly/--faithful",
    default=True,
    help="Say what is so [default], or answer with every quirk of a real server, as tests need it.",
)
@click.option(
    "--compat",
    type=click.Choice(["3.6.5", "4.0", "4.1"]),
    help="The version of OSCAR to be [default: 4.1, held to recorded answers; the others are read from source].",
)
@click.option("--realtime", is_flag=True, help="Take a real server's time, creates of six seconds included.")
@click.option("--throttle", is_flag=True, help="Answer at a real server's speed, with quick creates.")
@click.option("--latency", type=click.FloatRange(0), metavar="SECONDS", help="Wait before each answer.")
@click.option(
    "--faults",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A YAML file of what shall go wrong: for tests of those who call.",
)
@click.option(
    "--store", type=click.Choice(["minio", "rclone"]), help="What keeps the objects [default: minio if it is on PATH]."
)
@click.option("--minio", metavar="PROGRAM", help="Where MinIO's program is, when it is not on PATH.")
@click.option(
    "--runtime",
    type=click.Choice(["processes", "podman"]),
    help="How scripts run [default: processes, which need and use no image].",
)
@click.option("--time-limit", type=click.FloatRange(0), metavar="SECONDS", help="The longest that a job may run.")
@click.option("--scratch-limit", metavar="SIZE", help="What a job's files may take on disk [default: 10Gi].")
@click.option("--virtual-node", metavar="NAME", help="Have interLink and this node; its jobs run here too.")
@click.option("--hold", is_flag=True, help="Accept jobs and start none.")
@click.option("--no-serverless", is_flag=True, help="Without synchronous runs.")
@click.option("--oidc-issuer", multiple=True, metavar="URL", help="Take the tokens of this identity provider.")
@click.option("--oidc-group", multiple=True, metavar="GROUP", help="Let the members of this group in.")
@click.option("--oidc-admin", multiple=True, metavar="SUB", help="A user who may read the manager's log.")
@click.option("--foreground", is_flag=True, help="Stay in this terminal; Ctrl-C stops it.")
def start(*, data: Path | None, foreground: bool, **choices: Any) -> None:
    """Start it; when it already runs on this data folder, say so."""
    folder = _folder(data)
    found = _running(folder)
    if found is not None:
        other = "" if _flags(choices) == ["--friendly"] else " What you chose counts at a start: stop it first."
        click.echo(f"It already runs (process {found['pid']}).{other}\n{_describe(found)}")
        return
    command = [*_SANDBOX, "start", "--data", str(folder), *_flags(choices)]
    if foreground:
        _in_foreground(command)
    else:
        click.echo(_describe(_detached(command, folder)))


def _in_foreground(command: list[str]) -> None:
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the sandbox gets the same Ctrl-C and stops cleanly
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())  # which comes to us alone
        line = _first_line(process)
        if "ready" in line:
            click.echo(_describe(line["ready"]))
        raise SystemExit(process.wait())


def _detached(command: list[str], folder: Path) -> dict[str, Any]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        log = os.open(folder / "sandbox.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        _fail(
            f"The sandbox cannot use its data folder {folder} ({error.strerror}): "
            "make it writable, or choose another with --data."
        )
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True
    )
    os.close(log)
    line = _first_line(process)
    if "ready" not in line:
        _fail(line.get("error") or f"The sandbox ended before it was ready: see {folder / 'sandbox.log'}.")
    ready: dict[str, Any] = line["ready"]
    process.returncode = 0  # it is left to itself: no warning that it still runs
    return ready


def _first_line(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    if process.stdout is None:
        return {}
    line = process.stdout.readline()
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError:
        return {}
    return found


@sandbox.command(epilog=_CODES)
@_data
def stop(*, data: Path | None) -> None:
    """Stop it: running jobs are ended and marked failed, everything else is kept."""
    folder = _folder(data)
    found = _running(folder)
    if found is None:
        click.echo(f"No sandbox runs on {folder}.")
        return
    os.kill(found["pid"], signal.SIGTERM)
    deadline = time.monotonic() + _STOP_S
    while _is_held(folder):
        if time.monotonic() > deadline:
            log = folder / "sandbox.log"
            _fail(f"The sandbox (process {found['pid']}) has not ended after {_STOP_S:.0f} s: see {log}.")
        time.sleep(0.05)
    click.echo(f"Stopped. Its data stays in {folder}.")


def _is_held(folder: Path) -> bool:
    """Whether a process still has the folder; the announcement goes first, the lock last."""
    try:
        with (folder / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@sandbox.command(epilog=_CODES + " `status` exits with 1 when no sandbox runs.")
@_data
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--credentials", is_flag=True, help="Also print the password.")
def status(*, data: Path | None, as_json: bool, credentials: bool) -> None:
    """Say whether it runs, and where."""
    folder = _folder(data)
    found = _running(folder)
    if found is None:
        if as_json:
            click.echo(json.dumps({"running": False, "data": str(folder)}))
            raise SystemExit(1)
        _fail(f"No sandbox runs on {folder}: start one with `jupyter oscar sandbox start`.")
    if not credentials:
        found.pop("password", None)
    if as_json:
        click.echo(json.dumps({"running": True, **found}))
        return
    click.echo(f"It runs (process {found['pid']}, since {found['started']}).\n{_describe(found)}")
    if credentials:
        click.echo(f"password  {found['password']}")


def _now(*words: str) -> dict[str, Any]:
    """What the sandbox does without being started."""
    done = subprocess.run([*_SANDBOX, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    try:
        line = json.loads(done.stdout)
    except ValueError:
        _fail(done.stderr.strip() or "The sandbox gave no answer.")
    if "done" not in line:
        _fail(str(line.get("error")))
    found: dict[str, Any] = line["done"]
    return found


@sandbox.command(epilog=_CODES)
@_data
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(*, data: Path | None, yes: bool) -> None:
    """Remove all services, buckets with their objects, jobs and logs; address and password stay."""
    folder = _folder(data)
    if not folder.is_dir():
        click.echo(f"There is nothing in {folder}.")
        return
    if not yes:
        click.confirm(f"Remove every service, bucket, object and job in {folder}?", abort=True)
    _now("reset", "--data", str(folder))
    click.echo(f"Emptied {folder}.")


@sandbox.command(epilog=_CODES)
@_data
@click.argument("folder", type=click.Path(path_type=Path))
def export(*, data: Path | None, folder: Path) -> None:
    """Copy services as FDL files, buckets as folders, and logs to the new FOLDER; no password, token or secret."""
    source = _folder(data)
    if not source.is_dir():
        _fail(f"There is no sandbox in {source}: name its data folder with --data.")
    counts = _now("export", "--data", str(source), "--to", str(folder.expanduser().resolve()))
    click.echo(f"{counts['services']} services, {counts['objects']} objects and {counts['logs']} logs are in {folder}.")
