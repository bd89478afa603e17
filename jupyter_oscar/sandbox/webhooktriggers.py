"""Triggers by MinIO's notifications: each new object comes as MinIO's own event, over a port that only MinIO knows.

The same event may come twice, from both targets or again after a kill; it is remembered with its job in one
transaction, and known then. What MinIO stored and did not tell of is found by looking: it was killed in between, or it
had just started, when it takes objects for a moment before it has read who wants to hear of them (oscar.md §0.3,
point 21). Should it tell of them after all, they are known by their time.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import sqlite3
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from .notification import minio_event
from .objectstore import StoreFailed
from .specification import all_places, by_bucket
from .store import Write
from .triggers import Triggers
from .users import ADMIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aiohttp import web

    from .minioserver import MinioServer
    from .objectstore import Found
    from .store import Database

_LAST_WORDS_S = 0.5
_DRAINING_S, _DRAINED_S = 0.2, 10.0  # MinIO tells what it kept every three seconds
_LOOKS_S = (0, 5, 25)  # after a start, one after the other; on a busy machine MinIO takes its time to be all there
_MS = 1_000_000
_FOUND = 0  # in the place of the number of a request that told of the object
_POSITIVE = (1 << 63) - 1


class WebhookTriggers(Triggers):
    def __init__(self, s3: MinioServer, database: Database, accept: Callable[[str, bytes], object]) -> None:
        super().__init__(database, accept)
        self._s3 = s3
        self._armed: dict[str, set[tuple[str, str]]] = {}  # bucket → services and folders
        self._site: web.AppRunner | None = None
        self._look: asyncio.Task[None] | None = None

    async def start(self) -> None:
        from aiohttp import web

        app = web.Application(client_max_size=1 << 24)
        app.router.add_post("/{target}", self._told)
        self._site = web.AppRunner(app, access_log=None, shutdown_timeout=_LAST_WORDS_S)
        await self._site.setup()
        await web.SockSite(self._site, self._s3.hook).start()
        for spec in self._db.services():
            await self._resume(spec)
        self._look_again()
        self._s3.on_return = self._look_again

    async def _resume(self, spec: dict[str, Any]) -> None:
        """A kill may have come between the row and what it promises: folders come first, the notification last."""
        watches = self._db.watches(spec["name"])
        for bucket, folder in watches:
            self._armed.setdefault(bucket, set()).add((spec["name"], folder))
        for bucket, folders in by_bucket(all_places(spec)).items():
            if not await self._s3.has(bucket) or not await self._s3.notifies(bucket):
                await self._s3.make(bucket, folders, self._db.buckets().get(bucket))
        for bucket in {bucket for bucket, _ in watches}:
            await self._notify(bucket)

    async def stop(self) -> None:
        if self._look is not None:
            self._look.cancel()
            await asyncio.gather(self._look, return_exceptions=True)
        if self._site is not None:
            await self._site.cleanup()

    # which folders

    async def arm(self, service: str, wanted: Iterable[tuple[str, str]]) -> None:
        for bucket, folders in by_bucket(set(wanted)).items():
            for folder in folders:
                self._db.arm(service, f"{bucket}/{folder}", time.time_ns())
                self._armed.setdefault(bucket, set()).add((service, folder))
            await self._notify(bucket)

    async def disarm(self, service: str, keep: set[tuple[str, str]] | None = None) -> None:
        for bucket, folder in set(self._db.watches(service)) - (keep or set()):
            self._db.disarm(service, f"{bucket}/{folder}")
            self._armed.get(bucket, set()).discard((service, folder))
            await self._notify(bucket)

    async def _notify(self, bucket: str) -> None:
        armed = self._armed.get(bucket, set())
        if await self._s3.has(bucket):
            await self._s3.notify(bucket, {f"{folder}/" for _, folder in armed})
        if not armed:
            self._armed.pop(bucket, None)

    # what arrived

    async def _told(self, request: web.Request) -> web.Response:
        """What is not taken is told again."""
        from aiohttp import web

        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self._s3.hook_token}".encode()):
            return web.Response(status=403)
        event = await request.read()
        try:
            for record in json.loads(event)["Records"]:
                self._arrived(record, event)
        except (sqlite3.OperationalError, OSError) as error:
            return web.Response(status=503, text=str(error))
        except (ValueError, LookupError, TypeError) as error:  # told again it would be no better, and hold up the rest
            sys.stderr.write(f"An event of MinIO's could not be read ({error!r}): {event[:2000]!r}\n")
        return web.Response()

    def _arrived(self, record: dict[str, Any], event: bytes) -> None:
        bucket, found = record["s3"]["bucket"]["name"], record["s3"]["object"]
        key, moment = unquote_plus(found["key"]), int(found["sequencer"], 16)
        number = int(record["responseElements"].get("x-amz-request-id") or "0", 16) & _POSITIVE
        for service in self._wanting(bucket, key):
            self._fire(Write(service, bucket, key, number, moment, moment, int(found.get("size", 0))), event)

    def _wanting(self, bucket: str, key: str) -> list[str]:
        """One job for each service, however many of its folders the object lies in."""
        return sorted({service for service, folder in self._armed.get(bucket, ()) if key.startswith(f"{folder}/")})

    def _fire(self, write: Write, event: bytes) -> None:
        with self._db.transaction():
            if not self._db.claim_found(write, _FOUND, _MS) and self._db.add_write(write):
                self._accept(write.service, event)

    # what was missed

    def _look_again(self) -> None:
        """After each start of MinIO."""
        if self._look is not None:
            self._look.cancel()
        self._look = asyncio.create_task(self._find_missed())

    async def _find_missed(self) -> None:
        for pause in _LOOKS_S:
            await asyncio.sleep(pause)
            try:
                await self._drain()
                for bucket, armed in list(self._armed.items()):
                    for service, folder in armed.copy():
                        await self._find_missed_in(service, bucket, folder)
            except (StoreFailed, sqlite3.OperationalError) as error:
                sys.stderr.write(f"Uploads that MinIO did not tell of were not looked for: {error}\n")

    async def _drain(self) -> None:
        """Wait until all is told that MinIO had kept for us, but not for what it never tells.

        A kill may leave a file there that was made and not yet written: MinIO reads it for ever and keeps it.
        """
        waiting, until = set(self._queued()), time.monotonic() + _DRAINED_S
        while waiting and time.monotonic() < until:
            await asyncio.sleep(_DRAINING_S)
            waiting &= set(self._queued())

    def _queued(self) -> list[str]:
        try:
            return [entry.name for entry in self._s3.queue.iterdir()]
        except FileNotFoundError:
            return []

    async def _find_missed_in(self, service: str, bucket: str, folder: str) -> None:
        since_ns = self._db.arm(service, f"{bucket}/{folder}", time.time_ns())
        found = await self._s3.objects(bucket, f"{folder}/")
        known = self._db.writes(service, bucket)
        for one in found:
            last = known.get(one.key)
            told = last is not None and last.mtime_ns // _MS >= one.mtime_ns // _MS
            if not told and one.mtime_ns // _MS > since_ns // _MS and service in self._wanting(bucket, one.key):
                self._fire(*self._missed(service, bucket, one))

    def _missed(self, service: str, bucket: str, found: Found) -> tuple[Write, bytes]:
        """Whose it was is not known any more: an upload to a user's service counts as that user's."""
        owner = str((self._db.service(service) or {}).get("owner", ""))
        key = owner if owner not in ("", ADMIN.uid) else self._s3.access.access_key
        write = Write(service, bucket, found.key, _FOUND, found.mtime_ns, found.mtime_ns, found.size)
        event = minio_event(write, access_key=key, endpoint=self._s3.endpoint, etag=found.etag)
        return write, json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
