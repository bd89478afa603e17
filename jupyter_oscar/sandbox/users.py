"""Who asks, and what they may see and change (oscar.md §3).

The admin comes with Basic and may do everything. Users come with a token of a trusted identity provider: they own what
they make, and see what is theirs, public, or shared with them. A service's own token starts its jobs and runs.
"""

from __future__ import annotations

import base64
import hmac
import secrets
import unicodedata
from typing import TYPE_CHECKING, Any, NamedTuple

from .compat import before
from .oidc import NoJWT, NotInGroup, NoUserinfo, UnknownIssuer, Untrusted
from .replies import SANDBOX, empty, text, unauthorized

if TYPE_CHECKING:
    from aiohttp import web

    from .sandbox import Sandbox

NAMESPACE = "oscar-svc"
TOKEN_LENGTH = 64
_BEARER = "Bearer "
_CALLER = "caller"
_LONGEST_UID = 62
_NAMESPACE_PART, _BUCKET_PART = 8, 10
_NO_USER = "missing user identificator\n"  # what the route adds, whose chain goes on after a refusal (wire O001, O002)


class Caller(NamedTuple):
    """Somebody who was let in."""

    uid: str
    name: str
    admin: bool = False
    groups: tuple[str, ...] = ()

    @property
    def namespace(self) -> str:
        """Where the caller's services live (wire O017)."""
        return NAMESPACE if self.admin else f"{NAMESPACE}-{short(self.uid)[:_NAMESPACE_PART]}"

    @property
    def plain_name(self) -> str:
        """The name as MinIO's tags take it: without marks (wire O028)."""
        decomposed = unicodedata.normalize("NFD", self.name)
        return "".join(letter for letter in decomposed if not unicodedata.combining(letter))

    @property
    def label_name(self) -> str:
        """The name as a Kubernetes label takes it (wire O017)."""
        return self.plain_name.replace(" ", "_")


ADMIN = Caller("cluster_admin", "oscar", admin=True)


def short(uid: str) -> str:
    """A user's id as labels and secrets hold it."""
    return uid.partition("@")[0][:_LONGEST_UID]


def bucket_part(uid: str) -> str:
    """What the names of a user's own buckets of a service end with, under USER isolation (oscar.md §2.4)."""
    return short(uid)[:_BUCKET_PART]


def caller(request: web.Request) -> Caller:
    """Who was let in to this route."""
    found: Caller = request[_CALLER]
    return found


def is_admin(request: web.Request, password: str) -> bool:
    wanted = "Basic " + base64.b64encode(f"oscar:{password}".encode()).decode()
    given = request.headers.get("Authorization", "")
    return hmac.compare_digest(wanted.encode(), given.encode("utf-8", "surrogateescape"))


def _bearer(request: web.Request) -> str | None:
    header = request.headers.get("Authorization", "")
    return header[len(_BEARER) :] if header.startswith(_BEARER) else None


# rights


def may_see(who: Caller, thing: dict[str, Any]) -> bool:
    """A service or a bucket: anything with ``owner``, ``visibility`` and ``allowed_users``."""
    if who.admin or thing["visibility"] == "public" or thing["owner"] == who.uid:
        return True
    return thing["visibility"] == "restricted" and who.uid in (thing["allowed_users"] or ())


def may_change(who: Caller, thing: dict[str, Any]) -> bool:
    return who.admin or thing["owner"] == who.uid


# letting in


async def admit(request: web.Request) -> web.Response | None:
    """The refusal of a ``/system`` route, or None; then ``caller`` knows who it is."""
    sandbox = request.app[SANDBOX]
    token = _bearer(request) if sandbox.options.trust.issuers else None
    if token is None:
        request[_CALLER] = ADMIN
        return None if is_admin(request, sandbox.settings.password) else unauthorized()
    try:
        found = await sandbox.oidc.identify(token)
    except Untrusted as error:
        return _refusal(error)
    request[_CALLER] = Caller(found.uid, found.name, groups=found.groups)
    await _provision(sandbox, request[_CALLER])
    return None


def _refusal(error: Untrusted) -> web.Response:
    """As recorded (wire O001-O004)."""
    if isinstance(error, NoJWT):
        return text(400, f"{error}{_NO_USER}")
    if isinstance(error, UnknownIssuer):
        return text(401, f"'{error}' is not listed as an authorized issuer{_NO_USER}")
    return text(500, f"error getting user info: {error}") if isinstance(error, NoUserinfo) else empty(401)


async def _provision(sandbox: Sandbox, who: Caller) -> None:
    """At the first visit a user gets a key of the object store: the full id, and a random secret (oscar.md §3.1)."""
    database = sandbox.database
    if database.user_secret(who.uid) is not None:
        return
    async with sandbox.changes:
        if database.user_secret(who.uid) is None:
            secret = secrets.token_urlsafe(10)
            await sandbox.s3.let_in({**database.users(), who.uid: secret})
            database.add_user(who.uid, secret)
    await sandbox.grant()


def credentials(sandbox: Sandbox, who: Caller) -> tuple[str, str]:
    """The caller's access and secret key of the object store."""
    secret = None if who.admin else sandbox.database.user_secret(who.uid)
    access = sandbox.s3.access
    return (access.access_key, access.secret_key) if secret is None else (who.uid, secret)


class Invoker(NamedTuple):
    """Somebody who may start a job or a run: the holder of the service's token, or a user."""

    uid: str | None = None


async def admit_call(request: web.Request, service: dict[str, Any] | None, *, sync: bool) -> Invoker | web.Response:
    """Who calls ``/job`` or ``/run``, or why not (oscar.md §3.3; wire D001-D003, R006-R010)."""
    token = _bearer(request)
    if token is None:
        return empty(401)
    if len(token) == TOKEN_LENGTH:
        known = service is not None and hmac.compare_digest(token.encode(), service["token"].encode())
        return Invoker() if known else empty(401)
    sandbox = request.app[SANDBOX]
    try:
        found = await sandbox.oidc.identify(token)
    except Untrusted as error:
        return _call_refusal(error, sandbox.options.compat, sync=sync)
    # ``/job`` compares with the short form, so that an owner whose id holds an @ is not known (wire O032, V007, V016)
    if service is None or not may_see(Caller(found.uid if sync else short(found.uid), found.name), service):
        return empty(404)
    if not sync and sandbox.database.user_secret(found.uid) is None:
        return text(403, f"MinIO user not provisioned for {found.uid}; submit a direct request first")
    return Invoker(found.uid)


def _call_refusal(error: Untrusted, compat: str, *, sync: bool) -> web.Response:
    """As recorded (wire D004, D005, O034, V009-V012)."""
    if isinstance(error, NoJWT):
        return text(502, f"{error}Error getting oidc manager for issuer ''")
    if isinstance(error, UnknownIssuer):
        return text(400, f"Error getting oidc manager for issuer '{error}'")
    if before(compat, "4.0"):
        return empty(401)
    return empty(404 if sync or isinstance(error, NotInGroup) else 500)  # OSCAR's nil pointer, in ``/job`` only
