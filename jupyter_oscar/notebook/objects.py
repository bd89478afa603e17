"""An object of a bucket as a cell sees it. Its bytes are fetched when asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import views
from .bridge import bridge

if TYPE_CHECKING:
    from datetime import datetime

    from jupyter_oscar.client.cluster import Cluster as Client
    from jupyter_oscar.client.transfers import Object


class StoredObject:
    """One object. ``name`` is what it is called where it is shown."""

    def __init__(self, client: Client, bucket: str, row: Object, name: str) -> None:
        self._client, self._bucket, self._row = client, bucket, row
        self.name = name
        self._content: bytes | None = None

    @property
    def key(self) -> str:
        """Its key in the bucket."""
        return self._row.key

    @property
    def size(self) -> int:
        """Bytes."""
        return self._row.size

    @property
    def modified(self) -> datetime:
        """When it was written."""
        return self._row.modified

    @property
    def etag(self) -> str:
        """What the store calls this content."""
        return self._row.etag.strip('"')

    @property
    def path(self) -> str:
        """Where it lies: ``s3://bucket/key``."""
        return f"s3://{self._bucket}/{self._row.key}"

    @property
    def content(self) -> bytes:
        """The bytes."""
        if self._content is None:
            self._content = bridge.run(self._client.store.get(self._bucket, self._row.key))
        return self._content

    @property
    def text(self) -> str:
        """The bytes as UTF-8 text."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The bytes parsed as JSON."""
        return json.loads(self.content)

    def save(self, path: Path | str) -> Path:
        """Write it to a file, or under its own name into a folder, and return where."""
        target = Path(path)
        target = target / views.safe_name(self.name) if target.is_dir() else target
        bridge.run(self.save_to(target))
        return target

    async def save_to(self, path: Path) -> None:
        """The same, on our loop."""
        await self._client.store.download(self._bucket, self._row.key, path)

    def __repr__(self) -> str:
        return f"{self.name} {views.size(self.size)}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        del include, exclude
        return views.output_bundle(self)
