"""A real MinIO over a drive of the data folder: users with rights of their own, and uploads that call a webhook.

Two targets of its hear of each new object. One is told before the upload is answered, so that an upload that was
accepted has its job. The other keeps what it was told in a queue on disk and tells it again until we have taken it,
across any kill; it comes up to three seconds later, and mostly with what is known.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from datetime import datetime, timezone
from http import HTTPStatus
from io import BytesIO
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from yarl import URL

from .access import Access
from .fusemounts import FuseMounts, clean, lacking
from .miniorights import MinioRights
from .objectstore import REGION, Found, ObjectStore, StoreFailed
from .settings import LOOPBACK, DataFolder, Settings, listen
from .signing import signed_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from minio import Minio

    from .rights import Rights
    from .store import Database
    from .triggers import Triggers

    Result = TypeVar("Result")

_NOW, _LATER = "oscar", "oscar-later"
_ARNS = tuple(f"arn:minio:sqs::{target}:webhook" for target in (_NOW, _LATER))
_CREATED = "s3:ObjectCreated:*"
_NOT_IN_TAGS = re.compile(r"[^\w+\-.:=@/ ]", re.ASCII)
_TRIES = 12  # with the back-off below: about twenty seconds in all, a restart takes one
_FORCE = {"x-minio-force-delete": "true"}


class MinioServer(ObjectStore):
    NAME = "minio"
    SEPARATES = True

    def __init__(self, data: DataFolder, settings: Settings, program: str) -> None:
        super().__init__(data, settings)
        self._program = program
        self.hook = listen(None, 0)  # where MinIO calls; the triggers answer there
        self.hook_token = secrets.token_urlsafe(24)
        self._s3: Minio | None = None
        self._rights: MinioRights | None = None
        self._mounts = FuseMounts(data, lambda: self._inside)
        self._known: set[str] = set()  # users that MinIO has
        self._notifying, self._mounting = asyncio.Lock(), asyncio.Lock()

    def triggers(self, database: Database, accept: Callable[[str, bytes], object]) -> Triggers:
        from .webhooktriggers import WebhookTriggers

        return WebhookTriggers(self, database, accept)

    @property
    def queue(self) -> Path:
        """Where MinIO keeps what it has not told us yet, one file each."""
        return self._data.minio / "queue" / f"minio-webhook-{_LATER}"

    # buckets as folders

    def place(self, bucket: str) -> Path:
        return self._mounts.place(bucket)

    def cannot_mount(self) -> str:
        why = lacking()
        if why is None:
            return ""
        return (
            f"a bucket of MinIO is mounted with FUSE, and {why}: mend that, or keep the objects in a sandbox that was "
            "started with --store rclone, where buckets are folders"
        )

    async def mount(self, buckets: set[str]) -> None:
        async with self._mounting:
            await self._mounts.have(buckets)

    # the process

    def _command(self) -> list[str]:
        drive = self._data.minio / "drive"
        return [self._program, "server", "--quiet", "--address", self.inner, str(drive)]

    def _environment(self) -> dict[str, str]:
        """A world of its own for MinIO, which calls nobody; and the keys where no process list shows them."""
        kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LANG") if name in os.environ}
        return {
            **kept,
            "HOME": str(self._data.minio),
            "MINIO_ROOT_USER": self._settings.access_key,
            "MINIO_ROOT_PASSWORD": self._settings.secret_key,
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
            "MINIO_CI_CD": "1",  # a folder of the system's disk is good enough
            "MINIO_API_SYNC_EVENTS": "on",  # events first, then the answer to the upload
            **dict(self._target(_NOW)),
            **dict(self._target(_LATER)),
            f"MINIO_NOTIFY_WEBHOOK_QUEUE_DIR_{_LATER}": str(self._data.minio / "queue"),
        }

    def _target(self, name: str) -> Iterator[tuple[str, str]]:
        port = self.hook.getsockname()[1]
        yield f"MINIO_NOTIFY_WEBHOOK_ENABLE_{name}", "on"
        yield f"MINIO_NOTIFY_WEBHOOK_ENDPOINT_{name}", f"http://{LOOPBACK}:{port}/{name}"
        yield f"MINIO_NOTIFY_WEBHOOK_AUTH_TOKEN_{name}", self.hook_token

    async def begin(self, users: Mapping[str, str]) -> None:
        for part in ("drive", "queue"):
            (self._data.minio / part).mkdir(parents=True, exist_ok=True)
        await super().begin(users)

    async def start(self) -> None:
        await asyncio.to_thread(clean, self._data)
        await super().start()
        await self.let_in(self._users)

    async def stop(self) -> None:
        await self._mounts.stop()
        await super().stop()
        self.hook.close()

    # talking to it

    @property
    def _inside(self) -> Access:
        return Access(self.inner, self._settings.access_key, self._settings.secret_key, REGION)

    def _open(self) -> tuple[Minio, MinioRights]:
        import urllib3
        from minio import Minio, MinioAdmin
        from minio.credentials.providers import StaticProvider

        if self._s3 is None or self._rights is None:
            access = self._inside
            keys = (access.access_key, access.secret_key)
            retries = urllib3.Retry(
                total=_TRIES,
                backoff_factor=0.05,
                backoff_max=5,
                status_forcelist=(502, 503, 504),
                allowed_methods=None,
                respect_retry_after_header=False,  # while it starts it says a minute, and means half a second
            )
            pool = urllib3.PoolManager(retries=retries, timeout=urllib3.Timeout(connect=5, read=60), maxsize=8)
            self._s3 = Minio(access.address, *keys, secure=False, region=REGION, http_client=pool)
            admin = MinioAdmin(
                endpoint=access.address, credentials=StaticProvider(*keys), secure=False, http_client=pool
            )
            self._rights = MinioRights(admin)
        return self._s3, self._rights

    async def _ask(self, question: Callable[[Minio, MinioRights], Result]) -> Result:
        """In a thread: MinIO's library waits for its answers. Raises ``StoreFailed``."""

        def ask() -> Result:
            from minio.error import MinioAdminException, MinioException
            from urllib3.exceptions import HTTPError

            try:
                return question(*self._open())
            except (MinioException, MinioAdminException, HTTPError) as error:
                raise StoreFailed(f"MinIO could not do it: {error}") from error

        return await asyncio.to_thread(ask)

    # users

    async def let_in(self, users: Mapping[str, str]) -> None:
        self._users = users
        for uid in set(users) - self._known:
            try:
                await self._ask(lambda _, rights, uid=uid: rights.let_in(uid, users[uid]))  # type: ignore[misc]
            except StoreFailed as error:
                raise StoreFailed(f"MinIO takes no user with the id {uid!r}. {error}") from error
            self._known.add(uid)

    async def grant(self, rights: Rights) -> None:
        await self._ask(lambda _, own: own.apply(rights))

    # buckets

    async def buckets(self) -> list[str]:
        return await self._ask(lambda s3, _: sorted(bucket.name for bucket in s3.list_buckets()))

    async def has(self, bucket: str) -> bool:
        return await self._ask(lambda s3, _: s3.bucket_exists(bucket))

    async def make(self, bucket: str, folders: Iterable[str] = (), tags: Mapping[str, str] | None = None) -> None:
        def made(s3: Minio, _: MinioRights) -> None:
            fresh = not s3.bucket_exists(bucket)
            if fresh:
                _make(s3, bucket)
            if tags is not None:
                s3.set_bucket_tags(bucket, _as_tags(tags))
            for folder in filter(None, folders):
                if fresh or not any(s3.list_objects(bucket, prefix=f"{folder}/", recursive=True)):
                    s3.put_object(bucket, f"{folder}/", BytesIO(), 0)

        await self._ask(made)

    async def remove(self, bucket: str) -> None:
        """In one call of MinIO's own, which its library lacks."""
        from aiohttp import ClientError, ClientSession

        url = signed_url(self._inside, "DELETE", f"/{bucket}/", _FORCE, 60, datetime.now(timezone.utc))
        try:
            async with ClientSession() as session, session.delete(URL(url, encoded=True), headers=_FORCE) as answer:
                if answer.status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND):
                    raise StoreFailed(f"MinIO did not remove the bucket {bucket}: {await answer.text()}")
        except (ClientError, asyncio.TimeoutError) as error:
            raise StoreFailed(f"MinIO did not remove the bucket {bucket}: {error}") from error

    async def page(self, bucket: str, after: str, most: int, markers: set[str]) -> list[Found]:  # noqa: ARG002
        """Its markers are objects, and listed as such."""
        return await self._ask(lambda s3, _: list(islice(_found(s3, bucket, after=after), most)))

    async def usage(self, bucket: str) -> tuple[int, int]:
        def counted(s3: Minio, _: MinioRights) -> tuple[int, int]:
            sizes = [found.size for found in _found(s3, bucket)]
            return sum(sizes), len(sizes)

        return await self._ask(counted)

    async def roughly(self, bucket: str, most: int) -> int:
        """Without markers (wire Z010)."""
        return await self._ask(
            lambda s3, _: sum(1 for found in islice(_found(s3, bucket), most) if not found.key.endswith("/"))
        )

    async def objects(self, bucket: str, prefix: str) -> list[Found]:
        return await self._ask(lambda s3, _: list(_found(s3, bucket, prefix)))

    # notifications

    async def notify(self, bucket: str, prefixes: set[str]) -> None:
        """Have MinIO tell us of new objects under these prefixes; nothing is written when it does already."""
        async with self._notifying:
            await self._ask(lambda s3, _: _notify(s3, bucket, prefixes))

    async def notifies(self, bucket: str) -> bool:
        """Whether it tells us of anything in this bucket."""
        return await self._ask(lambda s3, _: any(_ours(rule) for rule in _rules(s3, bucket)))


