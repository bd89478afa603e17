"""``jupyter oscar cluster``: the clusters you have, in oscar-cli's own file and in the token store."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from .codes import EPILOG
from .names import clusters
from .terminal import as_json, confirm, on_cluster, out, right, say, size, table, yes
from .words import Noun

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_oscar.client.cluster import Cluster
    from jupyter_oscar.client.credentials import Credentials, Grant
    from jupyter_oscar.client.profiles import Profile


@click.group(cls=Noun, epilog=EPILOG)
def cluster() -> None:
    """Clusters: add, sign in, list, choose, look at, remove."""


_name = click.argument("name", shell_complete=clusters)


@cluster.command(epilog=EPILOG)
@click.argument("name")
@click.argument("endpoint")
@click.argument("user", required=False)
@click.option("--password-stdin", is_flag=True, help="Read the password from stdin.")
@click.option("--oidc-refresh-token-stdin", "refresh", is_flag=True, help="Read a refresh token from stdin.")
@click.option("--oidc-account-name", "account", metavar="NAME", help="An account of oidc-agent.")
@click.option("--disable-ssl", is_flag=True, help="Accept any TLS certificate of it.")
@click.option("--default", is_flag=True, help="Take it when none is named.")
def add(
    *,
    name: str,
    endpoint: str,
    user: str | None,
    password_stdin: bool,
    refresh: bool,
    account: str | None,
    disable_ssl: bool,
    default: bool,
) -> None:
    """Write the cluster at ENDPOINT as NAME into ~/.oscar-cli/config.yaml, which oscar-cli reads too.

    With USER a password is asked for, or read from stdin. A secret is never an argument: everybody on a machine can
    see those. Without USER sign in afterwards: jupyter oscar cluster login NAME.
    """
    from jupyter_oscar.client import config_file
    from jupyter_oscar.client.profiles import Profile

    if sum((user is not None, refresh, account is not None)) > 1:
        msg = "Name one of USER, --oidc-refresh-token-stdin and --oidc-account-name."
        raise click.UsageError(msg)
    entry: dict[str, Any] = {"endpoint": Profile(name, endpoint).endpoint, "ssl_verify": not disable_ssl}
    if user:
        entry |= {"auth_user": user, "auth_password": _secret("Password", from_stdin=password_stdin)}
    elif refresh:
        entry["oidc_refresh_token"] = _secret("Refresh token", from_stdin=True)
    elif account:
        entry["oidc_account_name"] = account
    config_file.add(name, entry, default=default)
    click.echo(f"{name}: added")


def _secret(what: str, *, from_stdin: bool) -> str:
    if not from_stdin and sys.stdin.isatty():
        asked: str = click.prompt(what, hide_input=True, err=True)
        return asked
    if not from_stdin:
        msg = f"Nobody can be asked for the {what.lower()} here: send it to stdin and say so."
        raise click.UsageError(msg)
    found = sys.stdin.readline().rstrip("\r\n")
    if not found:
        msg = f"There is no {what.lower()} on stdin."
        raise click.UsageError(msg)
    return found


@cluster.command(epilog=EPILOG)
@_name
@click.option("--endpoint", help="Its address, where it is not known yet.")
@click.option("--user", help="Sign in with user and password.")
@click.option("--password-stdin", is_flag=True, help="Read the password from stdin.")
@click.option("--token-stdin", is_flag=True, help="Sign in with a token, read from stdin.")
@click.option("--token-file", type=click.Path(), help="Sign in with a file that holds a token; read at every use.")
@click.option("--issuer", metavar="URL", help="Sign in at this identity provider, in a browser anywhere.")
@click.option("--client-id", metavar="ID", help="The client it knows for that.")
@click.option("--scope", default="openid profile email offline_access", show_default=True, help="What to ask it for.")
def login(
    *,
    name: str,
    endpoint: str | None,
    user: str | None,
    password_stdin: bool,
    token_stdin: bool,
    token_file: str | None,
    issuer: str | None,
    client_id: str | None,
    scope: str,
) -> None:
    """Sign in to a cluster and keep that for the panel, cells and this command line.

    The cluster is asked first: what it does not take is not kept.
    """
    import asyncio
    from dataclasses import replace
    from pathlib import Path

    from jupyter_oscar.client.credentials import Credentials, Kept, Secret, TokenStore
    from jupyter_oscar.client.profiles import Profile, resolve

    if sum((user is not None, token_stdin, token_file is not None, issuer is not None)) != 1:
        msg = "Say how: --user NAME, --token-stdin, --token-file PATH or --issuer URL --client-id ID."
        raise click.UsageError(msg)
    profile = Profile(name, endpoint) if endpoint else resolve(name)
    if user:
        who = Credentials(user, Secret(_secret("Password", from_stdin=password_stdin)))
    elif token_stdin:
        who = Credentials(token=Secret(_secret("Token", from_stdin=True)))
    elif issuer:
        who = Credentials(grant=_by_device(name, issuer, client_id, scope))
    else:
        who = Credentials(token_file=Path(token_file or "").expanduser().absolute())
    try:
        version = asyncio.run(_asked(replace(profile, credentials=who)))
    except BaseException:
        if who.grant:
            TokenStore().drop(who.grant)
        raise
    TokenStore().save(Kept(name, profile.endpoint, who, profile.verify, profile.storage))
    click.echo(f"{name}: signed in, OSCAR {version}")


def _by_device(name: str, issuer: str, client_id: str | None, scope: str) -> Grant:
    from jupyter_oscar.client import oidc

    if client_id is None:
        msg = "--issuer needs --client-id: the client that the identity provider knows for device sign-ins."
        raise click.UsageError(msg)
    device = oidc.begin(issuer, client_id, scope)
    say(f"Open {device.link or device.uri} in any browser, check the code {device.code} and agree.")
    return oidc.finish(device, name)


async def _asked(profile: Profile) -> str:
    from jupyter_oscar.client.cluster import Cluster

    async with Cluster(profile) as one:
        return (await one.info()).version or "of unknown version"


@cluster.command(epilog=EPILOG)
@_name
def logout(*, name: str) -> None:
    """Forget a sign-in."""
    from jupyter_oscar.client.credentials import TokenStore

    click.echo(f"{name}: {'signed out' if TokenStore().forget(name) else 'was not signed in'}")


@cluster.command("list", epilog=EPILOG)
@as_json
def list_(*, as_json: bool) -> None:
    """List the clusters you have, the one that is taken by default first. No server is asked."""
    from jupyter_oscar.client.profiles import profiles, refused

    found: dict[str, Profile] = {}
    for profile in profiles():
        found.setdefault(profile.name, profile)
    rows = [
        {
            "name": profile.name,
            "endpoint": profile.endpoint,
            "sign_in": _how(profile.credentials),
            "source": profile.source,
            "default": number == 0,
        }
        for number, profile in enumerate(found.values())
    ]
    for one in refused():
        say(f"{one.name} is left out: {one.why} It stands in {one.source}.")
    if as_json:
        out(rows)
        return
    cells = [(row["name"], row["endpoint"], row["sign_in"], row["source"]) for row in rows]
    table(("NAME", "ENDPOINT", "SIGN-IN", "FROM"), cells)
    if not rows:
        say("No cluster is set up: jupyter oscar cluster add, or jupyter oscar sandbox start.")


def _how(who: Credentials) -> str:
    """How we sign in, in a few words, never with what."""
    if who.password is not None:
        return f"user {who.user}"
    if who.token is not None:
        return "token"
    if who.token_file:
        return f"token file {who.token_file}"
    if who.grant:
        return f"identity of {who.grant.issuer}"
    return f"oidc-agent account {who.agent}" if who.agent else "none"


@cluster.command("default", epilog=EPILOG)
@click.argument("name", required=False, shell_complete=clusters)
@click.option("--set", "-s", "chosen", metavar="NAME", help="The same as NAME, in oscar-cli's words.")
def default_(*, name: str | None, chosen: str | None) -> None:
    """Say which cluster is taken when none is named, or make it NAME."""
    from jupyter_oscar.client import config_file
    from jupyter_oscar.client.profiles import resolve

    if wanted := name or chosen:
        config_file.set_default(wanted)
    click.echo(resolve().name)


@cluster.command(epilog=EPILOG)
@as_json
@on_cluster
async def info(cluster: Cluster, *, as_json: bool) -> None:
    """Say what a cluster is: version, storage, what it can do. No key is shown."""
    about, config = await cluster.info(), await cluster.config()
    found = {
        "name": cluster.profile.name,
        "endpoint": cluster.profile.endpoint,
        **about.model_dump(),
        "storage": config.minio_provider.endpoint,
        **{key: value for key, value in config.config.items() if isinstance(value, (str, bool, int, list))},
    }
    if as_json:
        out(found)
    else:
        table(("WHAT", "VALUE"), found.items())


@cluster.command(epilog=EPILOG)
@as_json
@on_cluster
async def status(cluster: Cluster, *, as_json: bool) -> None:
    """Say how a cluster's nodes are: milli-CPUs and memory in use and in all (in a pipe bytes), and what ails them."""
    found = await cluster.status()
    if as_json:
        out(found.model_dump(mode="json"))
        return
    rows = []
    for one in found.nodes:
        cpu, memory = _of(one.cpu_used, one.cpu), _of(one.memory_used, one.memory, size if sys.stdout.isatty() else str)
        rows.append((one.name, one.state, cpu, memory, one.gpus, "; ".join(one.troubles)))
    table(("NODE", "STATE", "CPU", "MEMORY", "GPUS", "TROUBLES"), rows)


