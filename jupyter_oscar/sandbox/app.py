"""The HTTP application: which path leads where, who may enter, and gin's manners around it all."""

from __future__ import annotations

import sqlite3
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from aiohttp import web

from .compat import lacks
from .faults import misbehave
from .objectstore import StoreFailed
from .replies import SANDBOX, UNTYPED, is_local, moved, not_routed, text
from .throttle import COSTS
from .users import admit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .sandbox import Sandbox

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_UNTYPED = "application/octet-stream"  # what aiohttp says when nobody said anything

# What answers a path is read when somebody first asks for it, or once all is up (``read_all``): not before the start.
OPEN: list[tuple[str, str, str]] = [
    ("GET", "/system/services/{service}/auth", "deployments.check_auth"),
    ("POST", "/job/{service}", "jobs.start_job"),
    ("*", "/system/services/{service}/exposed", "proxy.pass_on"),
    ("*", "/system/services/{service}/exposed/{path:.*}", "proxy.pass_on"),
]

RUN = ("POST", "/run/{service}", "runs.run_service")

SYSTEM: list[tuple[str, str, str]] = [
    ("GET", "/system/info", "cluster.info"),
    ("GET", "/system/config", "cluster.read_config"),
    ("PUT", "/system/config", "cluster.write_config"),
    ("GET", "/system/status", "cluster.status"),
    ("GET", "/system/logs", "executions.read_executions"),
    ("GET", "/system/metrics", "metrics.read_metrics"),
    ("GET", "/system/metrics/breakdown", "metrics.read_breakdown"),
    ("GET", "/system/metrics/{service}", "metrics.read_service_metrics"),
    ("POST", "/system/services", "services.create_service"),
    ("GET", "/system/services", "services.list_services"),
    ("PUT", "/system/services", "services.update_service"),
    ("GET", "/system/services/{service}", "services.read_service"),
    ("DELETE", "/system/services/{service}", "services.delete_service"),
    ("GET", "/system/services/{service}/deployment", "deployments.read_deployment"),
    ("GET", "/system/services/{service}/deployment/logs", "deployments.read_deployment_logs"),
    ("POST", "/system/services/{service}/{change:stop|start|restart}", "deployments.change_lifecycle"),
    ("GET", "/system/federation/{service}", "federation.read_federation"),
    ("POST", "/system/federation/{service}", "federation.add_members"),
    ("PUT", "/system/federation/{service}", "federation.update_members"),
    ("DELETE", "/system/federation/{service}", "federation.remove_members"),
    ("GET", "/system/logs/{service}", "jobs.list_jobs"),
    ("GET", "/system/logs/{service}/{job}", "jobs.read_log"),
    ("DELETE", "/system/logs/{service}", "jobs.delete_jobs"),
    ("DELETE", "/system/logs/{service}/{job}", "jobs.delete_job"),
    ("GET", "/system/buckets", "buckets.list_buckets"),
    ("POST", "/system/buckets", "buckets.create_bucket"),
    ("PUT", "/system/buckets", "buckets.update_bucket"),
    ("GET", "/system/buckets/{bucket}", "buckets.read_bucket"),
    ("DELETE", "/system/buckets/{bucket}", "buckets.delete_bucket"),
    ("POST", "/system/buckets/{bucket}/presign", "presign.presign"),
    ("GET", "/system/volumes", "volumes.list_volumes"),
    ("POST", "/system/volumes", "volumes.create_volume"),
    ("GET", "/system/volumes/{volume}", "volumes.read_volume"),
    ("DELETE", "/system/volumes/{volume}", "volumes.delete_volume"),
    ("GET", "/system/quotas/user", "quotas.read_own_quota"),
    ("GET", "/system/quotas/user/{user}", "quotas.read_quota"),
    ("PUT", "/system/quotas/user/{user}", "quotas.write_quota"),
]


@cache
def _named(name: str) -> Handler:
    module, _, function = name.partition(".")
    return cast("Handler", getattr(import_module(f".{module}", __package__), function))


def read_all() -> None:
    """Read what nobody has asked for yet, so that nobody waits for it."""
    for _, _, name in (*OPEN, *SYSTEM, RUN):
        _named(name)


