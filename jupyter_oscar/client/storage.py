"""Whether the caller's keys may go where a cluster says that its object storage is (DESIGN §7).

A cluster may name any address, and whoever can change its answer would get keys and files. So an address on another
host than the cluster's is taken once a person, or a server's operator, has said that it is right. A person's word is
kept beside the sign-ins, for the cluster's address and for what it said; when either changes, it is asked for anew.
"""

from __future__ import annotations

import ipaddress
import json
import os
import socket
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote, urlsplit

from .credentials import TokenStore
from .errors import InsecureEndpoint, InvalidRequest, NotSaved, StorageUnconfirmed
from .profiles import LOOPBACK

if TYPE_CHECKING:
    from pathlib import Path

    from .profiles import Profile

Address: TypeAlias = "ipaddress.IPv4Address | ipaddress.IPv6Address"


def allowed(profile: Profile, said: str) -> str:
    """The address to use where a cluster says that its storage is at ``said``. Reads files and may look up names.

    Raises:
        StorageUnconfirmed: nobody has said yet that it is right.
        InsecureEndpoint: it is a link's own address, or a private network's although the cluster is public.

    """
    named = profile.storage or (_remembered(profile, said) if profile.trust.asking else None)
    if named:
        _refuse_link_local(profile, named)
        return named
    target, own = urlsplit(said), urlsplit(profile.endpoint)
    plain = target.scheme == "http" and own.scheme == "https" and own.hostname not in LOOPBACK
    if target.hostname == own.hostname and not plain:
        return said
    _refuse_link_local(profile, said)
    if target.hostname in profile.trust.hosts:
        return said
    near = _addresses(said)
    if near and not any(one.is_global for one in near) and any(one.is_global for one in _addresses(profile.endpoint)):
        msg = f"{own.hostname} is public and says that its storage is at {origin(said)}, in a private network."
        raise InsecureEndpoint(msg, hint=_where(profile))
    raise _unconfirmed(profile, said, plain=plain)


def origin(address: str) -> str:
    """Scheme, host and port of an address; a user or password in it is not repeated."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def confirm(profile: Profile, said: str, address: str) -> None:
    """Remember that the storage of a cluster, which says that it is at ``said``, is at ``address``.

    The two differ where the cluster's own word does not work from here.

    Raises:
        InvalidRequest: it is no address.
        InsecureEndpoint: it is a link's own.
        StorageUnconfirmed: the operator of this server lets nobody say so.
        NotSaved: it cannot be kept.

    """
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password:
        msg = f'"{origin(address)}" is not the address of a storage.'
        raise InvalidRequest(msg, hint="It is https:// and a host, with a port where it has one of its own.")
    if not profile.trust.asking:
        raise _unconfirmed(profile, said, plain=False)
    _refuse_link_local(profile, address)
    store, path = TokenStore(), _path(profile.name)
    given = {"endpoint": profile.endpoint, "said": origin(said), "storage": origin(address)}
    try:
        store.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
        fresh.write_text(json.dumps(given), encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        msg = f"{path} cannot be written: {(error.strerror or str(error)).lower()}."
        raise NotSaved(msg, hint="Make its folder writable for you.") from error


def forget(name: str) -> bool:
    """Ask again for a cluster of this name; whether anybody had said something of it."""
    there = _path(name).exists()
    _path(name).unlink(missing_ok=True)
    return there


def _path(name: str) -> Path:
    return TokenStore().folder / f"{quote(name, safe='')}.storage"


def _remembered(profile: Profile, said: str) -> str | None:
    """What a person has said of this cluster and of this word of it."""
    try:
        kept = json.loads(_path(profile.name).read_text(encoding="utf-8"))
        fits = (kept["endpoint"], kept["said"]) == (profile.endpoint, origin(said))
        return str(kept["storage"]) if fits else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _addresses(address: str) -> list[Address]:
    """What an address leads to, however it is written; nothing where nobody here knows the name."""
    try:
        found = socket.getaddrinfo(urlsplit(address).hostname, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [_plain(ipaddress.ip_address(str(entry[4][0]).partition("%")[0])) for entry in found]


def _plain(address: Address) -> Address:
    """An IPv4 address that is written as an IPv6 one is judged as what it is."""
    return (isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped) or address


def _refuse_link_local(profile: Profile, address: str) -> None:
    """At a link's own addresses machines ask their cloud for keys."""
    if any(one.is_link_local for one in _addresses(address)):
        msg = f"The storage is said to be at {origin(address)}, an address of this machine's own network link."
        raise InsecureEndpoint(msg, hint=_where(profile))


def _unconfirmed(profile: Profile, said: str, *, plain: bool) -> StorageUnconfirmed:
    at = origin(said)
    msg = f"{profile.name} says that its storage is at {at}, on another host than its own: nothing was sent there."
    if urlsplit(said).hostname == urlsplit(profile.endpoint).hostname:
        msg = f"{profile.name} says that its storage is at {at}: nothing was sent there."
    if plain:
        msg += " What goes there is not encrypted."
    hint = f"If that is right, say it once: {_how(profile, at)}."
    if not profile.trust.asking:
        hint = "Ask this site's operator: `allowed_hosts` names the hosts that a storage may be on."
    return StorageUnconfirmed(msg, at, hint=hint, asking=profile.trust.asking)


def _where(profile: Profile) -> str:
    return f"Say where it really is: {_how(profile, '…')}."


def _how(profile: Profile, address: str) -> str:
    cell = f'cluster.confirm_storage("{address}")'
    unnamed = profile.source == "explicit"
    return cell if unnamed else f"{cell}, or `jupyter oscar cluster storage {profile.name} {address}`"
