"""Run every measurement, or those of the files named."""

from __future__ import annotations

import importlib
import subprocess
import sys

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
    """Print the lines; 1 when a promise is not kept."""
    if len(sys.argv) != 2:
        # Each in a process of its own: one measurement's memory must not count for the next.
        ends = [subprocess.run([sys.executable, "-m", "bench", name], check=False) for name in sys.argv[1:] or FILES]
        return max(end.returncode for end in ends)
    kept = True
    for line in importlib.import_module(f"bench.{sys.argv[1]}").lines():
        print(line, flush=True)
        kept = kept and line.ok
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