def _make(s3: Minio, bucket: str) -> None:
    from minio.error import S3Error

    try:
        s3.make_bucket(bucket)
    except S3Error as error:
        if error.code != "BucketAlreadyOwnedByYou":  # by the same request, whose answer a restart of MinIO ate
            raise


def _as_tags(tags: Mapping[str, str]) -> Any:
    """MinIO's tags take few characters."""
    from minio.commonconfig import Tags

    found = Tags.new_bucket_tags()
    found.update({key: _NOT_IN_TAGS.sub("_", value) for key, value in tags.items()})
    return found


def _found(s3: Minio, bucket: str, prefix: str = "", after: str = "") -> Iterator[Found]:
    for one in s3.list_objects(bucket, prefix=prefix or None, start_after=after or None, recursive=True):
        if one.object_name is not None and one.last_modified is not None:
            moment = round(one.last_modified.timestamp() * 1000) * 1_000_000
            yield Found(one.object_name, one.size or 0, moment, one.etag or "")


def _rules(s3: Minio, bucket: str) -> list[Any]:
    return list(s3.get_bucket_notification(bucket).queue_config_list or ())


def _ours(rule: Any) -> bool:
    return rule.queue in _ARNS


def _notify(s3: Minio, bucket: str, prefixes: set[str]) -> None:
    from minio.notificationconfig import NotificationConfig, PrefixFilterRule, QueueConfig

    rules = _rules(s3, bucket)
    wanted = {(arn, prefix) for arn in _ARNS for prefix in prefixes}
    there = {(rule.queue, getattr(rule.prefix_filter_rule, "value", "")) for rule in rules if _ours(rule)}
    if wanted == there:
        return
    own = [
        QueueConfig(queue=arn, events=[_CREATED], prefix_filter_rule=PrefixFilterRule(prefix))
        for arn, prefix in sorted(wanted)
    ]
    foreign = [rule for rule in rules if not _ours(rule)]
    s3.set_bucket_notification(bucket, NotificationConfig(queue_config_list=[*foreign, *own]))
