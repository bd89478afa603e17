"""The processes we start: for now the sandbox. An operator can forbid it (``c.JupyterOscarApp.processes = False``).

They are started as ``jupyter oscar …`` by argument list, never through a shell (DESIGN §4), and go on when the server
stops: the sandbox is the person's, and finds its data again.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any, ClassVar

from jupyter_oscar.client.errors import NotAllowed, UpstreamFailed

from .route import Message, Route, may


class SandboxState(Message):
    """Whether the person's sandbox runs, and where."""

    running: bool
    endpoint: str | None = None
    data: str | None = None


class Processes:
    """Starts and stops; one thing at a time, so that two clicks do not race."""

    def __init__(self, *, allowed: bool = True) -> None:
        self.allowed = allowed
        self._turn = asyncio.Lock()

    async def sandbox(self, *words: str) -> str:
        """Run ``jupyter oscar sandbox <words>`` and return what it prints.

        Raises:
            NotAllowed: the operator forbids it.
            UpstreamFailed: it could not be done; the command's own sentence says why.

        """
        if not self.allowed:
            msg = "This site does not allow starting processes."
            raise NotAllowed(msg, hint="Connect to a cluster instead.")
        async with self._turn:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "jupyter_oscar",
                "sandbox",
                *words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={**os.environ, "PYTHONSAFEPATH": "1"},  # what lies in the server's folder is nobody's module
            )
            said, complained = await process.communicate()
        if process.returncode and words[0] != "status":  # which ends with 1 when none runs
            why = complained.decode(errors="replace").strip() or "it does not say why."
            msg = f"The sandbox could not {words[0]}: {why}"
            raise UpstreamFailed(msg, hint="")
        return said.decode(errors="replace")


class SandboxRoute(Route):
    """``/jupyter-oscar/sandbox``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:processes"

    @property
    def processes(self) -> Processes:
        """The processes of this server."""
        found: Processes = self.settings["jupyter_oscar_processes"]
        return found

    @may()
    async def get(self) -> None:
        """Whether it runs."""
        self.reply(_state(await self.processes.sandbox("status", "--json")))

    @may("execute")
    async def post(self) -> None:
        """Start it."""
        await self.processes.sandbox("start")
        self.reply(_state(await self.processes.sandbox("status", "--json")), 201)

    @may("execute")
    async def delete(self) -> None:
        """Stop it; its data stays."""
        await self.processes.sandbox("stop")
        self.reply(None)


def _state(said: str) -> SandboxState:
    found: dict[str, Any] = json.loads(said or "{}")
    endpoint = found.get("endpoint")
    return SandboxState(running=bool(endpoint), endpoint=endpoint, data=found.get("data"))
