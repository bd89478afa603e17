"""What every noun of the command line shares: the cluster it works on, tables and JSON, questions and progress.

Results go to stdout; questions, progress and errors to stderr, so that a pipe carries results only.
"""

from __future__ import annotations

import asyncio
import functools
import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from .names import clusters

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from jupyter_oscar.client.errors import StorageUnconfirmed

as_json = click.option("--json", "as_json", is_flag=True, help="For programs.")
quiet = click.option("--no-progress", is_flag=True, help="No progress bar.")
yes = click.option("--yes", "-y", is_flag=True, help="Do not ask.")


def on_cluster(function: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Give a command the option --cluster, and its function the open client as first argument.

    Of a command with an FDL ``file``, the cluster that the file names is taken where it is known and no other was said;
    of one with an ``endpoint``, that.
    """

    @click.option("--cluster", "-c", "on", metavar="NAME", shell_complete=clusters, help="On which [default: yours].")
    @functools.wraps(function)
    def command(*, on: str | None, **arguments: Any) -> None:
        async def work() -> None:
            from jupyter_oscar.client.cluster import Cluster
            from jupyter_oscar.client.profiles import resolve

            if endpoint := arguments.pop("endpoint", None):
                profile = resolve(on, endpoint=endpoint)
            else:
                profile = resolve(on or (_named_in(arguments["file"]) if "file" in arguments else None))
            async with Cluster(profile) as cluster:
                if sys.stdin.isatty():
                    cluster.confirming = right
                await function(cluster, **arguments)

        asyncio.run(work())

    return command


def right(waiting: StorageUnconfirmed) -> bool:
    """Ask whether a cluster's storage on another host is right."""
    return click.confirm(f"{waiting.message} May your keys and files go to {waiting.address}?", err=True)


def _named_in(file: Path) -> str | None:
    """The one cluster an FDL file names, if it is one of ours; files from elsewhere name any."""
    from jupyter_oscar.client import fdl
    from jupyter_oscar.client.profiles import profiles

    known = {profile.name for profile in profiles()}
    named = sorted(known.intersection(fdl.load(file).targets.values()))
    if len(named) > 1:
        msg = f"{file} names several of your clusters ({', '.join(named)}): say which with --cluster."
        raise click.UsageError(msg)
    return named[0] if named else None


def out(value: Any) -> None:
    """A value as JSON on stdout; times as ISO 8601."""
    click.echo(json.dumps(value, indent=1, default=_in_json, ensure_ascii=False))


def _in_json(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Columns under their names on a terminal; in a pipe tabs between fields, one row a line, and no names."""
    lines = [[_plain(_in_words(cell)) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for line in lines:
            click.echo("\t".join(line))
        return
    widths = [max(len(line[i]) for line in [list(head), *lines]) for i in range(len(head))]
    for line in [list(head), *lines]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _in_words(cell: object) -> str:
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "seconds")
    return ", ".join(map(str, cell)) if isinstance(cell, (list, tuple)) else str(cell)


def _plain(text: str) -> str:
    """Without what would move the cursor: names come from servers."""
    return "".join(sign if sign.isprintable() else "�" for sign in text)


def say(sentence: str) -> None:
    """For the person, beside the result."""
    click.echo(sentence, err=True)


def confirm(question: str, *, sure: bool) -> None:
    """Ask before something is lost; where nobody can be asked, want --yes."""
    if sure:
        return
    if not sys.stdin.isatty():
        msg = f"{question} Nobody can be asked here: add --yes."
        raise click.UsageError(msg)
    click.confirm(question, abort=True, err=True)


def bar(label: str, length: int, *, hidden: bool = False) -> AbstractContextManager[Any]:
    """Progress in bytes: a bar on a terminal, nothing in a pipe."""
    hidden = hidden or not sys.stderr.isatty()
    return click.progressbar(length=length, label=label, file=sys.stderr, show_pos=False, hidden=hidden)


def size(count: float) -> str:
    """A number of bytes for a person."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:  # noqa: PLR2004
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def inside(folder: Path, key: str) -> Path:
    """Where a key lies below a folder.

    Raises:
        NotSaved: it would lie outside.

    """
    target = folder / key
    if not target.resolve().is_relative_to(folder.resolve()):
        from jupyter_oscar.client.errors import NotSaved

        msg = f'The object "{key}" would be written outside {folder}.'
        raise NotSaved(msg, hint="Get it alone, under a name of your own.")
    return target
