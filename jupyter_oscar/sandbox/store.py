"""The sandbox's memory: one SQLite file with services, buckets, jobs and the writes that made jobs.

What was accepted is committed before the caller hears of it; write-ahead logging makes that cheap and keeps it across
kill -9 of the sandbox.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS services (
  name TEXT PRIMARY KEY, spec TEXT NOT NULL, secrets TEXT, created TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS buckets (
  name TEXT PRIMARY KEY, tags TEXT NOT NULL, visibility TEXT NOT NULL DEFAULT '', allowed_users TEXT);
CREATE TABLE IF NOT EXISTS users (uid TEXT PRIMARY KEY, secret TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS jobs (
  seq INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, service TEXT NOT NULL, state TEXT NOT NULL, event BLOB NOT NULL,
  created TEXT NOT NULL, started TEXT, finished TEXT, owner TEXT);
CREATE INDEX IF NOT EXISTS jobs_by_service ON jobs (service, name);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, seq);
CREATE TABLE IF NOT EXISTS watches (
  service TEXT NOT NULL, path TEXT NOT NULL, armed_ns INTEGER NOT NULL, PRIMARY KEY (service, path));
CREATE TABLE IF NOT EXISTS writes (
  service TEXT NOT NULL, bucket TEXT NOT NULL, key TEXT NOT NULL, inode INTEGER NOT NULL, ctime_ns INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL, size INTEGER NOT NULL, UNIQUE (service, bucket, key, inode, ctime_ns));
CREATE TABLE IF NOT EXISTS exposures (
  service TEXT PRIMARY KEY, replicas INTEGER NOT NULL, since TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS volumes (
  namespace TEXT NOT NULL, name TEXT NOT NULL, volume TEXT NOT NULL, PRIMARY KEY (namespace, name));
CREATE TABLE IF NOT EXISTS markers (
  bucket TEXT NOT NULL, key TEXT NOT NULL, made_ns INTEGER NOT NULL, PRIMARY KEY (bucket, key));
CREATE TABLE IF NOT EXISTS config (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

_ADDED = (  # columns that an older data folder does not have
    ("jobs", "owner", "TEXT"),
    ("buckets", "visibility", "TEXT NOT NULL DEFAULT ''"),
    ("buckets", "allowed_users", "TEXT"),
)
_RESERVE = 1 << 20
_WAL_PAGES = 4000  # of 4 KiB: whoever writes the last of them waits until they are all on the disk


class AlreadyExists(Exception):
    """A row of that name is there."""


class Job(NamedTuple):
    """A job as the list shows it; times as in RFC 3339."""

    name: str
    service: str
    state: str
    created: str
    started: str | None
    finished: str | None


class Write(NamedTuple):
    """One completed write of an object, as the file system shows it."""

    service: str
    bucket: str
    key: str
    inode: int
    ctime_ns: int
    mtime_ns: int
    size: int


def now() -> str:
    """Whole seconds, UTC, as Kubernetes writes times."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Database:
    def __init__(self, path: Path) -> None:
        self._reserve = path.with_name("reserve")
        self.keep_reserve()
        self._db = sqlite3.connect(path, isolation_level=None)
        path.chmod(0o600)
        if not path.stat().st_size:
            self._db.execute("PRAGMA synchronous=OFF")  # nothing is in it that could be lost
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(f"PRAGMA wal_autocheckpoint={_WAL_PAGES}")
        self._db.executescript(f"BEGIN; {_SCHEMA} COMMIT")
        self._db.execute("PRAGMA synchronous=NORMAL")  # safe against kill -9; a power cut may lose the last commits
        for table, column, kind in _ADDED:
            if column not in [row[1] for row in self._rows(f"PRAGMA table_info({table})")]:
                self._db.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")

    def close(self) -> None:
        self._db.close()

    def keep_reserve(self) -> None:
        """Set some of the disk aside, so that a full one cannot keep the end of a job from being written."""
        if not self._reserve.exists():
            self._reserve.write_bytes(bytes(_RESERVE))

    def spend_reserve(self) -> None:
        self._reserve.unlink(missing_ok=True)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # a full disk may have ended it already
                self._db.execute("ROLLBACK")
            raise

    def write_all(self, writes: Iterable[Callable[[], None]]) -> None:
        with self.transaction():
            for write in writes:
                write()

    def _rows(self, sql: str, *values: Any) -> list[Any]:
        return self._db.execute(sql, values).fetchall()

    def _one(self, sql: str, *values: Any) -> Any:
        return self._db.execute(sql, values).fetchone()

    # services

    def services(self) -> list[dict[str, Any]]:
        return [json.loads(spec) for (spec,) in self._rows("SELECT spec FROM services ORDER BY name")]

    def service(self, name: str) -> dict[str, Any] | None:
        row = self._one("SELECT spec FROM services WHERE name = ?", name)
        return json.loads(row[0]) if row else None

    def stored_service(self, name: str) -> tuple[str, str | None] | None:
        """The texts of its specification and of its secrets, as they are kept: whoever read them once can compare."""
        row: tuple[str, str | None] | None = self._one("SELECT spec, secrets FROM services WHERE name = ?", name)
        return row

    def service_created(self, name: str) -> str:
        return str(self._one("SELECT created FROM services WHERE name = ?", name)[0])

    def secrets(self, name: str) -> dict[str, str] | None:
        """The values kept apart from what a GET returns; None when the service has no secret at all."""
        row = self._one("SELECT secrets FROM services WHERE name = ?", name)
        return json.loads(row[0]) if row and row[0] is not None else None

    def put_service(self, spec: dict[str, Any], secrets: dict[str, str] | None) -> None:
        kept = None if secrets is None else json.dumps(secrets)
        self._db.execute(
            "INSERT INTO services VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET spec = excluded.spec, "
            "secrets = excluded.secrets",
            (spec["name"], json.dumps(spec), kept, now()),
        )

    def drop_service(self, name: str) -> None:
        with self.transaction():
            for table in ("jobs", "watches", "writes", "exposures"):
                self._db.execute(f"DELETE FROM {table} WHERE service = ?", (name,))  # noqa: S608 - fixed names
            self._db.execute("DELETE FROM services WHERE name = ?", (name,))

    # exposed services

    def exposure(self, name: str) -> tuple[int, str] | None:
        """How many are wanted, and since when it is as it is."""
        row: tuple[int, str] | None = self._one("SELECT replicas, since FROM exposures WHERE service = ?", name)
        return row

    def put_exposure(self, name: str, replicas: int, since: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO exposures VALUES (?, ?, ?)", (name, replicas, since))

    # buckets

    def buckets(self) -> dict[str, dict[str, str]]:
        return {name: json.loads(tags) for name, tags in self._rows("SELECT name, tags FROM buckets ORDER BY name")}

    def put_bucket(
        self, name: str, tags: dict[str, str], visibility: str = "", allowed_users: list[str] | None = None
    ) -> None:
        values = (name, json.dumps(tags), visibility, json.dumps(allowed_users))
        self._db.execute("INSERT OR REPLACE INTO buckets VALUES (?, ?, ?, ?)", values)

    def policy(self, name: str) -> tuple[str, list[str] | None]:
        """The bucket's visibility ("" when OSCAR made no policy for it) and the users it is shared with."""
        row = self._one("SELECT visibility, allowed_users FROM buckets WHERE name = ?", name) or ("", None)
        return row[0], json.loads(row[1] or "null")

    def drop_bucket(self, name: str) -> None:
        self._db.execute("DELETE FROM buckets WHERE name = ?", (name,))

    # folder markers

    def markers(self) -> dict[str, dict[str, int]]:
        """Their keys by bucket, with the time of their making."""
        found: dict[str, dict[str, int]] = {}
        for bucket, key, made_ns in self._rows("SELECT bucket, key, made_ns FROM markers"):
            found.setdefault(bucket, {})[key] = made_ns
        return found

    def put_marker(self, bucket: str, key: str, made_ns: int) -> None:
        self._db.execute("INSERT OR REPLACE INTO markers VALUES (?, ?, ?)", (bucket, key, made_ns))

    def drop_marker(self, bucket: str, key: str) -> None:
        self._db.execute("DELETE FROM markers WHERE bucket = ? AND key = ?", (bucket, key))

    # volumes

    def volumes(self, namespace: str) -> list[dict[str, Any]]:
        rows = self._rows("SELECT volume FROM volumes WHERE namespace = ? ORDER BY name", namespace)
        return [json.loads(volume) for (volume,) in rows]

    def volume(self, namespace: str, name: str) -> dict[str, Any] | None:
        row = self._one("SELECT volume FROM volumes WHERE namespace = ? AND name = ?", namespace, name)
        return json.loads(row[0]) if row else None

    def put_volume(self, volume: dict[str, Any]) -> None:
        values = (volume["namespace"], volume["name"], json.dumps(volume))
        self._db.execute("INSERT OR REPLACE INTO volumes VALUES (?, ?, ?)", values)

    def drop_volume(self, namespace: str, name: str) -> None:
        self._db.execute("DELETE FROM volumes WHERE namespace = ? AND name = ?", (namespace, name))

    # users

    def users(self) -> dict[str, str]:
        """Ids with their secrets."""
        return dict(self._rows("SELECT uid, secret FROM users ORDER BY uid"))

    def user_secret(self, uid: str) -> str | None:
        row = self._one("SELECT secret FROM users WHERE uid = ?", uid)
        return row[0] if row else None

    def add_user(self, uid: str, secret: str) -> None:
        self._db.execute("INSERT OR IGNORE INTO users VALUES (?, ?)", (uid, secret))

    # jobs

    def add_job(self, name: str, service: str, event: bytes, owner: str | None = None) -> None:
        try:
            self._db.execute(
                "INSERT INTO jobs (name, service, state, event, created, owner) VALUES (?, ?, 'Pending', ?, ?, ?)",
                (name, service, event, now(), owner),
            )
        except sqlite3.IntegrityError as error:
            raise AlreadyExists(name) from error

    def jobs(self, service: str, after: str = "", limit: int = -1, owner: str | None = None) -> list[Job]:
        """In the order of their names; those of one owner, or all."""
        columns = "name, service, state, created, started, finished"
        sql = (
            f"SELECT {columns} FROM jobs WHERE service = ? AND name > ? AND coalesce(owner = ?, ?) "  # noqa: S608
            "ORDER BY name LIMIT ?"
        )
        return [Job(*row) for row in self._rows(sql, service, after, owner, owner is None, limit)]

    def job(self, name: str) -> Job | None:
        row = self._one("SELECT name, service, state, created, started, finished FROM jobs WHERE name = ?", name)
        return Job(*row) if row else None

    def job_owner(self, name: str) -> str | None:
        """Whose it is, in the short form; None for nobody's."""
        row = self._one("SELECT owner FROM jobs WHERE name = ?", name)
        return row[0] if row else None

    def jobs_in(self, state: str) -> list[tuple[str, str]]:
        """Names and services in the order of acceptance."""
        return self._rows("SELECT name, service FROM jobs WHERE state = ? ORDER BY seq", state)

    def waiting(self, limit: int) -> list[tuple[str, str, bytes]]:
        """Names, services and events of those that are next."""
        sql = "SELECT name, service, event FROM jobs WHERE state = 'Pending' ORDER BY seq LIMIT ?"
        return self._rows(sql, limit)

    def pending_before(self, name: str) -> int:
        sql = "SELECT COUNT(*) FROM jobs WHERE state = 'Pending' AND seq < (SELECT seq FROM jobs WHERE name = ?)"
        return int(self._one(sql, name)[0])

    def count_jobs(self) -> dict[str, int]:
        return dict(self._rows("SELECT state, COUNT(*) FROM jobs GROUP BY state"))

    def job_started(self, name: str) -> None:
        self._db.execute(
            "UPDATE jobs SET state = 'Running', started = ? WHERE name = ? AND state = 'Pending'", (now(), name)
        )

    def job_finished(self, name: str, state: str, finished: str | None = None) -> None:
        sql = "UPDATE jobs SET state = ?, finished = ? WHERE name = ? AND finished IS NULL"
        self._db.execute(sql, (state, finished or now(), name))

    def drop_job(self, name: str) -> None:
        self._db.execute("DELETE FROM jobs WHERE name = ?", (name,))

    # writes

    def arm(self, service: str, path: str, since_ns: int) -> int:
        """Remember since when uploads under the path make jobs; the first time counts."""
        self._db.execute("INSERT OR IGNORE INTO watches VALUES (?, ?, ?)", (service, path, since_ns))
        return int(self._one("SELECT armed_ns FROM watches WHERE service = ? AND path = ?", service, path)[0])

    def watches(self, service: str) -> list[tuple[str, str]]:
        """Buckets and folders."""
        rows = self._rows("SELECT path FROM watches WHERE service = ? ORDER BY path", service)
        return [(path.split("/", 1)[0], path.split("/", 1)[1]) for (path,) in rows]

    def disarm(self, service: str, path: str) -> None:
        self._db.execute("DELETE FROM watches WHERE service = ? AND path = ?", (service, path))

    def add_write(self, write: Write) -> bool:
        """False when this very write is known."""
        values = (write.service, write.bucket, write.key, write.inode, write.ctime_ns, write.mtime_ns, write.size)
        return self._db.execute("INSERT OR IGNORE INTO writes VALUES (?, ?, ?, ?, ?, ?, ?)", values).rowcount > 0

    def claim_found(self, write: Write, inode: int, unit_ns: int) -> bool:
        """Whether this write is known already under that number, with the same time to the unit; it gets its own."""
        sql = (
            "UPDATE OR IGNORE writes SET inode = ?, ctime_ns = ?, mtime_ns = ? WHERE service = ? AND bucket = ? "
            "AND key = ? AND inode = ? AND mtime_ns / ? = ?"
        )
        own, place = (write.inode, write.ctime_ns, write.mtime_ns), (write.service, write.bucket, write.key)
        return self._db.execute(sql, (*own, *place, inode, unit_ns, write.mtime_ns // unit_ns)).rowcount > 0

    def touch_write(self, write: Write) -> None:
        self._db.execute(
            "UPDATE OR IGNORE writes SET ctime_ns = ?, mtime_ns = ? WHERE rowid = (SELECT rowid FROM writes WHERE "
            "service = ? AND bucket = ? AND key = ? AND inode = ? AND size = ? ORDER BY ctime_ns DESC LIMIT 1)",
            (write.ctime_ns, write.mtime_ns, write.service, write.bucket, write.key, write.inode, write.size),
        )

    def writes(self, service: str, bucket: str) -> dict[str, Write]:
        """The newest known write of each key."""
        sql = "SELECT * FROM writes WHERE service = ? AND bucket = ? ORDER BY ctime_ns"
        return {row[2]: Write(*row) for row in self._rows(sql, service, bucket)}

    # configuration

    def config(self, key: str, default: Any) -> Any:
        row = self._one("SELECT value FROM config WHERE key = ?", key)
        return json.loads(row[0]) if row else default

    def put_config(self, key: str, value: Any) -> None:
        self._db.execute("INSERT OR REPLACE INTO config VALUES (?, ?)", (key, json.dumps(value)))
