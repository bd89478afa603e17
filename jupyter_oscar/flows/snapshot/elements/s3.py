"""New objects of a bucket in S3: a queue that its notifications go to, read as any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import sqs

if TYPE_CHECKING:
    from jupyter_oscar.flows.model import S3Source
    from jupyter_oscar.flows.snapshot.parts import Group


def place(element: S3Source, group: Group) -> None:
    """Its group."""
    sqs.read(element, group)
