"""One cluster: what it is, and the nouns that can be asked about it.

:class:`Cluster` owns the only HTTP client towards an OSCAR (``sender``) and hands it to the nouns beside it
(``services``, ``jobs``, ``calls``, ``buckets``, ``transfers``).
"""

from __future__ import annotations

import asyncio
from functools import cached_property
from typing import TYPE_CHECKING

from .errors import StorageUnconfirmed
from .sender import Sender
from .services import Services

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Self

    from .buckets import Buckets
    from .budget import Budget
    from .calls import Calls
    from .changes import Folder
    from .config import Config, Info, MinioProvider
    from .deployments import Deployments
    from .jobs import Jobs
    from .metrics import Metrics
    from .names import Names
    from .objects import Objects
    from .operation import Operation
    from .profiles import Profile
    from .quotas import Quotas
    from .runs import Runs
    from .s3 import S3
    from .service import Federation
    from .status import Status
    from .transfers import Store
    from .triggers import Triggers
    from .uploads import Uploads
    from .volumes import Volumes
    from .watch import Watch


class Cluster(Sender):
    """One OSCAR cluster. Close it with ``await cluster.aclose()`` or use it as an async context manager."""

    def __init__(self, profile: Profile, budget: Budget | None = None) -> None:
        super().__init__(profile, budget)
        self._once = asyncio.Lock()
        self._info: Info | None = None
        self._config: Config | None = None
        #: Asks the person whether a storage on another host is right; without it that is refused.
        self.confirming: Callable[[StorageUnconfirmed], bool] | None = None
        self._asking = asyncio.Lock()
        self._storage: MinioProvider | None = None

    def __repr__(self) -> str:
        return f"<Cluster {self.profile.name} {self.profile.endpoint}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection and stop watching."""
        for name in ("watch", "store", "s3", "http"):
            if name in self.__dict__:
                await self.__dict__[name].aclose()

    @cached_property
    def services(self) -> Services:
        """Services: list, get, create, update, delete."""
        return Services(self)

    @cached_property
    def jobs(self) -> Jobs:
        """Jobs as the server knows them: rows, logs, deletion."""
        from .jobs import Jobs

        return Jobs(self)

    @cached_property
    def names(self) -> Names:
        """How the server calls the jobs of our calls."""
        from .names import Names

        return Names(self)

    @cached_property
    def calls(self) -> Calls:
        """Our calls: submit, run, find again, outputs."""
        from .calls import Calls

        return Calls(self)

    @cached_property
    def runs(self) -> Runs:
        """Named runs of maps."""
        from .runs import Runs

        return Runs(self)

    @cached_property
    def buckets(self) -> Buckets:
        """Buckets and what is in them."""
        from .buckets import Buckets

        return Buckets(self)

    @cached_property
    def objects(self) -> Objects:
        """Single objects, and folders of them."""
        from .objects import Objects

        return Objects(self)

    @cached_property
    def deployments(self) -> Deployments:
        """How services run: state, log, start, stop, restart."""
        from .deployments import Deployments

        return Deployments(self)

    @cached_property
    def metrics(self) -> Metrics:
        """How much services were used."""
        from .metrics import Metrics

        return Metrics(self)

    @cached_property
    def operation(self) -> Operation:
        """What an operator reads and sets."""
        from .operation import Operation

        return Operation(self)

    @cached_property
    def volumes(self) -> Volumes:
        """Volumes that outlive services."""
        from .volumes import Volumes

        return Volumes(self)

    @cached_property
    def quotas(self) -> Quotas:
        """What users may use, and use."""
        from .quotas import Quotas

        return Quotas(self)

    @cached_property
    def store(self) -> Store:
        """Bytes to and from the cluster's object storage."""
        from .transfers import Store

        return Store(self)

    @cached_property
    def s3(self) -> S3:
        """The same storage for what is not bytes: pages, signatures, uploads in parts."""
        from .s3 import S3

        return S3(self)

    @cached_property
    def triggers(self) -> Triggers:
        """What files start when they land, and what became of them."""
        from .triggers import Triggers

        return Triggers(self)

    @cached_property
    def uploads(self) -> Uploads:
        """Uploads in parts that outlive who began them."""
        from .uploads import Uploads

        return Uploads(self)

    @cached_property
    def followed(self) -> dict[tuple[str, str], Folder]:
        """The folders, by bucket and prefix, whose changes somebody follows."""
        return {}

    @cached_property
    def watch(self) -> Watch:
        """News of running calls; the only poller."""
        from .watch import Watch

        return Watch(self)

    async def info(self, *, fresh: bool = False) -> Info:
        """What the cluster is; asked once, or again with ``fresh``."""
        if self._info is None or fresh:
            from .config import Info

            what = f"Asking {self.profile.name} what it is"
            self._info = Info.model_validate(await self.json("GET", "/system/info", what=what))
        return self._info

    async def status(self) -> Status:
        """Its nodes, what is free on them, what runs; see :func:`.status.status`."""
        from .status import status

        return await status(self)

    async def federation(self, service: str) -> Federation:
        """Which clusters share a service; see :func:`.federation.federation`."""
        from .federation import federation

        return await federation(self, service)

    async def config(self, *, fresh: bool = False) -> Config:
        """How the cluster is set up, with the caller's keys for its storage; asked once, or again with ``fresh``."""
        async with self._once:
            if self._config is None or fresh:
                from .config import Config

                what = f"Reading the configuration of {self.profile.name}"
                config = Config.model_validate(await self.json("GET", "/system/config", what=what))
                if not self.profile.verify:
                    # Who accepts any certificate of the cluster means its storage too.
                    config.minio_provider.verify_tls = False
                self._config = config
        return self._config

    async def storage(self) -> MinioProvider:
        """Where the objects are and the caller's keys for them, which may go there: the only door to both (DESIGN §7).

        Raises:
            StorageUnconfirmed: it is on another host, and nobody has said yet that this is right.
            InsecureEndpoint: it is where no cluster's storage may be.

        """
        async with self._asking:
            if self._storage is None:
                self._storage = await self._allowed((await self.config()).minio_provider)
        return self._storage

    async def _allowed(self, provider: MinioProvider) -> MinioProvider:
        from . import storage

        try:
            address = await asyncio.to_thread(storage.allowed, self.profile, provider.endpoint)
        except StorageUnconfirmed as refusal:
            if self.confirming is None or not await asyncio.to_thread(self.confirming, refusal):
                raise
            await self.confirm_storage(refusal.address)
            address = refusal.address
        return provider.model_copy(update={"endpoint": address})

    async def confirm_storage(self, address: str) -> None:
        """Say that the storage is at ``address``, and remember it; see :func:`storage.confirm`."""
        from . import storage

        said = (await self.config()).minio_provider.endpoint
        await asyncio.to_thread(storage.confirm, self.profile, said, address)
        await self._leave_storage()

    async def forget_storage(self) -> bool:
        """Take that back: from now on nothing goes there before it is said again. Whether it had been said."""
        from . import storage

        there = await asyncio.to_thread(storage.forget, self.profile.name)
        await self._leave_storage()
        return there

    async def _leave_storage(self) -> None:
        """What has the address and keys is not used again."""
        self._storage = None
        if "store" in self.__dict__:
            await self.store.aclose()
