"""Amounts as Kubernetes writes them: ``200m`` and ``0.2`` processors, ``256Mi`` and ``1.5G`` bytes."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

_QUANTITY: Final = re.compile(
    r"([+-]?(?:\d+(?:\.\d*)?|\.\d+))(?:([KMGTPE]i|[numkMGTPE]?)|[eE]([+-]?\d{1,3}))", re.ASCII
)
_BINARY: Final = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


def amount(text: str) -> Decimal | None:
    """How much, of whatever it is; None for what Kubernetes does not read."""
    found = _QUANTITY.fullmatch(text)
    if found is None:
        return None
    number, suffix, power = Decimal(found[1]), found[2] or "", found[3]
    if suffix.endswith("i"):
        return number * Decimal(1024) ** _BINARY.index(suffix)
    return number.scaleb(int(power) if power else _DECIMAL[suffix])


def millicores(text: str) -> int:
    """Processors in thousandths, rounded up; 0 for what is no quantity."""
    return _up((amount(text) or Decimal()) * 1000)


def size(text: str) -> int:
    """Bytes, rounded up; 0 for what is no quantity."""
    return _up(amount(text) or Decimal())


def _up(number: Decimal) -> int:
    return int(number.to_integral_value("ROUND_CEILING"))


def shown(count: int) -> str:
    """Bytes as Kubernetes has them, to one decimal: ``1.5Gi``."""
    number, step = Decimal(count), 0
    while number >= 1024 and step < len(_BINARY) - 1:  # noqa: PLR2004
        number, step = number / 1024, step + 1
    return f"{number:.1f}".removesuffix(".0") + _BINARY[step]
