"""What every route has in common: who may, how an error is said, what counts as activity (nothing does).

A route parses, calls and answers. Its class names what it guards (``auth_resource``); each verb is authenticated and
authorised. Errors of ``client`` become answers by the one table here; the browser gets code, message and hint, never a
traceback (jupyterlab.md §10.4).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from pydantic import BaseModel, ConfigDict, ValidationError
from tornado import web
from tornado.iostream import StreamClosedError

from jupyter_oscar.client import errors

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from jupyter_oscar.client.cluster import Cluster

    from .feeds import News
    from .pool import Pool

M = TypeVar("M", bound=BaseModel)
F = TypeVar("F", bound="Callable[..., Any]")


# Larger inputs go as files, which are not held in memory.
BODY = 16_000_000
# Seconds between two words of what takes long.
SAID_S = 0.5


class Message(BaseModel):
    """Base of what routes take and give; unknown keys are a mistake of the sender."""

    model_config = ConfigDict(extra="forbid")


class Problem(Message):
    """An error as a person reads it, with a stable ``code`` for programs."""

    code: str
    message: str
    hint: str = ""
    upstream_status: int | None = None
    line: int | None = None


class Progress(Message):
    """How far a piece of work is, in objects; how it ended, or why it did not."""

    done: int
    ended: bool = False
    problem: Problem | None = None


# The first class that fits decides. 401 is never used: proxies and the Hub would ask to sign in to Jupyter again.
STATUS: tuple[tuple[type[errors.OscarError], int], ...] = (
    (errors.NotAuthenticated, 403),
    (errors.NotAllowed, 403),
    (errors.NotFound, 404),
    (errors.ProfileNotFound, 404),
    (errors.AlreadyExists, 409),
    (errors.SecretWouldBeBlanked, 409),
    (errors.FdlError, 400),
    (errors.InvalidRequest, 400),
    (errors.InsecureEndpoint, 400),
    (errors.StorageUnconfirmed, 409),
    (errors.TrackingRefused, 400),
    (errors.NoCluster, 400),
    (errors.QuotaExceeded, 403),
    (errors.Throttled, 503),
    (errors.TimedOut, 504),
    (errors.Unreachable, 502),
    (errors.NotOscar, 502),
    (errors.OscarError, 502),
)


def problem(error: errors.OscarError) -> Problem:
    """An error of ``client`` for the browser."""
    line = error.line if isinstance(error, errors.FdlError) else None
    return Problem(code=error.code, message=error.message, hint=error.hint, upstream_status=error.status, line=line)


def may(action: str | None = None, resource: str | None = None) -> Callable[[F], F]:
    """Only for those who are signed in to Jupyter and whom its authorizer lets.

    Without ``action``: reading for GET, writing for the rest. Without ``resource``: the route's ``auth_resource``.
    """

    def decorate(method: F) -> F:
        return cast("F", web.authenticated(authorized(action, resource)(method)))

    return decorate


class Route(APIHandler):
    """Base of all routes below ``/jupyter-oscar/``."""

    _track_activity = False  # a panel that looks must not keep a server alive
    auth_resource: ClassVar[str] = "jupyter_oscar:clusters"

    @property
    def pool(self) -> Pool:
        """The clusters of this server."""
        return cast("Pool", self.settings["jupyter_oscar_pool"])

    @property
    def news(self) -> News:
        """The feeds of this server."""
        return cast("News", self.settings["jupyter_oscar_news"])

    async def cluster(self, name: str) -> Cluster:
        """The client of a cluster by its profile's name; a browser never names an address."""
        return await self.pool.client(name)

    async def allowed(self, action: str) -> bool:
        """Whether Jupyter's authorizer lets the person; for routes whose bodies come before their verbs."""
        answer = self.authorizer.is_authorized(self, self.current_user, action, self.auth_resource)
        return bool(await answer if hasattr(answer, "__await__") else answer)

    def plain(self, name: str) -> str:
        """An argument of the query as it was written: keys of objects may begin and end with spaces."""
        return self.get_query_argument(name, "", strip=False)

    def body(self, model: type[M]) -> M:
        """The request's body as a model."""
        if len(self.request.body) > BODY:
            msg = f"The request is larger than {BODY // 1_000_000} MB."
            raise errors.InvalidRequest(msg, hint="Send what is large as a file.")
        try:
            return model.model_validate(self.get_json_body() or {})
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            msg = f"The request is wrong at {where or 'its top'}: {first['msg']}."
            raise errors.InvalidRequest(msg) from error

    async def work(self, do: Callable[[Callable[[int], object]], Awaitable[Any]]) -> None:
        """Do something that may take long, and say in lines of JSON how far it is: ``Progress``, at last its end.

        It is done to its end though the person leaves: half a copy helps nobody.
        """
        self.set_header("Content-Type", "application/x-ndjson")
        said = Progress(done=0)

        def told(done: int) -> None:
            said.done = done

        task = asyncio.ensure_future(do(told))
        while not (await asyncio.wait({task}, timeout=SAID_S))[0]:
            self.write(said.model_dump_json() + "\n")
            with contextlib.suppress(StreamClosedError):
                await self.flush()
        try:
            await task
            said.ended = True
        except errors.OscarError as error:
            if not self._headers_written:
                raise
            said.problem = problem(error)
        self.write(said.model_dump_json() + "\n")
        with contextlib.suppress(StreamClosedError):
            await web.RequestHandler.finish(self)

    def reply(self, answer: BaseModel | Sequence[BaseModel] | None, status: int = 200) -> None:
        """Answer with one model, a list of them, or nothing."""
        if answer is None:
            self.set_status(204)
            self.finish()
            return
        self.set_status(status)
        if isinstance(answer, BaseModel):
            self.finish(answer.model_dump_json())
        else:
            self.finish(json.dumps([one.model_dump(mode="json") for one in answer]))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say an error in words; what is not an error of ours stays as generic as the base class makes it."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if not isinstance(error, errors.OscarError):
            super().write_error(status_code, **kwargs)
            return
        self.set_status(next(status for kind, status in STATUS if isinstance(error, kind)))
        self.set_header("Content-Type", "application/json")
        self.finish(problem(error).model_dump_json())

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """An error that is said to the person is one line in the log, not a traceback."""
        if isinstance(value, errors.OscarError):
            self.log.info("%s %s: %s", self.request.method, self.request.path, value.code)
        else:
            super().log_exception(typ, value, tb)
