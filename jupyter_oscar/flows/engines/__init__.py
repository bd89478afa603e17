"""What carries a dataflow out: one folder or file for each engine, all behind the base class in ``base``.

NiFi is the first. An engine talks to its own system and to nothing else: what a flow is, and what would change, is
said by the rooms beside this one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_oscar.flows.model import Flow

    from .base import Engine


def choose(flow: Flow | None = None, name: str | None = None, *, secrets: bool = False) -> Engine:
    """The engine that was named, else the one a dataflow's file names, else the only one that is known here.

    A file's own address and login are used as they stand in it; references to secrets are followed with ``secrets``.

    Raises:
        ProfileNotFound: there is none of that name, or none was named.
        SecretsUnconfirmed: the file's login is somewhere on this machine; nothing was read.
        FlowError: there is nothing where a reference in the file leads.

    """
    from jupyter_oscar.client import nifis

    from .nifi import NifiEngine

    if flow is None or name is not None:
        return NifiEngine(nifis.find(name))
    from jupyter_oscar.flows import secrets as finding

    if not secrets and (places := [one for one in finding.elsewhere(flow, login=True) if not one.element]):
        raise finding.unconfirmed(flow, places)
    said = finding.follow_head(flow)
    extra = said.extra
    given = {
        "endpoint": None if extra.profile else said.endpoint,
        "user": said.user,
        "password": said.password.get_secret_value() if said.password else None,
        "token": extra.token.get_secret_value() if extra.token else None,
        "auth": extra.auth,
        "ca_bundle": _beside(flow, extra.ca_bundle),
        "certificate": _beside(flow, extra.certificate),
        "key": _beside(flow, extra.key),
    }
    return NifiEngine(nifis.find(extra.profile, **given))


def _beside(flow: Flow, file: str | None) -> str | None:
    """A file that a dataflow's file names, relative to its folder."""
    return None if file is None else str(flow.path.parent / Path(file).expanduser())
