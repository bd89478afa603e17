"""Buckets: list, make, share, delete, how much is in them, and pages of their folders."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from jupyter_oscar.client.errors import InvalidRequest, NotAllowed

from .route import Message, Route, may

if TYPE_CHECKING:
    from jupyter_oscar.client.buckets import Bucket, Page
    from jupyter_oscar.client.cluster import Cluster
    from jupyter_oscar.client.transfers import Object

# The most that S3 lists in one page.
MOST = 1000


class BucketRow(Message):
    """A bucket in the list. ``visibility`` is empty where it is the admin's own.

    ``mine`` says whether it is the caller's, who alone shares it; null where the cluster names no owner.

    ``bytes`` and ``objects`` are what the storage counted last, ``quota`` how many bytes it may hold; null where the
    cluster does not say.
    """

    name: str
    visibility: str
    owner: str
    service: str | None = None
    allowed_users: tuple[str, ...] = ()
    mine: bool | None = None
    bytes: int | None = None
    objects: int | None = None
    quota: int | None = None


class Sharing(Message):
    """Who sees a bucket."""

    visibility: Literal["private", "restricted", "public"] = "private"
    allowed_users: tuple[str, ...] = ()


class NewBucket(Sharing):
    """A bucket to be made."""

    name: str


class ObjectRow(Message):
    """An object: size in bytes, ``modified`` in seconds since 1970, ``etag`` empty where the storage tells none."""

    key: str
    size: int
    modified: float
    etag: str = ""


class FolderPage(Message):
    """A page of a folder: the prefixes of the folders in it, its objects, and how to ask for the next page."""

    folders: tuple[str, ...]
    objects: tuple[ObjectRow, ...]
    cursor: str | None = None


class FolderAmount(Message):
    """How much lies in a folder; ``more`` says that counting stopped early."""

    objects: int
    bytes: int
    more: bool = False


async def row(cluster: Cluster, bucket: Bucket) -> BucketRow:
    """A bucket for the list."""
    return _row(bucket, (await cluster.config()).minio_provider.access_key)


async def rows(cluster: Cluster) -> list[BucketRow]:
    """Every bucket the caller may see."""
    me = (await cluster.config()).minio_provider.access_key
    return [_row(one, me) for one in await cluster.buckets.list()]


def _row(bucket: Bucket, me: str) -> BucketRow:
    usage, quota = bucket.storage_usage, bucket.storage_quota
    return BucketRow(
        name=bucket.bucket_name,
        visibility=bucket.visibility,
        owner=bucket.owner or bucket.metadata.get("owner_name", ""),
        service=bucket.service,
        allowed_users=tuple(bucket.allowed_users),
        # Some versions shorten a person's id to what stands before its @.
        mine=me in {bucket.owner, bucket.owner.partition("@")[0]} if bucket.owner and me else None,
        bytes=usage.used_bytes if usage else None,
        objects=usage.objects if usage else None,
        quota=(quota.max_bytes or None) if quota else None,
    )


def object_row(found: Object) -> ObjectRow:
    """An object for the list."""
    return ObjectRow(key=found.key, size=found.size, modified=found.modified.timestamp(), etag=found.etag)


def folder_page(page: Page) -> FolderPage:
    """A page of a folder."""
    return FolderPage(
        folders=tuple(page.folders), objects=tuple(object_row(found) for found in page.objects), cursor=page.next
    )


class BucketsRoute(Route):
    """``/jupyter-oscar/clusters/<cluster>/buckets``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:storage"

    @may()
    async def get(self, cluster: str) -> None:
        """Every bucket the person may see."""
        self.reply(await rows(await self.cluster(cluster)))

    @may()
    async def post(self, cluster: str) -> None:
        """Make one."""
        said, one = self.body(NewBucket), await self.cluster(cluster)
        await one.buckets.create(said.name, visibility=said.visibility, allowed_users=said.allowed_users)
        self.reply(await row(one, await one.buckets.find(said.name)), 201)


class BucketRoute(Route):
    """``/jupyter-oscar/clusters/<cluster>/buckets/<bucket>``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:storage"

    @may()
    async def get(self, cluster: str, bucket: str) -> None:
        """One of them."""
        one = await self.cluster(cluster)
        self.reply(await row(one, await one.buckets.find(bucket)))

    @may()
    async def put(self, cluster: str, bucket: str) -> None:
        """Change who sees it."""
        said, one = self.body(Sharing), await self.cluster(cluster)
        found = await one.buckets.update(bucket, visibility=said.visibility, allowed_users=said.allowed_users)
        if not found.visibility:
            msg = f'Bucket "{bucket}" is the cluster\'s own and cannot be shared.'
            raise NotAllowed(msg, hint="Make one as a user of the cluster: its admin's buckets have no visibility.")
        self.reply(await row(one, found))

    @may()
    async def delete(self, cluster: str, bucket: str) -> None:
        """Delete it with all objects in it."""
        await (await self.cluster(cluster)).buckets.delete(bucket)
        self.reply(None)


class FolderRoute(Route):
    """``/jupyter-oscar/clusters/<cluster>/buckets/<bucket>/folder?prefix=…``.

    Keys are in queries and bodies: a browser mends paths with ``..`` or empty parts, which keys may have.
    """

    auth_resource: ClassVar[str] = "jupyter_oscar:storage"

    @may()
    async def get(self, cluster: str, bucket: str) -> None:
        """A page of a folder, by one request to the storage; ``prefix`` may go on with the beginning of a name."""
        one, size = await self.cluster(cluster), self.get_query_argument("size", "200")
        if not (size.isdecimal() and 0 < int(size) <= MOST):
            msg = f"size is a number from 1 to {MOST}."
            raise InvalidRequest(msg)
        token = self.get_query_argument("cursor", "") or None
        page = await one.buckets.page(bucket, self.plain("prefix"), token=token, size=int(size))
        self.reply(folder_page(page))

    @may()
    async def post(self, cluster: str, bucket: str) -> None:
        """Make an empty folder."""
        await (await self.cluster(cluster)).objects.make_folder(bucket, self.folder())
        self.reply(None)

    @may()
    async def delete(self, cluster: str, bucket: str) -> None:
        """Delete all that lies in it; says how many objects as it goes (see ``Lines``)."""
        one, folder = await self.cluster(cluster), self.folder()
        await self.work(lambda told: one.objects.remove_folder(bucket, folder, told))

    def folder(self) -> str:
        """A folder, which ends in a slash: a bare prefix would take what merely begins alike."""
        prefix = self.plain("prefix")
        if not prefix.endswith("/"):
            msg = f'"{prefix}" is no folder.'
            raise InvalidRequest(msg, hint="A folder's prefix ends in a slash.")
        return prefix


class AmountRoute(Route):
    """``/jupyter-oscar/clusters/<cluster>/buckets/<bucket>/amount?prefix=…``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:storage"

    @may()
    async def get(self, cluster: str, bucket: str) -> None:
        """How much lies there."""
        found = await (await self.cluster(cluster)).objects.amount(bucket, self.plain("prefix"))
        self.reply(FolderAmount(objects=found.objects, bytes=found.bytes, more=found.more))
