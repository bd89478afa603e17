r"""What a runner runs: a function that came with its arguments, and its value on the way back.

It travels as text inside the runner's script, behind ``attend``, so it imports the standard library only, and what it
does not need at once it imports when needed. We import it too, for the format that both sides speak::

    input   <seal>\n<header>\n<pickled function><pickled arguments> …
    result  {"format": 1, "entries": [[<what it is>, <size>, <seal>], …]}\n<value> …

A seal is an HMAC by the runner's key. Without a right one nothing is unpickled, on either side.
"""

from __future__ import annotations

import atexit
import gc
import hashlib
import hmac
import json
import os
import pickle
import sys
import time
from typing import Any, NoReturn

FORMAT = 1
KEY = "JUPYTER_OSCAR_KEY"
RESULT = "result.fn"
PICKLER = "# cloudpickle "
# Longer numbers are refused by some readers of JSON, Python's own among them.
DIGITS = 4096
# What a failure says of itself at most, in characters.
WORDS = 20_000


class Refused(Exception):
    """A sentence that ends the job."""


def seal(key: bytes, purpose: str, call: str, *parts: bytes) -> str:
    """The HMAC over a purpose, a call and any number of parts."""
    digests = b"".join(hashlib.sha256(part).digest() for part in parts)
    return hmac.new(key, f"{purpose}\0{call}\0".encode() + digests, hashlib.sha256).hexdigest()


def pack(key: bytes, header: dict[str, Any], frames: list[bytes]) -> bytes:
    """An input: the function, and the arguments of each call."""
    head = json.dumps({"format": FORMAT, "sizes": [len(frame) for frame in frames], **header}).encode()
    rest = b"\n".join((head, b"".join(frames)))
    return seal(key, "input", "", rest).encode() + b"\n" + rest


def unpack(key: bytes, content: bytes) -> tuple[dict[str, Any], list[memoryview]]:
    """The same read; nothing is unpickled."""
    mark, _, rest = content.partition(b"\n")
    if not key or not hmac.compare_digest(mark, seal(key, "input", "", rest).encode()):
        raise Refused("This input does not carry the seal of the one who made this runner, so it is not run.")
    head, _, body = rest.partition(b"\n")
    header = json.loads(head)
    return header, cut(body, header["sizes"])


def cut(body: bytes, sizes: list[int]) -> list[memoryview]:
    """The frames of a body."""
    view, at, frames = memoryview(body), 0, []
    for size in sizes:
        frames.append(view[at : at + size])
        at += size
    return frames


def is_json(value: Any) -> bool:
    """Whether JSON gives back exactly this."""
    kind = type(value)
    if kind is list:
        return all(map(is_json, value))
    if kind is dict:
        return all(type(key) is str for key in value) and all(map(is_json, value.values()))
    if kind is float:
        return bool(value - value == 0)  # no NaN and no infinity, which JSON does not have
    if kind is int:
        return bool(value.bit_length() < DIGITS)
    return value is None or kind in (bool, str)


def encode(value: Any, *, arrow: bool = True) -> tuple[dict[str, Any], bytes]:
    """A value in the plainest form that gives it back exactly; ``arrow`` says whether its reader knows Arrow."""
    try:
        if is_json(value):
            return {"kind": "json"}, json.dumps(value).encode()
    except RecursionError:
        pass
    numpy = sys.modules.get("numpy")
    if numpy is not None and (type(value) is numpy.ndarray or isinstance(value, numpy.generic)):
        array = numpy.asarray(value)
        if not array.dtype.hasobject and array.dtype.names is None:
            return {"kind": "npy", "scalar": array is not value}, _npy(numpy, array)
    found = _arrow(value) if arrow else None
    if found is not None:
        return found
    import cloudpickle

    return {"kind": "pickle"}, cloudpickle.dumps(value)


