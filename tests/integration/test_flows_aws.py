"""Buckets that send their events to queues, on a server that speaks AWS."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from jupyter_oscar.client.credentials import Secret
from jupyter_oscar.client.errors import BucketNotFound, NotAllowed, NotAuthenticated, Unreachable
from jupyter_oscar.client.keys import MachineKey
from jupyter_oscar.flows import aws, lint, plan
from jupyter_oscar.flows.engines.base import Deployed, without_engine
from jupyter_oscar.flows.marker import Marker
from jupyter_oscar.flows.snapshot.compile import compile_flow
from jupyter_oscar.flows.snapshot.made import Queue

if TYPE_CHECKING:
    from collections.abc import Iterator

REGION, ACCOUNT = "eu-west-1", "123456789012"
WHOSE = "0c5b-flow"
KEYS = {"aws_access_key_id": "access", "aws_secret_access_key": "very-secret"}


@pytest.fixture(scope="module")
def at() -> Iterator[str]:
    """Its address."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


class Person:
    """Somebody who looks at AWS with boto3."""

    def __init__(self, at: str) -> None:
        self.s3, self.sqs = (
            boto3.client(kind, endpoint_url=at, region_name=REGION, **KEYS)  # type: ignore[call-overload]
            for kind in ("s3", "sqs")
        )

    def bucket(self, name: str) -> str:
        self.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        return name

    def notifications(self, bucket: str) -> set[str]:
        found = self.s3.get_bucket_notification_configuration(Bucket=bucket)
        return {one["QueueArn"].rpartition(":")[2] for one in found.get("QueueConfigurations", ())}

    def queues(self) -> set[str]:
        return {url.rpartition("/")[2] for url in self.sqs.list_queues().get("QueueUrls", ())}

    def policy(self, name: str) -> list[Any]:
        url = self.sqs.get_queue_url(QueueName=name)["QueueUrl"]
        said = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes", {})
        return list(json.loads(said.get("Policy") or "{}").get("Statement", ()))


@pytest.fixture
def person(at: str) -> Person:
    return Person(at)


def queue(at: str, name: str, bucket: str | None = None) -> Queue:
    keys = Secret("access"), Secret("very-secret")
    return Queue("src", name, REGION, "src.queue", bucket, at, *keys)


def test_a_bucket_sends_its_events_to_a_queue_that_takes_them_from_nobody_else(at: str, person: Person) -> None:
    bucket = person.bucket("photos")
    made = asyncio.run(aws.ensure(queue(at, "photos_events", bucket), WHOSE))
    [statement] = person.policy("photos_events")
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
    assert statement["Condition"] == {
        "ArnEquals": {"aws:SourceArn": "arn:aws:s3:::photos"},
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
    }
    person.s3.put_object(Bucket=bucket, Key="in/a b.png", Body=b"x")
    bodies = []
    while len(bodies) < 2:  # it begins with a message that says that it can
        found = person.sqs.receive_message(QueueUrl=made.url, MaxNumberOfMessages=10, WaitTimeSeconds=5)
        bodies += [json.loads(one["Body"]) for one in found["Messages"]]
    assert [one["s3"]["object"]["key"] for body in bodies for one in body.get("Records", ())] == ["in%2Fa+b.png"]

    again = asyncio.run(aws.ensure(queue(at, "photos_events", bucket), WHOSE))
    assert (again.url, again.queues, again.notifications) == (made.url, (), ())
    asyncio.run(aws.remove(made, queue(at, "photos_events", bucket)))
    assert "photos_events" not in person.queues()
    assert person.notifications(bucket) == set()


