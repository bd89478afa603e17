"""The command line ``jupyter oscar …``: one file per noun, loaded only when it is asked for.

A file holds a command of its own name. What a command does lives in the rooms beside this one; here are its words,
options and exit codes. The sandbox is started as another process and never imported.
"""

from __future__ import annotations

import importlib

import click

_COMMANDS = {
    "doctor": "What is wrong on the way to a cluster.",
    "sandbox": "A local OSCAR on this machine.",
}


class _Lazy(click.Group):
    """Knows its commands by name and loads a noun's file when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"{__name__}.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_COMMANDS.items()))


@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """OSCAR from the command line."""
