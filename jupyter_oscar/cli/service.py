"""``jupyter oscar service``: look at services, call them, remove them; their logs are in ``logs``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import files
from .codes import EPILOG, SCRIPT
from .logs import logs
from .names import services
from .terminal import as_json, confirm, inside, on_cluster, out, say, table, yes
from .words import Noun

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_oscar.client.calls import Payload
    from jupyter_oscar.client.cluster import Cluster
    from jupyter_oscar.client.records import Call

# What others' passwords may stand in, which a server gives back in clear (oscar.md §10.19).
_UNSHOWN = {"token", "storage_providers", "clusters", "kserve", "federation"}


@click.group(cls=Noun, epilog=EPILOG)
def service() -> None:
    """Services: list, look at, call, read logs, remove."""


for _command in (logs, files.put_file, files.get_file, files.list_files, files.delete_file):
    service.add_command(_command)


@service.command("list", epilog=EPILOG)
@as_json
@on_cluster
async def list_(cluster: Cluster, *, as_json: bool) -> None:
    """List the services you may see."""
    from jupyter_oscar.client.services import Summary

    found = [Summary.of(row) for row in await cluster.services.rows()]
    if as_json:
        out([one._asdict() for one in found])
    else:
        table(("NAME", "KIND", "VISIBILITY", "IMAGE", "OWNER"), found)


@service.command(epilog=EPILOG)
@click.argument("name", shell_complete=services)
@click.option("--script", is_flag=True, help="Print its script instead.")
@as_json
@on_cluster
async def get(cluster: Cluster, *, name: str, script: bool, as_json: bool) -> None:
    """Print a service as an FDL, as its author wrote it; no token and no secret."""
    from jupyter_oscar.client import fdl, prologue

    found = await cluster.services.get(name)
    if as_json:
        out(found.model_dump(mode="json", exclude=_UNSHOWN))
    else:
        click.echo(prologue.remove(found.script) if script else fdl.dump(found), nl=False)


@service.command(epilog=EPILOG)
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=services)
@yes
@on_cluster
async def remove(cluster: Cluster, *, names: tuple[str, ...], yes: bool) -> None:
    """Remove services WITH their input and output buckets and all objects in them."""
    doomed = [await cluster.services.get(name) for name in names]
    for one in doomed:
        buckets = one.buckets()
        goes = f" with the buckets {', '.join(buckets)} and all objects in them" if buckets else ""
        confirm(f"Remove {one.name}{goes}?", sure=yes)
        await cluster.services.delete(one.name)
        click.echo(f"{one.name}: removed{goes}")


def _lifecycle(verb: str) -> None:
    @service.command(verb, epilog=EPILOG, help=f"{verb.capitalize()} an exposed service.")
    @click.argument("name", shell_complete=services)
    @on_cluster
    async def command(cluster: Cluster, *, name: str) -> None:
        await cluster.deployments.ask(name, verb)
        click.echo(f"{name}: {verb} asked for")


for _verb in ("start", "stop", "restart"):
    _lifecycle(_verb)


def _input(function: Callable[..., Any]) -> Callable[..., Any]:
    function = click.option("--text-input", "-i", "text", metavar="TEXT", help="The input as text.")(function)
    return click.option(
        "--file-input",
        "-f",
        "path",
        type=click.Path(path_type=Path, allow_dash=True),
        help="The input as a file; - is stdin.",
    )(function)


def _payload(path: Path | None, text: str | None) -> Payload:
    from jupyter_oscar.client.calls import Payload
    from jupyter_oscar.client.errors import FileMissing

    if (path is None) == (text is None):
        msg = "Name the input: --file-input FILE (- is stdin) or --text-input TEXT, one of the two."
        raise click.UsageError(msg)
    if text is not None:
        return Payload("input.txt", text.encode())
    if path is None or str(path) == "-":
        return Payload("input", sys.stdin.buffer.read())
    try:
        with path.open("rb"):
            return Payload.file(path)
    except OSError as error:
        msg = f"The input {path} cannot be read: {(error.strerror or str(error)).lower()}."
        raise FileMissing(msg, hint="Check the path.") from error


@service.command(epilog=EPILOG)
@click.argument("name", shell_complete=services)
@_input
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Write the answer to this file.")
@on_cluster
async def run(cluster: Cluster, *, name: str, path: Path | None, text: str | None, output: Path | None) -> None:
    """Call a service and wait for its answer: text, or the file or zip that it made."""
    answer = await cluster.calls.run(name, _payload(path, text))
    if output is None:
        sys.stdout.buffer.write(answer.content)
        if not answer.is_file and not answer.content.endswith(b"\n"):
            sys.stdout.buffer.write(b"\n")
        return
    try:
        output.write_bytes(answer.content)
    except OSError as error:
        from jupyter_oscar.client.errors import NotSaved

        msg = f"The answer cannot be written to {output}: {(error.strerror or str(error)).lower()}."
        raise NotSaved(msg, hint="Name another file.") from error
    say(f"The answer is in {output}.")


@service.command(epilog=EPILOG)
@click.argument("name", shell_complete=services)
@_input
@click.option("--wait", is_flag=True, help="Wait for its end; 6 if it ends badly.")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Wait, and write its outputs into this folder.")
@as_json
@on_cluster
async def job(
    cluster: Cluster,
    *,
    name: str,
    path: Path | None,
    text: str | None,
    wait: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """Submit a job and print what it is called: SERVICE/ID. Follow it with `watch`, read it with `service logs get`."""
    call = await cluster.calls.submit(name, _payload(path, text))
    if not (wait or output):
        _told(call, None, (), as_json=as_json)
        return
    from jupyter_oscar.client.jobs import State, state

    say(call.reference)
    facts = await cluster.watch.until_ended(call)
    saved = []
    if output:
        for bucket, found in await cluster.calls.outputs(call, facts):
            kept = found.key.removeprefix(f"{call.place[1]}/") if call.place else found.key.rpartition("/")[2]
            target = inside(output, kept)
            await cluster.store.download(bucket, found.key, target)
            saved.append(str(target))
    now = state(facts)
    _told(call, now, saved, as_json=as_json)
    if now is not State.DONE:
        say(f"{call.reference} ended as {now}. Its log: jupyter oscar service logs get {call.service} {call.id}")
        raise SystemExit(SCRIPT)


def _told(call: Call, now: object, saved: Any, *, as_json: bool) -> None:
    if as_json:
        out({"job": call.reference, "state": str(now) if now else "queued", "outputs": list(saved)})
    elif now is None:
        click.echo(call.reference)
    else:
        click.echo(f"{call.reference}\t{now}")
        for one in saved:
            click.echo(one)
