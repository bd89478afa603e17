"""The services of a cluster as a table that stays current while somebody looks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar, Final

from .view import View

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence

    from jupyter_oscar.client.services import Summary

# More rows help nobody; the sidebar has a filter.
ROWS: Final = 200
COLUMNS: Final = ("name", "kind", "visibility", "image", "owner")


class ServicesView(View):
    """A row for each service, as the poller has them."""

    idle_stops: ClassVar[bool] = True
    lingers: ClassVar[bool] = True

    def __init__(
        self,
        summaries: Callable[[], Sequence[Summary]],
        static: Callable[[], dict[str, Any]],
        read_again: Callable[[], Coroutine[Any, Any, None]],
    ) -> None:
        self._summaries = summaries
        self._static = static
        self._read_again = read_again
        super().__init__()

    def now(self) -> dict[str, Any]:
        """The rows as they were read last."""
        rows = self._summaries()
        word = f"{ROWS} of {len(rows)} services" if len(rows) > ROWS else ""
        return {
            "kind": "services",
            "columns": list(COLUMNS),
            "rows": [list(row) for row in rows[:ROWS]],
            "word": word if rows else self._static()["text/plain"],
        }

    def static(self) -> dict[str, Any]:
        """The table of a saved notebook."""
        return self._static()

    async def news(self) -> AsyncGenerator[None, None]:
        """Ask the poller, which asks the cluster now and then."""
        while True:
            await self._read_again()
            yield
            await asyncio.sleep(1)
