"""The key of this machine, by which a runner's results are told from anybody else's (DESIGN §7).

It lies beside the token store, readable by its owner only, and never leaves this machine: each runner gets a key that
is derived from it. What is public about it is its fingerprint.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Final

from .credentials import Secret
from .errors import NotSaved

SIZE: Final = 32


class MachineKey:
    """The key, made when first needed."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    @property
    def path(self) -> Path:
        """Where it lies."""
        if self._path is None:
            from jupyter_core.paths import jupyter_data_dir

            self._path = Path(jupyter_data_dir()) / "jupyter-oscar" / "functions.key"
        return self._path

    def fingerprint(self, *, make: bool = True) -> str | None:
        """What may be known of it; None where there is no key and none is to be made."""
        key = self._read() or (self._make() if make else None)
        return hmac.new(key, b"fingerprint", hashlib.sha256).hexdigest()[:16] if key else None

    def derive(self, salt: str) -> Secret | None:
        """The key of a runner, which got this salt when it was made, in hex."""
        key = self._read()
        return Secret(hmac.new(key, b"runner\0" + salt.encode(), hashlib.sha256).hexdigest()) if key else None

    def _read(self) -> bytes | None:
        try:
            if self.path.stat().st_mode & 0o077:
                self.path.chmod(0o600)
            text = self.path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise self._unusable("it cannot be read") from error
        try:
            key = bytes.fromhex(text)
        except ValueError:
            key = b""
        if len(key) != SIZE:
            raise self._unusable("it is damaged")
        return key

    def _make(self) -> bytes:
        """Whole or not at all; of two that make one at once, the first wins."""
        fresh = self.path.with_name(f".{secrets.token_hex(6)}.new")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
                file.write(secrets.token_hex(SIZE) + "\n")
            try:
                os.link(fresh, self.path)
            except FileExistsError:
                pass
            finally:
                fresh.unlink()
        except OSError as error:
            raise self._unusable(f"it cannot be written ({(error.strerror or str(error)).lower()})") from error
        key = self._read()
        if key is None:
            raise self._unusable("it vanished")
        return key

    def _unusable(self, why: str) -> NotSaved:
        msg = f"The key that tells results of functions from forgeries is not usable: {why} ({self.path})."
        return NotSaved(msg, hint="Make it readable and writable, or remove it: a new one is made with new runners.")
