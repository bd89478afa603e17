"""Access tokens from an identity provider: by refresh token, by oidc-agent, and the first one by device flow.

A refresh token may serve once only (rotation), and panel, kernels and command line share it. So it is used by one
process at a time, under the store's lock, and what came back is kept beside the sign-in for all of them. Requests go to
the issuer's own endpoints as its discovery document names them, encrypted, and follow no redirect.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from .credentials import Grant, Hidden, Secret, claims
from .errors import InsecureEndpoint, NotAuthenticated, NotOscar, TimedOut, Unreachable

if TYPE_CHECKING:
    from .credentials import Memory, TokenStore

# A token that ends within so many seconds is renewed before it is used.
EARLY: Final = 60.0
# How much longer to wait between two questions when told to slow down, in seconds (RFC 8628 §3.5).
SLOWER: Final = 5.0
# Seconds between two questions to an issuer that does not answer, at most.
RAREST: Final = 30.0
SCOPE: Final = "openid profile email offline_access"
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
DEVICE: Final = "urn:ietf:params:oauth:grant-type:device_code"
_TIMEOUT: Final = 20.0
_discovered: dict[str, dict[str, Any]] = {}


@dataclass(frozen=True)
class Renewed:
    """What became of a grant; ``expires`` is in seconds since 1970."""

    access_token: Secret
    refresh_token: Secret
    expires: float

    def serves(self, refused: str | None) -> bool:
        """Whether its access token can be used now; ``refused`` is one that a cluster did not take."""
        token = self.access_token.get_secret_value()
        return token != refused and self.expires - EARLY > time.time()


def access_token(grant: Grant, store: TokenStore | Memory, *, refused: str | None = None) -> str:
    """A token that is good now, renewed if need be; however many ask, in however many processes, it is renewed once.

    Raises:
        NotAuthenticated: the issuer takes the refresh token no more.
        Unreachable, NotOscar: the issuer does not answer, or not as one.

    """
    kept = _read(store.renewed(grant))
    if kept is None or not kept.serves(refused):
        with store.renewing(grant) as keep:
            kept = _read(store.renewed(grant))  # somebody else may have been quicker
            if kept is None or not kept.serves(refused):
                kept = _renew(grant, kept.refresh_token if kept else grant.refresh_token)
                keep(_said(kept))
    return kept.access_token.get_secret_value()


def _renew(grant: Grant, last: Secret) -> Renewed:
    form = {
        "grant_type": "refresh_token",
        "refresh_token": Hidden(last.get_secret_value()),
        "client_id": grant.client_id,
    }
    status, said = _post(grant.issuer, _endpoint(grant.issuer, "token_endpoint"), form)
    if status >= 400:  # noqa: PLR2004
        msg = f'The sign-in to "{grant.profile}" has ended: {_why(grant.issuer, said)}.'
        raise NotAuthenticated(msg, hint=f"Sign in again: jupyter oscar cluster login {grant.profile}.")
    fresh = said.get("refresh_token")
    return _renewed(grant.issuer, said, Secret(str(fresh)) if fresh else last)


def _renewed(issuer: str, said: dict[str, Any], refresh: Secret) -> Renewed:
    token = Hidden(said.get("access_token") or "")
    if not token:
        msg = f"{issuer} gave no access token."
        raise NotOscar(msg, hint="Check the issuer's address.")
    ends = claims(token).get("exp") or time.time() + float(said.get("expires_in") or 300)
    return Renewed(Secret(token), refresh, float(ends))


def _said(kept: Renewed) -> dict[str, Any]:
    secrets = {key: getattr(kept, key).get_secret_value() for key in ("access_token", "refresh_token")}
    return {"expires": kept.expires, **secrets}


def _read(said: dict[str, Any] | None) -> Renewed | None:
    try:
        return said and Renewed(  # type: ignore[return-value]
            Secret(said["access_token"]), Secret(said["refresh_token"]), float(said["expires"])
        )
    except (KeyError, TypeError, ValueError):
        return None


def stored_expiry(grant: Grant, store: TokenStore | Memory) -> float | None:
    """When the token at hand ends, in seconds since 1970; nobody is asked for another."""
    kept = _read(store.renewed(grant))
    return kept.expires if kept else None


# -- the first token


@dataclass(frozen=True)
class Device:
    """What a person is to do: open ``uri`` and type ``code``; ``link`` has the code in it, where there is one."""

    issuer: str
    client_id: str
    uri: str
    code: str
    link: str | None
    secret: Secret
    interval: float
    until: float


def begin(issuer: str, client_id: str, scope: str = SCOPE) -> Device:
    """Begin a device flow (RFC 8628).

    Raises:
        NotAuthenticated: the issuer offers no device flow, or not for this client.
        Unreachable, NotOscar: the issuer does not answer, or not as one.

    """
    issuer = issuer.rstrip("/")
    form = {"client_id": client_id, "scope": scope}
    status, said = _post(issuer, _endpoint(issuer, "device_authorization_endpoint"), form)
    if status >= 400 or not said.get("device_code"):  # noqa: PLR2004
        msg = f'{issuer} does not let "{client_id}" sign in on a device: {_why(issuer, said)}.'
        raise NotAuthenticated(msg, hint="Ask its operator for a client that may use the device flow.")
    page = _page(said.get("verification_uri") or said.get("verification_url"))
    if page is None or not said.get("user_code"):
        msg = f"{issuer} does not say on which page to agree, or with which code."
        raise NotOscar(msg, hint="Tell its operator, and sign in another way.")
    return Device(
        issuer,
        client_id,
        page,
        str(said["user_code"]),
        _page(said.get("verification_uri_complete")),
        Secret(str(said["device_code"])),
        float(said.get("interval", 5)),
        time.time() + float(said.get("expires_in", 600)),
    )


def _page(said: Any) -> str | None:
    """The address of a page that a person may be sent to."""
    return str(said) if urlsplit(str(said)).scheme in {"http", "https"} else None


class Flow:
    """A device flow under way: :meth:`poll` is asked every ``interval`` seconds until it gives a grant."""

    def __init__(self, device: Device, profile: str) -> None:
        self.interval = device.interval
        self._device = device
        self._profile = profile
        self._lost: Unreachable | None = None

    def poll(self) -> Grant | None:
        """Ask once; what was agreed on, for the store, or nothing yet.

        Whoever does not answer is asked again, ever more rarely, until the time is over (RFC 8628 §3.5).

        Raises:
            NotAuthenticated: the person refused, or the client may keep no refresh token.
            TimedOut: nobody agreed in time.
            Unreachable: the issuer did not answer until the time was over.

        """
        device = self._device
        if time.time() >= device.until:
            raise self._lost or _too_late()
        form = {
            "grant_type": DEVICE,
            "device_code": Hidden(device.secret.get_secret_value()),
            "client_id": device.client_id,
        }
        try:
            status, said = _post(device.issuer, _endpoint(device.issuer, "token_endpoint"), form)
        except Unreachable as error:
            self._lost = error
            self.interval = min(2 * self.interval, RAREST)
            return None
        self._lost = None
        if status < 400:  # noqa: PLR2004
            if not said.get("refresh_token"):
                msg = f"{device.issuer} gave no refresh token, so the sign-in would end within the hour."
                raise NotAuthenticated(msg, hint="Ask for the scope offline_access.")
            return Grant(self._profile, device.issuer, device.client_id, Secret(str(said["refresh_token"])))
        why = said.get("error")
        if why == "slow_down":
            self.interval += SLOWER
        elif why == "expired_token":
            raise _too_late()
        elif why != "authorization_pending":
            msg = f"The sign-in was not agreed to: {_why(device.issuer, said)}."
            raise NotAuthenticated(msg, hint="Try again, and agree in the browser.")
        return None


def finish(device: Device, profile: str) -> Grant:
    """Wait until the person has agreed; see :meth:`Flow.poll`."""
    flow, grant = Flow(device, profile), None
    while grant is None:
        time.sleep(flow.interval)
        grant = flow.poll()
    return grant


def _too_late() -> TimedOut:
    return TimedOut("Nobody agreed to the sign-in in time.", hint="Try again.")


# -- the wire


def _endpoint(issuer: str, which: str) -> str:
    """An endpoint of an issuer; its discovery document is read once."""
    if issuer not in _discovered:
        status, said = _ask("GET", issuer, f"{issuer}/.well-known/openid-configuration")
        if status >= 400 or str(said.get("issuer", "")).rstrip("/") != issuer:  # noqa: PLR2004
            msg = f"{issuer} is no identity provider: it has no discovery document of that name."
            raise NotOscar(msg, hint="Check the issuer's address.")
        _discovered[issuer] = said
    found = _discovered[issuer].get(which)
    if not found:
        msg = f"{issuer} has no {which.replace('_', ' ')}."
        raise NotAuthenticated(msg, hint="Sign in another way.")
    return str(found)


def _post(issuer: str, url: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
    return _ask("POST", issuer, url, form)


def _ask(method: str, issuer: str, url: str, form: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    import httpx

    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        msg = f"{parts.scheme}://{parts.netloc} would receive the sign-in unencrypted."
        raise InsecureEndpoint(msg)
    try:
        answer = httpx.request(method, url, data=form, timeout=_TIMEOUT, headers={"Accept": "application/json"})
    except httpx.HTTPError as error:
        from .transport import why_not

        msg = f"The identity provider {issuer} does not answer: {why_not(error)}."
        raise Unreachable(msg, hint="Try again in a moment.") from None  # the request holds the token
    if answer.status_code >= 500 or answer.is_redirect:  # noqa: PLR2004
        msg = f"The identity provider {issuer} answers {answer.status_code}."
        raise Unreachable(msg, hint="Try again in a moment.")
    try:
        said = answer.json()
    except ValueError:
        said = {}
    return answer.status_code, said if isinstance(said, dict) else {}


def _why(issuer: str, said: dict[str, Any]) -> str:
    text = str(said.get("error_description") or said.get("error") or "it does not say why")
    return f"{issuer} says {text.rstrip('.')}"
