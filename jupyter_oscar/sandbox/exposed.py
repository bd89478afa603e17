"""The exposed services of a sandbox: brought to life with it, found again after a kill, ended with it (oscar.md §6).

What keeps one alive (``workload``, ``keeper``) is read when there is one: most sandboxes start without.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import sqlite3
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from .attached import attached
from .expose import health_path, is_exposed, port_of, prefix_of
from .quantities import amount
from .runner import environment
from .runtimes import RUNTIMES, Work
from .scripts import script_folder
from .store import now
from .task import bare_environment

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess
    from pathlib import Path

    from aiohttp import ClientSession

    from .keeper import Charge
    from .objectstore import ObjectStore
    from .runner import Runner
    from .settings import DataFolder
    from .store import Database
    from .workload import Status, Surroundings, Wanted, Workload

_PROBE_TIMEOUT_S = 10.0  # timeoutSeconds of the recorded probe (X-k8s-exposed.yaml)
_NOWHERE = "Current deployment resources are unavailable."  # oscar.md §1.2.2


class Exposed:
    def __init__(self, data: DataFolder, database: Database, s3: ObjectStore, runner: Runner, runtime: str) -> None:
        self._data, self._db, self._s3, self._runner, self._runtime = data, database, s3, runner, runtime
        self.way: ClientSession | None = None
        """What passes callers' requests on to services; made with the first of them (``proxy``)."""
        self._up = False
        self._workloads: dict[str, Workload] = {}
        self._ending: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._up = True
        for spec in self._db.services():
            if is_exposed(spec):
                self._bring(spec)
        for folder in self._data.exposed.iterdir():
            if folder.name not in self._workloads:
                await self._bury(folder)

    @cached_property
    def _around(self) -> Surroundings:
        from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

        from .workload import Surroundings

        session = ClientSession(
            connector=TCPConnector(force_close=True, limit=0),
            cookie_jar=DummyCookieJar(),
            timeout=ClientTimeout(_PROBE_TIMEOUT_S),
            headers={"User-Agent": "kube-probe/1.34"},
        )
        return Surroundings(self._fork, self._runner.when_over, session, {})

    def _fork(self, charge: Charge, held: int) -> ForkServerProcess:
        from . import keeper

        return self._runner.fork(keeper.main, charge, held)

    def _wanted(self, spec: dict[str, Any]) -> Wanted:
        from .keeper import Charge
        from .workload import Wanted

        name = spec["name"]
        folder, home = self._data.exposed / name, self._data.homes / name
        script = script_folder(self._data, spec) / "script.sh"
        extra = {"OSCAR_SERVICE_BASE_PATH": prefix_of(name)}
        env = {**bare_environment(str(home)), **environment(spec, self._db.secrets(name), extra)}
        places = attached(self._data, self._s3, spec)
        memory, cpu = (amount(str(spec[key])) or 0.0 for key in ("memory", "cpu"))
        images, own = RUNTIMES[self._runtime].HAS_IMAGES, bool(spec["expose"]["default_command"])
        work = Work(
            name=f"oscar-{self._data.fingerprint}-{name}",
            image=spec["image"],
            script=script,
            temp=str(home),
            environment=env,
            memory=int(memory),
            cpu=cpu,
            attached=places,
            stays=True,
            own_command=own,
        )
        told = json.dumps([str(script), env, *(place for _, place in places)], sort_keys=True)
        if images:
            told += json.dumps([self._runtime, work.image, work.memory, work.cpu, own])
        version = hashlib.sha256(told.encode()).hexdigest()[:16]
        charge = Charge(version, folder, home, work, self._runtime)
        return Wanted(charge, port_of(spec), health_path(spec), own and not images)

    def _bring(self, spec: dict[str, Any]) -> None:
        if not self._up:
            return
        from .workload import Workload

        name = spec["name"]
        wanted = self._wanted(spec)
        wanted.charge.folder.mkdir(parents=True, exist_ok=True)
        replicas, since = self._db.exposure(name) or (1, now())
        self._db.put_exposure(name, replicas, since)
        self._workloads[name] = Workload(self._around, wanted, replicas, partial(self._turned, name))

    async def _bury(self, folder: Path) -> None:
        """A service that was deleted while its keeper could not be told."""
        from .keeper import Charge
        from .workload import Wanted, Workload

        charge = Charge("", folder, self._data.homes / folder.name, Work.named(folder.name))
        await Workload(self._around, Wanted(charge, 0, "/", no_image=False), 0, lambda: None).close()
        shutil.rmtree(folder, ignore_errors=True)

    def _turned(self, name: str) -> None:
        """It became ready, or stopped being so."""
        workload = self._workloads.get(name)
        if workload is None:
            return
        try:
            self._db.put_exposure(name, workload.replicas, now())
        except sqlite3.OperationalError:
            return  # a full disk: only the time is lost

    # changes

    async def apply(self, name: str) -> None:
        """After a create or an update."""
        spec = self._db.service(name)
        workload = self._workloads.get(name)
        if spec is None or not is_exposed(spec):
            await self.remove(name)
        elif workload is None:
            self._bring(spec)
        else:
            workload.change(self._wanted(spec))
            self._save(name, workload)

    async def remove(self, name: str) -> None:
        """When this returns, nothing of it runs; it goes on when the caller has hung up."""
        workload = self._workloads.get(name)
        if workload is not None:
            ending = asyncio.create_task(self._end(name, workload))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
            await asyncio.shield(ending)

    async def _end(self, name: str, workload: Workload) -> None:
        await workload.close()
        if self._workloads.get(name) is workload:
            del self._workloads[name]
            shutil.rmtree(self._data.exposed / name, ignore_errors=True)

    def change(self, spec: dict[str, Any], verb: str) -> None:
        name = spec["name"]
        workload = self._workloads.get(name)
        if workload is None:
            self._bring(spec)  # its delete was given up half-way
        elif verb == "restart":
            workload.restart()
        else:
            workload.scale(int(verb == "start"))
            self._save(name, workload)

    def _save(self, name: str, workload: Workload) -> None:
        _, since = self._db.exposure(name) or (1, now())
        self._db.put_exposure(name, workload.replicas, since)

    # questions

    def status(self, name: str) -> tuple[Status, str]:
        """And since when it is so."""
        from .workload import Status

        _, since = self._db.exposure(name) or (1, now())
        workload = self._workloads.get(name)
        return Status("unavailable", _NOWHERE, 0, 0) if workload is None else workload.status(), since

    def log(self, name: str) -> Path:
        return self._data.exposed / name / "log"

    def workload(self, name: str) -> Workload | None:
        return self._workloads.get(name)

    async def stop(self) -> None:
        """A clean stop leaves no process behind."""
        await asyncio.gather(*(workload.close() for workload in self._workloads.values()), *self._ending)
        sessions = [self.way, self._around.session if "_around" in self.__dict__ else None]
        await asyncio.gather(*(session.close() for session in sessions if session is not None))
