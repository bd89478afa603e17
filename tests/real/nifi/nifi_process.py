"""One NiFi at a time, started from its folder with configuration and data of its own, on ports of its own."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import nifi_parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from issuer import Issuer
    from nifi_certificates import Tls

LOG = """<configuration><appender name="F" class="ch.qos.logback.core.FileAppender"><file>{log}</file><encoder>
<pattern>%date %level [%thread] %logger{{40}} %msg%n</pattern></encoder></appender>
<root level="WARN"><appender-ref ref="F"/></root></configuration>"""
PROVIDER = "org.apache.nifi.authorization"
#: Of the disk that it keeps events on.
DISK_MB = 64


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _mounted(folder: Path) -> bool:
    """Whether a small disk could be put there; only root may."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", folder]
    return os.geteuid() == 0 and not subprocess.run(command, capture_output=True, check=False).returncode


class Process:
    """A NiFi with a folder of its own; its programs stay where they are. ``close`` it."""

    def __init__(
        self, home: Path, version: str, folder: Path, *, tls: Tls | None = None, issuer: Issuer | None = None
    ) -> None:
        self.home, self.version, self.folder, self.tls, self.issuer = home, version, folder, tls, issuer
        self.port = free_port()
        self.url = f"https://localhost:{self.port}" if tls else f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self.disk = folder / "disk"
        self.disk.mkdir()
        #: Whether that is a small disk of its own, so that it can be filled.
        self.small = _mounted(self.disk)
        shutil.copytree(home / "conf", folder / "conf")
        self._configure()

    def __repr__(self) -> str:
        return f"NiFi {self.version}{' by TLS' if self.tls else ''}"

    @property
    def access(self) -> dict[str, str]:
        """How who may do everything there comes in, as a profile has it."""
        return self.tls.access(self.tls.ada) if self.tls else {}

    @property
    def log(self) -> str:
        """What it has complained of."""
        parts = [path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log"))]
        return "\n".join(parts)

    def _configure(self) -> None:
        flow = "json" if self.version.startswith("2.") else "xml"
        said = {
            "nifi.flow.configuration.file": f"./conf/flow.{flow}.gz",
            "nifi.web.http.host": "" if self.tls else "127.0.0.1",
            "nifi.web.http.port": "" if self.tls else str(self.port),
            "nifi.web.https.host": "localhost" if self.tls else "",
            "nifi.web.https.port": str(self.port) if self.tls else "",
            "nifi.remote.input.secure": "true" if self.tls else "false",
            "nifi.cluster.protocol.is.secure": "false",
            "nifi.security.user.login.identity.provider": "",
            "nifi.sensitive.props.key": "for-tests-of-jupyter-oscar",
            "nifi.provenance.repository.implementation": "org.apache.nifi.provenance.VolatileProvenanceRepository",
            # Above half a disk NiFi blocks writes while it keeps an archive, as it does unless it is told not to
            # (flows.md §0.1): nobody knows how full the disk of this machine is.
            "nifi.content.repository.archive.enabled": str(self.small).lower(),
        }
        stores = ("keystore", "keystoreType", "keystorePasswd", "keyPasswd")
        stores += ("truststore", "truststoreType", "truststorePasswd")
        said |= {f"nifi.security.{key}": "" for key in stores}
        if self.tls:
            said |= self.tls.settings
            said["nifi.security.user.authorizer"] = "managed-authorizer"
            (self.folder / "conf" / "authorizers.xml").write_text(self._authorizers(self.tls.owner))
        if self.issuer:
            how = {
                "discovery.url": f"{self.issuer.url}/.well-known/openid-configuration",
                "client.id": "nifi",
                "client.secret": "word-of-nifi",
                "claim.identifying.user": "sub",
            }
            said |= {f"nifi.security.user.oidc.{key}": value for key, value in how.items()}
        path = self.folder / "conf" / "nifi.properties"
        lines = []
        for line in path.read_text().splitlines():
            key, is_setting, value = line.partition("=")
            if is_setting and not line.startswith("#"):
                value = said.pop(key.strip(), value)
                # What runs writes goes here; programs are read, and unpacked once, where they are.
                where = self.home if key.startswith("nifi.nar.") else self.folder
                where = self.disk if value.endswith("_repository") else where
                lines.append(f"{key}={where / value[2:]}" if value.startswith("./") else f"{key}={value}")
        path.write_text("\n".join([*lines, *(f"{key}={value}" for key, value in said.items())]))
        state = self.folder / "conf" / "state-management.xml"
        state.write_text(state.read_text().replace("./state", str(self.folder / "state")))
        (self.folder / "conf" / "logback.xml").write_text(LOG.format(log=self.folder / "nifi.log"))

    def _authorizers(self, owner: str) -> str:
        """The certificate's owner says who may do what."""
        users = {"Users File": self.folder / "conf/users.xml", "Initial User Identity 1": owner}
        rights = {
            "User Group Provider": "users",
            "Authorizations File": self.folder / "conf/authorizations.xml",
            "Initial Admin Identity": owner,
        }
        rules = {"Access Policy Provider": "rights"}

        def part(tag: str, name: str, kind: str, settings: dict[str, Any]) -> str:
            inner = "".join(f'<property name="{key}">{value}</property>' for key, value in settings.items())
            return f"<{tag}><identifier>{name}</identifier><class>{PROVIDER}.{kind}</class>{inner}</{tag}>"

        parts = (
            part("userGroupProvider", "users", "FileUserGroupProvider", users),
            part("accessPolicyProvider", "rights", "FileAccessPolicyProvider", rights),
            part("authorizer", "managed-authorizer", "StandardManagedAuthorizer", rules),
        )
        return f'<?xml version="1.0"?><authorizers>{"".join(parts)}</authorizers>'

    def start(self, seconds: float = 600) -> None:
        """Start it and wait until it answers; it exits with 0 when it could not start, so its process is watched."""
        java = nifi_parts.java(self.version)
        jars = [*sorted(self.home.glob("lib/*.jar")), *sorted(self.home.glob("lib/java11/*.jar"))]
        command = [
            str(java),
            "-cp",
            ":".join(map(str, [self.folder / "conf", *jars])),
            "-Xmx320m",
            # It lives for minutes: what takes long to pay off is left out.
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-Djava.awt.headless=true",
            "-Djava.net.preferIPv4Stack=true",
            f"-Djava.io.tmpdir={self.folder}",
            f"-Dnifi.properties.file.path={self.folder}/conf/nifi.properties",
            f"-Dorg.apache.nifi.bootstrap.config.log.dir={self.folder}",
        ]
        if self.version.startswith("2."):
            command.append(f"-Dorg.apache.nifi.management.server.address=127.0.0.1:{free_port()}")
        with (self.folder / "console.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "org.apache.nifi.NiFi"], cwd=self.home, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + seconds
        while not self._answers():
            if self._process.poll() is not None:
                msg = f"NiFi {self.version} ended while starting:\n{self.log[-4000:]}"
                raise RuntimeError(msg)
            if time.monotonic() > deadline:
                self.stop()
                msg = f"NiFi {self.version} did not answer:\n{self.log[-4000:]}"
                raise RuntimeError(msg)
            time.sleep(0.5)

    def _answers(self) -> bool:
        trust = self.tls.context if self.tls else True
        try:
            said = httpx.get(f"{self.url}/nifi-api/flow/about", timeout=5, verify=trust)
        except httpx.TransportError:
            return False
        return said.status_code == 200

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None

    def close(self) -> None:
        """The end of it, and of its disk."""
        self.stop()
        if self.small:
            subprocess.run(["umount", "--lazy", self.disk], check=True)

    @contextlib.contextmanager
    def full(self, percent: int) -> Iterator[None]:
        """For so long its disk for events is so full."""
        ballast = self.disk / "ballast"
        blocks = os.statvfs(self.disk)
        used = blocks.f_blocks - blocks.f_bfree
        wanted = (blocks.f_blocks * percent // 100 - used) * blocks.f_bsize
        try:
            with ballast.open("wb") as file:
                while wanted > 0:
                    wanted -= file.write(bytes(min(wanted, 1 << 20)))
            yield
        finally:
            ballast.unlink()

    @property
    def memory(self) -> int:
        """What it takes, in MB."""
        assert self._process is not None
        said = Path(f"/proc/{self._process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+)", said)
        return int(found[1]) // 1024 if found else 0
