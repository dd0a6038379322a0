"""Parked records are seen by an operator, and put back on their stream."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
import pytest
from tests.support.clocks import START

from banyan.adapters.parked_queue import GIVEN_UP, ParkedQueue
from banyan.adapters.parked_records import MAX_REQUEST_BYTES, ParkedRecord, SqsParkedRecords, StreamRecord
from banyan.errors import StoreUnavailable
from banyan_tools.local.engine import moto_engine

LARGE = bytes(MAX_REQUEST_BYTES)


@cache
def client(service: str) -> Any:
    """One for all tests: making one takes longer than most of them."""
    return boto3.client(service, region_name="eu-central-1")  # type: ignore[call-overload]


class Parking:
    """A stream and the queue of what was refused of it."""

    def __init__(self) -> None:
        self.kinesis, self.sqs = client("kinesis"), client("sqs")
        self.kinesis.create_stream(StreamName="readings", ShardCount=1)
        self.arn = self.kinesis.describe_stream(StreamName="readings")["StreamDescription"]["StreamARN"]
        self.url = self.sqs.create_queue(QueueName="failures")["QueueUrl"]
        self.queue = ParkedQueue(lambda: self.sqs, lambda: self.kinesis, self.url)

    def put(self, *data: bytes) -> list[StreamRecord]:
        """Put records on the stream."""
        found = [self.kinesis.put_record(StreamName="readings", PartitionKey="a", Data=each) for each in data]
        return [
            StreamRecord(self.arn, each["ShardId"], each["SequenceNumber"], "a", START, content)
            for each, content in zip(found, data, strict=True)
        ]

    def park(self, *data: bytes, code: str = "unreadable") -> None:
        records = [ParkedRecord(each, code, "it is not JSON", "acme") for each in self.put(*data)]
        SqsParkedRecords(lambda: self.sqs, self.url).park(records)

    def give_up(self, records: Sequence[StreamRecord]) -> None:
        """Tell of a batch as Lambda does."""
        info = {
            "shardId": records[0].shard,
            "startSequenceNumber": records[0].sequence_number,
            "endSequenceNumber": records[-1].sequence_number,
            "approximateArrivalOfFirstRecord": "2026-01-05T09:00:00Z",
            "approximateArrivalOfLastRecord": "2026-01-05T09:00:01Z",
            "batchSize": len(records),
            "streamArn": self.arn,
        }
        body = {"requestContext": {"condition": "RecordAgeExceeded"}, "version": "1.0", "KinesisBatchInfo": info}
        self.sqs.send_message(QueueUrl=self.url, MessageBody=json.dumps(body))

    def on_stream(self) -> list[bytes]:
        shard = self.kinesis.list_shards(StreamName="readings")["Shards"][0]["ShardId"]
        place = {"ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
        iterator = self.kinesis.get_shard_iterator(StreamName="readings", **place)["ShardIterator"]
        return [each["Data"] for each in self.kinesis.get_records(ShardIterator=iterator)["Records"]]


@pytest.fixture
def parking() -> Iterator[Parking]:
    with moto_engine():
        yield Parking()


def test_looking_at_them_leaves_them_where_they_are(parking: Parking) -> None:
    parking.park(*(b"%d" % number for number in range(13)))

    for _ in range(2):
        found = parking.queue.look(100)
        assert {(each.code, each.body["reason"]) for each in found} == {("unreadable", "it is not JSON")}
        assert len({each.id for each in found}) == 13
    assert len(parking.queue.look(4)) == 4
    assert parking.queue.waiting() == 13


def test_they_are_put_back_and_gone_from_the_queue(parking: Parking) -> None:
    parking.park(b"1", LARGE, b"2")

    done = parking.queue.put_back(100)

    assert (done.records, done.gone) == (3, [])
    assert sorted(parking.on_stream()[3:]) == sorted([b"1", LARGE, b"2"])
    assert parking.queue.waiting() == 0


class RefusedAgain:
    """A stream of which every record is parked as soon as it is there."""

    def __init__(self, parking: Parking) -> None:
        self._parking = parking

    def put_record(self, **record: Any) -> None:
        self._parking.park(record["Data"])


def test_what_is_refused_again_is_not_put_back_again_and_again(parking: Parking) -> None:
    parking.park(b"1", b"2")

    done = ParkedQueue(lambda: parking.sqs, lambda: RefusedAgain(parking), parking.url).put_back(100)

    assert (done.records, parking.queue.waiting()) == (2, 2)


def test_only_those_with_a_code_are_put_back_and_the_others_stay(parking: Parking) -> None:
    parking.park(b"1", b"2")
    parking.park(b"3", code="unknown_device")

    assert parking.queue.put_back(100, "unknown_device").records == 1
    assert parking.on_stream()[3:] == [b"3"]
    assert [each.code for each in parking.queue.look(100)] == ["unreadable"] * 2


def test_the_few_with_a_code_are_found_behind_many_with_another(parking: Parking) -> None:
    parking.park(*(b"%d" % number for number in range(25)))
    parking.park(b"last", code="unknown_device")

    assert parking.queue.put_back(1, "unknown_device").records == 1
    assert parking.on_stream()[26:] == [b"last"]
    assert len(parking.queue.look(100)) == 25


def test_a_batch_that_was_given_up_is_read_again_from_the_stream(parking: Parking) -> None:
    parking.give_up(parking.put(b"0", b"1", b"2", b"3")[1:3])

    (found,) = parking.queue.look(10)
    assert (found.code, found.batch["batchSize"]) == (GIVEN_UP, 2)
    assert parking.queue.put_back(10).records == 2
    assert parking.on_stream()[4:] == [b"1", b"2"]


class Trimmed:
    """A stream that dropped its first records, and begins behind them."""

    def __init__(self, stream: Any, count: int) -> None:
        self._stream = stream
        self._count = count
        self.put_record = stream.put_record
        self.get_shard_iterator = stream.get_shard_iterator

    def get_records(self, **place: Any) -> Any:
        page = self._stream.get_records(**place)
        gone, self._count = self._count, 0
        return {**page, "Records": page["Records"][gone:]}


@pytest.mark.parametrize("gone", [1, 2])
def test_a_batch_whose_first_records_the_stream_dropped_stays_and_is_named(parking: Parking, gone: int) -> None:
    parking.give_up(parking.put(b"0", b"1", b"2", b"3")[1:3])
    queue = ParkedQueue(lambda: parking.sqs, lambda: Trimmed(parking.kinesis, gone), parking.url)

    done = queue.put_back(10)

    assert (done.records, [each.code for each in done.gone]) == (2 - gone, [GIVEN_UP])
    assert parking.on_stream()[4:] == [b"1", b"2"][gone:], "what is left of it is on the stream again"
    assert queue.waiting() == 1


class Sparse:
    """A stream whose first page is empty although there is more, as Kinesis' often are."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._pages = 0
        self.put_record = stream.put_record
        self.get_shard_iterator = stream.get_shard_iterator

    def get_records(self, **place: Any) -> Any:
        self._pages += 1
        empty = {"Records": [], "NextShardIterator": place["ShardIterator"], "MillisBehindLatest": 1}
        return empty if self._pages == 1 else self._stream.get_records(**place)


