"""A view: one thing shown in one cell, and the one widget class behind all of them."""

from __future__ import annotations

import asyncio
import time
import uuid
from contextvars import Context
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import anywidget
import traitlets

from jupyter_oscar.client.errors import OscarError
from jupyter_oscar.notebook.bridge import bridge

if TYPE_CHECKING:
    import concurrent.futures
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine

VIEW: Final = "application/vnd.jupyter.widget-view+json"
# Says to our labextension that the written form beside it is to be shown while there is no such view.
OURS: Final = "application/vnd.jupyter-oscar.view+json"
HERE: Final = Path(__file__).parent
# Between two tellings of one view.
APART: Final = 0.25
# A page that looks says so every 30 s; one that was closed says nothing any more.
HEARD: Final = 75.0
# How long a table that nobody looks at stays ready.
LEFT: Final = 600.0
# What one message of a log may hold, and how often it goes.
LOG_LINES: Final = 200
LOG_CHARACTERS: Final = 32_000
LOG_APART: Final = 0.5


class Widget(anywidget.AnyWidget):
    """The page's half."""

    _esm = HERE / "view.js"
    _css = HERE / "view.css"
    view = traitlets.Dict().tag(sync=True)


class View:
    """One thing shown in one cell. Subclasses say what is shown, when it changes and what the buttons do."""

    #: What a button may ask for.
    verbs: ClassVar[frozenset[str]] = frozenset()
    #: Whether news are asked for only to show them: such a view needs somebody who looks, not just nobody who left.
    idle_stops: ClassVar[bool] = False
    #: Whether it stays live for a while when nobody looks, and is then written down as it was.
    lingers: ClassVar[bool] = False

    def __init__(self) -> None:
        self._widget = Widget(view=self.now())
        self._widget.on_msg(self._heard)
        self._display: str | None = None
        self._looking: dict[str, float] = {}
        self._anybody = False
        self._following: concurrent.futures.Future[None] | None = None
        self._logging: dict[str, concurrent.futures.Future[None]] = {}

    def now(self) -> dict[str, Any]:
        """What to show: small, JSON, every word from a server as plain text."""
        raise NotImplementedError

    def static(self) -> dict[str, Any]:
        """The same for a saved notebook."""
        raise NotImplementedError

    def news(self) -> AsyncGenerator[None, None]:
        """Yields when there may be something new, at least once a second; ends with the thing."""
        raise NotImplementedError

    async def act(self, verb: str) -> None:
        """Do what a button asked for."""

    def lines(self) -> AsyncIterator[str]:
        """The lines of the log as they come."""
        raise NotImplementedError

    def show(self) -> None:
        """Put it below the cell and keep it current."""
        self._display = uuid.uuid4().hex
        put({**of_widget(self._widget), **self.static()}, self._display)
        self._follow()

    def embed(self) -> Widget:
        """The widget, to be put among others; it stays when its thing has ended."""
        self._follow()
        return self._widget

    def _heard(self, _widget: Widget, content: dict[str, Any], _buffers: Any) -> None:
        """A message of the page, in the kernel's own thread."""
        verb, view = content.get("do"), str(content.get("view", ""))
        if verb == "look":
            self._anybody = True
            if content.get("now"):
                self._looking[view] = time.monotonic()
                self._follow()
            else:
                self._looking.pop(view, None)
                self._end_log(view)
        elif verb == "log":
            self._end_log(view)
            if content.get("open"):
                self._logging[view] = bridge.start(self._tell_log(view))
        elif verb in self.verbs:
            bridge.start(self._act(str(verb)))

    @property
    def _looked_at(self) -> bool:
        """Whether anybody looks. Until a page has spoken, the cell that was just run does."""
        if not self._anybody:
            return True
        if self.idle_stops:
            oldest = time.monotonic() - HEARD
            return any(heard > oldest for heard in self._looking.values())
        # A kernel that runs a long cell hears nothing; that must not stop the bar of that very cell.
        return bool(self._looking)

    def _follow(self) -> None:
        if self._following is None or self._following.done():
            self._following = bridge.start(self._keep_current())

    async def _keep_current(self) -> None:
        """Tell what changed until the thing has ended or nobody looks."""
        news = self.news()
        try:
            async for _ in news:
                self._tell()
                if not self._looked_at and not await self._back():
                    return
                await asyncio.sleep(APART)
            self._tell()
            await self._replace()
        except OscarError as error:
            self._tell(word=str(error).splitlines()[0])
        finally:
            await news.aclose()

    async def _back(self) -> bool:
        """Whether somebody looks again soon; what nobody comes back to is written down as it was."""
        if not self.lingers:
            return False
        until = time.monotonic() + LEFT
        while time.monotonic() < until:
            await asyncio.sleep(1)
            if self._looked_at:
                return True
        if not self.now().get("going"):
            await self._replace()
        return False

    def _tell(self, **more: Any) -> None:
        view = {**self.now(), **more}
        if view != self._widget.view:
            self._widget.view = view

    async def _replace(self) -> None:
        """Put the static form in the widget's place, so that the notebook keeps it; a log in it stays open."""
        if self._display is None:
            return
        opened = bool(self._logging)
        await asyncio.gather(*map(asyncio.wrap_future, self._logging.values()), return_exceptions=True)
        static = self.static()
        if opened:
            static["text/html"] = static["text/html"].replace("<details>", "<details open>")
        # As a message of the cell that runs now, not of the one in which our thread began: nbclient hears no other.
        Context().run(put, static, self._display, update=True)
        self._widget.close()

    async def _act(self, verb: str) -> None:
        try:
            await self.act(verb)
        except OscarError as error:
            self._tell(word=str(error).splitlines()[0])
        else:
            self._tell()
            self._follow()

    def _end_log(self, view: str) -> None:
        told = self._logging.pop(view, None)
        if told is not None:
            told.cancel()

    async def _tell_log(self, view: str) -> None:
        """Send lines in few, small messages; a script that prints without end shows its last words."""
        sent = 0
        async for batch in _batches(self.lines()):
            last = batch[-LOG_LINES:]
            budget = LOG_CHARACTERS // len(last)
            self._widget.send({"view": view, "lines": [text[:budget] for text in last]})
            sent += len(last)
        if not sent:
            self._widget.send({"view": view, "nothing": "It printed nothing."})


