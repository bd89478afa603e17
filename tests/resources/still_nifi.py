"""A NiFi that stands still: what a real one answers to who only looks. The real ones are in ``tests/real``."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from odd_servers import Answer, serving

from jupyter_oscar.flows.marker import Marker

if TYPE_CHECKING:
    from collections.abc import Iterator


class Still:
    """What there is on its canvas."""

    def __init__(self) -> None:
        self.url = ""
        self.flows: dict[str, dict[str, Any]] = {}
        self.complaints: dict[str, str] = {}

    def add(
        self, name: str, *, ours: bool = True, complaint: str = "", queues: tuple[str, ...] = (), **queued: int
    ) -> None:
        """A dataflow by its processors' states, such as ``Running=2``; ``queued`` and ``dead`` are events.

        ``queues`` were made for it in AWS, in a marker's words.
        """
        waiting, dead = queued.pop("queued", 0), queued.pop("dead", 0)
        processors = [
            _of("processor", id=f"{name}-{state}-{number}", name="InvokeOSCAR", type="InvokeHTTP", runStatus=state)
            for state, count in queued.items()
            for number in range(count)
        ]
        ends = {"sourceName": "InvokeOSCAR", "destinationName": "Funnel"}
        connections = [
            _of("connection", name="dead letters", flowFilesQueued=dead, **ends),
            _of("connection", name="again", flowFilesQueued=waiting - dead, **ends),
        ]
        self.flows[name] = {
            "id": name,
            "name": name,
            "comments": Marker(name, "0", queues=queues).write() if ours else "",
            "flowFilesQueued": waiting,
            "processorStatusSnapshots": processors,
            "connectionStatusSnapshots": connections,
        }
        self.complaints[name] = complaint

    def say(self, path: str) -> Any:
        """The answer to a path, or nothing."""
        if path == "/flow/runtime-manifest":
            return {"runtimeManifest": {"version": "1.18.0", "bundles": []}}
        if path == "/process-groups/root/process-groups":
            return {
                "processGroups": [
                    {"id": name, "component": {"id": name, "name": name, "comments": one["comments"]}}
                    for name, one in self.flows.items()
                ]
            }
        if path == "/flow/process-groups/root/status":
            groups = [_of("processGroup", **one) for one in self.flows.values()]
            return {"processGroupStatus": {"aggregateSnapshot": {"processGroupStatusSnapshots": groups}}}
        if path == "/flow/bulletin-board":
            rows = [
                {"bulletin": {"id": 1, "groupId": name, "level": "ERROR", "message": said, "timestamp": "10:43:31 UTC"}}
                for name, said in self.complaints.items()
                if said
            ]
            return {"bulletinBoard": {"bulletins": rows}}
        return None


def _of(kind: str, **said: Any) -> dict[str, Any]:
    return {"id": said.get("id", ""), f"{kind}StatusSnapshot": said}


@contextlib.contextmanager
def still(user: str = "", password: str = "") -> Iterator[Still]:
    """Such a NiFi; with a password only who says it is let in."""
    import base64

    one = Still()
    pair = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    class Kind(Answer):
        def do_GET(self) -> None:  # noqa: N802 - http.server looks it up
            said = one.say(urlsplit(self.path).path.removeprefix("/nifi-api"))
            in_ = not password or self.headers.get("Authorization") == pair
            self.status = 401 if not in_ else 404 if said is None else 200
            self.headers_ = {"Content-Type": "application/json" if self.status == 200 else "text/plain"}
            self.body = json.dumps(said).encode() if self.status == 200 else b"no"
            self._answer_with()

    with serving(Kind) as one.url:
        yield one
