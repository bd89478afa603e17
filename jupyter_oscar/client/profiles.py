"""Which cluster, and where its name comes from.

A profile is a name, an address and credentials. They come, first found first used, from what the caller says, from
``~/.oscar-cli/config.yaml`` (oscar-cli's own file, oscar.md §2.3), from the token store, from the environment as
inside an OSCAR pod, and from a sandbox that runs on this machine and announces itself in Jupyter's runtime folder
(DESIGN §2, §8).
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TextIO
from urllib.parse import urlsplit

from .credentials import Credentials, Grant, Secret, TokenStore, claims
from .errors import InsecureEndpoint, NoCluster, ProfileNotFound

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .errors import OscarError

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
SANDBOX = "sandbox"
ENVIRONMENT = "environment"
OPERATOR = "operator"
STORE = "sign-in"
# Where platforms keep a fresh access token of whoever works there: EGI Notebooks, the EOSC EU Node.
PLATFORM_TOKENS = (Path("/var/run/secrets/egi.eu/access_token"), Path("/var/run/secrets/oidc/access_token"))
# Whose refresh tokens oscar-cli and oscar-python take, for those that do not say it themselves (oscar.md §7.1).
EGI = ("https://aai.egi.eu/auth/realms/egi", "token-portal")


@dataclass(frozen=True)
class Sandbox:
    """What a running sandbox says of itself in its announcement file."""

    endpoint: str
    user: str
    password: Secret
    mode: str
    runtime: str
    #: Whose folders are its buckets; None where they are no folders but MinIO's.
    buckets: Path | None


class Refused(NamedTuple):
    """A cluster that somebody named and that may not be used, and why; the address without user and password."""

    name: str
    endpoint: str
    source: str
    why: OscarError


@dataclass(frozen=True)
class Trust:
    """Whose word on where storage is counts: ``hosts`` an operator named; ``asking`` lets a person name one."""

    hosts: frozenset[str] = frozenset()
    asking: bool = True


@dataclass(frozen=True)
class Profile:
    """A cluster by name: ``endpoint`` is its address without a trailing slash.

    ``storage`` is where its object storage is reached from here, if that is not where the cluster says: its own word
    may be an address that only the cluster's inside knows (oscar.md §10.16). ``ca_bundle`` is a file of authorities
    that are trusted for both, beside the public ones. ``trust`` says who may confirm a storage elsewhere.
    """

    #: What it is the address of.
    what: ClassVar[str] = "a cluster"

    name: str
    endpoint: str
    credentials: Credentials = field(default_factory=Credentials)
    verify: bool = True
    source: str = "explicit"
    storage: str | None = None
    ca_bundle: str | None = None
    trust: Trust = Trust()

    @cached_property
    def sandbox(self) -> Sandbox | None:
        """The sandbox at this address, if it is one of this machine."""
        return next((box for box in sandboxes() if box.endpoint == self.endpoint), None)

    @property
    def fallen(self) -> Sandbox | None:
        """The sandbox that was at this address, if it ended without withdrawing its announcement (kill -9)."""
        return next((box for box in sandboxes(running=False) if box.endpoint == self.endpoint), None)

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.endpoint)
        except ValueError:  # brackets that hold no address
            parts = urlsplit("")
        is_one = parts.scheme in {"http", "https"} and bool(parts.hostname)
        # Also where it is no address: what is refused is shown too.
        if parts.username or parts.password or (not is_one and "@" in self.endpoint):
            msg = "The address holds a user or password."
            raise InsecureEndpoint(msg, hint="Pass them as user= and password=: an address is shown and logged.")
        if not is_one:
            msg = f'"{self.endpoint}" is not the address of {self.what}.'
            raise NoCluster(msg, hint="It starts with https:// (or http:// on this machine).")
        object.__setattr__(self, "endpoint", self.endpoint.rstrip("/"))
        if parts.scheme == "http" and parts.hostname not in LOOPBACK and not self._inside:
            msg = f"{self.endpoint} would receive the credentials unencrypted."
            raise InsecureEndpoint(msg)

    @property
    def _inside(self) -> bool:
        """Whether we are in a pod of OSCAR's, where those who made it name its neighbours, reached by plain http."""
        return self.source == ENVIRONMENT or (self.source == OPERATOR and "OSCAR_ENDPOINT" in os.environ)


def resolve(name: str | None = None, **explicit: Any) -> Profile:
    """The profile for ``connect``.

    Keyword arguments: ``endpoint``, ``user``, ``password``, ``token``, ``token_file``, ``verify``, ``storage``.

    Raises:
        ProfileNotFound: ``name`` is nowhere defined.
        NoCluster: nothing was named and nothing was found.

    """
    given = {key: value for key, value in explicit.items() if value is not None}
    if "endpoint" in given:
        return _explicit(name, given)
    profile = _named(name) if name else _first()
    return _with(profile, given) if given else profile


