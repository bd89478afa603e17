"""The file in Jupyter's runtime folder that tells a client which sandboxes run here.

The file's own inode is locked for the life of the process, before it gets its final name: a reader that can take the
lock knows that the writer is gone, also after kill -9.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any, NamedTuple


class Announcement(NamedTuple):
    path: Path
    held: int

    def withdraw(self) -> None:
        self.path.unlink(missing_ok=True)
        os.close(self.held)


def announce(fingerprint: str, content: dict[str, Any]) -> Announcement:
    from jupyter_core.paths import jupyter_runtime_dir

    folder = Path(jupyter_runtime_dir())
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    path = folder / f"jupyter-oscar-sandbox-{fingerprint}.json"
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    held = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    fcntl.flock(held, fcntl.LOCK_EX)
    os.write(held, json.dumps(content, indent=1).encode())
    draft.replace(path)
    return Announcement(path, held)
