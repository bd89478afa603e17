"""The data folder of one sandbox: its layout, its secrets, its lock and the ports it used last."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import secrets
import socket
import tempfile
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

LOOPBACK = "127.0.0.1"


class CannotStart(Exception):
    """A sentence for the person who started the sandbox: what, where, why, what to do."""


@dataclass(eq=False, repr=False)
class Settings:
    """What outlives a restart, so that clients keep their addresses and passwords."""

    password: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    access_key: str = "sandbox"
    secret_key: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    port: int = 0
    s3_port: int = 0
    minio: str = ""  # the program, when it keeps the objects


class DataFolder:
    """Where lies what outlives a restart, and where scripts work."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def fingerprint(self) -> str:
        return hashlib.sha256(str(self.root).encode()).hexdigest()[:8]

    @property
    def database(self) -> Path:
        return self.root / "sandbox.db"

    @property
    def buckets(self) -> Path:
        return self.root / "buckets"

    @property
    def trash(self) -> Path:
        return self.root / "trash"

    @cached_property
    def jobs(self) -> Path:
        return self.root / "jobs"

    @property
    def services(self) -> Path:
        return self.root / "services"

    @property
    def exposed(self) -> Path:
        return self.root / "exposed"

    @property
    def rclone(self) -> Path:
        return self.root / "rclone"

    @property
    def minio(self) -> Path:
        """Made when MinIO runs here: its drive, and the events that it could not tell yet."""
        return self.root / "minio"

    @cached_property
    def temp(self) -> Path:
        """Where scripts work. Short and free of spaces, as in a container; one folder per user and sandbox."""
        return Path(tempfile.gettempdir()) / f"oscar-sandbox-{os.getuid()}-{self.fingerprint}"

    @property
    def homes(self) -> Path:
        """Where the scripts of exposed services live."""
        return self.temp / "exposed"

    def job(self, service: str, name: str) -> str:
        """Its folder; a text, as every job comes by here: a path object costs as much as a system call."""
        return f"{self.jobs}/{service}/{name}"


def _explain(root: Path, error: OSError) -> CannotStart:
    if error.errno == errno.ENOSPC:
        return CannotStart(
            f"The disk that holds the sandbox's data folder {root} is full: free some space, "
            "or choose another folder with --data."
        )
    return CannotStart(
        f"The sandbox cannot use its data folder {root} ({error.strerror}): make it writable, "
        "or choose another folder with --data."
    )


def _own(folder: Path) -> None:
    """A folder in the shared temp folder must be ours, or somebody could wait there for our files."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or not folder.is_dir() or folder.is_symlink():
        raise CannotStart(f"The folder {folder} belongs to somebody else: remove it, or set TMPDIR to another folder.")
    folder.chmod(0o700)


def open_folder(root: Path) -> DataFolder:
    data = DataFolder(root.expanduser().resolve())
    try:
        data.root.mkdir(parents=True, exist_ok=True)
        data.root.chmod(0o700)
        for part in (data.buckets, data.trash, data.jobs, data.services, data.exposed, data.rclone):
            part.mkdir(exist_ok=True)
        _own(data.temp)
    except OSError as error:
        raise _explain(data.root, error) from error
    return data


def lock(data: DataFolder) -> int:
    """Hold the folder for the life of the process; a second sandbox on it is told so."""
    try:
        held = os.open(data.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise CannotStart(
            f"A sandbox already runs on the data folder {data.root} (process {_holder(data)}): "
            "use that one, stop it with `jupyter oscar sandbox stop`, or choose another folder with --data."
        ) from error
    except OSError as error:
        raise _explain(data.root, error) from error
    os.ftruncate(held, 0)
    os.pwrite(held, f"{os.getpid()}\n".encode(), 0)
    return held


def _holder(data: DataFolder) -> str:
    return (data.root / "lock").read_text(encoding="ascii").strip() or "unknown"


def load(data: DataFolder) -> Settings:
    path = data.root / "settings.json"
    try:
        return Settings(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Settings()
    except (ValueError, TypeError) as error:
        raise CannotStart(f"{path} is damaged ({error}): repair it, or remove it to get a new password.") from error


def save(data: DataFolder, settings: Settings) -> None:
    path = data.root / "settings.json"
    draft = path.with_suffix(".tmp")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(asdict(settings), file, indent=1)
        draft.replace(path)
    except OSError as error:
        raise _explain(data.root, error) from error


def _bind(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((LOOPBACK, port))
    except OSError:
        sock.close()
        raise
    return sock


def _listening(port: int) -> socket.socket:
    """Listening at once: two sockets that are only bound may share a port."""
    sock = _bind(port)
    try:
        sock.listen(128)
    except OSError:
        sock.close()
        raise
    return sock


def listen(wanted: int | None, last: int) -> socket.socket:
    """The socket of the API: exactly the wanted port, else the last one when it is free, else any."""
    if wanted is None:
        try:
            return _listening(last)
        except OSError:
            return _listening(0)
    try:
        return _listening(wanted)
    except OSError as error:
        raise CannotStart(
            f"Port {wanted} on {LOOPBACK} cannot be used ({error.strerror}): choose another with --port, "
            "or leave --port out to get a free one."
        ) from error


def free_port(last: int) -> int:
    """A port for a child to listen on: the last one when it is free, else any."""
    with listen(None, last) as sock:
        return int(sock.getsockname()[1])
