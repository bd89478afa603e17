"""The outputs of a map as files: whole ones, in one folder, none over another."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from jupyter_oscar.client.errors import NotSaved

from . import views

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from jupyter_oscar.client.maps import Item

    from .results import Output, Result

# How many outputs are saved at once.
AT_ONCE: Final = 16


async def save(root: Path, found: Sequence[tuple[Item, Result]]) -> list[Path]:
    """Write outputs into a folder, and return where each lies.

    Raises:
        NotSaved: the disk is full, or may not be written to. Whole files stand there, no halves.

    """
    wanted = _places(root, found)
    gate, saved, full = asyncio.Semaphore(AT_ONCE), 0, False

    async def write(output: Output, path: Path) -> Path:
        nonlocal saved, full
        async with gate:
            if not full:
                try:
                    await output.save_to(path)
                except OSError:
                    # The others under way are finished or cleared away before anybody is told.
                    full = True
                    raise
                saved += 1
        return path

    try:
        await asyncio.to_thread(root.mkdir, parents=True, exist_ok=True)
        ends = await asyncio.gather(*(write(output, path) for output, path in wanted), return_exceptions=True)
        if errors := [end for end in ends if isinstance(end, BaseException)]:
            raise errors[0]
        return [path for _, path in wanted]
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        msg = f"The outputs could not be saved to {root}: {why}. {saved} of {len(wanted)} are there."
        raise NotSaved(msg, hint="Make room, or name another folder, and save again.") from error


def _places(root: Path, found: Sequence[tuple[Item, Result]]) -> list[tuple[Output, Path]]:
    """Outputs under their own names; in a folder for each input where two wrote the same one."""
    names = Counter(views.safe_name(output.name) for _, result in found for output in result)
    clash = any(count > 1 for count in names.values())
    stems = Counter(_stem(item) for item, _ in found)
    wanted: list[tuple[Output, Path]] = []
    for item, result in found:
        own = _stem(item) if stems[_stem(item)] == 1 else f"{_stem(item)}-{item.index}"
        given: Counter[str] = Counter()
        for output in result:
            name = views.safe_name(output.name)
            given[name] += 1
            # What a safe name made the same of stays apart.
            path = PurePosixPath(name if given[name] == 1 else f"{name}-{given[name]}")
            wanted.append((output, (root / own if clash else root) / path))
    return wanted


def _stem(item: Item) -> str:
    return views.safe_name(PurePosixPath(item.name).stem or item.name)