def _explicit(name: str | None, given: Mapping[str, Any]) -> Profile:
    endpoint = str(given["endpoint"])
    profile = _with(Profile(name or urlsplit(endpoint).netloc, endpoint), given)
    if profile.credentials == Credentials() and profile.sandbox:
        return replace(profile, credentials=Credentials(profile.sandbox.user, profile.sandbox.password))
    return profile


def _with(profile: Profile, given: Mapping[str, Any]) -> Profile:
    new = Credentials(
        given.get("user"),
        Secret(given["password"]) if "password" in given else None,
        Secret(given["token"]) if "token" in given else None,
        Path(given["token_file"]).expanduser() if "token_file" in given else None,
    )
    credentials = profile.credentials if new == Credentials() else new
    return replace(
        profile,
        credentials=credentials,
        verify=given.get("verify", profile.verify),
        storage=given.get("storage", profile.storage),
    )


def _named(name: str) -> Profile:
    known = {profile.name: profile for profile in reversed(list(profiles(name)))}
    if name in known:
        return known[name]
    if name == SANDBOX:
        msg = "No sandbox runs on this machine."
        raise ProfileNotFound(msg, hint="Start it: jupyter oscar sandbox start")
    names = ", ".join(known) or "none"
    msg = f'There is no cluster named "{name}" (known: {names}).'
    raise ProfileNotFound(
        msg, hint="Add it with `jupyter oscar cluster add`, or name its address: connect(endpoint=…)."
    )


def _first() -> Profile:
    clusters, default = _content(config_path())
    if default and str(default) not in map(str, clusters):  # no other is taken in its place
        msg = f'{config_path()} names "{default}" as the default, and holds no such cluster.'
        raise ProfileNotFound(msg, hint="Choose one: jupyter oscar cluster default NAME")
    for profile in profiles(""):
        return profile
    msg = "No cluster is set up here and no sandbox runs."
    raise NoCluster(msg)


def profiles(wanted: str | None = None) -> Iterator[Profile]:
    """Every profile there is, the one ``connect()`` would take first.

    One that may not be used is left out, unless it is the one that is ``wanted``; an empty name is the default's.

    Raises:
        ProfileNotFound: oscar-cli's file is damaged.
        InsecureEndpoint, NoCluster: the wanted one may not be used, or has no address.

    """
    kept = {profile.name: profile for profile in _from_store()}
    for profile in _from_config(config_path(), wanted):
        if profile.credentials != Credentials():
            yield profile
            continue
        signed_in, platform = kept.get(profile.name), _of_platform()
        if platform == Credentials() and signed_in and signed_in.endpoint == profile.endpoint:
            platform = signed_in.credentials
        yield replace(profile, credentials=platform)
    yield from kept.values()
    yield from _from_environment()
    yield from _from_sandboxes()


def fallen_sandbox() -> Profile | None:
    """The sandbox that ran last, if it ended without a word and none runs now."""
    return None if sandboxes() else next(_from_sandboxes(running=False), None)


def config_path() -> Path:
    """oscar-cli's configuration file."""
    return Path.home() / ".oscar-cli" / "config.yaml"


def _from_config(path: Path, wanted: str | None) -> Iterator[Profile]:
    for name, entry, is_default in _entries(path):
        try:
            yield _of_entry(name, entry, path)
        except (InsecureEndpoint, NoCluster):
            if wanted == name or (wanted == "" and is_default):
                raise


def refused() -> Iterator[Refused]:
    """The clusters of oscar-cli's file that may not be used; those of a damaged file are not known."""
    path = config_path()
    try:
        for name, entry, _ in _entries(path):
            try:
                _of_entry(name, entry, path)
            except (InsecureEndpoint, NoCluster) as error:
                yield Refused(name, shown(str(entry["endpoint"])), str(path), error)
    except ProfileNotFound:
        return


def shown(endpoint: str) -> str:
    """An address that may hold a password, without it."""
    scheme, sign, rest = endpoint.rpartition("://")
    return f"{scheme}{sign}{rest.rpartition('@')[2]}"


def _of_entry(name: str, entry: Mapping[str, Any], path: Path) -> Profile:
    verify = bool(entry.get("ssl_verify", True))
    return Profile(name, str(entry["endpoint"]), _config_credentials(name, entry), verify, str(path))


