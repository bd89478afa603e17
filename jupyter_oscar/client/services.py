"""What can be done with services: list, get, create, update, delete.

The model of a service is in ``service``; it is loaded only when a definition is needed, not to list names, because
building the models costs a fresh process more than everything else it does.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .errors import (
    AlreadyExists,
    NotFound,
    OscarError,
    ServiceNotFound,
    TimedOut,
    Unreachable,
    UpstreamFailed,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .belongings import Belonging
    from .cluster import Cluster
    from .deploying import Progress
    from .fdl import Fdl
    from .service import Service


#: Marks a service that functions run on: see ``runners``.
RUNNER_LABEL: Final = "jupyter-oscar/runner"
DEPLOYMENTS: Final = {"include": "deployment"}


class Summary(NamedTuple):
    """What a list of services shows of one. ``kind`` is exposed, async (a new file starts it) or sync."""

    name: str
    kind: str
    visibility: str
    image: str
    owner: str

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Summary:
        """Read tolerantly from a server's row; ports are a number before 4.1.0, a list since (oscar.md §6.1)."""
        ports = (row.get("expose") or {}).get("api_port") or []
        exposed = any(ports) if isinstance(ports, list) else bool(ports)
        kind = "exposed" if exposed else "async" if row.get("input") else "sync"
        texts = (str(row.get(key) or "") for key in ("image", "owner"))
        return cls(str(row.get("name") or ""), kind, str(row.get("visibility") or "private"), *texts)


