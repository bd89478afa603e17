"""A JupyterLab of this environment under a prefix, with a token, in a home of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

PREFIX = "/deep/prefix"
TOKEN = "a-token"
WAIT_S = 120.0  # on a busy machine


class Lab:
    """One server, its folders below ``home``."""

    def __init__(self, home: Path, program: str = "jupyter-lab", prefix: str = PREFIX, token: str = TOKEN) -> None:
        self.home = home
        self.prefix = prefix
        self.token = token
        self.work = home / "work"
        self.runtime = home / "runtime"
        self.log = home / "lab.log"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "OSCAR"))}
        self.env = {**kept, "HOME": str(home), "JUPYTER_RUNTIME_DIR": str(self.runtime)}
        self.program = Path(sys.prefix) / "bin" / program
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.prefix}"

    @property
    def page(self) -> str:
        """What a person opens."""
        return f"{self.address}/lab?token={self.token}&reset"

    def start(self, *options: str) -> Lab:
        """Start it and wait until it answers."""
        self._furnish()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = [
            str(self.program),
            "--no-browser",
            "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.port={self.port}",
            "--ServerApp.port_retries=0",
            f"--ServerApp.base_url={self.prefix}/",
            "--ServerApp.allow_root=True",
            "--ServerApp.allow_unauthenticated_access=False",
            f"--ServerApp.root_dir={self.work}",
            f"--IdentityProvider.token={self.token}",
            "--LabApp.expose_app_in_browser=True",
            "--LabApp.news_url=None",
            *options,
        ]
        with self.log.open("wb") as out:
            self._process = subprocess.Popen(command, cwd=self.work, env=self.env, stdout=out, stderr=out)
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until and self._process.poll() is None:
            with contextlib.suppress(urllib.error.URLError, OSError):
                urllib.request.urlopen(f"{self.address}/api", timeout=1).close()  # noqa: S310
                return self
            time.sleep(0.1)
        self.stop()
        msg = f"JupyterLab did not answer:\n{self.log.read_text()}"
        raise RuntimeError(msg)

    def stop(self) -> None:
        """End it, and the sandbox that was started from it."""
        self.sandbox("stop")
        if self._process is not None:
            self._process.terminate()
            self._process.wait(WAIT_S)

    def _furnish(self) -> None:
        self.work.mkdir(parents=True, exist_ok=True)
        quiet = self.home / ".jupyter/lab/user-settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings"
        quiet.parent.mkdir(parents=True, exist_ok=True)
        quiet.write_text('{"fetchNews": "false"}')
        # Each page asks whether Lab should be built anew, which node takes a second to answer.
        page = self.home / ".jupyter/labconfig/page_config.json"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text('{"buildCheck": false, "buildAvailable": false}')

    def clear(self) -> None:
        """Another person's home, for the price of none: no sandbox, kernel, file, setting or token is left."""
        self.sandbox("stop")
        for kind in ("sessions", "kernels", "terminals"):
            for one in json.loads(self._ask("GET", kind)):
                with contextlib.suppress(urllib.error.HTTPError):  # a kernel goes with its session
                    self._ask("DELETE", f"{kind}/{one.get('id', one.get('name'))}")
        kept = {self.work, self.runtime, self.log}
        for path in [*(path for path in self.home.iterdir() if path not in kept), *self.work.iterdir()]:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        self._furnish()

    def _ask(self, method: str, path: str) -> bytes:
        request = urllib.request.Request(  # noqa: S310
            f"{self.address}/api/{path}", method=method, headers={"Authorization": f"token {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=WAIT_S) as answer:  # noqa: S310
            return answer.read()

    def sandbox(self, *words: str) -> str:
        """``jupyter oscar sandbox <words>`` as the person of this home."""
        return self.oscar("sandbox", *words)

    def kill_sandbox(self) -> None:
        """End the sandbox without its doing."""
        for file in self.runtime.glob("jupyter-oscar-sandbox-*.json"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(json.loads(file.read_text())["pid"], signal.SIGKILL)

    def oscar(self, *words: str, stdin: str = "") -> str:
        """``jupyter oscar <words>`` as the person of this home; what it prints on stdout."""
        return self._run("-m", "jupyter_oscar", *words, stdin=stdin)

    def python(self, code: str) -> str:
        """Run Python as the person of this home; what it prints."""
        return self._run("-c", code, check=True)

    def _run(self, *arguments: str, check: bool = False, stdin: str = "") -> str:
        command = [sys.executable, *arguments]
        done = subprocess.run(
            command, cwd=self.work, env=self.env, capture_output=True, text=True, check=False, input=stdin
        )
        if check and done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout
