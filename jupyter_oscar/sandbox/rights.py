"""Who may do what with which bucket, as policies of MinIO: what OSCAR gives to users and groups (oscar.md §2.4).

A user's policy carries the user's id and opens the user's own buckets. A restricted bucket has a group with a policy,
both of its name, for those it is shared with; public buckets are in the policy of the group of all users.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from .store import Database

EVERYBODY = "all_users_group"
_ALL = ("s3:*",)
_SOME = ("s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutObject")


class Policy(NamedTuple):
    """``bucket/*`` stands for a bucket and what is in it: that is how MinIO reads it."""

    actions: tuple[str, ...]
    buckets: tuple[str, ...]

    @property
    def document(self) -> dict[str, Any]:
        resources = [f"arn:aws:s3:::{bucket}/*" for bucket in self.buckets]
        statement = {"Effect": "Allow", "Action": list(self.actions), "Resource": resources}
        return {"Version": "2012-10-17", "Statement": [statement]}


class Rights(NamedTuple):
    """Policies by the name of their user or group, and the members of each group."""

    users: dict[str, Policy]
    groups: dict[str, Policy]
    members: dict[str, frozenset[str]]


def rights_of(database: Database) -> Rights:
    known = frozenset(database.users())
    own: dict[str, list[str]] = {}
    public: list[str] = []
    groups: dict[str, Policy] = {}
    members: dict[str, frozenset[str]] = {EVERYBODY: known}
    for bucket, tags in database.buckets().items():
        visibility, allowed = database.policy(bucket)
        if visibility and tags.get("owner") in known:
            own.setdefault(tags["owner"], []).append(bucket)
        if visibility == "public":
            public.append(bucket)
        elif visibility == "restricted":
            groups[bucket] = Policy(_SOME, (bucket,))
            members[bucket] = known & frozenset(allowed or ())
    if public:
        groups[EVERYBODY] = Policy(_ALL, tuple(public))
    return Rights({uid: Policy(_ALL, tuple(buckets)) for uid, buckets in own.items()}, groups, members)
