"""Where the value of a secret is to be found: ``env:NAME``, ``file:PATH`` or ``keyring:SERVICE/USER``.

So an FDL can be shared and kept under version control, and an update gives every secret its value again, which a
server never tells. References are followed in a file that lies on this machine, by whoever deploys it; not in a text
that came from a browser.
"""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from .errors import SecretMissing

KINDS: Final = ("env", "file", "keyring")
#: Bytes of a secret's file.
LARGEST: Final = 2**20
#: References that lead nowhere.
EMPTY: Final = frozenset(f"{kind}:" for kind in KINDS)
#: For a value that begins like a reference and is none.
PLAIN: Final = "value:"


def is_reference(text: str) -> bool:
    """Whether a text says where a value is instead of being one."""
    return text.partition(":")[0] in KINDS and ":" in text


def follow(text: str, folder: Path | None = None) -> str:
    """The value that a text stands for, or the text itself where it is no reference.

    A relative path is one below ``folder``. One line break at a file's end is not part of the value.

    Raises:
        SecretMissing: there is nothing at that place; what is there is never part of the message.

    """
    if text.startswith(PLAIN):
        return text.removeprefix(PLAIN)
    if not is_reference(text):
        return text
    kind, _, place = text.partition(":")
    value = _file(place, folder) if kind == "file" else _variable(place) if kind == "env" else _keyring(place)
    if not value:
        msg = f"The secret at {text} is empty."
        raise SecretMissing(msg)
    return value


def _variable(name: str) -> str:
    if name not in os.environ:
        msg = f"The environment has no variable {name}."
        raise SecretMissing(msg, hint=f"Set it before: export {name}=…")
    return os.environ[name]


def _file(name: str, folder: Path | None) -> str:
    path = (folder or Path()) / Path(name).expanduser()
    try:
        with path.open("rb") as file:  # which may be a pipe, or a device that has no end
            said = file.read(LARGEST + 1)
        if len(said) > LARGEST:
            msg = f"The secret's file {path} is larger than {LARGEST // 2**20} MiB."
            raise SecretMissing(msg)
        return said.decode().replace("\r\n", "\n").removesuffix("\n")
    except UnicodeDecodeError as error:
        msg = f"The secret's file {path} is not UTF-8 text."
        raise SecretMissing(msg) from error
    except OSError as error:
        msg = f"The secret's file {path} cannot be read: {(error.strerror or str(error)).lower()}."
        raise SecretMissing(msg) from error


def _keyring(place: str) -> str:
    service, _, user = place.partition("/")
    try:
        keyring: Any = import_module("keyring")
    except ImportError as error:
        msg = f"keyring:{place} needs the package keyring."
        raise SecretMissing(msg, hint="pip install keyring") from error
    try:
        value = keyring.get_password(service, user)
    except keyring.errors.KeyringError as error:
        msg = f"The keyring does not give {place}: {error}."
        raise SecretMissing(msg) from error
    if value is None:
        msg = f"The keyring has nothing for {place}."
        raise SecretMissing(msg, hint=f"keyring set {service} {user}")
    return str(value)
