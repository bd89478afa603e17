"""Buckets, pages of folders and presigned URLs.

Buckets are made and removed through OSCAR, since users may not do it by S3 (oscar.md §3.4). A folder is read page by
page by aiobotocore, because OSCAR's own listing is flat and obstore cannot page a folder (DESIGN §4).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from .errors import BucketNotFound, InvalidRequest, NotAllowed
from .transfers import Object

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from .cluster import Cluster

TEN_MINUTES: Final = 600
VISIBILITIES: Final = ("private", "restricted", "public")


def _moment(value: Any) -> Any:
    """A time as Go prints one: ``2026-11-23 00:47:01.611 +0000 UTC`` (oscar.md §1.5)."""
    if not isinstance(value, str) or not value.endswith(" UTC"):
        return value
    day, clock, zone = value.removesuffix(" UTC").split(" ")
    # Go leaves out zeros at the end; Python before 3.11 reads three or six digits only.
    whole, _, part = clock.partition(".")
    return datetime.fromisoformat(f"{day}T{whole}.{part[:6]:0<6}{zone[:3]}:{zone[3:]}")


class StorageQuota(BaseModel):
    """How large a bucket may become; ``source`` is ``bucket``, ``unset`` or ``unsupported``."""

    model_config = ConfigDict(extra="ignore")
    max: str = ""
    max_bytes: int | None = None
    source: str = ""


class StorageUsage(BaseModel):
    """How large a bucket is, as the storage last counted: its count lags."""

    model_config = ConfigDict(extra="ignore")
    used: str = ""
    used_bytes: int = 0
    objects: int | None = None


class Listed(BaseModel):
    """An object as OSCAR's own listing shows it; a name that ends in ``/`` is a folder's marker."""

    model_config = ConfigDict(extra="ignore")
    object_name: str
    size_bytes: int = 0
    last_modified: Annotated[datetime | None, BeforeValidator(_moment)] = None


class Presigned(BaseModel):
    """A URL that OSCAR signed with the storage's own key; uploads through it are the root's, not the caller's."""

    model_config = ConfigDict(extra="ignore")
    object_key: str
    method: str
    url: str = Field(repr=False)
    expires_at: datetime
    headers: Annotated[dict[str, str], BeforeValidator(lambda value: value or {})] = Field(default_factory=dict)


class Bucket(BaseModel):
    """A bucket as OSCAR lists it (oscar.md §1.5)."""

    model_config = ConfigDict(extra="ignore")
    bucket_name: str
    visibility: str = ""
    owner: str = ""
    allowed_users: Annotated[list[str], BeforeValidator(lambda value: value or [])] = Field(default_factory=list)
    metadata: Annotated[dict[str, str], BeforeValidator(lambda value: value or {})] = Field(default_factory=dict)
    storage_quota: StorageQuota | None = None
    storage_usage: StorageUsage | None = None
    attribution: str = ""
    objects: Annotated[list[Listed], BeforeValidator(lambda value: value or [])] = Field(default_factory=list)
    #: What to ask the next page with, if there is one.
    next_page: str = ""

    @property
    def service(self) -> str | None:
        """The service it was made for, with which it is deleted."""
        return self.metadata.get("from_service")


@dataclass(frozen=True)
class Page:
    """One page of a folder: names of sub-folders, objects, and the token of the next page if there is one."""

    folders: list[str]
    objects: list[Object]
    next: str | None


