"""Whether a body came as it was sent: its ``Content-Digest`` (RFC 9530), where the sender names one by SHA-256."""

from __future__ import annotations

import base64
import binascii
import hashlib

from jupyter_oscar.client.errors import StorageFailed


class Digest:
    """What the header ``said``, and the bytes so far."""

    def __init__(self, said: str) -> None:
        kind, _, value = said.partition("=")
        self._wanted: bytes | None = None
        if kind.strip().lower() == "sha-256":
            try:
                self._wanted = base64.b64decode(value.strip().strip(":"), validate=True)
            except binascii.Error:
                self._wanted = b""
        self._whole = hashlib.sha256()

    def update(self, data: bytes | bytearray) -> None:
        """The next bytes; nothing is done where nobody compares."""
        if self._wanted is not None:
            self._whole.update(data)

    def check(self) -> None:
        """Compare.

        Raises:
            StorageFailed: other bytes came.

        """
        if self._wanted not in {None, self._whole.digest()}:
            msg = "Something did not arrive here as it was sent: its checksum differs."
            raise StorageFailed(msg, hint="Send it again.")

    @classmethod
    def compare(cls, said: str, data: bytes | bytearray) -> None:
        """Compare a whole body."""
        one = cls(said)
        one.update(data)
        one.check()
