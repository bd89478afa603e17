"""``jupyter oscar umount``: undo a mount, when what was written is in the bucket."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from .codes import EPILOG
from .terminal import say


@click.command(epilog=EPILOG)
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
def umount(*, folder: Path) -> None:
    """Unmount DIR once all that was written there is in the bucket."""
    from jupyter_oscar.deploy import keeper

    point, last = folder.expanduser().absolute(), [0]

    def said(waiting: int) -> None:
        if waiting and waiting != last[0] and sys.stderr.isatty():
            say(f"{waiting} file{'s' * (waiting != 1)} not yet written back …")
        last[0] = waiting

    keeper.undo(point, said)
    click.echo(f"{folder}: unmounted")
