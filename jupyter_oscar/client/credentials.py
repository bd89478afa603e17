"""Who we are to a cluster: the one place that makes an ``Authorization`` header.

Secrets are held as :class:`Secret`, so no repr, log or traceback shows them. A token *file* is read at
every use, because others rotate it (DESIGN §7).
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import NotAuthenticated

if TYPE_CHECKING:
    from pathlib import Path


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
            NotAuthenticated: there is nothing to send, or the token file cannot be read.

        """
        if self.password is not None:
            pair = f"{self.user or ''}:{self.password.get_secret_value()}"
            return "Basic " + base64.b64encode(pair.encode()).decode()
        if self.token is not None:
            return f"Bearer {self.token.get_secret_value()}"
        if self.token_file is not None:
            return f"Bearer {self._from_file(self.token_file)}"
        msg = "There are no credentials for this cluster."
        raise NotAuthenticated(msg, hint="Pass user and password, or token=, or token_file=.")

    @staticmethod
    def _from_file(path: Path) -> str:
        try:
            return path.read_text(encoding="utf-8").strip()
        except OSError as error:
            msg = f"The token file {path} cannot be read: {error.strerror}."
            raise NotAuthenticated(msg, hint="Write the token there, or pass token=.") from error
