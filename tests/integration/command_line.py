"""The command line as a script runs it, on a machine of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import yaml
from sandbox_user import new_name

SHOUT = '#!/bin/sh\ntr a-z A-Z < "$INPUT_FILE_PATH" > "$TMP_OUTPUT_DIR/$(basename "$INPUT_FILE_PATH")"\necho shouted\n'


def runner(home, folder):
    """Runs a command where nothing is a terminal, checks its exit code, gives its stdout; ``said`` is its stderr."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG") if name in os.environ}
    env = {**kept, "HOME": str(home), "JUPYTER_RUNTIME_DIR": str(home / "runtime"), "PYTHONDONTWRITEBYTECODE": "1"}

    def run(*arguments, code=0, stdin=""):
        command = [sys.executable, "-m", "jupyter_oscar", *map(str, arguments)]
        binary = isinstance(stdin, bytes)
        done = subprocess.run(
            command,
            env=run.env,
            cwd=folder,
            capture_output=True,
            timeout=90,
            check=False,
            input=stdin if binary else stdin.encode(),
        )
        run.said = done.stderr.decode()
        assert done.returncode == code, (arguments, done.returncode, done.stdout, run.said)
        assert "Traceback" not in run.said
        return done.stdout if binary else done.stdout.decode()

    run.env = env
    return run


def write_fdl(folder, **more):
    """An FDL file of one tracked service, and the service's name."""
    name = new_name("cli")
    service = {
        "name": name,
        "image": "debian",
        "script": "script.sh",
        "log_level": "CRITICAL",
        "input": [{"path": f"{name}/in"}],
        "output": [{"path": f"{name}/out"}],
        "labels": {"jupyter-oscar/tracked": "true"},
        **more,
    }
    (folder / "script.sh").write_text(SHOUT)
    path = folder / "fdl.yaml"
    path.write_text(yaml.safe_dump({"functions": {"oscar": [{"oscar-cluster": service}]}}))
    return path, name
