"""``jupyter oscar service run`` and ``service job``: call a service, and wait for it or not."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .codes import EPILOG, SCRIPT
from .names import services
from .terminal import as_json, inside, on_cluster, out, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_oscar.client.calls import Payload
    from jupyter_oscar.client.cluster import Cluster
    from jupyter_oscar.client.records import Call


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


def _keep(name: str, content: bytes, output: Path | None, *, is_file: bool) -> None:
    if output is None:
        sys.stdout.buffer.write(content)
        if not is_file and not content.endswith(b"\n"):
            sys.stdout.buffer.write(b"\n")
        return
    try:
        output.write_bytes(content)
    except OSError as error:
        from jupyter_oscar.client.errors import NotSaved

        msg = f"The answer of {name} cannot be written to {output}: {(error.strerror or str(error)).lower()}."
        raise NotSaved(msg, hint="Name another file.") from error
    say(f"The answer is in {output}.")


def _token(ctx: click.Context, _: click.Parameter, said: str | None) -> str | None:
    """A service's token, which belongs to the address it is sent to; where it is a reference, what that leads to."""
    from jupyter_oscar.client.references import follow, is_reference

    if (said is None) != (ctx.params.get("endpoint") is None):
        msg = "--endpoint and --token go together: the address of a cluster, and the token of a service on it."
        raise click.UsageError(msg)
    if said is None:
        return None
    if not is_reference(said):
        say("Everybody on this machine can see a token among arguments: write env:NAME or file:PATH in its place.")
    return follow(said)


@click.command(epilog=EPILOG)
@click.argument("name", shell_complete=services)
@_input
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Write the answer to this file.")
@click.option("--endpoint", "-e", is_eager=True, metavar="URL", help="A cluster that is not set up here; with --token.")
@click.option(
    "--token", "-t", callback=_token, metavar="REF", help="The service's own: env:NAME, file:PATH or keyring:…"
)
@on_cluster
async def run(
    cluster: Cluster, *, name: str, path: Path | None, text: str | None, output: Path | None, token: str | None
) -> None:
    """Call a service and wait for its answer: text, or the file or zip that it made.

    With --endpoint and --token no sign-in is needed, and nothing but that service is asked.
    """
    answer = await cluster.calls.run(name, _payload(path, text), token=token)
    _keep(name, answer.content, output, is_file=answer.is_file)


@click.command(epilog=EPILOG)
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
