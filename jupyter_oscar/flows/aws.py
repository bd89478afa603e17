"""The AWS side of the sources GetSQS and GetS3: a queue, and a bucket's events sent to it.

DCNiOS lets anybody send to the queue, and replaces every notification that the bucket had (flows.md §1.5). Here the
queue takes from one bucket of one account, what others set up stays, and only what we made is ever removed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from jupyter_oscar.client.errors import (
    BucketNotFound,
    InvalidRequest,
    NotAllowed,
    NotAuthenticated,
    OscarError,
    Unreachable,
    UpstreamFailed,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from .marker import Marker
    from .model import Flow
    from .snapshot.made import Queue

#: Tells our statement in a policy, our notification of a bucket, and our queues by their tag.
OURS: Final = "jupyter-oscar"
EVENTS: Final = ("s3:ObjectCreated:*",)
#: Seconds that SQS wants between deleting a queue and making one of the same name.
AGAIN: Final = 60
#: A bucket takes a queue only once SQS has its policy everywhere.
TRIES: Final = 5

_MISSING: Final = frozenset({"NoSuchBucket", "404"})
_NO_QUEUE: Final = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})
_WHO: Final = frozenset({"InvalidClientTokenId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidAccessKeyId"})
_RIGHTS: Final = frozenset({"AccessDenied", "AccessDeniedException", "403"})


@dataclass(frozen=True)
class Made:
    """A queue's address, and what had to be made for it.

    In a marker's words: ``region/queue of account`` and ``region/bucket/queue of account``, with `` at <address>``
    where that is not AWS.
    """

    url: str
    queues: tuple[str, ...] = ()
    notifications: tuple[str, ...] = ()
    #: What was ours before: made by a run that was killed before it could say so, or by the last deployment.
    left: Made | None = None


async def ensure(queue: Queue, whose: str) -> Made:
    """Have the queue there, with its bucket's events sent to it. What is there is used as it is.

    ``whose`` tells one dataflow of one engine from all others, in letters, digits and ``-``: the queue carries it as a
    tag, by which one that a run made before it was killed is known again.

    Raises:
        NotAuthenticated, NotAllowed, BucketNotFound, UpstreamFailed, Unreachable: as AWS says; nothing is left behind.

    """
    what = f"Making the queue {queue.name}"
    async with _clients(queue, what) as (sqs, s3, sts):
        url = await _there(sqs, queue.name)
        is_new = url is None
        if url is None:
            url = (await sqs.create_queue(QueueName=queue.name, tags={OURS: whose}))["QueueUrl"]
        is_ours = is_new or await _tag(sqs, url) == whose
        made, left = Made(url), Made(url)
        try:
            arn = await _arn(sqs, url)
            word = _Word(queue.region, "", queue.name, arn.split(":")[4], queue.endpoint or "")
            if is_new:
                made = replace(made, queues=(str(word),))
            elif is_ours:
                left = replace(left, queues=(str(word),))
            if queue.bucket:
                account = (await sts.get_caller_identity())["Account"]
                await _permit(sqs, url, arn, queue.bucket, account)
                sent = await _notify(s3, queue, arn, account)
                said = (str(word._replace(bucket=queue.bucket)),)
                if sent is _Sent.NOW:
                    made = replace(made, notifications=said)
                elif sent is _Sent.BEFORE and is_ours:
                    left = replace(left, notifications=said)
        except BaseException:
            if is_new:
                with contextlib.suppress(Exception):
                    await sqs.delete_queue(QueueUrl=url)
            raise
        return replace(made, left=left)


async def remove(made: Made, queue: Queue) -> None:
    """Remove what :func:`ensure` made, and nothing else."""
    await _remove(queue, made.queues, made.notifications)


async def clear(queue: Queue, whose: str) -> list[str]:
    """Remove a queue that carries this tag, with its bucket's notification; what was removed, in words."""
    what = f"Removing the queue {queue.name}"
    async with _clients(queue, what) as (sqs, s3, _):
        url = await _there(sqs, queue.name)
        if url is None or await _tag(sqs, url) != whose:
            return []
        if queue.bucket:
            await _unnotify(s3, queue.bucket, f"{OURS}-{queue.name}")
        await sqs.delete_queue(QueueUrl=url)
    return [f"the queue {queue.name}"]


def queues(flow: Flow) -> list[Queue]:
    """The queues of a dataflow's sources, with the keys that its file has."""
    from . import model
    from .snapshot.elements.sqs import queue_of

    return [queue_of(one) for one in flow.elements.values() if isinstance(one, model.AwsSource)]


def said(marker: Marker | None) -> list[str]:
    """What a deployment made, in words."""
    if marker is None:
        return []
    made = [f"the queue {_Word.read(one).queue}" for one in marker.queues]
    words = map(_Word.read, marker.notifications)
    return made + [f"the notification of the bucket {word.bucket} to {word.queue}" for word in words]


def unread(marker: Marker, queues: Sequence[Queue]) -> list[str]:
    """Queues that were made for a dataflow and that it reads no more."""
    read = {(one.region, one.name) for one in queues}
    words = map(_Word.read, marker.queues)
    return [word.queue for word in words if (word.region, word.queue) not in read]


