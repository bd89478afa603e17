"""The channel: one WebSocket per visible tab for all its topics, or long polling where sockets are blocked.

A tab says ``{"subscribe": topic, "cursor": …}``, ``{"unsubscribe": topic}`` or ``{"refresh": topic}``; the server says
``{"topic", "cursor", "data"}`` or ``{"topic", "problem"}``. A tab that comes back gives its cursors and gets only what
it has missed. Pings every 30 s keep proxies from closing what is quiet.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, ClassVar, cast

from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from jupyter_oscar.client.errors import InvalidRequest, NotAllowed

from .feeds import resource
from .route import Problem, Route, may

if TYPE_CHECKING:
    from .feeds import News, Said

# A tab that opens more than this is not one of ours.
TOPICS = 64
POLL_S = 25.0


async def allowed(handler: JupyterHandler, topic: str) -> bool:
    """Whether this person may read a topic."""
    wanted = resource(topic)
    if wanted is None:
        return False
    answer = handler.authorizer.is_authorized(handler, handler.current_user, "read", wanted)
    return bool(await answer if hasattr(answer, "__await__") else answer)


class ChannelSocket(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """``/jupyter-oscar/channel``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:channel"
    _track_activity = False

    def initialize(self) -> None:
        """Before anything else."""
        self._topics: set[str] = set()

    @property
    def news(self) -> News:
        """The feeds of this server."""
        return cast("News", self.settings["jupyter_oscar_news"])

    def set_default_headers(self) -> None:
        """A socket needs none of a page's headers."""

    @ws_authenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Open it."""
        answer = self.authorizer.is_authorized(self, self.current_user, "read", self.auth_resource)
        if not (await answer if hasattr(answer, "__await__") else answer):
            self.set_status(403)
            await self.finish()
            return
        await super().get(*args, **kwargs)

    async def on_message(self, message: str | bytes) -> None:
        """A tab wants to hear of a topic, or no longer."""
        try:
            said = json.loads(message)
            topic = next(str(said[verb]) for verb in ("subscribe", "unsubscribe", "refresh") if verb in said)
        except (ValueError, TypeError, StopIteration):
            return
        if "unsubscribe" in said:
            self._leave(topic)
        elif "refresh" in said:
            if topic in self._topics:
                self.news.soon(topic)
        elif len(self._topics) >= TOPICS:
            self._refuse(topic, "too-many-topics", "This page listens to too many topics.")
        elif await allowed(self, topic):
            self._topics.add(topic)
            self.news.feed(topic).subscribe(self._tell, str(said.get("cursor") or ""))
        else:
            self._refuse(topic, NotAllowed.code, "You may not see this.")

    def _refuse(self, topic: str, code: str, message: str) -> None:
        self._tell({"topic": topic, "problem": Problem(code=code, message=message).model_dump(mode="json")})

    def _tell(self, said: Said) -> None:
        # The task is not awaited: a slow browser must not hold up the feed of others.
        task = asyncio.ensure_future(self._write(json.dumps(said)))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _write(self, text: str) -> None:
        try:
            await self.write_message(text)
        except WebSocketClosedError:
            self._leave_all()

    def _leave(self, topic: str) -> None:
        if topic in self._topics:
            self._topics.discard(topic)
            self.news.feed(topic).unsubscribe(self._tell)

    def _leave_all(self) -> None:
        for topic in list(self._topics):
            self._leave(topic)

    def on_close(self) -> None:
        """The tab is gone, or hidden."""
        self._leave_all()
        super().on_close()


class ChannelPoll(Route):
    """``/jupyter-oscar/poll?topic=…&cursor=…``: the next thing said of a topic, or nothing after 25 s."""

    auth_resource: ClassVar[str] = "jupyter_oscar:channel"

    @may()
    async def get(self) -> None:
        """Wait for news."""
        topic, cursor = self.get_query_argument("topic"), self.get_query_argument("cursor", "")
        if resource(topic) is None:
            msg = f'There is no topic "{topic}".'
            raise InvalidRequest(msg)
        if not await allowed(self, topic):
            msg = "You may not see this."
            raise NotAllowed(msg)
        said: asyncio.Queue[Said] = asyncio.Queue()
        feed = self.news.feed(topic)
        feed.subscribe(said.put_nowait, cursor)
        try:
            self.finish(json.dumps(await asyncio.wait_for(said.get(), POLL_S)))
        except asyncio.TimeoutError:
            self.reply(None)
        finally:
            feed.unsubscribe(said.put_nowait)
