"""What NiFi's answers mean in words. Its errors are plain text, and a stale revision is a 400 (flows.md §5.2, §8)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from jupyter_oscar.client.errors import (
    AlreadyExists,
    InvalidRequest,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    NotOscar,
    OscarError,
    UpstreamFailed,
)

if TYPE_CHECKING:
    import httpx

#: No answer of NiFi is worth more of a person's screen.
LONGEST: Final = 400


class StaleRevision(OscarError):
    """Somebody changed the same thing since we read it."""

    code = "stale-revision"
    default_hint = "Somebody edits this dataflow in NiFi. Try again when they are done."


class WrongState(OscarError):
    """NiFi refuses since something runs, is enabled, or holds data."""

    code = "wrong-state"
    default_hint = "Try again in a moment; stop or drain the dataflow if it stays like that."


class NotNifi(NotOscar):
    """Something answers at the address, but not NiFi."""

    code = "not-nifi"
    default_hint = "Check the address: it is the one in front of /nifi-api."


class _Row(NamedTuple):
    """Status, a pattern in the text, what it becomes, and what to do."""

    status: int | None
    pattern: str
    error: type[OscarError]
    hint: str | None = None


# First match wins.
_TABLE: Final = (
    _Row(400, r"most up-to-date revision|^\W*Invalid Revision", StaleRevision),
    _Row(
        400,
        r"Invalid SNI",
        InvalidRequest,
        "Use the host name that the NiFi's certificate names: https://localhost:8443, not https://127.0.0.1:8443.",
    ),
    _Row(
        None,
        r"requested with an invalid|invalid host header|System Error.*Host",
        InvalidRequest,
        "The NiFi knows itself under another name: use that, or set nifi.web.proxy.host there.",
    ),
    _Row(400, r"credentials.*not valid|invalid.*credentials|Unable to validate", NotAuthenticated),
    _Row(401, "", NotAuthenticated),
    _Row(403, "", NotAllowed, "Ask the NiFi's administrator for the policies: see and modify this process group."),
    _Row(409, r"already exists|same name", AlreadyExists),
    _Row(409, "", WrongState),
    _Row(404, "", NotFound),
    _Row(413, "", InvalidRequest, "Something between here and NiFi limits the size of a request."),
    _Row(502, "", UpstreamFailed, "The proxy in front of NiFi gets no answer; NiFi may be starting."),
    _Row(503, "", UpstreamFailed, "NiFi is busy or starting; try again in a moment."),
)


def from_answer(what: str, response: httpx.Response) -> OscarError:
    """The exception for an answer that is not a success; ``what`` is the attempt in words."""
    text = plain(response)
    status = response.status_code
    flags = re.IGNORECASE | re.DOTALL
    row = next((one for one in _TABLE if one.status in (None, status) and re.search(one.pattern, text, flags)), None)
    error = row.error if row else (UpstreamFailed if status >= 500 else InvalidRequest)  # noqa: PLR2004
    why = text or f"NiFi answered {status} and nothing else"
    hint = row.hint if row else None
    return error(f"{what} failed: {why.rstrip('.')}.", hint=hint, status=status, upstream=text)


def plain(response: httpx.Response) -> str:
    """An error's text without its pages and line breaks; NiFi's proxies answer with HTML."""
    text = response.text
    if response.headers.get("Content-Type", "").startswith("text/html"):
        text = re.sub(r"<(style|script|head).*?</\1>", " ", text, flags=re.DOTALL | re.IGNORECASE)
        text = re.sub(r"<[^>]*>", " ", text)
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
