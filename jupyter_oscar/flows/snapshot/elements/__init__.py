"""What each kind of element becomes: one file a kind, each with ``place(element, group)``.

A new kind is a model, a file here, and its line in :data:`PLACES`. A group's events come in by its ``in`` port and
leave by its ``out`` port; what is between is the kind's own business. A source that a NiFi can read by itself also has
its line in :data:`READERS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from jupyter_oscar.flows import model
from jupyter_oscar.flows.snapshot import arrival

from . import dcache, decode, encode, generic, kafka, merge, oscar, put_s3, rucio, s3, sqs

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_oscar.flows.engines.base import Capabilities
    from jupyter_oscar.flows.snapshot.types import Type

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
READERS: Final[dict[type, Callable[[Capabilities], tuple[Type, ...]]]] = {
    model.KafkaSource: kafka.reader,
    model.SqsSource: sqs.reader,
    model.S3Source: sqs.reader,
    model.RucioSource: rucio.reader,
}


def bridged(flow: model.Flow, capabilities: Capabilities) -> frozenset[str]:
    """The sources that a NiFi with these capabilities does not read itself; what they are read with is not sent there.

    Of what such a source holds that NiFi gets only what its bridge's end listens with.
    """
    sources: list[Any] = [one for one in flow.elements.values() if isinstance(one, model.Source)]
    return frozenset(
        one.name
        for one in sources
        if type(one) not in READERS or not arrival.reads(one.extra, capabilities, *READERS[type(one)](capabilities))
    )