class Buckets:
    """The buckets of one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def list(self) -> Sequence[Bucket]:
        """The buckets the caller may see; a server says ``null`` where there are none (wire A021)."""
        rows = await self._cluster.json("GET", "/system/buckets", what="Listing the buckets")
        return [Bucket.model_validate(row) for row in rows or ()]

    async def create(self, name: str, *, visibility: str = "private", allowed_users: tuple[str, ...] = ()) -> None:
        """Make a bucket: ``private``, ``restricted`` to ``allowed_users``, or ``public``.

        Raises:
            AlreadyExists, QuotaExceeded: in the server's words.
            InvalidRequest: no storage takes that name; or there is no such visibility, which a server would take for
                none at all.

        """
        from .checks import BUCKET_NAMES, is_bucket

        if not is_bucket(name):
            msg = f'"{name}" is not a name for a bucket.'
            raise InvalidRequest(msg, hint=f"It has {BUCKET_NAMES}.")
        body = _body(name, visibility, allowed_users)
        await self._cluster.request("POST", "/system/buckets", what=f'Creating bucket "{name}"', json=body)

    async def find(self, name: str) -> Bucket:
        """A bucket as :meth:`list` has it: that says whether the caller may see it, which asking for it does not.

        Raises:
            BucketNotFound: the caller sees none of that name.

        """
        found = next((one for one in await self.list() if one.bucket_name == name), None)
        if found is None:
            msg = f'There is no bucket "{name}" that you may see.'
            raise BucketNotFound(msg)
        return found

    async def get(self, name: str, *, page: str = "") -> Bucket:
        """A bucket with the first 70 of its objects, or those of a later page (since 3.6.5). Folders: :meth:`page`.

        Raises:
            BucketNotFound, NotAllowed: to users, a server says of a missing bucket that it is not theirs.

        """
        found = await self._cluster.json(
            "GET",
            "/system/buckets",
            name,
            what=f'Reading bucket "{name}"',
            missing=BucketNotFound,
            params={"page": page} if page else None,
        )
        return Bucket.model_validate(found)

    async def update(self, name: str, *, visibility: str, allowed_users: tuple[str, ...] = ()) -> Bucket:
        """Change who may use a bucket, and return it as it is then.

        Raises:
            BucketNotFound: there is none.
            NotAllowed: it stayed as it was, which a server does not say (oscar.md §1.5): it is somebody else's.

        """
        what = f'Changing bucket "{name}"'
        body = _body(name, visibility, allowed_users)
        await self._cluster.request("PUT", "/system/buckets", what=what, missing=BucketNotFound, json=body)
        found = next((one for one in await self.list() if one.bucket_name == name), None)
        if found is None:
            msg = f"{what} failed: there is none of that name that you may see."
            raise BucketNotFound(msg)
        # The admin's own buckets have no visibility in the server's eyes (wire G008).
        if found.visibility not in {"", visibility}:
            msg = f"{what} failed: it is still {found.visibility}; only its owner may change it."
            raise NotAllowed(msg)
        return found

    async def sign(
        self,
        bucket: str,
        key: str,
        *,
        upload: bool = False,
        seconds: int = 15 * 60,
        content_type: str = "",
        headers: dict[str, str] | None = None,
    ) -> Presigned:
        """A URL for one object that OSCAR itself signs; see :meth:`presign` for one signed with the caller's key.

        Raises:
            BucketNotFound, NotAllowed: as :meth:`get`.
            InvalidRequest: less than a second or more than a week.

        """
        body: dict[str, Any] = {"object_key": key, "operation": "upload" if upload else "download"}
        body |= {"expires_in": seconds}
        body |= {"content_type": content_type} if content_type else {}
        body |= {"extra_headers": headers} if headers else {}
        what = f"Signing {bucket}/{key}"
        found = await self._cluster.json(
            "POST", "/system/buckets", bucket, "presign", what=what, missing=BucketNotFound, json=body
        )
        return Presigned.model_validate(found)

    async def delete(self, name: str) -> None:
        """Remove a bucket **with all objects in it**."""
        what = f'Deleting bucket "{name}"'
        await self._cluster.request("DELETE", "/system/buckets", name, what=what, missing=BucketNotFound)

    async def page(
        self, bucket: str, prefix: str = "", *, token: str | None = None, size: int = 200, folder: bool = True
    ) -> Page:
        """One page of at most ``size`` entries (the server's own most is 1,000), by one request.

        ``prefix`` is a folder (``""`` or ``a/b/``), or one and the beginning of a name in it. Without ``folder`` what
        lies in folders below is listed too.
        """
        options: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix, "MaxKeys": size}
        if folder:
            options["Delimiter"] = "/"
        if token:
            options["ContinuationToken"] = token
        async with self._cluster.s3.client(f"Listing {bucket}/{prefix}") as s3:
            answer = await s3.list_objects_v2(**options)
        folders = [entry["Prefix"] for entry in answer.get("CommonPrefixes", ())]
        objects = [
            Object(row["Key"], row["Size"], row["LastModified"], row.get("ETag", "").strip('"'))
            for row in answer.get("Contents", ())
            # A folder's own marker is no entry of it.
            if not (folder and row["Key"] == prefix and prefix.endswith("/"))
        ]
        return Page(folders, objects, answer.get("NextContinuationToken") if answer.get("IsTruncated") else None)

    async def objects(self, bucket: str, folder: str, *, after: str = "") -> AsyncIterator[Object]:
        """The objects below a folder by key, whatever they are called; see :meth:`Store.list`."""
        prefix = f"{folder.strip('/')}/" if folder.strip("/") else ""
        async for row in self.under(bucket, prefix, after=after):
            yield row

    async def under(self, bucket: str, prefix: str, *, after: str = "") -> AsyncIterator[Object]:
        """The objects whose keys begin with ``prefix``, by key, folders within folders and markers included."""
        async with self._cluster.s3.client(f"Listing {bucket}/{prefix}") as s3:
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, StartAfter=after)
            async for page in pages:
                for row in page.get("Contents", ()):
                    yield Object(row["Key"], row["Size"], row["LastModified"], row.get("ETag", "").strip('"'))

    async def presign(
        self,
        bucket: str,
        key: str,
        *,
        verb: str = "GET",
        seconds: int = TEN_MINUTES,
        answered: Mapping[str, str] | None = None,
    ) -> str:
        """A URL with which anybody may GET or PUT that one object until it expires. It is never stored or logged.

        ``answered`` holds headers that a GET is answered with in place of the object's own (S3's ``response-*``).
        """
        operation = {"GET": "get_object", "PUT": "put_object"}[verb]
        where = {"Bucket": bucket, "Key": key}
        where |= {f"Response{name.replace('-', '')}": said for name, said in (answered or {}).items()}
        async with self._cluster.s3.client(f"Signing {bucket}/{key}") as s3:
            url: str = await s3.generate_presigned_url(operation, Params=where, ExpiresIn=seconds)
        return url


def _body(name: str, visibility: str, allowed_users: tuple[str, ...]) -> dict[str, Any]:
    if visibility not in VISIBILITIES:
        msg = f'"{visibility}" is no visibility.'
        raise InvalidRequest(msg, hint=f"There are {', '.join(VISIBILITIES)}.")
    users = {"allowed_users": list(allowed_users)} if allowed_users else {}
    return {"bucket_name": name, "visibility": visibility, **users}
