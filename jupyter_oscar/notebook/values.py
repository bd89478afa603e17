"""What a function and its arguments look like on their way, and how a value is had from what came back.

The format is ``client/remote``'s; here is decided what is trusted (DESIGN §7): with the runner's key everything must
carry its seal; without it what cannot do anything is read (JSON, npy, Arrow), and a pickle is refused.
"""

from __future__ import annotations

import builtins
import hmac
import inspect
import json
import pickle
import sys
import sysconfig
import threading
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from jupyter_oscar.client import remote
from jupyter_oscar.client.errors import FunctionFailed, NotPicklable, ResultRefused, VersionMismatch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Arguments and keyword arguments of a call.
Arguments = tuple[tuple[Any, ...], dict[str, Any]]
# Names that are listed when something cannot travel.
SHOWN: Final = 3
# What cloudpickle is told to take along, it is told for the whole process.
_REGISTERING: Final = threading.Lock()


class Outcome(NamedTuple):
    """What became of one call: a value or an error, how long it took, and whether it shared its job."""

    value: Any
    error: Exception | None
    seconds: float
    many: bool


# -- there


def pickled(function: Callable[..., Any]) -> bytes:
    """The function as it travels.

    Raises:
        NotPicklable: something it uses cannot travel; the error names it.

    """
    name = getattr(function, "__name__", "The function")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise _lazy(name, "generator")
    if inspect.iscoroutinefunction(function):
        raise _lazy(name, "coroutine")
    try:
        return _dumps(function, function)
    except Exception as error:
        used = inspect.getclosurevars(function)
        culprits = [key for key, value in {**used.globals, **used.nonlocals}.items() if _why_not(value)]
        what = f"uses {_listed(culprits)}, which" if culprits else "uses something that"
        msg = f"{name} cannot be sent: it {what} cannot be pickled ({type(error).__name__}: {error})."
        raise NotPicklable(msg, hint="Make it inside the function, or pass what it is made from.") from error


def pickled_arguments(function: Callable[..., Any], arguments: Arguments) -> bytes:
    """The arguments of one call as they travel.

    Raises:
        NotPicklable: one of them cannot travel; the error names it.

    """
    try:
        return _dumps(arguments, function)
    except Exception as error:
        given = {f"argument {index + 1}": value for index, value in enumerate(arguments[0])} | arguments[1]
        culprits = [f"{key} ({type(value).__name__})" for key, value in given.items() if _why_not(value)]
        name = getattr(function, "__name__", "The function")
        msg = f"{name} cannot be called there: {_listed(culprits) or 'its arguments'} cannot be pickled ({error})."
        raise NotPicklable(msg, hint="Pass what it is made from: a path, bytes, numbers.") from error


def header(function: Callable[..., Any], packages: Sequence[str], *, many: bool) -> dict[str, Any]:
    """What is said beside it, the lines of the function among it: a traceback from there then shows them."""
    from jupyter_oscar.client.runners import HERE

    said: dict[str, Any] = {"python": HERE, "many": many, "packages": list(packages), "arrow": _knows_arrow()}
    try:
        lines, first = inspect.getsourcelines(function)
        said["source"] = [function.__code__.co_filename, first or 1, "".join(lines)]
    except (OSError, TypeError, AttributeError):
        pass
    return said


@cache
def _knows_arrow() -> bool:
    """Whether tables may come back as Arrow; otherwise they are pickled."""
    return find_spec("pyarrow") is not None


def _dumps(value: Any, function: Callable[..., Any]) -> bytes:
    """A pickle; what lies in a file of the user's own beside the function goes along, since it is not installed there.

    Raises:
        Exception: whatever pickling raises.

    """
    import cloudpickle

    top = sys.modules.get((function.__module__ or "").partition(".")[0]) if hasattr(function, "__module__") else None
    if top is None or not _is_own(top):
        return bytes(cloudpickle.dumps(value))
    with _REGISTERING:
        before = top.__name__ in cloudpickle.list_registry_pickle_by_value()
        cloudpickle.register_pickle_by_value(top)
        try:
            return bytes(cloudpickle.dumps(value))
        finally:
            if not before:
                cloudpickle.unregister_pickle_by_value(top)


def _is_own(module: Any) -> bool:
    """Whether a module is a file of the user's own: neither built in nor installed."""
    where = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), None)
    if where is None or module.__name__ == "__main__":
        return False
    return not any(Path(where).is_relative_to(path) for path in _installed())


@cache
def _installed() -> set[str]:
    return {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}


def _why_not(value: Any) -> bool:
    import cloudpickle

    try:
        cloudpickle.dumps(value)
    except Exception:  # noqa: BLE001 - any __reduce__ may raise anything
        return True
    return False


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _lazy(name: str, kind: str) -> NotPicklable:
    what = "its values" if kind == "generator" else "what it awaits"
    msg = f"{name} returns a {kind}, which cannot travel: {what} would have to be worked out there."
    hint = "Return a list: return list(…)." if kind == "generator" else "Let it run its own loop: asyncio.run(…)."
    return NotPicklable(msg, hint=hint)


# -- and back


