"""A Kinesis stream, delivered to functions."""

from __future__ import annotations

import io
import json
import threading
import time
from typing import Any

import boto3
import pytest
from tests.support.clocks import PATIENCE, wait_until
from tests.support.kinesis import ARN, STREAM, client, consuming, create, delivered, mapping, put, settled
from tests.unit.local.conftest import Worker, Write
from werkzeug.test import Client
from werkzeug.wrappers import Request, Response

from banyan_tools.local import delivery, kinesis_shards, streams
from banyan_tools.local.checkpoints import Checkpoints
from banyan_tools.local.console import Console
from banyan_tools.local.errors import StackError
from banyan_tools.local.forwarding import to_kinesis
from banyan_tools.local.functions import LARGEST_PAYLOAD_BYTES, FunctionFailed
from banyan_tools.local.kinesis_shards import LARGEST_READ_BYTES
from banyan_tools.local.mappings import filters, mappings
from banyan_tools.local.services import create_services, create_streams

pytestmark = pytest.mark.usefixtures("aws")
QUEUE = "arn:aws:sqs:eu-central-1:123456789012:failures"
HALF = str(2**127)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "FIRST_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(streams, "POLL_SECONDS", dict.fromkeys(streams.POLL_SECONDS, 3600.0))


def numbered(*places: int, key: str = "a") -> list[tuple[str, bytes]]:
    return [(key, b"%d" % place) for place in places]


def places(worker: Worker) -> list[int]:
    return [int(data) for _, data in delivered(worker.events)]


def poison(event: Any) -> None:
    if any(data == b"poison" for _, data in delivered([event])):
        raise FunctionFailed("ValueError")


def test_records_come_in_order_and_in_lambdas_shape(console: Console) -> None:
    create()
    worker = Worker()
    before = time.time()
    with consuming(mapping(), worker, console) as consumer:
        put(*numbered(0, 1, 2))
        settled(consumer)
    record = worker.events[0]["Records"][0]
    arrived = record["kinesis"].pop("approximateArrivalTimestamp")

    assert places(worker) == [0, 1, 2]
    assert before - 0.001 <= arrived <= time.time()
    assert record == {
        "kinesis": {"kinesisSchemaVersion": "1.0", "partitionKey": "a", "sequenceNumber": "1", "data": "MA=="},
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": "shardId-000000000000:1",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": worker.role,
        "awsRegion": "eu-central-1",
        "eventSourceARN": ARN,
    }


def test_parallel_batches_of_several_shards_keep_the_order_of_each_key(console: Console) -> None:
    create(shards=3)
    worker = Worker()
    keys = [f"device-{number}" for number in range(12)]
    with consuming(mapping(parallelization=4, batch_size=5), worker, console) as consumer:
        for place in range(20):
            put(*((key, b"%d" % place) for key in keys))
        settled(consumer)
    found = delivered(worker.events)

    assert max(len(event["Records"]) for event in worker.events) <= 5
    assert {len({r["eventID"].partition(":")[0] for r in event["Records"]}) for event in worker.events} == {1}
    assert [[int(data) for key, data in found if key == each] for each in keys] == [list(range(20))] * len(keys)


def test_a_shard_that_fails_does_not_hold_up_another(console: Console) -> None:
    create(shards=2)
    worker = Worker(poison)
    low, high = sorted((put((key, b"0"))[0], key) for key in "abcdefgh")[:: len("abcdefgh") - 1]
    with consuming(mapping(), worker, console) as consumer:
        settled(consumer)
        put((low[1], b"poison"), (high[1], b"1"))
        wait_until(lambda: consumer.lag() == 1 and (high[1], b"1") in delivered(worker.events), "the other shard")


@pytest.mark.parametrize("start", ["TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"])
def test_a_mapping_starts_where_it_says(console: Console, start: str) -> None:
    create()
    put(*numbered(1))
    begun = time.time()
    wait_until(lambda: time.time() >= begun + 0.002, "the clock to move on")
    since = time.time()
    if start == "AT_TIMESTAMP":
        put(*numbered(2))
    worker = Worker()
    with consuming(mapping(start=start, start_time=since), worker, console) as consumer:
        settled(consumer)
        put(*numbered(3))
        settled(consumer)

    assert places(worker) == {"TRIM_HORIZON": [1, 3], "LATEST": [3], "AT_TIMESTAMP": [2, 3]}[start]


def test_a_window_gathers_a_batch_from_many_puts(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "POLL_SECONDS", dict.fromkeys(streams.POLL_SECONDS, 0.01))
    create()
    worker = Worker()
    with consuming(mapping(window=60.0, batch_size=3), worker, console):
        for place in range(3):
            put(*numbered(place))
        wait_until(lambda: worker.events, "the batch")

    assert [len(event["Records"]) for event in worker.events] == [3]


