"""Who we are to a NiFi: nobody, user and password at a proxy or at its own log-in, a token, a certificate (§5.1)."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

import httpx

from jupyter_oscar.client.credentials import Hidden, claims
from jupyter_oscar.client.errors import NotAuthenticated

from .errors import plain

if TYPE_CHECKING:
    from jupyter_oscar.client.nifis import Nifi

#: A token is renewed once so much of its life is over.
MOST: Final = 0.8


class Access:
    """Makes the ``Authorization`` of requests, logging in where that is how this NiFi is entered."""

    def __init__(self, profile: Nifi) -> None:
        self._profile = profile
        self._how = profile.auth
        self._token: str | None = None
        self._until = 0.0
        self._once = asyncio.Lock()

    async def headers(self, http: httpx.AsyncClient) -> dict[str, str]:
        """What to send along.

        Raises:
            NotAuthenticated: the log-in does not take user and password, or there is no token.

        """
        who = self._profile.credentials
        if self._how in {"none", "certificate"}:
            return {}
        if self._how == "password":
            self._how = "login" if await self._log_in(http, probing=True) else "basic"
        if self._how == "login":
            async with self._once:
                if self._token is None or time.time() > self._until:
                    await self._log_in(http)
                return {"Authorization": Hidden(f"Bearer {self._token}")}
        return {"Authorization": await asyncio.to_thread(who.header) if who.changes else who.header()}

    async def renewed(self, http: httpx.AsyncClient, refused: dict[str, str]) -> dict[str, str] | None:
        """After a 401: other headers, if there are any."""
        if self._how == "login":
            async with self._once:
                if refused.get("Authorization") == f"Bearer {self._token}":
                    self._token = None
            return await self.headers(http)
        who = self._profile.credentials
        last = refused.get("Authorization")
        other = await asyncio.to_thread(who.after, last) if last and who.changes else None
        return {"Authorization": other} if other else None

    async def _log_in(self, http: httpx.AsyncClient, *, probing: bool = False) -> bool:
        """Get a token of NiFi's own; False where it has no log-in (by plain HTTP it has none: 409)."""
        who = self._profile.credentials
        form = {"username": who.user or "", "password": who.password.get_secret_value() if who.password else ""}
        if probing and not self._profile.endpoint.startswith("https"):
            return False
        response = await http.post("/access/token", data=form)
        http.cookies.clear()  # with its cookie every change would need a second token (§8.4)
        if response.status_code == httpx.codes.CREATED and response.text.count(".") == 2:  # noqa: PLR2004
            self._token = Hidden(response.text.strip())
            now, end = time.time(), claims(self._token).get("exp")
            self._until = now + MOST * (float(end) - now) if end else now + 3600
            return True
        if probing and response.status_code in {401, 403, 404, 405, 409}:
            return False
        said = plain(response)
        msg = f"NiFi's log-in does not take the user {who.user} with this password"
        raise NotAuthenticated(f"{msg}: {said.rstrip('.') or response.status_code}.", status=response.status_code)
