"""The one error table: what an answer of OSCAR that is not a success becomes.

OSCAR's texts have odd spellings, so it matches on status and a part of the text and always keeps the whole text
(oscar.md §10.26).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from .errors import (
    AlreadyExists,
    BucketNotFound,
    InvalidRequest,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    NotOscar,
    QuotaExceeded,
    ServiceNotFound,
    UpstreamFailed,
)

if TYPE_CHECKING:
    from .errors import OscarError


class Row(NamedTuple):
    """One row of the table below: status, a part of the text, what it becomes, and what to do."""

    status: int | None
    part: str
    error: type[OscarError]
    hint: str | None = None


# A token that its issuer has revoked passes OSCAR's own check, and then the issuer refuses it (oscar.md §3.1).
REVOKED: Final = "error getting user info: 401"

# First match wins. Texts and statuses: oscar.md §1.2, §1.5, §3.3 and wire phases A–G.
TABLE: tuple[Row, ...] = (
    Row(None, "already exists", AlreadyExists),
    Row(None, "quota exceeded", QuotaExceeded),
    Row(None, "not enough volume", QuotaExceeded),
    Row(None, "is not allowed for pull", NotAllowed, "The cluster's operator lists the image repositories it allows."),
    Row(
        None,
        "cannot be read",
        UpstreamFailed,
        "The operator has to mend that service's record: one written by an older OSCAR blocks the list for everyone.",
    ),
    Row(None, "NoSuchBucket", BucketNotFound),
    Row(500, "Missing bucket metadata", BucketNotFound),
    Row(400, "invalid serviceName", ServiceNotFound, "Service names are lower-case letters, digits and hyphens."),
    Row(500, REVOKED, NotAuthenticated, "Sign in again."),
    # What /run and /job say of a word that is neither the service's token nor a JWT (wire D004, R009).
    Row(None, "token is malformed", NotAuthenticated, "Check the token, or sign in again: each service has its own."),
    Row(401, "", NotAuthenticated),
    Row(403, "", NotAllowed),
    Row(404, "404 page not found", NotOscar, "This server does not offer that; it may be older, or not OSCAR."),
    Row(404, "", NotFound),
    Row(409, "", AlreadyExists),
    Row(413, "", InvalidRequest, "Something between here and the cluster limits the size of a request."),
    Row(429, "", UpstreamFailed, "The cluster is busy; try again in a moment."),
    Row(503, "", UpstreamFailed, "The cluster is busy or restarting; try again in a moment."),
)


def from_response(
    what: str, status: int, text: str, *, missing: type[NotFound] = NotFound, hint: str | None = None
) -> OscarError:
    """The exception for an answer of OSCAR that is not a success.

    ``what`` is the attempt in words ("create service cow"); ``missing`` is what a 404 without text means for it.
    """
    upstream = text.strip()
    row = next((r for r in TABLE if r.status in (None, status) and r.part in text), None)
    error = row.error if row else (InvalidRequest if status < 500 else UpstreamFailed)  # noqa: PLR2004
    if error is NotFound:
        error = missing
    why = upstream or REASONS.get(status, f"the server answered {status} and nothing else")
    hint = hint if hint is not None else (row.hint if row else None)
    return error(
        f"{what} failed: {why}{'' if why.endswith(('.', '!', '?')) else '.'}",
        hint=hint,
        status=status,
        upstream=upstream,
    )


REASONS = {
    400: "the cluster refuses the request",
    401: "the cluster does not accept the credentials",
    403: "the cluster does not allow it",
    404: "it is not there",
    409: "something of that name exists",
    413: "it is too large",
    500: "the cluster failed and does not say why",
    502: "what runs behind the cluster's door does not answer",
    503: "the cluster is busy or restarting",
    504: "the cluster took too long",
}
