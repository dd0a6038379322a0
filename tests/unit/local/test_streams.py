"""A table's stream, delivered to functions."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.support.clocks import PATIENCE, wait_until
from tests.unit.local.conftest import Worker, Write, fail

from banyan_tools.local import delivery, loops, streams
from banyan_tools.local.checkpoints import Checkpoints
from banyan_tools.local.console import Console
from banyan_tools.local.functions import FunctionFailed
from banyan_tools.local.mappings import mappings
from banyan_tools.local.services import create_services
from banyan_tools.local.streams import StreamConsumer
from banyan_tools.local.tables import create_tables
from banyan_tools.local.template import Template

RESOURCES = """
    Failures: {Type: AWS::SQS::Queue}
    Table:
      Type: AWS::DynamoDB::Table
      Properties:
        BillingMode: PAY_PER_REQUEST
        AttributeDefinitions:
          - {AttributeName: key, AttributeType: S}
          - {AttributeName: place, AttributeType: N}
        KeySchema:
          - {AttributeName: key, KeyType: HASH}
          - {AttributeName: place, KeyType: RANGE}
        StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}
    Mapping:
      Type: AWS::Lambda::EventSourceMapping
      Properties:
        FunctionName: Worker
        EventSourceArn: !GetAtt Table.StreamArn
