"""A client for clusters that are not ours: it knows what it made, removes that, and refuses to touch anything else."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from jupyter_oscar.client.cluster import Cluster
from jupyter_oscar.client.errors import NotFound, OscarError
from jupyter_oscar.client.service import Service
from jupyter_oscar.client.transfers import Store

if TYPE_CHECKING:
    from collections.abc import Awaitable

    import httpx


class Touched(AssertionError):
    """A test would have changed what it did not make."""


class Careful(Cluster):
    """What is made through it is noted, also when the server then says that it failed."""

    def __init__(self, profile: Any) -> None:
        super().__init__(profile)
        self.services_made: set[str] = set()
        self.buckets_made: set[str] = set()
        self.volumes_made: set[str] = set()
        #: Objects in buckets of the caller's own that were there before.
        self.loose: list[tuple[str, str]] = []

    @cached_property
    def store(self) -> Store:
        return CarefulStore(self)

    async def request(self, method: str, *path: str, **options: Any) -> httpx.Response:
        if method == "GET":
            return await super().request(method, *path, **options)
        route, names, body = path[0], path[1:], options.get("json") or {}
        if (method, route, bool(names)) == ("POST", "/system/services", False):
            return await self._create(body, path, options)
        if (method, route, bool(names)) == ("POST", "/system/buckets", False):
            answer = await super().request(method, *path, **options)
            self.buckets_made.add(body["bucket_name"].partition("/")[0])
            return answer
        if (method, route, bool(names)) == ("POST", "/system/volumes", False):
            answer = await super().request(method, *path, **options)
            self.volumes_made.add(body["name"])
            return answer
        self._may(method, route, names[0] if names else body.get("name") or body.get("bucket_name") or "")
        return await super().request(method, *path, **options)

    def _may(self, method: str, route: str, name: str) -> None:
        made = {
            "/system/services": self.services_made,
            "/system/logs": self.services_made,
            "/system/federation": self.services_made,
            "/job": self.services_made,
            "/run": self.services_made,
            "/system/buckets": self.buckets_made,
            "/system/volumes": self.volumes_made,
        }.get(route, set())
        # To remove what is not there, or to call it, is a question.
        if name not in made and not (name.startswith("gone") or name == "nothing-here"):
            msg = f"{method} {route} {name}: the tests did not make that"
            raise Touched(msg)

    async def _create(self, body: dict[str, Any], path: tuple[str, ...], options: dict[str, Any]) -> httpx.Response:
        name = body["name"]
        service = Service.model_validate(body)
        wanted = {*service.buckets(), *([service.mount.bucket] if service.mount.path else [])}
        # A service writes to its buckets, and its removal may take them along.
        taken = sorted(wanted & {one.bucket_name for one in await self.buckets.list()} - self.buckets_made)
        if taken or (name not in self.services_made and await self._knows(name)):
            msg = f"{taken[0] if taken else name}: the cluster has one that the tests did not make"
            raise Touched(msg)
        status = 0
        try:
            answer = await super().request("POST", *path, **options)
            status = answer.status_code
        except OscarError as error:
            status = error.status or 500
            raise
        finally:
            if status < 300 or status >= 500:
                self.services_made.add(name)
                self.buckets_made |= wanted
                if service.volume and service.volume.size:
                    self.volumes_made.add(service.volume.name or name)
        return answer

    async def _knows(self, service: str) -> bool:
        """Whether there is one of that name, if only somebody else's."""
        try:
            await super().request("GET", "/system/services", service, what="Looking")
        except OscarError as error:
            return not isinstance(error, NotFound)
        return True

    async def tidy(self) -> None:
        """Remove what was made and is there still; all of it, whatever fails on the way, which is raised at the end."""
        failed: list[OscarError] = []

        async def attempt(work: Awaitable[Any]) -> None:
            try:
                await work
            except OscarError as error:
                failed.append(error)

        # A user is not told that a service is gone, but refused: so it is looked up first.
        there = {str(row.get("name")) for row in await self.services.rows()}
        for name in sorted(self.services_made & there):
            await attempt(self.services.delete(name))
        there = {one.bucket_name for one in await self.buckets.list()}
        for name in sorted(self.buckets_made & there):
            await attempt(self.buckets.delete(name))
        for bucket, key in self.loose:
            await attempt(Store.delete(self.store, bucket, [key]))
        if self.volumes_made:
            there = {volume.name for volume in await self.volumes.list()}
            for name in sorted(self.volumes_made & there):
                await attempt(self.volumes.delete(name))
        if failed:
            raise failed[0]


class CarefulStore(Store):
    """Objects, in buckets that were made; else only our records and inputs, which are removed afterwards."""

    _cluster: Careful

    def _note(self, bucket: str, key: str) -> None:
        if bucket in self._cluster.buckets_made:
            return
        if not (bucket.startswith("oscar-calls-") and key.startswith(".oscar/")):
            msg = f"{bucket}/{key}: the tests did not make that bucket"
            raise Touched(msg)
        self._cluster.loose.append((bucket, key))

    async def put(self, bucket: str, key: str, *args: Any, **more: Any) -> Any:
        self._note(bucket, key)
        return await super().put(bucket, key, *args, **more)

    async def copy(self, bucket: str, key: str, to_bucket: str, to_key: str) -> None:
        self._note(to_bucket, to_key)
        await super().copy(bucket, key, to_bucket, to_key)

    async def delete(self, bucket: str, keys: Any) -> None:
        for key in keys:
            if bucket not in self._cluster.buckets_made and (bucket, key) not in self._cluster.loose:
                msg = f"{bucket}/{key}: the tests did not make that"
                raise Touched(msg)
        await super().delete(bucket, keys)
