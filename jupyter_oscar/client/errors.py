"""What can go wrong, in a person's words.

Every error says what failed, why (in the upstream's own words) and what to do. ``code`` is stable and is what other
programs match on. What an answer of OSCAR becomes is in ``error_table``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = [
    "AlreadyExists",
    "BucketNotFound",
    "FdlError",
    "FileMissing",
    "FunctionFailed",
    "InsecureEndpoint",
    "InvalidRequest",
    "JobCancelled",
    "JobFailed",
    "JobLost",
    "JobNotFound",
    "JobNotIdentified",
    "MapFailed",
    "NoCluster",
    "NotAllowed",
    "NotAuthenticated",
    "NotFound",
    "NotOscar",
    "NotPicklable",
    "NotSaved",
    "ObjectNotFound",
    "OffloadUnavailable",
    "OscarError",
    "OutputsNotAttributable",
    "ProfileNotFound",
    "QuotaExceeded",
    "ResultRefused",
    "RunChanged",
    "RunFailed",
    "RunNotFound",
    "SecretMissing",
    "SecretWouldBeBlanked",
    "SecretsUnconfirmed",
    "ServiceNotFound",
    "StorageFailed",
    "StorageFull",
    "StorageUnconfirmed",
    "TimedOut",
    "TrackingRefused",
    "Unreachable",
    "UpstreamFailed",
    "VersionMismatch",
    "VolumeNotFound",
]


class OscarError(Exception):
    """Base of every error of this package.

    ``message`` says what failed and why; ``hint`` says what to do; ``status`` and ``upstream`` hold the HTTP status and
    the text of the server, where there was one.
    """

    code: ClassVar[str] = "oscar-error"
    default_hint: ClassVar[str] = ""

    def __init__(
        self, message: str, *, hint: str | None = None, status: int | None = None, upstream: str | None = None
    ) -> None:
        self.message = message
        self.hint = self.default_hint if hint is None else hint
        self.status = status
        self.upstream = upstream
        super().__init__(f"{message} {self.hint}".strip())


class NoCluster(OscarError):
    """No cluster was named and none could be found."""

    code = "no-cluster"
    default_hint = (
        "Start one on this machine with `jupyter oscar sandbox start`, or name yours: "
        'connect(endpoint="https://…", user="…", password="…").'
    )


class ProfileNotFound(OscarError):
    """A profile was named that is nowhere defined."""

    code = "profile-not-found"


class InsecureEndpoint(OscarError):
    """Credentials would have travelled unencrypted to another machine."""

    code = "insecure-endpoint"
    default_hint = "Use its https address."


class Unreachable(OscarError):
    """Nothing answers at the cluster's address."""

    code = "unreachable"
    default_hint = "Is it running, and is this its address?"


class TimedOut(OscarError):
    """The cluster, or a job, did not finish in time."""

    code = "timed-out"


class NotOscar(OscarError):
    """Something answers at the address, but not OSCAR."""

    code = "not-oscar"
    default_hint = "Check the address: it is the one in front of /system/info."


class NotAuthenticated(OscarError):
    """The cluster does not accept who we say we are."""

    code = "not-authenticated"
    default_hint = "Check user and password, or sign in again."


class NotAllowed(OscarError):
    """The cluster knows us and refuses."""

    code = "not-allowed"


class NotFound(OscarError):
    """What was named is not there."""

    code = "not-found"


class ServiceNotFound(NotFound):
    """No such service, or none that the caller may see."""

    code = "service-not-found"
    default_hint = "The list of services shows what is there."


class JobNotFound(NotFound):
    """No such job, or its log is gone or not there yet."""

    code = "job-not-found"


class BucketNotFound(NotFound):
    """No such bucket."""

    code = "bucket-not-found"


class VolumeNotFound(NotFound):
    """No such volume."""

    code = "volume-not-found"


class ObjectNotFound(NotFound):
    """No such object in the bucket."""

    code = "object-not-found"


class FileMissing(NotFound):
    """A local file is not there."""

    code = "file-missing"


class AlreadyExists(OscarError):
    """Something of that name exists."""

    code = "already-exists"


class InvalidRequest(OscarError):
    """The cluster refuses the request as malformed."""

    code = "invalid-request"


class QuotaExceeded(OscarError):
    """The caller's quota does not allow it."""

    code = "quota-exceeded"


class SecretWouldBeBlanked(OscarError):
    """An update would have overwritten stored secrets with nothing (oscar.md §10.8)."""

    code = "secret-would-be-blanked"


