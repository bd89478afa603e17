"""How much the services were used: answers as a cluster without Prometheus gives them, figures from our own calls.

What is counted is what the manager's log holds, so that a restart of the sandbox begins at zero (oscar.md §1.8).
"""

from __future__ import annotations

import csv
import io
import re
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .executions import nano
from .jobs import TRUE
from .replies import SANDBOX, as_json, empty
from .users import caller, may_see

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .executions import Execution

_DAY_NS = 24 * 3600 * 10**9
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)")
_NOBODY = ("", "nil")
_GROUPS = ("service", "user", "country")
_COUNTS = ("requests_count_total", "requests_count_sync", "requests_count_async", "requests_count_exposed")
_INVENTORY = {"name": "service-inventory", "status": "ok"}
_UNMEASURED = {"name": "prometheus", "status": "missing", "notes": "the sandbox does not measure processor time"}
_REQUESTS = {"name": "request-logs", "status": "ok"}
_EXPOSED = {"name": "exposed-request-logs", "status": "ok"}


class BadTime(Exception):
    """Which of the two cannot be read."""


def _bad(why: str) -> web.Response:
    return as_json({"error": why}, 400)


def _time_ns(request: web.Request, which: str, default: int) -> int:
    given = request.query.get(which)
    if not given:
        return default
    found = _RFC3339.fullmatch(given)
    if found is None:
        raise BadTime(which)
    try:
        whole = datetime.strptime(found[1] + found[3].replace("Z", "+00:00"), "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        raise BadTime(which) from None
    return int(whole.timestamp()) * 10**9 + int((found[2] or "").ljust(9, "0")[:9])


@dataclass(frozen=True)
class Period:
    """What was called between two moments, as far as the caller may see it."""

    start_ns: int
    end_ns: int
    services: tuple[str, ...]
    calls: tuple[Execution, ...]

    def head(self) -> dict[str, Any]:
        return {"start": nano(self.start_ns), "end": nano(self.end_ns)}


def _period(request: web.Request, service: str | None = None) -> Period:
    sandbox, who = request.app[SANDBOX], caller(request)
    end = _time_ns(request, "end", time.time_ns())
    start = _time_ns(request, "start", end - _DAY_NS)
    seen = tuple(spec["name"] for spec in sandbox.database.services() if may_see(who, spec))
    wanted = {service} if service else set(seen)
    calls = tuple(
        one
        for one in sandbox.executions.kept
        if start <= one.at_ns <= end and one.status < HTTPStatus.BAD_REQUEST and one.service in wanted
    )
    return Period(start, end, seen, calls)


def _counts(calls: Iterable[Execution]) -> dict[str, int]:
    kinds = [one.kind for one in calls]
    counted = [len(kinds), *(kinds.count(kind) for kind in ("sync", "async", "exposed"))]
    return dict(zip(_COUNTS, counted, strict=True))


def _users(calls: Iterable[Execution]) -> list[str]:
    return sorted({one.user for one in calls} - set(_NOBODY))


async def read_metrics(request: web.Request) -> web.Response:
    """Lists that are empty are null (wire A025, A029)."""
    try:
        period = _period(request)
    except BadTime as which:
        return _bad(f"invalid {which} timestamp")
    users = _users(period.calls)
    totals = {
        "services_count_active": len({one.service for one in period.calls}),
        "services_count_total": len(period.services),
        "cpu_hours_total": 0,
        "gpu_hours_total": 0,
        **_counts(period.calls),
        "countries_count": 0,
        "countries": None,
        "users_count": len(users),
        "users": users or None,
    }
    return as_json({**period.head(), "totals": totals, "sources": [_INVENTORY, _UNMEASURED, _REQUESTS, _EXPOSED]})


async def read_breakdown(request: web.Request) -> web.Response:
    """By service, user or country (wire A026-A028). Countries are not known here."""
    group = request.query.get("group_by", "")
    if not group:
        return _bad("group_by is required")
    if group not in _GROUPS:
        return _bad("invalid group_by value")
    try:
        period = _period(request)
    except BadTime as which:
        return _bad(f"invalid {which} timestamp")
    rows: dict[str, list[Execution]] = defaultdict(list)
    for one in period.calls:
        rows[one.service if group == "service" else one.user].append(one)
    named = {} if group == "country" else {key: rows[key] for key in sorted(rows) if key not in _NOBODY}
    items = [_item(key, calls, users=request.query.get("include_users") in TRUE) for key, calls in named.items()]
    if request.query.get("format") == "csv":
        return web.Response(body=_csv(items).encode(), headers={"Content-Type": "text/csv"})
    return as_json({**period.head(), "group_by": group, "items": items})


def _item(key: str, calls: list[Execution], *, users: bool) -> dict[str, Any]:
    found = _users(calls)
    body = {"key": key, **_counts(calls), "unique_users_count": len(found)}
    return {**body, **({"users": found} if users else {}), "countries": None}


def _csv(items: list[dict[str, Any]]) -> str:
    columns = ("key", "membership", *_COUNTS, "unique_users_count", "countries")
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(items)
    return text.getvalue()


# one service

_VALUES: dict[str, tuple[Callable[[Period], int], str, dict[str, str]]] = {
    "cpu-hours": (lambda _: 0, "hours", _UNMEASURED),
    "gpu-hours": (lambda _: 0, "hours", _UNMEASURED),
    "requests-sync-per-service": (lambda period: _counts(period.calls)[_COUNTS[1]], "", _REQUESTS),
    "requests-async-per-service": (lambda period: _counts(period.calls)[_COUNTS[2]], "", _REQUESTS),
    "requests-exposed-per-service": (lambda period: _counts(period.calls)[_COUNTS[3]], "", _EXPOSED),
    "users-per-service": (lambda period: len(_users(period.calls)), "", _REQUESTS),
}


def _value(metric: str, period: Period) -> dict[str, Any]:
    count, unit, source = _VALUES[metric]
    return {"value": count(period), **({"unit": unit} if unit else {}), "sources": [source]}


async def read_service_metrics(request: web.Request) -> web.Response:
    sandbox, name = request.app[SANDBOX], request.match_info["service"]
    spec, metric = sandbox.database.service(name), request.query.get("metric", "")
    if spec is None or not may_see(caller(request), spec):
        return empty(404 if spec is None else 403)
    if metric and metric not in _VALUES:
        return _bad("unsupported metric for value query")
    try:
        period = _period(request, name)
    except BadTime as which:
        return _bad(f"invalid {which} timestamp")
    if metric:
        return as_json({"service_id": name, "metric": metric, **period.head(), **_value(metric, period)})
    values = [{"metric": one, **_value(one, period)} for one in _VALUES]
    return as_json({"service_name": name, **period.head(), "metrics": values})
