"""The way to an exposed service: what the ingress in front of a cluster does (oscar.md §6.2, X-k8s-exposed.yaml).

Bytes pass as they come, in both directions, and only a chunk of them is held at a time. Locations and cookies pass
unchanged, as the recorded ingress leaves them. CORS is left out: its headers are nginx's and were not recorded, and a
page on another origin has no business with a sandbox. The prefix is stripped from ``/exposed/…`` only, not, as the
recorded pattern would, from ``/exposedanything``.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import ClientConnectorError, ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, web
from multidict import CIMultiDict
from yarl import URL

from . import deployments, fence
from .expose import is_routed, prefix_of
from .replies import SANDBOX, UNTYPED, not_routed, text
from .websockets import relay

if TYPE_CHECKING:
    from .workload import Workload

_CONNECT_S = 5.0
_LONGEST_LINE = 64 * 1024
_HOP_BY_HOP = (  # RFC 9110 §7.6.1, RFC 2616 §13.5.1
    "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "TE", "Trailer",
    "Transfer-Encoding", "Upgrade",
)  # fmt: skip
_HIDDEN = ("Date", "Server")  # nginx sends its own (proxy_pass_header)


def _session(request: web.Request) -> ClientSession:
    """A connection for each request: a kept one may be closed by the service at any moment, which nobody can repair."""
    exposed = request.app[SANDBOX].exposed
    if exposed.way is None:
        exposed.way = ClientSession(
            connector=TCPConnector(force_close=True, limit=0),
            cookie_jar=DummyCookieJar(),
            timeout=ClientTimeout(total=None, sock_connect=_CONNECT_S),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_LINE,
        )
    return exposed.way


async def pass_on(request: web.Request) -> web.StreamResponse:
    sandbox = request.app[SANDBOX]
    name = request.match_info["service"]
    spec, workload = sandbox.database.service(name), sandbox.exposed.workload(name)
    if spec is None or workload is None or not is_routed(spec):
        return not_routed()
    answer, cookie = await _let_in(request, spec)
    if answer is not None:
        return answer
    port = workload.address
    if port is None:
        return text(503, f'The service "{name}" is not ready ({workload.status().state}): {workload.status().reason}')
    sandbox.executions.visit(prefix_of(name), HTTPStatus.OK, request.remote or "")
    url = URL(f"http://127.0.0.1:{port}{_target(request, whole=spec['expose']['rewrite_target'])}", encoded=True)
    if request.method == "GET" and request.headers.get("Upgrade", "").lower() == "websocket":
        return await relay(request, _session(request), url, _headers(request))
    return await _exchange(request, url, workload, cookie)


def _target(request: web.Request, *, whole: bool) -> str:
    """Path and query as they came; without the prefix unless the service wants it (oscar.md §6.1, rewrite_target)."""
    target = request.rel_url.raw_path_qs
    if whole:
        return target
    path, mark, query = target.partition("?")
    rest = path.split("/", 5)[5:]  # /system/services/<name>/exposed/<rest>
    return f"/{rest[0] if rest else ''}{mark}{query}"


# who may enter


async def _let_in(request: web.Request, spec: dict[str, Any]) -> tuple[web.Response | None, str]:
    """A refusal, or the cookie to hand out (oscar.md §6.3); a service without a login stands behind our own fence."""
    expose = spec["expose"]
    if not expose["set_auth"]:
        return await fence.let_in(request, spec["name"])
    if expose.get("auth_type", "") == "forward":
        answer = await deployments.check_auth(request)
        return (None, answer.headers.get("Set-Cookie", "")) if answer.status == web.HTTPOk.status_code else (answer, "")
    wanted = "Basic " + base64.b64encode(f"{spec['name']}:{spec['token']}".encode()).decode()
    given = request.headers.get("Authorization", "")
    if hmac.compare_digest(wanted.encode(), given.encode("utf-8", "surrogateescape")):
        return None, ""
    refusal = text(401, f'This service asks for a login: the user is "{spec["name"]}", the password is its token.')
    refusal.headers["WWW-Authenticate"] = 'Basic realm="Authentication Required"'
    return refusal, ""


# there and back


def _end_to_end(headers: CIMultiDict[str]) -> CIMultiDict[str]:
    """Without what concerns one connection only."""
    kept = CIMultiDict(headers)
    named = [word.strip() for value in headers.getall("Connection", []) for word in value.split(",")]
    for header in (*_HOP_BY_HOP, *named):
        kept.popall(header, None)
    return kept


def _headers(request: web.Request) -> CIMultiDict[str]:
    """The caller's, with the ones that nginx adds."""
    headers = _end_to_end(CIMultiDict(request.headers))
    headers.popall("Expect", None)  # answered already, by us
    fence.without_cookie(request, headers)
    host = request.headers.get("Host", "")
    headers["X-Real-IP"] = headers["X-Forwarded-For"] = request.remote or ""
    headers["X-Forwarded-Host"] = host
    headers["X-Forwarded-Port"] = host.rpartition(":")[2] if ":" in host else "80"
    headers["X-Forwarded-Proto"] = headers["X-Forwarded-Scheme"] = headers["X-Scheme"] = request.scheme
    return headers


async def _exchange(request: web.Request, url: URL, workload: Workload, cookie: str) -> web.StreamResponse:
    body = request.content if request.body_exists else None
    try:
        async with _session(request).request(
            request.method, url, headers=_headers(request), data=body, allow_redirects=False
        ) as answer:
            headers = _end_to_end(CIMultiDict(answer.headers))
            for hidden in _HIDDEN:
                headers.popall(hidden, None)
            if cookie:
                headers.add("Set-Cookie", cookie)
            response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=headers)
            response[UNTYPED] = "Content-Type" not in headers
            await response.prepare(request)
            try:
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
            except ClientError:  # the service broke off: so do we, or the caller would take it for the end
                if request.transport is not None:
                    request.transport.abort()
                return response
            await response.write_eof()
            return response
    except ClientConnectorError:
        workload.doubt()
        return text(502, f'Nothing listens on port {url.port}, where the service "{workload.name}" should be.')
    except (ClientError, asyncio.TimeoutError) as error:
        workload.doubt()
        return text(502, f'The service "{workload.name}" gave no proper answer ({type(error).__name__}).')
