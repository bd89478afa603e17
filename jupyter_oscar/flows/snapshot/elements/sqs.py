"""A queue in SQS. Ten messages at a time, asked for with a long wait: an empty queue costs three requests a minute.

S3 greets a queue with a test message when its notifications are set up; that is no event (flows.md §4.2).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from jupyter_oscar.client.credentials import Secret
from jupyter_oscar.flows.snapshot import arrival
from jupyter_oscar.flows.snapshot.made import Queue
from jupyter_oscar.flows.snapshot.parts import Runs, runs, text
from jupyter_oscar.flows.snapshot.types import AWS_SERVICE, GET_SQS, ROUTE_ON_CONTENT

if TYPE_CHECKING:
    from pydantic import SecretStr

    from jupyter_oscar.flows.engines.base import Capabilities
    from jupyter_oscar.flows.model import AwsSource, S3Destination, SqsSource
    from jupyter_oscar.flows.snapshot.parts import Group
    from jupyter_oscar.flows.snapshot.types import Type

TEST: Final = r'"Event"\s*:\s*"s3:TestEvent"'
CREDENTIALS: Final = "AWS Credentials Provider service"


def reader(capabilities: Capabilities) -> tuple[Type, ...]:
    """What a NiFi reads it by."""
    return (GET_SQS,) if capabilities.major < 2 else (GET_SQS, AWS_SERVICE)  # noqa: PLR2004


def place(element: SqsSource, group: Group) -> None:
    """Its group."""
    read(element, group)


def read(element: AwsSource, group: Group) -> None:
    """The processors that read a queue."""
    native = arrival.native(element, element.extra, group.build, *reader(group.build.capabilities))
    reference = _queue(element, group, native=native)
    if not native:
        arrival.listen(element, element.extra, group)
        return
    properties = {
        "Queue URL": reference,
        "Auto Delete Messages": "true",
        "Region": element.AWS_DEFAULT_REGION,
        "Batch Size": "10",
        "Visibility Timeout": "15 mins",
        "Receive Message Wait Time": "20 sec",
        "Communications Timeout": "30 secs",
        "Endpoint Override URL": text(element.extra.endpoint) if element.extra.endpoint else None,
        **credentials(element, group),
    }
    made = group.processor(
        "GetSQS",
        GET_SQS,
        properties,
        runs(element, "GetSQS"),
        hidden=["Access Key", "Secret Key"],
        services=[CREDENTIALS],
        at=(0, 0),
    )
    test = group.processor(
        "Leave out test messages",
        ROUTE_ON_CONTENT,
        {
            "Match Requirement": "content must contain match",
            "Character Set": "UTF-8",
            "Content Buffer Size": "1 MB",
            "test": TEST,
        },
        Runs(ends=("test",)),
        dynamic=["test"],
    )
    group.connect(made, test, ["success"])
    group.connect(test, group.port("out"), ["unmatched"])


def credentials(element: AwsSource | S3Destination, group: Group) -> dict[str, str | None]:
    """The properties by which a processor signs in to AWS: two in NiFi 1, a service in NiFi 2."""
    keys = {
        "Access Key": _key(group, element.name, "access-key", element.AWS_ACCESS_KEY_ID),
        "Secret Key": _key(group, element.name, "secret-key", element.AWS_SECRET_ACCESS_KEY),
    }
    if group.build.capabilities.major < 2:  # noqa: PLR2004
        return keys
    if keys["Access Key"] is None:
        group.build.notes.append(f"{element.name}: no AWS keys were found, so NiFi uses what its own machine has.")
        return {CREDENTIALS: group.service("AWS credentials", AWS_SERVICE, {})}
    return {CREDENTIALS: group.service("AWS credentials", AWS_SERVICE, keys, hidden=["Access Key", "Secret Key"])}


def _key(group: Group, element: str, name: str, value: SecretStr | None) -> str | None:
    return None if value is None else group.build.secret(element, name, value)


def _queue(element: AwsSource, group: Group, *, native: bool) -> str:
    """What has to be made in AWS, and the reference to the address that the queue then has."""
    reference = group.build.parameter(element.name, "queue-url", "") if native else ""
    queue = queue_of(element, reference[2:-1])
    # Nothing else of the flow says which queue it is, before there is one.
    named = group.build.parameter(element.name, "queue", str(queue))
    group.build.queues.append(replace(queue, named=named[2:-1]))
    return reference


def queue_of(element: AwsSource, parameter: str = "") -> Queue:
    """The queue that a source reads, with the keys that its file has."""
    access, secret = element.AWS_ACCESS_KEY_ID, element.AWS_SECRET_ACCESS_KEY
    return Queue(
        element.name,
        element.queue,
        element.AWS_DEFAULT_REGION,
        parameter,
        getattr(element, "AWS_S3_BUCKET", None),
        element.extra.endpoint,
        Secret(access.get_secret_value()) if access else None,
        Secret(secret.get_secret_value()) if secret else None,
    )
