"""Calls: submit, run, list, cancel, retry, and the bytes of their outputs."""

from __future__ import annotations

import asyncio
import base64
import json
import mimetypes
import shutil
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field
from tornado import web

from jupyter_oscar.client.errors import InvalidRequest, ObjectNotFound

from .attachment import attach
from .route import Message, Route, may

if TYPE_CHECKING:
    from jupyter_oscar.client.answers import Answer
    from jupyter_oscar.client.calls import Payload
    from jupyter_oscar.client.cluster import Cluster
    from jupyter_oscar.client.jobs import Facts
    from jupyter_oscar.client.records import Call
    from jupyter_oscar.client.transfers import Object

# What is shown at once; larger answers are saved instead.
SHOWN = 8_000_000
# A file that arrives is kept in memory up to this size, then on disk.
SPOOLED = 4_000_000


class CallRow(Message):
    """A call in the list. ``created`` is in seconds since 1970, ``seconds`` how long its script ran."""

    id: str
    service: str
    name: str
    created: float
    state: str
    size: int | None = None
    exit_code: int | None = None
    seconds: float | None = None
    lines: str = ""
    outputs: tuple[str, ...] = ()
    tracked: bool = False


class Input(Message):
    """The input of a call: one of the three. ``object`` is ``bucket/key``."""

    text: str | None = None
    json_: Any = Field(default=None, alias="json")
    object: str | None = None
    name: str | None = None


class Output(Message):
    """An output of a call and what kind of thing it looks like."""

    name: str
    size: int
    kind: str
    path: str


class Reply(Message):
    """The answer of a synchronous call: ``text``, or ``data`` in base64 where the service wrote a file."""

    kind: str
    size: int
    text: str | None = None
    data: str | None = None


def row(call: Call, facts: Facts) -> CallRow:
    """A call for the list."""
    from jupyter_oscar.client.jobs import state

    done = facts.done
    return CallRow(
        id=call.id,
        service=call.service,
        name=call.name,
        created=call.created.timestamp(),
        state=str(state(facts)),
        size=call.size,
        exit_code=done.exit if done else None,
        seconds=round(done.ended - done.began, 3) if done else None,
        lines=done.lines if done and done.exit else "",
        outputs=tuple(output.name for output in done.outputs) if done else (),
        tracked=call.tracked,
    )


async def payload(cluster: Cluster, said: Input, folder: Path) -> Payload:
    """What to send. An object of a bucket is fetched first, since a staged input must lie where nothing triggers."""
    from jupyter_oscar.client.calls import Payload

    given = [value for value in (said.text, said.json_, said.object) if value is not None]
    if len(given) != 1:
        msg = "Give one input: text, JSON or an object."
        raise InvalidRequest(msg)
    if said.text is not None:
        return Payload(said.name or "input.txt", said.text.encode())
    if said.object is None:
        return Payload(said.name or "input.json", json.dumps(said.json_).encode())
    bucket, _, key = said.object.removeprefix("s3://").strip("/").partition("/")
    path = folder / (PurePosixPath(key).name or "input")
    await cluster.store.download(bucket, key, path)
    return Payload.file(path)


def reply(answer: Answer) -> Reply:
    """An answer by what it looks like."""
    content = answer.content
    kind = kind_of("", content)
    if kind in {"text", "json"}:
        return Reply(kind=kind, size=len(content), text=answer.text[:SHOWN])
    data = base64.b64encode(content).decode() if len(content) <= SHOWN else None
    return Reply(kind=kind, size=len(content), data=data)


MAGIC = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif", b"PK\x03\x04": "zip"}


def kind_of(name: str, content: bytes = b"") -> str:
    """``text``, ``json``, ``zip``, an image's type, or ``file``; never what could carry script."""
    for magic, kind in MAGIC.items():
        if content.startswith(magic):
            return kind
    if content:
        try:
            text = content.decode()
        except UnicodeDecodeError:
            return "file"
        return "json" if text.lstrip()[:1] in {"{", "["} and _is_json(text) else "text"
    guess = mimetypes.guess_type(name)[0] or ""
    if guess in MAGIC.values():
        return guess
    return "json" if guess == "application/json" else "text" if guess.startswith("text/") else "file"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


class CallsRoute(Route):
    """``/jupyter-oscar/clusters/<cluster>/services/<service>/calls``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:jobs"

    @may("execute")
    async def post(self, cluster: str, service: str) -> None:
        """Submit text, JSON or an object; answers when the cluster has taken it."""
        one = await self.cluster(cluster)
        with tempfile.TemporaryDirectory(prefix="jupyter-oscar-") as folder:
            call = await one.calls.submit(service, await payload(one, self.body(Input), Path(folder)))
        self.news.soon(f"calls/{cluster}")
        self.reply(row(call, await one.calls.look_in_bucket(call)), 201)


class RunRoute(Route):
    """``/jupyter-oscar/clusters/<cluster>/services/<service>/run``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:jobs"

    @may("execute")
    async def post(self, cluster: str, service: str) -> None:
        """Call a service and wait for its answer."""
        one = await self.cluster(cluster)
        with tempfile.TemporaryDirectory(prefix="jupyter-oscar-") as folder:
            answer = await one.calls.run(service, await payload(one, self.body(Input), Path(folder)))
        self.reply(await asyncio.to_thread(reply, answer))


