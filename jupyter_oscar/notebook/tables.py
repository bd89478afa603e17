"""Rows of things that a cell can end with: plain text in columns, or a static HTML table."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Generic, TypeVar

from . import shown
from .shown import QUIET

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

T = TypeVar("T")


class Rows(list[T], Generic[T]):
    """A list that shows itself as a table; ``nothing`` is what it says when it is empty."""

    titles: Sequence[str] = ()
    nothing = "Nothing."

    def cells(self, row: T) -> Sequence[str]:
        """The words of one row."""
        return tuple(map(str, row)) if isinstance(row, tuple) else (str(row),)

    def __repr__(self) -> str:
        return text([self.titles, *map(self.cells, self)]) if self else self.nothing

    def _repr_html_(self) -> str:
        if not self:
            return f"<span {QUIET}>{escape(self.nothing)}</span>"
        return shown.table(self.titles, map(self.cells, self))


def text(rows: Iterable[Sequence[str]]) -> str:
    """Columns, as wide as their longest word."""
    lines = [list(row) for row in rows if row]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
