"""NiFis: profiles of their own kind, in the same store as clusters (DESIGN §7).

A NiFi is named on the call, or by the dataflow's file, whose own address and login work in cells and on the command
line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from .credentials import Credentials, Kept, Secret, TokenStore
from .errors import NotAuthenticated, ProfileNotFound
from .profiles import Profile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KIND: Final = "nifi"

#: How a NiFi lets us in: anybody; user and password at a proxy before it, or at its own log-in, or whichever of the two
#: there is; a token of
#: its identity provider; a client certificate (flows.md §5.1).
Auth = Literal["none", "password", "basic", "login", "token", "certificate"]
AUTHS: Final = ("none", "password", "basic", "login", "token", "certificate")


@dataclass(frozen=True)
class Nifi(Profile):
    """A NiFi by name; ``endpoint`` is what stands before ``/nifi-api``.

    ``certificate`` and ``key`` are the paths of PEM files; the key may be in the certificate's file.
    """

    what: ClassVar[str] = "a NiFi"

    auth: Auth = "none"
    certificate: str | None = None
    key: str | None = None

    def __post_init__(self) -> None:
        # What is copied from a browser goes on with the page of the canvas.
        page = re.split(r"[?#]", self.endpoint, maxsplit=1)[0].rstrip("/")
        object.__setattr__(self, "endpoint", page.removesuffix("/nifi-api").removesuffix("/nifi"))
        super().__post_init__()
        who = self.credentials
        pair = ("user and password", who.password is None)
        wanted = {
            "password": pair,
            "basic": pair,
            "login": pair,
            "token": ("a token or token file", who == Credentials() or who.password is not None),
            "certificate": ("a client certificate", self.certificate is None),
        }
        what, missing = wanted.get(self.auth, ("", False))
        if missing:
            msg = f"The NiFi {self.name} is to be entered by {self.auth}, but {what} is not given."
            raise NotAuthenticated(msg, hint="Give it with the profile, on the call or in the dataflow's file.")

    @property
    def canvas(self) -> str:
        """Its own page, which a person opens with their own log-in."""
        return f"{self.endpoint}/nifi/"

    def kept(self) -> Kept:
        """What the store keeps of it."""
        extra = {"auth": self.auth, "certificate": self.certificate, "key": self.key, "ca_bundle": self.ca_bundle}
        said = {key: value for key, value in extra.items() if value is not None}
        return Kept(self.name, self.endpoint, self.credentials, self.verify, kind=KIND, extra=said)


def find(name: str | None = None, **explicit: Any) -> Nifi:
    """The NiFi of that name, or the one given by its address.

    Keyword arguments: ``endpoint``, ``user``, ``password``, ``token``, ``token_file``, ``auth``, ``verify``,
    ``ca_bundle``, ``certificate``, ``key``. Without ``auth`` it is told from what is given; user and password are then
    for NiFi's own log-in, and for a proxy before it, as DCNiOS has it, where there is no such log-in.

    Raises:
        ProfileNotFound: there is none of that name, or none was named and there is not exactly one.

    """
    given = {key: value for key, value in explicit.items() if value is not None}
    if "endpoint" in given:
        endpoint = str(given.pop("endpoint"))
        host = re.split(r"[/?#]", endpoint.partition("://")[2], maxsplit=1)[0]
        return _with(Nifi(name or host, endpoint), given)
    known = {one.name: one for one in all_()}
    if name is None and len(known) == 1:
        name = next(iter(known))
    if name in known:
        return _with(known[name], given) if given else known[name]
    listed = ", ".join(known) or "none"
    msg = f'There is no NiFi named "{name}" (known: {listed}).' if name else f"No NiFi was named (known: {listed})."
    raise ProfileNotFound(msg, hint="Add it: jupyter oscar nifi add NAME ENDPOINT. Or say its address.")


def all_() -> Iterator[Nifi]:
    """The NiFis of the store, by name."""
    for kept in TokenStore().all():
        if kept.kind == KIND:
            yield of(kept)


def of(kept: Kept) -> Nifi:
    """The profile that the store keeps."""
    profile = Nifi(kept.name, kept.endpoint, kept.credentials, kept.verify, "sign-in")
    wanted = ("auth", "certificate", "key", "ca_bundle")
    known: dict[str, Any] = {key: kept.extra[key] for key in wanted if kept.extra.get(key)}
    return replace(profile, **known)


def _with(profile: Nifi, given: Mapping[str, Any]) -> Nifi:
    who = Credentials(
        given.get("user"),
        _secret(given.get("password")),
        _secret(given.get("token")),
        Path(given["token_file"]).expanduser() if "token_file" in given else None,
    )
    who = profile.credentials if who == Credentials() else who
    same = {key: given[key] for key in ("verify", "ca_bundle", "certificate", "key") if key in given}
    auth = given.get("auth") or (profile.auth if profile.auth != "none" else _told(who, same))
    return replace(profile, credentials=who, auth=auth, **same)


def _told(who: Credentials, given: Mapping[str, Any]) -> Auth:
    if who.password is not None:
        return "password"
    if who != Credentials():
        return "token"
    return "certificate" if "certificate" in given else "none"


def _secret(word: str | Secret | None) -> Secret | None:
    return Secret(word) if isinstance(word, str) else word
