"""What objects can be called."""

from __future__ import annotations

import re
from typing import Final

from .errors import InvalidRequest

LONGEST_KEY: Final = 1024
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def check_key(key: str) -> None:
    """Refuse a key that a storage would refuse, or try for ever to store.

    Raises:
        InvalidRequest: it is empty, too long, or has empty parts or ``.`` or ``..`` between its slashes.

    """
    size = len(key.encode())
    if not key or size > LONGEST_KEY:
        msg = f"A name of an object has 1 to {LONGEST_KEY} bytes with its folders; this one has {size}."
        raise InvalidRequest(msg, hint="Choose a shorter name." if key else "Name the object.")
    parts = key.removesuffix("/").split("/")
    if any(part in {"", ".", ".."} for part in parts) or "\0" in key:
        msg = f'"{key}" cannot be the name of an object.'
        raise InvalidRequest(msg, hint="It has no empty parts and no . or .. between its slashes.")


def takes(key: str) -> bool:
    """Whether obstore leaves a key as it is: it drops outer slashes and refuses control characters."""
    return {"", ".", ".."}.isdisjoint(key.split("/")) and not CONTROL.search(key)
