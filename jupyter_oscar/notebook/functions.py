"""``@oscar.function``: a Python function that runs here when called, and on a cluster when submitted (DESIGN §5).

It travels with its arguments inside the input of a job of a *runner* (``client/runners``), large arguments too: a job
is not promised a way to read the storage by itself. Many calls may share a job, because a real cluster starts about 2.4
jobs a second whatever one does.
"""

from __future__ import annotations

import concurrent.futures
import copy
import functools
import inspect
import re
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import replace
from html import escape
from itertools import islice
from math import ceil
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, overload
from weakref import WeakKeyDictionary

from typing_extensions import ParamSpec

from jupyter_oscar.client.errors import InvalidRequest, OffloadUnavailable, ResultRefused

from . import batches, values, views
from .bridge import bridge
from .function_calls import FunctionJob, FunctionMap, read
from .shown import QUIET

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jupyter_oscar.client.cluster import Cluster as Client
    from jupyter_oscar.client.runners import Spec
    from jupyter_oscar.client.service import Service

    from .cluster import Cluster
    from .handles import Job

P = ParamSpec("P")
R = TypeVar("R")

# Worth saying, in bytes: so much travels with every call.
HEAVY: Final = 8 * 1024 * 1024
# Calls that share a job: as many as fill so many seconds, and never more than this.
JOB_SECONDS: Final = 10.0
MOST_IN_BATCH: Final = 1000
# Fewer calls than these are not worth measuring, and the others do not wait for longer than so many seconds.
FEW: Final = 4
MEASURING: Final = 30.0
# Where nothing could be measured: so many jobs for a whole map.
JOBS_UNMEASURED: Final = 40
_SAID: Final[set[str]] = set()


def _say(words: str) -> None:
    # A notebook shows what goes to stderr as an alarm.
    print(words, file=sys.stdout if "ipykernel" in sys.modules else sys.stderr, flush=True)


def _say_once(words: str) -> None:
    if words not in _SAID:
        _SAID.add(words)
        _say(words)