def test_what_others_set_up_stays(at: str, person: Person) -> None:
    bucket = person.bucket("shared")
    theirs = person.sqs.create_queue(QueueName="theirs")["QueueUrl"]
    arn = person.sqs.get_queue_attributes(QueueUrl=theirs, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule = {"Sid": "theirs", "Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [rule]})
    person.sqs.set_queue_attributes(QueueUrl=theirs, Attributes={"Policy": policy})
    kept = {"Id": "kept", "QueueArn": arn, "Events": ["s3:ObjectRemoved:*"]}
    person.s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [kept]}
    )

    made = [asyncio.run(aws.ensure(queue(at, name, bucket), WHOSE)) for name in ("ours", "theirs")]
    assert [one.queues for one in made] == [(f"{REGION}/ours of {ACCOUNT} at {at}",), ()]
    assert person.notifications(bucket) == {"ours", "theirs"}
    assert {one["Sid"] for one in person.policy("theirs")} == {"theirs", "jupyter-oscar-shared"}

    for one in made:
        asyncio.run(aws.remove(one, queue(at, "", bucket)))
    found = person.s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]
    assert [one["Id"] for one in found] == ["kept"]
    assert [one["Sid"] for one in person.policy("theirs")] == ["theirs"]
    assert person.queues() >= {"theirs"}
    assert "ours" not in person.queues()


