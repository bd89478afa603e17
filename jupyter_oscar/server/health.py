"""Whether the two halves fit, and what this server allows."""

from __future__ import annotations

from typing import ClassVar

import jupyter_oscar

from .route import Message, Problem, Route, may


class Capabilities(Message):
    """What a person may do here: start a sandbox, connect to clusters of their own."""

    sandbox: bool
    user_clusters: bool


class Health(Message):
    """The server half's version, what it allows, and what is wrong with it."""

    version: str
    capabilities: Capabilities
    problems: list[Problem]


class HealthRoute(Route):
    """``/jupyter-oscar/health``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:health"

    @may()
    async def get(self) -> None:
        """The panel asks this first."""
        allows = Capabilities(
            sandbox=self.settings["jupyter_oscar_processes"].allowed, user_clusters=self.pool.allow_user_clusters
        )
        self.reply(
            Health(
                version=jupyter_oscar.__version__, capabilities=allows, problems=self.settings["jupyter_oscar_problems"]
            )
        )
