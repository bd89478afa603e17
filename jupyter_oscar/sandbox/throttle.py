"""The real server's speed.

OSCAR's Kubernetes client allows five requests a second with a burst of ten, for the whole server (oscar.md §0.3,
point 1). What a call costs is read from the recorded times, at 0.2 s a request once the burst is spent.
"""

from __future__ import annotations

import asyncio
import time

RATE, BURST = 5.0, 10.0

COSTS: dict[str, int] = {
    # handler                 wire, elapsed
    "list_services": 1,  # A020 0.197
    "read_service": 1,  # C010 0.199
    "create_service": 4,  # B010 0.8, B011 1.0: refused late; a success sleeps 6 s on top, which we do not copy
    "update_service": 2,  # F001 0.397, U003 0.397
    "delete_service": 4,  # Z003 7.2, Z004 6.3, less the 6 s sleep
    "read_deployment": 1,  # C006 0.18
    "read_deployment_logs": 4,  # C007 0.8
    "change_lifecycle": 3,  # C012 0.599
    "check_auth": 1,  # C015 0.2
    "start_job": 2,  # D006 0.403, D015 0.397: 2.4 jobs a second
    "list_jobs": 3,  # and one for each job on the page: E013 0.801 for one, P019 1.147 and P021 1.195 for three
    "read_log": 5,  # D009 1.0
    "delete_job": 2,  # E022 0.386
    "delete_jobs": 3,  # E020 0.603
    "status": 2,  # A023 0.46
    "list_volumes": 3,  # H007 0.599
    "read_volume": 2,  # H006 0.4
    "read_quota": 6,  # O015 1.214
    "read_own_quota": 6,  # O010 2.025, of which 0.8 for the token
    "write_quota": 13,  # O056 2.6
    "read_metrics": 4,  # A025 0.769
    "read_breakdown": 3,  # A027 0.598
    "read_executions": 2,  # A032 0.401
}


class Throttle:
    """A token bucket that hands out turns in the order of asking, as Go's rate limiter does."""

    def __init__(self) -> None:
        self._tokens = BURST
        self._at = time.monotonic()

    def delay(self, cost: int) -> float:
        at = time.monotonic()
        self._tokens = min(BURST, self._tokens + (at - self._at) * RATE) - cost
        self._at = at
        return max(0.0, -self._tokens / RATE)

    async def take(self, cost: int) -> None:
        if cost and (delay := self.delay(cost)):
            await asyncio.sleep(delay)


class NoThrottle(Throttle):
    """The sandbox's own speed."""

    def delay(self, cost: int) -> float:  # noqa: ARG002 - the same question, another answer
        return 0.0
