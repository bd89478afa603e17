"""What the person who starts the sandbox chooses, and how it is typed."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .compat import NEWEST, VERSIONS
from .oidc import Trust
from .quantities import parse
from .runtimes import RUNTIMES, Processes
from .settings import CannotStart
from .stores import STORES

if TYPE_CHECKING:
    from collections.abc import Sequence

FAITHFUL, FRIENDLY = "faithful", "friendly"


class Options(NamedTuple):
    """``faithful`` copies the quirks of a real server, ``friendly`` says what is so.

    ``realtime`` is its speed on top: what a call costs Kubernetes, six seconds for a create and a delete, and the
    object store's short outage in them.
    """

    jobs: int
    throttle: bool = False
    hold: bool = False
    serverless: bool = True
    page: int | None = None  # jobs on a page of a list: JOB_LISTING_LIMIT of a real server
    virtual_node: str = ""
    trust: Trust = Trust()
    mode: str = FAITHFUL
    compat: str = NEWEST
    realtime: bool = False
    latency: float = 0.0
    faults: Path | None = None
    runtime: str = Processes.NAME
    time_limit: float = 0.0
    scratch_limit: int = 0

    @property
    def friendly(self) -> bool:
        return self.mode == FRIENDLY

    @property
    def version(self) -> str:
        """As ``/system/info`` says it, without the v."""
        return VERSIONS[self.compat]


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """The typed words; ``what`` is start, reset or export."""
    parser = argparse.ArgumentParser(prog="python -m jupyter_oscar.sandbox", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("start", "reset", "export"), default="start")
    parser.add_argument("--data", type=Path, help="data folder; default: oscar-sandbox in Jupyter's data folder")
    parser.add_argument("--to", type=Path, help="export: the folder to make")
    parser.add_argument("--port", type=int, help="port of the API; default: the last one, else a free one")
    parser.add_argument("--jobs", type=int, help="jobs at once; default: the number of processors, at least 2")
    modes = parser.add_mutually_exclusive_group()
    for mode in (FAITHFUL, FRIENDLY):
        modes.add_argument(f"--{mode}", dest="mode", action="store_const", const=mode)
    parser.set_defaults(mode=FAITHFUL)
    parser.add_argument("--compat", choices=sorted(VERSIONS), default=NEWEST, help="the version of OSCAR to be")
    parser.add_argument("--realtime", action="store_true", help="a real server's speed, six-second creates included")
    parser.add_argument("--throttle", action="store_true", help="only the speed of its calls")
    parser.add_argument("--latency", type=float, default=0.0, metavar="S", help="seconds before each answer")
    parser.add_argument("--faults", type=Path, metavar="FILE", help="a YAML file of what shall go wrong (faults.py)")
    parser.add_argument("--runtime", choices=sorted(RUNTIMES), default=Processes.NAME, help="how scripts run")
    parser.add_argument("--time-limit", type=float, default=0.0, metavar="S", help="the longest that a job may run")
    parser.add_argument("--scratch-limit", default="10Gi", metavar="SIZE", help="what a job's files may take on disk")
    parser.add_argument("--store", choices=STORES, help="what keeps the objects; default: minio where it is on PATH")
    parser.add_argument("--minio", metavar="PATH", help="MinIO's program, when it is not on PATH")
    parser.add_argument("--hold", action="store_true", help="accept jobs and start none")
    parser.add_argument("--no-serverless", action="store_true", help="without synchronous runs")
    parser.add_argument("--page-size", type=int, metavar="N", help="jobs on a page of a list; default: 70")
    parser.add_argument(
        "--virtual-node", metavar="NAME", default="", help="have interLink and this node; its jobs run here"
    )
    several: dict[str, Any] = {"action": "append", "default": []}
    parser.add_argument("--oidc-issuer", metavar="URL", help="an identity provider whose tokens are taken", **several)
    parser.add_argument("--oidc-group", metavar="GROUP", help="a group whose members are let in", **several)
    parser.add_argument("--oidc-admin", metavar="SUB", help="a user who may read the manager's log", **several)
    return parser.parse_args(argv)


def chosen(typed: argparse.Namespace) -> Options:
    """Raises ``CannotStart`` when they do not fit together."""
    RUNTIMES[typed.runtime].check()
    scratch = parse(typed.scratch_limit)
    if not scratch:
        raise CannotStart(f"--scratch-limit must be an amount like 500Mi or 10Gi, not {typed.scratch_limit!r}.")
    return Options(
        jobs=typed.jobs or max(2, os.cpu_count() or 1),
        throttle=typed.throttle or typed.realtime,
        hold=typed.hold,
        serverless=not typed.no_serverless,
        page=typed.page_size and max(1, typed.page_size),
        virtual_node=typed.virtual_node,
        trust=Trust(tuple(typed.oidc_issuer), tuple(typed.oidc_group), tuple(typed.oidc_admin)).check(),
        mode=typed.mode,
        compat=typed.compat,
        realtime=typed.realtime,
        latency=typed.latency,
        faults=typed.faults,
        runtime=typed.runtime,
        time_limit=typed.time_limit,
        scratch_limit=scratch,
    )
