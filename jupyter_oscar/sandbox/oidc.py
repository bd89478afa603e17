"""Tokens of identity providers: whose they are, and whether this cluster takes them (oscar.md §3.1).

A token's signature and times are checked with the issuer's published keys; the groups come from its userinfo, which is
asked on every request, as OSCAR does.
"""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from .settings import CannotStart

if TYPE_CHECKING:
    from aiohttp import ClientSession
    from jwt import PyJWK

_TIMEOUT_S = 10.0
_ALGORITHMS = ["RS256"]  # the default of the library that OSCAR verifies with
_EGI_GROUP = 4  # urn:mace:egi.eu:group:<VO>:…
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Untrusted(Exception):
    """A token that says nothing we can rely on."""


class NoJWT(Untrusted):
    """The text is no JWT at all."""


class UnknownIssuer(Untrusted):
    """A JWT of somebody we were not told to trust; the message is its issuer."""


class NotValid(Untrusted):
    """Expired, or not signed by its issuer."""


class NotInGroup(NotValid):
    """In none of the groups that the cluster lets in."""


class NoUserinfo(Untrusted):
    """The issuer does not say who that is."""


class Trust(NamedTuple):
    """Whom the cluster trusts: ``OIDC_ISSUERS``, ``OIDC_GROUPS`` and ``USERS_ADMIN`` of a real server."""

    issuers: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    admins: tuple[str, ...] = ()

    def check(self) -> Trust:
        """Itself. Raises ``CannotStart`` when its parts do not fit together."""
        if self.issuers and not self.groups:
            raise CannotStart("--oidc-issuer needs --oidc-group: without a group that is let in, nobody could log in.")
        if not self.issuers and (self.groups or self.admins):
            raise CannotStart("--oidc-group and --oidc-admin mean nothing without --oidc-issuer: add the issuer.")
        for issuer in self.issuers:
            found = urlsplit(issuer)
            local = found.scheme == "http" and found.hostname in _LOOPBACK
            if not found.hostname or not (found.scheme == "https" or local):
                raise CannotStart(
                    f"The issuer {issuer} of --oidc-issuer must be an https address, or http on loopback."
                )
        return self


class Identity(NamedTuple):
    """What an issuer says of a user: ``sub``, ``name`` and those of the user's groups that the cluster knows."""

    uid: str
    name: str
    groups: tuple[str, ...]


@dataclass(eq=False, repr=False)
class _Issuer:
    """An issuer, and what it has published of itself."""

    url: str
    userinfo: str = ""
    jwks: str = ""
    keys: dict[str, PyJWK] = field(default_factory=dict)


def unverified_issuer(token: str) -> str:
    """The ``iss`` that the token names, whoever wrote it."""
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - header, claims, signature
        raise NoJWT("token is malformed: token contains an invalid number of segments")
    try:
        return str(json.loads(base64.urlsafe_b64decode(parts[1] + "=="))["iss"])
    except (ValueError, LookupError, TypeError):
        return ""


def groups_of(issuer: str, userinfo: dict[str, Any]) -> list[str]:
    """The groups in a userinfo; which claim holds them depends on the provider (oscar.md §3.1)."""
    if "/realms/egi" in issuer:
        found = [
            str(urn).split(":") for urn in userinfo.get("entitlements") or userinfo.get("eduperson_entitlement") or []
        ]
        return [parts[_EGI_GROUP] for parts in found if len(parts) > _EGI_GROUP]
    if "/realms/ai4eosc" in issuer:
        roles = (userinfo.get("realm_access") or {}).get("roles") or []
        return [str(role) for role in roles]
    return [str(group) for group in userinfo.get("group_membership") or []]


class Oidc:
    """The issuers of one sandbox; nothing is fetched before the first token comes."""

    def __init__(self, trust: Trust) -> None:
        self.trust = trust
        self._issuers = {url: _Issuer(url.rstrip("/")) for url in trust.issuers}
        self._session: ClientSession | None = None
        self._fetching = asyncio.Lock()

    async def identify(self, token: str) -> Identity:
        """Who that is.

        Raises ``NoJWT``, ``UnknownIssuer``, ``NotValid`` or ``NoUserinfo``.
        """
        url = unverified_issuer(token)
        issuer = self._issuers.get(url)
        if issuer is None:
            raise UnknownIssuer(url)
        claims = await self._verify(issuer, token)
        found = await self._ask(issuer.userinfo, token)
        groups = tuple(group for group in groups_of(url, found) if group in self.trust.groups)
        if not groups:
            raise NotInGroup("none of the user's groups is let in")
        return Identity(str(found.get("sub", claims["sub"])), str(found.get("name", claims.get("name", ""))), groups)

    async def _verify(self, issuer: _Issuer, token: str) -> dict[str, Any]:
        import jwt

        try:
            key_id = str(jwt.get_unverified_header(token).get("kid", ""))
            key = await self._key(issuer, key_id)
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=_ALGORITHMS,
                issuer=issuer.url if issuer.url in self._issuers else issuer.url + "/",
                options={"verify_aud": False, "require": ["exp", "sub"]},
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise NotValid(str(error)) from error
        return claims

    async def _key(self, issuer: _Issuer, key_id: str) -> PyJWK:
        """Fetched when it is not known yet: issuers change their keys."""
        async with self._fetching:
            if key_id not in issuer.keys:
                await self._fetch(issuer)
        if key_id not in issuer.keys:
            raise NotValid(f"the issuer has no key {key_id!r}")
        return issuer.keys[key_id]

    async def _fetch(self, issuer: _Issuer) -> None:
        import jwt

        if not issuer.jwks:
            found = await self._ask(f"{issuer.url}/.well-known/openid-configuration")
            issuer.jwks, issuer.userinfo = str(found.get("jwks_uri", "")), str(found.get("userinfo_endpoint", ""))
        keys = jwt.PyJWKSet.from_dict(await self._ask(issuer.jwks)).keys
        issuer.keys = {str(key.key_id or ""): key for key in keys}

    async def _ask(self, url: str, token: str = "") -> dict[str, Any]:
        import ssl

        from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

        if self._session is None:
            trusted = TCPConnector(ssl=ssl.create_default_context())
            self._session = ClientSession(
                connector=trusted, timeout=ClientTimeout(_TIMEOUT_S), cookie_jar=DummyCookieJar()
            )
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            async with self._session.get(url, headers=headers, allow_redirects=False) as answer:
                if answer.status != HTTPStatus.OK:
                    raise NoUserinfo(f"{answer.status} from {url}")
                found = json.loads(await answer.read())
        except (ClientError, OSError, asyncio.TimeoutError, ValueError) as error:
            raise NoUserinfo(f"{url} gives no proper answer ({type(error).__name__})") from error
        if not isinstance(found, dict):
            raise NoUserinfo(f"{url} gives no object")
        return found

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
