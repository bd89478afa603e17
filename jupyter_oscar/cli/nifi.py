"""``jupyter oscar nifi``: the NiFis that dataflows are deployed to, in the token store."""

from __future__ import annotations

import asyncio
import sys

import click

from .codes import EPILOG
from .names import nifis
from .terminal import as_json, confirm, out, say, table, yes
from .words import Noun

_file = click.Path(exists=True, dir_okay=False, resolve_path=True)


@click.group(cls=Noun, epilog=EPILOG)
def nifi() -> None:
    """NiFis: add, list, remove."""


@nifi.command(epilog=EPILOG)
@click.argument("name")
@click.argument("endpoint")
@click.option("--user", help="Sign in with user and password.")
@click.option("--password-stdin", is_flag=True, help="Read the password from stdin.")
@click.option("--token-stdin", is_flag=True, help="Sign in with a token, read from stdin.")
@click.option("--token-file", type=_file, help="Sign in with a file that holds a token; read at every use.")
@click.option("--certificate", type=_file, help="Sign in with a client certificate (PEM).")
@click.option("--key", type=_file, help="Its key (PEM), where it is not in the same file.")
@click.option("--basic", is_flag=True, help="User and password are for a proxy before NiFi, not for NiFi's own log-in.")
@click.option("--ca-bundle", type=_file, help="Authorities that are trusted beside the public ones (PEM).")
@click.option("--disable-ssl", is_flag=True, help="Accept any TLS certificate of it.")
def add(
    *,
    name: str,
    endpoint: str,
    user: str | None,
    password_stdin: bool,
    token_stdin: bool,
    token_file: str | None,
    certificate: str | None,
    key: str | None,
    basic: bool,
    ca_bundle: str | None,
    disable_ssl: bool,
) -> None:
    """Keep the NiFi at ENDPOINT as NAME for dataflows, on the command line, in cells and in the panel.

    It is asked first: one that does not answer is not kept. A secret is never an argument: everybody on a machine can
    see those.
    """
    from jupyter_oscar.client.credentials import TokenStore
    from jupyter_oscar.client.nifis import find

    if sum((user is not None, token_stdin, token_file is not None)) > 1:
        msg = "Name one of --user, --token-stdin and --token-file."
        raise click.UsageError(msg)
    profile = find(
        name,
        endpoint=endpoint,
        user=user,
        password=_secret("Password", from_stdin=password_stdin) if user else None,
        token=_secret("Token", from_stdin=True) if token_stdin else None,
        token_file=token_file,
        certificate=certificate,
        key=key,
        ca_bundle=ca_bundle,
        auth="basic" if basic else None,
        verify=not disable_ssl,
    )

    async def ask() -> str:
        from jupyter_oscar.flows.engines.nifi import NifiEngine

        engine = NifiEngine(profile)
        try:
            return (await engine.capabilities()).version
        finally:
            await engine.aclose()

    version = asyncio.run(ask())
    TokenStore().save(profile.kept())
    click.echo(f"{name}: added, NiFi {version}")


def _secret(what: str, *, from_stdin: bool) -> str:
    if from_stdin or not sys.stdin.isatty():
        found = sys.stdin.readline().rstrip("\r\n")
        if not found:
            msg = f"There is no {what.lower()} on stdin."
            raise click.UsageError(msg)
        return found
    asked: str = click.prompt(what, hide_input=True, err=True)
    return asked


@nifi.command("list", epilog=EPILOG)
@as_json
def list_(*, as_json: bool) -> None:
    """List the NiFis you have. None is asked."""
    from jupyter_oscar.client.nifis import all_

    rows = [{"name": one.name, "endpoint": one.endpoint, "sign_in": one.auth, "canvas": one.canvas} for one in all_()]
    if as_json:
        out(rows)
        return
    table(("NAME", "ENDPOINT", "SIGN-IN"), [(row["name"], row["endpoint"], row["sign_in"]) for row in rows])
    if not rows:
        say("No NiFi is known here: jupyter oscar nifi add NAME ENDPOINT.")


@nifi.command(epilog=EPILOG)
@click.argument("name", shell_complete=nifis)
@yes
def remove(*, name: str, yes: bool) -> None:
    """Forget a NiFi. It and the dataflows in it are untouched."""
    from jupyter_oscar.client.credentials import TokenStore
    from jupyter_oscar.client.errors import ProfileNotFound
    from jupyter_oscar.client.nifis import KIND

    confirm(f"Forget {name}?", sure=yes)
    if not TokenStore().forget(name, KIND):
        msg = f'There is no NiFi named "{name}" to forget.'
        raise ProfileNotFound(msg, hint="`jupyter oscar nifi list` shows what there is.")
    click.echo(f"{name}: removed")
