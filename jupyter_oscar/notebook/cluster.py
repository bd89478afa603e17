"""The cluster as a cell sees it: what is there, deploy, submit, run, find again."""

from __future__ import annotations

import contextlib
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from jupyter_oscar.client.errors import OscarError
from jupyter_oscar.client.services import RUNNER_LABEL

from . import inputs
from .bridge import bridge
from .services import Deployed, Services
from .shown import QUIET

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Mapping, Sequence

    from minio import Minio
    from oscar_python.client import Client as OscarPython
    from s3fs import S3FileSystem

    from jupyter_oscar.client.calls import Payload
    from jupyter_oscar.client.cluster import Cluster as Client
    from jupyter_oscar.client.deploying import Progress
    from jupyter_oscar.client.deployments import Deployment
    from jupyter_oscar.client.pruning import Pruned
    from jupyter_oscar.client.records import Call
    from jupyter_oscar.client.review import Ignored
    from jupyter_oscar.client.service import Service as Definition

    from .bucket import Bucket, Buckets
    from .deletion import Belongings, Changes
    from .flows import Flows
    from .forms import Form
    from .handles import Job
    from .holdings import Nodes, Quota, Volumes
    from .maps import Map
    from .results import Reply
    from .runs import Runs
    from .service import Service
    from .views import Log

    J = TypeVar("J", bound=Job)


