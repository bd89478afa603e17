"""``connect``: a cluster by name, by address, or the one that is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_oscar.client import profiles
from jupyter_oscar.client.cluster import Cluster as Client

from .cluster import Cluster

if TYPE_CHECKING:
    from pathlib import Path


def connect(
    name: str | None = None,
    *,
    endpoint: str | None = None,
    user: str | None = None,
    password: str | None = None,
    token: str | None = None,
    token_file: Path | str | None = None,
    verify: bool | None = None,
    storage: str | None = None,
) -> Cluster:
    """A cluster to work with. Nothing is sent until it is used.

    Without arguments: the default of ``~/.oscar-cli/config.yaml``, else ``OSCAR_ENDPOINT`` and what goes with it in the
    environment, else a sandbox that runs on this machine. ``name`` picks one of these; ``"sandbox"`` is the sandbox.
    ``token_file`` is read at every use. ``verify=False`` accepts any TLS certificate.
    ``storage`` is the address of the cluster's object storage as it is reached from here, if the cluster's own word for
    it does not work here; naming it lets keys and files go there (see :meth:`Cluster.confirm_storage`).

    Raises:
        NoCluster: nothing was named and nothing was found.
        ProfileNotFound: nothing is known under ``name``.
        InsecureEndpoint: the address would have the credentials travel unencrypted.

    """
    profile = profiles.resolve(
        name,
        endpoint=endpoint,
        user=user,
        password=password,
        token=token,
        token_file=token_file,
        verify=verify,
        storage=storage,
    )
    return Cluster(Client(profile))
