"""Keeps the script of one exposed service running, in a process of its own that outlives the sandbox for a while.

It is to a service what the kubelet is to a pod: it starts the script, writes its output to the log, and starts it
again whenever it ends, later each time. It holds the lock of the service's folder for life, so that there are never
two, and a sandbox that was killed finds it again. When no sandbox renews the lease it ends by itself.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .processes import in_words, signal_group, sweep
from .runtimes import RUNTIMES, Processes, Work
from .servicelog import ServiceLog

if TYPE_CHECKING:
    from .joblock import HeldLock

GRACE_S = 5.0
LEASE_S = 60.0
_LEASE_CHECK_S = 1.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
_STEADY_S = 60.0
_PIECE = 1 << 16


@dataclass(frozen=True)
class Charge:
    """What is to be kept running; it travels to the keeper over a pipe, never by command line."""

    version: str
    folder: Path
    home: Path
    work: Work
    runtime: str = Processes.NAME

    @property
    def log(self) -> Path:
        return self.folder / "log"


@dataclass(frozen=True)
class State:
    """What the keeper tells: which version it keeps, the number of this run, how often the last ones ended early."""

    version: str = ""
    run: int = 0
    pid: int = 0  # of the script; 0 between two runs
    exits: int = 0
    code: int = 0
    pause: float = 0.0


def read_state(folder: Path) -> State:
    try:
        return State(**json.loads((folder / "state.json").read_text(encoding="ascii")))
    except (OSError, ValueError, TypeError):
        return State()


def write_state(folder: Path, state: State) -> None:
    draft = folder / "state.tmp"
    draft.write_text(json.dumps(asdict(state)), encoding="ascii")
    draft.replace(folder / "state.json")


def renew(folder: Path) -> None:
    (folder / "lease").touch()


def _expired(folder: Path) -> bool:
    try:
        return time.time() - (folder / "lease").stat().st_mtime > LEASE_S
    except OSError:
        return True


def _pump(pipe: int, log: ServiceLog) -> None:
    """Everything that is in the pipe by now."""
    while True:
        try:
            data = os.read(pipe, _PIECE)
        except BlockingIOError:
            return
        if not data:
            asyncio.get_running_loop().remove_reader(pipe)
            return
        log.feed(data)


class Keeper:
    def __init__(self, charge: Charge) -> None:
        self._charge = charge
        self._log = ServiceLog(charge.log)
        self._told = asyncio.Event()  # to end

    async def keep(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._told.set)
        lease = asyncio.create_task(self._watch_lease())
        run = exits = 0
        while not self._told.is_set():
            run += 1
            began = time.monotonic()
            code = await self._run(run, exits)
            if self._told.is_set():
                break
            exits = 1 if time.monotonic() - began >= _STEADY_S else exits + 1
            pause = min(_FIRST_PAUSE_S * 2 ** (exits - 1), _LONGEST_PAUSE_S)
            self._tell(State(self._charge.version, run, 0, exits, code, pause))
            self._log.say(f"The script ended {in_words(code)}; it is started again in {pause:g} s.")
            await self._pause(pause)
        self._tell(State(self._charge.version, run))
        lease.cancel()

    def _tell(self, state: State) -> None:
        try:
            write_state(self._charge.folder, state)
        except OSError:
            return  # a full disk: the service goes on, its state is told later

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._told.wait(), seconds)
        except asyncio.TimeoutError:
            return

    async def _watch_lease(self) -> None:
        while not _expired(self._charge.folder):  # noqa: ASYNC110 - a file's age is not an event
            await asyncio.sleep(_LEASE_CHECK_S)
        self._log.say("No sandbox looks after this service any more.")
        self._told.set()

    async def _run(self, run: int, exits: int) -> int:
        """The script once; nothing of it is left when this returns."""
        out, into = os.pipe()
        os.set_blocking(out, False)
        loop = asyncio.get_running_loop()
        try:
            process = await self._spawn(into)
        except (OSError, ValueError) as error:
            self._log.say(f"The script could not be started ({error}).")
            os.close(out)
            return 126
        finally:
            os.close(into)
        self._tell(State(self._charge.version, run, process.pid, exits))
        loop.add_reader(out, partial(_pump, out, self._log))
        over, told = asyncio.ensure_future(process.wait()), asyncio.ensure_future(self._told.wait())
        await asyncio.wait({over, told}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        if not over.done():
            self._log.say("The script is told to end.")
            signal_group(process.pid, signal.SIGTERM)
            await asyncio.wait({over}, timeout=GRACE_S)
        signal_group(process.pid, signal.SIGKILL)  # what the script left behind, as at the end of a pod
        sweep(self._charge.work.environment)
        await asyncio.to_thread(RUNTIMES[self._charge.runtime]().clean, self._charge.work)
        code = await over
        _pump(out, self._log)
        self._log.end()
        loop.remove_reader(out)
        os.close(out)
        return code

    async def _spawn(self, output: int) -> asyncio.subprocess.Process:
        """In a home as fresh as a container's."""
        charge = self._charge
        shutil.rmtree(charge.home, ignore_errors=True)
        charge.home.mkdir(parents=True)
        runtime = RUNTIMES[charge.runtime]()
        runtime.prepare(charge.work)
        launcher = str(Path(__file__).with_name("launcher.py"))
        return await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", launcher, str(os.getpid()), *runtime.command(charge.work),
            stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
            env=runtime.environment(charge.work), cwd=charge.home, start_new_session=True,
        )  # fmt: skip


async def _keep(charge: Charge) -> None:
    await Keeper(charge).keep()


def main(charge: Charge, lock: HeldLock) -> None:
    """Entry of the keeper's process; ``lock`` stays open, and so held, until it ends."""
    from .bounds import limit

    limit()
    lock.sign()
    os.umask(0o077)
    asyncio.run(_keep(charge))