def _of(used: int | None, there: int | None, shown: Callable[[int], str] = str) -> str:
    return "" if there is None else f"{'?' if used is None else shown(used)}/{shown(there)}"


@cluster.command(epilog=EPILOG)
@_name
@click.argument("address", required=False)
@click.option("--forget", is_flag=True, help="Take back what was said: ask again before anything goes there.")
def storage(*, name: str, address: str | None, forget: bool) -> None:
    """Say where a cluster's object storage is, or that it is at ADDRESS, which is remembered.

    Wanted once where it is on another host than the cluster: your keys and files go there. Where the cluster's own word
    does not work from here, ADDRESS is the one that does.
    """
    import asyncio

    from jupyter_oscar.client.cluster import Cluster
    from jupyter_oscar.client.profiles import resolve

    if forget and address:
        msg = "Name an address, or say --forget."
        raise click.UsageError(msg)

    async def work() -> str:
        async with Cluster(resolve(name)) as one:
            if forget:
                return f"{name}: {'forgotten' if await one.forget_storage() else 'nothing was said'}"
            if address:
                await one.confirm_storage(address)
            elif sys.stdin.isatty():
                one.confirming = right
            return (await one.storage()).endpoint

    click.echo(asyncio.run(work()))


@cluster.command(epilog=EPILOG)
@_name
@yes
def remove(*, name: str, yes: bool) -> None:
    """Forget a cluster: its entry in ~/.oscar-cli/config.yaml and its sign-in. The cluster itself is untouched."""
    from jupyter_oscar.client import config_file
    from jupyter_oscar.client import storage as storages
    from jupyter_oscar.client.credentials import TokenStore
    from jupyter_oscar.client.errors import ProfileNotFound

    store = TokenStore()
    confirm(f"Forget {name}?", sure=yes)
    there = [config_file.remove(name), store.forget(name)]
    storages.forget(name)
    if not any(there):
        msg = f'There is no cluster named "{name}" to forget.'
        raise ProfileNotFound(msg, hint="`jupyter oscar cluster list` shows what there is.")
    click.echo(f"{name}: removed")
