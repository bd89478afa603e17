"""A NiFi that wants client certificates: what each side says of the other's. The real one is in ``tests/real/nifi``."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from odd_servers import Answer, serving

from jupyter_oscar.client import nifis
from jupyter_oscar.client.errors import InsecureEndpoint, NotAuthenticated, OscarError, Unreachable
from jupyter_oscar.flows.engines.nifi import NifiEngine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Site:
    """A NiFi, its authority, and a folder for what people have."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = trustme.CA()
        self.bundle = str(folder / "ca.pem")
        self.authority.cert_pem.write_to_path(self.bundle)
        self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.bundle)
        self.tls.verify_mode = ssl.CERT_REQUIRED
        # With 1.3 a server may hang up before its refusal was read.
        self.tls.maximum_version = ssl.TLSVersion.TLSv1_2
        self.authority.issue_cert("localhost").configure_cert(self.tls)
        self.url = ""

    def certificate(self, name: str, authority: trustme.CA | None = None, **options: Any) -> dict[str, str]:
        """Somebody's, as a profile has it."""
        made = (authority or self.authority).issue_cert(f"{name}@example.org", **options)
        path = self.folder / f"{name}.pem"
        made.private_key_and_cert_chain_pem.write_to_path(str(path))
        return {"certificate": str(path), "ca_bundle": self.bundle}

    def ask(self, **how: str) -> str:
        """Its version."""
        engine = NifiEngine(nifis.find(endpoint=self.url, **how))

        async def whole() -> str:
            try:
                return await engine.client.about()
            finally:
                await engine.aclose()

        return asyncio.run(whole())


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    one = Site(tmp_path)
    said = {"headers_": {"Content-Type": "application/json"}, "body": b'{"about": {"version": "2.3.0"}}'}
    with serving(type("Kind", (Answer,), said), one.tls) as one.url:
        yield one


def test_who_has_a_certificate_comes_in_and_who_has_not_is_told_what_to_do(site: Site) -> None:
    assert site.ask(**site.certificate("ada")) == "2.3.0"

    def refused(error: type[OscarError], match: str, **how: str) -> None:
        with pytest.raises(error, match=match):
            site.ask(**how)

    refused(Unreachable, r"cannot be reached: .*certificate.*authority with ca_bundle=")
    refused(NotAuthenticated, r"wants a client certificate, and none is given\. Give", ca_bundle=site.bundle)
    stranger = site.certificate("eve", trustme.CA())
    refused(NotAuthenticated, r"does not take the client certificate .*eve\.pem .*truststore", **stranger)
    late = site.certificate("late", not_after=dt.datetime(2020, 2, 2))  # noqa: DTZ001 - as trustme wants it
    refused(NotAuthenticated, r"late\.pem expired on 2020-02-02\. Have it renewed", **late)
    words = site.folder / "words.pem"
    words.write_text("words")
    refused(InsecureEndpoint, r"words\.pem cannot be used: .*PEM files", certificate=str(words))
    refused(InsecureEndpoint, r"words\.pem holds no certificate", ca_bundle=str(words))
