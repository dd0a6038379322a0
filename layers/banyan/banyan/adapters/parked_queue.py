"""What an operator does to parked records: see them, and put them back on their stream."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import orjson
from botocore.exceptions import ClientError

from banyan.adapters.clients import outages, refusal

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

HIDDEN_SECONDS: Final = 60
"""Longer than an answer may take: no message is met twice by one."""
AT_ONCE: Final = 10
MOST_LOOKED_AT: Final = 2_000
"""Messages, for those with a code: without their bytes, and within the time of an answer."""
GIVEN_UP: Final = "given_up"
EXPIRED: Final = frozenset({"InvalidArgumentException", "ResourceNotFoundException"})
"""What Kinesis says of a sequence number, or a shard, that it no longer has."""

Keyed = Sequence[tuple[str, bytes]]
"""Records as they are put on a stream: partition keys and bytes."""


@dataclass(frozen=True, slots=True)
class ParkedMessage:
    """A message of the queue: a record that was refused, or a batch that Lambda gave up.

    Parameters
    ----------
    receipt : str
        By which this reader may remove it.
    body : Mapping[str, Any]
        Empty when it cannot be read.
    """

    id: str
    receipt: str
    body: Mapping[str, Any]

    @property
    def batch(self) -> Mapping[str, Any]:
        """Which records Lambda gave up; empty for a record that was refused."""
        found = self.body.get("KinesisBatchInfo")
        return found if isinstance(found, dict) else {}

    @property
    def code(self) -> str:
        """Why it is here."""
        return GIVEN_UP if self.batch else str(self.body.get("code", ""))


@dataclass(slots=True)
class PutBack:
    """What became of messages that were to be put back.

    Parameters
    ----------
    records : int
        So many are on their stream again.
    gone : list[ParkedMessage]
        Those that stay in the queue, since the stream no longer has all of their records; what it has is on it again.
    """

    records: int = 0
    gone: list[ParkedMessage] = field(default_factory=list)


class ParkedQueue:
    """The queue of parked records, for an operator.

    Parameters
    ----------
    queues, streams : Callable
        Make the clients when they are needed first.
    """

    def __init__(self, queues: Callable[[], SQSClient], streams: Callable[[], Any], url: str) -> None:
        self._make_queues = queues
        self._make_streams = streams
        self._url = url

    def waiting(self) -> int:
        """About how many messages there are. Raises ``StoreUnavailable``."""
        with outages("the queue of parked records"):
            answer = self._queues.get_queue_attributes(
                QueueUrl=self._url, AttributeNames=["ApproximateNumberOfMessages"]
            )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def look(self, most: int) -> Sequence[ParkedMessage]:
        """Some messages, which stay where they are. Raises ``StoreUnavailable``."""
        found = list(self._taken(most))
        self._release(found)
        return found

    def put_back(self, most: int, code: str | None = None) -> PutBack:
        """Put the records of some messages back on their stream, and remove these; only those with a code, if given.

        Others before them are passed over, so that the few of one cause are found among many of another.

        A process that dies in between leaves a record on the stream and in the queue; which is then nothing new.

        Raises
        ------
        StoreUnavailable
            Some may have been put back; do it again.
        """
        done, kept, found = PutBack(), list[ParkedMessage](), list[ParkedMessage]()
        for message in self._taken(most, code):  # all of them first: what is refused again is soon there again
            if code in (None, message.code) and len(found) < most:
                found.append(message)
            else:
                kept.append(replace(message, body={}))
        for message in found:
            records, complete = self._records(message)
            self._put(message, records)
            done.records += len(records)
            if complete:
                self._remove(message)
            else:
                done.gone.append(message)
        self._release([*kept, *done.gone])
        return done

    def _taken(self, most: int, code: str | None = None) -> Iterator[ParkedMessage]:
        """Messages that no other reader meets meanwhile, as many as there are to be with a code among them."""
        left, looked_at = most, 0
        while left > 0 and looked_at < max(most, MOST_LOOKED_AT):
            size = min(left, AT_ONCE) if code is None else AT_ONCE
            with outages("the queue of parked records"):
                answer = self._queues.receive_message(
                    QueueUrl=self._url, MaxNumberOfMessages=size, VisibilityTimeout=HIDDEN_SECONDS
                )
            found = answer.get("Messages", [])
            if not found:
                return
            messages = [ParkedMessage(each["MessageId"], each["ReceiptHandle"], _read(each["Body"])) for each in found]
            left -= sum(code in (None, message.code) for message in messages)
            looked_at += len(messages)
            yield from messages

    def _release(self, messages: Sequence[ParkedMessage]) -> None:
        for start in range(0, len(messages), AT_ONCE):
            entries: Any = [
                {"Id": str(number), "ReceiptHandle": message.receipt, "VisibilityTimeout": 0}
                for number, message in enumerate(messages[start : start + AT_ONCE])
            ]
            with outages("the queue of parked records"):
                self._queues.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)

    def _remove(self, message: ParkedMessage) -> None:
        with outages("the queue of parked records"):
            self._queues.delete_message(QueueUrl=self._url, ReceiptHandle=message.receipt)

    def _records(self, message: ParkedMessage) -> tuple[Keyed, bool]:
        """Partition keys and bytes of the records that a message is about, and whether these are all."""
        try:
            return self._named_by(message.body, message.batch)
        except (KeyError, TypeError, ValueError):  # anyone with the permission may send a message
            return [], False

    def _named_by(self, body: Mapping[str, Any], batch: Mapping[str, Any]) -> tuple[Keyed, bool]:
        if "data" in body:
            key, data, source = _texts(body, "partitionKey", "data", "source")
            return [(key, b64decode(data))], bool(source)
        if batch:
            return self._read_again(*_texts(batch, "streamArn", "shardId", "startSequenceNumber", "endSequenceNumber"))
        return self._read_again(*_texts(body, "source", "shard", "sequenceNumber", "sequenceNumber"))

    def _read_again(self, source: str, shard: str, first: str, last: str) -> tuple[Keyed, bool]:
        """The records between two, as far as the stream has them: it drops the oldest first, and begins behind them."""
        found: dict[str, tuple[str, bytes]] = {}
        for record in self._from(source, shard, first):
            if int(record["SequenceNumber"]) > int(last):
                break
            found[record["SequenceNumber"]] = (record["PartitionKey"], record["Data"])
            if record["SequenceNumber"] == last:
                break
        return list(found.values()), found.keys() >= {first, last}

    def _from(self, source: str, shard: str, first: str) -> Iterator[Mapping[str, Any]]:
        """The records of a shard from one on; none when the stream no longer has it."""
        place = {"ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": first}
        try:
            answer = self._streams.get_shard_iterator(StreamName=_name(source), ShardId=shard, **place)
        except ClientError as error:
            if error.response["Error"]["Code"] in EXPIRED:
                return
            raise refusal(error.response["Error"]["Code"], "the stream") from error
        iterator = answer["ShardIterator"]
        while iterator:
            with outages("the stream"):
                page = self._streams.get_records(ShardIterator=iterator)
            yield from page["Records"]
            iterator = page.get("NextShardIterator") if page.get("MillisBehindLatest") or page["Records"] else None

    def _put(self, message: ParkedMessage, records: Keyed) -> None:
        if not records:
            return
        name = _name(message.batch.get("streamArn") or message.body["source"])
        for key, data in records:
            with outages("the stream"):
                self._streams.put_record(StreamName=name, PartitionKey=key, Data=data)

    @cached_property
    def _queues(self) -> SQSClient:
        return self._make_queues()

    @cached_property
    def _streams(self) -> Any:
        return self._make_streams()


def _texts(found: Mapping[str, Any], *names: str) -> Sequence[str]:
    """Some members, all of them text. Raises ``KeyError`` or ``TypeError``."""
    for name in names:
        if not isinstance(found[name], str):
            raise TypeError(f"{name} has to be text")
    return [found[name] for name in names]


def _name(arn: str) -> str:
    return arn.rpartition(":stream/")[2]


def _read(body: str) -> Mapping[str, Any]:
    try:
        found = orjson.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
