"""What ``make demo`` shows: a local OSCAR, one example service, one call on a picture, its checked result, JupyterLab.

``--once`` opens no JupyterLab and stops everything afterwards. Exit code 0: the result is right; 1: it is not, or
something is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from PIL import Image, ImageOps

import jupyter_oscar as oscar

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / ".demo"
DATA = HOME / "sandbox"
RESULTS = HOME / "results"
PICTURE = ROOT / "examples" / "inputs" / "lake.png"


def say(name: str, words: str) -> None:
    """One line of the report."""
    print(f"{name:<10} {words}", flush=True)


def sandbox(*words: str) -> subprocess.CompletedProcess[str]:
    """``jupyter oscar sandbox …`` on the demo's data."""
    command = [sys.executable, "-m", "jupyter_oscar", "sandbox", *words, "--data", str(DATA)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def start() -> tuple[str, bool]:
    """The address of the demo's sandbox, and whether it was this demo that started it."""
    began = sandbox("start")
    if began.returncode:
        sys.exit(began.stderr.strip())
    found = json.loads(sandbox("status", "--json").stdout)
    return found["endpoint"], "already runs" not in began.stdout


def call(endpoint: str) -> Path:
    """Deploy, submit, wait, download; returns where the result lies."""
    cluster = oscar.connect(endpoint=endpoint)
    before = "grayify" in cluster.services
    service = cluster.deploy(ROOT / "examples" / "grayify" / "fdl.yaml", update=True)[0]
    say("service", f"{service.name} {'updated' if before else 'deployed'}: a file in {service.input[0].path} starts it")
    began = time.monotonic()
    job = cluster.submit(service.name, PICTURE).accepted()
    say("call", f"{job.reference} takes {PICTURE.name}")
    job.log(follow=True)
    result = job.result(timeout=120)
    path = result.save(RESULTS)[0]
    say("result", f"{path.relative_to(ROOT)} after {time.monotonic() - began:.1f} s")
    cluster.close()
    return path


def check(path: Path) -> None:
    """The grey picture is the picture, in grey."""
    with Image.open(PICTURE) as source, Image.open(path) as found:
        expected = ImageOps.grayscale(source.convert("RGB"))
        if (found.mode, found.size) != ("L", source.size) or found.tobytes() != expected.tobytes():
            sys.exit(f"{path} is not {PICTURE.name} in shades of grey.")
        say("checked", f"{found.width} x {found.height}, shades of grey, every pixel as it should be")


def goodbye(*, once: bool) -> None:
    """How to go on, and how to stop."""
    program = Path(sys.executable).parent / "jupyter-oscar"
    shown = os.path.relpath(program, ROOT)
    if once:
        say("stopped", f"the data stays in {DATA.relative_to(ROOT)}")
        return
    say("cells", f"{os.path.relpath(sys.executable, ROOT)} examples/first_call.py does the same from Python")
    say("stop", f"Ctrl-C ends JupyterLab; then: {shown} sandbox stop --data {DATA.relative_to(ROOT)}")


def open_lab() -> int:
    """JupyterLab on the examples, in the foreground, with the sandbox in its sidebar."""
    program = Path(sys.executable).parent / "jupyter-lab"
    if not program.exists():
        say("lab", "is not installed here: pip install 'jupyter-oscar[lab]'")
        return 0
    say("lab", "opens on examples/; the sandbox is in the sidebar named OSCAR")
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    options = ["--LabApp.news_url=None", *(["--allow-root"] if os.geteuid() == 0 else [])]
    try:
        # It asks twice on Ctrl-C by itself; until then this process only waits.
        with subprocess.Popen(
            [str(program), str(ROOT / "examples"), *options],
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
        ) as lab:
            return lab.wait()
    finally:
        signal.signal(signal.SIGINT, before)


def main() -> int:
    """Run it all; whatever was started is stopped when it does not end well."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--once", action="store_true", help="stop everything afterwards")
    once: bool = parser.parse_args().once
    endpoint, ours = start()
    well = False
    try:
        how = "started" if ours else "was running"
        say("sandbox", f"{endpoint} {how}; scripts run here without containers, whatever image they name")
        check(call(endpoint))
        well = True
    except oscar.errors.OscarError as error:
        print(f"The demo failed: {error}", file=sys.stderr)
    finally:
        if once or (ours and not well):
            sandbox("stop")
    if not well:
        return 1
    goodbye(once=once)
    return 0 if once else open_lab()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nThe demo was stopped.")
