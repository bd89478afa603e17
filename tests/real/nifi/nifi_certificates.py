"""An authority of a test's own, what it certifies, and the stores that NiFi reads them from."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    PKCS12Certificate,
    serialize_java_truststore,
    serialize_key_and_certificates,
)
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path

WORD = "word-of-the-stores"


@dataclass(frozen=True)
class Certified:
    """A certificate and its key, as PEM files and as what made them."""

    certificate: str
    key: str
    made: x509.Certificate
    private: ec.EllipticCurvePrivateKey


class Authority:
    """Certifies servers and people."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        own = self._builder(self._name, self._key, days=30)
        self._made = own.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(
            self._key, SHA256()
        )
        self.bundle = str(folder / f"{name}.pem")
        (folder / f"{name}.pem").write_bytes(self._made.public_bytes(Encoding.PEM))

    def certify(self, name: str, *, days: int = 30, host: str = "") -> Certified:
        """Somebody, or with ``host`` a server; with ``days`` below zero it has expired."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(_named(name), key, days=days)
        if host:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        made = builder.sign(self._key, SHA256())
        paths = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        paths[0].write_bytes(made.public_bytes(Encoding.PEM))
        paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return Certified(str(paths[0]), str(paths[1]), made, key)

    def _builder(self, name: x509.Name, key: ec.EllipticCurvePrivateKey, *, days: int) -> x509.CertificateBuilder:
        now = datetime.now(timezone.utc)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=60))
            .not_valid_after(now + timedelta(days=days))
        )

    def keystore(self, server: Certified) -> str:
        """A server's certificate and key, as Java reads them."""
        path = self._folder / "keystore.p12"
        closed = BestAvailableEncryption(WORD.encode())
        path.write_bytes(serialize_key_and_certificates(b"nifi", server.private, server.made, [self._made], closed))
        return str(path)

    def truststore(self) -> str:
        """Whom it trusts, as Java reads it."""
        path = self._folder / "truststore.p12"
        closed = BestAvailableEncryption(WORD.encode())
        path.write_bytes(serialize_java_truststore([PKCS12Certificate(self._made, b"authority")], closed))
        return str(path)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


class Tls:
    """What makes a NiFi one that wants client certificates; ``ada`` may do everything in it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.authority = Authority(folder)
        self.ada = self.authority.certify("ada")
        self.reader = self.authority.certify("reader")
        server = self.authority.certify("nifi", host="localhost")
        stores = {"keystore": self.authority.keystore(server), "truststore": self.authority.truststore()}
        self.settings = {f"nifi.security.{what}": path for what, path in stores.items()}
        self.settings |= {f"nifi.security.{what}Type": "PKCS12" for what in stores}
        self.settings |= {f"nifi.security.{what}Passwd": WORD for what in (*stores, "key")}

    @property
    def owner(self) -> str:
        """As NiFi calls who may do everything."""
        return "CN=ada"

    def access(self, who: Certified) -> dict[str, str]:
        """How somebody comes in, as a profile has it."""
        return {"certificate": who.certificate, "key": who.key, "ca_bundle": self.authority.bundle}

    @cached_property
    def context(self) -> ssl.SSLContext:
        """Of that person."""
        made = ssl.create_default_context(cafile=self.authority.bundle)
        made.load_cert_chain(self.ada.certificate, self.ada.key)
        return made
