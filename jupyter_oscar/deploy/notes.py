"""What our own mounts note down in Jupyter's runtime folder, a file for each, until somebody undoes them.

A note whose keeper lives no longer is of a mount that ended without being told to: whoever writes to its folder now
writes beside the bucket, and is told so.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

STATE: Final = "jupyter-oscar-mount-"
# Where proc(5) has the time at which a process began, counted behind its name.
_BEGAN: Final = 19


@dataclass(frozen=True)
class Note:
    """One mount: ``place`` is ``bucket`` or ``bucket/folder`` on the cluster at ``endpoint``.

    ``pid`` and ``began`` are its keeper's, ``control`` is rclone's socket; a link to the sandbox's own folder has none.
    """

    point: Path
    place: str
    endpoint: str = ""
    pid: int = 0
    began: int = 0
    control: Path | None = None
    ending: bool = False
    read_only: bool = False

    @property
    def lives(self) -> bool:
        """Whether its keeper runs. Numbers of processes are used again, so that they began together counts too."""
        return self.pid > 0 and began(self.pid) == self.began

    @property
    def is_link(self) -> bool:
        """Whether it is the sandbox's own folder."""
        return self.pid == 0

    def wait(self, seconds: float) -> None:
        """Wait for its keeper's end, for so long at most."""
        until = time.monotonic() + seconds
        while self.lives and time.monotonic() < until:
            time.sleep(0.05)

    def write(self) -> None:
        """Note it down, or what has changed of it."""
        file = state_file(self.point)
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = file.with_suffix(f".{os.getpid()}.new")
        fresh.write_text(json.dumps(asdict(self), default=str), encoding="utf-8")
        fresh.replace(file)


def began(pid: int) -> int:
    """When a process began, in ticks since the machine did; 0 where none of that number runs."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        fields = text.rpartition(")")[2].split()
        return 0 if fields[0] == "Z" else int(fields[_BEGAN])
    except (OSError, ValueError, IndexError):
        return 0


def notes() -> list[Note]:
    """Every one, by its folder."""
    found = [_read(path) for path in _runtime().glob(f"{STATE}*.json")]
    return sorted((note for note in found if note), key=lambda note: note.point)


def of(point: Path) -> Note | None:
    """The one of a folder."""
    return _read(state_file(point))


def end(point: Path) -> None:
    """Say of a mount that its keeper is about to undo it."""
    if note := of(point):
        replace(note, ending=True).write()


def forget(point: Path) -> None:
    """It was undone."""
    state_file(point).unlink(missing_ok=True)


def state_file(point: Path) -> Path:
    """Where a mount of ours is noted down."""
    return _runtime() / f"{STATE}{hashlib.sha256(str(point).encode()).hexdigest()[:8]}.json"


def _read(path: Path) -> Note | None:
    try:
        said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        control = said.pop("control", None)
        return Note(**{**said, "point": Path(said["point"]), "control": Path(control) if control else None})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _runtime() -> Path:
    from jupyter_core.paths import jupyter_runtime_dir

    return Path(jupyter_runtime_dir())
