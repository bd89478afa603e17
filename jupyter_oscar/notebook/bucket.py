"""A bucket in a cell: what is in it, files to it and back, a link to one object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from html import escape
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from jupyter_oscar.client import folders
from jupyter_oscar.client.errors import BucketNotFound, InvalidRequest

from . import shown, views
from .bridge import bridge
from .listing import Listing
from .objects import StoredObject
from .progress import Progress
from .shown import QUIET

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from typing_extensions import Self

    from jupyter_oscar.client.buckets import Bucket as Row
    from jupyter_oscar.client.cluster import Cluster as Client
    from jupyter_oscar.client.transfers import Object

    from .watching import Watching

MINUTES: Final = 10

Keys: TypeAlias = list[str]
Paths: TypeAlias = list[Path]


class Link(str):
    """A presigned URL. A cell shows what it opens and until when, not the URL: that would stay in the notebook."""

    __slots__ = ("_about",)
    _about: str

    @classmethod
    def to(cls, about: str, url: str) -> Self:
        """A link that is shown as ``about``."""
        made = cls(url)
        made._about = about
        return made

    def __repr__(self) -> str:
        return f"{self._about}; print() shows it"


class Bucket:
    """A bucket of the cluster's object storage. Its methods block and can be interrupted."""

    def __init__(self, client: Client, name: str) -> None:
        name = name.removeprefix("s3://").rstrip("/")
        if "/" in name or not name:
            msg = f'"{name}" names no bucket.'
            raise InvalidRequest(msg, hint='A folder in it is told to its methods: cluster.bucket("b").list("in/").')
        self._client, self.name = client, name

    def __repr__(self) -> str:
        return f"s3://{self.name}  on {self._client.profile.name}"

    def _repr_html_(self) -> str:
        return f"<b>s3://{escape(self.name)}</b> &nbsp;<span {QUIET}>on {escape(self._client.profile.name)}</span>"

    def list(self, prefix: str = "", *, recursive: bool = False) -> Listing:
        """What is there: folders and objects whose keys begin with ``prefix`` (a folder's ends in ``/``).

        The first 200 are read now, the next ones as you walk through it; ``recursive`` without stopping at folders.
        """
        return Listing(self._client, self.name, prefix, recursive=recursive)

    def object(self, key: str) -> StoredObject:
        """One object by its key.

        Raises:
            ObjectNotFound: there is none.

        """
        return self._stored(bridge.run(self._client.objects.look(self.name, key)))

    def upload(self, source: Path | str | bytes | Iterable[Path | str], to: str = "") -> StoredObject | Keys:
        """Store a file, a folder with all in it, several of them, or bytes.

        ``to`` is a key, or a folder where it ends in ``/``; a file goes under its own name unless told otherwise. The
        store's checksum is compared with ours. Of one file or bytes the object is returned, else the keys.

        Raises:
            FileMissing: a file is not there, or changed while it was sent.
            InvalidRequest: no object can have that key.
            StorageFailed: it did not arrive whole.

        """
        if isinstance(source, bytes):
            with Progress(to, len(source)) as line:
                put = self._client.store.put(self.name, to, source, progress=line.add, sha256=False)
                bridge.run(put, line.draw)
            return self.object(to)
        one = isinstance(source, (str, Path))
        files = [Path(source)] if isinstance(source, (str, Path)) else [Path(file) for file in source]
        due = folders.plan(files, to)
        label = files[0].name if one else f"{len(due):,} files"
        with Progress(label, sum(sending.size for sending in due)) as line:
            bridge.run(folders.upload(self._client, self.name, due, line.add), line.draw)
        if one and not files[0].is_dir():
            return self.object(due[0].key)
        return [sending.key for sending in due]

    def download(self, key: str | StoredObject, to: Path | str = ".") -> Path | Paths:
        """Fetch an object to a file or into a folder, or with a key that ends in ``/`` all below it, and say where.

        Raises:
            ObjectNotFound: there is nothing of that name.
            NotSaved: the disk does not take it, or a key would lead outside of the folder.
            StorageFailed: what came is not what is stored.

        """
        name, target = _key(key), Path(to)
        if not name or name.endswith("/"):
            rows = folders.places(bridge.run(self._all(name)), name, target)
            with Progress(name or self.name, sum(row.size for row, _ in rows)) as line:
                bridge.run(folders.download(self._client, self.name, rows, line.add), line.draw)
            return [path for _, path in rows]
        row = bridge.run(self._client.objects.look(self.name, name))
        path = target / views.safe_name(PurePosixPath(name).name) if target.is_dir() else target
        with Progress(path.name, row.size) as line:
            bridge.run(folders.download(self._client, self.name, [(row, path)], line.add), line.draw)
        return path

    def presign(self, key: str | StoredObject, *, verb: str = "GET", minutes: float = MINUTES) -> Link:
        """A URL with which anybody may GET that one object, or PUT one under its key, until it ends."""
        if verb not in {"GET", "PUT"} or not 0 < minutes <= 7 * 24 * 60:
            msg = "A link is for GET or PUT, and lasts a week at most."
            raise InvalidRequest(msg)
        name = _key(key)
        url = bridge.run(self._client.buckets.presign(self.name, name, verb=verb, seconds=round(minutes * 60)))
        ends = datetime.now(timezone.utc).astimezone() + timedelta(minutes=minutes)
        return Link.to(f"{verb} {self.name}/{name} for anybody until {ends:%H:%M on %d %b}", url)

    def delete(self, *keys: str | StoredObject, recursive: bool = False) -> int:
        """Remove objects, and say how many; those that are not there do not matter.

        With ``recursive`` a key that ends in ``/`` stands for all below it.

        Raises:
            InvalidRequest: a folder was named without it; nothing was removed.

        """
        names = [_key(key) for key in keys]
        wide = [name for name in names if not name or name.endswith("/")]
        if wide and not recursive:
            msg = f'"{wide[0]}" is a folder.'
            raise InvalidRequest(msg, hint="delete(…, recursive=True) removes all below it. Nothing was removed.")
        due = [name for name in names if name not in wide]
        for folder in wide:
            due += [row.key for row in bridge.run(self._all(folder))]
        bridge.run(self._client.objects.remove(self.name, due))
        return len(due)

    def copy(self, key: str | StoredObject, to: str) -> str:
        """Copy an object inside the storage, and say where it is then: ``to`` is a key, or ``s3://bucket/key``.

        Where it ends in ``/`` the object keeps its own name.
        """
        name = _key(key)
        bucket, target = self.name, to
        if to.startswith("s3://"):
            bucket, _, target = to.removeprefix("s3://").partition("/")
        if not target or target.endswith("/"):
            target += PurePosixPath(name).name
        bridge.run(self._client.store.copy(self.name, name, bucket, target))
        return f"s3://{bucket}/{target}"

    def watch(self, prefix: str = "", *, existing: bool = False) -> Watching:
        """Changes from now on, as they are seen: ``async for change in bucket.watch("out/")``, or with ``for``.

        Each is told once; with ``existing`` those objects too that are there already.
        """
        from .watching import Watching

        return Watching(self._client, self.name, prefix, existing=existing)

    async def _all(self, prefix: str) -> Sequence[Object]:
        return [row async for row in self._client.buckets.under(self.name, prefix)]

    def _stored(self, row: Object) -> StoredObject:
        return StoredObject(self._client, self.name, row, row.key)


