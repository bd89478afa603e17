"""Services: list, look, check and deploy an FDL, delete, and start and stop those that are exposed."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, ClassVar

from jupyter_oscar.client.errors import FdlError

from .route import Message, Problem, Route, may, problem

if TYPE_CHECKING:
    from jupyter_oscar.client.cluster import Cluster
    from jupyter_oscar.client.service import Service


class ServiceRow(Message):
    """A service in the list. ``state`` is that of an exposed one, else empty."""

    name: str
    kind: str
    visibility: str
    image: str
    owner: str
    state: str = ""
    tracked: bool = False
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


class ServiceDetail(ServiceRow):
    """A service opened: its FDL and script as its author wrote them, and the input it says it takes. No secret."""

    cpu: str
    memory: str
    fdl: str
    script: str
    input_schema: dict[str, Any] | None = None
    without_image: bool = False


class Address(Message):
    """Where a browser finds an exposed service. Good for one visit at once: on a sandbox it lets whoever has it in."""

    url: str


class Belonging(Message):
    """A bucket that goes with a service, and what is in it; ``more`` says that counting stopped early."""

    bucket: str
    objects: int
    bytes: int
    more: bool = False
    others: tuple[str, ...] = ()


class Keeping(Message):
    """The bucket in which a copy of what a service's deletion would destroy is kept."""

    into: str


class Definition(Message):
    """An FDL and the scripts it names."""

    fdl: str
    scripts: dict[str, str]


class Deployment(Definition):
    """The same, to be carried out. ``update`` replaces services that exist."""

    update: bool = False


class Check(Message):
    """What is wrong with a definition, or nothing."""

    problems: list[Problem]
    names: tuple[str, ...] = ()


class Change(Message):
    """What a deployment would do to one service: create or update, and the difference as a unified diff."""

    name: str
    action: str
    diff: str


class Ignored(Message):
    """A key that would do nothing, and why."""

    service: str
    key: str
    why: str


