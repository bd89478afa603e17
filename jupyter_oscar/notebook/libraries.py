"""The clients that cells already know, signed in: s3fs, minio, oscar-python.

Each is made when first asked for and reads the cluster's own word for where its storage is and what the caller's keys
are. Nothing of ours stands between them and the cluster afterwards.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jupyter_oscar.client.errors import NotAuthenticated

from .bridge import bridge

if TYPE_CHECKING:
    from minio import Minio
    from oscar_python.client import Client as OscarPython
    from s3fs import S3FileSystem

    from jupyter_oscar.client.cluster import Cluster as Client
    from jupyter_oscar.client.config import MinioProvider


def fs(client: Client) -> S3FileSystem:
    """The cluster's MinIO as a file system; paths are ``bucket/key``."""
    from s3fs import S3FileSystem

    class ClusterFileSystem(S3FileSystem):  # type: ignore[misc]
        """An ``S3FileSystem`` whose written form does not carry the caller's keys."""

        # fsspec hands out one instance for equal arguments; kept apart from those of other code.
        cachable = False

        def __repr__(self) -> str:
            return f"<s3fs of {client.profile.name}>"

        def __reduce__(self) -> Any:
            msg = "It holds your keys, so it is not pickled."
            raise TypeError(msg)

        def to_json(self, **options: Any) -> str:
            del options
            return json.dumps({"protocol": "s3", "endpoint_url": provider.endpoint})

        def to_dict(self, **options: Any) -> dict[str, Any]:
            del options
            return {"protocol": "s3", "endpoint_url": provider.endpoint}

    provider = _provider(client)
    return ClusterFileSystem(
        key=provider.access_key,
        secret=provider.secret_key.get_secret_value(),
        endpoint_url=provider.endpoint,
        client_kwargs={"region_name": provider.region or "us-east-1", "verify": provider.verify_tls},
        config_kwargs={
            "s3": {"addressing_style": "path"},
            # Some stores send an object's whole checksum with a piece of it, and the SDK then refuses what is well.
            "request_checksum_calculation": "when_required",
            "response_checksum_validation": "when_required",
        },
        # Services write behind its back all the time.
        use_listings_cache=False,
    )


def minio(client: Client) -> Minio:
    """A ``minio.Minio`` for the cluster's object storage."""
    from minio import Minio

    provider = _provider(client)
    address = urlsplit(provider.endpoint)
    return Minio(
        address.netloc,
        access_key=provider.access_key,
        secret_key=provider.secret_key.get_secret_value(),
        secure=address.scheme == "https",
        region=provider.region or "us-east-1",
        cert_check=provider.verify_tls,
    )


def oscar_python(client: Client) -> OscarPython:
    """An ``oscar_python.client.Client`` with the same sign-in.

    With a token *file* the token is the one that stands there now: ask again when it has ended.
    """
    from oscar_python.client import Client as OscarPython

    _provider(client)  # it takes the keys where the cluster says, so that has to be right
    profile = client.profile
    options: dict[str, Any] = {"cluster_id": profile.name, "endpoint": profile.endpoint, "ssl": profile.verify}
    who = profile.credentials
    if who.password is not None:
        return OscarPython({**options, "user": who.user or "", "password": who.password.get_secret_value()})
    scheme, _, token = who.header().partition(" ")
    if scheme != "Bearer":
        msg = "oscar-python knows no such sign-in."
        raise NotAuthenticated(msg, hint="Pass user and password, or token=, or token_file=.")
    return OscarPython({**options, "oidc_token": token})


def _provider(client: Client) -> MinioProvider:
    return bridge.run(client.storage())
