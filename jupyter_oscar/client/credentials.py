"""Who we are to a cluster: the one place that makes an ``Authorization`` header, and the one token store.

Secrets are held as :class:`Secret`, so no repr, log or traceback shows them. A token *file* is read at
every use, because others rotate it (DESIGN §7).
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hmac
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from .errors import NotAuthenticated

if TYPE_CHECKING:
    from collections.abc import Iterator


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
class Credentials:
    """User and password, or a token, or a file that holds a token; exactly one of the three is used, in this order."""

    user: str | None = None
    password: Secret | None = None
    token: Secret | None = None
    token_file: Path | None = None

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
            pair = f"{self.user or ''}:{self.password.get_secret_value()}"
            return "Basic " + base64.b64encode(pair.encode()).decode()
        if self.token is not None:
            return f"Bearer {_one_word(self.token.get_secret_value(), 'The token')}"
        if self.token_file is not None:
            return f"Bearer {_one_word(self._from_file(self.token_file), f'The token file {self.token_file}')}"
        msg = "There are no credentials for this cluster."
        raise NotAuthenticated(msg, hint="Pass user and password, or token=, or token_file=.")

    @property
    def expires(self) -> float | None:
        """When the token ends, in seconds since 1970, if it is a JWT that says so; nobody's signature is checked."""
        if self.password is not None:
            return None
        try:
            token = self.header().removeprefix("Bearer ")
            payload = token.split(".")[1]
            said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
            return float(said["exp"])
        except (NotAuthenticated, IndexError, KeyError, TypeError, ValueError):
            return None

    @staticmethod
    def _from_file(path: Path) -> str:
        try:
            return path.read_text(encoding="utf-8").strip()
        except OSError as error:
            msg = f"The token file {path} cannot be read: {error.strerror}."
            raise NotAuthenticated(msg, hint="Write the token there, or pass token=.") from error


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

    def get(self, name: str) -> Kept | None:
        """One sign-in by its name."""
        return self._read(self._path(name))

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
            "verify": kept.verify,
            "storage": kept.storage,
        }
        with self._locked():
            fresh = self.folder / f".{os.getpid()}.new"
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                json.dump({key: value for key, value in said.items() if value is not None}, file)
            fresh.replace(self._path(kept.name))

    def forget(self, name: str) -> bool:
        """Remove a sign-in; whether there was one."""
        path = self._path(name)
        with self._locked():
            there = path.exists()
            path.unlink(missing_ok=True)
        return there

    def _path(self, name: str) -> Path:
        return self.folder / f"{quote(name, safe='')}.json"

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @staticmethod
    def _read(path: Path) -> Kept | None:
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            secret = {key: Secret(said[key]) if said.get(key) else None for key in ("password", "token")}
            file = Path(said["token_file"]) if said.get("token_file") else None
            who = Credentials(said.get("user"), secret["password"], secret["token"], file)
            return Kept(said["name"], said["endpoint"], who, bool(said.get("verify", True)), said.get("storage"))
        except (OSError, ValueError, KeyError, TypeError):
            return None
