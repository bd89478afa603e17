"""Who we are to a cluster: the one place that makes an ``Authorization`` header, and the one token store.

Secrets are held as :class:`Secret`, so no repr, log or traceback shows them. A token *file* is read at
every use, because others rotate it (DESIGN §7).
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from .errors import NotAuthenticated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Hidden(str):
    """Text that is sent, and that no traceback with local variables shows."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'**********'"


class Secret:
    """A word that is not shown. Pydantic's own costs a fresh process a tenth of a second, so this is ours."""

    __slots__ = ("_word",)

    def __init__(self, word: str) -> None:
        self._word = word

    def get_secret_value(self) -> str:
        """The word."""
        return self._word

    def __repr__(self) -> str:
        return "Secret('**********')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._word.encode(), other._word.encode())

    def __hash__(self) -> int:
        return hash(self._word)


@dataclass(frozen=True)
class Grant:
    """A refresh token of an identity provider; what became of it is kept in the store under the ``profile``'s name."""

    profile: str
    issuer: str
    client_id: str
    refresh_token: Secret
    #: Where its renewed tokens are, if it may not be kept.
    memory: Memory | None = field(default=None, compare=False, repr=False)

    @property
    def store(self) -> TokenStore | Memory:
        """Where what becomes of it is looked for and kept."""
        return self.memory or TokenStore()

    @property
    def mark(self) -> str:
        """Tells this grant from others of the same profile, and no secret."""
        parts = (self.issuer, self.client_id, self.refresh_token.get_secret_value())
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Credentials:
    """User and password, a token, a file that holds one, a refresh token, or an account of oidc-agent.

    Exactly one of them is used, the first in this order.
    """

    user: str | None = None
    password: Secret | None = None
    token: Secret | None = None
    token_file: Path | None = None
    grant: Grant | None = None
    agent: str | None = None

    @property
    def changes(self) -> bool:
        """Whether what is sent may be another the next time, and asking for it takes a file, an agent or an issuer."""
        fixed = self.password is not None or self.token is not None
        return not fixed and bool(self.token_file or self.grant or self.agent)

    @property
    def is_admin(self) -> bool:
        """Whether we come with user and password: to OSCAR that is the cluster's admin (oscar.md §1)."""
        return self.password is not None

    def header(self) -> str:
        """The value of ``Authorization``.

        Raises:
            NotAuthenticated: there is nothing to send, the token file cannot be read, or what it holds is no token.

        """
        if self.password is not None:
            pair = Hidden(f"{self.user or ''}:{self.password.get_secret_value()}")
            return Hidden("Basic " + base64.b64encode(pair.encode()).decode())
        if self.token is not None:
            return Hidden(f"Bearer {_one_word(self.token.get_secret_value(), 'The token')}")
        if self.token_file is not None:
            return Hidden(f"Bearer {_one_word(self._from_file(self.token_file), f'The token file {self.token_file}')}")
        if self.grant is not None:
            from .oidc import access_token

            return Hidden(f"Bearer {access_token(self.grant, self.grant.store)}")
        if self.agent is not None:
            from . import agent

            return Hidden(f"Bearer {agent.token(self.agent)}")
        msg = "There are no credentials for this cluster."
        hint = (
            "Sign in with `jupyter oscar cluster login NAME`, or in a cell with user and password, token or token_file."
        )
        raise NotAuthenticated(msg, hint=hint)

    def after(self, refused: str) -> str | None:
        """Another value for ``Authorization`` where a cluster took ``refused`` no more, or None if there is none."""
        if not self.changes:
            return None
        if self.grant is not None and self.token_file is None:
            from .oidc import access_token

            last = Hidden(refused.removeprefix("Bearer "))
            return Hidden(f"Bearer {access_token(self.grant, self.grant.store, refused=last)}")
        now = self.header()
        return now if now != refused else None

    @property
    def expires(self) -> float | None:
        """When the token ends, in seconds since 1970, if it is a JWT that says so; nobody's signature is checked."""
        if self.password is not None:
            return None
        if self.grant is not None and self.token is None and self.token_file is None:
            from .oidc import stored_expiry

            return stored_expiry(self.grant, self.grant.store)
        try:
            return float(claims(self.header().removeprefix("Bearer "))["exp"])
        except (NotAuthenticated, KeyError, TypeError, ValueError):
            return None

    @staticmethod
    def _from_file(path: Path) -> str:
        try:
            return path.read_text(encoding="utf-8").strip()
        except OSError as error:
            msg = f"The token file {path} cannot be read: {error.strerror}."
            raise NotAuthenticated(msg, hint="Write the token there, or pass token=.") from error


def claims(token: str) -> dict[str, Any]:
    """What a token says of itself, if it is a JWT; nobody's signature is checked."""
    try:
        payload = token.split(".")[1]
        said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _one_word(token: str, what: str) -> str:
    """A token that can travel in a header; httpx would quote any other in its error."""
    if token.isascii() and token.isprintable() and token and " " not in token:
        return token
    msg = f"{what} is {'not one word' if token else 'empty'}."
    raise NotAuthenticated(msg, hint="Write the token there and nothing else.")


@dataclass(frozen=True)
class Kept:
    """What the store keeps of one sign-in."""

    name: str
    endpoint: str
    credentials: Credentials
    verify: bool = True
    storage: str | None = None
    #: What it is a sign-in to: "oscar", or "nifi", which has more to say in ``extra``.
    kind: str = "oscar"
    extra: dict[str, str] = field(default_factory=dict)


