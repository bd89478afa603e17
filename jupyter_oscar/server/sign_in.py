"""Signing in with an identity provider: a code for the person, then news until it is agreed to, or not.

One request does all of it. It is answered line by line; who hangs up cancels the sign-in.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, ClassVar, Literal

from tornado.iostream import StreamClosedError

from jupyter_oscar.client.credentials import Credentials, Kept
from jupyter_oscar.client.errors import InvalidRequest, OscarError, ProfileNotFound

from .clusters import ClusterRow, row, try_out
from .route import Message, Problem, Route, may, problem

if TYPE_CHECKING:
    from jupyter_oscar.client.credentials import Grant
    from jupyter_oscar.client.oidc import Device

# Seconds after which a line is said although nothing is new, for proxies that end what is silent.
BEAT = 10.0


class DeviceSignIn(Message):
    """Which cluster, a new one by its ``endpoint``; and at which identity provider, where the operator names none."""

    name: str
    endpoint: str | None = None
    verify: bool = True
    issuer: str | None = None
    client_id: str | None = None


class DeviceNews(Message):
    """How far it has come.

    ``code`` is to be typed at ``page``, or ``link`` has it in it; both end at ``ends``, in seconds since 1970.
    """

    state: Literal["waiting", "agreed", "done", "failed"]
    code: str = ""
    page: str = ""
    link: str | None = None
    ends: float = 0.0
    cluster: ClusterRow | None = None
    problem: Problem | None = None


class SignInRoute(Route):
    """``/jupyter-oscar/sign-in``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:credentials"

    def initialize(self) -> None:
        """For one sign-in."""
        self._left = asyncio.Event()

    def on_connection_close(self) -> None:
        """Nobody waits for it any more."""
        self._left.set()
        super().on_connection_close()

    @may()
    async def post(self) -> None:
        """Begin a device flow, and tell how it goes."""
        from jupyter_oscar.client import oidc

        said = self.body(DeviceSignIn)
        one = await asyncio.to_thread(self._wanted, said)
        self.pool.check(one)  # before anybody is asked
        issuer, client_id = self._identity(said)
        device = await asyncio.to_thread(oidc.begin, issuer, client_id)
        self.set_header("Content-Type", "application/x-ndjson")
        self.set_header("Cache-Control", "no-store")
        with contextlib.suppress(StreamClosedError):
            try:
                grant = await self._agreed(device, one.name)
                if grant is not None:
                    await self._say(DeviceNews(state="agreed"))
                    await self._say(DeviceNews(state="done", cluster=await self._signed_in(one, grant)))
            except OscarError as error:
                await self._say(DeviceNews(state="failed", problem=problem(error)))

    def _wanted(self, said: DeviceSignIn) -> Kept:
        name = said.name.strip()
        if said.endpoint is not None:
            return Kept(name, said.endpoint.strip().rstrip("/"), Credentials(), said.verify)
        profile = self.pool.profile(name)
        if profile is None:
            msg = f'There is no cluster named "{name}".'
            raise ProfileNotFound(msg)
        return Kept(name, profile.endpoint, Credentials(), profile.verify, profile.storage)

    def _identity(self, said: DeviceSignIn) -> tuple[str, str]:
        named = self.pool.identity(said.name) if said.endpoint is None else None
        if named:
            return named
        issuer, client_id = (said.issuer or "").strip(), (said.client_id or "").strip()
        if not issuer or not client_id:
            msg = "An identity provider and the client it knows are needed to sign in."
            raise InvalidRequest(msg, hint="Ask whoever runs the cluster for both.")
        self.pool.check_issuer(issuer)
        return issuer, client_id

    async def _agreed(self, device: Device, name: str) -> Grant | None:
        """Tell the code, and wait until the person has agreed or has left."""
        from jupyter_oscar.client.oidc import Flow

        told = DeviceNews(state="waiting", code=device.code, page=device.uri, link=device.link, ends=device.until)
        await self._say(told)
        flow, grant, last = Flow(device, name), None, time.monotonic()
        while grant is None:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._left.wait(), flow.interval)
                return None
            grant = await asyncio.to_thread(flow.poll)
            if grant is None and time.monotonic() - last > BEAT:
                last = time.monotonic()
                await self._say(told)
        return grant

    async def _signed_in(self, one: Kept, grant: Grant) -> ClusterRow:
        """Keep it, if the cluster takes it."""
        grant = self.pool.granted(grant)
        one = Kept(one.name, one.endpoint, Credentials(grant=grant), one.verify, one.storage)
        try:
            await try_out(self.pool, one)
        except BaseException:
            grant.store.drop(grant)
            raise
        await asyncio.to_thread(self.pool.add, one)
        return await row(self.pool, (await asyncio.to_thread(self.pool.profiles))[one.name])

    async def _say(self, news: DeviceNews) -> None:
        self.write(news.model_dump_json() + "\n")
        await self.flush()