def test_an_event_holds_no_more_than_lambda_takes_and_a_reading_no_more_than_kinesis_gives(console: Console) -> None:
    create()
    worker, data = Worker(), bytes(900_000)
    for _ in range(4):
        put(*[("a", data)] * 4)
    answer = client().get_records(ShardIterator=iterator())
    with consuming(mapping(), worker, console) as consumer:
        settled(consumer)

    assert sum(len(record["Data"]) for record in answer["Records"]) <= LARGEST_READ_BYTES
    assert answer["MillisBehindLatest"] > 0
    assert max(len(json.dumps(event)) for event in worker.events) <= LARGEST_PAYLOAD_BYTES
    assert sum(len(event["Records"]) for event in worker.events) == 16


def iterator() -> str:
    place = {"ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"}
    return str(client().get_shard_iterator(StreamName=STREAM, **place)["ShardIterator"])


def test_a_partial_failure_is_delivered_again_from_the_lowest_number(console: Console) -> None:
    create()
    fails = {b"3", b"2"}

    def answer(event: Any) -> Any:
        failed = [
            r["kinesis"]["sequenceNumber"] for r in event["Records"] if delivered([{"Records": [r]}])[0][1] in fails
        ]
        fails.clear()
        return {"batchItemFailures": [{"itemIdentifier": number} for number in reversed(failed)]}

    worker = Worker(answer)
    put(*numbered(0, 1, 2, 3, 4))
    with consuming(mapping(reports_failures=True), worker, console) as consumer:
        settled(consumer)

    assert places(worker) == [0, 1, 2, 3, 4, 2, 3, 4]


def test_a_poisoned_record_ends_alone_in_the_queue_without_its_data(console: Console, screen: io.StringIO) -> None:
    create()
    queues, worker = boto3.client("sqs"), Worker(poison)
    url = queues.create_queue(QueueName="failures")["QueueUrl"]
    put(("a", b"1"), ("a", b"poison"), ("a", b"3"))
    given = mapping(max_retries=1, bisect=True, on_failure=QUEUE)
    with consuming(given, worker, console) as consumer:
        settled(consumer)
    (received,) = queues.receive_message(QueueUrl=url)["Messages"]
    message = json.loads(received["Body"])
    batch = message.pop("KinesisBatchInfo")
    times = [batch.pop("approximateArrivalOfFirstRecord"), batch.pop("approximateArrivalOfLastRecord")]

    assert batch == {
        "shardId": "shardId-000000000000",
        "startSequenceNumber": "2",
        "endSequenceNumber": "2",
        "batchSize": 1,
        "streamArn": ARN,
    }
    assert times[0] == times[1]
    assert message["requestContext"] | {"requestId": ""} == {
        "requestId": "",
        "functionArn": worker.arn,
        "condition": "RetryAttemptsExhausted",
        "approximateInvokeCount": 2,
    }
    assert (message["version"], set(message)) == ("1.0", {"requestContext", "responseContext", "version", "timestamp"})
    assert ("a", b"3") in delivered(worker.events)
    assert "Mapping: 1 record given up: RetryAttemptsExhausted" in screen.getvalue()


def test_filters_look_at_data_that_is_json_and_drop_what_is_not(console: Console) -> None:
    create()
    worker = Worker()
    cold, warm = b'{"value": 3}', b'{"value": 30}'
    matches = filters([{"Pattern": '{"data": {"value": [{"numeric": [">", 20]}]}}'}], "kinesis")
    with consuming(mapping(matches=matches), worker, console) as consumer:
        put(("a", cold), ("a", warm), ("a", b"warm"), ("a", b"\xff"))
        settled(consumer)

    assert delivered(worker.events) == [("a", warm)]


def split() -> None:
    client().split_shard(StreamName=STREAM, ShardToSplit="shardId-000000000000", NewStartingHashKey=HALF)


def merge() -> None:
    names = {"ShardToMerge": "shardId-000000000000", "AdjacentShardToMerge": "shardId-000000000001"}
    client().merge_shards(StreamName=STREAM, **names)