class Cluster:
    """One OSCAR cluster. Its methods block and can be interrupted; handles they return can also be awaited."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._jobs: dict[str, Job] = {}
        self._maps: list[Map] = []

    @property
    def name(self) -> str:
        """The profile's name."""
        return self.client.profile.name

    @property
    def endpoint(self) -> str:
        """The cluster's address."""
        return self.client.profile.endpoint

    def __repr__(self) -> str:
        return f"{self.name}  {self._about}"

    def _repr_html_(self) -> str:
        return f"<b>{escape(self.name)}</b> &nbsp;<span {QUIET}>{escape(self._about)}</span>"

    @property
    def _about(self) -> str:
        box = self.client.profile.sandbox
        kind = f" · sandbox ({box.mode}, no containers)" if box else ""
        return f"{self.endpoint}{kind}"

    @property
    def info(self) -> Mapping[str, Any]:
        """Version and architecture of the cluster."""
        return bridge.run(self.client.info()).model_dump()

    @property
    def services(self) -> Services:
        """What is deployed, as far as you may see it."""
        return Services(bridge.run(self.client.services.rows()), self.client)

    @property
    def jobs(self) -> list[Job]:
        """The handles of this session's calls, newest first; one that a cell lost is still here."""
        return list(reversed(self._jobs.values()))

    @property
    def buckets(self) -> Buckets:
        """The buckets you may see, by name."""
        from .bucket import Buckets

        return Buckets(bridge.run(self.client.buckets.list()), self.client)

    def bucket(self, name: str) -> Bucket:
        """One bucket: list, upload, download, presign, watch. Nothing is asked until it is used."""
        from .bucket import Bucket

        return Bucket(self.client, name)

    @cached_property
    def fs(self) -> S3FileSystem:
        """The cluster's object storage as s3fs: ``cluster.fs.ls("grayify/out")``."""
        from . import libraries

        return libraries.fs(self.client)

    @cached_property
    def minio(self) -> Minio:
        """The same as a ``minio.Minio``."""
        from . import libraries

        return libraries.minio(self.client)

    @property
    def oscar_python(self) -> OscarPython:
        """An oscar-python client, signed in as this cluster is."""
        from . import libraries

        return libraries.oscar_python(self.client)

    def confirm_storage(self, address: str) -> None:
        """Say that the cluster's object storage is at ``address``: your keys and files go there. It is remembered.

        Wanted once where the storage is on another host than the cluster. Where the cluster's own word for it does not
        work from here, ``address`` is the one that does.

        Raises:
            InvalidRequest: it is no address.
            InsecureEndpoint: it is one that no storage has.

        """
        bridge.run(self.client.confirm_storage(address))

    def forget_storage(self) -> bool:
        """Take that back: nothing goes to the storage before it is said again. Whether it had been said.

        ``fs``, ``minio`` and ``oscar_python`` that were made before know its keys and go on.
        """
        return bridge.run(self.client.forget_storage())

    def deploy(self, path: Path | str, *, update: bool = False, secrets: bool = False) -> Deployed:
        """Deploy every service of an FDL file. Takes 6 to 10 s a service on a real cluster.

        A service that exists is replaced only with ``update=True``. Secrets that the file only refers to (``env:NAME``,
        ``file:PATH``, ``keyring:SERVICE/USER``) are read from this machine and sent only with ``secrets=True``: look
        into a file from somebody else first. When one service fails, those this call created are removed again.

        Raises:
            SecretsUnconfirmed: the file refers to secrets of this machine; the error names them.
            FdlError: the file is wrong, or a service exists; nothing was created.
            OscarError: the cluster refused.

        """
        from jupyter_oscar.client import fdl, review

        file = fdl.load(path)

        def tell(now: Progress) -> None:
            if self.client.profile.sandbox is None or now.total > 1:
                print(now)  # noqa: T201 - a cell that takes long says what it does

        async def deploy() -> Sequence[Definition]:
            made = await self.client.services.deploy(file, update=update, secrets=secrets, progress=tell)
            await _say(review.of(self.client, file.services))
            return made

        return Deployed.of(bridge.run(deploy()), self.name)

    def diff(self, path: Path | str) -> Changes:
        """What deploying a file would change; nothing is written."""
        from jupyter_oscar.client import fdl, plan, review

        from .deletion import Changes

        async def all_of() -> Changes:
            services = fdl.load(path).services
            changes = Changes([await plan.change(self.client, service) for service in services])
            changes.ignored = await review.of(self.client, services)
            return changes

        return bridge.run(all_of())

    def update(self, name: str, /, **changes: Any) -> Service:
        """Change fields of a deployed service: ``update("cow", cpu="2", environment={"variables": {"A": "1"}})``.

        Maps are changed key by key, where None takes a key out. Secrets need their values again, or where these are:
        ``environment={"secrets": {"KEY": "env:KEY"}}``, or ``file:PATH``, or ``keyring:SERVICE/USER``.

        Raises:
            SecretWouldBeBlanked: a secret of the service got no value.

        """
        from jupyter_oscar.client import review

        from .service import Service

        async def update() -> Definition:
            stored = await self.client.services.change(name, **changes)
            await _say(review.of_changes(self.client, stored, changes))
            return stored

        return Service.shown(bridge.run(update()))

    def belongings(self, name: str) -> Belongings:
        """The buckets that would be deleted with a service, and what is in them."""
        from .deletion import Belongings

        return Belongings(bridge.run(self.client.services.belongings(name)))

    def delete(self, name: str, *, keep: str | None = None) -> Belongings:
        """Delete a service **with its input and output buckets, all objects in them, and the records of its calls**.

        With ``keep`` the objects are first copied into the bucket of that name. What was deleted, or kept, is
        returned.
        """
        from .deletion import Belongings

        if keep is not None:
            return Belongings(bridge.run(self.client.services.delete(name, keep=keep)))
        gone = self.belongings(name)
        bridge.run(self.client.services.delete(name))
        return gone

    def start(self, name: str) -> Deployment:
        """Start an exposed service that was stopped."""
        return bridge.run(self.client.deployments.ask(name, "start"))

    def stop(self, name: str) -> Deployment:
        """Stop an exposed service; it can be started again."""
        return bridge.run(self.client.deployments.ask(name, "stop"))

    def restart(self, name: str) -> Deployment:
        """Restart an exposed service."""
        return bridge.run(self.client.deployments.ask(name, "restart"))

    def deployment(self, name: str) -> Deployment:
        """How a service runs: state, reason, instances."""
        return bridge.run(self.client.deployments.of(name))

    def service_log(self, name: str, lines: int = 200) -> Log:
        """What the instances of an exposed service printed last."""
        from .views import Log

        found = bridge.run(self.client.deployments.log(name, lines=lines, timestamps=False))
        return Log("\n".join(found.lines) or found.message)

    @property
    def volumes(self) -> Volumes:
        """Your volumes: create, delete."""
        from .holdings import Volumes

        return Volumes(self.client)

    @property
    def nodes(self) -> Nodes:
        """The machines of the cluster, and how busy they are."""
        from .holdings import Nodes

        return Nodes(bridge.run(self.client.status()))

    def quota(self, user: str | None = None) -> Quota:
        """What you may use and use; as admin, what a user does."""
        from .holdings import Quota

        return Quota(bridge.run(self.client.quotas.limits(user)))

    @cached_property
    def flows(self) -> Flows:
        """Dataflows, which bring events to services: ``cluster.flows.apply("flow.yaml")``."""
        from .flows import Flows

        return Flows()

    def prune(self, days: float = 30, *, dry: bool = False) -> Pruned:
        """Clear records, kept logs and staged inputs of calls that are older; outputs stay. ``dry`` only says what."""
        from datetime import timedelta

        return bridge.run(self.client.calls.prune(timedelta(days=days), dry=dry))

    def submit(self, service: str, file: Path | str | None = None, *, text: str | None = None, data: Any = None) -> Job:
        """Submit a job and return its handle at once; sending goes on behind it.

        The input is a local file or an object as ``"s3://bucket/key"``, or ``text=``, or ``data=`` as bytes, or
        anything JSON can hold. A service or file that is not there raises now; what the cluster says later shows on the
        handle.
        """
        from .handles import Job

        payload = inputs.one(file, text, data)
        known = self.client.services.peek(service)
        # Planned here where that needs no answer: changing threads costs more than the planning.
        call = (
            self.client.calls.plan_known(known, payload.name)
            if known and known.home
            else bridge.run(self.client.calls.plan(service, payload.name))
        )
        return self.send(Job(self.client, call), call, payload)

    def send(self, job: J, call: Call, payload: Payload) -> J:
        """Carry out a planned call behind its handle, which is kept."""

        def note() -> None:
            self._jobs[job.id] = job

        job.sending = bridge.detach(self.client.calls.commit(call, payload), note)
        note()
        return job

    def map(
        self,
        service: str,
        files: Iterable[Any] | None = None,
        *,
        text: Iterable[str] | None = None,
        data: Iterable[Any] | None = None,
        run: str | None = None,
        retries: int = 0,
        script_retries: int = 0,
    ) -> Map:
        """Submit a job for each input and return their handle at once; sending goes on behind it.

        Inputs are files (``Path``), objects (``"s3://bucket/key"`` or outputs of other calls; they are copied inside
        the storage) or values (bytes, or anything JSON can hold); words are given as ``text=``. They may come from a
        generator, which is drawn as sending goes on.

        With a ``run`` the map has a name: the same again, in this kernel or another, goes on with it, and sends only
        what is missing. ``retries`` says how often a call that the cluster failed, lost or did not take is sent again;
        a script that ended with an exit code is sent again only with ``script_retries``, since it usually ends so once
        more.

        Raises:
            FileMissing, InvalidRequest: an input is not there or could be meant in two ways; nothing was sent.
            RunChanged: the run's service or an input is not what it was.

        """
        from .maps import Map

        payloads = inputs.many(files, text, data)
        return Map.start(self, service, payloads, run=run, retries=retries, script_retries=script_retries)

    def note(self, jobs: Map) -> None:
        """Keep the handle of a map, so that a cell that was interrupted finds it in :attr:`maps`."""
        self._maps.append(jobs)

    @property
    def maps(self) -> list[Map]:
        """The maps of this session, newest first; one that a cell lost is still here."""
        return list(reversed(self._maps))

    @property
    def runs(self) -> Runs:
        """The named runs of maps on this cluster, of every session."""
        from .runs import Runs

        return Runs(self)

    def run(self, service: str, text: str | Path | None = None, *, data: Any = None) -> Reply:
        """Call a service and wait for its answer. A string is text, a ``Path`` is a file.

        Raises:
            InvalidRequest: the string is also the name of a file here, so it cannot be told what is meant.

        """
        from .results import Reply

        if isinstance(text, Path):
            payload = inputs.one(text, None, data)
        else:
            inputs.refuse_ambiguous(text)
            payload = inputs.one(None, text, data)
        return Reply(bridge.run(self.client.calls.run(service, payload)), service)

    def job(self, reference: str) -> Job:
        """A call of another day, by ``service/id`` as its handle shows it; of a function too."""
        from .handles import Job

        known = self._jobs.get(reference.partition("/")[2])
        if known is not None:
            return known
        call = bridge.run(self.client.calls.find(reference))
        service = self.client.services.peek(call.service)
        if service is not None and RUNNER_LABEL in service.labels:
            from .function_calls import FunctionJob

            return FunctionJob(self.client, call)
        return Job(self.client, call)

    def watch(self, handle: Job | Map) -> None:
        """Show a notice in JupyterLab when a job or a map has ended, also when its cell is out of sight."""
        handle.notify()

    def form(self, service: str) -> Form:
        """A form that calls a service: input, how to run it, and each run's state, log and outputs below."""
        from .forms import Form

        return Form(self, service)

    def close(self) -> None:
        """Close the connections."""
        bridge.run(self.client.aclose())


async def _say(ignored: Awaitable[Sequence[Ignored]]) -> None:
    """What a cluster does not act upon of what it has just taken."""
    with contextlib.suppress(OscarError):  # it was taken all the same
        for one in await ignored:
            print(one)  # noqa: T201 - beside the cell's result
