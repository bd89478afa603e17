"""Where the object store is, and how to enter it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Access:
    """The secret stays out of every printed form."""

    address: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str = "us-east-1"
