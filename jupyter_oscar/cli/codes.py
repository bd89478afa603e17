"""Exit codes: what a script may rely on. They stand in docs/command-line.md too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from jupyter_oscar.client.errors import OscarError

FAILED: Final = 1
USAGE: Final = 2
MISSING: Final = 3
REFUSED: Final = 4
UNREACHABLE: Final = 5
SCRIPT: Final = 6
DIFFERENT: Final = 7

EPILOG: Final = (
    "Exit code 0: done. 1: it could not be done. 2: wrong usage. 3: what was named is not there. "
    "4: the cluster does not know you or does not allow it. 5: no cluster answers. 6: a script or job failed."
)


def code_of(error: OscarError) -> int:
    """The exit code for an error of the client."""
    from jupyter_oscar.client import errors

    kinds: tuple[tuple[tuple[type[OscarError], ...], int], ...] = (
        ((errors.NotFound, errors.NoCluster, errors.ProfileNotFound), MISSING),
        ((errors.NotAuthenticated, errors.NotAllowed, errors.QuotaExceeded), REFUSED),
        ((errors.InsecureEndpoint, errors.StorageUnconfirmed), REFUSED),
        ((errors.Unreachable, errors.TimedOut, errors.NotOscar), UNREACHABLE),
        ((errors.RunFailed, errors.JobFailed, errors.JobCancelled, errors.JobLost), SCRIPT),
    )
    return next((code for kind, code in kinds if isinstance(error, kind)), FAILED)
