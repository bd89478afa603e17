"""The extension as Jupyter Server sees it: its name, its configuration (``c.JupyterOscarApp``), its life."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_server.extension.application import ExtensionApp
from traitlets import Bool, Dict, List, Unicode

if TYPE_CHECKING:
    from .pool import Pool

NAME = r"([^/]+)"


class JupyterOscarApp(ExtensionApp):
    """OSCAR in JupyterLab."""

    name = "jupyter_oscar"
    description = "OSCAR in JupyterLab."

    clusters = Dict(
        value_trait=Dict(),
        help="""Clusters that everybody of this server sees, by name:
        {"name": {"endpoint": "https://…", "user": "…", "password_file": "…" or "token_file": "…", "verify": True}}.
        Without credentials each person signs in.""",
    ).tag(config=True)
    allowed_hosts = List(
        Unicode(), help="Host names that people may connect to; empty: any. Clusters named here are always allowed."
    ).tag(config=True)
    allow_user_clusters = Bool(
        default_value=True,
        help="Whether people may connect to clusters of their own, and see those of their configuration files.",
    ).tag(config=True)
    persist_tokens = Bool(
        default_value=True,
        help="Whether sign-ins are kept in the person's data folder; otherwise they end with the server.",
    ).tag(config=True)
    processes = Bool(default_value=True, help="Whether people may start a sandbox from the panel.").tag(config=True)

    _pool: Pool | None = None

    def initialize_settings(self) -> None:
        """What the routes share."""
        from .feeds import News
        from .pool import Pool
        from .processes import Processes

        self._pool = Pool(
            self.clusters,
            allow_user_clusters=self.allow_user_clusters,
            allowed_hosts=tuple(self.allowed_hosts),
            persist=self.persist_tokens,
        )
        self.settings.update(
            jupyter_oscar_pool=self._pool,
            jupyter_oscar_processes=Processes(allowed=self.processes),
            jupyter_oscar_news=News(self._pool),
        )

    def initialize_handlers(self) -> None:
        """One line a route."""
        from . import calls, channel, clusters, health, processes, services

        one, service = f"clusters/{NAME}", f"clusters/{NAME}/services/{NAME}"
        call = f"clusters/{NAME}/calls/{NAME}/{NAME}"
        routes: list[tuple[str, Any]] = [
            ("health", health.HealthRoute),
            ("sandbox", processes.SandboxRoute),
            ("channel", channel.ChannelSocket),
            ("poll", channel.ChannelPoll),
            ("clusters", clusters.ClustersRoute),
            (one, clusters.ClusterRoute),
            (f"{one}/check", services.CheckRoute),
            (f"{one}/plan", services.PlanRoute),
            (f"{one}/services", services.ServicesRoute),
            (service, services.ServiceRoute),
            (f"{service}/belongings", services.BelongingsRoute),
            (f"{service}/(start|stop|restart)", services.LifecycleRoute),
            (f"{service}/calls", calls.CallsRoute),
            (f"{service}/run", calls.RunRoute),
            (f"{service}/(calls|run)/{NAME}", calls.FileRoute),
            (call, calls.CallRoute),
            (f"{call}/(cancel|retry)", calls.CallVerbRoute),
            (f"{call}/outputs", calls.OutputsRoute),
            (f"{call}/outputs/(.+)", calls.OutputRoute),
        ]
        self.handlers.extend((f"/jupyter-oscar/{path}", route) for path, route in routes)

    async def stop_extension(self) -> None:
        """Close what is open; processes of the person go on."""
        if self._pool is not None:
            await self._pool.aclose()