def _paced(name: str) -> Handler:
    """The handler at the real server's speed, when asked for."""
    cost = COSTS.get(name.partition(".")[2], 0)

    async def paced(request: web.Request) -> web.StreamResponse:
        await request.app[SANDBOX].throttle.take(cost)
        return await _named(name)(request)

    return paced


def _guarded(handler: Handler) -> Handler:
    async def guarded(request: web.Request) -> web.StreamResponse:
        refused = await admit(request)
        return await handler(request) if refused is None else refused

    return guarded


async def _root(request: web.Request) -> web.Response:
    return moved(request, "/ui/")  # wire A002


async def _health(_: web.Request) -> web.Response:
    return text(200, "Ok")


async def _in_place_of_the_dashboard(request: web.Request) -> web.Response:
    """For whoever opens the address in a browser: the dashboard is not part of the sandbox."""
    version = request.app[SANDBOX].options.version
    return text(200, f"This is a local sandbox of OSCAR {version}. It has no web pages: use it from JupyterLab.\n")


def _is_foreign(request: web.Request) -> bool:
    """A browser says so when another site's page asks; following a link from there is no harm."""
    origin = request.headers.get("Origin", "")
    if origin and not is_local(urlsplit(origin).netloc):
        return True
    follows = request.method == "GET" and request.headers.get("Sec-Fetch-Mode", "") == "navigate"
    return request.headers.get("Sec-Fetch-Site", "") == "cross-site" and not follows


def _refuse(request: web.Request) -> web.Response | None:
    """What no route ever sees."""
    if not is_local(request.headers.get("Host", "")):
        return text(403, "The sandbox answers only on loopback names: use 127.0.0.1 or localhost in the address.")
    if _is_foreign(request):
        if request.method == "OPTIONS":
            return not_routed()  # as for anybody (wire A006): without CORS headers a browser asks no further
        return text(403, "The sandbox does not answer pages of other sites.")
    lacking = lacks(request.app[SANDBOX].options.compat, request.method, request.path)
    return not_routed() if lacking else None


@web.middleware
async def _manners(request: web.Request, handler: Handler) -> web.StreamResponse:
    refused = _refuse(request)
    if refused is not None:
        return refused
    try:
        return await handler(request)
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
        return await _elsewhere(request)
    except web.HTTPRequestEntityTooLarge:
        return text(413, "The body is JSON longer than anything that this route could take.")
    except StoreFailed as error:
        return text(500, str(error))
    except (sqlite3.OperationalError, OSError) as error:
        return text(500, f"The sandbox cannot write its data folder {request.app[SANDBOX].data.root}: {error}")


async def _elsewhere(request: web.Request) -> web.Response:
    path = request.path
    if len(path) > 1 and path.endswith("/"):
        found = await request.app.router.resolve(request.clone(rel_url=path[:-1]))
        if found.http_exception is None:
            return moved(request, path[:-1])
    return not_routed()


async def _strip(_: web.Request, response: web.StreamResponse) -> None:
    """Go sends no type with an empty body and does not name itself."""
    response.headers.pop("Server", None)
    if isinstance(response, web.Response) and not response.body and response.content_type == _UNTYPED:
        response.headers.pop("Content-Type", None)
    if response.get(UNTYPED):
        response.headers.pop("Content-Type", None)


def make_app(sandbox: Sandbox) -> web.Application:
    options = sandbox.options
    faults = [fault for fault in sandbox.faults if not fault.is_of_store]
    middlewares = [_manners, *([misbehave(faults, options.latency)] if faults or options.latency else [])]
    app = web.Application(middlewares=middlewares, client_max_size=0)
    app[SANDBOX] = sandbox
    app.on_response_prepare.append(_strip)
    app.router.add_route("GET", "/", _root)
    app.router.add_route("GET", "/health", _health)
    app.router.add_route("GET", "/ui/{path:.*}", _in_place_of_the_dashboard)
    for method, path, name in (*OPEN, *([RUN] if options.serverless else [])):
        app.router.add_route(method, path, _paced(name))
    for method, path, name in SYSTEM:
        app.router.add_route(method, path, _guarded(_paced(name)))
    return app