@pytest.mark.parametrize(("reshard", "before"), [(split, 1), (merge, 2)])
def test_children_of_shards_are_read_when_all_of_their_parents_records_are_done(
    console: Console, monkeypatch: pytest.MonkeyPatch, reshard: Any, before: int
) -> None:
    monkeypatch.setattr("banyan_tools.local.shards.SHARDS_SECONDS", 0.0)
    create(shards=before)
    keys, gate = "abcdefgh", threading.Event()

    def hold(event: Any) -> None:
        if b"1" in {data for _, data in delivered([event])}:
            assert gate.wait(PATIENCE)

    worker = Worker(hold)
    parents = {*put(*((key, b"0") for key in keys))}
    with consuming(mapping(), worker, console) as consumer:
        settled(consumer)
        parents |= {*put(*((key, b"1") for key in keys))}
        reshard()
        children = {*put(*((key, b"2") for key in keys))}
        try:
            assert consumer.lag() == len(keys)
            assert b"2" not in {data for _, data in delivered(worker.events)}
        finally:
            gate.set()
        wait_until(lambda: consumer.lag() == 0 and len(delivered(worker.events)) == 24, "the children")
    found = delivered(worker.events)

    assert (len(parents), len(children), parents & children) == (before, 3 - before, set())
    assert [[data for key, data in found if key == each] for each in keys] == [[b"0", b"1", b"2"]] * 8