def test_a_deployments_marker_says_what_to_remove(at: str, person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = person.bucket("marked")
    made = asyncio.run(aws.ensure(queue(at, "marked_events", bucket), WHOSE))
    for key, value in KEYS.items():
        monkeypatch.setenv(key.upper(), value)
    marker = Marker("flow", "", queues=made.queues, notifications=made.notifications)
    asyncio.run(aws.forget(marker))
    asyncio.run(aws.forget(marker))  # cut off and done again
    assert "marked_events" not in person.queues()
    assert person.notifications(bucket) == set()


def test_what_a_killed_run_made_is_removed_with_the_dataflow_that_the_next_run_deploys(at: str, person: Person) -> None:
    """It could not say anywhere but on the queue itself whose that is."""
    bucket = person.bucket("killed")
    first = asyncio.run(aws.ensure(queue(at, "killed_events", bucket), WHOSE))
    again = asyncio.run(aws.ensure(queue(at, "killed_events", bucket), WHOSE))
    assert (again.queues, again.notifications) == ((), ()), "this run did not make it, so it does not undo it"
    assert again.left is not None
    assert (again.left.queues, again.left.notifications) == (first.queues, first.notifications)
    other = asyncio.run(aws.ensure(queue(at, "killed_events", bucket), "another-flow"))
    assert other.left is not None
    assert (other.left.queues, other.left.notifications) == ((), ())
    asyncio.run(aws.remove(again.left, queue(at, "killed_events", bucket)))
    assert "killed_events" not in person.queues()
    assert person.notifications(bucket) == set()


def test_what_a_killed_run_made_is_removed_also_when_no_other_run_deploys_it(at: str, person: Person) -> None:
    bucket = person.bucket("given-up")
    ours = queue(at, "given_up_events", bucket)
    assert asyncio.run(aws.clear(ours, WHOSE)) == [], "it is not there yet"
    asyncio.run(aws.ensure(ours, WHOSE))
    assert asyncio.run(aws.clear(ours, "another-flow")) == []
    assert person.notifications(bucket) == {"given_up_events"}
    assert asyncio.run(aws.clear(ours, WHOSE)) == ["the queue given_up_events"]
    assert "given_up_events" not in person.queues()
    assert person.notifications(bucket) == set()


def test_another_queue_in_the_file_is_a_change_and_the_old_one_is_named(tmp_path: Path) -> None:
    def compiled(name: str) -> Any:
        text = f"nifi: {{Source: {{GetSQS: [{{name: q, queue_name: {name}, AWS_DEFAULT_REGION: {REGION}}}]}}}}"
        return compile_flow(lint.parse(text, Path("flow.yaml")).sound(), without_engine("1.18.0"))

    def planned(snapshot: Any, deployed: Deployed | None = None) -> plan.Plan:
        return plan.make(snapshot, deployed, key=MachineKey(tmp_path / "key"))

    old, new = compiled("old"), compiled("new")
    marker = replace(planned(old).marker, queues=(f"{REGION}/old of {ACCOUNT}",))
    there = Deployed("flow", "id", marker, old.flow)
    assert planned(old, there).action is plan.Action.NOTHING
    assert [str(step) for step in planned(new, there).steps] == [
        f"Make the queue new (AWS, {REGION}) unless it is there.",
        f"Set q.queue anew: from old in {REGION} to new in {REGION}.",
    ]
    assert aws.unread(marker, new.queues) == ["old"]
    assert aws.unread(marker, old.queues) == []


@contextlib.contextmanager
def keys_seen(at: str, odd: Any) -> Iterator[tuple[str, set[str]]]:
    """The same server, and the names of the keys that it was asked with."""
    seen: set[str] = set()

    class Seeing(odd.Passing):  # type: ignore[misc]
        upstream = at

        def _look(self) -> None:
            seen.add(self.headers["Authorization"].partition("Credential=")[2].partition("/")[0])
            self._pass()

        do_GET = do_POST = do_PUT = do_DELETE = _look  # noqa: N815 - http.server looks them up

    with odd.serving(Seeing) as url:
        yield url, seen


def test_what_was_made_with_a_file_s_keys_is_removed_with_them(
    at: str, person: Person, odd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "machine")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret-too")
    bucket = person.bucket("of-a-file")
    said: list[str] = []
    with keys_seen(at, odd) as (url, seen):
        made = asyncio.run(aws.ensure(queue(url, "of-a-file_events", bucket), WHOSE))
        marker = Marker("flow", "", queues=made.queues, notifications=made.notifications)
        asyncio.run(aws.forget(marker, [queue(url, "of-a-file_events", bucket)], said.append))
        assert seen == {"access"}
        asyncio.run(aws.forget(marker))
        assert seen == {"access", "machine"}
    assert "of-a-file_events" not in person.queues()
    assert person.notifications(bucket) == set()
    assert said == [f"Removed {one}." for one in aws.said(marker)]
    assert said[0] == "Removed the queue of-a-file_events."


def test_keys_of_another_account_remove_nothing_and_it_is_said_what_to_do(
    at: str, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", at)
    for key, value in KEYS.items():
        monkeypatch.setenv(key.upper(), value)
    made = asyncio.run(aws.ensure(Queue("src", "elsewhere", REGION, "q"), WHOSE))
    assert made.queues == (f"{REGION}/elsewhere of {ACCOUNT}",)
    other = made.queues[0].replace(ACCOUNT, "999999999999")
    with pytest.raises(NotAllowed, match=f"in the account 999999999999, and these keys are of {ACCOUNT}") as caught:
        asyncio.run(aws.forget(Marker("flow", "", queues=(other,))))
    assert "flow delete FILE" in caught.value.hint
    assert "elsewhere" in person.queues()
    asyncio.run(aws.forget(Marker("flow", "", queues=made.queues)))
    assert "elsewhere" not in person.queues()


def test_what_fails_leaves_nothing_and_is_said_without_keys(
    at: str, person: Person, odd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BucketNotFound, match="Making the queue gone_events failed") as caught:
        asyncio.run(aws.ensure(queue(at, "gone_events", "no-such-bucket"), WHOSE))
    assert "gone_events" not in person.queues()
    assert "very-secret" not in f"{caught.value}{caught.value.__cause__!r}{queue(at, 'x')!r}"
    with odd.refusing() as nobody, pytest.raises(Unreachable, match="cannot be reached"):
        asyncio.run(aws.ensure(queue(nobody, "any"), WHOSE))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", "/nonexistent")
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(key, raising=False)
    with pytest.raises(NotAuthenticated, match="there are no keys for AWS"):
        asyncio.run(aws.ensure(Queue("src", "any", REGION, "q", endpoint=at), WHOSE))
