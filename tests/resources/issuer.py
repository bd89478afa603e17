"""A small identity provider: discovery, keys, userinfo, and tokens for anybody a test makes up.

    issuer = Issuer().start()
    token = issuer.token("alice1234567890@egi.eu", name="Alice", groups=["vo1"])
    issuer.stop()

Refresh tokens serve once each (``issuer.grant(sub)`` gives the first). A device flow is agreed to with
``issuer.agree(code, sub)``; ``issuer.renewals`` counts refreshes that went well. ``issuer.slow_down = 1`` tells the
next so many polls to slow down, and ``issuer.impatient`` counts those that then come sooner than they were told to.

Its address ends in ``/realms/egi``, so that groups travel as EGI's entitlements; ``Issuer("/realms/x")`` has them in
``group_membership``. The userinfo of a token says what the token says.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

HOUR_S = 3600
# By so much a client has to slow down (RFC 8628 §3.5).
SLOWER_S = 5.0


class Issuer:
    def __init__(self, realm: str = "/realms/egi") -> None:
        self._realm = realm
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}{realm}"
        self.asked: list[str] = []  # the paths of the requests so far
        self.renewals = 0
        self.lifetime_s = HOUR_S  # of the access tokens that refreshing gives
        self._refresh: dict[str, str] = {}  # refresh token → who
        self._devices: dict[str, dict[str, Any]] = {}  # device code → its user code, and what the person said
        self._turn = threading.Lock()
        self.down = False  # then everything is answered with 503
        self.device_s = 60.0  # how long a person has to agree
        self.slow_down = 0
        self.impatient = 0
        self.polls = 0
        self.roll()

    def start(self) -> Issuer:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Issuer:  # noqa: PYI034 - Self is not in Python 3.10
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def roll(self) -> None:
        """A new key; tokens signed with the old one are no longer good."""
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._key_id = uuid.uuid4().hex[:8]

    def token(
        self,
        sub: str,
        *,
        groups: tuple[str, ...] | list[str] = ("vo1",),
        name: str = "",
        exp: float | None = None,
        iss: str | None = None,
        **claims: Any,
    ) -> str:
        """``exp``: seconds since 1970, default an hour from now; ``iss``: another issuer's name under our signature."""
        now = int(time.time())
        content = {
            "iss": iss or self.url,
            "sub": sub,
            "name": name or sub.partition("@")[0].capitalize(),
            "aud": "x",
            "iat": now,
            "exp": int(exp if exp is not None else now + HOUR_S),
            "g": list(groups),
            **claims,
        }
        return jwt.encode(content, self._key, algorithm="RS256", headers={"kid": self._key_id})

    def grant(self, sub: str) -> str:
        """A refresh token, a JWT as Keycloak's are."""
        content = {"iss": self.url, "azp": "tests", "sub": sub, "typ": "Refresh", "jti": uuid.uuid4().hex}
        token = jwt.encode(content, "k" * 32, algorithm="HS256")
        self._refresh[token] = sub
        return token

    def revoke(self) -> None:
        """No refresh token is good any more."""
        self._refresh.clear()

    def agree(self, code: str, sub: str | None) -> None:
        """The person types the code and agrees, or refuses with None."""
        for device in self._devices.values():
            if device["code"] == code:
                device["said"] = sub or "no"

    @property
    def codes(self) -> list[str]:
        """The user codes that were given out."""
        return [device["code"] for device in self._devices.values()]

    def take(self, path: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        self.asked.append(path)
        if self.down:
            return 503, {}
        with self._turn:
            if path == f"{self._realm}/device":
                return self._begin(form)
            if path == f"{self._realm}/token":
                by_device = form.get("grant_type", "").endswith("device_code")
                return self._poll(form) if by_device else self._renew(form)
        return 404, {}

    def _begin(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if form.get("client_id") != "tests":
            return 401, {"error": "invalid_client", "error_description": "Invalid client"}
        secret, code = uuid.uuid4().hex, uuid.uuid4().hex[:8].upper()
        self._devices[secret] = {"code": code, "said": None, "until": time.monotonic() + self.device_s, "next": 0.0}
        where = {"verification_uri": f"{self.url}/go", "verification_uri_complete": f"{self.url}/go?c={code}"}
        return 200, {"device_code": secret, "user_code": code, **where, "expires_in": self.device_s, "interval": 0.05}

    def _poll(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        device = self._devices.get(form.get("device_code", ""))
        self.polls += 1
        if device is None or time.monotonic() > device["until"]:
            return 400, {"error": "expired_token"}
        self.impatient += time.monotonic() < device["next"]
        if self.slow_down:
            self.slow_down -= 1
            device["next"] = time.monotonic() + SLOWER_S
            return 400, {"error": "slow_down"}
        if device["said"] is None:
            return 400, {"error": "authorization_pending"}
        if device["said"] == "no":
            return 400, {"error": "access_denied", "error_description": "The user said no"}
        return 200, self._tokens(device["said"])

    def _renew(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        sub = self._refresh.pop(form.get("refresh_token", ""), None)
        if sub is None:
            return 400, {"error": "invalid_grant", "error_description": "Token is not active"}
        self.renewals += 1
        return 200, self._tokens(sub)

    def _tokens(self, sub: str) -> dict[str, Any]:
        access = self.token(sub, exp=time.time() + self.lifetime_s, jti=uuid.uuid4().hex)
        return {"access_token": access, "refresh_token": self.grant(sub), "expires_in": self.lifetime_s}

    def answer(self, path: str, authorization: str) -> tuple[int, dict[str, Any]]:
        self.asked.append(path)
        if self.down:
            return 503, {}
        if path == f"{self._realm}/.well-known/openid-configuration":
            return 200, self._discovery()
        if path == f"{self._realm}/jwks":
            key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
            return 200, {"keys": [{**key, "kid": self._key_id, "use": "sig", "alg": "RS256"}]}
        if path == f"{self._realm}/userinfo":
            return self._userinfo(authorization.removeprefix("Bearer "))
        return 404, {}

    def _discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/auth",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "device_authorization_endpoint": f"{self.url}/device",
            "jwks_uri": f"{self.url}/jwks",
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "grant_types_supported": ["refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def _userinfo(self, token: str) -> tuple[int, dict[str, Any]]:
        try:
            claims = jwt.decode(token, self._key.public_key(), algorithms=["RS256"], options={"verify_aud": False})
        except jwt.InvalidTokenError:
            return 401, {}
        groups: dict[str, Any] = {"group_membership": claims["g"]}
        if "/realms/egi" in self._realm:
            groups = {
                "entitlements": [f"urn:mace:egi.eu:group:{group}:role=member#aai.egi.eu" for group in claims["g"]]
            }
        elif "/realms/ai4eosc" in self._realm:
            groups = {"realm_access": {"roles": claims["g"]}}
        return 200, {"sub": claims["sub"], "name": claims["name"], **groups}


def _handler(issuer: Issuer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._say(*issuer.answer(self.path, self.headers.get("Authorization", "")))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            self._say(*issuer.take(self.path, dict(parse_qsl(body))))

        def _say(self, status: int, content: dict[str, Any]) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    return Handler
