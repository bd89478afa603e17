"""Amounts as Kubernetes writes them: ``200Mi``, ``1.5Gi``, ``0``."""

from __future__ import annotations

import math
import re

_QUANTITY = re.compile(r"\+?(\d+(?:\.\d*)?|\.\d+)(Ki|Mi|Gi|Ti|Pi|Ei|k|M|G|T|P|E|m|[eE][+-]?\d+)?")
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL = {"m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_STEP = 1024


def parse(text: str) -> int | None:
    """Bytes, rounded up; None when it is no quantity of something."""
    found = amount(text)
    return None if found is None else math.ceil(found)


def amount(text: str) -> float | None:
    """Of anything, as processors: ``0.2`` and ``200m`` are the same."""
    found = _QUANTITY.fullmatch(text)
    if found is None:
        return None
    number, suffix = float(found[1]), found[2] or ""
    if suffix in _BINARY:
        return number * float(_STEP) ** _BINARY.index(suffix)
    power = _DECIMAL[suffix] if suffix in _DECIMAL else int(suffix[1:])
    return number * 10.0**power


def canonical(size: int) -> str:
    """With the largest suffix that leaves a whole number (wire O052, O055)."""
    power = 0
    while size and size % _STEP == 0 and power < len(_BINARY) - 1:
        size, power = size // _STEP, power + 1
    return f"{size}{_BINARY[power]}"


def rounded(size: int) -> str:
    """To one decimal, as OSCAR shows what is used (oscar.md §1.5)."""
    number, power = float(size), 0
    while number >= _STEP and power < len(_BINARY) - 1:
        number, power = number / _STEP, power + 1
    return f"{number:.1f}".removesuffix(".0") + _BINARY[power]
