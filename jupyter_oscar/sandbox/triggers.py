"""A new object under a service's input path makes one job, as MinIO's webhook does on a cluster."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .store import Database


class Triggers(abc.ABC):
    """How a store tells of new objects. ``accept`` takes a service and its event, and commits the job."""

    def __init__(self, database: Database, accept: Callable[[str, bytes], object]) -> None:
        self._db, self._accept = database, accept

    @abc.abstractmethod
    async def start(self) -> None:
        """Go on with what is armed, and make up for what a kill left undone or unseen."""

    @abc.abstractmethod
    async def stop(self) -> None: ...

    @abc.abstractmethod
    async def arm(self, service: str, wanted: Iterable[tuple[str, str]]) -> None:
        """From now on uploads to these buckets and folders make jobs."""

    @abc.abstractmethod
    async def disarm(self, service: str, keep: set[tuple[str, str]] | None = None) -> None:
        """All but these make none any more."""

    def folder_marked(self, bucket: str, key: str, content: str) -> None:  # noqa: B027 - a store may tell of it itself
        """Somebody made a folder marker that the store itself does not know."""
