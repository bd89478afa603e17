"""Feeds: what the panels show, kept current for as long as somebody looks.

A feed asks once for all who subscribe, and sleeps when nobody does: twenty tabs cost the cluster what one costs. State
feeds send the whole when it has changed, with a cursor that says which whole; log feeds send what is new, with a cursor
that says how far one has read.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from jupyter_oscar.client.budget import POLLING
from jupyter_oscar.client.errors import JobNotFound, OscarError
from jupyter_oscar.client.jobs import Facts, State, state
from jupyter_oscar.client.looking import Looking

from . import buckets, calls, clusters, flows, services, working_directory
from .pool import fallen
from .route import problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_oscar.client.cluster import Cluster
    from jupyter_oscar.client.records import Call

    from .pool import Pool

# What a feed says: its topic, a cursor, data; or its topic and a problem.
Said = dict[str, Any]

# Seconds between two looks.
FOLDER = 0.5
FILES, CLUSTERS, SERVICES, SERVICES_CHANGING, CALLS_BUSY, CALLS_IDLE = 2.0, 20.0, 10.0, 2.0, 2.0, 10.0
LOG_SOONEST, LOG_LATEST = 0.5, 5.0
# How many calls' own logs are looked for at a look, to tell the running from the queued: each costs a real server about
# four of its five requests a second, a sandbox nothing.
LOGS, LOGS_SANDBOX = 1, 20
# Calls that are shown: of the last day, at most so many.
RECENT = timedelta(days=1)
MOST = 300
# A piece of a log; a browser takes them one by one.
PIECE = 256 * 1024


class Feed:
    """One topic for all who subscribe to it. A look that was dear is not soon repeated: see ``patience``."""

    #: How many times as long as a look took it is waited at least for the next.
    patience = 3.0

    def __init__(self, pool: Pool, topic: str) -> None:
        self.pool = pool
        self.root: Callable[[], Path] = Path.cwd
        self.topic = topic
        self._tellers: dict[Callable[[Said], None], str] = {}
        self._looking = Looking(self._look, rest=self.patience, name=f"jupyter-oscar {topic}")
        self.idle_since = time.monotonic()

    @property
    def busy(self) -> bool:
        """Whether anybody listens."""
        return bool(self._tellers)

    def subscribe(self, tell: Callable[[Said], None], cursor: str) -> None:
        """Begin to tell somebody who has read up to ``cursor``."""
        self._tellers[tell] = cursor
        self.catch_up(tell)
        self._looking.begin()

    def unsubscribe(self, tell: Callable[[Said], None]) -> None:
        """Stop telling; the last one to leave stops the asking."""
        self._tellers.pop(tell, None)
        self.idle_since = time.monotonic()
        if not self._tellers:
            self._looking.stop()

    def soon(self) -> None:
        """Look now rather than at the next turn."""
        self._looking.soon()

    async def _look(self) -> float:
        POLLING.set(True)
        try:
            return await self.look()
        except OscarError as error:
            self.say({"topic": self.topic, "problem": problem(error).model_dump(mode="json")})
            return CALLS_IDLE

    def say(self, said: Said) -> None:
        """Tell everybody."""
        for tell in list(self._tellers):
            tell(said)

    def catch_up(self, tell: Callable[[Said], None]) -> None:
        """Tell one who has just come what is known already."""

    async def look(self) -> float:
        """Ask, tell what is new, and return the seconds until the next look."""
        raise NotImplementedError


class StateFeed(Feed):
    """A whole that is told when it has changed."""

    def __init__(self, pool: Pool, topic: str) -> None:
        super().__init__(pool, topic)
        self._whole: Said | None = None
        self._troubled = False

    def say(self, said: Said) -> None:
        """Tell everybody, and remember a problem: the whole that follows ends it, though it be the same as before."""
        self._troubled = "problem" in said
        super().say(said)

    def catch_up(self, tell: Callable[[Said], None]) -> None:
        if self._whole is not None and self._tellers[tell] != self._whole["cursor"]:
            tell(self._whole)

    def tell(self, data: Any) -> None:
        """Tell the whole if it is another than before, or the first after a problem."""
        cursor = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]
        if self._troubled or self._whole is None or self._whole["cursor"] != cursor:
            self._whole = {"topic": self.topic, "cursor": cursor, "data": data}
            self.say(self._whole)


class ClustersFeed(StateFeed):
    """``clusters``: which there are and how they are.

    Which there are is in files, and looked at often: a sandbox that was killed or started elsewhere is soon seen.
    Clusters are asked when that has changed, and now and then.
    """

    patience = 0.0  # of the files; of the clusters below

    def __init__(self, pool: Pool, topic: str) -> None:
        super().__init__(pool, topic)
        self._seen: object = None
        self._next = 0.0

    def soon(self) -> None:
        self._seen = None
        super().soon()

    async def look(self) -> float:
        seen, began = await asyncio.to_thread(self._in_files), time.monotonic()
        if seen != self._seen or began >= self._next:
            self._seen = seen
            self.tell([row.model_dump(mode="json") for row in await clusters.rows(self.pool)])
            took = time.monotonic() - began
            self._next = began + took + max(CLUSTERS, super().patience * took)
        return FILES

    def _in_files(self) -> object:
        found = self.pool.profiles()
        refused = [one[:3] for one in self.pool.refused()]
        return found, refused, {name for name, profile in found.items() if fallen(profile)}


class ServicesFeed(StateFeed):
    """``services/<cluster>``."""

    async def look(self) -> float:
        rows = await services.rows(await self.pool.client(self.topic.split("/", 1)[1]))
        self.tell([row.model_dump(mode="json") for row in rows])
        return SERVICES_CHANGING if any(row.state == "pending" for row in rows) else SERVICES


class CallsFeed(StateFeed):
    """``calls/<cluster>``: the recorded calls of the last day, newest first; learned from buckets alone."""

    def __init__(self, pool: Pool, topic: str) -> None:
        super().__init__(pool, topic)
        self._known: dict[str, Call] = {}
        self._ended: dict[str, Facts] = {}
        self._begun: set[str] = set()

    async def look(self) -> float:
        cluster = await self.pool.client(self.topic.split("/", 1)[1])
        since = datetime.now(timezone.utc) - RECENT
        self._known.update(await cluster.calls.recorded(since, known=self._known))
        newest = sorted(self._known.values(), key=lambda call: call.created, reverse=True)[:MOST]
        running = [call for call in newest if call.id not in self._ended]
        facts = await cluster.calls.look_in_buckets(running, gone=True)
        for call in running:
            if call.place is None or (call.cancelled and not state(facts[call.id]).ended):
                facts[call.id] = await cluster.calls.look(call)
        await self._tell_running_from_queued(cluster, running, facts)
        self._ended.update({name: found for name, found in facts.items() if state(found).ended})
        rows = [calls.row(call, self._ended.get(call.id) or facts[call.id]) for call in newest]
        self.tell([row.model_dump(mode="json") for row in rows])
        return CALLS_BUSY if any(call.id not in self._ended for call in running) else CALLS_IDLE

    async def _tell_running_from_queued(self, cluster: Cluster, going: list[Call], facts: dict[str, Facts]) -> None:
        """A call whose log has begun runs; that is asked of a few, the oldest first, and remembered."""
        most = LOGS_SANDBOX if cluster.profile.sandbox else LOGS
        for call in reversed(going):
            if call.id in self._begun:
                facts[call.id] = replace(facts[call.id], seen_running=True)
            elif most and state(facts[call.id]) is State.QUEUED:
                most -= 1
                if await cluster.calls.has_log(call):
                    self._begun.add(call.id)
                    facts[call.id] = replace(facts[call.id], has_log=True)


class TextFeed(Feed):
    """A text that grows, told piece by piece."""

    def __init__(self, pool: Pool, topic: str) -> None:
        super().__init__(pool, topic)
        self._text = ""
        self._over = False
        self._pause = LOG_SOONEST

    def catch_up(self, tell: Callable[[Said], None]) -> None:
        self._tell_one(tell)

    def _tell_one(self, tell: Callable[[Said], None]) -> None:
        """What is new to one, in pieces; one who has heard the end has heard all."""
        if self._tellers[tell] == "end":
            return
        read = _number(self._tellers[tell])
        if read > len(self._text) and self._text:
            read = 0  # another log than the one that was read
        while self._tellers.get(tell, "end") != "end" and (read < len(self._text) or self._over):
            piece = self._text[read : read + PIECE]
            read += len(piece)
            over = self._over and read >= len(self._text)
            tell({"topic": self.topic, "cursor": str(read), "data": {"text": piece, "over": over}})
            self._tellers[tell] = "end" if over else str(read)

    def tell(self, text: str, *, over: bool) -> float:
        """Tell what the text has become; returns the seconds until it is worth another look."""
        grown = len(text) > len(self._text)
        self._text, self._over = text, over
        for tell in list(self._tellers):
            self._tell_one(tell)
        self._pause = LOG_SOONEST if grown else min(LOG_LATEST, self._pause * 1.5)
        return 3600.0 if over else self._pause


class LogFeed(TextFeed):
    """``log/<cluster>/<service>/<id>``: the log of a call. A server gives only whole logs; what is new is told."""

    async def look(self) -> float:
        _, name, service, identity = self.topic.split("/", 3)
        cluster = await self.pool.client(name)
        call = await cluster.calls.find(f"{service}/{identity}")
        over = state(await cluster.calls.look(call)).ended
        try:
            text = await cluster.calls.log(call)
        except JobNotFound:
            text = ""
        return self.tell(text, over=over)


class DeploymentLogFeed(TextFeed):
    """``deployment-log/<cluster>/<service>``: what an exposed service prints, for as long as somebody looks.

    A server gives the last lines of the instances that run now; those of earlier ones stay until nobody listens.
    """

    def __init__(self, pool: Pool, topic: str) -> None:
        super().__init__(pool, topic)
        self._last: list[str] = []

    async def look(self) -> float:
        _, name, service = self.topic.split("/", 2)
        cluster = await self.pool.client(name)
        lines = (await cluster.deployments.log(service)).lines
        new = lines[_overlap(self._last, lines) :]
        self._last = lines or self._last
        return self.tell(self._text + "".join(f"{line}\n" for line in new), over=False)


def _overlap(before: list[str], now: list[str]) -> int:
    """How many of the first lines ``now`` are the last ones of ``before``."""
    most = min(len(before), len(now))
    return next((count for count in range(most, 0, -1) if before[-count:] == now[:count]), 0)


def _number(cursor: str) -> int:
    return int(cursor) if cursor.isdigit() else 0


class BucketsFeed(StateFeed):
    """``buckets/<cluster>``."""

    async def look(self) -> float:
        cluster = await self.pool.client(self.topic.split("/", 1)[1])
        self.tell([row.model_dump(mode="json") for row in await buckets.rows(cluster)])
        return SERVICES


class FolderFeed(StateFeed):
    """``folder/<cluster>/<bucket%2Fprefix>``: its first page, as a file browser shows it; two listings a second."""

    async def look(self) -> float:
        _, name, place = self.topic.split("/")
        bucket, _, prefix = unquote(place).partition("/")
        cluster = await self.pool.client(name)
        self.tell(buckets.folder_page(await cluster.buckets.page(bucket, prefix)).model_dump(mode="json"))
        return FOLDER


class FlowsFeed(StateFeed):
    """``flows``: the dataflows of every NiFi that is known."""

    async def look(self) -> float:
        self.tell([row.model_dump(mode="json") for row in await flows.rows(self.pool.engines)])
        return SERVICES


class WorkingDirectoryFeed(StateFeed):
    """``working-directory/<cluster>``."""

    async def look(self) -> float:
        cluster = await self.pool.client(self.topic.split("/", 1)[1])
        found = await working_directory.look(cluster, self.root())
        self.tell(found.model_dump(mode="json"))
        return FOLDER if any(row.waiting or row.state == "ending" for row in found.mounts) else FILES


KINDS: dict[str, tuple[type[Feed], str]] = {
    "clusters": (ClustersFeed, "jupyter_oscar:clusters"),
    "services": (ServicesFeed, "jupyter_oscar:services"),
    "calls": (CallsFeed, "jupyter_oscar:jobs"),
    "buckets": (BucketsFeed, "jupyter_oscar:storage"),
    "flows": (FlowsFeed, "jupyter_oscar:flows"),
    "folder": (FolderFeed, "jupyter_oscar:storage"),
    "working-directory": (WorkingDirectoryFeed, "jupyter_oscar:storage"),
    "log": (LogFeed, "jupyter_oscar:jobs"),
    "deployment-log": (DeploymentLogFeed, "jupyter_oscar:services"),
}
# How many parts a topic has behind its kind.
PARTS = {"clusters": 0, "flows": 0, "folder": 2, "deployment-log": 2, "log": 3} | dict.fromkeys(
    ("services", "calls", "buckets", "working-directory"), 1
)
# How long a feed that nobody listens to keeps what it knows.
KEPT = 60.0


class News:
    """Every feed of this server, by topic."""

    def __init__(self, pool: Pool, root: Callable[[], Path] = Path.cwd) -> None:
        self._pool, self._root = pool, root
        self._feeds: dict[str, Feed] = {}

    def feed(self, topic: str) -> Feed:
        """The feed of a topic, made when first asked for."""
        now = time.monotonic()
        self._feeds = {name: feed for name, feed in self._feeds.items() if feed.busy or now - feed.idle_since < KEPT}
        if topic not in self._feeds:
            feed = self._feeds[topic] = KINDS[topic.split("/", 1)[0]][0](self._pool, topic)
            feed.root = self._root
        return self._feeds[topic]

    def soon(self, topic: str) -> None:
        """Something was done that a feed will want to see."""
        if topic in self._feeds:
            self._feeds[topic].soon()

    @property
    def asking(self) -> int:
        """How many feeds have listeners."""
        return sum(feed.busy for feed in self._feeds.values())


def resource(topic: str) -> str | None:
    """What a topic's listener must be allowed to read, or None where there is no such topic."""
    kind, *rest = topic.split("/")
    wanted = PARTS.get(kind)
    return KINDS[kind][1] if wanted == len(rest) and all(rest) else None
