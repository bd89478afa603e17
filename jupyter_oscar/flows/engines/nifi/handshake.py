"""Certificates: whom we trust, as whom we come, and in words why one side did not take the other's (flows.md §5.1)."""

from __future__ import annotations

import ssl
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_oscar.client.errors import InsecureEndpoint, NotAuthenticated
from jupyter_oscar.client.transport import context, tls_words, why_no_bundle, why_not

if TYPE_CHECKING:
    from jupyter_oscar.client.nifis import Nifi

_FILES = "It and its key are PEM files, the key without a passphrase."


def trust(profile: Nifi) -> ssl.SSLContext | bool:
    """For the connections to one NiFi.

    Raises:
        InsecureEndpoint: a file of certificates cannot be used.
        NotAuthenticated: our own certificate has expired.

    """
    if not profile.endpoint.startswith("https"):
        return False
    if profile.ca_bundle and (why := why_no_bundle(profile.ca_bundle)):
        raise InsecureEndpoint(f"The NiFi {profile.name} cannot be trusted: {why}.", hint="Give ca_bundle anew.")
    made = context(verify=profile.verify, ca_bundle=profile.ca_bundle)
    if profile.certificate:
        try:
            # An encrypted key would ask on the terminal.
            made.load_cert_chain(profile.certificate, profile.key, password=lambda: "")
        except (OSError, ValueError) as error:
            msg = f"The client certificate {profile.certificate} cannot be used: {why_not(error)}."
            raise InsecureEndpoint(msg, hint=_FILES) from None
        _valid(profile.certificate)
    return made


def _valid(path: str) -> None:
    """Java tells nobody that a certificate has expired."""
    from cryptography import x509

    until = x509.load_pem_x509_certificate(Path(path).read_bytes()).not_valid_after_utc
    if until < datetime.now(timezone.utc):
        msg = f"The client certificate {path} expired on {until:%Y-%m-%d}."
        raise NotAuthenticated(msg, hint="Have it renewed, and keep the new one under the same name.")


def refused(profile: Nifi, error: BaseException) -> tuple[str, str] | None:
    """What to say, and what to do, where NiFi did not take our certificate or wants one."""
    alert = _of_tls(error)
    if alert is None or isinstance(alert, ssl.SSLCertVerificationError) or "ALERT" not in (alert.reason or ""):
        return None
    if not profile.certificate:
        hint = "Give certificate= and key= (on the command line: nifi add --certificate --key)."
        return f"the NiFi {profile.name} wants a client certificate, and none is given.", hint
    msg = f"the NiFi {profile.name} does not take the client certificate {profile.certificate} ({tls_words(alert)})."
    return msg, "Its authority has to be in NiFi's truststore; use one of that authority, or ask NiFi's administrator."


def perhaps(profile: Nifi) -> str:
    """What else a broken connection may mean: NiFi refuses a certificate after ours has been sent."""
    if not profile.endpoint.startswith("https"):
        return ""
    return ", or it does not take our client certificate" if profile.certificate else ", or it wants a certificate"


def distrusted(error: BaseException) -> str | None:
    """What to do where NiFi's own certificate is not trusted here."""
    if not isinstance(_of_tls(error), ssl.SSLCertVerificationError):
        return None
    return "Name its certificate's authority with ca_bundle= (nifi add --ca-bundle), and use the name that is in it."


def _of_tls(error: BaseException) -> ssl.SSLError | None:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    return cause
