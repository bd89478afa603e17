"""The parts of one running sandbox, held together."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .executions import Executions
from .exposed import Exposed
from .faults import read as read_faults
from .markers import Markers
from .mounts import mount_all
from .oidc import Oidc
from .rights import rights_of
from .runner import Runner
from .store import Database, now
from .throttle import NoThrottle, Throttle
from .usage import Usage

if TYPE_CHECKING:
    from collections import deque

    from .faults import Fault
    from .front import Front
    from .objectstore import ObjectStore
    from .options import Options
    from .settings import DataFolder, Settings
    from .triggers import Triggers


_SETTLING_S = 6.0


@dataclass(eq=False, repr=False)
class Sandbox:
    """All parts, and what requests share."""

    data: DataFolder
    settings: Settings
    options: Options
    database: Database
    s3: ObjectStore
    runner: Runner
    exposed: Exposed
    triggers: Triggers
    throttle: Throttle
    oidc: Oidc
    executions: Executions
    usage: Usage
    markers: Markers | None
    front: Front | None
    faults: list[Fault]
    changes: asyncio.Lock = field(default_factory=asyncio.Lock)  # of services and buckets: one after the other
    _granting: asyncio.Lock = field(default_factory=asyncio.Lock)
    started: str = field(default_factory=now)
    run_lines: dict[str, deque[str]] = field(default_factory=dict)
    """What the newest sync calls of each service printed."""
    tickets: dict[str, int] = field(default_factory=dict)
    """Which of the fence's were used, and when they were made."""

    async def start(self) -> None:
        await self.s3.start()
        if self.front is not None and self.s3.public is not None:
            await self.front.start(self.s3.public)
        await mount_all(self)
        await self.runner.start()
        await self.exposed.start()
        await self.triggers.start()
        await self.grant()

    async def grant(self) -> None:
        """Bring the rights in the store in line with whose the buckets are and with whom they are shared."""
        if self.s3.SEPARATES:
            async with self._granting:
                await self.s3.grant(rights_of(self.database))

    async def settle(self) -> None:
        """What a create and a delete cost on a real server: MinIO's restart, then six seconds (oscar.md §1.2)."""
        if self.options.realtime:
            await asyncio.gather(self.s3.restart(), asyncio.sleep(_SETTLING_S))

    async def stop(self) -> None:
        await self.triggers.stop()
        await asyncio.gather(self.runner.stop(), self.exposed.stop())
        if self.front is not None:
            await self.front.stop()
        await self.s3.stop()
        await self.oidc.close()
        self.database.close()
        shutil.rmtree(self.data.temp, ignore_errors=True)  # nobody of ours works there any more


def assemble(data: DataFolder, settings: Settings, options: Options, database: Database, s3: ObjectStore) -> Sandbox:
    from .jobs import Jobs

    runner = Runner(data, database, s3, options)
    executions, jobs = Executions(), Jobs(database, runner)

    def called(service: str, event: bytes) -> None:
        jobs.accept(service, event)
        executions.webhook(service, event)

    triggers = s3.triggers(database, called)
    exposed = Exposed(data, database, s3, runner, options.runtime)
    throttle = Throttle() if options.throttle else NoThrottle()
    oidc = Oidc(options.trust)
    faults = read_faults(options.faults) if options.faults else []
    markers = s3.markers = Markers(data.buckets, database, triggers.folder_marked) if s3.FRONTED else None
    front = None
    if s3.public is not None:
        from .front import Front, Mischief
        from .tricks import Tricks

        mischief = Mischief([fault for fault in faults if fault.is_of_store], options.latency, s3.restart)
        tricks = None if markers is None else Tricks(data.buckets, markers, lambda: s3.keys, s3.refresh)
        front = Front(s3.connect, mischief, tricks)
    return Sandbox(
        data,
        settings,
        options,
        database,
        s3,
        runner,
        exposed,
        triggers,
        throttle,
        oidc,
        executions,
        Usage(s3),
        markers,
        front,
        faults,
    )
