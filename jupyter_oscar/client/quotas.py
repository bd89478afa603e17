"""What a user may use of a cluster, and uses (since 3.7, oscar.md §1.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import InvalidRequest, NotAuthenticated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .cluster import Cluster


class Limit(NamedTuple):
    """One line of a quota in the server's units: CPU in millicores, memory in bytes, the rest as it says."""

    what: str
    used: str
    most: str


class Quotas:
    """The quotas of one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def of(self, user: str | None = None) -> Mapping[str, Any]:
        """A user's quota as the server says it: one's own, or as admin anybody's.

        Raises:
            InvalidRequest: the admin has none of their own.
            NotAllowed: only the admin sees those of others.

        """
        path = ("/system/quotas/user", user) if user else ("/system/quotas/user",)
        what = f'Reading the quota of "{user}"' if user else "Reading your quota"
        try:
            found: dict[str, Any] = await self._cluster.json("GET", *path, what=what)
        except NotAuthenticated as error:
            if "missing user identificator" not in (error.upstream or ""):
                raise
            msg = "The cluster's admin has no quota."
            raise InvalidRequest(msg, hint="Name a user.", status=error.status) from error
        return found

    async def limits(self, user: str | None = None) -> Sequence[Limit]:
        """The same as lines; a limit of 0 in the storage means that there is none."""
        return list(_lines(await self.of(user)))


def _lines(quota: Mapping[str, Any]) -> Iterator[Limit]:
    for name, value in sorted((quota.get("resources") or {}).items()):
        yield Limit(name, str(value.get("used", "")), str(value.get("max", "")))
    for group in ("volumes", "minio"):
        for name, value in sorted((quota.get(group) or {}).items()):
            if isinstance(value, dict):
                yield Limit(f"{group} {name}", str(value.get("used", "")), str(value.get("max", "")))
            else:
                yield Limit(f"{group} {name}", "", str(value))
