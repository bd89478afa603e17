"""What the tests themselves promise: a killed pytest leaves no process behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

RESOURCES = Path(__file__).parents[1] / "resources"
DAEMON = """
import subprocess, sys, time

def test_a_daemon_is_started():
    code = "import os, time; os.fork() and os._exit(0); os.setsid(); print(os.getpid(), flush=True); time.sleep(600)"
    started = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    print("daemon:", started.stdout.readline().decode(), flush=True)
    time.sleep(600)
"""


def test_what_a_killed_pytest_started_ends(tmp_path):
    (tmp_path / "test_it.py").write_text(DAEMON)
    env = {**os.environ, "PYTHONPATH": str(RESOURCES)}
    command = [sys.executable, "-m", "pytest", "-s", "-p", "survivors", "-p", "no:cacheprovider", str(tmp_path)]
    pytest = subprocess.Popen(command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True)
    daemon = next(int(line.split("daemon:")[1]) for line in pytest.stdout if "daemon:" in line)
    os.kill(daemon, 0)  # it runs
    pytest.send_signal(signal.SIGKILL)
    pytest.communicate()
    while Path(f"/proc/{daemon}/stat").exists():  # at worst until this test's own time is up
        time.sleep(0.05)