def _npy(numpy: Any, array: Any) -> bytes:
    import io

    buffer = io.BytesIO()
    numpy.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _arrow(value: Any) -> tuple[dict[str, Any], bytes] | None:
    """A table as Arrow, where pyarrow is there and gives it back as it was."""
    pandas = sys.modules.get("pandas")
    arrow: Any = sys.modules.get("pyarrow")
    frame = pandas is not None and type(value) is pandas.DataFrame
    try:
        if frame:
            from importlib import import_module

            arrow = import_module("pyarrow")
        if arrow is None or not (frame or type(value) is arrow.Table):
            return None
        table = arrow.Table.from_pandas(value) if frame else value
        if frame:
            back = table.to_pandas()
            same = back.equals(value) and list(back.dtypes) == list(value.dtypes) and back.attrs == value.attrs
            if not (same and back.index.names == value.index.names and back.columns.names == value.columns.names):
                return None
        sink = arrow.BufferOutputStream()
        with arrow.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return {"kind": "arrow", "frame": frame}, sink.getvalue().to_pybytes()
    except Exception:  # noqa: BLE001 - whatever pyarrow dislikes is pickled
        return None


def failed(error: BaseException) -> tuple[dict[str, Any], bytes]:
    """An exception, with its traceback as words."""
    import traceback

    kind, trace = type(error), error.__traceback__
    # Our own frame is not the reader's business.
    words = "".join(traceback.format_exception(kind, error, trace.tb_next if trace else None))
    print(words, file=sys.stderr, end="")  # noqa: T201 - the job's log
    meta: dict[str, Any] = {"kind": "error", "module": kind.__module__, "type": kind.__qualname__}
    meta["text"] = words if len(words) <= WORDS else f"…{words[-WORDS:]}"
    args = list(error.args)
    if is_json(args):
        meta["args"] = args
    try:
        import cloudpickle

        body = cloudpickle.dumps(error)
        pickle.loads(body)  # noqa: S301 - we have just written it
    except BaseException:  # noqa: BLE001 - it cannot travel: its words do
        body = b""
    return meta, body


def lazy(value: Any) -> str | None:
    """What something is called that has not been worked out yet, and so cannot be sent."""
    import types

    names = {types.GeneratorType: "generator", types.CoroutineType: "coroutine", types.AsyncGeneratorType: "generator"}
    return names.get(type(value))


def attempt(function: Any, frame: memoryview, owner: int, *, arrow: bool) -> tuple[dict[str, Any], bytes]:
    """One call; whatever goes wrong in it stays with it."""
    began = time.perf_counter()
    try:
        args, kwargs = pickle.loads(frame)  # noqa: S301 - its seal was checked
        gc.enable()
        value = function(*args, **kwargs)
        # A child that the function left behind must not answer too.
        if os.getpid() != owner:
            sys.stdout.flush()
            os._exit(0)
        kind = lazy(value)
        refused: dict[str, Any] = {"kind": "refused", "why": kind}
        meta, body = (refused, b"") if kind else _encoded(value, arrow=arrow)
    except BaseException as error:  # noqa: BLE001 - the boundary of the call
        if os.getpid() != owner:
            os._exit(1)
        meta, body = failed(error)
    meta["seconds"] = round(time.perf_counter() - began, 6)
    return meta, body


def _encoded(value: Any, *, arrow: bool = True) -> tuple[dict[str, Any], bytes]:
    try:
        return encode(value, arrow=arrow)
    except Exception as error:  # noqa: BLE001 - any __reduce__ may raise anything
        why = f"{type(error).__name__}: {error}"
        return {"kind": "refused", "why": "unpicklable", "type": type(value).__qualname__, "text": why[:1000]}, b""


def results(key: bytes, call: str, done: list[tuple[dict[str, Any], bytes]], *, many: bool) -> bytes:
    """What is written: each value under a seal over the call, its place and itself."""
    entries = []
    for index, (meta, body) in enumerate(done):
        what = json.dumps({**meta, "at": index, "of": len(done), "many": many})
        entries.append([what, len(body), seal(key, "result", call, what.encode(), body)])
    head = json.dumps({"format": FORMAT, "entries": entries}).encode()
    return b"\n".join((head, b"".join(body for _, body in done)))


def run(key: bytes, call: str, content: bytes, prepare: Any) -> tuple[bytes, bool]:
    """Carry out an input; the result, and whether all went well."""
    header, frames = unpack(key, content)
    here = "{}.{}".format(*sys.version_info)
    many = bool(header.get("many"))
    if header["python"] != here:
        print(f"The function was written with Python {header['python']}, and this is {here}: it is not run.")  # noqa: T201
        told = {"kind": "refused", "why": "version", "here": here, "there": header["python"]}
        return results(key, call, [(told, b"")] * (len(frames) - 1), many=many), many
    prepare(header)
    owner = os.getpid()
    try:
        function = located(pickle.loads(frames[0]), header)  # noqa: S301 - its seal was checked
    except BaseException as error:  # noqa: BLE001 - a library that is missing here, above all
        done = [failed(error)] * (len(frames) - 1)
    else:
        done = [attempt(function, frame, owner, arrow=bool(header.get("arrow"))) for frame in frames[1:]]
    # Of many calls, those that failed say so one by one.
    well = many or not any(meta["kind"] in ("error", "refused") for meta, _ in done)
    return results(key, call, done, many=many), well