@web.stream_request_body
class FileRoute(Route):
    """``/jupyter-oscar/clusters/<cluster>/services/<service>/(calls|run)/<name>``: the body is the file."""

    auth_resource: ClassVar[str] = "jupyter_oscar:jobs"

    async def prepare(self) -> None:  # type: ignore[override]
        """Bytes arrive before the verb: who may is asked here (jupyterlab.md §10.7)."""
        await super().prepare()
        if self._finished:
            return
        if self.current_user is None:
            raise web.HTTPError(403)
        if not await self.allowed("execute"):
            raise web.HTTPError(403)
        self._file = tempfile.SpooledTemporaryFile(max_size=SPOOLED)  # noqa: SIM115 - closed in on_finish

    def _copy_to(self, path: Path) -> None:
        self._file.seek(0)
        with path.open("wb") as file:
            shutil.copyfileobj(self._file, file)

    def data_received(self, chunk: bytes) -> None:
        """A piece of the file."""
        self._file.write(chunk)

    def on_finish(self) -> None:
        """The file is gone with the request."""
        if hasattr(self, "_file"):
            self._file.close()
        super().on_finish()

    @may("execute")
    async def put(self, cluster: str, service: str, verb: str, name: str) -> None:
        """Submit or run with this file as input."""
        from jupyter_oscar.client.calls import Payload

        one = await self.cluster(cluster)
        with tempfile.TemporaryDirectory(prefix="jupyter-oscar-") as folder:
            path = Path(folder) / "input"
            # Off the loop: a large file takes a while to copy, and kernels' messages share the loop.
            await asyncio.to_thread(self._copy_to, path)
            given = Payload(PurePosixPath(name).name or "input", path)
            if verb == "run":
                self.reply(await asyncio.to_thread(reply, await one.calls.run(service, given)))
                return
            call = await one.calls.submit(service, given)
        self.news.soon(f"calls/{cluster}")
        self.reply(row(call, await one.calls.look_in_bucket(call)), 201)


class CallRoute(Route):
    """``/jupyter-oscar/clusters/<cluster>/calls/<service>/<id>``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:jobs"

    @may()
    async def get(self, cluster: str, service: str, identity: str) -> None:
        """One call and its state now."""
        one = await self.cluster(cluster)
        call = await one.calls.find(f"{service}/{identity}")
        self.reply(row(call, await one.calls.look(call)))


class CallVerbRoute(Route):
    """``/jupyter-oscar/clusters/<cluster>/calls/<service>/<id>/(cancel|retry)``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:jobs"

    @may("execute")
    async def post(self, cluster: str, service: str, identity: str, verb: str) -> None:
        """End it, or submit its input once more as a new call."""
        one = await self.cluster(cluster)
        call = await one.calls.find(f"{service}/{identity}")
        call = await one.calls.cancel(call) if verb == "cancel" else await self._again(one, call)
        self.news.soon(f"calls/{cluster}")
        self.reply(row(call, await one.calls.look(call)), 200 if verb == "cancel" else 201)

    async def _again(self, cluster: Cluster, call: Call) -> Call:
        from jupyter_oscar.client.calls import Payload

        if not call.key:
            msg = f"The input of {call.reference} is not known."
            raise ObjectNotFound(msg, hint="Call the service anew.")
        with tempfile.TemporaryDirectory(prefix="jupyter-oscar-") as folder:
            path = Path(folder) / "input"
            await cluster.store.download(call.bucket, call.key, path)
            return await cluster.calls.submit(call.service, Payload(call.name or "input", path))


class OutputsRoute(Route):
    """``/jupyter-oscar/clusters/<cluster>/calls/<service>/<id>/outputs``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:storage"

    @may()
    async def get(self, cluster: str, service: str, identity: str) -> None:
        """The outputs of an ended call."""
        self.reply([found for found, _, _ in await outputs(await self.cluster(cluster), f"{service}/{identity}")])


class OutputRoute(Route):
    """``/jupyter-oscar/clusters/<cluster>/calls/<service>/<id>/outputs/<name>``."""

    auth_resource: ClassVar[str] = "jupyter_oscar:storage"

    @may()
    async def get(self, cluster: str, service: str, identity: str, name: str) -> None:
        """The bytes of one output, as an attachment that no browser runs (DESIGN §7)."""
        one = await self.cluster(cluster)
        found = await outputs(one, f"{service}/{identity}")
        picked = next((entry for entry in found if entry[0].name == name), None)
        if picked is None:
            msg = f'{service}/{identity} has no output "{name}".'
            raise ObjectNotFound(msg)
        _, bucket, row_ = picked
        async with one.objects.open(bucket, row_.key) as reading:
            await attach(self, name, reading)


async def outputs(cluster: Cluster, reference: str) -> list[tuple[Output, str, Object]]:
    """Each output with the bucket and object it is."""
    call = await cluster.calls.find(reference)
    start = len(call.place[1]) + 1 if call.place else 0
    found = []
    for bucket, row_ in await cluster.calls.outputs(call):
        name = row_.key[start:] or row_.key
        path = f"s3://{bucket}/{row_.key}"
        found.append((Output(name=name, size=row_.size, kind=kind_of(name), path=path), bucket, row_))
    return sorted(found, key=lambda entry: entry[0].name)