class Services:
    """The services of one cluster. Definitions are remembered, since a call needs only the token."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._known: dict[str, Service] = {}
        #: The rows as they were last read, and when by the monotonic clock.
        self.last_rows: Sequence[dict[str, Any]] | None = None
        self.last_rows_at = 0.0

    async def rows(self, *, deployments: bool = False) -> Sequence[dict[str, Any]]:
        """Every service the caller may see, by name, as the server says it.

        With ``deployments`` also how each runs, which costs the server several requests a service (oscar.md §10.23).
        """
        params = DEPLOYMENTS if deployments else None
        rows: list[dict[str, Any]] = await self._cluster.json(
            "GET", "/system/services", what="Listing the services", params=params
        )
        self.last_rows, self.last_rows_at = sorted(rows or (), key=lambda row: str(row.get("name"))), time.monotonic()
        return self.last_rows

    async def list(self, *, deployments: bool = False) -> Sequence[Service]:
        """Every service the caller may see, by name; see :meth:`rows`."""
        from .service import Service

        services = [Service.model_validate(row) for row in await self.rows(deployments=deployments)]
        self._known = {service.name: service for service in services}
        return services

    async def get(self, name: str) -> Service:
        """One service, fresh from the server.

        Raises:
            ServiceNotFound: there is none of that name, or the caller may not see it.

        """
        what = f'Reading service "{name}"'
        from .service import Service

        try:
            row = await self._cluster.json("GET", "/system/services", name, what=what, missing=ServiceNotFound)
        except ServiceNotFound:
            self.forget(name)
            raise
        self._known[name] = Service.model_validate(row)
        return self._known[name]

    def peek(self, name: str) -> Service | None:
        """The service as last seen, if it was."""
        return self._known.get(name)

    def forget(self, name: str) -> None:
        """Believe no more what was seen of a service: something of it was found to be gone."""
        self._known.pop(name, None)

    async def known(self, name: str) -> Service:
        """The service as last seen; asks the server only the first time."""
        return self._known.get(name) or await self.get(name)

    async def create(self, service: Service) -> Service:
        """Create a service and return it as the server stored it. Takes 6 to 10 s on a real cluster.

        Raises:
            AlreadyExists: a service, or one of its buckets, exists already.
            InvalidRequest: there is something wrong with it; nothing was sent.
            OscarError: whatever the server says; after a 5xx the message says whether anything was stored.

        """
        from . import checks

        checks.refuse(service)
        await self._write("POST", service, f'Creating service "{service.name}"')
        return await self._read_back(service.name, "created")

    async def update(self, service: Service) -> Service:
        """Replace a service by ``service`` and return it as stored; see :func:`.replacing.replacing` for what is kept.

        Raises:
            SecretWouldBeBlanked: the stored service has a secret that ``service`` gives no value for.
            InvalidRequest: it has another volume.
            ServiceNotFound: there is nothing to replace.

        """
        from .replacing import replacing

        return await self._replace(await self.get(service.name), lambda old: replacing(old, service))

    async def change(self, name: str, /, **changes: Any) -> Service:
        """Change some fields of a stored service: ``change("cow", cpu="2", labels={"mine": "yes", "old": None})``.

        Maps are changed key by key, where None takes a key out; anything else is replaced. Secrets need their values
        again, or where they are to be found: ``environment={"secrets": {"KEY": "env:KEY"}}``.

        Raises:
            SecretMissing: a reference leads nowhere.
            SecretWouldBeBlanked, InvalidRequest, ServiceNotFound: as :meth:`update`.

        """
        from .replacing import changing

        return await self._replace(await self.get(name), lambda old: changing(old, changes))

    async def _replace(self, old: Service, make: Callable[[Service], Service]) -> Service:
        from . import checks

        new = make(old)
        checks.refuse(new)
        await self._write("PUT", new, f'Updating service "{new.name}"', old)
        return await self._read_back(new.name, "updated")

    async def deploy(
        self,
        file: Fdl,
        *,
        update: bool = False,
        secrets: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> Sequence[Service]:
        """Deploy every service of an FDL; see :func:`.deploying.deploy`."""
        from .deploying import deploy

        return await deploy(self._cluster, file, update=update, secrets=secrets, progress=progress)

    async def belongings(self, name: str) -> Sequence[Belonging]:
        """What deleting a service would destroy.

        Raises:
            ServiceNotFound: there is none.

        """
        from .belongings import belongings

        return await belongings(self._cluster, await self.get(name))

    async def delete(
        self, name: str, *, keep: str | None = None, progress: Callable[[int], None] | None = None
    ) -> Sequence[Belonging]:
        """Delete a service **and its input and output buckets with all objects in them** (oscar.md §1.2).

        With ``keep`` these are first copied to the bucket of that name, and what was copied is returned; see
        :func:`.belongings.keep`. What a job writes while they are copied is not.

        Raises:
            ServiceNotFound: there is none.
            StorageFailed: not everything could be kept; nothing was deleted.

        """
        from .policy import WRITE

        kept: Sequence[Belonging] = ()
        if keep is not None:
            from . import belongings

            kept = await belongings.keep(self._cluster, await self.get(name), keep, progress)
        what = f'Deleting service "{name}"'
        try:
            await self._cluster.request(
                "DELETE", "/system/services", name, what=what, missing=ServiceNotFound, timeout=WRITE
            )
        except UpstreamFailed as error:
            if await self._exists(name) is not False:
                raise
            msg = f"{error.message} The service itself is gone."
            raise UpstreamFailed(msg, hint="Look for buckets it left behind.", status=error.status) from error
        finally:
            self._known.pop(name, None)
        return kept

    async def _write(self, method: str, service: Service, what: str, old: Service | None = None) -> None:
        from .policy import PREFETCH, WRITE

        timeout = PREFETCH if service.image_prefetch else WRITE
        release = (await self._cluster.info()).release
        body = service.to_wire(release)
        self._known.pop(service.name, None)
        try:
            await self._cluster.request(
                method, "/system/services", what=what, missing=ServiceNotFound, json=body, timeout=timeout
            )
        except AlreadyExists as error:
            raise await self._clash(service, what, error) from error
        except (UpstreamFailed, Unreachable, TimedOut) as error:
            # A real server answers 500 to writes that it has stored (oscar.md §0.3 point 2), and a connection may
            # break when the work is done.
            stored = await self._stored(service)
            after = _STORED[stored]
            hint = _unarmed(old, service) if stored and old else error.hint
            kind = type(error)
            raise kind(f"{error.message} {after}", hint=hint, status=error.status, upstream=error.upstream) from error

    async def _clash(self, service: Service, what: str, error: AlreadyExists) -> AlreadyExists:
        said, hint = error.upstream or "", "Deploy with update=True to replace it, or choose another name."
        if "bucket" in said:
            hint = "Delete that bucket, or name another in the FDL."
        elif "volume" in said:
            hint = "Name another volume, or leave out its size to use the one that is there."
        elif "secret" in said and await self._exists(service.name) is False:
            # An earlier create failed after it had written the secret (oscar.md §1.2).
            hint = "A failed attempt left its secrets behind: choose another name, or ask the operator to remove them."
        else:
            msg = f'{what} failed: a service named "{service.name}" exists.'
            return AlreadyExists(msg, hint=hint, status=error.status, upstream=said)
        return AlreadyExists(error.message, hint=hint, status=error.status, upstream=said)

    async def _read_back(self, name: str, done: str) -> Service:
        """The service as stored. The write itself went well, which is said where reading does not."""
        try:
            return await self.get(name)
        except OscarError as error:
            kind = type(error)
            msg = f'Service "{name}" was {done}, but it cannot be read: {error.message}'
            raise kind(msg, hint=error.hint, status=error.status, upstream=error.upstream) from error

    async def _exists(self, name: str) -> bool | None:
        """Whether there is such a service; None where that cannot be told."""
        try:
            await self.get(name)
        except NotFound:
            return False
        except OscarError:
            return None
        return True

    async def _stored(self, sent: Service) -> bool | None:
        """Whether the server now holds what was sent; None where that cannot be told."""
        exists = await self._exists(sent.name)
        if not exists:
            return exists
        return self._known[sent.name].holds(sent)


_STORED: Final = {
    True: "It was stored all the same.",
    False: "It was not stored.",
    None: "Whether it was stored cannot be told.",
}


def _unarmed(old: Service, new: Service) -> str:
    """What an update leaves undone: a new input in a bucket that was there starts nothing (oscar.md §0.3 point 2)."""
    there = {place.path.strip(" /") for place in old.input}
    idle = [
        place.path
        for place in new.input
        if place.is_minio and place.path.strip(" /") not in there and place.bucket in old.buckets()
    ]
    if not idle:
        return ""
    return f"Files in {', '.join(idle)} start nothing: delete the service and deploy it again, or name a new bucket."
