"""What was read of records once, kept on this machine: the truth is in the buckets, and this can be thrown away.

A record is read from its bucket again only when the bucket shows another size or time for it. Whatever happens to the
file (a full disk, damage, a newer version's tables), calls are found all the same, only more slowly.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .transfers import Object

# In the file's name: another layout is another file.
LAYOUT: Final = 1
# What nobody looked at for so long, in seconds, goes.
KEPT: Final = 90 * 24 * 3600
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS records (cluster TEXT, bucket TEXT, key TEXT, size INTEGER, modified REAL, "
    "seen REAL, body BLOB, PRIMARY KEY (cluster, bucket, key)) WITHOUT ROWID"
)


class Index:
    """The records of one caller on one cluster. None of its methods fails."""

    def __init__(self, endpoint: str, caller: str, path: Path | None = None) -> None:
        self._cluster = hashlib.sha256(f"{endpoint}\n{caller}".encode()).hexdigest()[:16]
        self._path = path

    @property
    def path(self) -> Path:
        """Where it lies: in Jupyter's data folder, for its owner alone."""
        if self._path is None:
            from jupyter_core.paths import jupyter_data_dir

            self._path = Path(jupyter_data_dir()) / "jupyter-oscar" / f"records-{LAYOUT}.sqlite3"
        return self._path

    async def read(self, bucket: str, rows: Sequence[Object]) -> dict[str, bytes]:
        """The records among those listed that are known as they are now, by key."""
        return await asyncio.to_thread(self._read, bucket, rows) if rows else {}

    async def write(self, bucket: str, found: Iterable[tuple[Object, bytes]]) -> None:
        """Keep what was read of records."""
        some = list(found)
        if some:
            await asyncio.to_thread(self._write, bucket, some)

    async def forget(self, bucket: str, keys: Iterable[str]) -> None:
        """Records that are gone."""
        await asyncio.to_thread(self._forget, bucket, list(keys))

    def _read(self, bucket: str, rows: Sequence[Object]) -> dict[str, bytes]:
        wanted = {row.key: _state(row) for row in rows}
        query = "SELECT key, size, modified, body FROM records WHERE cluster = ? AND bucket = ? AND key BETWEEN ? AND ?"
        there = self._do(lambda table: table.execute(query, (self._cluster, bucket, min(wanted), max(wanted))))
        return {key: body for key, size, modified, body in there if wanted.get(key) == (size, modified)}

    def _write(self, bucket: str, some: Sequence[tuple[Object, bytes]]) -> None:
        now = time.time()
        rows = [(self._cluster, bucket, row.key, *_state(row), now, body) for row, body in some]
        self._do(lambda table: table.executemany("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?, ?)", rows))
        self._do(lambda table: table.execute("DELETE FROM records WHERE seen < ?", (now - KEPT,)))

    def _forget(self, bucket: str, keys: Sequence[str]) -> None:
        query = "DELETE FROM records WHERE cluster = ? AND bucket = ? AND key = ?"
        rows = [(self._cluster, bucket, key) for key in keys]
        self._do(lambda table: table.executemany(query, rows))

    def _do(self, what: Callable[[sqlite3.Connection], sqlite3.Cursor]) -> list[Any]:
        """The rows that it gives; none where the file cannot be used. A damaged one is thrown away."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            with contextlib.closing(sqlite3.connect(self.path, timeout=5)) as file, file:
                file.execute(_TABLE)
                return what(file).fetchall()
        except sqlite3.OperationalError:  # in use, full, not to be written
            return []
        except sqlite3.DatabaseError:
            with contextlib.suppress(OSError):
                self.path.unlink()
            return []
        except OSError:
            return []


def _state(row: Object) -> tuple[int, float]:
    return row.size, row.modified.timestamp()
