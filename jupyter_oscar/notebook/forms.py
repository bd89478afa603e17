"""A form that calls a service: its input, how to run it, and each run's state, log and outputs below.

The input is what the service's own schema asks for, else a file, several files, words, or an object of a bucket.
Files are named by their path here and read by the kernel: nothing large goes over the widget's socket.
"""

from __future__ import annotations

import asyncio
import glob
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import ipywidgets as widgets

from jupyter_oscar.client.errors import FileMissing, InvalidRequest, OscarError

from . import inputs, page, shown, views
from .bridge import bridge
from .fields import WIDE, Fields, schema_of
from .maps import Map

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_oscar.client.service import Service

    from .cluster import Cluster
    from .handles import Job

# Offered while one types a path.
OFFERED: Final = 100
KINDS: Final = ("file", "several files", "text", "object")


class Form:
    """A form in a cell; ``runs`` holds the handles of what was run from it, newest first."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self._cluster = cluster
        self.service: Service = cluster.services[name]
        self.runs: list[Any] = []
        schema = schema_of(self.service)
        self._fields = Fields(schema) if schema else None
        self._kind = widgets.ToggleButtons(options=KINDS, value="text" if self._sync else "file", tooltip="Input")
        self._kind.style.button_width = "auto"
        self._file = _combobox("path of a file here")
        self._files = widgets.Text(placeholder="in/*.png", layout=WIDE, continuous_update=False)
        self._count = widgets.Label()
        self._text = widgets.Textarea(placeholder="words", layout=WIDE, rows=3)
        self._object = _combobox("bucket/key")
        self._mode = widgets.Dropdown(options=self._modes(), tooltip="How to run it", layout={"width": "auto"})
        self._run = widgets.Button(description="Run", button_style="primary", tooltip=f"Call {name}")
        self._said = widgets.HTML()
        self._results = widgets.VBox()
        self._input = widgets.VBox()
        self._build()

    @property
    def _sync(self) -> bool:
        return not self.service.input and not self.service.expose.api_port

    def _modes(self) -> list[tuple[str, str]]:
        wait, job = ("and wait for the answer", "sync"), ("as a job", "job")
        # Without an input folder a service can only be called; with one, a job is what keeps its outputs.
        return [wait, job] if self._sync else [job, wait]

    def _build(self) -> None:
        self._kind.observe(lambda _: self._show_input(), "value")
        self._file.observe(lambda change: self._offer_files(change["new"]), "value")
        self._files.observe(lambda _: self._show_count(), "value")
        self._object.observe(lambda change: bridge.start(self._offer_objects(change["new"])), "value")
        self._run.on_click(lambda _: self._go())
        self._offer_files("")
        bridge.start(self._offer_objects(""))
        parts = [self._head(), *([self._fields.box] if self._fields else [self._kind, self._input])]
        parts += [*self._environment(), widgets.HBox([self._run, self._mode]), self._said, self._results]
        self._show_input()
        self.box = widgets.VBox(parts)

    def _head(self) -> widgets.HTML:
        service, profile = self.service, self._cluster.client.profile
        note = " · the sandbox runs it without its image" if profile.sandbox else ""
        said = escape(f"{service.image} on {profile.name}{note}")
        return _html(f"<b>{escape(service.name)}</b> &nbsp;<span {shown.QUIET}>{said}</span>")

    def _environment(self) -> list[widgets.Widget]:
        """What the service's script finds set: to be read here, and changed in the service."""
        environment = self.service.environment
        rows = [[name, value] for name, value in environment.variables.items()]
        rows += [[name, "secret"] for name in environment.secrets]
        if not rows:
            return []
        table = shown.table(["variable", "value"], rows)
        folded = _html(f"<details><summary {shown.QUIET}>Environment</summary>{table}</details>")
        edit = widgets.Button(
            description="edit service…", tooltip=f"Open the definition of {self.service.name}", layout={"width": "auto"}
        )
        where = widgets.Label()
        edit.on_click(lambda _: self._edit(where))
        return [widgets.HBox([folded, edit, where])]

    def _edit(self, where: widgets.Label) -> None:
        def say() -> None:
            where.value = f"Values belong to the service: edit {self.service.name} in OSCAR's sidebar, or its FDL."

        where.value = ""
        page.edit(self._cluster.name, self.service.name, say)

    def _show_input(self) -> None:
        self._input.children = {
            "file": [self._file],
            "several files": [self._files, self._count],
            "text": [self._text],
            "object": [self._object],
        }[self._kind.value]

    def _offer_files(self, typed: str) -> None:
        """The files and folders that begin as what was typed."""
        at = Path(typed).expanduser()
        folder = at if typed.endswith("/") else at.parent
        start = typed[: typed.rfind("/") + 1]
        try:
            found = sorted(path for path in folder.iterdir() if not path.name.startswith("."))[:OFFERED]
        except OSError:
            return
        self._file.options = [f"{start}{path.name}{'/' if path.is_dir() else ''}" for path in found]

    async def _offer_objects(self, typed: str) -> None:
        """Buckets, then what lies in the folder that was typed."""
        bucket, slash, key = typed.removeprefix("s3://").partition("/")
        try:
            if not slash:
                rows = await self._cluster.client.buckets.list()
                self._object.options = [f"{row.bucket_name}/" for row in rows][:OFFERED]
                return
            page = await self._cluster.client.buckets.page(bucket, key[: key.rfind("/") + 1], size=OFFERED)
        except OscarError:
            return
        names = [*page.folders, *(row.key for row in page.objects)]
        self._object.options = [f"{bucket}/{name}" for name in names][:OFFERED]

    def _show_count(self) -> None:
        found = self._matching()
        size = sum(path.stat().st_size for path in found)
        self._count.value = f"{len(found)} files · {views.size(size)}" if found else "no file is called so"

    def _matching(self) -> list[Path]:
        pattern = str(Path(self._files.value).expanduser()) if self._files.value else ""
        return [path for path in map(Path, sorted(glob.glob(pattern, recursive=True))) if path.is_file()]  # noqa: PTH207 - the pattern may be absolute

    def _go(self) -> None:
        self._said.value = ""
        self._run.disabled = True
        try:
            self._start()
        except OscarError as error:
            self._say(error)
        finally:
            self._run.disabled = False

    def _say(self, error: Exception) -> None:
        self._said.value = f'<span style="color:var(--jp-error-color1)">{escape(str(error))}</span>'

    def _start(self) -> None:
        kind = "schema" if self._fields else self._kind.value
        if kind == "several files":
            self._add(self._cluster.map(self.service.name, self._files_or_raise()))
            return
        given = self._given(kind)
        if self._mode.value == "job":
            self._add(self._cluster.submit(self.service.name, **given))
        else:
            bridge.start(self._answer(inputs.one(**{"file": None, "text": None, "data": None, **given})))

    def _given(self, kind: str) -> dict[str, Any]:
        """What ``submit`` takes."""
        name = self.service.name
        if self._fields:
            return {"data": self._fields.value()}
        if kind == "text":
            return {"text": self._text.value}
        said = (self._file if kind == "file" else self._object).value.strip()
        if not said:
            msg = f"There is no input for {name} yet."
            raise InvalidRequest(msg, hint="Name a file." if kind == "file" else "Name an object: bucket/key.")
        return {"file": Path(said) if kind == "file" else f"s3://{said.removeprefix('s3://')}"}

    def _files_or_raise(self) -> Sequence[Path]:
        found = self._matching()
        if not found:
            msg = f'No file here is called "{self._files.value}".'
            raise FileMissing(msg, hint="A pattern such as in/*.png names several.")
        return found

    def _add(self, handle: Job | Map) -> None:
        """A place for a run above the earlier ones: its live line; a job's outputs follow when it has ended."""
        place = widgets.Output()
        self.runs.insert(0, handle)
        self._results.children = (widgets.VBox([handle.view().embed(), place]), *self._results.children)
        if not isinstance(handle, Map):
            bridge.start(self._outputs(handle, place))

    async def _outputs(self, job: Job, place: widgets.Output) -> None:
        """Show what a job wrote. Its own line says how it failed."""
        try:
            result = await job._result(None)  # noqa: SLF001 - on our loop, where the public ones would wait for themselves
        except OscarError:
            return
        for output in result:
            if len(result) > 1:
                name = escape(repr(output))
                _append(place, {"text/plain": repr(output), "text/html": f"<span {shown.QUIET}>{name}</span>"})
            _append(place, await asyncio.to_thread(views.output_bundle, output))

    async def _answer(self, payload: Any) -> None:
        """Call and wait, with the time running."""
        place = widgets.Output()
        self._results.children = (place, *self._results.children)
        told = asyncio.ensure_future(_running(place, self.service.name))
        try:
            answer = await self._cluster.client.calls.run(self.service.name, payload)
        except OscarError as error:
            place.outputs = ()
            self._say(error)
        else:
            from .results import Reply

            reply = Reply(answer, self.service.name)
            self.runs.insert(0, reply)
            place.outputs = ()
            _append(place, reply._repr_mimebundle_())
        finally:
            told.cancel()

    def _ipython_display_(self) -> None:
        from .live.view import of_widget, put

        said = repr(self)
        put({**of_widget(self.box), "text/plain": said, "text/html": f"<code>{escape(said)}</code>"})

    def __repr__(self) -> str:
        return f"form of {self.service.name} on {self._cluster.name}"


async def _running(place: widgets.Output, name: str) -> None:
    began = asyncio.get_running_loop().time()
    while True:
        seconds = asyncio.get_running_loop().time() - began
        place.outputs = ()
        _append(place, {"text/plain": f"● {name}  running {views.duration(seconds)}"})
        await asyncio.sleep(1)


def _html(text: str) -> widgets.HTML:
    """Words that may take several lines; a widget's own are as far apart as its fields."""
    return widgets.HTML(f'<div style="line-height:1.5">{text}</div>')


def _append(place: widgets.Output, bundle: dict[str, Any]) -> None:
    place.outputs += ({"output_type": "display_data", "data": bundle, "metadata": {}},)


def _combobox(placeholder: str) -> widgets.Combobox:
    return widgets.Combobox(placeholder=placeholder, ensure_option=False, layout=WIDE, continuous_update=True)


def form(service: str, cluster: Cluster | None = None) -> Form:
    """A form that calls a service of ``cluster``, by default the one that ``connect()`` finds.

    Raises:
        NoCluster, ServiceNotFound: it is not there.

    """
    from .connect import connect

    return Form(cluster or connect(), service)
