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
}


class Noun(click.Group):
    """A group of commands, each of which answers to oscar-cli's other words for it too."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """By its own name first."""
        for name in (cmd_name, *OTHERS.get(cmd_name, ())):
            if (found := super().get_command(ctx, name)) is not None:
                return found
        return None
