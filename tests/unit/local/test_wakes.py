"""A write wakes whoever reads what it was written to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from tests.support.clocks import PATIENCE, wait_until
from tests.unit.local.conftest import Worker, Write

from banyan_tools.local import queues, streams, wakes
from banyan_tools.local.checkpoints import Checkpoints
from banyan_tools.local.console import Console
from banyan_tools.local.mappings import mappings
from banyan_tools.local.queues import QueueConsumer
from banyan_tools.local.services import create_services
from banyan_tools.local.streams import StreamConsumer
from banyan_tools.local.tables import create_tables
from banyan_tools.local.template import Template
from banyan_tools.local.wakes import Sleeper

TABLE = """
    Table:
      Type: AWS::DynamoDB::Table
      Properties:
        BillingMode: PAY_PER_REQUEST
        AttributeDefinitions: [{AttributeName: key, AttributeType: S}]
        KeySchema: [{AttributeName: key, KeyType: HASH}]
        StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}
    Mapping:
      Type: AWS::Lambda::EventSourceMapping
      Properties: {FunctionName: Worker, EventSourceArn: !GetAtt Table.StreamArn}
"""
QUEUE = """
    Queue: {Type: AWS::SQS::Queue}
    Mapping:
      Type: AWS::Lambda::EventSourceMapping
      Properties: {FunctionName: Worker, EventSourceArn: !GetAtt Queue.Arn}
"""
NAME = "banyan-Table"
ITEM: Any = {"key": {"S": "a"}}
FOREVER = 3600.0


@pytest.fixture(autouse=True)
def nobody_wakes_by_himself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "POLL_SECONDS", dict.fromkeys(streams.POLL_SECONDS, FOREVER))
    monkeypatch.setattr(queues, "POLL_SECONDS", FOREVER)


@pytest.fixture
def consumed(template: Write, console: Console) -> Iterator[Callable[[str], Worker]]:
    """Return a function that consumes what the resources' mapping names, and returns what receives it."""
    started = []

    def start(resources: str) -> Worker:
        loaded, worker = template(resources), Worker()
        consumer = consumer_of(loaded, worker, console)
        running = consumer.running()
        running.__enter__()
        started.append(running)
        if isinstance(consumer, StreamConsumer):
            assert consumer.lag() == 0
        return worker

    yield start
    for running in started:
        running.__exit__(None, None, None)


def consumer_of(template: Template, worker: Worker, console: Console) -> StreamConsumer | QueueConsumer:
    create_tables(template.resources("AWS::DynamoDB::Table"))
    create_services(template)
    (mapping,) = mappings(template)
    if mapping.is_queue:
        return QueueConsumer(mapping, worker, console, threading.Event())
    return StreamConsumer(mapping, worker, Checkpoints(), console, threading.Event())


def names(worker: Worker) -> list[str]:
    return [record["eventName"] for event in worker.events for record in event["Records"]]


def put(client: Any) -> None:
    client.put_item(TableName=NAME, Item=ITEM)


def update(client: Any) -> None:
    red: Any = {"UpdateExpression": "SET colour = :red", "ExpressionAttributeValues": {":red": {"S": "red"}}}
    client.update_item(TableName=NAME, Key=ITEM, **red)


def put_batch(client: Any) -> None:
    client.batch_write_item(RequestItems={NAME: [{"PutRequest": {"Item": ITEM}}]})


def put_in_transaction(client: Any) -> None:
    client.transact_write_items(TransactItems=[{"Put": {"TableName": NAME, "Item": ITEM}}])


def insert_in_a_batch(client: Any) -> None:
    insert = {"Statement": f"INSERT INTO \"{NAME}\" VALUE {{'key': ?}}", "Parameters": [ITEM["key"]]}
    client.batch_execute_statement(Statements=[insert])


WRITES = [put, update, put_batch, put_in_transaction, insert_in_a_batch]


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("write", WRITES)
def test_a_write_of_any_kind_is_heard(template: Write, write: Callable[[Any], None]) -> None:
    create_tables(template(TABLE).resources("AWS::DynamoDB::Table"))
    sleeper = Sleeper(NAME, FOREVER)
    with sleeper.listening():
        write(boto3.client("dynamodb"))
        assert sleeper.is_awake()


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("write", WRITES)
def test_a_write_wakes_the_reader_of_the_tables_stream(
    consumed: Callable[[str], Worker], write: Callable[[Any], None]
) -> None:
    worker = consumed(TABLE)
    write(boto3.client("dynamodb"))
    wait_until(lambda: "INSERT" in names(worker), "the record")
    boto3.client("dynamodb").delete_item(TableName=NAME, Key=ITEM)
    wait_until(lambda: "REMOVE" in names(worker), "the record of the deletion")


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("is_batch", [False, True])
def test_a_message_wakes_the_reader_of_its_queue(consumed: Callable[[str], Worker], is_batch: bool) -> None:
    worker, client = consumed(QUEUE), boto3.client("sqs")
    url = client.get_queue_url(QueueName="banyan-Queue")["QueueUrl"]
    if is_batch:
        client.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "hello"}])
    else:
        client.send_message(QueueUrl=url, MessageBody="hello")
    wait_until(lambda: worker.events, "the message")


@pytest.mark.usefixtures("aws")
def test_neither_another_table_nor_a_refused_write_wakes(template: Write) -> None:
    create_tables(template(TABLE).resources("AWS::DynamoDB::Table"))
    client, other, refused = boto3.client("dynamodb"), Sleeper("another", FOREVER), Sleeper(NAME, FOREVER)
    absent: Any = {"ConditionExpression": "attribute_not_exists(#k)", "ExpressionAttributeNames": {"#k": "key"}}
    with other.listening():
        put(client)
        assert not other.is_awake()
    with refused.listening():
        with pytest.raises(ClientError):
            client.put_item(TableName=NAME, Item=ITEM, **absent)
        assert not refused.is_awake()


@pytest.mark.usefixtures("aws")
def test_a_reader_that_gathers_a_batch_is_left_alone(template: Write) -> None:
    create_tables(template(TABLE).resources("AWS::DynamoDB::Table"))
    sleeper = Sleeper(NAME, FOREVER)
    with sleeper.listening(is_urgent=False):
        put(boto3.client("dynamodb"))
        assert not sleeper.is_awake()


def test_many_writes_cause_few_readings(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    now = 100.0
    monkeypatch.setattr(wakes, "sleep", slept.append)
    monkeypatch.setattr(wakes, "monotonic", lambda: now)
    sleeper = Sleeper("table", FOREVER)
    for _ in range(2):
        sleeper.wake()
        sleeper.wait(found=True)
        now += 0.005

    assert slept == pytest.approx([0.0, wakes.BUSY_SECONDS - 0.005])


@pytest.mark.timeout(PATIENCE)
def test_the_end_is_not_waited_for() -> None:
    sleeper = Sleeper("table", FOREVER)
    with sleeper.listening():
        pass
    sleeper.wait(found=False)
    sleeper.wait(found=False)
