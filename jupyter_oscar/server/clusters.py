"""Clusters: which there are, how they are, signing in and forgetting.

The browser learns only who, where and until when; the one route that takes an address adds a profile (DESIGN §7).
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from tornado.iostream import StreamClosedError

from jupyter_oscar.client.credentials import Credentials, Kept, Secret
from jupyter_oscar.client.errors import (
    InsecureEndpoint,
    InvalidRequest,
    NotAllowed,
    NotAuthenticated,
    OscarError,
    ProfileNotFound,
    StorageUnconfirmed,
)
from jupyter_oscar.client.profiles import OPERATOR

from .pool import fallen, stopped
from .route import Message, Problem, Route, may, problem

if TYPE_CHECKING:
    from jupyter_oscar.client.cluster import Cluster
    from jupyter_oscar.client.profiles import Profile, Refused, Sandbox

    from .pool import Pool

State = Literal["ok", "unreachable", "unauthorised", "expired", "refused", "failed"]


class ClusterRow(Message):
    """A cluster as the panel shows it; ``expires_at`` is in seconds since 1970."""

    name: str
    endpoint: str
    user: str | None
    source: str
    state: State
    version: str = ""
    problem: Problem | None = None
    expires_at: float | None = None
    sandbox: str | None = None
    removable: bool = False
    #: Where one signs in with an identity provider, and as which client of it.
    issuer: str | None = None
    client_id: str | None = None
    storage_problem: Problem | None = None
    #: Where its storage is, if that waits for the person to say that it is right.
    storage_to_confirm: str | None = None


class SignIn(Message):
    """Who one is: user and password, or a file that holds a token."""

    user: str | None = None
    password: str | None = None
    token_file: str | None = None


class NewCluster(SignIn):
    """A cluster to know by a name."""

    name: str
    endpoint: str
    verify: bool = True


class Storage(Message):
    """Where the person was told that a cluster's storage is."""

    address: str


class DiagnosisStep(Message):
    """A part of the way to a cluster: what was seen of it, and what to do where it is broken."""

    name: str
    state: Literal["ok", "bad", "skipped"]
    seen: str = ""
    todo: str = ""


async def row(pool: Pool, profile: Profile) -> ClusterRow:
    """Ask a cluster how it is, without letting one that does not answer hold up the others."""
    gone, box, expires = await asyncio.to_thread(_of_files, profile)
    grant = profile.credentials.grant
    issuer, client_id = pool.identity(profile.name) or ((grant.issuer, grant.client_id) if grant else (None, None))
    answer = ClusterRow(
        name=profile.name,
        endpoint=profile.endpoint,
        user=profile.credentials.user,
        source=profile.source,
        state="ok",
        expires_at=expires,
        sandbox=f"{box.mode}, no containers" if box else None,
        removable=profile.source == "sign-in",
        issuer=issuer,
        client_id=client_id,
    )
    if gone:
        answer.problem = problem(stopped())
        answer.state = "unreachable"
        return answer
    try:
        client = await pool.client(profile.name)
        answer.version = (await client.info(fresh=True)).version
    except OscarError as error:
        answer.problem = problem(error)
        answer.state = _state(error, answer.expires_at)
        return answer
    await _see_storage(client, answer)
    return answer


async def _see_storage(client: Cluster, answer: ClusterRow) -> None:
    """Say why nothing may be sent to a cluster's storage; whatever else is wrong with it is said where it is used."""
    try:
        await client.storage()
    except StorageUnconfirmed as error:
        answer.storage_problem = problem(error)
        answer.storage_to_confirm = error.address if error.asking else None
    except InsecureEndpoint as error:
        answer.storage_problem = problem(error)
    except OscarError:
        pass


def _of_files(profile: Profile) -> tuple[Sandbox | None, Sandbox | None, float | None]:
    """What is in files, read off the loop: a sandbox that fell, one that runs or fell, and when a token ends."""
    gone = fallen(profile)
    return gone, gone or profile.sandbox, profile.credentials.expires


def _state(error: OscarError, expires_at: float | None) -> State:
    import time

    if isinstance(error, NotAuthenticated):
        return "expired" if expires_at is not None and expires_at < time.time() else "unauthorised"
    return "unreachable" if error.code in {"unreachable", "timed-out", "not-oscar"} else "failed"


async def rows(pool: Pool) -> list[ClusterRow]:
    """Every cluster and how it is; last those that may not be used."""
    found, refused = await asyncio.to_thread(lambda: (pool.profiles(), pool.refused()))
    asked = await asyncio.gather(*(row(pool, profile) for profile in found.values()))
    return [*asked, *(_of_refused(one) for one in refused if one.name not in found)]


