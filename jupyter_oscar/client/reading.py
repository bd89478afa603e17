"""One version of an object, piece by piece, though the storage goes away in the middle."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from .errors import StorageFailed
from .policy import STORAGE_AGAIN

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

CHUNK: Final = 256 * 1024
#: Seconds before it is asked for the rest; twice as long each time that nothing came.
FIRST_WAIT: Final = 0.2


async def steady(s3: Any, place: dict[str, str], answer: Any, first: int, last: int) -> AsyncGenerator[bytes, None]:
    """The bytes from ``first`` to ``last`` that ``answer`` began; where it breaks off the rest is asked for.

    The rest is taken of the same version only: never is one object put together of two.

    Raises:
        StorageFailed: nothing more came, or another object stands there now.

    """
    from aiohttp import ClientError as BrokenLine
    from botocore.exceptions import BotoCoreError

    what, etag = f"{place['Bucket']}/{place['Key']}", answer["ETag"]
    at, tried = first, 0
    while True:
        answer = answer or await _rest(s3, place, etag, at, last)
        try:
            async with answer["Body"] as body:
                async for chunk in body.iter_chunks(CHUNK):
                    at, tried = at + len(chunk), 0
                    yield chunk
            if at > last:
                return
            error: Exception | None = None
        except (BotoCoreError, BrokenLine, OSError, asyncio.TimeoutError) as broken:
            error = broken
        answer, tried = None, tried + 1
        if tried > STORAGE_AGAIN:
            msg = f"{what} broke off after {at - first} of {last + 1 - first} bytes."
            raise StorageFailed(msg, hint="Fetch it again.") from error
        await asyncio.sleep(FIRST_WAIT * 2**tried)


async def _rest(s3: Any, place: dict[str, str], etag: str, at: int, last: int) -> Any:
    from botocore.exceptions import ClientError

    msg = f"{place['Bucket']}/{place['Key']} was replaced while it was read."
    try:
        answer = await s3.get_object(**place, Range=f"bytes={at}-{last}", IfMatch=etag)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") not in {"PreconditionFailed", "412", "InvalidRange"}:
            raise
        raise StorageFailed(msg, hint="Fetch it again.") from error
    # Not every store heeds the condition, or the range.
    if answer["ETag"] != etag or not str(answer.get("ContentRange", "")).startswith(f"bytes {at}-"):
        answer["Body"].close()
        raise StorageFailed(msg, hint="Fetch it again.")
    return answer