class Memory:
    """What becomes of grants that may not be kept: as in a :class:`TokenStore`, until the process ends."""

    def __init__(self) -> None:
        self._said: dict[str, dict[str, Any]] = {}
        self._locks: dict[str, threading.Lock] = {}

    def renewed(self, grant: Grant) -> dict[str, Any] | None:
        """What was last kept of a grant's renewed tokens."""
        return self._said.get(grant.mark)

    @contextlib.contextmanager
    def renewing(self, grant: Grant) -> Iterator[Callable[[dict[str, Any]], None]]:
        """One thread at a time renews a grant's tokens; what it is given keeps the new ones."""
        with self._locks.setdefault(grant.mark, threading.Lock()):
            yield lambda said: self._said.__setitem__(grant.mark, said)

    def drop(self, grant: Grant) -> None:
        """Forget what became of a grant."""
        self._said.pop(grant.mark, None)


class TokenStore:
    """One file per profile in Jupyter's data folder, 0600, written whole or not at all (DESIGN §7).

    Panel, kernel and command line sign in through it, so that each sees what the others did.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    @property
    def folder(self) -> Path:
        """Where the files lie."""
        if self._folder is None:
            from jupyter_core.paths import jupyter_data_dir

            self._folder = Path(jupyter_data_dir()) / "jupyter-oscar" / "profiles"
        return self._folder

    def all(self) -> list[Kept]:
        """Every sign-in that can be read, by name."""
        found = [kept for path in sorted(self.folder.glob("*.json")) if (kept := self._read(path))]
        return sorted(found, key=lambda kept: kept.name)

    def get(self, name: str, kind: str = "oscar") -> Kept | None:
        """One sign-in by its name; a cluster and a NiFi may have the same."""
        return self._read(self._path(name, kind))

    def save(self, kept: Kept) -> None:
        """Keep a sign-in under its name, in place of an older one."""
        who = kept.credentials
        said = {
            "name": kept.name,
            "endpoint": kept.endpoint,
            "user": who.user,
            "password": who.password.get_secret_value() if who.password else None,
            "token": who.token.get_secret_value() if who.token else None,
            "token_file": str(who.token_file) if who.token_file else None,
            "refresh_token": who.grant.refresh_token.get_secret_value() if who.grant else None,
            "issuer": who.grant.issuer if who.grant else None,
            "client_id": who.grant.client_id if who.grant else None,
            "agent": who.agent,
            "verify": kept.verify,
            "storage": kept.storage,
            "kind": kept.kind if kept.kind != "oscar" else None,
            "extra": kept.extra or None,
        }
        with self._locked():
            path = self._path(kept.name, kept.kind)
            self._write(path, {key: value for key, value in said.items() if value is not None})
            self._forget_renewed(kept.name, but=who.grant)

    def forget(self, name: str, kind: str = "oscar") -> bool:
        """Remove a sign-in; whether there was one."""
        path = self._path(name, kind)
        with self._locked():
            there = path.exists()
            path.unlink(missing_ok=True)
            self._forget_renewed(name)
        return there

    def renewed(self, grant: Grant) -> dict[str, Any] | None:
        """What was last kept of a grant's renewed tokens."""
        try:
            said = json.loads(self._renewed_path(grant).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return said if isinstance(said, dict) else None

    @contextlib.contextmanager
    def renewing(self, grant: Grant) -> Iterator[Callable[[dict[str, Any]], None]]:
        """One process and thread at a time renews a profile's tokens; what it is given keeps the new ones."""
        with self._locked(f".{quote(grant.profile, safe='')}.lock"):
            yield lambda said: self._write(self._renewed_path(grant), said)

    def drop(self, grant: Grant) -> None:
        """Forget what became of a grant that is not to be kept."""
        self._renewed_path(grant).unlink(missing_ok=True)

    def _renewed_path(self, grant: Grant) -> Path:
        return self.folder / f"{quote(grant.profile, safe='')}.{grant.mark}.renewed"

    def _forget_renewed(self, name: str, but: Grant | None = None) -> None:
        for path in self.folder.glob(f"{quote(name, safe='')}.{'[0-9a-f]' * 16}.renewed"):
            if but is None or path != self._renewed_path(but):
                path.unlink(missing_ok=True)

    @staticmethod
    def _write(path: Path, said: dict[str, Any]) -> None:
        fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(said, file)
        fresh.replace(path)

    def _path(self, name: str, kind: str = "oscar") -> Path:
        suffix = "" if kind == "oscar" else f"@{kind}"  # no name has an @ once it is quoted
        return self.folder / f"{quote(name, safe='')}{suffix}.json"

    @contextlib.contextmanager
    def _locked(self, name: str = ".lock") -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / name).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @staticmethod
    def _read(path: Path) -> Kept | None:
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            secret = {key: Secret(said[key]) if said.get(key) else None for key in ("password", "token")}
            file = Path(said["token_file"]) if said.get("token_file") else None
            parts = [said.get(key) for key in ("issuer", "client_id", "refresh_token")]
            grant = Grant(said["name"], parts[0], parts[1], Secret(parts[2])) if all(parts) else None
            who = Credentials(said.get("user"), secret["password"], secret["token"], file, grant, said.get("agent"))
            more = said.get("kind", "oscar"), dict(said.get("extra") or {})
            return Kept(said["name"], said["endpoint"], who, bool(said.get("verify", True)), said.get("storage"), *more)
        except (OSError, ValueError, KeyError, TypeError):
            return None
