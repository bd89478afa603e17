"""The clusters this server knows: one client for each, made when first used, closed when the server stops.

Operators name clusters (``c.JupyterOscarApp.clusters``); users add their own by signing in, unless that is forbidden.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jupyter_oscar.client import profiles, storage
from jupyter_oscar.client.credentials import Credentials, Grant, Kept, Memory, Secret, TokenStore
from jupyter_oscar.client.errors import InsecureEndpoint, NoCluster, NotAllowed, ProfileNotFound, Unreachable
from jupyter_oscar.client.profiles import OPERATOR, Profile, Refused

from .engines import Engines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jupyter_oscar.client.budget import Budget
    from jupyter_oscar.client.cluster import Cluster
    from jupyter_oscar.client.profiles import Sandbox

# What keeps a cluster that is named from being used at all.
UNUSABLE = (InsecureEndpoint, NoCluster)
# What others change in a profile is seen after so many seconds.
FRESH = 1.0


class Pool:
    """Profiles by name, and their clients."""

    def __init__(
        self,
        named: Mapping[str, Mapping[str, Any]],
        *,
        allow_user_clusters: bool = True,
        allowed_hosts: tuple[str, ...] = (),
        persist: bool = True,
        ca_bundle: str | None = None,
        request_budget: int = 0,
        engines: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self._named = named
        self.allow_user_clusters = allow_user_clusters
        self._allowed_hosts = allowed_hosts
        self._persist = persist
        self._store = TokenStore()
        #: Sign-ins of this server's life, where they may not be kept, and what became of their grants.
        self._memory: dict[str, Kept] = {}
        self._renewed = Memory()
        self._clients: dict[str, Cluster] = {}
        self._looked: dict[str, float] = {}
        self._ca_bundle = ca_bundle
        self._trust = profiles.Trust(frozenset(allowed_hosts), allow_user_clusters)
        self._request_budget = request_budget
        #: What runs dataflows.
        self.engines = Engines(
            engines or {}, allow_user_clusters=allow_user_clusters, allowed_hosts=allowed_hosts, ca_bundle=ca_bundle
        )
        #: One for each address, whatever names it has and however often its client is made anew.
        self._budgets: dict[str, Budget] = {}

    def profiles(self) -> dict[str, Profile]:
        """Every cluster by name: the operator's first, then what the person has. Credentials of a sign-in win."""
        found = {}
        for name in self._named:
            with contextlib.suppress(*UNUSABLE):  # see `refused`
                found[name] = self._of_operator(name)
        if self.allow_user_clusters:
            own = [profile for profile in profiles.profiles() if self._allowed(profile.endpoint)]
            own += [
                Profile(kept.name, kept.endpoint, kept.credentials, kept.verify, profiles.STORE, kept.storage)
                for kept in self._memory.values()
            ]
            # One that was killed stays in the list and says so, rather than vanish from under who looks at it.
            fallen = profiles.fallen_sandbox()
            for profile in [*own, fallen] if fallen and self._allowed(fallen.endpoint) else own:
                found.setdefault(profile.name, self._trusting(profile))
        return found

    def refused(self) -> list[Refused]:
        """The clusters that somebody named and that may not be used, and why."""
        found: dict[str, Refused] = {}
        for name, said in self._named.items():
            try:
                self._of_operator(name)
            except UNUSABLE as error:
                found[name] = Refused(name, profiles.shown(str(said["endpoint"])), OPERATOR, error)
        if self.allow_user_clusters:
            own = [one for one in profiles.refused() if one.name not in self._named and self._allowed(one.endpoint)]
            found |= {one.name: one for one in own if one.name not in found}
        return list(found.values())

    def profile(self, name: str) -> Profile | None:
        """One cluster by its name; for the operator's nothing else is looked through."""
        return self._of_operator(name) if name in self._named else self.profiles().get(name)

    def _of_operator(self, name: str) -> Profile:
        said = self._named[name]
        kept = self._memory.get(name) or self._store.get(name)
        who = kept.credentials if kept and kept.endpoint == said["endpoint"].rstrip("/") else _credentials(said)
        verify, storage = bool(said.get("verify", True)), said.get("storage")
        return self._trusting(Profile(name, said["endpoint"], who, verify, OPERATOR, storage))

    def _trusting(self, profile: Profile) -> Profile:
        same = (profile.ca_bundle, profile.trust) == (self._ca_bundle, self._trust)
        return profile if same else replace(profile, ca_bundle=self._ca_bundle, trust=self._trust)

    def _found(self, name: str) -> Profile | None:
        profile = self.profile(name)
        if profile is not None:
            if fallen(profile):
                raise stopped()
            _ = profile.sandbox  # looked up here too, since it is in files as well
        return profile

    async def client(self, name: str) -> Cluster:
        """The client of a cluster; a new one when the profile has changed, as after a sign-in or a sandbox's restart.

        Profiles are in files that others write, perhaps on a slow disk: they are read off the loop.

        Raises:
            ProfileNotFound: no cluster of that name is known.
            Unreachable: it was a sandbox whose process is gone.

        """
        if name in self._clients and time.monotonic() - self._looked.get(name, 0.0) < FRESH:
            return self._clients[name]
        looked = time.monotonic()
        profile = await asyncio.to_thread(self._found, name)
        if profile is None:
            for one in await asyncio.to_thread(self.refused):
                if one.name == name:
                    raise one.why
            msg = f'There is no cluster named "{name}".'
            raise ProfileNotFound(msg, hint="Add it in the panel.")
        client = self._clients.get(name)
        if client is None or client.profile != profile:
            client = self._clients[name] = self.making(profile)
        self._looked[name] = looked
        return client

    def making(self, profile: Profile) -> Cluster:
        """A new client, within what this server may ask of that address."""
        from jupyter_oscar.client.budget import Budget
        from jupyter_oscar.client.cluster import Cluster

        budget = self._budgets.setdefault(profile.endpoint, Budget(self._request_budget))
        return Cluster(self._trusting(profile), budget)

    def check(self, kept: Kept) -> None:
        """Whether a person may connect there.

        Raises:
            NotAllowed: the operator forbids clusters of one's own, or this host.

        """
        operators = self._named.get(kept.name)
        if operators is not None and operators["endpoint"].rstrip("/") != kept.endpoint.rstrip("/"):
            msg = f'"{kept.name}" is the name of a cluster of this site.'
            raise NotAllowed(msg, hint="Choose another name.")
        if operators is None and not (self.allow_user_clusters and self._allowed(kept.endpoint)):
            msg = f"This site does not allow connecting to {urlsplit(kept.endpoint).hostname}."
            raise NotAllowed(msg, hint="Ask its operator: allow_user_clusters and allowed_hosts decide.")
        Profile(kept.name, kept.endpoint, kept.credentials)  # refuses what is no address

    def identity(self, name: str) -> tuple[str, str] | None:
        """The issuer and client that an operator names for signing in to a cluster."""
        said = self._named.get(name, {})
        return (str(said["issuer"]), str(said["client_id"])) if said.get("issuer") and said.get("client_id") else None

    def check_issuer(self, issuer: str) -> None:
        """Whether an identity provider that a person names may be asked.

        Raises:
            NotAllowed: the operator names those that may.

        """
        if not (self.allow_user_clusters and self._allowed(issuer)):
            msg = f"This site does not allow signing in at {urlsplit(issuer).hostname}."
            raise NotAllowed(msg, hint="Ask its operator: `allowed_hosts`, or `issuer` and `client_id` of the cluster.")

    def granted(self, grant: Grant) -> Grant:
        """A grant whose renewed tokens are where this server may keep them."""
        return grant if self._persist else replace(grant, memory=self._renewed)

    def add(self, kept: Kept) -> None:
        """Know a cluster by a name; see :meth:`check`."""
        self.check(kept)
        if self._persist:
            self._store.save(kept)
        else:
            self._memory[kept.name] = kept
        self._looked.clear()

    def forget(self, name: str) -> bool:
        """Forget a sign-in; whether there was one. What stands in files of others is theirs."""
        kept = self._memory.pop(name, None)
        if kept and kept.credentials.grant:
            self._renewed.drop(kept.credentials.grant)
        there = kept is not None or self._store.forget(name)
        storage.forget(name)
        self._looked.clear()
        return there

    def _allowed(self, endpoint: str) -> bool:
        return not self._allowed_hosts or urlsplit(endpoint).hostname in self._allowed_hosts

    async def aclose(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()
        await self.engines.aclose()


def fallen(profile: Profile) -> Sandbox | None:
    """The sandbox a profile stood for, if its process is gone; read from files."""
    return profile.fallen if profile.source == profiles.SANDBOX else None


def stopped() -> Unreachable:
    """What is said in place of asking a sandbox whose process is gone: another program may have its port by now."""
    msg = "The local OSCAR has stopped: its process is gone."
    return Unreachable(msg, hint="Start it again; its data is still there.")


def _credentials(said: Mapping[str, Any]) -> Credentials:
    """An operator names files: what stands in a configuration is logged when it is loaded."""
    token_file = Path(said["token_file"]) if said.get("token_file") else None
    if not said.get("password_file"):
        return Credentials(said.get("user"), token_file=token_file)
    try:
        password = Path(said["password_file"]).read_text(encoding="utf-8").strip()
    except OSError:
        return Credentials(said.get("user"))
    return Credentials(said.get("user", "oscar"), Secret(password))
