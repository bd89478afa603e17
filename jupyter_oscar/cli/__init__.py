"""The command line ``jupyter oscar …``: one file per noun, loaded only when it is asked for.

A file holds a command of its own name. What a command does lives in the rooms beside this one; here are its words,
options and exit codes. The sandbox is started as another process and never imported.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from typing import Any

import click

_COMMANDS = {
    "apply": "Deploy the services of an FDL file.",
    "bucket": "Buckets and the objects in them.",
    "cluster": "Clusters: add, sign in, list, choose, look at, remove.",
    "completion": "The lines that let your shell complete commands.",
    "delete": "Remove the services of an FDL file.",
    "diff": "What applying an FDL file would change.",
    "doctor": "What is wrong on the way to a cluster.",
    "federation": "Which clusters share a service.",
    "flow": "Dataflows: check, plan, deploy, look at, start, stop, remove.",
    "metrics": "How much services were used.",
    "mount": "Mount a bucket as a folder.",
    "nifi": "NiFis, to which dataflows are deployed: add, list, remove.",
    "prune": "Clear what old calls left behind.",
    "quota": "What you may use of a cluster, and use.",
    "sandbox": "A local OSCAR on this machine.",
    "service": "Services: list, look at, call, read logs, remove.",
    "system-logs": "Who called what, for a cluster's operator.",
    "umount": "Undo a mount.",
    "volume": "Volumes: list, create, delete.",
    "watch": "Follow calls until they have ended.",
    "why": "Why a call waits, or did not end well.",
}


class _Lazy(click.Group):
    """Knows its commands by name, loads a noun's file when it is used, and says errors in a sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(importlib.import_module(f"{__name__}.{name}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_COMMANDS.items()))

    def main(self, *args: Any, **options: Any) -> Any:
        """Run to the end, and leave without taking the interpreter down under obstore's threads.

        One that finishes a cancelled request just then would abort the process (SIGABRT), whatever our exit code.
        """
        try:
            return super().main(*args, **options)
        except SystemExit as end:
            if "obstore" not in sys.modules:
                raise
            with contextlib.suppress(OSError):  # nobody reads any more
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(end.code if isinstance(end.code, int) else bool(end.code))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error of ours is its sentence on stderr and its exit code, never a traceback."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            from jupyter_oscar.client.errors import OscarError

            from .codes import code_of

            if not isinstance(error, OscarError):
                raise
            for line in (str(error), *getattr(error, "__notes__", ())):
                click.echo(line, err=True)
            ctx.exit(code_of(error))


@click.version_option(package_name="jupyter-oscar", message="jupyter-oscar %(version)s")
@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """OSCAR from the command line."""
