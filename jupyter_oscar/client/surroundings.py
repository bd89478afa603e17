"""What surrounds the way to a cluster: how long a sign-in lasts, storage as a browser sees it, our own two halves."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

import httpx

from .transport import Connections, why_not

if TYPE_CHECKING:
    from .config import MinioProvider
    from .credentials import Credentials
    from .profiles import Profile

# A token that nobody renews and that ends within so many seconds ends in the middle of something.
SHORT: Final = 300
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
# Any page's address will do: what is asked is whether pages of other addresses may read the storage.
PAGE: Final = "https://lab.example.org"


class Seen(NamedTuple):
    """What was seen of a part, and what to do where it is broken; a part that is not here is ``skipped``."""

    seen: str
    todo: str = ""
    skipped: bool = False


def token(who: Credentials) -> Seen:
    """How long the sign-in lasts; reads a file at most."""
    if who.is_admin:
        return Seen("You sign in with a password, which does not end.", skipped=True)
    ends = who.expires
    if ends is None:
        return Seen("Your token does not say when it ends.", skipped=True)
    left = (ends - time.time()) / 60
    if who.grant or who.agent or who.token_file:
        return Seen(f"Your token ends in {left:.0f} min and is renewed before that.")
    if ends - time.time() < SHORT:
        return Seen(f"Your token ends in {left:.0f} min, and nobody renews it.", "Get a new one and sign in.")
    return Seen(f"Your token ends in {left:.0f} min, and nobody renews it: sign in again before that.")


async def from_browser(provider: MinioProvider, profile: Profile, patience: float) -> Seen:
    """Whether a page may read the storage itself. Where it may not, bytes pass through the Jupyter server."""
    target = urlsplit(provider.endpoint)
    where, instead = f"{target.scheme}://{target.netloc.rpartition('@')[2]}", "bytes pass through the Jupyter server"
    if target.hostname in LOOPBACK:
        return Seen(f"{where} is this machine's own: for a browser elsewhere {instead}.")
    wires = Connections(provider.endpoint, verify=provider.verify_tls, ca_bundle=profile.ca_bundle)
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "GET"}
    try:
        async with httpx.AsyncClient(transport=wires, timeout=patience) as http:
            answer = await asyncio.wait_for(http.options(provider.endpoint, headers=asked), 2 * patience)
    except (httpx.HTTPError, asyncio.TimeoutError) as error:
        return Seen(f"{where} does not answer what a browser asks first: {why_not(error)}; {instead}.")
    if answer.headers.get("Access-Control-Allow-Origin") not in {"*", PAGE}:
        return Seen(f"{where} lets no page of another address read it (CORS): {instead}.")
    if target.scheme == "http":
        return Seen(f"{where} is not encrypted, which a page that is does not load: there {instead}.")
    return Seen(f"{where} lets pages read it (CORS), if the browser's machine reaches it.")


def halves() -> Seen:
    """Whether JupyterLab's half of this package is of our version."""
    from jupyter_core.paths import jupyter_path

    from jupyter_oscar import __version__ as ours

    for folder in map(Path, jupyter_path("labextensions")):
        try:
            text = (folder / "jupyter-oscar" / "package.json").read_text(encoding="utf-8")
            theirs = str(json.loads(text)["version"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if theirs == ours:
            return Seen(f"JupyterLab's half and Python's are both {ours}.")
        seen = f"JupyterLab's half is {theirs} (in {folder}), Python's is {ours}."
        return Seen(seen, "Install jupyter-oscar once more in this environment, and reload the page.")
    return Seen("JupyterLab's half is not installed in this environment.", skipped=True)
