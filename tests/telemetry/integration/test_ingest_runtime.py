"""The ingest function under Lambda's own runtime and its own role."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from banyan_tools.runtime.__main__ import INGESTING
from banyan_tools.runtime.backend import Backend, moto
from banyan_tools.runtime.cases import read_case
from banyan_tools.runtime.emulator import unavailable
from banyan_tools.runtime.sandbox import Sandbox, load_template
from banyan_tools.samples.kinesis_records import STREAM_ARN, kinesis_batch, sequence_number

pytestmark = [
    pytest.mark.runtime,
    pytest.mark.xdist_group("runtime"),
    pytest.mark.skipif(unavailable() is not None, reason=str(unavailable())),
]

SECRET = "card-no-4111"


def record(device: str, *sequences: int) -> bytes:
    readings = [{"at": f"2026-02-05T09:{each:02}:00Z", "value": 20.5 + each, "sequence": each} for each in sequences]
    return orjson.dumps({"deviceId": device, "readings": readings})


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """The fleet of the samples."""
    template = load_template(Domain="telemetry", **INGESTING)
    with moto() as url, Sandbox(template, Backend(url, url), "telemetry") as running:
        yield running


def parked(sandbox: Sandbox) -> list[tuple[str, str, str | None]]:
    """Sequence number, code and stream of each parked record."""
    queues = sandbox.service("sqs")
    url = next(each for each in queues.list_queues()["QueueUrls"] if each.endswith("IngestFailures"))
    found = queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    bodies = [json.loads(each["Body"]) for each in found]
    return sorted((each["sequenceNumber"], each["code"], each["stream"]) for each in bodies)


def commits(sandbox: Sandbox) -> list[Any]:
    asked: Any = {
        "TableName": sandbox.table("EventsTable"),
        "KeyConditionExpression": "#s = :s",
        "ExpressionAttributeNames": {"#s": "stream"},
        "ExpressionAttributeValues": {":s": {"S": "acme:device:boiler-1.2026-02"}},
    }
    return sandbox.client.query(**asked)["Items"]


def test_a_batch_is_one_commit_and_what_is_refused_is_parked_with_its_reason(sandbox: Sandbox) -> None:
    data = [
        record("boiler-1", 1, 2),
        SECRET.encode(),
        gzip.compress(record("boiler-1", 3)),
        record("unknown", 1),
        record("boiler-1", 4),
    ]

    assert sandbox.invoke("ingest", kinesis_batch(*data)) == {"batchItemFailures": []}
    assert len(commits(sandbox)) == 1
    assert parked(sandbox) == [
        (sequence_number(1), "record_not_json", None),
        (sequence_number(3), "device_not_registered", "acme:device:unknown.2026-02"),
    ]

    assert sandbox.invoke("ingest", kinesis_batch(*data[2:3], record("boiler-1", 5), start=2)) == {
        "batchItemFailures": []
    }
    assert len(commits(sandbox)) == 2
    assert SECRET not in sandbox.emulator("ingest").log
    assert '"RecordsParked":[2' in sandbox.emulator("ingest").log.replace(" ", "")


def test_the_operator_reads_a_batch_that_was_given_up_and_puts_it_back(sandbox: Sandbox) -> None:
    stream, streams = STREAM_ARN.rpartition("/")[2], sandbox.service("kinesis")
    streams.create_stream(StreamName=stream, ShardCount=1)
    put = streams.put_record(StreamName=stream, PartitionKey="boiler-1", Data=record("boiler-1", 1))
    give_up(sandbox, put["ShardId"], put["SequenceNumber"])
    asked = read_case("console", "projection")
    path = {"method": "POST", "path": "/admin/ingest/parked/retry"}
    asked["requestContext"]["http"] |= path
    answer = sandbox.invoke("console", asked | {"rawPath": path["path"], "body": "{}"})
    first = streams.get_shard_iterator(StreamName=stream, ShardId=put["ShardId"], ShardIteratorType="TRIM_HORIZON")
    held = streams.get_records(ShardIterator=first["ShardIterator"])["Records"]

    assert answer["statusCode"] == 200, answer
    assert [each["Data"] for each in held] == [record("boiler-1", 1)] * 2


def give_up(sandbox: Sandbox, shard: str, number: str) -> None:
    """Send what Lambda sends when the records of a batch are too old."""
    batch = {"shardId": shard, "startSequenceNumber": number, "endSequenceNumber": number, "streamArn": STREAM_ARN}
    body = {"requestContext": {"condition": "RecordAgeExceeded"}, "KinesisBatchInfo": batch | {"batchSize": 1}}
    queues = sandbox.service("sqs")
    url = next(each for each in queues.list_queues()["QueueUrls"] if each.endswith("IngestFailures"))
    queues.send_message(QueueUrl=url, MessageBody=json.dumps(body))