async def forget(marker: Marker, known: Sequence[Queue] = (), progress: Callable[[str], None] | None = None) -> None:
    """Remove what a deployment made, by its marker: with the keys that ``known`` queues have, else this machine's.

    Raises:
        NotAllowed, NotAuthenticated: the keys are another account's, may not, or there are none.

    """
    from .snapshot.made import Queue

    hint = "Name its file, whose keys are used then (flow delete FILE), or leave that there (--keep-queues)."
    keys = {(one.name, one.region, one.endpoint or ""): one for one in known}
    for at in dict.fromkeys(word.whole for word in map(_Word.read, (*marker.notifications, *marker.queues))):
        here = keys.get((at.queue, at.region, at.at)) or Queue(
            marker.flow, at.queue, at.region, "", None, at.at or None
        )
        made = [
            tuple(one for one in some if _Word.read(one).whole == at) for some in (marker.queues, marker.notifications)
        ]
        try:
            await _remove(here, *made)
        except (NotAllowed, NotAuthenticated) as error:
            raise type(error)(error.message, hint=hint, upstream=error.upstream) from error
        if progress is not None:
            for thing in said(replace(marker, queues=made[0], notifications=made[1])):
                progress(f"Removed {thing}.")


class _Word(NamedTuple):
    """What a marker says of one thing made."""

    region: str
    bucket: str
    queue: str
    #: In AWS; empty where it is not known.
    account: str
    at: str

    @classmethod
    def read(cls, text: str) -> _Word:
        words, _, at = text.partition(" at ")
        words, _, account = words.partition(" of ")
        region, *bucket, queue = words.split("/")
        return cls(region, "".join(bucket), queue, account, at)

    @property
    def whole(self) -> _Word:
        """The queue alone."""
        return self._replace(bucket="")

    def __str__(self) -> str:
        words = "/".join(filter(None, (self.region, self.bucket, self.queue)))
        words += f" of {self.account}" if self.account else ""
        return f"{words} at {self.at}" if self.at else words


async def _remove(at: Queue, queues: Sequence[str], notifications: Sequence[str]) -> None:
    what = f"Removing the queue {at.name}"
    async with _clients(at, what) as (sqs, s3, sts):
        for word in map(_Word.read, (*queues, *notifications)):
            # Else a queue of another account would be taken for one that is gone.
            await _same_account(sts, word, what)
        ours = [_Word.read(one).queue for one in queues]
        for word in map(_Word.read, notifications):
            await _unnotify(s3, word.bucket, f"{OURS}-{word.queue}")
            if word.queue not in ours:
                await _forbid(sqs, word.queue, word.bucket)
        for name in ours:
            url = await _there(sqs, name)
            if url is not None:
                await sqs.delete_queue(QueueUrl=url)


async def _same_account(sts: Any, word: _Word, what: str) -> None:
    from botocore.exceptions import ClientError

    if not word.account:
        return
    try:
        account = (await sts.get_caller_identity())["Account"]
    except ClientError as error:
        if word.at:  # what is not AWS need not know who asks
            return
        raise _said(what, error) from error
    if account != word.account and not word.at:
        msg = f"{what} failed: it is in the account {word.account}, and these keys are of {account}."
        raise NotAllowed(msg)


async def _there(sqs: Any, name: str) -> str | None:
    from botocore.exceptions import ClientError

    try:
        return str((await sqs.get_queue_url(QueueName=name))["QueueUrl"])
    except ClientError as error:
        if _code(error) in _NO_QUEUE:
            return None
        raise


async def _tag(sqs: Any, url: str) -> str | None:
    """Whose a queue is; None where it says nothing, or we may not know."""
    from botocore.exceptions import ClientError

    try:
        tags = (await sqs.list_queue_tags(QueueUrl=url)).get("Tags") or {}
    except ClientError:
        return None
    return None if OURS not in tags else str(tags[OURS])


async def _arn(sqs: Any, url: str) -> str:
    found = await sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return str(found["Attributes"]["QueueArn"])


async def _permit(sqs: Any, url: str, arn: str, bucket: str, account: str) -> None:
    """Let this bucket of this account send, beside whatever the policy says already."""
    statement = {
        "Sid": _sid(bucket),
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {
            "ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"},
            "StringEquals": {"aws:SourceAccount": account},
        },
    }
    policy = await _policy(sqs, url)
    there = policy["Statement"]
    policy["Statement"] = [*(one for one in there if one.get("Sid") != _sid(bucket)), statement]
    if policy["Statement"] != there:
        await sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})


async def _forbid(sqs: Any, name: str, bucket: str) -> None:
    """Take our statement out of the policy of a queue that was there before."""
    url = await _there(sqs, name)
    if url is None:
        return
    policy = await _policy(sqs, url)
    left = [one for one in policy["Statement"] if one.get("Sid") != _sid(bucket)]
    if left != policy["Statement"]:
        said = json.dumps({**policy, "Statement": left}) if left else ""
        await sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": said})


