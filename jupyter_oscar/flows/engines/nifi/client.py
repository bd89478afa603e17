"""NiFi over the wire: the operations we need, typed, for NiFi 1.18 and later and 2.x (flows.md §5).

One client for one NiFi and one sign-in. Its id is random for each client, so NiFi's optimistic locking holds between
people and programs; no cookie is kept, since one would switch its protection against forged requests on (§5.1).
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
import uuid
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

import httpx

from jupyter_oscar.client.errors import NotAuthenticated, NotFound, TimedOut, Unreachable, UpstreamFailed
from jupyter_oscar.client.transport import proxy, why_not

from . import handshake
from .access import Access
from .errors import NotNifi, StaleRevision, WrongState, from_answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from jupyter_oscar.client.nifis import Nifi

#: A restarting NiFi 2 takes connections and then says nothing for some seconds (flows.md §0.1).
TIMEOUT: Final = httpx.Timeout(30, connect=5)
#: What NiFi does by itself (an update of parameters, a replacement) is waited for so long, in seconds.
PATIENCE: Final = 120.0
#: Seconds between two looks at it: soon at first, since most are done at once.
SOONEST: Final = 0.2
LATEST: Final = 2.0
ROOT: Final = "root"
#: NiFi refuses what is right as soon as threads have ended or a service is enabled: how often that is tried again.
TRIES: Final = 6

RUNNING: Final = "RUNNING"
STOPPED: Final = "STOPPED"


class Client:
    """Operations on one NiFi. Close it with ``await client.aclose()``."""

    def __init__(self, profile: Nifi) -> None:
        self.profile = profile
        self.id = str(uuid.uuid4())
        self._access = Access(profile)
        #: How many groups were on the root canvas when it was last listed.
        self.known_groups = 0

    def __repr__(self) -> str:
        return f"<Client {self.profile.name} {self.profile.endpoint}>"

    @cached_property
    def http(self) -> httpx.AsyncClient:
        """The pooled client, made when first used."""
        profile = self.profile
        return httpx.AsyncClient(
            base_url=f"{profile.endpoint}/nifi-api",
            verify=handshake.trust(profile),
            proxy=proxy(profile.endpoint),
            trust_env=False,
            timeout=TIMEOUT,
            follow_redirects=False,
            headers={"User-Agent": "jupyter-oscar", "Accept": "application/json, text/plain;q=0.9, */*;q=0.1"},
        )

    async def aclose(self) -> None:
        """Close every connection."""
        if "http" in self.__dict__:
            await self.http.aclose()

    # What there is

    async def about(self) -> str:
        """Its version."""
        return str((await self._get("/flow/about", what="Asking NiFi for its version"))["about"]["version"])

    async def manifest(self) -> dict[str, Any]:
        """Every bundle with its processors and services, and the version (``runtimeManifest``)."""
        what = "Asking NiFi what it has"
        found: dict[str, Any] = (await self._get("/flow/runtime-manifest", what=what))["runtimeManifest"]
        return found

    async def groups(self, parent: str = ROOT) -> list[dict[str, Any]]:
        """The process groups in a group, with comments, revisions and counts."""
        what = "Listing the process groups"
        found = await self._get(f"/process-groups/{quote(parent)}/process-groups", what=what)
        rows = list(found.get("processGroups") or ())
        self.known_groups = len(rows) if parent == ROOT else self.known_groups
        return rows

    async def group(self, group: str) -> dict[str, Any]:
        """One process group: revision, comments, counts."""
        return await self._get(f"/process-groups/{quote(group)}", what="Reading the process group")

    async def canvas(self, group: str = ROOT) -> dict[str, Any]:
        """What a group holds itself: ``processors``, ``connections``, ports, ``processGroups``, with their states."""
        found = await self._get(f"/flow/process-groups/{quote(group)}", what="Reading the process group")
        flow: dict[str, Any] = found["processGroupFlow"]["flow"]
        return flow

    async def processors(self, group: str) -> list[dict[str, Any]]:
        """Every processor of a group and the groups in it, with what is wrong with it."""
        path = f"/process-groups/{quote(group)}/processors"
        found = await self._get(path, what="Reading the processors", includeDescendantGroups="true")
        return list(found.get("processors") or ())

    async def services(self, group: str) -> list[dict[str, Any]]:
        """Every controller service of a group and the groups in it."""
        path = f"/flow/process-groups/{quote(group)}/controller-services"
        more = {"includeAncestorGroups": "false", "includeDescendantGroups": "true"}
        return list((await self._get(path, what="Reading the services", **more)).get("controllerServices") or ())

    async def definition(self, group: str) -> dict[str, Any]:
        """A group as a flow definition, without secrets."""
        return await self._get(f"/process-groups/{quote(group)}/download", what="Reading the dataflow")

    async def status(self, group: str = ROOT) -> dict[str, Any]:
        """States and queues of a group and all groups in it (``aggregateSnapshot``)."""
        path = f"/flow/process-groups/{quote(group)}/status"
        found = await self._get(path, what="Reading the state of dataflows", recursive="true")
        snapshot: dict[str, Any] = found["processGroupStatus"]["aggregateSnapshot"]
        return snapshot

    async def bulletins(self, limit: int = 500) -> list[dict[str, Any]]:
        """The complaints of the last five minutes, oldest first; those we may not read are left out."""
        found = await self._get("/flow/bulletin-board", what="Reading the bulletins", limit=str(limit))
        rows = found["bulletinBoard"].get("bulletins") or ()
        return [row["bulletin"] for row in rows if row.get("bulletin")]

    async def diagnostics(self) -> dict[str, Any]:
        """Its disks and memory (``aggregateSnapshot``)."""
        found = await self._get("/system-diagnostics", what="Reading how NiFi is")
        snapshot: dict[str, Any] = found["systemDiagnostics"]["aggregateSnapshot"]
        return snapshot

    # Parameters

    async def contexts(self) -> list[dict[str, Any]]:
        """Every parameter context."""
        found = await self._get("/flow/parameter-contexts", what="Listing the parameter contexts")
        return list(found.get("parameterContexts") or ())

    async def create_context(self, name: str, description: str, parameters: list[dict[str, Any]]) -> dict[str, Any]:
        """A new parameter context.

        Raises:
            AlreadyExists: there is one of that name.

        """
        body = {
            "revision": self._new(),
            "component": {"name": name, "description": description, "parameters": _wrapped(parameters)},
        }
        what = f'Making the parameter context "{name}"'
        return await self._json("POST", "/parameter-contexts", what=what, json=body)

    async def update_context(self, context_id: str, parameters: list[dict[str, Any]]) -> None:
        """Set some of a context's parameters and leave the others; one with a name alone is removed (§5.4).

        NiFi stops what uses them, and starts it again; so plain ones that have their value already are left out.

        Raises:
            UpstreamFailed: NiFi could not do it, or not start everything again; its own words.

        """
        what = "Setting the parameters"
        path = f"/parameter-contexts/{quote(context_id)}"

        async def ask() -> None:
            now = await self._get(path, what=what)
            component = now.get("component") or {}
            there = {one["parameter"]["name"]: one["parameter"] for one in component.get("parameters") or ()}
            anew = [one for one in parameters if not _is_so(one, there.get(one["name"]))]
            if not anew:
                return
            body = {
                "revision": self._revision(now),
                "id": context_id,
                "component": {"id": context_id, "parameters": _wrapped(anew)},
            }
            await self._work(f"{path}/update-requests", body, what=what)

        await self._again(ask)

    async def delete_context(self, context_id: str) -> None:
        """Remove a parameter context; one that is gone is no error."""
        what = "Removing the parameter context"
        path = f"/parameter-contexts/{quote(context_id)}"
        await self._delete(path, what=what)

    # Groups

    async def import_(self, name: str, flow: Mapping[str, Any], at: tuple[float, float]) -> dict[str, Any]:
        """A new process group on the root canvas from a flow definition."""
        body = {
            "revisionDTO": self._new(),
            "groupName": name,
            "positionDTO": {"x": at[0], "y": at[1]},
            "flowSnapshot": flow,
        }
        path = f"/process-groups/{ROOT}/process-groups/import"
        return await self._json("POST", path, what=f'Importing "{name}"', json=body)

    async def replace(self, group: str, flow: Mapping[str, Any], *, what: str) -> None:
        """Make a group's content what the definition says; what is the same there goes on running.

        Raises:
            UpstreamFailed: NiFi could not do it, or not start everything again; its own words.

        """
        path = f"/process-groups/{quote(group)}"

        async def ask() -> None:
            now = await self._get(path, what=what)
            body = {"processGroupRevision": self._revision(now), "versionedFlowSnapshot": flow}
            await self._work(f"{path}/replace-requests", body, what=what, at="/process-groups/replace-requests")

        await self._again(ask)

    async def set_group(self, group: str, **component: Any) -> dict[str, Any]:
        """Change a group's own name, comments or parameter context."""
        path = f"/process-groups/{quote(group)}"
        what = "Changing the process group"

        async def ask() -> dict[str, Any]:
            now = await self._get(path, what=what)
            body = {"revision": self._revision(now), "id": group, "component": {"id": group, **component}}
            return await self._json("PUT", path, what=what, json=body)

        entity: dict[str, Any] = await self._again(ask)
        return entity

    async def delete_group(self, group: str, *, what: str = "Deleting the process group") -> None:
        """Delete a group that is stopped, disabled, empty and unconnected; one that is gone is no error."""
        await self._delete(f"/process-groups/{quote(group)}", what=what)

    async def set_state(self, group: str, state: str) -> None:
        """Start or stop everything in a group; NiFi answers before it has happened."""
        body = {"id": group, "state": state, "disconnectedNodeAcknowledged": False}
        what = "Starting the dataflow" if state == RUNNING else "Stopping the dataflow"
        await self._json("PUT", f"/flow/process-groups/{quote(group)}", what=what, json=body)

    async def set_services(self, group: str, state: str) -> None:
        """Make all services of a group and the groups in it ENABLED or DISABLED; NiFi answers before they are."""
        body = {"id": group, "state": state, "disconnectedNodeAcknowledged": False}
        path = f"/flow/process-groups/{quote(group)}/controller-services"
        verb = "Enabling" if state == "ENABLED" else "Disabling"
        await self._json("PUT", path, what=f"{verb} the services", json=body)

    # Processors and queues

    async def set_processor(self, processor: str, state: str) -> None:
        """Start or stop one processor."""
        path = f"/processors/{quote(processor)}"
        what = "Starting a processor" if state == RUNNING else "Stopping a processor"

        async def ask() -> None:
            now = await self._get(path, what=what)
            body = {"revision": self._revision(now), "state": state, "disconnectedNodeAcknowledged": False}
            await self._json("PUT", f"{path}/run-status", what=what, json=body)

        await self._again(ask)

    async def terminate(self, processor: str) -> None:
        """End the threads of a processor that was stopped and does not end by itself."""
        await self._request("DELETE", f"/processors/{quote(processor)}/threads", what="Ending a processor's threads")

    async def empty(self, group: str) -> None:
        """Throw away everything queued in a group and the groups in it."""
        path = f"/process-groups/{quote(group)}/empty-all-connections-requests"
        await self._work(path, None, what="Emptying the queues", key="dropRequest", id_="id", done="finished")

    async def delete_connection(self, connection: str) -> None:
        """Remove a connection that is empty and whose ends are stopped; one that is gone is no error."""
        await self._delete(f"/connections/{quote(connection)}", what="Removing a connection")

    # How it is sent

    def _new(self) -> dict[str, Any]:
        return {"version": 0, "clientId": self.id}

    def _revision(self, entity: Mapping[str, Any]) -> dict[str, Any]:
        return {"version": entity["revision"]["version"], "clientId": self.id}

    async def _delete(self, path: str, *, what: str) -> None:
        async def ask() -> None:
            revision = self._revision(await self._get(path, what=what))
            params = {"version": str(revision["version"]), "clientId": self.id}
            await self._request("DELETE", path, what=what, params=params)

        with contextlib.suppress(NotFound):
            await self._again(ask)

    async def _again(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        """Read and change once more where somebody was faster, and a few times where threads have yet to end."""
        pause = SOONEST
        for _ in range(TRIES):
            try:
                return await ask()
            except (StaleRevision, WrongState) as error:
                last = error
            await asyncio.sleep(pause)
            pause = min(LATEST, pause * 2)
        raise last

    async def _work(
        self,
        path: str,
        body: Any,
        *,
        what: str,
        at: str | None = None,
        key: str = "request",
        id_: str = "requestId",
        done: str = "complete",
    ) -> None:
        """Hand in a request, look at it until it is done, and take it back, whatever came of it."""
        said = (await self._json("POST", path, what=what, json=body))[key]
        place = f"{at or path}/{quote(str(said[id_]))}"
        deadline, pause = time.monotonic() + PATIENCE, SOONEST
        try:
            while not said.get(done):
                if time.monotonic() > deadline:
                    msg = f"{what} was not finished after {PATIENCE:.0f} s: {said.get('state') or 'under way'}."
                    raise TimedOut(msg, hint="Look at the dataflow in NiFi; some of its processors may be stopped.")
                await asyncio.sleep(pause)
                pause = min(LATEST, pause * 1.5)
                said = (await self._get(place, what=what))[key]
        finally:
            with contextlib.suppress(NotFound, WrongState):
                await self._request("DELETE", place, what=what)
        if why := said.get("failureReason"):
            msg = f"{what} failed: {str(why).rstrip('.')}."
            raise UpstreamFailed(msg, upstream=str(why))

    async def _get(self, path: str, *, what: str, **params: str) -> dict[str, Any]:
        """Read; once more after a broken connection, since a connection kept open may have been closed meanwhile."""
        try:
            return await self._json("GET", path, what=what, params=params or None)
        except Unreachable as error:
            if not isinstance(error.__cause__, (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)):
                raise
        return await self._json("GET", path, what=what, params=params or None)

    async def _json(self, method: str, path: str, *, what: str, **options: Any) -> dict[str, Any]:
        response = await self._request(method, path, what=what, **options)
        try:
            said = response.json()
        except ValueError:
            said = None
        if not isinstance(said, dict):
            msg = f"{self.profile.endpoint} answers {path} with something that is not NiFi's."
            raise NotNifi(msg, status=response.status_code)
        return said

    async def _request(self, method: str, path: str, *, what: str, **options: Any) -> httpx.Response:
        with self._translated(what):
            headers = await self._access.headers(self.http)
            response = await self._sent(method, path, headers=headers, **options)
            if response.status_code == httpx.codes.UNAUTHORIZED and (
                other := await self._access.renewed(self.http, headers)
            ):
                response = await self._sent(method, path, headers=other, **options)
            self.http.cookies.clear()
        if response.is_redirect:
            where = urlsplit(response.headers.get("Location", "")).netloc or "?"
            msg = f"{self.profile.endpoint} sends us on to {where}"
            raise NotNifi(f"{msg}; credentials are not taken along.", hint="If that is your NiFi, use its own address.")
        if not response.is_success:
            raise from_answer(what, response)
        return response

    async def _sent(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send it, and wait for what changes something although we are cancelled.

        NiFi does it all the same, and who undoes it has to find it.
        """
        sending = asyncio.ensure_future(self.http.request(method, path, **options))
        try:
            return await (sending if method == "GET" else asyncio.shield(sending))
        except asyncio.CancelledError:
            if method != "GET":
                await asyncio.wait({sending}, timeout=TIMEOUT.read)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            raise

    @contextlib.contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        """Say in words what the connection's failure means."""
        host = urlsplit(self.profile.endpoint).netloc
        try:
            yield
        except httpx.ConnectTimeout as error:
            msg = f"{what} failed: NiFi at {host} does not answer."
            raise Unreachable(msg, hint="Is it running, and is this its address?") from error
        except httpx.TimeoutException as error:
            msg = f"{what} failed: NiFi at {host} did not answer in time."
            raise TimedOut(msg, hint="It may be starting or very busy; try again in a moment.") from error
        except (httpx.TransportError, ssl.SSLError) as error:  # a late refusal of our certificate comes as it is
            if refused := handshake.refused(self.profile, error):
                raise NotAuthenticated(f"{what} failed: {refused[0]}", hint=refused[1]) from error
            if isinstance(error, httpx.ConnectError):
                hint = handshake.distrusted(error) or "Is it running, and is this its address?"
                msg = f"{what} failed: NiFi at {host} cannot be reached: {why_not(error)}."
                raise Unreachable(msg, hint=hint) from error
            msg = f"{what} failed: the connection to NiFi at {host} broke: {why_not(error)}."
            hint = f"It may be restarting{handshake.perhaps(self.profile)}; try again in a moment."
            raise Unreachable(msg, hint=hint) from error


def _is_so(wanted: Mapping[str, Any], there: Mapping[str, Any] | None) -> bool:
    """Whether a parameter is as it is wanted; of a secret nobody can tell."""
    if there is None or "value" not in wanted:
        return there is None and "value" not in wanted
    return not (there.get("sensitive") or wanted.get("sensitive")) and there.get("value") == wanted["value"]


def _wrapped(parameters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"parameter": one} for one in parameters]
