"""One exposed service as a Deployment sees it: what is wanted, what runs, and whether it answers.

A loop brings what runs to what is wanted; nothing else starts or ends its keeper, so there are never two.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from . import keeper
from .expose import OWN_COMMAND
from .joblock import lock_pid, try_lock
from .keeper import State, read_state, write_state
from .ports import taken_by
from .processes import in_words, signal_group, signal_process, sweep
from .servicelog import ServiceLog

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.context import ForkServerProcess

    from aiohttp import ClientSession

AVAILABLE = "MinimumReplicasAvailable: Deployment has minimum availability."  # wire X005
UNAVAILABLE = "MinimumReplicasUnavailable: Deployment does not have minimum availability."
STOPPED = "Deployment is stopped."  # wire X011
_HASTY_TICK_S, _TICK_S, _HINDERED_TICK_S = 0.05, 0.25, 1.0
_RENEW_S = 5.0
_ENDING_S = 0.02
_AGAIN_S = 1.0  # between two keepers, should one end by itself
_PROBE_S = 5.0  # while it is well: the readiness probe's period (X-k8s-exposed.yaml); otherwise sooner
_MISSES = 3  # its failureThreshold
_CRASHES = 3
_LATE_S = 3.0  # a container takes its time to go


@dataclass(frozen=True)
class Wanted:
    """What the service says, ready to be run."""

    charge: keeper.Charge
    port: int
    health: str
    no_image: bool
    """It wants the command of its image, and there are no images here."""


@dataclass(frozen=True)
class Status:
    state: str
    reason: str
    active: int
    affected: int


@dataclass
class Surroundings:
    """What all workloads of a sandbox share."""

    fork: Callable[[keeper.Charge, int], ForkServerProcess]
    when_over: Callable[[ForkServerProcess, Callable[[], None]], None]
    session: ClientSession
    claims: dict[int, str]  # port → service


class Workload:
    def __init__(self, around: Surroundings, wanted: Wanted, replicas: int, turned: Callable[[], None]) -> None:
        self._around, self._wanted, self.replicas, self._turned = around, wanted, replicas, turned
        self._folder = wanted.charge.folder
        self.name = self._folder.name
        self._renew = self._closing = False
        self._pid = 0  # of the keeper
        self._state = State()
        self._ready = self._was_ready = self._ever_ready = False
        self._hindrance = self._sentence = ""
        self._misses, self._due, self._lease_due, self._not_before = 0, 0.0, 0.0, 0.0
        self._probing: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._loop = asyncio.create_task(self._steer())

    # what others ask and tell

    @property
    def address(self) -> int | None:
        """The port to send requests to, while the service answers."""
        return self._wanted.port if self._ready else None

    def status(self) -> Status:
        """As OSCAR reads it from the Deployment (oscar.md §1.2.2); with one process, unwell after well is degraded."""
        active = int(self._state.pid > 0)
        if not self.replicas:
            return Status("stopped", STOPPED, active, 0)
        if self._ready:
            return Status("ready", AVAILABLE, active, 0)
        if self._hindrance:
            return Status("failed", self._hindrance, 0, 0)
        reason = self._sentence or (AVAILABLE if self._ever_ready else UNAVAILABLE)
        if self._state.exits >= _CRASHES:
            return Status("failed", reason, active, active)
        if self._was_ready:
            return Status("degraded", f"1 of 1 instances are affected: {reason}", active, active)
        return Status("pending", reason, active, active)

    def change(self, wanted: Wanted) -> None:
        """A new version: it replaces the old one, and is started (oscar.md §1.2, update)."""
        self._wanted = wanted
        self.scale(1)
        self.restart()

    def scale(self, replicas: int) -> None:
        if replicas != self.replicas:
            self._hindrance = self._sentence = ""
        self.replicas = replicas
        self._changed.set()

    def restart(self) -> None:
        self._renew = True
        self._changed.set()

    def doubt(self) -> None:
        """A request found nobody: ask the service itself, now."""
        self._due = 0.0
        self._changed.set()

    async def close(self) -> None:
        """End it and stop looking after it."""
        self._closing = True
        self._changed.set()
        await self._loop
        if self._probing is not None:
            self._probing.cancel()

    # the loop

    async def _steer(self) -> None:
        while True:
            self._changed.clear()
            try:
                await self._settle()
            except (OSError, EOFError) as error:
                self._hindrance = f"The service could not be started ({error})."
            if self._closing and not self._lives():
                return
            late = _HINDERED_TICK_S if self._hindrance else _TICK_S if self._ready else _HASTY_TICK_S
            try:
                await asyncio.wait_for(self._changed.wait(), late)
            except asyncio.TimeoutError:
                continue

    async def _settle(self) -> None:
        wanted = self._wanted if self.replicas and not self._closing else None
        alive = self._lives()
        if alive and (wanted is None or self._renew or read_state(self._folder).version != wanted.charge.version):
            await self._end()
            alive = False
        if not alive:
            self._tidy()
            self._release(keep=wanted.port if wanted else None)
        if alive:
            self._hindrance = ""
        elif wanted is not None:
            self._hinder(wanted)
            if not self._hindrance and time.monotonic() >= self._not_before:
                self._begin(wanted)
        self._renew = False
        if wanted is not None:
            self._look(wanted)

    def _lives(self) -> bool:
        held = try_lock(self._folder)
        if held is not None:
            os.close(held)
        return held is None

    def _tidy(self) -> None:
        """A keeper that was killed could not end what it kept."""
        if read_state(self._folder).pid:
            sweep(self._wanted.charge.work.environment)
            write_state(self._folder, State())

    def _begin(self, wanted: Wanted) -> None:
        held = try_lock(self._folder)
        if held is None:
            return
        try:
            os.ftruncate(held, 0)
            write_state(self._folder, State(wanted.charge.version))
            keeper.renew(self._folder)
        except OSError:
            os.close(held)
            raise
        self._not_before = time.monotonic() + _AGAIN_S
        process = self._around.fork(wanted.charge, held)
        self._pid = process.pid or 0
        self._around.when_over(process, self._changed.set)

    async def _end(self) -> None:
        """The script is told, gets its time, and then no time at all; so does the keeper."""
        self._unready()
        self._state, self._not_before = State(), 0.0
        deadline, told = time.monotonic() + keeper.GRACE_S + _LATE_S, 0
        while self._lives():
            pid = lock_pid(self._folder) or self._pid
            if pid and pid != told:
                signal_process(pid, signal.SIGTERM)
                told = pid
            if time.monotonic() > deadline:
                signal_process(pid, signal.SIGKILL)
                signal_group(read_state(self._folder).pid, signal.SIGKILL)
                sweep(self._wanted.charge.work.environment)
            await asyncio.sleep(_ENDING_S)

    # why it cannot run

    def _release(self, keep: int | None) -> None:
        for port in [port for port, name in self._around.claims.items() if name == self.name and port != keep]:
            del self._around.claims[port]

    def _hinder(self, wanted: Wanted) -> None:
        """Say why it cannot start, and once for each reason also in its log."""
        why = OWN_COMMAND if wanted.no_image else self._port_trouble(wanted.port)
        if why and why != self._hindrance:
            ServiceLog(wanted.charge.log).say(why)
        self._hindrance = why

    def _port_trouble(self, port: int) -> str:
        holder = self._around.claims.setdefault(port, self.name)
        other = f'the service "{holder}"' if holder != self.name else taken_by(port)
        if other is None:
            return ""
        self._release(keep=None)
        return (
            f"Port {port} is used by {other}, and on one machine only one can have it: stop that one, "
            "or give this service another api_port."
        )

    # whether it answers

    def _unready(self) -> None:
        if self._ready:
            self._ready = False
            self._turned()
        self._was_ready = False
        self._sentence = ""
        self._misses, self._due = 0, 0.0

    def _look(self, wanted: Wanted) -> None:
        if time.monotonic() >= self._lease_due:
            keeper.renew(self._folder)
            self._lease_due = time.monotonic() + _RENEW_S
        state = read_state(self._folder)
        if (state.run, state.pid) != (self._state.run, self._state.pid):
            self._unready()
        self._state = state
        if state.pid:
            self._around.claims[wanted.port] = self.name  # who has it, has it: also one that was found again
        if state.exits and not state.pid:
            times = f", {state.exits} times in a row" if state.exits > 1 else ""
            self._sentence = (
                f"The script ended {in_words(state.code)}{times}, and is started again after {state.pause:g} s: "
                "the log may say why."
            )
        elif state.pid and time.monotonic() >= self._due and self._probing is None:
            self._probing = asyncio.create_task(self._probe(wanted, state))

    async def _probe(self, wanted: Wanted, state: State) -> None:
        try:
            trouble = await self._ask(wanted)
        finally:
            self._probing = None
        if state != self._state or not self.replicas:
            return
        if trouble:
            self._misses += 1
            self._due = time.monotonic() + min(0.1 * self._misses, 1.0)
            if self._misses >= _MISSES or not self._ready:
                self._sentence = trouble
                self._turn(ready=False)
        else:
            self._misses, self._sentence = 0, ""
            self._due = time.monotonic() + _PROBE_S
            self._was_ready = self._ever_ready = True
            self._turn(ready=True)

    def _turn(self, *, ready: bool) -> None:
        if ready != self._ready:
            self._ready = ready
            self._turned()

    async def _ask(self, wanted: Wanted) -> str:
        """The HTTP probe of the recorded pod; an empty answer means well."""
        from aiohttp import ClientConnectorError, ClientError

        url = f"http://127.0.0.1:{wanted.port}{wanted.health}"
        try:
            async with self._around.session.get(url, allow_redirects=False) as answer:
                if HTTPStatus.OK <= answer.status < HTTPStatus.BAD_REQUEST:
                    return ""
                return f"GET {wanted.health} on port {wanted.port} answers {answer.status}."
        except ClientConnectorError:
            return f"The script runs, but nothing listens on port {wanted.port}."
        except (ClientError, OSError, asyncio.TimeoutError) as error:
            return f"GET {wanted.health} on port {wanted.port} gets no answer ({type(error).__name__})."
