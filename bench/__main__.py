"""Run every measurement, or those of the files named."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

FILES = (
    "start",
    "jobs",
    "roundtrip",
    "submits",
    "maps",
    "functions",
    "server",
    "watchers",
    "bytes",
    "lists",
    "folders",
    "flows",
    "seen",
)


def main() -> int:
    """Print the lines; 1 when a promise is not kept.

    Each file in a process of its own: one measurement's memory must not count for the next. What they leave on the disk
    goes when all are measured: on ext4 whoever makes files within minutes of others' removal pays for looking at each
    of those.
    """
    with tempfile.TemporaryDirectory(prefix="jupyter-oscar-bench-") as top:
        env = {**os.environ, "TMPDIR": top}
        names = sys.argv[1:] or FILES
        ends = [subprocess.run([sys.executable, "-m", "bench.one", name], env=env, check=False) for name in names]
    return int(any(end.returncode for end in ends))  # also less than 0, of one that was killed


if __name__ == "__main__":
    sys.exit(main())