def test_a_page_without_records_is_not_the_end_of_the_stream(parking: Parking) -> None:
    parking.park(LARGE)
    queue = ParkedQueue(lambda: parking.sqs, lambda: Sparse(parking.kinesis), parking.url)

    assert queue.put_back(10).records == 1


def test_a_shard_that_is_no_longer_there_holds_up_no_other_record(parking: Parking) -> None:
    gone = StreamRecord(parking.arn, "shardId-000000000077", "1", "a", START, LARGE)
    SqsParkedRecords(lambda: parking.sqs, parking.url).park([ParkedRecord(gone, "c", "", "acme")])
    parking.park(b"1")

    done = parking.queue.put_back(10)

    assert (done.records, [each.body["shard"] for each in done.gone]) == (1, [gone.shard])


@pytest.mark.parametrize(
    "body",
    [
        "no JSON",
        "[]",
        "{}",
        '{"code":"unreadable"}',
        '{"data":"eA=="}',
        '{"data":"x","partitionKey":"a","source":"s"}',
        '{"data":"eA==","partitionKey":"a"}',
        '{"sequenceNumber":"1"}',
        '{"KinesisBatchInfo":{"shardId":"s"}}',
        '{"KinesisBatchInfo":[1]}',
    ],
)
def test_a_message_that_says_nothing_of_a_record_stays(parking: Parking, body: str) -> None:
    parking.sqs.send_message(QueueUrl=parking.url, MessageBody=body)
    parking.park(b"1")

    done = parking.queue.put_back(10)

    assert (done.records, len(done.gone)) == (1, 1)
    assert parking.queue.waiting() == 1


def test_a_record_that_the_stream_no_longer_has_stays_and_is_named(parking: Parking) -> None:
    parking.park(LARGE)
    parking.kinesis.delete_stream(StreamName="readings")
    parking.kinesis.create_stream(StreamName="readings", ShardCount=1)

    done = parking.queue.put_back(10)

    assert (done.records, [each.code for each in done.gone]) == (0, ["unreadable"])
    assert parking.queue.waiting() == 1


def test_a_stream_that_takes_nothing_is_an_outage_and_loses_nothing(parking: Parking) -> None:
    parking.park(b"1")
    parking.kinesis.delete_stream(StreamName="readings")

    with pytest.raises(StoreUnavailable):
        parking.queue.put_back(10)
    attributes = {"QueueUrl": parking.url, "AttributeNames": ["ApproximateNumberOfMessagesNotVisible"]}
    hidden = parking.sqs.get_queue_attributes(**attributes)["Attributes"]
    assert hidden == {"ApproximateNumberOfMessagesNotVisible": "1"}, "it comes back within a minute"


def test_a_moment_is_read_as_it_was_written(parking: Parking) -> None:
    parking.park(b"1")

    (found,) = parking.queue.look(1)

    assert datetime.fromisoformat(found.body["arrivedAt"]) == START.astimezone(UTC)
