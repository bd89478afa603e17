"""Run the measurements of one file, in the folder for temporary files that ``__main__`` made for all."""

from __future__ import annotations

import importlib
import sys


def main() -> int:
    """Print its lines; 1 when a promise is not kept."""
    kept = True
    for line in importlib.import_module(f"bench.{sys.argv[1]}").lines():
        print(line, flush=True)
        kept = kept and line.ok
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