class Function(Generic[P, R]):
    """A function that can also run on a cluster: ``ndvi(a, b)`` here, ``ndvi.submit(a, b)`` there."""

    def __init__(self, function: Any, options: Mapping[str, Any]) -> None:
        if not callable(function):
            msg = f"@oscar.function decorates a function, and this is {type(function).__name__}."
            raise InvalidRequest(msg)
        self.function: Callable[P, R] = function
        self._options = dict(options)
        self._times: deque[float] = deque(maxlen=50)
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run it here."""
        return self.function(*args, **kwargs)

    def __get__(self, owner: Any, kind: Any = None) -> Any:
        # In a class it is a method, as any function is.
        return self if owner is None else functools.partial(self, owner)

    def __reduce__(self) -> tuple[Any, ...]:
        # Over there it is the plain function: nothing of ours is installed where a function calls itself.
        return copy.copy, (self.function,)

    def __repr__(self) -> str:
        return f"{self._call}  {self._where_it_runs}"

    def _repr_html_(self) -> str:
        return f"<code>{escape(self._call)}</code> &nbsp;<span {QUIET}>{escape(self._where_it_runs)}</span>"

    @property
    def _call(self) -> str:
        # Names only: a default may be a password.
        try:
            names = ", ".join(inspect.signature(self.function).parameters)
        except (TypeError, ValueError):
            names = "…"
        return f"{self.name}({names})"

    @property
    def _where_it_runs(self) -> str:
        options = self._options
        cpu = f"{options['cpu']} CPU" if options.get("cpu") else ""
        node = f"node {options['node']}" if options.get("node") else ""
        asked = [*filter(None, [cpu, options.get("memory"), options.get("image"), *options.get("packages", ()), node])]
        where = options["cluster"].name if options.get("cluster") else "a cluster"
        return f"runs here; submit() and map() run it on {where}" + (f" ({', '.join(asked)})" if asked else "")

    @property
    def name(self) -> str:
        """Its name."""
        return str(getattr(self.function, "__name__", type(self.function).__name__))

    def on(self, *, node: str, time: str | None = None, gpus: int = 0) -> Function[P, R]:
        """The same function meant for an HPC node behind interLink. Offloading is not there yet: submitting says so."""
        return Function(self.function, {**self._options, "node": node, "time": time, "gpus": gpus})

    def submit(self, *args: P.args, **kwargs: P.kwargs) -> FunctionJob:
        """Run it on the cluster; the handle is returned at once, and its ``result()`` is the value.

        Arguments travel inside the call's input, whatever their size.

        Raises:
            NotPicklable: the function, or an argument, cannot travel.
            VersionMismatch: the image has another Python.
            InvalidRequest: a cluster needs ``image=``.

        """
        cluster, spec = self._where()
        frames = [values.pickled(self.function), values.pickled_arguments(self.function, (args, kwargs))]
        service, key = _runner(cluster.client, spec)
        payload = self._payload(f"{self._stem}.call", key, frames, many=False)
        call = cluster.client.calls.plan_known(service, payload.name)
        job = cluster.send(FunctionJob(cluster.client, call), call, payload)
        job.timed = self._times.append
        return job

    def map(
        self, *inputs: Iterable[Any], batch: int | None = None, retries: int = 0, run: str | None = None
    ) -> FunctionMap:
        """Run it for each input, as the built-in ``map`` does: ``ndvi.map(reds, nirs, batch=25)``.

        ``batch`` calls share a job; without it, as many as fill about ten seconds by the times measured so far. While
        there are none, the first call goes ahead alone and is measured. A call that fails fails only itself.
        ``retries`` sends a job again that the cluster failed or lost.

        With a ``run`` the map has a name: the same again, in this kernel or another of this machine, sends only what is
        missing, by the batches that the run has.

        Raises:
            RunChanged: the run's function, or an argument, is not what it was.

        """
        from .maps import Map

        if not inputs or (batch is not None and batch < 1):
            msg = "A map takes at least one iterable, and batches of at least one."
            raise InvalidRequest(msg, hint=f"{self.name}.map([1, 2, 3], batch=10)")
        cluster, spec = self._where()
        count = 0
        if batch is None:
            inputs = tuple(given if isinstance(given, Sized) else list(given) for given in inputs)
            count = min(len(given) for given in inputs if isinstance(given, Sized))
        function = values.pickled(self.function)
        service, key = _runner(cluster.client, spec)
        sizes: list[int] = []
        recorded = batches.recorded(bridge.run(cluster.client.runs.names(run, service))) if run else {}
        measuring = batch is None and not recorded and not self._times and count > FEW
        begun: concurrent.futures.Future[Map] = concurrent.futures.Future()

        def choose(done: int) -> int:
            if measuring:
                self._measure(begun.result()[0], decode)
            return batch or self._batch(count - done)

        size = batches.cuts(recorded, choose, alone=measuring)

        def payloads() -> Iterator[Any]:
            # Ends with the shortest, as the built-in does.
            calls = zip(*inputs)  # noqa: B905
            while some := list(islice(calls, size(sum(sizes)))):
                frames = [function, *(values.pickled_arguments(self.function, (args, {})) for args in some)]
                name = f"{self._stem}-{batches.name(sum(sizes), len(some))}.call"
                sizes.append(len(some))
                source = batches.digest(self.function, frames[1:]) if run else None
                yield replace(self._payload(name, key, frames, many=True), source=source)

        def decode(job: Job) -> list[values.Outcome]:
            found = bridge.run(read(cluster.client, job))
            return values.outcomes(found, job.id, key, self.name)

        first = {"first": 1} if measuring else {}
        jobs = Map.start(cluster, service.name, payloads(), decode=decode, retries=retries, run=run, **first)
        begun.set_result(jobs)
        return FunctionMap(self.name, jobs, sizes, self._times.append)

    def _measure(self, job: Job, decode: Callable[[Job], list[values.Outcome]]) -> None:
        """Learn from the first call how long one takes; a failure of it shows among the results."""
        try:
            self._times += [outcome.seconds for outcome in decode(job.wait(MEASURING))]
        except Exception:  # noqa: BLE001 - whatever it is, it is that call's own
            return

    def _where(self) -> tuple[Cluster, Spec]:
        from jupyter_oscar.client.runners import Spec

        if self._options.get("node"):
            msg = f"{self.name} is meant for the HPC node {self._options['node']}, and offloading is not there yet."
            raise OffloadUnavailable(msg, hint="Without .on(…) it runs on the cluster itself.")
        cluster = self._options.get("cluster") or default()
        packages = tuple(self._options.get("packages") or ())
        image = self._options.get("image") or ""
        spec = Spec(image, packages, str(self._options.get("cpu") or "1"), str(self._options.get("memory") or "1Gi"))
        return cluster, spec.checked(sandbox=cluster.client.profile.sandbox is not None)

    @property
    def _stem(self) -> str:
        return re.sub(r"\W+", "_", self.name, flags=re.ASCII).strip("_") or "function"

    def _payload(self, name: str, key: bytes, frames: list[bytes], *, many: bool) -> Any:
        from jupyter_oscar.client import remote
        from jupyter_oscar.client.calls import Payload

        content = remote.pack(key, values.header(self.function, self._options.get("packages") or (), many=many), frames)
        if len(content) > HEAVY:
            words = (
                f"Arguments of {self.name}: {views.size(len(content))} travel with every {'job' if many else 'call'}."
            )
            _say_once(words)
        return Payload(name, content)

    def _batch(self, count: int) -> int:
        if self._times:
            usual = sorted(self._times)[len(self._times) // 2]
            return max(1, min(MOST_IN_BATCH, int(JOB_SECONDS / max(usual, 1e-6)), ceil(count / 2)))
        return max(1, min(MOST_IN_BATCH, ceil(count / JOBS_UNMEASURED)))


def default() -> Cluster:
    """The cluster that ``connect()`` finds, kept while it stays the same."""
    from jupyter_oscar.client import profiles

    from .connect import connect

    profile = profiles.resolve()
    if not _DEFAULT or _DEFAULT[0].client.profile != profile:
        _DEFAULT[:] = [connect()]
    return _DEFAULT[0]


_DEFAULT: Final[list[Cluster]] = []


_NAMES: Final[WeakKeyDictionary[Client, dict[Spec, str]]] = WeakKeyDictionary()


def _runner(client: Client, spec: Spec) -> tuple[Service, bytes]:
    """The runner and its key; made, and that is said, if it is not there."""
    from jupyter_oscar.client.runners import HERE, Runners

    ours = Runners(client)
    names = _NAMES.setdefault(client, {})
    # Changing threads costs a call more than all else here, so it is done once.
    service = client.services.peek(names.get(spec, ""))
    if service is None:
        names[spec], service = bridge.run(ours.find(spec))
    name = names[spec]
    if client.profile.sandbox is not None:
        _say_once("The sandbox runs functions as processes of this machine, without the image.")
    if service is None:
        about = "" if client.profile.sandbox else "about 7 s, "
        _say(f"Making a runner for Python {HERE} ({name}), {about}once.")
        service = bridge.run(ours.make(spec, name))
    key = ours.key_of(service)
    if key is None:
        msg = f"The runner {name} was not made with the key of this machine, so its results could not be trusted."
        raise ResultRefused(msg, hint=f'Remove it: oscar.runners().remove("{name}").')
    return service, key


@overload
def function(function: Callable[P, R], /) -> Function[P, R]: ...
@overload
def function(
    *,
    cpu: float | str | None = None,
    memory: str | None = None,
    image: str | None = None,
    packages: Iterable[str] | None = None,
    cluster: Cluster | None = None,
) -> Callable[[Callable[P, R]], Function[P, R]]: ...
def function(
    function: Callable[..., Any] | None = None,
    /,
    *,
    cpu: float | str | None = None,
    memory: str | None = None,
    image: str | None = None,
    packages: Iterable[str] | None = None,
    cluster: Cluster | None = None,
) -> Any:
    """Make a function run on a cluster too: ``@oscar.function`` or ``@oscar.function(cpu=2, memory="2Gi")``.

    ``image`` is needed on a real cluster and must have this Python; ``packages`` that it lacks are installed at the
    beginning of each job. Without ``cluster``, what ``connect()`` finds. The first call for such resources makes a
    *runner*, a private service that later calls use again; ``oscar.runners()`` lists and removes them.
    """
    if isinstance(packages, str):
        msg = f'packages="{packages}" is one word.'
        raise InvalidRequest(msg, hint=f'Give a list: packages=["{packages}"].')
    options = {"cpu": cpu, "memory": memory, "image": image, "packages": list(packages or ()), "cluster": cluster}
    return Function(function, options) if function is not None else lambda one: Function(one, options)