def outcomes(content: bytes, call: str, key: bytes | None, name: str) -> list[Outcome]:
    """What a result holds, call by call.

    Raises:
        ResultRefused: it does not carry the seal of our runner, or is not what a runner writes.

    """
    head, _, body = content.partition(b"\n")
    try:
        said = json.loads(head)
        rows = [(str(what), int(size), str(mark)) for what, size, mark in said["entries"]]
        metas = [dict(json.loads(what)) for what, _, _ in rows]
        frames = remote.cut(body, [size for _, size, _ in rows])
        whole = sum(size for _, size, _ in rows) == len(body) and min(size for _, size, _ in rows) >= 0
        placed = all((meta["at"], meta["of"]) == (index, len(rows)) for index, meta in enumerate(metas))
        seconds = [float(meta.get("seconds") or 0) for meta in metas]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _refused(call, "it is not what a runner writes") from error
    if not whole or not placed:
        raise _refused(call, "parts of it are missing")
    if key is not None:
        for (what, _, mark), frame in zip(rows, frames, strict=True):
            right = remote.seal(key, "result", call, what.encode("utf-8", "replace"), bytes(frame))
            if not hmac.compare_digest(mark.encode("utf-8", "replace"), right.encode()):
                raise _refused(call, "it was not sealed by our runner for this call")
    return [
        Outcome(*_opened(meta, frame, call, name, trusted=key is not None), took, bool(meta.get("many")))
        for meta, frame, took in zip(metas, frames, seconds, strict=True)
    ]


def _refused(call: str, why: str) -> ResultRefused:
    msg = f"The result of {call} is refused: {why}. Somebody else may have written or changed it; it was not loaded."
    return ResultRefused(msg, hint="Submit the call again, and look who may write to the runner's bucket.")


def _opened(
    meta: dict[str, Any], body: memoryview, call: str, name: str, *, trusted: bool
) -> tuple[Any, Exception | None]:
    """The value of a call, or what stands for it."""
    kind = meta.get("kind")
    try:
        if kind == "error":
            return None, _raised(meta, body, name, trusted=trusted)
        if kind == "refused":
            return None, _told(meta, name)
        return _value(meta, body, call, trusted=trusted), None
    except ResultRefused as error:
        return None, error
    except Exception as error:  # noqa: BLE001 - whatever loading raises: a missing library, above all
        msg = f"The value of {name} came back but cannot be loaded here ({type(error).__name__}: {error})."
        failure = NotPicklable(msg, hint="Install here what it is made of, or return plain values or arrays.")
        failure.__cause__ = error
        return None, failure


def _value(meta: dict[str, Any], body: memoryview, call: str, *, trusted: bool) -> Any:
    kind = meta.get("kind")
    if kind == "json":
        return json.loads(bytes(body))
    if kind == "npy":
        import io

        import numpy as np

        array = np.load(io.BytesIO(body), allow_pickle=False)
        return array[()] if meta.get("scalar") else array
    if kind == "arrow":
        import pyarrow as pa

        table = pa.ipc.open_stream(bytes(body)).read_all()
        return table.to_pandas() if meta.get("frame") else table
    if not trusted:
        msg = f"The result of {call} is a pickle, and the key that shows who wrote it is not on this machine."
        raise ResultRefused(
            msg, hint="Read it where the call was made, or have the function return plain values, arrays or tables."
        )
    return pickle.loads(body)  # noqa: S301 - its seal was checked


def _raised(meta: dict[str, Any], body: memoryview, name: str, *, trusted: bool) -> Exception:
    """The exception of over there, as nearly as it can be had, with its traceback as words."""
    words = str(meta.get("text", ""))
    error = _unpickled(body) if trusted and len(body) else None
    error = error or _builtin(meta)
    if error is None:
        last = words.rstrip().rpartition("\n")[2] or str(meta.get("type"))
        return FunctionFailed(f"{name} failed: {last}\n{words}", traceback=words)
    # Python 3.10 has no add_note, and shows none.
    notes: list[str] = error.__dict__.setdefault("__notes__", [])
    notes.append(f"Raised by {name} on the cluster:\n{words.rstrip()}")
    return error


def _unpickled(body: memoryview) -> Exception | None:
    try:
        error = pickle.loads(body)  # noqa: S301 - its seal was checked
    except Exception:  # noqa: BLE001 - its words are had in any case
        return None
    return error if isinstance(error, Exception) else None


def _builtin(meta: dict[str, Any]) -> Exception | None:
    kind = getattr(builtins, str(meta.get("type")), None) if meta.get("module") == "builtins" else None
    if not (isinstance(kind, type) and issubclass(kind, Exception)) or "args" not in meta:
        return None
    try:
        return kind(*meta["args"])
    except Exception:  # noqa: BLE001 - arguments that it does not take
        return None


def _told(meta: dict[str, Any], name: str) -> Exception:
    """What the runner would not do, in a person's words."""
    why = meta.get("why")
    if why == "version":
        wrote, has = meta.get("there"), meta.get("here")
        msg = f"{name} was not run: it was written with Python {wrote}, and its runner has {has}."
        return VersionMismatch(msg, hint=f"Choose an image with Python {wrote}.")
    if why == "unpicklable":
        msg = f"{name} ran, but its value ({meta.get('type')}) cannot travel: {meta.get('text')}."
        return NotPicklable(msg, hint="Return plain values, arrays or tables.")
    return _lazy(name, str(why))