def test_a_shard_that_is_split_before_it_has_records_ends(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("banyan_tools.local.shards.SHARDS_SECONDS", 0.0)
    create()
    put(*numbered(0))
    split()
    child = client().list_shards(StreamName=STREAM)["Shards"][1]
    ends = [int(child["HashKeyRange"][end]) for end in ("StartingHashKey", "EndingHashKey")]
    middle = str(sum(ends) // 2)
    client().split_shard(StreamName=STREAM, ShardToSplit=child["ShardId"], NewStartingHashKey=middle)
    put(*((key, b"1") for key in "abcdefgh"))

    worker = Worker()
    with consuming(mapping(), worker, console) as consumer:
        wait_until(lambda: consumer.lag() == 0 and len(delivered(worker.events)) == 9, "all records")


def test_numbers_of_streams_in_memory_begin_where_they_are_told_to(console: Console) -> None:
    worker = Worker()
    with kinesis_shards.numbering_after(10**18):
        create()
        put(*numbered(0))
        with consuming(mapping(), worker, console) as consumer:
            settled(consumer)
            put(*numbered(1))
            settled(consumer)
    numbers = [r["kinesis"]["sequenceNumber"] for event in worker.events for r in event["Records"]]

    assert numbers == [str(10**18 + 1), str(10**18 + 2)]


def test_numbers_grow_over_a_split(console: Console) -> None:
    create()
    worker = Worker()
    put(*numbered(0, 1))
    split()
    put(*numbered(2))
    with consuming(mapping(), worker, console) as consumer:
        wait_until(lambda: consumer.lag() == 0 and len(places(worker)) == 3, "all records")
    numbers = [int(r["kinesis"]["sequenceNumber"]) for event in worker.events for r in event["Records"]]

    assert (places(worker), numbers) == ([0, 1, 2], [1, 2, 3])


def test_reading_continues_behind_a_checkpoint(console: Console) -> None:
    create()
    first, second, checkpoints = Worker(), Worker(), Checkpoints()
    with consuming(mapping(), first, console, checkpoints) as consumer:
        put(*numbered(1))
        settled(consumer)
    put(*numbered(2))
    with consuming(mapping(), second, console, checkpoints) as consumer:
        settled(consumer)

    assert (places(first), places(second)) == ([1], [2])


def test_a_shard_forgets_its_oldest_records(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinesis_shards, "HELD_BYTES", 40)
    create()
    early, late = Worker(), Worker()
    with consuming(mapping(), early, console) as consumer:
        for first in range(100, 140, 10):
            put(*numbered(*range(first, first + 10)))
            settled(consumer)
    with consuming(mapping(), late, console) as consumer:
        settled(consumer)

    assert (places(early), places(late)) == ([*range(100, 140)], [*range(130, 140)])


def test_a_record_that_fills_a_shard_alone_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinesis_shards, "HELD_BYTES", 40)
    create()
    put(("a", b"x" * 100))

    assert [each["Data"] for each in _pages(limit=1)[0]["Records"]] == [b"x" * 100]


def test_a_closed_shard_ends_behind_its_last_record() -> None:
    create()
    put(*numbered(0, 1, 2))
    (shard,) = client().list_shards(StreamName=STREAM)["Shards"]
    client().split_shard(StreamName=STREAM, ShardToSplit=shard["ShardId"], NewStartingHashKey=str(2**127))

    pages = _pages(limit=2)

    assert [len(page["Records"]) for page in pages] == [2, 1]
    assert [page.get("NextShardIterator") is None for page in pages] == [False, True]


@pytest.mark.parametrize("end", ["StartingHashKey", "EndingHashKey"])
def test_both_ends_of_a_shards_keys_are_its_own(end: str) -> None:
    create(shards=2)
    for shard in client().list_shards(StreamName=STREAM)["Shards"]:
        place = shard["HashKeyRange"][end]
        took = client().put_record(StreamName=STREAM, PartitionKey="a", ExplicitHashKey=place, Data=b"1")
        assert took["ShardId"] == shard["ShardId"]


def _pages(limit: int) -> list[dict[str, Any]]:
    """Pages of the first shard, as far as they hold records."""
    shard = client().list_shards(StreamName=STREAM)["Shards"][0]["ShardId"]
    place = {"ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
    iterator = client().get_shard_iterator(StreamName=STREAM, **place)["ShardIterator"]
    pages: list[dict[str, Any]] = []
    while iterator:
        page = client().get_records(ShardIterator=iterator, Limit=limit)
        if not page["Records"]:
            break
        pages.append(page)
        iterator = page.get("NextShardIterator")
    return pages


def test_records_that_are_lost_when_it_stops_are_counted(console: Console, screen: io.StringIO) -> None:
    create()
    worker = Worker(poison)
    with consuming(mapping(), worker, console) as consumer:
        put(("a", b"1"), ("a", b"poison"))
        wait_until(lambda: worker.events, "a delivery")
        assert consumer.lag() == 2

    assert "Mapping: 2 records of the Kinesis stream readings were not handled" in screen.getvalue()


def test_a_stream_that_is_not_there_is_waited_for(console: Console, screen: io.StringIO) -> None:
    worker = Worker()
    with consuming(mapping(), worker, console) as consumer:
        assert consumer.lag() == 0
        create()
        put(*numbered(1))
        settled(consumer)

    assert places(worker) == [1]
    assert screen.getvalue().count("waiting for the Kinesis stream readings") == 1


@pytest.mark.parametrize("by", ["StreamName", "StreamARN"])
def test_what_another_process_puts_is_read_at_once(console: Console, by: str) -> None:
    create()
    worker = Worker()
    with consuming(mapping(), worker, console) as consumer:
        assert consumer.lag() == 0
        answer = posted("PutRecord", {by: STREAM if by == "StreamName" else ARN, "PartitionKey": "a", "Data": "MQ=="})
        wait_until(lambda: places(worker) == [1], "the record")
        refused = posted("PutRecord", {"StreamName": "unknown", "PartitionKey": "a", "Data": "MQ=="})

    assert json.loads(answer.data) == {"SequenceNumber": "1", "ShardId": "shardId-000000000000"}
    assert (refused.status_code, json.loads(refused.data)["__type"]) == (400, "ResourceNotFoundException")


def posted(operation: str, body: Any) -> Any:
    headers = {"X-Amz-Target": f"Kinesis_20131202.{operation}", "Content-Type": "application/x-amz-json-1.1"}
    return Client(Request.application(to_kinesis), Response).post("/_local/kinesis", headers=headers, json=body)


RESOURCES = """
    Stream: {Type: AWS::Kinesis::Stream, Properties: {ShardCount: 2}}
    Mapping:
      Type: AWS::Lambda::EventSourceMapping
      Properties:
        FunctionName: Worker
        EventSourceArn: !GetAtt Stream.Arn
        StartingPosition: AT_TIMESTAMP
        StartingPositionTimestamp: 1700000000
"""


def test_a_templates_stream_is_created_and_mapped(template: Write) -> None:
    loaded = template(RESOURCES)
    create_services(loaded)
    create_services(loaded)
    create_streams(["banyan-Stream", "other"])
    (found,) = mappings(loaded)

    assert (found.service, found.source, found.batch_size) == ("kinesis", "banyan-Stream", 100)
    assert found.first_place == {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": 1700000000.0}
    assert [len(client().list_shards(StreamName=name)["Shards"]) for name in ("banyan-Stream", "other")] == [2, 4]


ELSEWHERE = "arn:aws:kafka:eu-central-1:123456789012:cluster/readings/1"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("!GetAtt Stream.Arn", ELSEWHERE), f"not {ELSEWHERE}"),
        (("!GetAtt Stream.Arn", f"{ARN}/consumer/fast:1"), "not .*/consumer/fast:1"),
        (
            ("StartingPosition:", "TumblingWindowInSeconds: 60\n        StartingPosition:"),
            "no tumbling windows: Mapping",
        ),
        (
            (
                "StartingPosition:",
                'FilterCriteria: {Filters: [{Pattern: \'{"partitionKey": ["a"]}\'}]}\n        StartingPosition:',
            ),
            "a pattern for `data`",
        ),
    ],
)
def test_what_is_not_served_is_refused(template: Write, change: tuple[str, str], reason: str) -> None:
    with pytest.raises(StackError, match=reason):
        mappings(template(RESOURCES.replace(*change)))
