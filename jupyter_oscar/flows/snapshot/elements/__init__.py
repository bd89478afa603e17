"""What each kind of element becomes: one file a kind, each with ``place(element, group)``.

A new kind is a model, a file here, and its line in :data:`PLACES`. A group's events come in by its ``in`` port and
leave by its ``out`` port; what is between is the kind's own business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from jupyter_oscar.flows import model

from . import dcache, decode, encode, generic, kafka, merge, oscar, put_s3, rucio, s3, sqs

if TYPE_CHECKING:
    from collections.abc import Callable

PLACES: Final[dict[type, Callable[..., Any]]] = {
    model.DCacheSource: dcache.place,
    model.KafkaSource: kafka.place,
    model.SqsSource: sqs.place,
    model.S3Source: s3.place,
    model.RucioSource: rucio.place,
    model.OscarDestination: oscar.place,
    model.S3Destination: put_s3.place,
    model.GenericGroup: generic.place,
    model.Merge: merge.place,
    model.Encode: encode.place,
    model.Decode: decode.place,
}
