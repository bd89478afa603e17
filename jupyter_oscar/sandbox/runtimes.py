"""How a script is run: as a process of this machine, or in a container of its image.

Whoever adds a runtime writes one class here and inherits the tests of ``test_sandbox_runtimes.py``.
"""

from __future__ import annotations

import abc
import os
import resource
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from .attached import link
from .settings import CannotStart

if TYPE_CHECKING:
    from .attached import Attached


_PLACES = ("HOME", "TMPDIR")
_PODMANS = ("HOME", "PATH", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "CONTAINERS_CONF")
_ULIMITS = {"nofile": (resource.RLIMIT_NOFILE, 65536), "nproc": (resource.RLIMIT_NPROC, 4096)}


class Work(NamedTuple):
    """One run: ``temp`` holds its inputs, outputs and home; ``attached`` are folders and where they are wanted."""

    name: str
    image: str
    script: Path
    temp: str
    environment: dict[str, str]
    memory: int = 0
    cpu: float = 0.0
    attached: tuple[Attached, ...] = ()
    stays: bool = False
    """A long-lived service, whose script says by its first line who runs it."""
    own_command: bool = False
    """The image's instead of the script."""

    def __repr__(self) -> str:
        return f"<Work {self.name}>"  # secrets are in its environment

    @classmethod
    def named(cls, name: str) -> Work:
        """One of which no more than the name is known."""
        return cls(name, "", Path(), "", {})

    @property
    def words(self) -> list[str]:
        """What is started: for a service ``/bin/sh -c script.sh`` as in the recorded pod (X-k8s-exposed.yaml)."""
        if self.own_command:
            return []
        if not self.stays:
            return ["/bin/sh", str(self.script)]
        runnable = os.access(self.script, os.X_OK)  # not on a file system without programs
        return ["/bin/sh", "-c", f"exec {'' if runnable else '/bin/sh '}{shlex.quote(str(self.script))}"]


class Runtime(abc.ABC):
    """``PROCESSES`` is what the runtime is called in the announcement and on the command line."""

    NAME: ClassVar[str]
    HAS_IMAGES: ClassVar[bool] = False

    @classmethod
    @abc.abstractmethod
    def check(cls) -> None:
        """Raise ``CannotStart`` where it cannot work."""

    @abc.abstractmethod
    def command(self, work: Work) -> list[str]:
        """The argument list; no value of the environment may be in it, because others read process lists."""

    def environment(self, work: Work) -> dict[str, str]:
        """Of the process that the command starts."""
        return work.environment

    @abc.abstractmethod
    def prepare(self, work: Work) -> None:
        """Before the start."""

    @abc.abstractmethod
    def clean(self, work: Work) -> None:
        """After the end, also after a cancelled one."""


class Processes(Runtime):
    """The service's image is not used; what is attached lies below the working folder."""

    NAME = "processes"

    @classmethod
    def check(cls) -> None:
        """``/bin/sh`` is everywhere."""

    def command(self, work: Work) -> list[str]:
        return work.words

    def prepare(self, work: Work) -> None:
        if work.attached:
            link(Path(work.environment["HOME"]), work.attached)

    def clean(self, work: Work) -> None:
        """Whoever runs the work ends all its processes."""


class Podman(Runtime):
    """A container without privileges for each run; all folders have the same names inside as outside."""

    NAME = "podman"
    HAS_IMAGES = True

    @classmethod
    def check(cls) -> None:
        if shutil.which("podman") is None:
            raise CannotStart("--runtime podman needs podman on PATH: install it, or leave --runtime out.")

    def command(self, work: Work) -> list[str]:
        command = [shutil.which("podman") or "podman", "run", "--rm", "--name", work.name]
        command += ["--network", "host", "--pull", "missing", *(["--replace"] if work.stays else [])]
        command += ["--security-opt", "no-new-privileges", "--cap-drop", "all"]
        command += ["--workdir", work.environment["HOME"]]
        for name, (which, most) in _ULIMITS.items():  # podman's own are higher than what some machines allow
            hard = resource.getrlimit(which)[1]
            command += ["--ulimit", f"{name}={most if hard == resource.RLIM_INFINITY else min(most, hard)}"]
        command += ["--volume", f"{work.temp}:{work.temp}", "--volume", f"{work.script}:{work.script}:ro"]
        for folder, place in work.attached:
            command += ["--volume", f"{folder}:{place}"]
        if work.memory:
            command += ["--memory", str(work.memory)]
        if work.cpu:
            command += ["--cpus", f"{work.cpu:g}"]
        for name, value in work.environment.items():
            if name in _PLACES:
                command += ["--env", f"{name}={value}"]
            elif name != "PATH":  # the image knows its own programs
                command += ["--env", name]  # the value comes from podman's own environment
        return [*command, work.image, *work.words]

    def environment(self, work: Work) -> dict[str, str]:
        """Podman needs its own home, where its images are."""
        own = {name: os.environ[name] for name in _PODMANS if name in os.environ}
        return {**{name: value for name, value in work.environment.items() if name not in _PLACES}, **own}

    def prepare(self, work: Work) -> None:
        """What is attached is mounted by the command."""

    def clean(self, work: Work) -> None:
        command = ["podman", "rm", "--force", "--ignore", "--time", "0", work.name]
        subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True)


RUNTIMES: dict[str, type[Runtime]] = {runtime.NAME: runtime for runtime in (Processes, Podman)}