def prepared(header: dict[str, Any], script: str) -> None:
    """Make what the function needs importable: its packages and cloudpickle."""
    from importlib.util import find_spec

    folder = os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 - the container's own
    if header.get("packages"):
        _install(header["packages"], os.path.join(folder, "jupyter-oscar-packages"))  # noqa: PTH118
    if find_spec("cloudpickle") is None:
        import base64

        path = os.path.join(folder, f"jupyter-oscar-cloudpickle-{os.getpid()}.zip")  # noqa: PTH118
        with open(path, "wb") as file:  # noqa: PTH123 - pathlib costs a start its milliseconds
            file.write(base64.b64decode(_pickler(script)))
        sys.path.append(path)


def _pickler(script: str) -> bytes:
    """Our cloudpickle as a zip in base64: the last line of the script, which nothing reads unless it is needed."""
    with open(script, "rb") as file:  # noqa: PTH123
        return file.read().rpartition(PICKLER.encode())[2]


def located(function: Any, header: dict[str, Any]) -> Any:
    """The function with the name of its file and its lines, so that a traceback shows them."""
    code = getattr(function, "__code__", None)
    if header.get("source") and code is not None:
        import linecache

        name, first, text = header["source"]
        lines = ["\n"] * (first - 1) + text.splitlines(keepends=True)
        linecache.cache[name] = (len(text), None, lines, name)
        function.__code__ = _renamed(code, name)
    return function


def _renamed(code: Any, name: str) -> Any:
    inner = tuple(_renamed(one, name) if isinstance(one, type(code)) else one for one in code.co_consts)
    return code.replace(co_filename=name, co_consts=inner)


def _install(packages: list[str], folder: str) -> None:
    """Install what is not there; what is there in another version than was asked for counts as not there."""
    import subprocess

    missing = [package for package in packages if not _is_there(package)]
    if not missing:
        return
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", folder]
    if subprocess.run([*command, *missing], check=False).returncode:
        raise Refused(f"The packages {', '.join(missing)} could not be installed: choose an image= that has them.")
    sys.path.insert(0, folder)


def _is_there(package: str) -> bool:
    from importlib.metadata import PackageNotFoundError, version

    try:
        if package.replace("-", "").replace("_", "").replace(".", "").isalnum():
            return bool(version(package))
        from pip._vendor.packaging.requirements import Requirement

        wanted = Requirement(package)
        return bool(wanted.specifier.contains(version(wanted.name), prereleases=True))
    except (ImportError, PackageNotFoundError):
        return False


def leave(code: int) -> NoReturn:
    """End the job, and with it any thread that the function left behind."""
    atexit._run_exitfuncs()  # noqa: SLF001 - there is no public word for it
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        pass  # the function closed them
    os._exit(code)


def main(script: str) -> None:
    """One job, by its environment; ``script`` is the file that all of this stands in."""
    gc.disable()  # while libraries are loaded there is nothing to collect
    key = bytes.fromhex(os.environ.pop(KEY, ""))
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    if "JUPYTER_OSCAR_TRACKED" not in os.environ:
        print("A runner is called by jobs only: use submit() or map() of a function.")  # noqa: T201
        leave(3)
    try:
        with open(os.environ["INPUT_FILE_PATH"], "rb") as file:  # noqa: PTH123
            content = file.read()
        # There is a folder for the call, named after it; an older server's job has another name.
        folder = os.environ["TMP_OUTPUT_DIR"]
        call = os.path.basename(folder)  # noqa: PTH119
        result, well = run(key, call, content, lambda header: prepared(header, script))
    except Refused as error:
        print(error)  # noqa: T201
        leave(3)
    with open(os.path.join(folder, RESULT), "wb") as file:  # noqa: PTH118, PTH123
        file.write(result)
    leave(0 if well else 1)