async def _policy(sqs: Any, url: str) -> dict[str, Any]:
    found = await sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
    said = json.loads((found.get("Attributes") or {}).get("Policy") or "{}")
    return {"Version": "2012-10-17", "Statement": [], **said}


def _sid(bucket: str) -> str:
    return f"{OURS}-{bucket}"


class _Sent(Enum):
    """By whose doing a bucket sends its events to a queue."""

    NOW = "by what was asked now"
    BEFORE = "by a notification of ours that was there"
    BY_OTHERS = "by somebody else's"


async def _notify(s3: Any, queue: Queue, arn: str, account: str) -> _Sent:
    """Send the bucket's events to the queue, beside whatever it does with them already."""
    from botocore.exceptions import ClientError

    bucket, name = str(queue.bucket), f"{OURS}-{queue.name}"
    config = await _notifications(s3, bucket)
    there = config.get("QueueConfigurations") or []
    all_ = [one for one in there if one["QueueArn"] == arn and set(EVENTS) <= set(one["Events"])]
    if whole := [one for one in all_ if not one.get("Filter")]:
        return _Sent.BEFORE if any(one.get("Id") == name for one in whole) else _Sent.BY_OTHERS
    others = [one for one in there if one.get("Id") != name]
    config["QueueConfigurations"] = [*others, {"Id": name, "QueueArn": arn, "Events": list(EVENTS)}]
    for left in reversed(range(TRIES)):
        try:
            await s3.put_bucket_notification_configuration(
                Bucket=bucket, NotificationConfiguration=config, ExpectedBucketOwner=account
            )
            break
        except ClientError as error:
            # AWS asks the queue whether the bucket may; its policy takes some seconds to be known everywhere.
            if _code(error) != "InvalidArgument" or not left:
                raise
        await asyncio.sleep(2)
    return _Sent.NOW


async def _unnotify(s3: Any, bucket: str, name: str) -> None:
    from botocore.exceptions import ClientError

    try:
        config = await _notifications(s3, bucket)
    except ClientError as error:
        if _code(error) in _MISSING:
            return
        raise
    there = config.get("QueueConfigurations") or []
    left = [one for one in there if one.get("Id") != name]
    if len(left) != len(there):
        config.pop("QueueConfigurations")
        if left:
            config["QueueConfigurations"] = left
        await s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=config)


async def _notifications(s3: Any, bucket: str) -> dict[str, Any]:
    config = dict(await s3.get_bucket_notification_configuration(Bucket=bucket))
    config.pop("ResponseMetadata", None)
    return config


@contextlib.asynccontextmanager
async def _clients(queue: Queue, what: str) -> AsyncIterator[tuple[Any, Any, Any]]:
    """SQS, S3 and STS, with the file's keys or else those of this machine, in AWS's own order."""
    from aiobotocore.session import get_session
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    keys: Mapping[str, str] = {}
    if queue.access_key is not None and queue.secret_key is not None:
        keys = {
            "aws_access_key_id": queue.access_key.get_secret_value(),
            "aws_secret_access_key": queue.secret_key.get_secret_value(),
        }
    config = Config(connect_timeout=10, read_timeout=30, retries={"mode": "standard"}, s3={"addressing_style": "auto"})
    options = {"region_name": queue.region, "endpoint_url": queue.endpoint, "config": config, **keys}
    session = get_session()
    try:
        async with (
            session.create_client("sqs", **options) as sqs,
            session.create_client("s3", **options) as s3,
            session.create_client("sts", **options) as sts,
        ):
            yield sqs, s3, sts
    except NoCredentialsError as error:
        msg = f"{what} failed: there are no keys for AWS."
        hint = "Give AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the file, as references, or in the environment."
        raise NotAuthenticated(msg, hint=hint) from error
    except ClientError as error:
        raise _said(what, error) from error
    except BotoCoreError as error:
        msg = f"{what} failed: {queue.endpoint or f'AWS in {queue.region}'} cannot be reached."
        raise Unreachable(msg) from error


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _said(what: str, error: Any) -> OscarError:
    code, text = _code(error), str(error.response.get("Error", {}).get("Message") or "")
    kinds: tuple[tuple[frozenset[str], type[OscarError], str | None], ...] = (
        (_MISSING, BucketNotFound, "The bucket has to be there: it is yours, and is never made or removed here."),
        (_WHO, NotAuthenticated, "Check the keys of AWS."),
        (_RIGHTS, NotAllowed, "The keys need sqs:* on the queue and s3:*BucketNotification on the bucket."),
        (
            frozenset({"AWS.SimpleQueueService.QueueDeletedRecently", "QueueDeletedRecently"}),
            UpstreamFailed,
            f"A queue of that name was deleted just now: try again after {AGAIN} s.",
        ),
        (frozenset({"InvalidArgument", "InvalidParameterValue"}), InvalidRequest, None),
    )
    kind, hint = next(((kind, hint) for codes, kind, hint in kinds if code in codes), (UpstreamFailed, None))
    why = text.rstrip(".") or code or "AWS does not say why"
    return kind(f"{what} failed: {why}.", hint=hint, upstream=text or code)
