"""The extension as Jupyter Server sees it: its name, its configuration (``c.JupyterOscarApp``), its life."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from jupyter_server.extension.application import ExtensionApp
from traitlets import Bool, Dict, Int, List, Unicode

if TYPE_CHECKING:
    from .pool import Pool
    from .route import Problem

NAME = r"([^/]+)"
# Parts of uploads in memory at once, 8 MiB each and as much again on their way to the storage.
PARTS = 2


class JupyterOscarApp(ExtensionApp):
    """OSCAR in JupyterLab."""

    name = "jupyter_oscar"
    description = "OSCAR in JupyterLab."

    clusters = Dict(
        value_trait=Dict(),
        help="""Clusters that everybody of this server sees, by name:
        {"name": {"endpoint": "https://…", "user": "…", "password_file": "…" or "token_file": "…", "verify": True,
        "storage": "https://…", "issuer": "https://…", "client_id": "…"}}. Without credentials each person signs in, at
        `issuer` where it is named; `storage` is said where the cluster's own word for it is not the one to use.""",
    ).tag(config=True)
    engines = Dict(
        value_trait=Dict(),
        help="""NiFis whose dataflows everybody of this server sees, by name:
        {"name": {"endpoint": "https://…", "user": "…", "password_file": "…" or "token_file": "…" or "certificate": "…"
        and "key": "…", "verify": True}}.""",
    ).tag(config=True)
    allowed_hosts = List(
        Unicode(),
        help="""Host names that people may connect to; empty: any. Clusters named here are always allowed. On these a
        cluster's storage may be without a person's having confirmed it.""",
    ).tag(config=True)
    allow_user_clusters = Bool(
        default_value=True,
        help="""Whether people may connect to clusters of their own, see those of their configuration files, and confirm
        that a cluster's storage is on another host than its own.""",
    ).tag(config=True)
    persist_tokens = Bool(
        default_value=True,
        help="""Whether sign-ins are kept in the person's data folder; otherwise they end with the server, and so do
        their renewed tokens. Those of a refresh token that already stands in a person's file are kept beside it all the
        same: it may serve only once, and kernels share it.""",
    ).tag(config=True)
    processes = Bool(
        default_value=True, help="Whether people may start a sandbox or mount a bucket from the panel."
    ).tag(config=True)

    ca_bundle = Unicode(
        help="A file of authorities (PEM) that are trusted for clusters and their storage, beside the public ones."
    ).tag(config=True)
    request_budget = Int(
        min=0,
        help="""How many requests a second this server may send to one cluster, for all people together; 0: any number.
        Who clicks goes before what refreshes itself. Objects go to the cluster's storage and are not counted.""",
    ).tag(config=True)

    _pool: Pool | None = None

    def initialize_settings(self) -> None:
        """What the routes share."""
        from . import working_directory
        from .feeds import News
        from .pool import Pool
        from .processes import Processes

        wrong = self._wrong_bundle()
        self._pool = Pool(
            self.clusters,
            allow_user_clusters=self.allow_user_clusters,
            allowed_hosts=tuple(self.allowed_hosts),
            persist=self.persist_tokens,
            ca_bundle=None if wrong else self.ca_bundle or None,
            request_budget=self.request_budget,
            engines=self.engines,
        )
        self.settings.update(
            jupyter_oscar_pool=self._pool,
            jupyter_oscar_processes=Processes(allowed=self.processes),
            jupyter_oscar_news=News(self._pool, lambda: working_directory.root(self.settings)),
            jupyter_oscar_parts=asyncio.Semaphore(PARTS),
            jupyter_oscar_problems=[wrong] if wrong else [],
        )

    def _wrong_bundle(self) -> Problem | None:
        """Said once at the start and in ``health``; clusters with public certificates work all the same."""
        from jupyter_oscar.client.transport import why_no_bundle

        from .route import Problem

        why = why_no_bundle(self.ca_bundle) if self.ca_bundle else None
        if why is None:
            return None
        message = f"The setting ca_bundle of this server is not used: {why}."
        self.log.error(message)
        return Problem(code="ca-bundle", message=message, hint="Its operator sets c.JupyterOscarApp.ca_bundle.")

    def initialize_handlers(self) -> None:
        """One line a route."""
        from . import (
            archive,
            buckets,
            calls,
            channel,
            clusters,
            flows,
            health,
            objects,
            processes,
            services,
            sign_in,
            triggers,
            uploads,
            working_directory,
        )

        one, service = f"clusters/{NAME}", f"clusters/{NAME}/services/{NAME}"
        bucket = f"{one}/buckets/{NAME}"
        call = f"clusters/{NAME}/calls/{NAME}/{NAME}"
        routes: list[tuple[str, Any]] = [
            ("health", health.HealthRoute),
            ("sandbox", processes.SandboxRoute),
            ("channel", channel.ChannelSocket),
            ("poll", channel.ChannelPoll),
            ("clusters", clusters.ClustersRoute),
            ("sign-in", sign_in.SignInRoute),
            ("flows", flows.FlowsRoute),
            (one, clusters.ClusterRoute),
            (f"{one}/diagnosis", clusters.DiagnosisRoute),
            (f"{one}/storage", clusters.StorageRoute),
            (f"{one}/check", services.CheckRoute),
            (f"{one}/plan", services.PlanRoute),
            (f"{one}/services", services.ServicesRoute),
            (service, services.ServiceRoute),
            (f"{service}/belongings", services.BelongingsRoute),
            (f"{service}/(start|stop|restart)", services.LifecycleRoute),
            (f"{service}/open", services.OpenRoute),
            (f"{service}/calls", calls.CallsRoute),
            (f"{service}/run", calls.RunRoute),
            (f"{service}/(calls|run)/{NAME}", calls.FileRoute),
            (call, calls.CallRoute),
            (f"{call}/(cancel|retry)", calls.CallVerbRoute),
            (f"{call}/outputs", calls.OutputsRoute),
            (f"{call}/outputs/(.+)", calls.OutputRoute),
            (f"{one}/buckets", buckets.BucketsRoute),
            (bucket, buckets.BucketRoute),
            (f"{bucket}/folder", buckets.FolderRoute),
            (f"{bucket}/amount", buckets.AmountRoute),
            (f"{bucket}/info", objects.InfoRoute),
            (f"{bucket}/object", objects.ObjectRoute),
            (f"{bucket}/link", objects.LinkRoute),
            (f"{bucket}/uploads", uploads.UploadsRoute),
            (f"{bucket}/triggers", triggers.TriggersRoute),
            (f"{bucket}/triggers/job", triggers.StartedRoute),
            (f"{one}/working-directory", working_directory.WorkingDirectoryRoute),
            (f"{bucket}/archive", archive.ArchiveRoute),
            (f"{bucket}/upload", uploads.UploadRoute),
            (f"{bucket}/upload/finish", uploads.FinishRoute),
            (f"{bucket}/upload/link", uploads.PartLinkRoute),
            (f"{one}/copies", objects.CopiesRoute),
        ]
        self.handlers.extend((f"/jupyter-oscar/{path}", route) for path, route in routes)

    async def stop_extension(self) -> None:
        """Close what is open; processes of the person go on."""
        if self._pool is not None:
            await self._pool.aclose()
