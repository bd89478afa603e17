"""One line per promise."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

REPEATS = 5


@dataclass(frozen=True)
class Line:
    """A promise and what was measured."""

    name: str
    measured: str
    promise: str
    ok: bool

    def __str__(self) -> str:
        return f"{self.name:<58} {self.measured:<44} {self.promise:<18} {'ok' if self.ok else 'short'}"


def alternate(
    ours: Callable[[], float], theirs: Callable[[], float], repeats: int = REPEATS
) -> list[tuple[float, float]]:
    """Measure both in turn; the first pair warms caches up and is not counted."""
    pairs = [(ours(), theirs()) for _ in range(repeats + 1)]
    return pairs[1:]


def at_most(name: str, pairs: Sequence[tuple[float, float]], limit: float, what: str) -> Line:
    """Ours / theirs is at most ``limit`` in every repeat."""
    ratios = [ours / theirs for ours, theirs in pairs]
    return Line(name, _spread(ratios, pairs), f"<= {limit:g} x {what}", max(ratios) <= limit)


def at_least(name: str, pairs: Sequence[tuple[float, float]], limit: float) -> Line:
    """We are at least ``limit`` times faster in every repeat."""
    ratios = [theirs / ours for ours, theirs in pairs]
    return Line(name, _spread(ratios, pairs), f">= {limit:g} x faster", min(ratios) >= limit)


def count(name: str, measured: float, limit: float, unit: str) -> Line:
    """A count that may not exceed its limit."""
    return Line(name, f"{measured:g} {unit}", f"<= {limit:g} {unit}", measured <= limit)


def _spread(ratios: Sequence[float], pairs: Sequence[tuple[float, float]]) -> str:
    ours, theirs = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
    return f"{statistics.median(ratios):.2f} x ({min(ratios):.2f}-{max(ratios):.2f}; {_time(ours)} : {_time(theirs)})"


def _time(value: float) -> str:
    return f"{value:.2f}" if value >= 1 else f"{value * 1000:.0f} m"