class Plan(Message):
    """What a deployment would do, what it would cost in words, and what OSCAR would ignore; or what is wrong."""

    problems: list[Problem]
    changes: tuple[Change, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    cost: str = ""


def row(service: Service) -> ServiceRow:
    """A service for the list."""
    from jupyter_oscar.client.services import Summary

    summary = Summary.of(service.model_dump(include={"name", "image", "owner", "visibility", "input", "expose"}))
    state = service.deployment.state if service.deployment else ""
    return ServiceRow(
        **summary._asdict(),
        state=state if summary.kind == "exposed" else "",
        tracked=service.tracked,
        inputs=tuple(place.path for place in service.input),
        outputs=tuple(place.path for place in service.output),
    )


async def rows(cluster: Cluster) -> list[ServiceRow]:
    """Every service the person may see; the state of exposed ones is asked for one by one, since it is dear."""
    from jupyter_oscar.client.service import Service

    services = [Service.model_validate(said) for said in await cluster.services.rows()]
    for service in services:
        if service.expose.api_port:
            service.deployment = await cluster.deployments.of(service.name)
    return [row(service) for service in services]


def detail(cluster: Cluster, service: Service) -> ServiceDetail:
    """A service opened."""
    from jupyter_oscar.client import fdl, prologue
    from jupyter_oscar.client.service import SCHEMA_ANNOTATION

    return ServiceDetail(
        **row(service).model_dump(),
        cpu=service.cpu,
        memory=service.memory,
        fdl=fdl.dump(service),
        script=prologue.remove(service.script),
        input_schema=_schema(service.annotations.get(SCHEMA_ANNOTATION)),
        without_image=cluster.profile.sandbox is not None,
    )


def _schema(text: str | None) -> dict[str, Any] | None:
    """The input schema, if it is one that says something; anybody may write anything into an annotation."""
    try:
        found = json.loads(text) if text else None
    except ValueError:
        return None
    return found if isinstance(found, dict) and found else None


class ServicesRoute(Route):
    """``/jupyter-oscar/clusters/<cluster>/services``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:services"

    @may()
    async def get(self, cluster: str) -> None:
        """Every service."""
        self.reply(await rows(await self.cluster(cluster)))

    @may()
    async def post(self, cluster: str) -> None:
        """Deploy a definition; what was made is removed again when a later one fails."""
        from jupyter_oscar.client import fdl

        said, one = self.body(Deployment), await self.cluster(cluster)
        made = await one.services.deploy(await asyncio.to_thread(fdl.parse, said.fdl, said.scripts), update=said.update)
        self.reply([row(service) for service in made], 201)


class CheckRoute(Route):
    """``/jupyter-oscar/clusters/<cluster>/check``: nothing is sent to the cluster."""

    auth_resource: ClassVar[str] = "jupyter_oscar:services"

    @may("read")
    async def post(self, cluster: str) -> None:
        """What is wrong with a definition, as it is typed."""
        from jupyter_oscar.client import fdl

        del cluster  # later its version will matter

        said = self.body(Definition)
        try:
            found = await asyncio.to_thread(fdl.parse, said.fdl, said.scripts)
        except FdlError as error:
            self.reply(Check(problems=[problem(error)]))
        else:
            self.reply(Check(problems=[], names=tuple(service.name for service in found.services)))


class PlanRoute(Route):
    """``/jupyter-oscar/clusters/<cluster>/plan``: what deploying would change."""

    auth_resource: ClassVar[str] = "jupyter_oscar:services"

    @may("read")
    async def post(self, cluster: str) -> None:
        """The difference between a definition and what is deployed."""
        from jupyter_oscar.client import fdl, plan, review

        said, one = self.body(Definition), await self.cluster(cluster)
        try:
            found = await asyncio.to_thread(fdl.parse, said.fdl, said.scripts)
        except FdlError as error:
            self.reply(Plan(problems=[problem(error)]))
            return
        changes = [Change(**(await plan.change(one, service))._asdict()) for service in found.services]
        idle = [Ignored(**key._asdict()) for key in await review.of(one, found.services)]
        some = any(change.action == "create" or change.diff for change in changes)
        cost = review.COST if some and one.profile.sandbox is None else ""
        self.reply(Plan(problems=[], changes=tuple(changes), ignored=tuple(idle), cost=cost))


class ServiceRoute(Route):
    """``/jupyter-oscar/clusters/<cluster>/services/<name>``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:services"

    @may()
    async def get(self, cluster: str, name: str) -> None:
        """One service, opened."""
        one = await self.cluster(cluster)
        service = await one.services.get(name)
        if service.expose.api_port:
            service.deployment = await one.deployments.of(name)
        self.reply(detail(one, service))

    @may()
    async def delete(self, cluster: str, name: str) -> None:
        """Delete it with its buckets and all objects in them."""
        await (await self.cluster(cluster)).services.delete(name)
        self.reply(None)


class BelongingsRoute(Route):
    """``/jupyter-oscar/clusters/<cluster>/services/<name>/belongings``: what deleting it would destroy."""

    auth_resource: ClassVar[str] = "jupyter_oscar:services"

    @may()
    async def get(self, cluster: str, name: str) -> None:
        """Its buckets and how much is in them."""
        one = await self.cluster(cluster)
        self.reply([Belonging(**found._asdict()) for found in await one.services.belongings(name)])

    @may("write", "jupyter_oscar:storage")
    async def post(self, cluster: str, name: str) -> None:
        """Copy what is in them to another bucket, before the service is deleted."""
        from jupyter_oscar.client import belongings

        said, one = self.body(Keeping), await self.cluster(cluster)
        kept = await belongings.keep(one, await one.services.get(name), said.into)
        self.reply([Belonging(**found._asdict()) for found in kept])


class LifecycleRoute(Route):
    """``/jupyter-oscar/clusters/<cluster>/services/<name>/(start|stop|restart)``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:services"

    @may("execute")
    async def post(self, cluster: str, name: str, verb: str) -> None:
        """Start, stop or restart an exposed service."""
        one = await self.cluster(cluster)
        await one.deployments.ask(name, verb)
        service = await one.services.get(name)
        service.deployment = await one.deployments.of(name)
        self.reply(row(service))


class OpenRoute(Route):
    """``/jupyter-oscar/clusters/<cluster>/services/<name>/open``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:services"

    @may("execute")
    async def post(self, cluster: str, name: str) -> None:
        """Make the link that opens an exposed service."""
        one = await self.cluster(cluster)
        self.reply(Address(url=one.deployments.address(await one.services.get(name))))