class SecretMissing(OscarError):
    """There is no value where a secret's reference leads."""

    code = "secret-missing"


class SecretsUnconfirmed(OscarError):
    """A file takes secrets from this machine, and nobody has said that this is right; nothing was read or sent."""

    code = "secrets-unconfirmed"


class UpstreamFailed(OscarError):
    """The cluster failed while doing what it was asked."""

    code = "upstream-failed"


class StorageFailed(OscarError):
    """The cluster's object storage failed or refused."""

    code = "storage-failed"


class StorageFull(StorageFailed):
    """The storage has no room left; what was there stays."""

    code = "storage-full"


class StorageUnconfirmed(OscarError):
    """A cluster's storage is on another host, and nobody has said yet that this is right; nothing was sent there.

    ``address`` is where the cluster says that it is; ``asking`` tells whether a person may say so here.
    """

    code = "storage-unconfirmed"

    def __init__(self, message: str, address: str, *, hint: str | None = None, asking: bool = True) -> None:
        self.address = address
        self.asking = asking
        super().__init__(message, hint=hint)


class TrackingRefused(OscarError):
    """Outputs of this service cannot be kept apart by call."""

    code = "tracking-refused"


class RunFailed(OscarError):
    """A synchronous call failed before the script's own end; ``upstream`` holds what the container printed."""

    code = "run-failed"


class JobFailed(OscarError):
    """A job ended badly. ``exit_code`` is the script's, or None when it never got that far."""

    code = "job-failed"

    def __init__(
        self, message: str, *, exit_code: int | None = None, lines: Sequence[str] = (), hint: str | None = None
    ) -> None:
        self.exit_code = exit_code
        self.lines = tuple(lines)
        super().__init__(message, hint=hint)


class FunctionFailed(JobFailed):
    """A function raised what cannot be raised here; ``traceback`` has its words."""

    code = "function-failed"

    def __init__(self, message: str, *, traceback: str = "", hint: str | None = None) -> None:
        self.traceback = traceback
        super().__init__(message, lines=traceback.splitlines(), hint=hint)


class NotPicklable(OscarError):
    """A function, an argument or a value cannot travel."""

    code = "not-picklable"


class ResultRefused(OscarError):
    """The result of a function is not known to come from our own runner, and is not loaded."""

    code = "result-refused"


class VersionMismatch(OscarError):
    """A function would run under another Python than it was written with."""

    code = "version-mismatch"


class OffloadUnavailable(OscarError):
    """A function was to run on an HPC node, which cannot be done yet."""

    code = "offload-unavailable"


class JobCancelled(OscarError):
    """The job was cancelled by us."""

    code = "job-cancelled"


class JobLost(OscarError):
    """The cluster lost the job's pod."""

    code = "job-lost"


class MapFailed(OscarError):
    """Some calls of a map ended badly. ``errors`` holds each one's error by the name of its input."""

    code = "map-failed"

    def __init__(self, message: str, *, errors: Mapping[str, Exception], hint: str | None = None) -> None:
        self.errors = dict(errors)
        super().__init__(message, hint=hint)


class RunChanged(OscarError):
    """A named run cannot go on, since its service or its inputs are not what they were."""

    code = "run-changed"


class RunNotFound(NotFound):
    """No such named run."""

    code = "run-not-found"


class NotSaved(OscarError):
    """An output could not be written to the local disk."""

    code = "not-saved"


class OutputsNotAttributable(OscarError):
    """It cannot be told which objects this call wrote. ``candidates`` are their keys."""

    code = "outputs-not-attributable"

    def __init__(self, message: str, *, candidates: Sequence[str] = (), hint: str | None = None) -> None:
        self.candidates = tuple(candidates)
        super().__init__(message, hint=hint)


class Throttled(OscarError):
    """There was no room for a request within what we may ask of a cluster."""

    code = "throttled"


class JobNotIdentified(OscarError):
    """The server is too old to tell a job's name, and it could not be found out."""

    code = "job-not-identified"


class FdlError(OscarError):
    """An FDL file is wrong: file, line and fix."""

    code = "fdl-error"

    def __init__(self, path: Path | str, line: int | None, problem: str, *, fix: str = "") -> None:
        self.path, self.line, self.problem, self.fix = path, line, problem, fix
        place = f"{path}:{line}" if line else str(path)
        super().__init__(f"{place}: {problem}", hint=fix)
