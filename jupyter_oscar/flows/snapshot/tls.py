"""The TLS service that an element's ``ssl_context`` stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_oscar.flows.checks import SECRETIVE

from .parts import text
from .types import SSL_SERVICE

if TYPE_CHECKING:
    from pydantic import SecretStr

    from .parts import Group


def service(group: Group, given: dict[str, SecretStr] | None, *, folder: str = "", kind: str = "") -> str | None:
    """The service's identifier, or None where nothing is given.

    ``folder`` is put before names of files that are no whole paths; ``kind`` is a truststore's type if none is said.
    """
    if not given:
        return None
    said = {key.replace("_", " "): value.get_secret_value() for key, value in given.items()}
    if "Truststore Filename" in said:
        said.setdefault("Truststore Type", kind or _kind(said["Truststore Filename"]))
    if "Keystore Filename" in said:
        said.setdefault("Keystore Type", _kind(said["Keystore Filename"]))
    said.setdefault("SSL Protocol", "TLS")
    hidden = {key for key in said if SECRETIVE.search(key)}
    properties: dict[str, str | None] = {}
    for key, value in said.items():
        if key in hidden:
            properties[key] = group.build.secret(group.element, f"tls.{key.replace(' ', '-').lower()}", value)
        elif key.endswith("Filename") and folder and not value.startswith("/"):
            properties[key] = text(folder + value)
        else:
            properties[key] = text(value)
    return group.service("TLS", SSL_SERVICE, properties, hidden)


def _kind(file: str) -> str:
    return "JKS" if file.lower().endswith(".jks") else "PKCS12"
