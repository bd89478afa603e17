"""How far bytes have got, shown by the cell that waits for them once that takes longer than a second."""

from __future__ import annotations

import sys
import time
from html import escape
from typing import TYPE_CHECKING, Any, Final

from . import views
from .shown import QUIET

if TYPE_CHECKING:
    from typing_extensions import Self

# A wait that is shorter shows nothing.
SHORT: Final = 1.0
BAR: Final = 22


class Progress:
    """One line for one transfer: ``lake.tif  ██████░░░░  1.2 GB of 2.1 GB · 210 MB/s · about 4 s left``."""

    def __init__(self, label: str, total: int) -> None:
        self._label, self._total, self._done = label, total, 0
        self._began = time.monotonic()
        self._over: float | None = None
        self._handle: Any = None
        self._drawn = False

    def add(self, count: int) -> None:
        """So many bytes more; from any thread."""
        self._done += count

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._over = time.monotonic() - self._began
        if self._drawn:
            self.draw()
            if self._handle is None:
                print(file=sys.stderr)  # noqa: T201 - the line is left standing

    def draw(self) -> None:
        """Show it as it is now; on the thread whose cell waits."""
        if not self._drawn and time.monotonic() - self._began < SHORT:
            return
        if "ipykernel" in sys.modules:
            self._draw_in_cell()
        elif sys.stderr is not None and sys.stderr.isatty():
            print(f"\r\x1b[K{self.text}", end="", file=sys.stderr, flush=True)  # noqa: T201
        else:
            return
        self._drawn = True

    def _draw_in_cell(self) -> None:
        from IPython.display import display

        data = {"text/plain": self.text, "text/html": self.html}
        if self._handle is None:
            self._handle = display(data, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(data, raw=True)

    @property
    def text(self) -> str:
        """As a terminal shows it."""
        return f"{self._mark}{self._label}  {'' if self._over else f'{self._bar}  '}{self._words}"

    @property
    def html(self) -> str:
        """As a notebook shows and keeps it."""
        if self._over:
            mark = f'<span style="color:var(--jp-success-color1)">{self._mark}</span>'
            return f"{mark}{escape(self._label)} &nbsp;<span {QUIET}>{self._words}</span>"
        bar = f'<span style="color:var(--jp-info-color1);letter-spacing:-0.5px">{self._bar}</span>'
        return (
            f'<span style="font-variant-numeric:tabular-nums">{escape(self._label)} &nbsp;{bar}&nbsp; '
            f"{self._words}</span>"
        )

    @property
    def _mark(self) -> str:
        return "✓ " if self._over else ""

    @property
    def _bar(self) -> str:
        full = BAR * min(self._done, self._total) // max(1, self._total)
        return "█" * full + "░" * (BAR - full)

    @property
    def _words(self) -> str:
        if self._over:
            return f"{views.size(self._total)} in {views.duration(self._over)}"
        took = time.monotonic() - self._began
        rate = self._done / took if took else 0.0
        words = [f"{views.size(self._done)} of {views.size(self._total)}", f"{views.size(int(rate))}/s"]
        if rate:
            words.append(f"about {views.about(max(0, self._total - self._done) / rate)} left")
        return " · ".join(words)
