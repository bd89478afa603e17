"""Batches: calls of a function that share a job, and how they are found again in a named run.

A job is named after the calls it carries, ``ndvi-00000-00024.call``, so that a run says by itself how it was cut.
"""

from __future__ import annotations

import hashlib
import re
from types import CodeType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

NAME: Final = re.compile(r"\w+-(\d{5,})(?:-(\d{5,}))?\.call")


def name(first: int, count: int) -> str:
    """Which calls a job carries: ``00000-00024``, ``00007``."""
    return f"{first:05d}" + (f"-{first + count - 1:05d}" if count > 1 else "")


def recorded(names: Iterable[str]) -> dict[int, int]:
    """How many calls share the job that begins with a call, by the number of that call."""
    found = [(int(match[1]), int(match[2] or match[1])) for match in map(NAME.fullmatch, names) if match]
    return {first: last - first + 1 for first, last in found}


def cuts(had: Mapping[int, int], choose: Callable[[int], int], *, alone: bool) -> Callable[[int], int]:
    """How many calls share the next job, after so many.

    As the run ``had`` it; else the first ``alone``, if it is to be measured; else what is chosen then, once.
    """
    chosen = 0

    def size(done: int) -> int:
        nonlocal chosen
        if done in had:
            return had[done]
        if alone and not done:
            return 1
        chosen = chosen or choose(done)
        return chosen

    return size


def digest(function: Callable[..., Any], arguments: Iterable[bytes]) -> str:
    """What decides the values of a batch, the same in every kernel: the function's code, and its pickled arguments.

    What a function is pickled to is not: it names the cell that it stands in.
    """
    found = hashlib.sha256()
    for part in (*_code(getattr(function, "__code__", None)), *arguments):
        found.update(hashlib.sha256(part).digest())
    return found.hexdigest()


def _code(code: CodeType | None) -> Iterator[bytes]:
    if code is None:
        return
    yield code.co_code
    yield repr((code.co_names, code.co_varnames, code.co_freevars)).encode()
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code(constant)
        else:
            # The order of a set differs from kernel to kernel.
            yield repr(sorted(map(repr, constant)) if isinstance(constant, frozenset) else constant).encode()
