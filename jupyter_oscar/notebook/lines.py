"""What a map says in a terminal: how long it will take at least, and how far it is while somebody waits."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Final

from jupyter_oscar.client.maps import START_RATE

from . import views
from .bridge import bridge

if TYPE_CHECKING:
    import concurrent.futures

    from jupyter_oscar.client.maps import Map as Engine

    from .maps import Map

# A wait that is shorter shows nothing.
QUIET: Final = 1.0
# Worth saying before it begins, in seconds.
WORTH_SAYING: Final = 10.0


class Line:
    """One line in a terminal that is kept current while somebody waits for longer than a moment."""

    def __init__(self, jobs: Map) -> None:
        self._jobs = jobs
        self._shown = False
        self._following: concurrent.futures.Future[None] | None = None

    def __enter__(self) -> None:
        if sys.stderr is not None and sys.stderr.isatty():
            self._following = bridge.start(self._follow())

    async def _follow(self) -> None:
        await asyncio.sleep(QUIET)
        async for now in self._jobs.changes():
            self._shown = True
            print(f"\r\x1b[K{views.map_text(now)}", end="", file=sys.stderr, flush=True)  # noqa: T201
            await asyncio.sleep(0.2)

    def __exit__(self, *_: object) -> None:
        if self._following is not None:
            self._following.cancel()
            if self._shown:
                print(f"\r\x1b[K{views.map_text(self._jobs.progress)}", file=sys.stderr, flush=True)  # noqa: T201


def announce(engine: Engine) -> None:
    """Say beforehand how long the server's start rate makes it."""
    least = engine.least_seconds
    if least is None or least < WORTH_SAYING:
        return
    count = sum(not item.over for item in engine.items)
    words = (
        f"{count:,} calls: a cluster starts about {START_RATE} jobs a second, so about {views.about(least)} at least."
    )
    # A notebook shows what goes to stderr as an alarm.
    print(words, file=sys.stdout if "ipykernel" in sys.modules else sys.stderr, flush=True)
