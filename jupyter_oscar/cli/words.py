"""Other words for the same: what oscar-cli also takes for a command."""

from __future__ import annotations

from typing import Final

import click

# The first of them that a noun has.
OTHERS: Final = {
    "ls": ("list",),
    "rm": ("remove", "delete"),
    "del": ("remove", "delete"),
    "delete": ("remove",),
    "remove": ("delete",),
    "invoke": ("run",),
    "gf": ("get-file",),
    "pf": ("put-file",),
    "list-file": ("list-files",),
    "lsf": ("list-files",),
    "log": ("logs",),
    "df": ("delete-file",),
}


class Noun(click.Group):
    """A group of commands, each of which answers to oscar-cli's other words for it too."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """By its own name first."""
        for name in (cmd_name, *OTHERS.get(cmd_name, ())):
            if (found := super().get_command(ctx, name)) is not None:
                return found
        return None


class WithDefault(Noun):
    """A noun whose first command is meant where none is said."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the first command in front of what begins with none."""
        if not {"-h", "--help"}.intersection(args[:1]) and not (args and self.get_command(ctx, args[0])):
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)
