"""Tokens of oidc-agent, a program of the person's own that keeps accounts signed in."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from typing import Final

from .errors import NotAuthenticated
from .oidc import EARLY

#: Seconds for an answer. An agent may ask its person for a password first.
PATIENCE: Final = 30.0
# What is being asked, by account: a silent agent holds one thread each, however often it is asked.
_asking: dict[str, Future[str]] = {}
_lock = threading.Lock()


def token(account: str) -> str:
    """A token of an account that is loaded in oidc-agent, which keeps it fresh.

    liboidcagent waits without end for an agent that took the connection and says nothing. So it is asked in a thread,
    which such an agent keeps, and of which nobody waits for the end.

    Raises:
        NotAuthenticated: no agent runs here, it does not give one, or it says nothing.

    """
    with _lock:
        asked = _asking.get(account)
        if asked is None:
            asked = _asking[account] = Future()
            threading.Thread(target=_ask, args=(account, asked), name="jupyter-oscar oidc-agent", daemon=True).start()
    try:
        return asked.result(PATIENCE)
    except Late:
        msg = (
            f'oidc-agent does not answer: it was asked for a token of "{account}" and said nothing for {PATIENCE:g} s.'
        )
        hint = "Look whether it waits for a password somewhere, or start it anew."
        raise NotAuthenticated(msg, hint=hint) from None


def _ask(account: str, asked: Future[str]) -> None:
    try:
        answer = _from_agent(account)
    except BaseException as error:  # noqa: BLE001 - told to whoever waits
        _over(account)
        asked.set_exception(error)
    else:
        _over(account)
        asked.set_result(answer)


def _over(account: str) -> None:
    with _lock:
        _asking.pop(account, None)


def _from_agent(account: str) -> str:
    try:
        import liboidcagent
    except ImportError as error:
        msg = "liboidcagent, which talks to oidc-agent, is not installed."
        raise NotAuthenticated(msg, hint="pip install liboidcagent") from error
    try:
        found: str = liboidcagent.get_access_token(
            account, min_valid_period=int(EARLY), application_hint="jupyter-oscar"
        )
    except liboidcagent.OidcAgentError as error:
        why = str(error).splitlines()[0].rstrip(".") if str(error) else "it does not say why"
        msg = f'oidc-agent gives no token of "{account}": {why}.'
        raise NotAuthenticated(msg, hint=f"Start it and load the account: oidc-add {account}.") from error
    return found
