"""Whether bytes arrived whole: their MD5 as object stores say it in an ETag.

The ETag of an object that was sent at once is its MD5. Of one sent in parts it is the MD5 of the parts' MD5s and their
number, ``…-3``: whoever knows where the parts ended can check it too. An encrypted object's says nothing.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Final

_AT_ONCE: Final = re.compile(r"[0-9a-f]{32}")
_IN_PARTS: Final = re.compile(r"[0-9a-f]{32}-([0-9]+)")


def md5() -> hashlib._Hash:
    """MD5 as a checksum, which also works where it is forbidden as more than that."""
    return hashlib.md5(usedforsecurity=False)


def digest(data: bytes | bytearray) -> bytes:
    """The MD5 of some bytes."""
    whole = md5()
    whole.update(data)
    return whole.digest()


def header(whole: bytes) -> str:
    """An MD5 as the header ``Content-MD5`` has it: a store refuses what does not fit."""
    return base64.b64encode(whole).decode()


def bare(etag: str | None) -> str:
    """An ETag without its quotes."""
    return (etag or "").strip().removeprefix("W/").strip('"').lower()


def parts_of(etag: str) -> int | None:
    """In how many parts the object was sent; None where it was sent at once or cannot be told."""
    found = _IN_PARTS.fullmatch(bare(etag))
    return int(found[1]) if found else None


def is_md5(etag: str) -> bool:
    """Whether it looks like the MD5 of a whole object."""
    return bool(_AT_ONCE.fullmatch(bare(etag)))


class Digest:
    """Grows as bytes pass; with ``part``, parts end after every so many bytes."""

    def __init__(self, part: int | None = None) -> None:
        self._part = part
        self._now, self._in_now = md5(), 0
        self._ended: list[bytes] = []

    def update(self, piece: bytes | memoryview) -> None:
        """The next bytes."""
        if self._part is None:
            self._now.update(piece)
            return
        view = memoryview(piece)
        while view:
            taken = view[: self._part - self._in_now]
            self._now.update(taken)
            self._in_now += len(taken)
            view = view[len(taken) :]
            if self._in_now == self._part:
                self._end()

    def _end(self) -> None:
        self._ended.append(self._now.digest())
        self._now, self._in_now = md5(), 0

    @property
    def etag(self) -> str:
        """What the store should say of the bytes so far."""
        if self._part is None:
            return self._now.hexdigest()
        ended = [*self._ended, self._now.digest()] if self._in_now else self._ended
        return of_parts(ended)


def of_parts(parts: list[bytes]) -> str:
    """The ETag of an object of these parts, given by their MD5s."""
    return f"{digest(b''.join(parts)).hex()}-{len(parts)}"


def contradicts(said: str | None, ours: str) -> bool:
    """Whether an ETag says that other bytes are stored than ours; one of another form says nothing."""
    etag = bare(said)
    same_form = (is_md5(etag) and is_md5(ours)) or (parts_of(etag) is not None and parts_of(etag) == parts_of(ours))
    return same_form and etag != ours
