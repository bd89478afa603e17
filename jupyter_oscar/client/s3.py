"""The way to the cluster's object storage by aiobotocore: one client, made when first used and closed when idle.

Making a client costs as much as a hundred requests, and its connections are worth keeping. Each event loop has its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
import weakref
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from .errors import (
    BucketNotFound,
    InvalidRequest,
    NotAllowed,
    ObjectNotFound,
    OscarError,
    QuotaExceeded,
    StorageFailed,
    StorageFull,
)
from .policy import BOTOCORE, STORAGE_AGAIN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .cluster import Cluster
    from .config import MinioProvider

# Seconds without use after which the connections are closed, or twice as many.
IDLE: Final = 30.0
CONNECTIONS: Final = 50


class S3:
    """The client of one cluster's storage."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._authorities: IO[bytes] | None = None
        self._open: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Open] = weakref.WeakKeyDictionary()

    async def aclose(self) -> None:
        """Close the connections."""
        kept = self._open.pop(asyncio.get_running_loop(), None)
        if kept is not None:
            await kept.close()

    @contextlib.asynccontextmanager
    async def client(self, what: str) -> AsyncIterator[Any]:
        """The client, for one thing to do; ``what`` begins the sentence if that fails.

        Raises:
            BucketNotFound, ObjectNotFound, NotAllowed, QuotaExceeded, StorageFailed: as the storage says.

        """
        from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

        provider = await self._cluster.storage()
        verify, loop = await self._verify(provider), asyncio.get_running_loop()
        kept = self._open.get(loop)
        if kept is None or kept.closed or kept.provider is not provider:
            kept = self._open[loop] = _Open(provider, verify)
        try:
            async with kept.use() as s3:
                yield s3
        except ClientError as error:
            raise translated(what, error.response.get("Error", {})) from error
        except HTTPClientError as error:
            # Its text carries the address with all its parameters.
            msg = f"{what} failed: the storage cannot be reached or hung up."
            raise StorageFailed(msg, hint="It may be restarting: try again in a moment.") from error
        except BotoCoreError as error:
            msg = f"{what} failed: {error}."
            raise StorageFailed(msg) from error

    async def _verify(self, provider: MinioProvider) -> bool | str:
        """Whom to trust. botocore takes one file, so the public authorities and the profile's own are joined in one."""
        bundle = self._cluster.profile.ca_bundle
        if not (bundle and provider.verify_tls and provider.endpoint.startswith("https")):
            return provider.verify_tls
        if self._authorities is None:
            self._authorities = await asyncio.to_thread(_joined, Path(bundle))
        return self._authorities.name


class _Open:
    """A client that a task keeps open: whoever ends the loop's tasks closes its connections too."""

    def __init__(self, provider: MinioProvider, verify: bool | str) -> None:  # noqa: FBT001 - as botocore takes it
        self.provider, self._verify = provider, verify
        self._users = 0
        self._used_at = 0.0
        #: Whether it cannot be used any more.
        self.closed = False
        self._ready: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._keep(), name="jupyter-oscar storage")

    @contextlib.asynccontextmanager
    async def use(self) -> AsyncIterator[Any]:
        self._users += 1
        try:
            yield await asyncio.shield(self._ready)
        finally:
            self._users -= 1
            self._used_at = time.monotonic()

    async def close(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _keep(self) -> None:
        try:
            async with self._made() as s3:
                s3.meta.events.register("needs-retry.s3", _once_more)
                self._ready.set_result(s3)
                # Slept, not waited for an event: before Python 3.12 such a wait can swallow that it was cancelled.
                while self._users or time.monotonic() - self._used_at < IDLE:  # noqa: ASYNC110
                    await asyncio.sleep(IDLE)
                self.closed = True
        except asyncio.CancelledError:
            self._ready.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - it is for whoever asked
            if not self._ready.done():
                self._ready.set_exception(error)
        finally:
            self.closed = True

    def _made(self) -> Any:
        from aiobotocore.config import AioConfig
        from aiobotocore.session import get_session

        provider = self.provider
        config = AioConfig(
            s3={"addressing_style": "path"},
            signature_version="s3v4",
            **BOTOCORE,
            max_pool_connections=CONNECTIONS,
            response_checksum_validation="when_required",
            request_checksum_calculation="when_required",
        )
        return get_session().create_client(
            "s3",
            endpoint_url=provider.endpoint,
            region_name=provider.region or "us-east-1",
            aws_access_key_id=provider.access_key,
            aws_secret_access_key=provider.secret_key.get_secret_value(),
            verify=self._verify,
            config=config,
        )


def _once_more(response: tuple[Any, dict[str, Any]] | None = None, attempts: int = 0, **_: object) -> float | None:
    """Seconds until what MinIO gave up as it was stopped is asked again, which botocore would not.

    It says of a request under way that its client hung up (``ErrClientDisconnected``, status 499). We did not.
    """
    code = response[1].get("Error", {}).get("Code") if response else None
    return 0.5 * attempts if code == "ClientDisconnected" and attempts <= STORAGE_AGAIN else None


def _joined(bundle: Path) -> IO[bytes]:
    import certifi

    file = tempfile.NamedTemporaryFile(prefix="jupyter-oscar-", suffix=".pem")  # noqa: SIM115 - lives with its S3
    file.write(Path(certifi.where()).read_bytes() + b"\n" + bundle.read_bytes())
    file.flush()
    return file


_KINDS: Final[dict[str, type[OscarError]]] = {
    "NoSuchBucket": BucketNotFound,
    "NoSuchKey": ObjectNotFound,
    "NoSuchUpload": ObjectNotFound,
    # Of parts that it had: MinIO that is stopped while it puts them together forgets them, so it is begun anew.
    "InvalidPart": ObjectNotFound,
    "404": ObjectNotFound,
    "AccessDenied": NotAllowed,
    "403": NotAllowed,
    "InvalidAccessKeyId": NotAllowed,
    "SignatureDoesNotMatch": NotAllowed,
    "XMinioAdminBucketQuotaExceeded": QuotaExceeded,
    "QuotaExceeded": QuotaExceeded,
    "XMinioStorageFull": StorageFull,
    "XMinioInvalidObjectName": InvalidRequest,
    "KeyTooLongError": InvalidRequest,
    "InvalidRange": InvalidRequest,
}


_HINTS: Final = {
    "XMinioStorageFull": "Its operator makes room; what was there is as it was.",
    "XMinioAdminBucketQuotaExceeded": "Make room in the bucket, or ask for a larger quota.",
}


# Where a storage has a code alone, or words about "the specified" one.
WORDS: Final = {
    "NoSuchBucket": "there is no such bucket",
    "NoSuchKey": "there is no such object",
    "NoSuchUpload": "that upload was finished or given up",
    "404": "it is not there",
    "403": "you may not",
}


def translated(what: str, said: dict[str, Any]) -> OscarError:
    """What the storage said, as an error of ours."""
    code = str(said.get("Code", ""))
    msg = f"{what} failed: {WORDS.get(code) or str(said.get('Message') or code).rstrip('.')}."
    return _KINDS.get(code, StorageFailed)(msg, hint=_HINTS.get(code))
