"""What several test files share: real sandboxes, started as a user would start them, far from the user's own files."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# A Jupyter server of its own for each test that asks for one …
pytest_plugins = ["pytest_jupyter.jupyter_server", "side_by_side", "survivors"]


@pytest.fixture(autouse=True)
def jp_asyncio_loop() -> None:
    """… and nothing of it for those that do not: the plugin would give every test a loop and clean up after each."""


@pytest.fixture(autouse=True)
def jp_server_cleanup() -> None:
    """See above; test files that want a server import the plugin's own two."""


PATIENCE_S = 30.0


@dataclass
class RunningSandbox:
    """A sandbox in a process of its own, and how to be rough with it."""

    data: Path
    env: dict[str, str]
    options: list[str]
    process: subprocess.Popen[bytes] | None = None
    content: dict[str, Any] = field(default_factory=dict)

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", "jupyter_oscar.sandbox", "--data", str(self.data), *STORE, *self.options]

    def start(self) -> RunningSandbox:
        log = (self.data.parent / f"{self.data.name}.log").open("ab")
        with log:
            self.process = subprocess.Popen(self.command, env=self.env, stdout=subprocess.PIPE, stderr=log)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, (self.data.parent / f"{self.data.name}.log").read_text()
        self.content = json.loads(line).get("ready") or pytest.fail(line.decode())
        self.content["password"] = json.loads(self.announcement.read_text())["password"]
        return self

    @property
    def announcement(self) -> Path:
        from hashlib import sha256
        from pathlib import Path

        name = sha256(str(self.data.resolve()).encode()).hexdigest()[:8]
        return Path(self.env["JUPYTER_RUNTIME_DIR"]) / f"jupyter-oscar-sandbox-{name}.json"

    @property
    def endpoint(self) -> str:
        return self.content["endpoint"]

    @property
    def s3_endpoint(self) -> str:
        return self.content["s3_endpoint"]

    @property
    def user(self) -> str:
        return self.content["user"]

    @property
    def password(self) -> str:
        return self.content["password"]

    @property
    def pid(self) -> int:
        return self.content["pid"]

    def stop(self) -> int:
        """A clean stop; the exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """``kill -9``."""
        return self._end(signal.SIGKILL)

    def _end(self, number: int) -> int:
        if self.process is None:
            return 0
        process, self.process = self.process, None
        process.send_signal(number)
        try:
            return process.wait(PATIENCE_S)
        finally:
            if process.stdout is not None:
                process.stdout.close()

    def restart(self) -> RunningSandbox:
        """A clean stop, if it still runs, and a start on the same data."""
        self.stop()
        return self.start()


def sandbox_environment(home: Path) -> dict[str, str]:
    """Only what a process needs, and a home of its own: the user's sandbox and settings are never touched."""
    home.mkdir(parents=True, exist_ok=True)
    kept = {
        name: os.environ[name]
        for name in ("PATH", "PYTHONPATH", "PYTHONSAFEPATH", "LANG", "TMPDIR", "PYTEST_LEFT_BY")
        if name in os.environ
    }
    return {**kept, "HOME": str(home), "JUPYTER_RUNTIME_DIR": str(home / "runtime"), "PYTHONDONTWRITEBYTECODE": "1"}


# What keeps the objects: the tests of `tests/real` run the same stories again on "minio", whose program is $MINIO.
ON_MINIO = os.environ.get("JUPYTER_OSCAR_TEST_STORE") == "minio"
STORE = ["--store", "minio", "--minio", os.environ["MINIO"]] if ON_MINIO else ["--store", "rclone"]

# Another cluster to try the stories of calls on: the name of a profile.
ELSEWHERE = os.environ.get("JUPYTER_OSCAR_TEST_CLUSTER")


@pytest.fixture
def objects_are_files() -> None:
    if ON_MINIO:
        pytest.skip("about objects as files of a folder, which MinIO does not keep")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    """One sandbox for all tests of a file that only use it. Make services with names of your own, and remove them."""
    if ELSEWHERE:
        pytest.skip(f"needs the sandbox's process or files; JUPYTER_OSCAR_TEST_CLUSTER is {ELSEWHERE}")
    top = tmp_path_factory.mktemp("sandbox")
    running = RunningSandbox(top / "data", sandbox_environment(top / "home"), []).start()
    yield running
    notifications_untouched(running)
    assert running.stop() == 0


def notifications_untouched(box: RunningSandbox) -> None:
    """What a sandbox shows of its buckets' notifications at the end: ``tests/resources/notifications.py``."""
    if ON_MINIO:
        _resource("notifications").untouched(box.endpoint, box.user, box.password)


@pytest.fixture
def a_sandbox(tmp_path: Path) -> Iterator[Callable[..., RunningSandbox]]:
    """Makes sandboxes for one test: ``a_sandbox(jobs=1, throttle=True, hold=True, serverless=False, data=…)``."""
    made: list[RunningSandbox] = []

    def make(
        *,
        data: Path | None = None,
        jobs: int | None = None,
        throttle: bool = False,
        hold: bool = False,
        serverless: bool = True,
        port: int | None = None,
        extra: tuple[str, ...] = (),
    ) -> RunningSandbox:
        options = [f"--jobs={jobs}"] if jobs else []
        options += [f"--port={port}"] if port else []
        options += ["--throttle"] * throttle + ["--hold"] * hold + ["--no-serverless"] * (not serverless)
        options += extra
        folder = data or tmp_path / f"data{len(made)}"
        made.append(RunningSandbox(folder, sandbox_environment(tmp_path / "home"), options))
        return made[-1].start()

    yield make
    for running in made:
        running.stop()


def _resource(name: str) -> Any:
    """Tests are imported by path, so what they share is too."""
    from pathlib import Path

    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / "resources" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)  # one resource may use another
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def odd() -> Any:
    """Small servers that behave badly: ``tests/resources/odd_servers.py``."""
    return _resource("odd_servers")


@pytest.fixture(scope="session")
def notifications() -> Any:
    """What is asked of the notifications of a sandbox's buckets: ``tests/resources/notifications.py``."""
    return _resource("notifications")


@pytest.fixture(scope="session")
def still_nifi(odd: Any) -> Any:
    """A NiFi that only stands there: ``tests/resources/still_nifi.py``."""
    return _resource("still_nifi")


@pytest.fixture(scope="session")
def issuer() -> Iterator[Any]:
    """An identity provider that knows whomever a test makes up: ``tests/resources/issuer.py``."""
    with _resource("issuer").Issuer() as one:
        yield one


@pytest.fixture(scope="session")
def make_agent() -> Any:
    """Makes small oidc-agents in a folder: ``tests/resources/agent.py``."""
    return _resource("agent").Agent


@pytest.fixture
def cluster(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The shared sandbox as a cell sees it, or the cluster that is named; what a test deploys is removed."""
    import jupyter_oscar as oscar

    if ELSEWHERE:
        from jupyter_oscar.notebook.bridge import bridge
        from jupyter_oscar.notebook.cluster import Cluster

        careful = elsewhere()
        yield Cluster(careful)
        bridge.run(careful.tidy())
        bridge.run(careful.aclose())
        return
    box = request.getfixturevalue("sandbox")
    one = oscar.connect(endpoint=box.endpoint, user=box.user, password=box.password)
    before = set(one.services)
    yield one
    for name in set(one.services) - before:
        one.delete(name)
    one.close()


def elsewhere() -> Any:
    """The cluster that is named, by a client that changes nothing but what it made."""
    from jupyter_oscar.client.profiles import resolve

    return _resource("careful").Careful(resolve(ELSEWHERE))
