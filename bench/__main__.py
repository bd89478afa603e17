"""Run every measurement, or those of the files named."""

from __future__ import annotations

import importlib
import sys

FILES = ("start", "roundtrip", "submits")


def main() -> int:
    """Print the lines; 1 when a promise is not kept."""
    names = sys.argv[1:] or FILES
    kept = True
    for name in names:
        for line in importlib.import_module(f"bench.{name}").lines():
            print(line, flush=True)
            kept = kept and line.ok
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
