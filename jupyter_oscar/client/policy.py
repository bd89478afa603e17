"""How long we wait, what is sent again, and when: for the cluster, its storage, and whoever waits for a call.

Everything about time is decided here. What is not safe to repeat is not repeated: see :meth:`.sender.Sender.request`.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

import httpx

from .errors import StorageFailed, TimedOut, Unreachable, UpstreamFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tenacity import RetryCallState

T = TypeVar("T")

# -- the cluster

CONNECT: Final = 10.0
# A busy server took 8.9 s for a plain GET (oscar.md §0.3 point 1).
READ: Final = httpx.Timeout(60.0, connect=CONNECT)
# Create, update and delete take 6 to 10 s, more under load (oscar.md §0.3 point 10, §10.6).
WRITE: Final = httpx.Timeout(150.0, connect=CONNECT)
# A create that first fetches the image to every node (oscar.md §1.2).
PREFETCH: Final = httpx.Timeout(300.0, connect=CONNECT)
# The server ends every request after 300 s (oscar.md §0.1).
RUN: Final = httpx.Timeout(310.0, connect=CONNECT)
# After a first failure.
AGAIN: Final = 2
FIRST_WAIT: Final = 0.3
LONGEST_WAIT: Final = 5.0
# How long a cluster may ask us to wait (Retry-After) before we rather say that it is busy.
ASKED_WAIT: Final = 30.0
BUSY: Final = frozenset({429, 502, 503, 504})
REDIRECTS: Final = 3

# -- its storage

# It is away for 0.3 to 0.5 s whenever a service is made or removed (oscar.md §0.3 point 10).
STORAGE_AGAIN: Final = 5
STORAGE_READ: Final = 60
# obstore waits by chance between the first wait and ``base`` times the last one: about eight seconds in all, of which
# MinIO takes some to start again on a busy machine.
OBSTORE: Final[dict[str, Any]] = {
    "max_retries": 8,
    "retry_timeout": timedelta(seconds=30),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=3), "base": 3},
}
BOTOCORE: Final[dict[str, Any]] = {
    "connect_timeout": CONNECT,
    "read_timeout": STORAGE_READ,
    "retries": {"total_max_attempts": STORAGE_AGAIN + 1, "mode": "standard"},
}

# -- who waits for a call

# What passes by itself, and how long it may last before those who wait are told.
PASSING: Final = (StorageFailed, TimedOut, Unreachable, UpstreamFailed)
PATIENCE: Final = 120.0
# How long a token that others renew may be refused before that is told.
RENEWAL: Final = 10.0


class Busy(Exception):
    """The server asked for patience; the answer is kept in case patience runs out."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        super().__init__(response.status_code)

    @property
    def asked(self) -> float | None:
        """For how many seconds, if it said a number."""
        said = self.response.headers.get("Retry-After", "")
        return float(said) if said.isdigit() else None


async def patiently(attempt: Callable[[], Awaitable[T]], *, again: bool) -> T:
    """Try, and where that is safe try again: soon, then later, or when the server says.

    Raises:
        Busy: the server kept asking for patience.
        Unreachable: it could not be reached.

    """
    try:
        return await attempt()
    except (Unreachable, Busy) as error:
        if not again or too_long(error):
            raise
        first = error
    from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

    grow = wait_random_exponential(multiplier=FIRST_WAIT, max=LONGEST_WAIT)

    def wait(state: RetryCallState) -> float:
        failed = state.outcome.exception() if state.outcome else None
        asked = failed.asked if isinstance(failed, Busy) else None
        return grow(state) if asked is None else asked

    if isinstance(first, Busy) and first.asked:
        await asyncio.sleep(first.asked)
    attempts = AsyncRetrying(
        stop=stop_after_attempt(AGAIN),
        wait=wait,
        retry=retry_if_exception(lambda error: isinstance(error, (Unreachable, Busy)) and not too_long(error)),
        reraise=True,
    )

    async def once_more() -> T:  # tenacity awaits only what it sees to be a coroutine
        return await attempt()

    return await attempts(once_more)


def too_long(error: BaseException) -> bool:
    """Whether a server asks for more patience than a person at a notebook has."""
    return isinstance(error, Busy) and (error.asked or 0.0) > ASKED_WAIT