def _of_refused(one: Refused) -> ClusterRow:
    """Nothing was sent there; it is mended where it is named."""
    where = "the operator's configuration" if one.source == OPERATOR else one.source
    why = Problem(code=one.why.code, message=one.why.message, hint=f"{one.why.hint} It stands in {where}.")
    return ClusterRow(name=one.name, endpoint=one.endpoint, user=None, source=one.source, state="refused", problem=why)


def kept(name: str, endpoint: str, said: SignIn, *, verify: bool = True) -> Kept:
    """What to keep of a sign-in."""
    if (said.password is None) == (said.token_file is None):
        msg = "Give either user and password, or a file that holds a token."
        raise InvalidRequest(msg)
    file = Path(said.token_file).expanduser() if said.token_file else None
    user = (said.user or "oscar") if said.password is not None else None
    who = Credentials(user, Secret(said.password) if said.password is not None else None, token_file=file)
    return Kept(name, endpoint.rstrip("/"), who, verify)


class ClustersRoute(Route):
    """``/jupyter-oscar/clusters``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:clusters"

    @may()
    async def get(self) -> None:
        """Every cluster and how it is."""
        self.reply(await rows(self.pool))

    @may(resource="jupyter_oscar:credentials")
    async def post(self) -> None:
        """Know a cluster by a name, if it answers and knows us; a wrong password is not kept."""
        said = self.body(NewCluster)
        one = kept(said.name.strip(), said.endpoint.strip(), said, verify=said.verify)
        self.pool.check(one)  # before anything is sent there
        await try_out(self.pool, one)
        await asyncio.to_thread(self.pool.add, one)
        self.reply(await row(self.pool, (await asyncio.to_thread(self.pool.profiles))[one.name]), 201)


class ClusterRoute(Route):
    """``/jupyter-oscar/clusters/<name>``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:credentials"

    @may()
    async def put(self, name: str) -> None:
        """Sign in to a cluster that is known."""
        profile = await asyncio.to_thread(self.pool.profile, name)
        if profile is None:
            msg = f'There is no cluster named "{name}".'
            raise ProfileNotFound(msg)
        one = kept(name, profile.endpoint, self.body(SignIn), verify=profile.verify)
        self.pool.check(one)  # before anything is sent there
        await try_out(self.pool, one)
        await asyncio.to_thread(self.pool.add, one)
        self.reply(await row(self.pool, (await asyncio.to_thread(self.pool.profiles))[name]))

    @may()
    async def delete(self, name: str) -> None:
        """Forget a sign-in."""
        if not await asyncio.to_thread(self.pool.forget, name):
            msg = f'"{name}" was not signed in to here.'
            raise ProfileNotFound(msg, hint="What stands in a configuration file is removed there.")
        self.reply(None)


class DiagnosisRoute(Route):
    """``/jupyter-oscar/clusters/<name>/diagnosis``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:clusters"

    @may()
    async def get(self, name: str) -> None:
        """Why a cluster does not answer: a step a line, each as it is known."""
        from jupyter_oscar.client.diagnosis import diagnose

        profile = await asyncio.to_thread(self.pool.profile, name)
        if profile is None:
            msg = f'There is no cluster named "{name}".'
            raise ProfileNotFound(msg)
        self.set_header("Content-Type", "application/x-ndjson")
        async with self.pool.making(profile) as cluster, contextlib.aclosing(diagnose(cluster)) as steps:
            with contextlib.suppress(StreamClosedError):  # nobody looks any more
                async for step in steps:
                    self.write(DiagnosisStep(**vars(step)).model_dump_json() + "\n")
                    await self.flush()


class StorageRoute(Route):
    """``/jupyter-oscar/clusters/<name>/storage``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:credentials"

    @may()
    async def put(self, name: str) -> None:
        """Remember that a cluster's storage is where it says; the address is compared with its word, and not asked."""
        told, cluster = self.body(Storage).address, await self.cluster(name)
        try:
            await cluster.storage()
        except StorageUnconfirmed as waiting:
            if not waiting.asking:
                raise NotAllowed(waiting.message, hint=waiting.hint) from waiting
            if waiting.address != told:
                msg = f"{name} says by now that its storage is at {waiting.address}."
                raise InvalidRequest(msg, hint="Look again, and confirm that address if it is right.") from waiting
            await cluster.confirm_storage(told)
        profile = await asyncio.to_thread(self.pool.profile, name)
        if profile is not None:
            self.reply(await row(self.pool, profile))


async def try_out(pool: Pool, one: Kept) -> None:
    """Ask the cluster who it is with these credentials, before they are kept."""
    from jupyter_oscar.client.profiles import Profile

    async with pool.making(Profile(one.name, one.endpoint, one.credentials, one.verify)) as cluster:
        await cluster.info()