"""


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "FIRST_PAUSE_SECONDS", 0.0)


@pytest.fixture
def created(template: Write) -> Callable[[str], Template]:
    """Return a function that creates the table, the queue and a mapping with more properties."""

    def create(properties: str = "") -> Template:
        loaded = template(RESOURCES + "".join(f"        {line}\n" for line in properties.splitlines()))
        create_tables(loaded.resources("AWS::DynamoDB::Table"))
        create_services(loaded)
        return loaded

    return create


Create = Callable[..., Template]


@contextmanager
def consuming(
    template: Template, worker: Worker, console: Console, checkpoints: Checkpoints | None = None
) -> Iterator[StreamConsumer]:
    (mapping,) = mappings(template)
    consumer = StreamConsumer(mapping, worker, checkpoints or Checkpoints(), console, threading.Event())
    with consumer.running():
        yield consumer


def put(key: str, place: int, **texts: str) -> None:
    item: Any = {"key": {"S": key}, "place": {"N": str(place)}, **{k: {"S": v} for k, v in texts.items()}}
    boto3.client("dynamodb").put_item(TableName="banyan-Table", Item=item)


def settled(consumer: StreamConsumer) -> None:
    wait_until(lambda: consumer.lag() == 0, "the stream to be consumed")


def seen(worker: Worker) -> list[tuple[str, int]]:
    keys = [record["dynamodb"]["Keys"] for event in worker.events for record in event["Records"]]
    return [(key["key"]["S"], int(key["place"]["N"])) for key in keys]


def failures() -> list[Any]:
    client = boto3.client("sqs")
    url = client.get_queue_url(QueueName="banyan-Failures")["QueueUrl"]
    return [json.loads(m["Body"]) for m in client.receive_message(QueueUrl=url).get("Messages", [])]


@pytest.mark.usefixtures("aws")
def test_records_come_in_order_and_in_lambdas_shape(created: Create, console: Console) -> None:
    worker, template = Worker(), created()
    with consuming(template, worker, console) as consumer:
        for place in range(5):
            put("a", place, colour="red")
        settled(consumer)
    record = worker.events[0]["Records"][0]

    assert seen(worker) == [("a", place) for place in range(5)]
    assert (record["eventName"], record["eventSource"]) == ("INSERT", "aws:dynamodb")
    assert record["eventSourceARN"].endswith("table/banyan-Table/stream/latest")
    assert record["dynamodb"]["NewImage"]["colour"] == {"S": "red"}
    assert isinstance(record["dynamodb"]["ApproximateCreationDateTime"], float | int)


@pytest.mark.usefixtures("aws")
def test_a_stream_that_could_not_be_read_in_time_is_not_said_to_be_consumed(
    created: Create, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "LAG_PATIENCE_SECONDS", 0.05)
    read, let_read = StreamConsumer._poll, threading.Event()
    monkeypatch.setattr(StreamConsumer, "_poll", lambda consumer: let_read.wait(PATIENCE) and read(consumer))
    with consuming(created(), Worker(), console) as consumer:
        try:
            assert consumer.lag() == 1
        finally:
            let_read.set()
        monkeypatch.setattr(streams, "LAG_PATIENCE_SECONDS", PATIENCE)
        assert consumer.lag() == 0


@pytest.mark.usefixtures("aws")
def test_a_table_that_is_not_ours_is_waited_for_and_its_stream_read_from_the_beginning(
    created: Create, console: Console, screen: io.StringIO
) -> None:
    worker, template = Worker(), created()
    client = boto3.client("dynamodb")
    description: Any = template.resources("AWS::DynamoDB::Table")[0].properties
    client.delete_table(TableName="banyan-Table")
    with consuming(template, worker, console) as consumer:
        settled(consumer)
        streamless = {name: value for name, value in description.items() if name != "StreamSpecification"}
        client.create_table(**{**streamless, "TableName": "banyan-Table"})
        put("a", 1)
        settled(consumer)
        stream: Any = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
        client.update_table(TableName="banyan-Table", StreamSpecification=stream)
        put("a", 2)
        settled(consumer)
    assert seen(worker) == [("a", 2)]
    assert screen.getvalue().count("waiting for the stream of table banyan-Table") == 1


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(("start", "expected"), [("TRIM_HORIZON", [1, 2]), ("LATEST", [2])])
def test_a_mapping_starts_where_the_template_says(
    created: Create, console: Console, start: str, expected: list[int]
) -> None:
    worker, template = Worker(), created(f"StartingPosition: {start}")
    put("a", 1)
    with consuming(template, worker, console) as consumer:
        settled(consumer)
        put("a", 2)
        settled(consumer)

    assert [place for _, place in seen(worker)] == expected


@pytest.mark.usefixtures("aws")
def test_batches_have_the_templates_size(created: Create, console: Console) -> None:
    worker, template = Worker(), created("BatchSize: 4")
    for place in range(10):
        put("a", place)
    with consuming(template, worker, console) as consumer:
        settled(consumer)

    assert [len(event["Records"]) for event in worker.events] == [4, 4, 2]


@pytest.mark.usefixtures("aws")
def test_a_window_gathers_a_batch(created: Create, console: Console) -> None:
    worker, template = Worker(), created("BatchSize: 3\nMaximumBatchingWindowInSeconds: 60")
    with consuming(template, worker, console):
        for place in range(3):
            put("a", place)
        wait_until(lambda: worker.events, "the batch")

    assert [len(event["Records"]) for event in worker.events] == [3]


@pytest.mark.usefixtures("aws")
def test_filters_leave_records_out(created: Create, console: Console) -> None:
    pattern = '{"dynamodb":{"NewImage":{"colour":{"S":["red"]}}}}'
    worker, template = Worker(), created(f"FilterCriteria: {{Filters: [{{Pattern: '{pattern}'}}]}}")
    with consuming(template, worker, console) as consumer:
        for place, colour in enumerate(["red", "blue", "red"]):
            put("a", place, colour=colour)
        settled(consumer)

    assert seen(worker) == [("a", 0), ("a", 2)]


@pytest.mark.usefixtures("aws")
def test_a_partial_failure_is_delivered_again_from_there_in_order(created: Create, console: Console) -> None:
    fails = ["2"]

    def answer(event: Any) -> Any:
        failed = [r for r in event["Records"] if r["dynamodb"]["Keys"]["place"]["N"] in fails]
        fails.clear()
        return {"batchItemFailures": [{"itemIdentifier": r["dynamodb"]["SequenceNumber"]} for r in failed]}

    worker, template = Worker(answer), created("FunctionResponseTypes: [ReportBatchItemFailures]")
    for place in range(5):
        put("a", place)
    with consuming(template, worker, console) as consumer:
        settled(consumer)

    assert [place for _, place in seen(worker)] == [0, 1, 2, 3, 4, 2, 3, 4]


@pytest.mark.usefixtures("aws")
def test_a_poisoned_record_ends_alone_in_the_queue(created: Create, console: Console, screen: io.StringIO) -> None:
    def answer(event: Any) -> None:
        if any("poison" in record["dynamodb"]["NewImage"] for record in event["Records"]):
            raise FunctionFailed("ValueError")

    worker = Worker(answer)
    template = created(
        "MaximumRetryAttempts: 1\nBisectBatchOnFunctionError: true\n"
        "DestinationConfig: {OnFailure: {Destination: !GetAtt Failures.Arn}}"
    )
    put("a", 1)
    put("a", 2, poison="yes")
    put("a", 3)
    with consuming(template, worker, console) as consumer:
        settled(consumer)
    (message,) = failures()
    batch = message["DDBStreamBatchInfo"]

    assert message["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert message["requestContext"]["approximateInvokeCount"] == 2
    assert message["requestContext"]["functionArn"] == worker.arn
    assert (batch["batchSize"], batch["startSequenceNumber"]) == (1, batch["endSequenceNumber"])
    assert batch["streamArn"].endswith("table/banyan-Table/stream/latest")
    assert batch["shardId"]
    assert ("a", 3) in seen(worker)
    assert "Mapping: 1 record given up: RetryAttemptsExhausted" in screen.getvalue()


@pytest.mark.usefixtures("aws")
def test_a_batch_whose_failure_queue_refuses_is_kept_until_the_queue_takes_it(
    created: Create, console: Console, screen: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loops, "PAUSE_AFTER_ERROR_SECONDS", 0.0)
    worker, checkpoints, queues = Worker(fail), Checkpoints(), boto3.client("sqs")
    template = created("MaximumRetryAttempts: 0\nDestinationConfig: {OnFailure: {Destination: !GetAtt Failures.Arn}}")
    queues.delete_queue(QueueUrl=queues.get_queue_url(QueueName="banyan-Failures")["QueueUrl"])
    with consuming(template, worker, console, checkpoints) as consumer:
        put("a", 1)
        wait_until(lambda: "NonExistentQueue" in screen.getvalue(), "the queue to refuse")
        assert (checkpoints.open, checkpoints.positions()) == (1, {})
        queues.create_queue(QueueName="banyan-Failures")
        settled(consumer)

    assert [message["DDBStreamBatchInfo"]["batchSize"] for message in failures()] == [1]


@pytest.mark.usefixtures("aws")
def test_parallel_batches_keep_the_order_of_each_item(created: Create, console: Console) -> None:
    gate = threading.Barrier(2, timeout=PATIENCE)

    def together(event: Any) -> None:
        if any(record["eventName"] == "INSERT" for record in event["Records"]):
            gate.wait()

    worker, template = Worker(together), created("ParallelizationFactor: 2\nBatchSize: 10")
    for version in "123":
        put("a", 1, version=version)
        put("b", 1, version=version)
    with consuming(template, worker, console) as consumer:
        settled(consumer)
    images = [r["dynamodb"]["NewImage"] for event in worker.events for r in event["Records"]]

    assert [i["version"]["S"] for i in images if i["key"]["S"] == "a"] == ["1", "2", "3"]
    assert [i["version"]["S"] for i in images if i["key"]["S"] == "b"] == ["1", "2", "3"]


@pytest.mark.usefixtures("aws")
def test_a_failing_item_does_not_hold_up_another(created: Create, console: Console) -> None:
    def answer(event: Any) -> None:
        if any(record["dynamodb"]["Keys"]["key"]["S"] == "a" for record in event["Records"]):
            raise FunctionFailed("ValueError")

    worker, template = Worker(answer), created("ParallelizationFactor: 2")
    with consuming(template, worker, console) as consumer:
        put("a", 1)
        put("b", 1)
        wait_until(lambda: consumer.lag() == 1 and ("b", 1) in seen(worker), "b to be handled")


@pytest.mark.usefixtures("aws")
def test_stopping_leaves_what_fails(created: Create, console: Console) -> None:
    worker, template = Worker(fail), created()
    with consuming(template, worker, console):
        put("a", 1)
        wait_until(lambda: worker.events, "a delivery")

    assert failures() == []


@pytest.mark.usefixtures("aws")
def test_reading_continues_behind_the_kept_checkpoint(created: Create, console: Console, tmp_path: Path) -> None:
    first, second, file = Worker(), Worker(), tmp_path / "checkpoints.json"
    template = created()
    with consuming(template, first, console, Checkpoints(file)) as consumer:
        put("a", 1)
        settled(consumer)
    put("a", 2)
    with consuming(template, second, console, Checkpoints(file)) as consumer:
        settled(consumer)

    assert (seen(first), seen(second)) == ([("a", 1)], [("a", 2)])
