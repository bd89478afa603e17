"""Runners: the services that functions run on, one for each Python, image, packages, resources and key.

A runner is a private, tracked service of ours whose script is ``remote`` with cloudpickle beside it, so that an image
needs nothing but Python. Its name follows from what it is and from who we are, so it is made once and found again; the
key its results are sealed with is derived from this machine's, so one that another machine made is never reused
(DESIGN §7).
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import secrets
import shlex
import sys
import zipfile
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from . import prologue, remote
from .errors import AlreadyExists, InvalidRequest, ServiceNotFound, VersionMismatch
from .keys import MachineKey
from .service import TRACKED_LABEL, Service
from .services import RUNNER_LABEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .cluster import Cluster

#: Whose key it has, and what was derived from it: ``<fingerprint>.<salt>``.
KEY_ANNOTATION: Final = "jupyter-oscar/key"
PYTHON_ANNOTATION: Final = "jupyter-oscar/python"
PACKAGES_ANNOTATION: Final = "jupyter-oscar/packages"
HERE: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
# Images that say in their name which Python they hold.
_TAG: Final = re.compile(r"(?:(?:^|/)python:|[:-]python-?)(3\.\d+)(?![\d])")
_END: Final = "JUPYTER_OSCAR"


@dataclass(frozen=True)
class Spec:
    """What a runner is to be."""

    image: str = ""
    packages: tuple[str, ...] = ()
    cpu: str = "1"
    memory: str = "1Gi"
    gpu: bool = False
    #: On a sandbox of this machine: the interpreter of whoever asks.
    interpreter: str = ""

    def checked(self, *, sandbox: bool) -> Spec:
        """With what is needed here, or a sentence that says what is missing.

        Raises:
            InvalidRequest: a cluster needs an image.
            VersionMismatch: the image's name says that it holds another Python.

        """
        if sandbox:
            image = self.image or f"docker.io/library/python:{HERE}-slim"
            return Spec(image, self.packages, self.cpu, self.memory, self.gpu, sys.executable)
        if not self.image:
            msg = "A function needs an image on this cluster."
            raise InvalidRequest(
                msg, hint=f'Name one that has Python {HERE}: @oscar.function(image="python:{HERE}-slim").'
            )
        found = _TAG.search(self.image)
        if found and found[1] != HERE:
            msg = f"The image {self.image} holds Python {found[1]}, and this is Python {HERE}."
            raise VersionMismatch(msg, hint=f"Choose an image with Python {HERE}.")
        return self

    def name(self, user: str, fingerprint: str) -> str:
        """The name of its service: ``fn-<who>-<what>``."""
        what = [HERE, self.image, sorted(self.packages), self.cpu, self.memory, self.gpu, self.interpreter]
        whole = json.dumps([*what, fingerprint, hashlib.sha256(script(self.interpreter).encode()).hexdigest()])
        return f"fn-{_hex(user)[:6]}-{_hex(whole)[:12]}"

    def service(self, name: str, fingerprint: str, salt: str, key: str) -> Service:
        """Its definition."""
        return Service.model_validate(
            {
                "name": name,
                "image": self.image,
                "script": script(self.interpreter),
                "cpu": self.cpu,
                "memory": self.memory,
                **({"enable_gpu": True} if self.gpu else {}),
                "visibility": "private",
                "log_level": prologue.LIVE,
                "labels": {TRACKED_LABEL: "true", RUNNER_LABEL: "true"},
                "annotations": {
                    KEY_ANNOTATION: f"{fingerprint}.{salt}",
                    PYTHON_ANNOTATION: HERE,
                    PACKAGES_ANNOTATION: " ".join(self.packages),
                },
                "environment": {"secrets": {remote.KEY: key}},
                "input": [{"storage_provider": "minio.default", "path": f"{name}/in"}],
                "output": [{"storage_provider": "minio.default", "path": f"{name}/out"}],
            }
        )


def _hex(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def script(interpreter: str) -> str:
    """The runner's script: Python inside POSIX shell. It is tracked by ``attend``, without Python by the prologue."""
    wanted = shlex.quote(interpreter or "python3")
    future = "from __future__ import annotations\n"
    return f"""#!/bin/sh
# Runs Python functions that jupyter-oscar sends.
python={wanted}
command -v "$python" >/dev/null || python=python3
command -v "$python" >/dev/null && exec "$python" - "$0" <<'{_END}'
{_source("attend")}
attend()

{_source("remote").replace(future, "")}
main(sys.argv.pop())
{_END}
{prologue.text()}echo "This image has no python3: choose an image= that has one."
exit 127
{remote.PICKLER}{_cloudpickle()}
"""


def _source(name: str) -> str:
    return resources.files(__package__).joinpath(f"{name}.py").read_text(encoding="utf-8")


def _cloudpickle() -> str:
    """Our cloudpickle as a zip, for images that have none."""
    import cloudpickle

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(resources.files(cloudpickle).iterdir(), key=lambda file: file.name):
            if file.name.endswith(".py"):
                # Without a date, so that the same runner has the same name.
                archive.writestr(zipfile.ZipInfo(f"cloudpickle/{file.name}"), file.read_bytes(), zipfile.ZIP_DEFLATED)
    return base64.b64encode(packed.getvalue()).decode()


class Runners:
    """The runners of one cluster that are ours."""

    def __init__(self, cluster: Cluster, key: MachineKey | None = None) -> None:
        self._cluster = cluster
        self.key = key or MachineKey()

    async def find(self, spec: Spec) -> tuple[str, Service | None]:
        """The name of a runner, and itself if it is there."""
        user = (await self._cluster.config()).minio_provider.access_key
        fingerprint = self.key.fingerprint()
        name = spec.name(user, fingerprint or "")
        known = self._cluster.services.peek(name)
        if known is not None:
            return name, known
        try:
            return name, await self._cluster.services.get(name)
        except ServiceNotFound:
            return name, None

    async def make(self, spec: Spec, name: str) -> Service:
        """Make a runner; of two that make the same at once, one does."""
        salt = secrets.token_hex(12)
        key, fingerprint = self.key.derive(salt), self.key.fingerprint()
        service = spec.service(name, fingerprint or "", salt, key.get_secret_value() if key else "")
        try:
            return await self._cluster.services.create(service)
        except AlreadyExists:
            return await self._cluster.services.get(name)

    def key_of(self, service: Service) -> bytes | None:
        """The key that its results are sealed with, if this machine made it."""
        fingerprint, _, salt = service.annotations.get(KEY_ANNOTATION, "").partition(".")
        if not salt or fingerprint != self.key.fingerprint(make=False):
            return None
        key = self.key.derive(salt)
        return bytes.fromhex(key.get_secret_value()) if key else None

    async def list(self) -> Sequence[Service]:
        """Those of this user, also from other machines, by name."""
        user = (await self._cluster.config()).minio_provider.access_key
        begins = f"fn-{_hex(user)[:6]}-"
        rows = [row for row in await self._cluster.services.rows() if str(row.get("name")).startswith(begins)]
        return [service for service in map(Service.model_validate, rows) if is_runner(service)]


def is_runner(service: Service) -> bool:
    """Whether functions run on it."""
    return service.labels.get(RUNNER_LABEL) == "true"


def describe(service: Service) -> dict[str, Any]:
    """What a list says of one."""
    return {
        "python": service.annotations.get(PYTHON_ANNOTATION, ""),
        "image": service.image,
        "packages": service.annotations.get(PACKAGES_ANNOTATION, ""),
        "cpu": service.cpu,
        "memory": service.memory,
    }