async def _batches(lines: AsyncIterator[str]) -> AsyncIterator[list[str]]:
    """Lines that come within half a second, together."""
    queue: asyncio.Queue[str | None] = asyncio.Queue(LOG_LINES * 50)

    async def fill() -> None:
        try:
            async for line in lines:
                await queue.put(line)
        finally:
            await queue.put(None)

    filling = asyncio.ensure_future(fill())
    try:
        while True:
            batch = [await queue.get()]
            while not queue.empty():
                batch.append(queue.get_nowait())
            if said := [line for line in batch if line is not None]:
                yield said
            if batch[-1] is None:
                return
            await asyncio.sleep(LOG_APART)
    finally:
        filling.cancel()


def show(make: Callable[[], View], static: dict[str, Any]) -> None:
    """Show a live view if this is a notebook's kernel, else the static form."""
    from IPython import get_ipython

    if hasattr(get_ipython(), "kernel"):
        make().show()
    else:
        put(static)


def of_widget(widget: Any) -> dict[str, Any]:
    """The part of a MIME bundle that shows a widget."""
    return {OURS: {"version": 1}, VIEW: {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}}


def put(bundle: dict[str, Any], display_id: str | None = None, *, update: bool = False) -> None:
    """Display a MIME bundle, or put it in the place of an earlier one."""
    from IPython.display import display

    options: dict[str, Any] = {"display_id": display_id, "update": update} if display_id else {}
    display(bundle, raw=True, **options)  # type: ignore[no-untyped-call]


async def ticking(done: Coroutine[Any, Any, Any], every: float = 1.0) -> AsyncGenerator[None, None]:
    """Yields every so often until ``done`` is; what it raises is raised here."""
    task = asyncio.ensure_future(done)
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=every)
            yield
        task.result()
    finally:
        task.cancel()
