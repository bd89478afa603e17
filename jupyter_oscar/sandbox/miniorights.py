"""Users, groups and policies in MinIO, brought in line with what is wanted.

What MinIO has is read once; from then on only what changes is sent.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minio import MinioAdmin

    from .rights import Policy, Rights


def _group_policy(group: str) -> str:
    """Apart from the users' policies, whose names are their ids: an id may be a bucket's name."""
    return f"group:{group}"


class MinioRights:
    """Its methods wait for MinIO, one at a time."""

    def __init__(self, admin: MinioAdmin) -> None:
        self._admin = admin
        self._there: _State | None = None

    def let_in(self, uid: str, secret: str) -> None:
        self._admin.user_add(uid, secret)

    def apply(self, wanted: Rights) -> None:
        there, self._there = self._there or _read(self._admin), None
        goal = _goal(wanted)
        for name in goal.policies:
            if there.policies.get(name) != goal.policies[name]:
                self._admin.policy_add(name, policy=goal.policies[name])
        for group in sorted(goal.members | there.members):
            self._have_members(group, there.members.get(group, frozenset()), goal.members.get(group, frozenset()))
        for uid in goal.users - there.users:
            self._admin.policy_set(uid, user=uid)
        for group in goal.groups - there.groups:
            self._admin.policy_set(_group_policy(group), group=group)
        for uid in there.users - goal.users:
            self._admin.policy_unset(uid, user=uid)
        for group in there.groups - goal.groups:
            if group in goal.members:
                self._admin.policy_unset(_group_policy(group), group=group)
        for name in there.policies.keys() - goal.policies.keys():
            self._admin.policy_remove(name)
        self._there = goal

    def _have_members(self, group: str, there: frozenset[str], wanted: frozenset[str]) -> None:
        if wanted - there:
            self._admin.group_add(group, _several(wanted - there))
        if there - wanted:
            self._admin.group_remove(group, _several(there - wanted))
        if there and not wanted:
            self._admin.group_remove(group)


def _several(members: frozenset[str]) -> Any:
    """MinIO wants a list; its library passes on what it gets, and says that it wants a string."""
    return sorted(members)


class _State:
    """Policies with their documents, users and groups that have theirs, groups with their members."""

    def __init__(
        self,
        policies: dict[str, dict[str, Any]],
        users: frozenset[str],
        groups: frozenset[str],
        members: dict[str, frozenset[str]],
    ) -> None:
        self.policies, self.users, self.groups, self.members = policies, users, groups, members


def _goal(wanted: Rights) -> _State:
    members = {group: found for group, found in wanted.members.items() if found}  # MinIO has no empty groups
    groups = {group: policy for group, policy in wanted.groups.items() if group in members}
    policies = {uid: _plain(policy) for uid, policy in wanted.users.items()}
    policies |= {_group_policy(group): _plain(policy) for group, policy in groups.items()}
    return _State(policies, frozenset(wanted.users), frozenset(groups), members)


def _plain(policy: Policy) -> dict[str, Any]:
    """The document as MinIO tells it."""
    return _sorted(policy.document)


def _sorted(document: dict[str, Any]) -> dict[str, Any]:
    parts = [
        {**part, "Action": sorted(part.get("Action", ())), "Resource": sorted(part.get("Resource", ()))}
        for part in document.get("Statement", ())
    ]
    return {**document, "Statement": parts}


def _read(admin: MinioAdmin) -> _State:
    users = json.loads(admin.user_list() or "{}") or {}
    members, groups = {}, set()
    for group in json.loads(admin.group_list() or "[]") or ():
        found = json.loads(admin.group_info(group))
        members[group] = frozenset(found.get("members") or ())
        if found.get("policy") == _group_policy(group):
            groups.add(group)
    own = {uid for uid, found in users.items() if found.get("policyName") == uid}
    names = own | {_group_policy(group) for group in members}
    documents = json.loads(admin.policy_list() or "{}") or {}
    policies = {name: _sorted(document) for name, document in documents.items() if name in names or "group:" in name}
    return _State(policies, frozenset(own), frozenset(groups), members)
