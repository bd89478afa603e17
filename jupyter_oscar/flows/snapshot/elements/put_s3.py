"""A bucket: each event becomes an object under its file name. A MinIO is addressed by path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from jupyter_oscar.flows.snapshot import delivery
from jupyter_oscar.flows.snapshot.parts import runs, text
from jupyter_oscar.flows.snapshot.types import PUT_S3

from . import sqs

if TYPE_CHECKING:
    from jupyter_oscar.flows.model import S3Destination
    from jupyter_oscar.flows.snapshot.parts import Group

# What cannot be put may be the network's doing or the bucket's; it is tried for ever, where a person sees it wait.
LOST: Final = ("failure",)
MINIO_REGION: Final = "us-east-1"


def place(element: S3Destination, group: Group) -> None:
    """Its group."""
    minio = element.MinIO_Endpoint
    properties = {
        "Bucket": text(element.AWS_S3_BUCKET),
        "Object Key": "${filename}",
        "Region": MINIO_REGION if minio else element.AWS_DEFAULT_REGION,
        "Endpoint Override URL": text(minio) if minio else None,
        "use-path-style-access": "true" if minio else "false",
        **sqs.credentials(element, group),
    }
    made = group.processor(
        "PutS3Object",
        PUT_S3,
        properties,
        delivery.runs(runs(element, "PutS3Object", ends=("success",)), element.extra, LOST, ()),
        hidden=["Access Key", "Secret Key"],
        services=[sqs.CREDENTIALS],
    )
    group.connect(group.port("in"), made)
    delivery.undelivered(group, made, element.extra, LOST, ())
