"""The engines that run dataflows, by name: NiFis that the operator names, and those the person knows.

Their addresses and credentials stay here; the browser gets names, states, and a link to a NiFi's own canvas, where a
person signs in for themselves.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from jupyter_oscar.client import nifis, references
from jupyter_oscar.client.errors import OscarError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jupyter_oscar.client.nifis import Nifi
    from jupyter_oscar.flows.engines.base import FlowStatus
    from jupyter_oscar.flows.engines.nifi import NifiEngine


class Asked(NamedTuple):
    """A NiFi, the address of its own page where that is known, and what came of asking it."""

    name: str
    canvas: str
    said: Sequence[FlowStatus] | OscarError


class Engines:
    """NiFis by name, and what talks to them; a client is made anew when its profile has changed."""

    def __init__(
        self,
        named: Mapping[str, Mapping[str, Any]],
        *,
        allow_user_clusters: bool = True,
        allowed_hosts: tuple[str, ...] = (),
        ca_bundle: str | None = None,
    ) -> None:
        self._named = named
        self._allow_user_clusters = allow_user_clusters
        self._allowed_hosts = allowed_hosts
        self._ca_bundle = ca_bundle
        self._made: dict[str, NifiEngine] = {}

    def profiles(self) -> dict[str, Nifi | OscarError]:
        """Every NiFi, the operator's first, or why it cannot be told what it is. Reads files."""
        found: dict[str, Nifi | OscarError] = {}
        for name in self._named:
            try:
                found[name] = nifis.find(name, **self._of_operator(name))
            except OscarError as error:
                found[name] = error
        if self._allow_user_clusters:
            for one in nifis.all_():
                if not self._allowed_hosts or urlsplit(one.endpoint).hostname in self._allowed_hosts:
                    found.setdefault(one.name, one)
        return found

    def _of_operator(self, name: str) -> dict[str, Any]:
        said = dict(self._named[name])
        if file := said.pop("password_file", None):
            said["password"] = references.follow(f"file:{file}")
        return {"ca_bundle": self._ca_bundle, **said}

    async def status(self) -> list[Asked]:
        """How the dataflows of each NiFi are, or why that is not known; all are asked at once."""
        known = await asyncio.to_thread(self.profiles)
        for name in set(self._made) - set(known):
            await self._made.pop(name).aclose()

        async def ask(name: str, profile: Nifi | OscarError) -> Asked:
            if isinstance(profile, OscarError):
                return Asked(name, "", profile)
            try:
                return Asked(name, profile.canvas, await (await self._engine(profile)).status())
            except OscarError as error:
                return Asked(name, profile.canvas, error)

        return await asyncio.gather(*(ask(name, profile) for name, profile in known.items()))

    async def _engine(self, profile: Nifi) -> NifiEngine:
        from jupyter_oscar.flows.engines.nifi import NifiEngine

        engine = self._made.get(profile.name)
        if engine is None or engine.profile != profile:
            if engine is not None:
                await engine.aclose()
            engine = self._made[profile.name] = NifiEngine(profile)
        return engine

    async def aclose(self) -> None:
        """Close every connection."""
        for engine in self._made.values():
            await engine.aclose()
        self._made.clear()