def _entries(path: Path) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """The file's clusters, the default first: name, what it says of it, whether it is the default."""
    clusters, default = _content(path)
    for name in sorted(clusters, key=lambda key: (key != default, str(key))):
        entry = clusters[name]
        if isinstance(entry, dict) and entry.get("endpoint"):
            yield str(name), entry, name == default


def _content(path: Path) -> tuple[dict[str, Any], str | None]:
    """The file's clusters, and which of them it names as the default."""
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        return {}, None
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        msg = f"{path} cannot be read: {place(error)}."
        raise ProfileNotFound(msg, hint="Mend or remove the file.") from None  # YAML's own error repeats the line
    clusters = (content.get("oscar") or {}) if isinstance(content, dict) else None
    if not isinstance(clusters, dict):
        msg = f"{path} cannot be read: it does not hold a map `oscar` of clusters."
        raise ProfileNotFound(msg, hint="Mend or remove the file.")
    return clusters, content.get("default")


def place(error: Exception) -> str:
    """What is wrong with a file and where, without the line itself: it may hold a password."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    if isinstance(error, OSError):
        return (error.strerror or str(error)).lower()
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    return f"line {mark.line + 1}: {problem}" if mark else "it is not valid YAML"


def _config_credentials(name: str, entry: Mapping[str, Any]) -> Credentials:
    if entry.get("auth_password"):
        return Credentials(str(entry.get("auth_user") or "oscar"), Secret(str(entry["auth_password"])))
    if token := entry.get("oidc_refresh_token"):
        said = claims(str(token))
        issuer, client = str(said.get("iss") or EGI[0]).rstrip("/"), str(said.get("azp") or EGI[1])
        return Credentials(grant=Grant(name, issuer, client, Secret(str(token))))
    return Credentials(agent=str(entry["oidc_account_name"])) if entry.get("oidc_account_name") else Credentials()


def _of_platform() -> Credentials:
    """The token file of the platform we run on, if there is one."""
    return Credentials(token_file=next((path for path in PLATFORM_TOKENS if path.is_file()), None))


def _from_store() -> Iterator[Profile]:
    """What was signed in to in the panel, a cell or the command line."""
    for kept in TokenStore().all():
        if kept.kind != "oscar":
            continue
        yield Profile(kept.name, kept.endpoint, kept.credentials, kept.verify, STORE, kept.storage)


def _from_environment() -> Iterator[Profile]:
    """Inside a pod OSCAR's notebook service sets OSCAR_ENDPOINT (oscar.md §6.4).

    The rest is for scripts, tests and whoever makes the pod; OSCAR_STORAGE says where the storage is, and that it is
    right.
    """
    endpoint = os.environ.get("OSCAR_ENDPOINT")
    if not endpoint:
        return
    password, token, file = (os.environ.get(f"OSCAR_{name}") for name in ("PASSWORD", "TOKEN", "TOKEN_FILE"))
    who = Credentials(
        os.environ.get("OSCAR_USER", "oscar"),
        Secret(password) if password else None,
        Secret(token) if token else None,
        Path(file) if file else None,
    )
    if not (password or token or file) and (platform := _of_platform()) != Credentials():
        who = platform
    yield Profile(ENVIRONMENT, endpoint, who, source=ENVIRONMENT, storage=os.environ.get("OSCAR_STORAGE") or None)


def _from_sandboxes(*, running: bool = True) -> Iterator[Profile]:
    for box in sandboxes(running=running):
        yield Profile(SANDBOX, box.endpoint, Credentials(box.user, box.password), source=SANDBOX)


def sandboxes(*, running: bool = True) -> list[Sandbox]:
    """The sandboxes that run on this machine, newest first; with ``running=False``, those that ended unannounced."""
    from jupyter_core.paths import jupyter_runtime_dir

    files = Path(jupyter_runtime_dir()).glob("jupyter-oscar-sandbox-*.json")
    found = [(path.stat().st_mtime, box) for path in files if (box := _announced(path, running=running))]
    return [box for _, box in sorted(found, key=lambda pair: -pair[0])]


def _announced(path: Path, *, running: bool) -> Sandbox | None:
    """What the file says, if its writer runs, or does not: a living sandbox holds a lock on it (also after kill -9)."""
    try:
        with path.open(encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return _read(file) if running else None
            return None if running else _read(file)
    except (OSError, ValueError, KeyError):
        return None


def _read(file: TextIO) -> Sandbox:
    said = json.load(file)
    return Sandbox(
        said["endpoint"],
        said["user"],
        Secret(said["password"]),
        said.get("mode", ""),
        said.get("runtime", ""),
        None if said.get("store") == "minio" else Path(said["data"]) / "buckets",
    )
