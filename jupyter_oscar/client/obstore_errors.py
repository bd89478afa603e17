"""What obstore says, in our words."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from .errors import InvalidRequest, NotAllowed, ObjectNotFound, StorageFailed

if TYPE_CHECKING:
    from collections.abc import Iterator


class OddKey(InvalidRequest):
    """A key that obstore does not take, such as one with a line break in it; to read it there is another way."""


class BucketMissing(ObjectNotFound):
    """There is not even a bucket of that name."""


@contextlib.contextmanager
def translated(what: str) -> Iterator[None]:
    """Obstore's exceptions in our words. Its texts carry the request's address, never a key or signature."""
    from obstore import exceptions

    try:
        yield
    except (FileNotFoundError, exceptions.NotFoundError) as error:
        msg = f"{what} failed: {_reason(error)}."
        raise (BucketMissing if "NoSuchBucket" in str(error) else ObjectNotFound)(msg) from error
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError, PermissionError) as error:
        msg = f"{what} failed: the storage does not allow it ({_reason(error)})."
        raise NotAllowed(msg) from error
    except (exceptions.InvalidPathError, ValueError) as error:
        msg = f"{what} failed: {str(error).split('Debug source:')[0].strip()}."
        raise OddKey(msg, hint="A key has no empty parts and no . or .. between its slashes.") from error
    except exceptions.BaseError as error:
        msg = f"{what} failed: {_reason(error)}."
        if "NoSuchBucket" in str(error):  # a listing's 404 is no NotFoundError
            raise BucketMissing(msg) from error
        if "<Code>AccessDenied</Code>" in str(error):  # nor its 403 a PermissionDeniedError
            raise NotAllowed(msg) from error
        answered = "Server returned" in str(error)
        hint = (
            "The storage itself failed: it may be full, or restarting."
            if answered
            else "Is the cluster's storage reachable from here? connect(storage=…) names another address for it."
        )
        raise StorageFailed(msg, hint=hint) from error


def _reason(error: Exception) -> str:
    """Why, in words; else the store's own message or code out of obstore's long text."""
    from .s3 import WORDS

    text = str(error).split("Debug source:")[0]
    for code in ("NoSuchBucket", "NoSuchKey"):
        if code in text:
            return WORDS[code]
    for tag in ("Message", "Code"):
        _, opened, rest = text.partition(f"<{tag}>")
        if opened:
            return rest.partition(f"</{tag}>")[0].rstrip(".")
    return " ".join(text.split())[:200].rstrip(". ")
