"""Where the object store is, and how to enter it."""

from __future__ import annotations

from typing import NamedTuple


class Access(NamedTuple):
    """The secret stays out of every printed form."""

    address: str
    access_key: str
    secret_key: str
    region: str = "us-east-1"

    def __repr__(self) -> str:
        return f"<Access to {self.address} as {self.access_key}>"