def _key(key: str | StoredObject) -> str:
    return key.key if isinstance(key, StoredObject) else key


class Buckets(Mapping[str, Bucket]):
    """The buckets of a cluster, by name, as they were when asked."""

    def __init__(self, rows: Sequence[Row], client: Client) -> None:
        self._rows = {row.bucket_name: row for row in rows}
        self._client = client

    def __getitem__(self, name: str) -> Bucket:
        if name not in self._rows:
            msg = f'No bucket "{name}" on {self._client.profile.name}.'
            raise BucketNotFound(msg)
        return Bucket(self._client, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        if not self._rows:
            return f"No buckets on {self._client.profile.name}."
        width = max(len(name) for name in self._rows)
        return "\n".join(f"{name:<{width}}  {_about(row)}" for name, row in self._rows.items())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        del include, exclude
        if not self._rows:
            return {"text/plain": repr(self), "text/html": f"<span {QUIET}>{escape(repr(self))}</span>"}
        cells = [(row.bucket_name, row.visibility, row.owner, row.service or "") for row in self._rows.values()]
        return {"text/plain": repr(self), "text/html": shown.table(("name", "visibility", "owner", "service"), cells)}


def _about(row: Row) -> str:
    return " · ".join(filter(None, [row.visibility, row.owner, f"of {row.service}" if row.service else ""]))
